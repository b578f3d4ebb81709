"""Constraint tasks of SymBench: alternative solutions are correct, and violating any one constraint is wrong."""

import json
from collections import Counter
from itertools import permutations, product

import numpy as np
import pytest

from quintain.envs.code_reason.registry import load_task
from quintain.envs.code_reason.symbench._arithmetic import reach, reach_in_order, reach_natural
from quintain.envs.text.task import Problem

SEEDS = range(25)


def items(name, seeds=SEEDS, **parameters):
    task = load_task(name, parameters)
    return [(task, task.generate(np.random.default_rng([seed, 11]))) for seed in seeds]


def complaint(task, problem, answer):
    verdict = task.score(problem, answer if isinstance(answer, str) else str(answer))
    assert not verdict.correct, (problem, answer)
    assert not verdict.malformed, verdict
    return verdict.detail


def item(name, prompt="?", **data):
    return load_task(name), Problem(prompt, "", data)


# Arithmetic


def test_game24_accepts_any_expression_and_exact_fractions_only():
    task, problem = item("game24", numbers=[8, 3, 8, 3], target=24)
    assert task.score(problem, "8 / (3 - 8 / 3)").correct
    assert task.score(problem, "((8)/((3)-(8/3)))").correct
    assert "not 24" in complaint(task, problem, "8 * 3 + 8 / 3")
    assert "exactly once" in complaint(task, problem, "8 * 3")
    assert "exactly once" in complaint(task, problem, "8 * 3 * (3 - 3) + 8 + 8 + 8")
    assert "division by zero" in complaint(task, problem, "8 / (3 - 3) * 8")
    assert task.score(problem, "8 / (3 - 8 / 3) = 24").malformed
    assert task.score(problem, "83 - 83 + 24").malformed is False


def test_game24_solver_agrees_with_trying_everything():
    for numbers, possible in (
        ([1, 1, 1, 1], False),
        ([3, 3, 8, 8], True),
        ([1, 5, 5, 5], True),
        ([13, 13, 13, 13], False),
    ):
        assert (reach(numbers, 24) is not None) == possible
    assert reach_natural([3, 3, 8, 8], 24) is None


def test_the_order_of_digits_counts():
    task, problem = item("combinatorial_calculation", numbers=[2, 3, 4], target=10)
    assert task.score(problem, "2*3+4").correct
    assert "in this order" in complaint(task, problem, "4+2*3")
    assert "in this order" in complaint(task, problem, "2*3+4+4-4")
    assert reach_in_order([1, 1, 1], 100) is None


def test_digits_may_not_be_concatenated():
    task, problem = item("combinatorial_calculation", numbers=[1, 2, 2], target=24)
    assert "in this order" in complaint(task, problem, "12*2")


# Boards and grids


def test_eight_queens_in_any_order_and_all_solutions():
    for task, problem in items("eight_queens"):
        squares = json.loads(problem.answer)
        assert task.score(problem, str(squares[::-1])).correct
        board = [[r, c] for r, c in enumerate(next(_queens(problem.data)))]
        assert task.score(problem, str(board)).correct


def _queens(data):
    given, blocked = dict(data["given"]), {tuple(square) for square in data["blocked"]}
    for columns in permutations(range(8)):
        if (
            all(columns[r] == c for r, c in given.items())
            and all((r, c) not in blocked for r, c in enumerate(columns))
            and len({r + c for r, c in enumerate(columns)}) == len({r - c for r, c in enumerate(columns)}) == 8
        ):
            yield columns


def test_eight_queens_constraints_one_by_one():
    task, problem = item("eight_queens", given=[[0, 0]], blocked=[[7, 3]])
    right = [[0, 0], [1, 4], [2, 7], [3, 5], [4, 2], [5, 6], [6, 1], [7, 3]]
    assert "no queen may stand at [7, 3]" in complaint(task, problem, right)
    task, problem = item("eight_queens", given=[[0, 0]], blocked=[])
    assert task.score(problem, str(right)).correct
    mirrored = [[r, 7 - c] for r, c in right]
    assert "the given queen at [0, 0] is missing" in complaint(task, problem, mirrored)
    assert "attack each other" in complaint(task, problem, [*right[:7], [7, 4]])
    assert "attack each other" in complaint(task, problem, [*right[:7], right[0]])
    assert "from 0 to 7" in complaint(task, problem, [*right[:7], [8, 3]])


