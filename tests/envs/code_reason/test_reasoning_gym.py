"""Families of reasoning-gym: comparison by value, alternative correct answers, and known bugs of the library."""

import json
import random
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from quintain.envs.code_reason import reasoning_gym
from quintain.envs.code_reason.reasoning_gym._families import FAMILIES
from quintain.envs.code_reason.registry import load_task, task_names
from quintain.envs.text.task import Problem

OWN = [name for name in task_names("reasoning_gym") if name not in FAMILIES]


def items(name, count=15, **parameters):
    task = load_task(name, parameters)
    return [(task, task.generate(np.random.default_rng([seed, 19]))) for seed in range(count)]


def item(name, prompt="?", **data):
    return load_task(name), Problem(prompt, "", data)


def complaint(task, problem, answer):
    verdict = task.score(problem, answer if isinstance(answer, str) else json.dumps(answer))
    assert not verdict.correct, (problem, answer)
    assert not verdict.malformed, verdict
    return verdict.detail


# Known bugs of the library's scorers


def test_every_family_is_either_ours_or_the_librarys():
    folder = Path(reasoning_gym.__file__).parent
    modules = {path.stem for path in folder.glob("[a-z]*.py")}
    assert modules == set(OWN)
    assert set(task_names("reasoning_gym")) == modules | set(FAMILIES)
    assert not modules & set(FAMILIES)


def test_our_own_families_need_no_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    monkeypatch.setitem(sys.modules, "sympy", None)
    assert len(OWN) == 33
    for name in OWN:
        task = load_task(name)
        problem = task.generate(np.random.default_rng(0))
        assert task.score(problem, task.solve(problem)).correct


@pytest.mark.parametrize("name", task_names("reasoning_gym"))
def test_the_librarys_scorers_are_never_called(name, monkeypatch):
    library = pytest.importorskip("reasoning_gym")
    task = load_task(name)
    problem = task.generate(np.random.default_rng(4))

    def forbidden(*args, **kwargs):
        raise AssertionError("a scorer of the library was called")

    for base in {
        cls for cls in library.factory.DATASETS.values() for cls in cls[0].__mro__ if "score_answer" in vars(cls)
    }:
        monkeypatch.setattr(base, "score_answer", forbidden)
    monkeypatch.setattr("builtins.eval", forbidden)
    for text in (problem.answer, "__import__('os').getcwd()", "banana", "nan", "0", "-1", "yes"):
        task.score(problem, text)


@pytest.mark.parametrize(
    ("name", "junk"), [("game_of_life_halting", "banana"), ("complex_arithmetic", "nan"), ("coin_flip", "0")]
)
def test_wrong_answers_that_the_library_accepts_are_rejected(name, junk):
    for task, problem in items(name):
        assert not task.score(problem, junk).correct


def test_partially_correct_answers_score_zero():
    for name in ("gcd", "spell_backward", "caesar_cipher"):
        for task, problem in items(name, 5):
            assert not task.score(problem, problem.answer[:-1]).correct
            assert not task.score(problem, problem.answer + "1").correct


# Answers by value


@pytest.mark.parametrize(
    ("name", "rewrite"),
    [
        ("fraction_simplification", lambda a: "$\\dfrac{" + a.replace("/", "}{") + "}$"),
        ("spiral_matrix", lambda a: ", ".join(a.split())),
        ("binary_matrix", lambda a: json.dumps([[int(x) for x in line.split()] for line in a.splitlines()])),
        ("prime_factorization", lambda a: "*".join(reversed(a.split(" × ")))),
        ("group_anagrams", lambda a: json.dumps([group[::-1] for group in json.loads(a)][::-1])),
        ("palindrome_partitioning", lambda a: json.dumps(json.loads(a)[::-1])),
        ("bitwise_arithmetic", lambda a: a.replace("0x", "0X")),
        ("number_sorting", lambda a: a.replace("'", "")),
        (
            "polynomial_multiplication",
            lambda a: " + ".join(reversed(a.replace("- ", "+ -").split(" + "))).replace("+ -", "- "),
        ),
        ("simple_integration", lambda a: a.replace("**", "^").replace(" + C", "")),
        ("complex_arithmetic", lambda a: f"({a})".replace(" ", "")),
        ("polynomial_equations", lambda a: a.strip("[]")),
        ("coin_flip", lambda a: repr(int(a.split("/")[0]) / int(a.split("/")[1]))),
        ("color_cube_rotation", str.upper),
        ("course_schedule", str.lower),
    ],
)
def test_other_ways_to_write_a_right_answer(name, rewrite):
    for task, problem in items(name, 8):
        verdict = task.score(problem, rewrite(problem.answer))
        assert verdict.correct, (problem.answer, rewrite(problem.answer), verdict)


