"""Wrong and other right answers to the puzzles of the other suites, made from the right answer."""

import json
import re
from itertools import product

from tests.envs.code_reason.symbench_mutations import standard_sudoku

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
