"""Every family accepts its right answers in harmless notation, and no notation makes a wrong answer right."""

import pytest

from quintain.envs.code_reason.registry import load_task, task_names
from quintain.envs.text.task import sample_problem

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


@pytest.mark.parametrize("name", task_names())
def test_right_answers_in_harmless_notation(name):
    for task, problem, answer in problems(name):
        for notation, form in HARMLESS.items():
            score = task.score(problem, form.format(answer))
            assert score.correct, (notation, form.format(answer), score.detail)
            assert score.strict == (notation == "as it is"), notation


@pytest.mark.parametrize("name", task_names())
def test_no_notation_makes_a_wrong_answer_right(name):
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
def test_what_programs_print_and_questions_suggest(name, notation):
    for task, problem, answer in problems(name):
        assert task.score(problem, notation.format(answer)).correct, notation.format(answer)


@pytest.mark.parametrize("name", task_names())
def test_noise_around_an_answer_is_read_or_unreadable_but_not_wrong(name):
    """Forms that take any text are left to the families whose answer may be any text."""
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
def test_items_that_the_library_draws_badly_are_drawn_again(name, level, key):
    task = load_task(name, level)
    problem = sample_problem(task, "test", key)
    assert task.score(problem, task.solve(problem)).correct
