from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quintain.envs.text.answers import (
    parse_expression,
    parse_grid,
    parse_integer,
    parse_integer_grid,
    parse_integers,
    parse_list,
    parse_number,
    parse_option,
)
from quintain.envs.text.task import Malformed


@pytest.mark.parametrize(("text", "value"), [("7", 7), ("-7", -7), ("+7", 7), ("1,234,567", 1234567), ("−3", -3)])
def test_integers_are_parsed(text, value):
    assert parse_integer(text) == value


@pytest.mark.parametrize(
    "text", ["", "7.1", "7.0.0", "1,23", "1_000", "٣", "²", "0x10", "1e3", "9" * 61, "7 8", "--7", "nan"]
)
def test_invalid_integers_are_malformed(text):
    with pytest.raises(Malformed):
        parse_integer(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", Fraction(1, 10)),
        (".5", Fraction(1, 2)),
        ("-3/4", Fraction(-3, 4)),
        ("1.5e-3", Fraction(3, 2000)),
        ("1,234.5", Fraction(2469, 2)),
        ("12", Fraction(12)),
    ],
)
def test_numbers_are_parsed_exactly(text, value):
    assert parse_number(text) == value


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-inf", "1/0", "1e400", "1e999999999", ".", "1.", "1/2/3", "1.5/2", "½"]
)
def test_invalid_numbers_are_malformed(text):
    with pytest.raises(Malformed):
        parse_number(text)


def test_lists_may_leave_out_quotes_and_commas():
    assert parse_list("[[a, 'b c'], (\"d\" e)]") == [["a", "b c"], ["d", "e"]]
    assert parse_list("[1, 2,]") == ["1", "2"]
    assert parse_integers("1, 2, -3") == [1, 2, -3]
    assert parse_integer_grid("[[1 2]\n [3 4]]") == [[1, 2], [3, 4]]
    assert parse_grid("a b\n\nc d\n") == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize(
    "text", ["", "[", "]", "[1", "[1]]", "[1)", "[,]", "[1,,2]", "[1][2]", "x", "[" * 9 + "]" * 9, "['a]"]
)
def test_invalid_lists_are_malformed(text):
    with pytest.raises(Malformed):
        parse_list(text)


def test_options_ignore_letter_case_only():
    assert parse_option("tRUE", ("True", "False")) == "True"
    with pytest.raises(Malformed):
        parse_option("True False", ("True", "False"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8 / (3 - 8 / 3)", 24),
        ("2 + 3 * 4 - 6 / 3", 12),
        ("10 - 3 - 2", 5),
        ("16 / 4 / 2", 2),
        ("((((7))))", 7),
        ("2 × 3 ÷ 4", Fraction(3, 2)),
    ],
)
def test_expressions_have_exact_values(text, value):
    assert parse_expression(text).value == value


def test_an_expression_lists_its_numbers_in_order():
    expression = parse_expression("(3-1)*12")
    assert expression.numbers == (3, 1, 12)
    assert expression.text == "(3 - 1) * 12"
    assert parse_expression(expression.text) == expression
    assert parse_expression("1/(2-2)").value is None


@pytest.mark.parametrize(
    "text",
    ["", "1 +", "+ 1", "-1", "1 2", "(1", "1)", "2 ** 3", "2 // 3", "1 = 1", "a", "1.5", "()", "9" * 10, "(" * 401],
)
def test_invalid_expressions_are_malformed(text):
    with pytest.raises(Malformed):
        parse_expression(text)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.recursive(st.integers(0, 99), lambda e: st.tuples(e, st.sampled_from("+-*/"), e), max_leaves=12))
def test_expressions_evaluate_as_in_python(tree):
    def write(node):
        return str(node) if isinstance(node, int) else f"({write(node[0])} {node[1]} {write(node[2])})"

    def value(node):
        if isinstance(node, int):
            return Fraction(node)
        a, operator, b = value(node[0]), node[1], value(node[2])
        if a is None or b is None or (operator == "/" and b == 0):
            return None
        return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b}[operator]()

    assert parse_expression(write(tree)).value == value(tree)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.text(alphabet="[]()'\",.+-*/eE0123456789 ax\n\\", max_size=40))
def test_parsers_return_or_raise_malformed(text):
    for parse in (
        parse_integer,
        parse_number,
        parse_list,
        parse_integers,
        parse_grid,
        parse_integer_grid,
        parse_expression,
    ):
        try:
            parse(text)
        except Malformed:
            continue
