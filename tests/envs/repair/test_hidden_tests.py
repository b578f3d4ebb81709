"""Hidden tests are split: no right side is in what the child runs, and only what is right passes."""

import pytest

from quintain.envs.repair.hidden_tests import split_tests
from quintain.envs.repair.packages import load_package, package_names
from quintain.errors import ConfigurationError

SOURCE = """
import pytest
from pkg import f

def test_values():
    x = f(41)
    assert x == "secret-42"
    assert f(1) + 1 == 2.5

def test_errors():
    with pytest.raises(KeyError):
        f("bad")
    assert f(0) == (0, None)
"""


def test_the_program_of_the_child_holds_no_right_side():
    hidden = split_tests(SOURCE)
    assert hidden.names == ("test_values", "test_errors")
    for secret in ("secret-42", "2.5", "KeyError", "None", "assert"):
        assert secret not in hidden.program
    assert "f(41)" in hidden.program


def test_a_test_passes_only_with_all_right_values_and_exceptions():
    values, errors = split_tests(SOURCE).tests
    assert values.first_failure(["secret-42", 2.5], None) is None
    assert values.first_failure(["secret-42", 2], None) == 1
    assert values.first_failure(["secret-42"], ["ValueError: x", []]) == 1
    assert values.first_failure(["secret-42", 2.5], ["ValueError: x", []]) == 2, "an error after the last assertion"
    assert errors.first_failure([["KeyError", "LookupError"], (0, None)], None) is None
    assert errors.first_failure([None, (0, None)], None) == 0, "nothing was raised"
    assert errors.first_failure([["ValueError"], (0, None)], None) == 0
    assert errors.first_failure([["KeyError"], [0, None]], None) == 1, "a list is no tuple"
    assert values.first_failure([], None) == 0


def test_setup_and_left_side_are_kept_for_issues():
    check = split_tests(SOURCE).tests[0].checks[0]
    assert (check.setup, check.source, check.expected) == ("x = f(41)", "x", "secret-42")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("assert f(1)", "not `EXPRESSION == LITERAL`"),
        ("assert f(1) == g(1)", "not a literal"),
        ("for x in [1]:\n        assert f(x) == 1", "inside another statement"),
        ("assert f(1) == True", "no truth value"),
        ("pass", "no truth value"),
    ],
)
def test_tests_that_cannot_be_split_or_can_be_guessed_are_refused(body, why):
    with pytest.raises(ConfigurationError, match=why):
        split_tests(f"def test_x():\n    {body}\n")


@pytest.mark.parametrize("name", package_names())
def test_a_base_package_has_modules_visible_tests_and_enough_hidden_ones(name):
    package = load_package(name)
    assert 2 <= len(package.modules) <= 5
    lines = sum(package.files[path].count("\n") for path in package.modules)
    assert 50 <= lines <= 220
    assert len(package.hidden.tests) >= 8
    assert package.files["tests/test_visible.py"].count("\ndef test_") >= 2
    assert "".join(package.files.values()).isascii()
    for test in package.hidden.tests:
        assert test.name not in package.files["tests/test_visible.py"]