def test_fractions_have_to_be_in_lowest_terms():
    for task, problem in items("fraction_simplification", 8):
        p, q = map(int, problem.answer.split("/"))
        assert not task.score(problem, f"{2 * p}/{2 * q}").correct


def test_any_antiderivative_is_right():
    task, problem = item("simple_integration", integrand=[[0, 4], [2, -9]])
    assert task.score(problem, "-3*x**3 + 4*x + C").strict
    assert task.score(problem, "4x - 3x^3 + 17").correct
    assert task.score(problem, "-9*x**3/3 + 8*x/2").correct
    assert not task.score(problem, "-3*x**3 + 4 + C").correct
    assert task.score(problem, "-3*x**3 + 4*y").malformed


def test_geometry_of_a_right_triangle_equals_hand_computed_values():
    corners = [[0, 0], [4, 0], [0, 3]]
    for asked, answer, others in (
        ("orthocenter", "(0.000, 0.000)", ["(0, 0)", "(0.0004, 0)"]),
        ("inradius", "1.000", ["1", "1.0", "0.9996"]),
        ("angle", "36.870", ["36.87", "36.87°", "36.8698976"]),
    ):
        task, problem = item("advanced_geometry", corners=corners, asked=asked)
        assert task.solve(problem) == answer
        assert task.score(problem, answer).strict
        assert all(task.score(problem, other).correct for other in others)
        assert not any(task.score(problem, wrong).correct for wrong in ("37", "(0, 1)", "(1, 0)", "1.001", "36.8", "0"))
    assert task.score(problem, "(1, 2, 3)").malformed


# Several correct answers


def test_countdown_needs_every_number_once_and_the_exact_value():
    task, problem = item("countdown", numbers=[3, 7, 25], target=46)
    assert task.score(problem, "25 + 3 * 7").correct
    assert task.score(problem, "(7*3)+25").correct
    assert "exactly once" in complaint(task, problem, "46")
    assert "exactly once" in complaint(task, problem, "25 + 7 * 3 + 3 - 3")
    assert "not 46" in complaint(task, problem, "25 * 3 - 7")
    assert task.score(problem, "25 + 3 * 7 = 46").malformed
    assert task.score(problem, "__import__('os').getpid()").malformed


def test_word_ladders_are_checked_step_by_step():
    task, problem = item("word_ladder", start="bat", end="den", words=["bat", "ban", "ben", "den", "dat", "dan", "tan"])
    assert task.score(problem, "bat, ban, ben, den").correct
    assert task.score(problem, "bat -> dat -> dan -> den").correct
    assert task.score(problem, "bat, ban, tan, dan, den").correct
    assert "lead from" in complaint(task, problem, "bat, ban, ben")
    assert "not in the list" in complaint(task, problem, "bat, bet, ben, den")
    assert "exactly one letter" in complaint(task, problem, "bat, ben, den")


def test_conclusions_must_follow_and_need_more_than_one_premise():
    task, problem = item("propositional_logic", variables="PQR", premises=["P", ["→", "P", "Q"], ["∨", "R", "Q"]])
    assert task.score(problem, "Q").correct
    assert task.score(problem, "P & Q").correct
    assert task.score(problem, "¬¬(Q ∧ P)").correct
    assert task.score(problem, "P <-> Q").correct
    assert "does not follow" in complaint(task, problem, "R")
    assert "premise 1 alone" in complaint(task, problem, "P")
    assert "alone" in complaint(task, problem, "P ∨ ¬P")
    assert "premise 2 alone" in complaint(task, problem, "¬P ∨ Q")
    assert "variables" in complaint(task, problem, "Q ∧ Z")
    for text in ("Q ∧", "(Q", "Q)", "PQ", "Q Q", "¬", "()", "¬" * 5000 + "Q", "(" * 5000):
        assert task.score(problem, text).malformed


