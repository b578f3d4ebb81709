"""Mutation tests of tasks with many correct answers, on generated items.

Every family has a function that mutates a correct answer into wrong ones, each of which violates one constraint, and
into other correct ones. Where all answers can be enumerated, their correctness is computed by a second implementation
of the rules in this file.
"""

import json
import random
import re
from itertools import permutations, product

import numpy as np
import pytest

from quintain.envs.code_reason.reasoning_gym._families import FAMILIES
from quintain.envs.code_reason.registry import load_task, task_names
from quintain.envs.code_reason.symbench._arithmetic import reach_in_order
from quintain.envs.text.task import ExactTask

FEW, MANY = 6, 200
MANY_ANSWERS = [name for name in task_names("symbench") if not isinstance(load_task(name), ExactTask)]
MANY_ANSWERS += [
    *("countdown", "cryptarithm", "graph_color", "jugs", "kakurasu", "mini_sudoku", "palindrome_generation"),
    *("propositional_logic", "quantum_lock", "rubiks_cube", "shortest_path", "sokoban", "survo", "tower_of_hanoi"),
    *("tsumego", "word_ladder"),
]


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


mini_sudoku = standard_sudoku


def cryptarithm(data, gold, rng):
    digits = {letter: int(digit) for letter, digit in re.findall(r"(\w)=(\d)", gold)}

    def adds_up(x):
        *terms, total = [int("".join(str(x[letter]) for letter in word)) for word in data["words"]]
        return sum(terms) == total and all(x[word[0]] for word in data["words"])

    write = lambda x: ", ".join(f"{letter}={digit}" for letter, digit in x.items())  # noqa: E731
    first, second = list(digits)[:2]
    wrong, right = [{**digits, first: digits[second]}, dict(list(digits.items())[1:])], [dict(reversed(digits.items()))]
    for a, digit in product(digits, range(10)):
        holder = next((letter for letter, other in digits.items() if other == digit), None)
        other = {**digits, a: digit} | ({holder: digits[a]} if holder else {})
        (right if adds_up(other) else wrong).append(other)
    return list(map(write, wrong)), list(map(write, right))


def graph_color(data, gold, rng):
    colours = json.loads(gold)
    a, b = map(str, rng.choice(data["edges"]))
    last = str(data["n"] - 1)
    wrong = [
        {**colours, a: colours[b]},
        {**colours, last: data["colours"] + 1},
        {**colours, last: 0},
        {vertex: colour for vertex, colour in colours.items() if vertex != last},
        {**colours, str(data["n"]): 1},
    ]
    turned = {vertex: colour % data["colours"] + 1 for vertex, colour in colours.items()}
    return list(map(json.dumps, wrong)), [json.dumps(turned), ", ".join(f"{v}: {c}" for v, c in colours.items())]


def jugs(data, gold, rng):
    moves = json.loads(gold)
    return [json.dumps(moves[:-1]), json.dumps([*moves, "fill Z"])], [json.dumps(["fill A", "empty A", *moves])]


def kakurasu(data, gold, rng):
    grid = json.loads(gold)
    r, c = rng.randrange(len(grid)), rng.randrange(len(grid[0]))
    flipped = [row[:] for row in grid]
    flipped[r][c] = 1 - grid[r][c]
    two = [row[:] for row in grid]
    two[r][c] = 2
    wrong = [flipped, two, grid[:-1]]
    return list(map(json.dumps, wrong)), ["\n".join(" ".join(map(str, row)) for row in grid)]


