"""Expressions and relations: what is read, what it is worth, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quintain.rewards.verification.expressions import Expression, Unreadable, parse_expression, parse_relations
from quintain.rewards.verification.linear_system import LinearSystem


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("2 - 3 - 4", -5), ("12 / 4 / 3", 1), ("2^3^2", 512), ("-2^2", -4)),
        *(("0.1 + 0.2", Fraction(3, 10)), ("1,250.50 * 2", 2501), ("50% * 8", 4), ("2(3 + 4)", 14), ("2^-1", 0.5)),
        *(("7 ÷ 2", 3.5), ("3 × 4 − 1", 11), ("[1 + 1] * 2", 4), ("--3", 3), ("(-2)**2", 4)),
    ],
)
def test_values_are_exact(text: str, value: float) -> None:
    assert parse_expression(text).evaluate() == Fraction(value)


@pytest.mark.parametrize(
    "text",
    ["", "1 +", "(1", "1)", "2 3", "sqrt(4)", "x = 3", "1 ** ", "__import__('os')", "1" * 41, "(" * 60 + "1" + ")" * 60,
     "+".join(["1"] * 300), "17 % 5", "0x10", "1e5", "3 'a'"],
)  # fmt: skip
def test_everything_else_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_expression(text)


@pytest.mark.parametrize("text", ["1 / 0", "0^-1", "2^0.5", "9^9999", "9^999 * 9^999 * 9^999 * 9^999", "x + 1"])
def test_expressions_without_a_bounded_exact_value_have_none(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_expression(text).evaluate()


_numbers = st.integers(0, 99).map(lambda n: Expression("number", value=Fraction(n)))
_trees = st.recursive(
    _numbers | st.sampled_from("xyz").map(lambda name: Expression("name", name=name)),
    lambda parts: (
        st.tuples(st.sampled_from("+-*/"), parts, parts).map(lambda t: Expression(t[0], t[1:]))
        | parts.map(lambda part: Expression("negative", (part,)))
    ),
    max_leaves=12,
)


@given(_trees)
def test_written_expressions_are_read_back(tree: Expression) -> None:
    assert parse_expression(str(tree)) == tree


@given(_trees, st.tuples(*[st.fractions(-9, 9, max_denominator=5)] * 3))
def test_linear_forms_have_the_value_of_their_expression(tree: Expression, numbers: tuple[Fraction, ...]) -> None:
    values = dict(zip("xyz", numbers, strict=True))
    try:
        form, value = tree.linear(), tree.evaluate(values)
    except Unreadable:
        return
    if form is not None:
        assert form.constant + sum(c * values[name] for name, c in form.coefficients.items()) == value


def test_chains_are_relations_of_neighbours() -> None:
    assert [str(r) for r in parse_relations("2x = 8 <= 9 ≠ 3")] == ["2 * x = 8", "8 <= 9", "9 != 3"]
    with pytest.raises(Unreadable):
        parse_relations("3 + 4")


@pytest.mark.parametrize(("text", "truth"), [("10/3 ≈ 3.33", True), ("10/3 ≈ 3.34", False), ("2/3 ≈ 1", True)])
def test_approximations_are_rounded_to_the_printed_decimals(text: str, truth: bool) -> None:
    assert parse_relations(text)[0].holds() is truth


def test_linear_systems_are_solved_exactly() -> None:
    system = LinearSystem(r for text in ("x + y = 10", "x - y = 1/3", "z < 4") for r in parse_relations(text))
    assert system.values == {"x": Fraction(31, 6), "y": Fraction(29, 6)}
    assert [str(r) for r in system.others] == ["z < 4"]
    assert not system.contradictory
    assert LinearSystem(r for text in ("x = 1", "2x = 3") for r in parse_relations(text)).contradictory