def test_operator_precedence_of_connectives():
    task = load_task("propositional_logic")
    assert task.parse("P ∨ Q ∧ ¬R") == ["∨", "P", ["∧", "Q", ["¬", "R"]]]
    assert task.parse("P → Q → R") == ["→", "P", ["→", "Q", "R"]]
    assert task.parse("P ↔ Q → R ∨ P") == ["↔", "P", ["→", "Q", ["∨", "R", "P"]]]
    assert task.parse("P ∧ Q ∧ R") == ["∧", ["∧", "P", "Q"], "R"]
    assert task.parse("¬(P ∧ Q)") == ["¬", ["∧", "P", "Q"]]
    assert task.parse(task.render(["→", ["→", "P", "Q"], "R"])) == ["→", ["→", "P", "Q"], "R"]


def test_cryptarithms_accept_any_valid_assignment():
    task, problem = item("cryptarithm", words=["AB", "AC", "DE"])  # 12 + 13 = 25 repeats B; 13 + 14 = 27
    assert task.score(problem, "A=1, B=3, C=4, D=2, E=7").correct
    assert task.score(problem, "A=1, B=4, C=3, D=2, E=7").correct
    assert "same digit" in complaint(task, problem, "A=1, B=2, C=3, D=2, E=5")
    assert "begins with 0" in complaint(task, problem, "A=0, B=3, C=4, D=2, E=7")
    assert "is 27, not 28" in complaint(task, problem, "A=1, B=3, C=4, D=2, E=8")
    assert "expected digits" in complaint(task, problem, "A=1, B=3, C=4, D=2")


def test_graph_colourings_must_be_proper():
    task, problem = item("graph_color", n=3, edges=[[0, 1], [1, 2]], colours=2)
    assert task.score(problem, '{"0": 1, "1": 2, "2": 1}').correct
    assert task.score(problem, "0: 2, 1: 1, 2: 2").correct
    assert "joined" in complaint(task, problem, '{"0": 1, "1": 1, "2": 2}')
    assert "1 to 2" in complaint(task, problem, '{"0": 1, "1": 3, "2": 1}')
    assert "each vertex" in complaint(task, problem, '{"0": 1, "1": 2}')


def test_jugs_accept_any_valid_sequence():
    task, problem = item("jugs", capacities=[3, 5], target=4)
    assert task.score(problem, '["fill B", "pour B->A", "empty A", "pour B->A", "fill B", "pour B->A"]').correct
    assert task.score(
        problem, "['Fill A', 'pour A -> B', 'fill A', 'pour A -> B', 'empty B', 'pour A -> B', 'fill A', 'pour A -> B']"
    ).correct
    assert "hold 0, 5" in complaint(task, problem, ["fill B"])
    assert "no move" in complaint(task, problem, ["fill C"])
    assert "no move" in complaint(task, problem, ["pour A->A"])


def test_grids_must_have_the_given_sums():
    task, problem = item("kakurasu", rows=[1, 2], columns=[1, 2])
    assert task.score(problem, "[[1, 0], [0, 1]]").correct
    assert "sums" in complaint(task, problem, [[0, 1], [1, 0]])
    assert "expected 2 rows" in complaint(task, problem, [[1, 0]])
    task, problem = item("survo", table=[[0, 2], [3, 0]], rows=[3, 7], columns=[4, 6], numbers=[1, 4])
    assert task.score(problem, "1 2\n3 4").correct
    assert "given number" in complaint(task, problem, [[2, 1], [3, 4]])
    assert "rows" in complaint(task, problem, [[4, 2], [3, 1]])
    assert "each once" in complaint(task, problem, [[1, 2], [3, 1]])
    task, problem = item("mini_sudoku", puzzle=[[1, 0, 0, 0], *[[0] * 4 for _ in range(3)]])
    assert task.score(problem, [[1, 2, 3, 4], [3, 4, 1, 2], [2, 1, 4, 3], [4, 3, 2, 1]].__str__()).correct
    assert "given digit" in complaint(task, problem, [[2, 1, 3, 4], [3, 4, 1, 2], [1, 2, 4, 3], [4, 3, 2, 1]])
    assert "repeats" in complaint(task, problem, [[1, 2, 3, 4], [2, 3, 4, 1], [3, 4, 1, 2], [4, 1, 2, 3]])