def palindrome_generation(data, gold, rng):
    half = gold[: len(gold) // 2]
    centre = gold[len(half) : len(gold) - len(half)]
    other = "".join(rng.sample(half, len(half)))
    letter = next((c for c in gold if c != gold[0]), None)
    wrong = [f"{half}{half[0]}{centre}{half[0]}{half[::-1]}", half + centre]
    if letter:
        i = gold.index(letter)
        wrong.append(letter + gold[1:i] + gold[0] + gold[i + 1 :])
    return [text for text in wrong if text != text[::-1] or len(text) != len(gold)], [f"{other}{centre}{other[::-1]}"]


def propositional_logic(data, gold, rng):
    def write(formula):
        if isinstance(formula, str):
            return formula
        return (
            f"¬{write(formula[1])}" if len(formula) == 2 else f"({write(formula[1])} {formula[0]} {write(formula[2])})"
        )

    p = data["variables"][0]
    wrong = [write(data["premises"][0]), f"{p} ∨ ¬{p}", f"{p} ∧ ¬{p}", f"¬({gold})", f"({gold}) ∧ Z"]
    return wrong, [f"¬¬({gold})", f"({gold}) ∧ ({gold})"]


def quantum_lock(data, gold, rng):
    buttons = {name: rest for name, *rest in data["buttons"]}

    def opens(presses):
        number, red = data["start"], True
        for press in presses:
            operation, operand, colour = buttons[press]
            if colour in ("any", "red" if red else "green"):
                number = {"add": number + operand, "subtract": number - operand, "multiply": number * operand}[
                    operation
                ]
            red = not red
        return number == data["target"]

    length = len(gold.split())
    every = list(product(buttons, repeat=length))
    every = every if len(every) < 300 else rng.sample(every, 300)
    wrong = [" ".join(presses) for presses in every if not opens(presses)]
    return [*wrong, f"{gold} A", " ".join(gold.split()[:-1])], [" ".join(p) for p in every if opens(p)] + [gold.lower()]


def rubiks_cube(data, gold, rng):
    face = rng.choice("ULFRBD")
    return [f"{gold} {face}", f"{gold} {face}2"], [f"{gold} {face} {face}'", f"{gold} {face}2 {face} {face}"]


def shortest_path(data, gold, rng):
    rows = data["rows"]
    if gold == "infeasible":
        return ["up", "down down"], ["INFEASIBLE"]
    steps = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
    start = next((r, row.index("*")) for r, row in enumerate(rows) if "*" in row)

    def arrives(moves):
        r, c = start
        for move in moves:
            r, c = r + steps[move][0], c + steps[move][1]
            if not (0 <= r < len(rows) and 0 <= c < len(rows[0])) or rows[r][c] == "X":
                return False
        return rows[r][c] == "#"

    moves = gold.split()
    right, wrong = (
        [],
        [gold + " " + moves[-1], "infeasible", "left right " + gold, " ".join(moves[:-1]) or "infeasible"],
    )
    for i, other in product(range(len(moves)), steps):
        changed = [*moves[:i], other, *moves[i + 1 :]]
        (right if arrives(changed) else wrong).append(" ".join(changed))
        exchanged = sorted(moves[i : i + 2], reverse=rng.random() < 0.5)
        changed = [*moves[:i], *exchanged, *moves[i + 2 :]]
        (right if arrives(changed) else wrong).append(" ".join(changed))
    return wrong, right


def sokoban(data, gold, rng):
    first = {"L": "R", "R": "L", "U": "D", "D": "U"}
    return [gold + "L" * 20, gold + "U" * 20, first[gold[0]] * 20 + gold], [gold.lower(), " ".join(gold)]


def survo(data, gold, rng):
    grid = json.loads(gold)
    empty = [(r, c) for r, row in enumerate(data["table"]) for c, cell in enumerate(row) if not cell]
    given = next((r, c) for r, row in enumerate(data["table"]) for c, cell in enumerate(row) if cell)
    wrong = []
    for r, c in (empty[0], given):
        changed = [row[:] for row in grid]
        changed[r][c] += 1
        wrong.append(changed)
    for (r, c), (s, d) in product(empty, repeat=2):
        if grid[r][c] != grid[s][d]:
            changed = [row[:] for row in grid]
            changed[r][c], changed[s][d] = grid[s][d], grid[r][c]
            wrong.append(changed)  # the sums of a row or a column change
            break
    return list(map(json.dumps, wrong)), ["\n".join(" ".join(map(str, row)) for row in grid)]


def tower_of_hanoi(data, gold, rng):
    moves = gold.split("\n")
    i, match = next(
        (i, m) for i, line in enumerate(moves) if (m := re.fullmatch(r"Move disk 1 from Peg (\d) to Peg (\d)", line))
    )
    a, b = match.groups()
    c = str(6 - int(a) - int(b))
    detour = [f"Move disk 1 from Peg {a} to Peg {c}", f"Move disk 1 from Peg {c} to Peg {b}"]
    wrong = [moves[:-1], [moves[0], *moves], moves[:i] + detour[1:] + moves[i + 1 :]]
    return ["\n".join(answer) for answer in wrong if answer], ["\n".join([*moves[:i], *detour, *moves[i + 1 :]])]


def tsumego(data, gold, rng):
    rows = data["rows"]
    size = len(rows)
    letters = "ABCDEFGHJKLMNOPQRST"

    def captured(r, c):
        board = {(i, j): rows[i][j] for i in range(size) for j in range(size)} | {(r, c): "X"}
        stones = set()
        for i, j in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
            if board.get((i, j)) != "O":
                continue
            group, todo, free = {(i, j)}, [(i, j)], False
            while todo:
                k, m = todo.pop()
                for point in ((k + 1, m), (k - 1, m), (k, m + 1), (k, m - 1)):
                    free |= board.get(point) == "."
                    if board.get(point) == "O" and point not in group:
                        group.add(point)
                        todo.append(point)
            stones |= set() if free else group
        return len(stones)

    worth = {f"{letters[c]}{size - r}": captured(r, c) for r in range(size) for c in range(size) if rows[r][c] == "."}
    best = max(worth.values())
    return [point for point, count in worth.items() if count < best], [p for p, count in worth.items() if count == best]


def word_ladder(data, gold, rng):
    words = gold.split(", ")
    wrong = [
        [words[0], *words[2:]],
        words[:-1],
        words[1:],
        [*words[:1], "q" * len(words[0]), *words[1:]],
        [*words, words[-2]],
    ]
    return [", ".join(answer) for answer in wrong], [" -> ".join(words)]


def examine(name, count):
    task, rewrite = load_task(name), globals()[name]
    for seed in range(count):
        problem = task.generate(np.random.default_rng([seed, 41]))
        wrong, right = rewrite(problem.data, problem.answer, random.Random(seed))
        assert wrong
        assert right
        for answer in wrong:
            verdict = task.score(problem, answer)
            assert not verdict.correct, (problem, answer)
            assert verdict.detail
        for answer in right:
            verdict = task.score(problem, answer)
            assert verdict.correct, (problem, answer, verdict)


def test_every_task_with_many_answers_has_a_mutation_test():
    ours = set(task_names()) - set(FAMILIES)  # families of the library have one answer each
    many = [name for name in ours if not isinstance(load_task(name), ExactTask)]
    assert sorted(many) == sorted(MANY_ANSWERS)


@pytest.mark.parametrize("name", MANY_ANSWERS)
def test_a_violated_constraint_is_wrong_and_other_solutions_are_right(name):
    examine(name, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("name", MANY_ANSWERS)
def test_a_violated_constraint_is_wrong_and_other_solutions_are_right_on_many_items(name):
    examine(name, MANY)
