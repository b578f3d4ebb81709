"""Wrong and other right answers to items of SymBench, made from the right answer."""

import json
import re
from itertools import permutations, product

import numpy as np

from quintain.envs.code_reason.symbench._arithmetic import reach_in_order


def arithmetic(data, gold, rng, *, ordered=False):
    numbers, target = data["numbers"], data["target"]
    wrong = [f"({gold}) * {target} / {target}", f"({gold}) + {numbers[0]} - {numbers[0]}", str(target)]
    sums = [" + ".join(map(str, numbers)), " * ".join(map(str, numbers))]
    wrong += [text for text, value in zip(sums, (sum(numbers), np.prod(numbers)), strict=True) if value != target][:1]
    if ordered:
        orders = list(dict.fromkeys(permutations(numbers)))[:24]
        others = [reach_in_order(order, target) for order in orders if list(order) != numbers]
        wrong += [text for text in others if text]
    return wrong, [f"(({gold}))", gold.replace(" ", "")]


def combinatorial_calculation(data, gold, rng):
    return arithmetic(data, gold, rng, ordered=True)


game24 = countdown = arithmetic


def blocksworld(data, gold, rng):
    moves = gold.split("\n")
    block, start, end = re.fullmatch(r"Move (\w) from (\d) to (\d)", moves[-1]).groups()
    back, forth = f"Move {block} from {end} to {start}", f"Move {block} from {start} to {end}"
    wrong = [
        moves[:-1],
        [*moves, back],
        [*moves, f"Move {block} from {end} to 9"],
        [*moves, forth],
        [forth, *moves][1:0],
    ]
    return ["\n".join(answer) for answer in wrong if answer], ["\n".join([*moves, back, forth])]


def boxlift(data, gold, rng):
    steps = json.loads(gold)
    wrong = [[*steps, [steps[0][0]]] if len(steps) < data["max_steps"] else [[*steps[0][1:]], *steps[1:]]]
    wrong.append(
        [
            [[box, [*lifters, lifters[0]]] if i == 0 else [box, lifters] for i, (box, lifters) in enumerate(step)]
            for step in steps
        ]
    )
    for i, step in enumerate(steps):
        for j, (box, lifters) in enumerate(step):
            if sum(data["capacities"][lifter] for lifter in lifters[1:]) < data["weights"][box]:
                weak = [*step[:j], [box, lifters[1:]], *step[j + 1 :]]
                wrong.append([*steps[:i], weak, *steps[i + 1 :]])
    assignments = [[assignment] for step in steps for assignment in step]
    if len(assignments) > data["max_steps"]:
        wrong.append(assignments)
    return list(map(json.dumps, wrong)), [json.dumps(steps[::-1])]


def boxnet1(data, gold, rng):
    steps = json.loads(re.sub(r"\b([a-z]+)\b", r'"\1"', gold))
    wrong = [steps[:-1], [[*steps[0], steps[0][0]], *steps[1:]], [*steps, steps[-1]]]
    return [json.dumps(answer) for answer in wrong if answer], [json.dumps(steps)]


def constrained_linear_arrangement(data, gold, rng):
    pieces = {"animals": "ABCDEFGH", "stick": "ABCD", "elements": "ABCDE"}[data["game"]]
    beats = {
        "stick": {"AB", "BC", "CD", "DA"},
        "elements": {"AC", "BD", "CE", "DA", "EB"} | {"BA", "CB", "DC", "ED", "AE"},
        "animals": {a + b for a, b in product(pieces, repeat=2) if a < b} - {"AH"} | {"HA"},
    }

    def result(a, b):
        return "won" if a + b in beats[data["game"]] else "lost" if b + a in beats[data["game"]] else "drew"

    names = gold.strip("[]").split(", ")
    right, wrong = [], []
    for i, piece in product(range(len(names)), pieces):
        other = [*names[:i], piece, *names[i + 1 :]]
        fits = [result(a, b) for a, b in zip(data["mine"], other, strict=True)] == data["results"]
        fits = fits and (data["game"] != "animals" or len(set(other)) == len(other))
        (right if fits else wrong).append(f"[{', '.join(other)}]")
    return wrong, right


def eight_queens(data, gold, rng):
    squares = json.loads(gold)
    free = [i for i, square in enumerate(squares) if square not in data["given"]]
    i = rng.choice(free)
    row, column = squares[i]
    others = squares[:i] + squares[i + 1 :]
    wrong = [others, [*others, others[0]], [*others, [row, (column + 1) % 8]], [*others, [row, 8]]]
    return list(map(json.dumps, wrong)), [json.dumps(rng.sample(squares, 8))]