def test_palindromes_are_any_symmetric_order_of_the_letters():
    task, problem = item("palindrome_generation", letters="abcab")
    assert task.score(problem, "abcba").correct
    assert task.score(problem, "BACAB").correct
    assert "backwards" in complaint(task, problem, "ababc")
    assert "letters" in complaint(task, problem, "abba")


def test_quantum_locks_accept_every_shortest_sequence():
    data = {
        "start": 0,
        "target": 4,
        "buttons": [["A", "add", 2, "any"], ["B", "add", 2, "red"], ["C", "multiply", 2, "green"]],
    }
    task, problem = item("quantum_lock", **data)
    assert task.score(problem, "A A").correct
    assert task.score(problem, "B → A").correct
    assert task.score(problem, "A C").correct
    assert "number is 2" in complaint(task, problem, "A B")  # the light is green by then
    assert "2 are needed" in complaint(task, problem, "C B A")
    assert "no button" in complaint(task, problem, "A Z")


def test_cube_moves_have_the_known_orders():
    task = load_task("rubiks_cube")
    from quintain.envs.code_reason.reasoning_gym.rubiks_cube import _SOLVED, _turn

    def turned(moves):
        cube = _SOLVED
        for move in (turn for word in moves.split() for turn in task.parse(word)):
            cube = _turn(cube, move)
        return cube

    for face in "ULFRBD":
        assert turned(f"{face} {face} {face} {face}") == turned(f"{face} {face}'") == _SOLVED != turned(face)
    for commuting in ("U D U' D'", "L R L' R'", "F B F' B'"):
        assert turned(commuting) == _SOLVED
    assert turned(" ".join(["R U R' U'"] * 6)) == _SOLVED  # the order of the commutator is 6
    assert turned(" ".join(["R U R' U'"] * 3)) != _SOLVED
    assert turned(" ".join(["R U"] * 105)) == _SOLVED  # and that of R U is 105
    assert turned(" ".join(["R U"] * 35)) != _SOLVED
    # F brings the Up face's front row to the Right face's left column.
    cube = turned("F")
    assert cube[27:36][::3] == "WWW"
    assert cube[36:45] == "B" * 9
    assert turned("U2") == turned("U U")


def test_the_cube_is_solved_by_any_moves():
    for task, problem in items("rubiks_cube", 6):
        assert task.score(problem, f"{problem.answer} R U U' R'").correct
        assert "not solved" in complaint(task, problem, f"{problem.answer} R")


def test_shortest_paths_must_be_valid_and_shortest():
    task, problem = item("shortest_path", rows=["*OO", "OXO", "OO#"])
    assert task.score(problem, "right right down down").correct
    assert task.score(problem, "down, down, right, right").correct
    assert "blocked" in complaint(task, problem, "right down down right")
    assert "4 are needed" in complaint(task, problem, "right left right right down down")
    assert "do not end" in complaint(task, problem, "right left right left")
    assert "a path" in complaint(task, problem, "infeasible")
    task, problem = item("shortest_path", rows=["*X#"])
    assert task.score(problem, "infeasible").correct
    assert "no path" in complaint(task, problem, "right right")


def test_sokoban_accepts_any_solution():
    task, problem = item("sokoban", rows=["+++++", "+*@X+", "+---+", "+++++"])
    assert task.score(problem, "R").correct
    assert task.score(problem, "DUR").correct
    assert "blocked" in complaint(task, problem, "U")
    assert "blocked" in complaint(task, problem, "RR")
    assert "not all boxes" in complaint(task, problem, "D")


