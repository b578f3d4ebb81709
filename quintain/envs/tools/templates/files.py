"""Tasks for a cabinet of CSV files."""

from __future__ import annotations

from quintain.envs.tools.content import CITIES, after
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.template import Request, TemplateSet, call, number_in
from quintain.envs.tools.toolkits.files import Cabinet

__all__ = ["FILES"]

FILES = TemplateSet("files")


@FILES.add
def total_sales(rng: Draw, files: Cabinet) -> Request:
    """Sum a column."""
    total = sum(map(int, files.column("sales.csv", "sales")))
    return Request(
        "What is the sum of all sales in sales.csv? Answer with the number.",
        [call("files_compute", name="sales.csv", column="sales", function="sum")],
        lambda answer: number_in(answer, total),
        str(total),
    )


@FILES.add
def extreme_age(rng: Draw, files: Cabinet) -> Request:
    """Find the smallest or largest value of a column."""
    which, pick = rng.choice((("youngest", min), ("oldest", max)))
    age = pick(map(int, files.column("members.csv", "age")))
    return Request(
        f"How old is the {which} member in members.csv? Answer with the number.",
        [call("files_compute", name="members.csv", column="age", function="min" if pick is min else "max")],
        lambda answer: number_in(answer, age),
        str(age),
    )


@FILES.add
def look_up_price(rng: Draw, files: Cabinet) -> Request:
    """Look up a value."""
    item, _, price = rng.choice(files.files["inventory.csv"].rows)
    return Request(
        f"According to inventory.csv, what does the item '{item}' cost? Answer with the price.",
        [call("files_filter", name="inventory.csv", column="item", value=item)],
        lambda answer: number_in(answer, float(price)),
        price,
    )


@FILES.add
def who_lives_in(rng: Draw, files: Cabinet) -> Request:
    """List the members of a city."""
    city = rng.choice(files.column("members.csv", "city"))
    names = [name for name, place, _ in files.files["members.csv"].rows if place == city]
    others = set(files.column("members.csv", "name")) - set(names)
    return Request(
        f"Which members in members.csv live in {city}? Answer with their names.",
        [call("files_filter", name="members.csv", column="city", value=city)],
        lambda answer: all(name in answer for name in names) and not any(name in answer for name in others),
        ", ".join(names),
    )


@FILES.add
def append_sale(rng: Draw, files: Cabinet) -> Request:
    """Append a row."""
    row = [after(0), rng.choice(CITIES), str(rng.integer(20, 900))]
    return Request(
        f"Append today's sale to sales.csv: date {row[0]}, city {row[1]}, sales {row[2]}.",
        [call("files_append", name="sales.csv", values=row)],
        lambda answer: files.files["sales.csv"].rows[-1] == tuple(row),
    )


@FILES.add
def restock(rng: Draw, files: Cabinet) -> Request:
    """Change a value by a number."""
    item, stock, _ = rng.choice(files.files["inventory.csv"].rows)
    more = rng.integer(5, 30)
    new = str(int(stock) + more)
    return Request(
        f"{more} pieces of '{item}' were delivered. Correct the stock in inventory.csv.",
        [
            call("files_filter", name="inventory.csv", column="item", value=item),
            call("files_update", name="inventory.csv", key=item, column="stock", value=new),
        ],
        lambda answer: any(row[:2] == (item, new) for row in files.files["inventory.csv"].rows),
    )


@FILES.add
def rows(rng: Draw, files: Cabinet) -> Request:
    """Count the rows of a file."""
    name = rng.choice(list(files.files)).id
    number = len(files.files[name].rows)
    cut = rng.integer(0, 4)
    files.files.change(name, rows=files.files[name].rows[: number - cut])
    return Request(
        f"How many rows has {name}, without the header? Answer with the number.",
        [call("files_names")],
        lambda answer: number_in(answer, number - cut),
        str(number - cut),
    )


@FILES.add
def delete(rng: Draw, files: Cabinet) -> Request:
    """Delete a file."""
    name = rng.choice(list(files.files)).id
    return Request(
        f"Delete the file {name}.",
        [call("files_delete", name=name)],
        lambda answer: name not in files.files,
    )


@FILES.add
def header(rng: Draw, files: Cabinet) -> Request:
    """List the columns of a file."""
    file = rng.choice(list(files.files))
    return Request(
        f"Which columns has {file.id}? List their names.",
        [call("files_columns", name=file.id)],
        lambda answer: all(column in answer for column in file.columns),
        ", ".join(file.columns),
    )


@FILES.add
def best_student(rng: Draw, files: Cabinet) -> Request:
    """Find the row with the largest sum of two columns."""
    file = files.files["grades.csv"]
    sums = {row[0]: int(row[1]) + int(row[2]) for row in file.rows}
    best = [name for name, total in sums.items() if total == max(sums.values())]
    return Request(
        "Who has the best sum of test1 and test2 in grades.csv? Answer with one name.",
        [call("files_read", name="grades.csv")],
        lambda answer: any(name in answer for name in best) and sum(name in answer for name in sums) <= len(best),
        best[0],
    )


@FILES.add
def correct_grade(rng: Draw, files: Cabinet) -> Request:
    """Change a value to another."""
    name, test = rng.choice(files.column("grades.csv", "student")), rng.choice(("test1", "test2"))
    old = files.column("grades.csv", test)[files.column("grades.csv", "student").index(name)]
    grade = str(rng.choice([n for n in range(21) if str(n) != old]))
    return Request(
        f"Correct the grade of {name} in {test} to {grade} in grades.csv.",
        [call("files_update", name="grades.csv", key=name, column=test, value=grade)],
        lambda answer: files.column("grades.csv", test)[files.column("grades.csv", "student").index(name)] == grade,
    )
