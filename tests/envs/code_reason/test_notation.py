"""Every family accepts correct answers in equivalent notation, and rejects wrong ones in any notation."""

import re
from fractions import Fraction

import pytest

from quintain.envs.code_reason.registry import load_task, task_names
from quintain.envs.text.task import sample_problem

TASKS = (*task_names(), *task_names("miniature"))
KEYS = (0, 1)

HARMLESS = {
    "as it is": "{}",
    "white space": " \n{}\t ",
    "bold": "**{}**",
    "bold underscores": "__{}__",
    "italics": "*{}*",
    "backtick": "`{}`",
    "fence": "```\n{}\n```",
    "fence with language": "```text\n{}\n```",
    "tilde fence": "~~~\n{}\n~~~",
    "double quotes": '"{}"',
    "single quotes": "'{}'",
    "smart quotes": "“{}”",
    "single smart quotes": "‘{}’",
    "dollars": "${}$",
    "double dollars": "$${}$$",
    "round math": "\\({}\\)",
    "square math": "\\[{}\\]",
    "boxed": "\\boxed{{{}}}",
    "text": "\\text{{{}}}",
    "boxed text in dollars": "$\\boxed{{\\text{{{}}}}}$",
    "roman": "\\mathrm{{{}}}",
    "full stop": "{}.",
    "bold with full stop": "**{}**.",
    "full stop within bold": "**{}.**",
    "zero width": "\u200b{}\ufeff",
    "unbreakable space": "\u00a0{}\u202f",
    "tag": "<answer>{}</answer>",
    "line breaks of Windows": "\r\n{}\r\n",
}

WRONG = {
    "nothing": "",
    "empty bold": "****",
    "empty box": "\\boxed{{}}",
    "empty dollars": "$$",
    "empty fence": "```\n```",
    "twice": "{0} {0}",
    "or": "{0} or {0}",
    "comma twice": "{0}, {0}, {0}",
    "not": "not {}",
    "anything but": "anything but {}",
    "approximately": "~{}",
    "about": "≈{}",
    "question mark": "{}?",
    "maybe": "maybe {}",
    "percent": "{}%",
    "factorial": "{}!",
    "another digit": "{}7",
    "another digit before": "7{}",
    "exponent": "{}e1",
    "a thousand times": "{}k",
    "mixed": "7\\frac{{{}}}{{3}}",
    "struck out": "~~{}~~",
    "negated": "\\neg {}",
    "square": "{}^2",
    "placeholder": "...",
    "in another form": "({}) / 2",
    "wrapped junk": "**\\boxed{{{}7}}**",
}


def problems(name):
    task = load_task(name)
    for key in KEYS:
        problem = sample_problem(task, "test", key)
        yield task, problem, task.solve(problem)


@pytest.mark.parametrize("name", TASKS)
def test_right_answers_in_equivalent_notation_are_accepted(name):
    for task, problem, answer in problems(name):
        for notation, form in HARMLESS.items():
            score = task.score(problem, form.format(answer))
            assert score.correct, (notation, form.format(answer), score.detail)
            assert score.strict == (notation == "as it is"), notation


@pytest.mark.parametrize("name", TASKS)
def test_wrong_answers_are_wrong_in_every_notation(name):
    for task, problem, answer in problems(name):
        for notation, form in WRONG.items():
            if name == "simple_integration" and notation == "another digit before":
                continue  # a constant of integration
            score = task.score(problem, form.format(answer))
            assert not score.correct, (notation, form.format(answer))


@pytest.mark.parametrize(
    ("name", "notation"),
    [
        ("chain_sum", "{}.0"),
        ("gsm_hard", "${}"),
        ("simple_geometry", "{}°"),
        ("simple_geometry", "{}^\\circ"),
        ("spiral_matrix", "[{}]"),
        ("arc_1d", "np.array([{}])"),
        ("path_star", "({})"),
        ("gcd", "np.int64({})"),
    ],
)
def test_python_output_and_suggested_formats_are_accepted(name, notation):
    for task, problem, answer in problems(name):
        assert task.score(problem, notation.format(answer)).correct, notation.format(answer)