def test_hanoi_accepts_any_legal_solution():
    task, problem = item("tower_of_hanoi", pegs=[1, 1], target=3)
    right = "Move disk 1 from Peg 1 to Peg 2\nMove disk 2 from Peg 1 to Peg 3\nMove disk 1 from Peg 2 to Peg 3"
    assert task.score(problem, right).correct
    assert task.score(
        problem, "move disk 1 from peg 1 to peg 3\nmove disk 1 from peg 3 to peg 2\n" + right[32:]
    ).correct
    assert "in the way" in complaint(task, problem, "Move disk 2 from Peg 1 to Peg 3")
    assert "cannot go" in complaint(task, problem, "Move disk 1 from Peg 2 to Peg 3")
    assert "in the way" in complaint(task, problem, "Move disk 1 from Peg 1 to Peg 3\nMove disk 2 from Peg 1 to Peg 3")
    assert "right peg" in complaint(task, problem, right[:63])


def test_tsumego_accepts_every_best_capture():
    task = load_task("tsumego", {"size": 5})
    problem = Problem("?", "", {"rows": [".XX..", "XOO..", ".XX..", "XO...", ".X..."]})
    assert task.score(problem, "D4").correct
    assert task.score(problem, "d4").correct
    assert "captures nothing" in complaint(task, problem, "A5")
    two_ways = Problem("?", "", {"rows": [".XX..", "XOO..", ".XX..", "XO.X.", ".X..."]})
    assert "captures 1, another one 2" in complaint(task, two_ways, "C2")
    assert load_task("tsumego", {"size": 9}).parse("J9") == (0, 8)  # there is no column I


def _true(statement, world):
    form, a, b = statement
    both, first = [k for k in world if k[a] and k[b]], [k for k in world if k[a]]
    return {"all": both == first, "no": not both, "some": bool(both), "some_not": both != first}[form]


def test_syllogisms_agree_with_enumeration_of_all_models():
    """Includes the fallacy of the undistributed middle, which the library labels valid."""
    for _, problem in items("syllogism", 30, premises=2):
        kinds = list(product((False, True), repeat=3))
        worlds = [[k for i, k in enumerate(kinds) if bits >> i & 1] for bits in range(2 ** len(kinds))]
        premises = problem.data["premises"]
        valid = all(_true(problem.data["conclusion"], w) for w in worlds if all(_true(p, w) for p in premises))
        assert problem.answer == ("Yes" if valid else "No")
    task, problem = item(
        "syllogism", terms=["a", "b", "c"], premises=[["all", 0, 1], ["all", 2, 1]], conclusion=["all", 0, 2]
    )
    assert task.solve(problem) == "No"


def test_knights_and_knaves_have_one_solution():
    for task, problem in items("knights_knaves"):
        people = problem.data["people"]
        right = [
            roles
            for roles in product((True, False), repeat=len(people))
            if task.score(problem, task.render(dict(zip(people, roles, strict=True)))).correct
        ]
        assert len(right) == 1
        shuffled = problem.answer.split(", ")
        random.Random(1).shuffle(shuffled)
        assert task.score(problem, ", ".join(shuffled)).correct


def test_our_list_functions_give_unambiguous_answers():
    for task, problem in items("list_functions"):
        assert task.solve(problem) == problem.answer
    task, problem = item(
        "list_functions", examples=[[[1, 2, 3], [3, 2, 1]], [[5, 1], [1, 5]]], input=[4, 9, 2], steps=1
    )
    assert task.solve(problem) == "[2, 9, 4]"


def test_time_intervals_and_bf_programs_by_hand():
    task, problem = item("time_intervals", start="2020-02-28 23:59:50", end="2020-03-01 00:00:05", story=0)
    assert task.solve(problem) == "24:00:15"
    hello = "++++++++[>+++++++++++++<-]>.---.+++++++..+++."
    assert load_task("bf").find({"program": hello}) == "hello"