def swapped(grid, a, b):
    return [[{a: b, b: a}.get(cell, cell) for cell in row] for row in grid]


def letter_logic_diagram(data, gold, rng):
    grid = [re.findall(r"[a-g]", row) for row in gold[1:-1].split("],")]
    given = next(cell for row in data["puzzle"] for cell in row if cell != "_")
    renamed = swapped(grid, given, "b" if given != "b" else "c")  # still a square with one letter on the diagonal
    repeated = [grid[1], *grid[1:]]
    cell = [row[:] for row in grid]
    cell[0][6] = "a" if cell[0][6] != "a" else "b"
    wrong = [renamed, repeated, cell, grid[:6], [row[:6] for row in grid]]
    return [json.dumps(answer) for answer in wrong], ["\n".join(" ".join(row) for row in grid)]


def logic_puzzle(data, gold, rng):
    cells = json.loads(gold)
    size = len(data["grid"])
    corner = [cell for cell in cells if cell != [0, size - 1]]
    free = [[r, c] for r, c in product(range(size), repeat=2) if [r, c] not in cells]
    wrong = [cells[:-1], [*corner[:-1], [0, size - 1], corner[0]], [*cells[:-1], [0, size]]]
    wrong += [[*corner, free[0]]] if free else []
    return list(map(json.dumps, wrong)), [json.dumps(rng.sample(cells, len(cells)))]


def logical_equation(data, gold, rng):
    values = {letter: int(value) for letter, value in re.findall(r"(\w)=(\d+)", gold)}

    def holds(x):
        forms = {
            "multiple": lambda a, b, c: x[a] == c * x[b],
            "difference": lambda a, b, c: x[a] - x[b] == c,
            "sum": lambda a, b, c: x[a] + x[b] == c,
            "greater": lambda a, b, c: x[a] > x[b],
        }
        return all(forms[kind](a, b, c) for kind, a, b, c in data["constraints"])

    wrong, right = [{**values, "A": values["A"] + 1000}], [dict(reversed(values.items()))]
    for a, b in rng.sample(list(product(values, repeat=2)), 20):
        other = {**values, a: values[b], b: values[a]}
        (right if holds(other) else wrong).append(other)
    wrong.append({**values, "A": values["B"]} if values["A"] != values["B"] else {**values, "A": 0})
    write = lambda x: ", ".join(f"{letter}={value}" for letter, value in x.items())  # noqa: E731
    return list(map(write, wrong)), list(map(write, right))


def path_plan_continuous(data, gold, rng):
    points = json.loads(gold)
    wrong = [points[1:] if points[1] != points[0] else points[2:], points[:-1], [points[0], [5, 5], *points[1:]]]
    for colour in data["avoid"]:
        left, bottom, right, top = map(float, data["boxes"][colour])
        wrong.append([points[0], [(left + right) / 2, (bottom + top) / 2], *points])
    middle = [(a + b) / 2 for a, b in zip(points[0], points[1], strict=True)]
    return list(map(json.dumps, wrong)), [json.dumps([points[0], middle, *points[1:]])]


def permutations_and_combinations(data, gold, rng):
    shelf = gold.strip("[]").split(", ")

    def broken(books):
        place = {book: i + 1 for i, book in enumerate(books)}
        holds = {
            "at": lambda x, y: place[x] == y,
            "not_at": lambda x, y: place[x] != y,
            "left": lambda x, y: place[x] < place[y],
            "right": lambda x, y: place[x] > place[y],
            "next": lambda x, y: abs(place[x] - place[y]) == 1,
        }
        return sum(not holds[kind](x, y) for kind, x, y in data["constraints"])

    right, wrong = [], [shelf[:-1], [*shelf[:-1], shelf[0]]]
    for i, j in product(range(len(shelf)), repeat=2):
        other = shelf[:]
        other[i], other[j] = other[j], other[i]
        if broken(other) <= 1:
            (wrong if broken(other) else right).append(other)
    write = lambda books: f"[{', '.join(books)}]"  # noqa: E731
    return list(map(write, wrong)), list(map(write, right))


def standard_sudoku(data, gold, rng):
    grid = json.loads(gold)
    given = next(cell for row in data["puzzle"] for cell in row if cell)
    wrong = [swapped(grid, given, given % len(grid) + 1), [grid[1], *grid[1:]], [[0, *grid[0][1:]], *grid[1:]]]
    r, c = next((r, c) for r, row in enumerate(data["puzzle"]) for c, cell in enumerate(row) if not cell)
    changed = [row[:] for row in grid]
    changed[r][c] = grid[r][c] % len(grid) + 1
    return list(map(json.dumps, [*wrong, changed])), ["\n".join(" ".join(map(str, row)) for row in grid)]