def test_sudoku_accepts_every_filling():
    for task, problem in items("standard_sudoku", min_blanks=60, max_blanks=64):
        gold, found = problem.answer, task.solve(problem)
        assert task.score(problem, found).correct
        grid = json.loads(gold)
        r, c = next((r, c) for r in range(9) for c in range(9) if problem.data["puzzle"][r][c])
        swapped = [[{grid[r][c]: 10}.get(d, d) for d in row] for row in grid]
        assert "digits run" in complaint(task, problem, swapped)
        a, b = grid[r][c], grid[r][c] % 9 + 1
        renamed = [[{a: b, b: a}.get(d, d) for d in row] for row in grid]
        assert "has changed" in complaint(task, problem, renamed)


def test_sudoku_sees_repeats_in_rows_columns_and_boxes():
    grid = [[(3 * (r % 3) + r // 3 + c) % 9 + 1 for c in range(9)] for r in range(9)]
    task, problem = item("standard_sudoku", puzzle=[[0] * 9] * 9)
    assert task.score(problem, str(grid)).correct
    assert "repeats" in complaint(task, problem, [grid[1], *grid[1:]])
    rows_only = [[(r + c) % 9 + 1 for c in range(9)] for r in range(9)]  # a Latin square, but the boxes repeat
    assert "repeats" in complaint(task, problem, rows_only)


def test_letter_diagram_constraints_one_by_one():
    task, problem = item("letter_logic_diagram", puzzle=[["_"] * 7 for _ in range(7)])
    square = [["abcdefg"[(r + c) % 7] for c in range(7)] for r in range(7)]
    assert task.score(problem, task.render(square)).correct
    assert task.score(problem, "\n".join(" ".join(row) for row in square)).correct
    other = [["abcdefg"[(c - r) % 7] for c in range(7)] for r in range(7)]
    assert "diagonal" in complaint(task, problem, task.render(other))
    assert "repeats" in complaint(task, problem, task.render([square[1], *square[1:]]))
    task, problem = item("letter_logic_diagram", puzzle=[["b", *"______"], *[["_"] * 7 for _ in range(6)]])
    assert "has changed" in complaint(task, problem, task.render(square))


def test_logic_puzzle_constraints_one_by_one():
    task, problem = item("logic_puzzle", grid=[[1, 2, 3], [3, 1, 1], [1, 4, 2]], count=3)
    assert task.score(problem, "[[0, 2], [1, 1], [2, 0]]").correct
    assert task.score(problem, "[[2, 0], [0, 2], [1, 2]]").correct
    assert "choose 3" in complaint(task, problem, "[[0, 2], [1, 1]]")
    assert "twice" in complaint(task, problem, "[[0, 2], [1, 1], [1, 1]]")
    assert "corner" in complaint(task, problem, "[[0, 0], [1, 1], [2, 2]]")
    assert "row 0 adds up to 5" in complaint(task, problem, "[[0, 2], [0, 1], [2, 0]]")
    assert "column 2 adds up to 5" in complaint(task, problem, "[[0, 2], [2, 2], [1, 1]]")
    assert "from 0 to 2" in complaint(task, problem, "[[0, 2], [1, 1], [3, 0]]")


def test_logic_puzzle_products():
    grid = [[5] * 6 for _ in range(6)]
    grid[0][5] = grid[0][0] = grid[1][0] = grid[1][5] = -1
    task, problem = item("logic_puzzle", grid=grid, count=4)
    assert task.score(problem, "[[0, 5], [0, 0], [1, 0], [1, 5]]").correct
    assert "negative" in complaint(task, problem, "[[0, 5], [0, 0], [1, 0], [1, 4]]")
    assert "negative" in complaint(task, problem, "[[0, 5], [2, 1], [3, 2], [4, 3]]")


# Assignments and orders


def test_logical_equation_constraints_one_by_one():
    data = {
        "letters": "ABCD",
        "values": [2, 3, 4, 4],
        "constraints": [["multiple", "C", "A", 2], ["greater", "D", "B", 0]],
    }
    task, problem = item("logical_equation", **data)
    assert task.score(problem, "A=2, B=3, C=4, D=4").correct
    assert task.score(problem, "D=4, C=4, B=3, A=2").correct
    assert "C = 2 * A" in complaint(task, problem, "A=4, B=3, C=2, D=4")
    assert "D > B" in complaint(task, problem, "A=2, B=4, C=4, D=3")
    assert "each once" in complaint(task, problem, "A=2, B=2, C=4, D=4")
    assert "expected a value for each" in complaint(task, problem, "A=2, B=3, C=4")
    assert task.score(problem, "A=2, A=2, B=3, C=4, D=4").malformed


@pytest.mark.parametrize("name", ["permutations_and_combinations", "constrained_linear_arrangement"])
def test_arrangements_are_right_exactly_if_they_meet_all_constraints(name):
    """All arrangements are enumerated and checked against constraints parsed from the question."""
    for task, problem in items(name, range(8)):
        if name == "permutations_and_combinations":
            if len(problem.data["books"]) > 7:
                continue
            candidates = permutations(problem.data["books"])
            right = [list(c) for c in candidates if all(_stands(c, *x) for x in problem.data["constraints"])]
            wrong = next(list(c) for c in permutations(problem.data["books"]) if list(c) not in right)
        else:
            if problem.data["game"] != "stick":
                continue
            mine, results = problem.data["mine"], problem.data["results"]
            every = [list(c) for c in product("ABCD", repeat=len(mine))]
            right = [c for c in every if [_sticks(a, b) for a, b in zip(mine, c, strict=True)] == results]
            wrong = next((c for c in every if c not in right), None)
        assert right
        assert all(task.score(problem, task.render(c)).correct for c in right[:200])
        assert wrong is None or complaint(task, problem, task.render(wrong))


def _sticks(mine, theirs):
    beats = {"A": "B", "B": "C", "C": "D", "D": "A"}
    return "won" if beats[mine] == theirs else "lost" if beats[theirs] == mine else "drew"


def _stands(shelf, kind, x, y):
    i = shelf.index(x) + 1
    if kind in ("at", "not_at"):
        return (i == y) == (kind == "at")
    j = shelf.index(y) + 1
    return {"left": i < j, "right": i > j, "next": abs(i - j) == 1}[kind]


@pytest.mark.parametrize(
    ("game", "mine", "theirs", "result"),
    [
        ("elements", "A", "B", "lost"),
        ("elements", "A", "C", "won"),
        ("elements", "E", "A", "lost"),
        ("elements", "E", "B", "won"),
        ("elements", "C", "A", "lost"),
        ("elements", "B", "A", "won"),
        ("elements", "D", "D", "drew"),
        ("stick", "A", "B", "won"),
        ("stick", "A", "D", "lost"),
        ("stick", "A", "C", "drew"),
        ("animals", "A", "B", "won"),
        ("animals", "H", "A", "won"),
        ("animals", "A", "H", "lost"),
        ("animals", "H", "B", "lost"),
        ("animals", "C", "C", "drew"),
    ],
)
def test_rules_of_the_card_games(game, mine, theirs, result):
    task, problem = item("constrained_linear_arrangement", game=game, mine=[mine], results=[result])
    assert task.score(problem, f"[{theirs}]").correct


def test_animals_do_not_repeat():
    task, problem = item("constrained_linear_arrangement", game="animals", mine=["C", "D"], results=["lost", "lost"])
    assert task.score(problem, "[A, B]").correct
    assert "once" in complaint(task, problem, "[A, A]")


# Plans


def test_blocksworld_longer_plans_count_and_illegal_moves_do_not():
    task, problem = item("blocksworld", start=[["A", "B"], [], []], goal=[["A"], ["B"], []])
    assert task.score(problem, "Move B from 1 to 2").correct
    assert task.score(problem, "move b from 1 to 3\nmove b from 3 to 2").correct
    assert "not on top" in complaint(task, problem, "Move A from 1 to 2")
    assert "not on top" in complaint(task, problem, "Move B from 2 to 1")
    assert "no way" in complaint(task, problem, "Move B from 1 to 4")
    assert "no way" in complaint(task, problem, "Move B from 1 to 1")
    assert "do not end" in complaint(task, problem, "Move B from 1 to 3")


def test_boxlift_constraints_one_by_one():
    task, problem = item("boxlift", weights=[50, 30, 20], capacities=[30, 25], max_steps=2)
    right = [[[0, [0, 1]]], [[1, [0]], [2, [1]]]]
    assert task.score(problem, str(right)).correct
    assert task.score(problem, str(right[::-1])).correct
    assert "too heavy" in complaint(task, problem, [[[0, [0]]], [[1, [0]], [2, [1]]]])
    assert "takes part twice" in complaint(task, problem, [[[0, [0, 1]]], [[1, [0]], [2, [0]]]])
    assert "takes part twice" in complaint(task, problem, [[[0, [0, 0]]], [[1, [0]], [2, [1]]]])
    assert "exactly once" in complaint(task, problem, [[[0, [0, 1]]], [[1, [0]]]])
    assert "exactly once" in complaint(task, problem, [right[0], right[0]])
    assert "2 are allowed" in complaint(task, problem, [[[0, [0, 1]]], [[1, [0]]], [[2, [1]]]])
    assert "no such lifter" in complaint(task, problem, [[[0, [0, 2]]]])
    assert "no box 3" in complaint(task, problem, [[[3, [0, 1]]]])


def test_boxnet_constraints_one_by_one():
    data = {"rows": 1, "columns": 2, "boxes": [["red", 0, 0], ["red", 0, 0]], "targets": [["red", 0, 0], ["red", 0, 1]]}
    task, problem = item("boxnet1", **data)
    right = "[[[0, 0, red, right]], [[0, 0, red, match], [0, 1, red, match]]]"
    assert task.score(problem, right).correct
    assert task.score(problem, right.replace("red", "'red'")).correct
    assert "boxes are left" in complaint(task, problem, "[[[0, 0, red, right]], [[0, 0, red, match]]]")
    assert "two actions" in complaint(task, problem, "[[[0, 0, red, right], [0, 0, red, match]]]")
    assert "no red box" in complaint(task, problem, "[[[0, 1, red, match]]]")
    assert "no red box" in complaint(task, problem, "[[[0, 0, red, right], [0, 1, red, match]]]")  # it arrives later
    assert "no blue box" in complaint(task, problem, "[[[0, 0, blue, match]]]")
    assert "no cell left" in complaint(task, problem, "[[[0, 0, red, left]]]")
    both = "[[[0, 0, red, match]], [[0, 0, red, match]]]"
    assert "no red target" in complaint(task, problem, both)


def test_paths_visit_targets_in_order_and_avoid_obstacles():
    boxes = {"red": ["0.20", "-0.20", "0.40", "0.20"], "blue": ["0.60", "-0.20", "0.80", "0.20"]}
    common = {"boxes": boxes, "start": ["0.00", "0.00"], "end": ["1.00", "0.00"]}
    task, problem = item("path_plan_continuous", **common, visit=["red", "blue"], avoid=[])
    assert task.score(problem, "[[0, 0], [1, 0]]").correct
    assert task.score(problem, "[[0, 0], [0.2, 0.2], [0.6, 0.2], [1, 0]]").correct  # corners touch
    assert "blue" in complaint(task, problem, "[[0, 0], [0.3, 0], [0.3, 1], [1, 1], [1, 0]]")
    assert "begin at the start" in complaint(task, problem, "[[0.1, 0], [1, 0]]")
    assert "finish at the end" in complaint(task, problem, "[[0, 0], [0.9, 0]]")
    assert "leaves the arena" in complaint(task, problem, "[[0, 0], [0.3, 0], [0.7, 0], [2, 0], [1, 0]]")
    task, problem = item("path_plan_continuous", **common, visit=["blue", "red"], avoid=[])
    assert "red" in complaint(task, problem, "[[0, 0], [1, 0]]")
    assert task.score(problem, "[[0, 0], [0.7, 0], [0.3, 0], [1, 0]]").correct
    task, problem = item("path_plan_continuous", **common, visit=["blue"], avoid=["red"])
    assert "touches the red" in complaint(task, problem, "[[0, 0], [1, 0]]")
    assert task.score(problem, "[[0, 0], [0, 0.3], [0.7, 0.3], [0.7, 0], [1, 0]]").correct
    assert "touches the red" in complaint(task, problem, "[[0, 0], [0, 0.2], [0.7, 0.2], [1, 0]]")  # along its edge


# Labels computed by rule


@pytest.mark.parametrize(
    ("hand", "last", "result"),
    [
        ("ABBDDFFHHJJLL", "C", 2),  # A B B C: the duplicate does not hide the run
        ("BBACFFHHJJLLN", "B", 1),  # a triplet goes before a run
        ("ACEGIKMOQSUWY", "B", 2),
        ("ACEGIKMOQSUWY", "Z", 0),
        ("YAEGIKMOQSUWC", "Z", 0),  # the alphabet does not wrap around
        ("XYEGIKMOQSUWC", "Z", 2),
        ("XXEGIKMOQSUWC", "X", 1),
    ],
)
def test_mahjong_results(hand, last, result):
    task = load_task("mahjong_pattern")
    assert task.find({"hand": hand, "rounds": [], "last": last}) == result


def test_mahjong_results_are_balanced():
    answers = Counter(problem.answer for _, problem in items("mahjong_pattern", range(150)))
    assert min(answers["0"], answers["1"], answers["2"]) >= 25


def test_rotation_and_pooling_agree_with_numpy():
    for _, problem in items("matrix_transformation"):
        assert np.rot90(np.array(problem.data["matrix"]), -1).tolist() == eval(problem.answer)  # our own answer
    for _, problem in items("pooling"):
        windows = np.lib.stride_tricks.sliding_window_view(
            np.array(problem.data["matrix"]), (problem.data["window"],) * 2
        )
        pooled = windows.max((2, 3)) if problem.data["pooling"] == "max" else windows.mean((2, 3)) // 1
        assert pooled.astype(int).tolist() == json.loads(problem.answer)


def test_pattern_tasks_give_hand_computed_answers():
    assert load_task("statistical_counting").find({"letters": "ABC", "string": "AABBBCACC"}) == 1 + 2 + 3
    assert load_task("string_insertion").find({"string": "ABCDEABC"}) == "ABCDAEBACBDCE"
    game = load_task("game_2048")
    assert game.find({"grid": [[2, 2], [0, 4]], "start": [0, 0], "moves": "rdl"}) == [[0, 0], [8, 0]]
    assert game.find({"grid": [[2, 4], [0, 0]], "start": [0, 0], "moves": "rud"}) == [[0, 4], [2, 0]]
    reversi = load_task("reversi")
    board = [list("****"), list("*01*"), list("*10*"), list("****")]
    after = reversi.find({"board": board, "moves": [[0, 1]], "first": 0})
    assert after == [list("*1**"), list("*11*"), list("*10*"), list("****")]


def test_exchange_rules_differ_between_the_three_stories():
    recipes = [[{"A": 1}, {"X": 1}], [{"A": 2}, {"Y": 1}]]
    start = {"A": 5, "B": 0, "X": 0, "Y": 0}
    once = load_task("synthesis_decomposition").find({"start": start, "recipes": recipes})
    assert once == [0, 0, 3, 1]  # X, Y, X, then X: five A
    blocks = dict.fromkeys(("[A]", "[B]", "[C]", "{A}", "{B}", "{C}", "(A)", "(B)", "(C)"), 0) | {"[A]": 5}
    recipes = [[{"[A]": 1}, {"[B]": 1}], [{"[A]": 2}, {"[C]": 1}]]
    assert load_task("string_synthesis").find({"start": blocks, "recipes": recipes})[:3] == [0, 5, 0]


def test_cryptanalysis_leaves_one_code():
    from quintain.envs.code_reason.symbench.cryptanalysis import _judge

    for _, problem in items("cryptanalysis", range(6)):
        fitting = [
            a + b
            for a in map("".join, permutations("0123456789", 2))
            if all(list(_judge(guess[:2], a)) == feedback[0] for guess, feedback in problem.data["guesses"])
            for b in map("".join, permutations(problem.data["letters"], 2))
            if all(list(_judge(guess[2:], b)) == feedback[1] for guess, feedback in problem.data["guesses"])
        ]
        assert fitting == [problem.answer]