@pytest.mark.parametrize("name", TASKS)
def test_noise_around_an_answer_is_accepted_or_malformed_but_not_wrong(name):
    """Families whose answer may be any text are excluded, since noise is part of such an answer."""
    if name in ("emoji_mystery", "caesar_cipher"):
        pytest.skip("any text may be the answer")
    for task, problem, answer in problems(name):
        for noise in ("I believe that it must be {}, since {}", "§ {} §", "{}\n\nExplanation: see above, where x > 0"):
            score = task.score(problem, noise.format(answer, answer))
            assert score.correct or score.malformed, (noise.format(answer, answer), score.detail)


@pytest.mark.parametrize(
    ("name", "level", "key"),
    [("base_conversion", "medium", 660), ("arc_1d", "hard", 464)],
)
def test_malformed_items_of_the_library_are_drawn_again(name, level, key):
    task = load_task(name, level)
    problem = sample_problem(task, "test", key)
    assert task.score(problem, task.solve(problem)).correct


UNITS = {
    "decimal_chain_sum": lambda q, right: Fraction(1, 10 ** max(len(d) for d in re.findall(r"[0-9]\.([0-9]+)", q))),
    "basic_arithmetic": lambda q, right: Fraction(1),
    "simple_equations": lambda q, right: Fraction(1),
    "simple_geometry": lambda q, right: Fraction(1, 10),
    "gsm_symbolic": lambda q, right: Fraction(1, 100),
    "gsm_hard": lambda q, right: Fraction(1, 100),
    "number_format": lambda q, right: Fraction(1, 1000),
    "power_function": lambda q, right: Fraction(1, 10**5),
    "coin_flip": lambda q, right: right * Fraction(1, 10**11),
    "math_counting_and_probability": lambda q, right: min(Fraction(1), right * Fraction(1, 10**8)),
}


@pytest.mark.parametrize("level", ["easy", "medium", "hard"])
@pytest.mark.parametrize("name", UNITS)
def test_the_smallest_meaningful_difference_is_wrong(name, level):
    task = load_task(name, level)
    for key in range(25):
        problem = sample_problem(task, "test", key)
        right = Fraction(task.solve(problem))
        unit = UNITS[name](problem.prompt, right)
        for wrong in (right + unit, right - unit, right + unit * Fraction(2, 5)):
            text = f"{wrong.numerator}/{wrong.denominator}"
            assert not task.score(problem, text).correct, (right, text)
            if (digits := as_decimal(wrong)) is not None:
                assert not task.score(problem, digits).correct, (right, digits)
        assert task.score(problem, f"{right.numerator}/{right.denominator}").correct
        if 10**-5 < abs(right) < 10**5:
            assert task.score(problem, repr(float(right))).correct, (right, repr(float(right)))


def as_decimal(value):
    for places in range(50):
        if (value * 10**places).denominator == 1:
            digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
            return (
                ("-" if value < 0 else "") + digits[: len(digits) - places] + (f".{digits[-places:]}" if places else "")
            )
    return None


@pytest.mark.parametrize("key", range(25))
def test_decimal_answers_need_twelve_digits_if_the_question_says_so(key):
    task = load_task("decimal_arithmetic")
    problem = sample_problem(task, "test", key)
    right = Fraction(task.solve(problem))
    for error, correct in ((Fraction(6, 10**12), right == 0), (Fraction(1, 10**16), True)):
        value = right * (1 + error)
        assert task.score(problem, f"{value.numerator}/{value.denominator}").correct == correct


def test_a_tiny_probability_is_not_zero():
    task = load_task("coin_flip", {"max_flips": 30})
    problem = sample_problem(task, "test", 4)
    assert not task.score(problem, "0").correct
    assert task.score(problem, repr(float(Fraction(problem.answer)))).correct
