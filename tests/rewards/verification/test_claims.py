"""What a sentence claims: relations are read from words, units and notation; what cannot be read is reported."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quintain.rewards.verification.claims import find_claims
from quintain.rewards.verification.steps import split_steps


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("She has 3 + 4 = 7 apples.", ["3 + 4 = 7"]),
        ("Total cost = 3 pens * $4 = $12.", ["3 * 4 = 12"]),
        ("He pays 5 apples * 2 dollars/apple = 10 dollars", ["5 * 2 = 10"]),
        ("3 x 4 = 12", ["3 * 4 = 12"]),
        ("20% of 50 is 10", ["20 / 100 * 50 = 10"]),
        ("3 plus 4 equals 7, and 10 divided by 4 is 2.5", ["3 + 4 = 7", "10 / 4 = 2.5"]),
        ("- 3 + 4 = 7\n2) 5 - 1 = 4\n* 2 + 2 = 4", ["3 + 4 = 7", "5 - 1 = 4", "2 + 2 = 4"]),
        (r"\(\frac{1}{2} \cdot 6 = 3\)", ["1 / 2 * 6 = 3"]),
        ("So **3 + 4 = 7** pens, and 2**3 = 8", ["3 + 4 = 7", "2^3 = 8"]),
        ("48/2 = <<48/2=24>>24 clips, so <<<24>>>", ["48 / 2 = 24"]),
        ("2x + 3 = 11, so 2x = 8 and x = 4.", ["2 * x + 3 = 11", "2 * x = 8", "x = 4"]),
        ("x = 3 + 4 = 7", ["x = 3 + 4", "3 + 4 = 7"]),
        ("She has 5 apples (3 + 2 = 5).", ["3 + 2 = 5"]),
        ("3 apples 4 + 5 = 9", ["4 + 5 = 9"]),
        ("Now she has 39 - 8 = 31 pens.", ["39 - 8 = 31"]),
        ("(5 + 6) × 2 = 22, and 9 ÷ 3 = 3", ["(5 + 6) * 2 = 22", "9 / 3 = 3"]),
        ("x + 5 = 12 => x = 7", ["x + 5 = 12", "x = 7"]),
        ("y = 2x + 1 = 7 when x = 3", ["y = 2 * x + 1", "2 * x + 1 = 7", "x = 3"]),
        ("Area = length * width = 5 cm * 4 cm = 20 cm^2", ["5 * 4 = 20"]),
        ("= 5 + 6\n= 11", []),
        ("Speed = 60 miles / 2 hours = 30 mph", ["60 / 2 = 30"]),
        ("4 quarters * 25 cents/quarter = 100 cents", ["4 * 25 = 100"]),
        ("He has 120 - 36 - 4 = <<120-36-4=80>>80 left, so 80/2=40 each", ["120 - 36 - 4 = 80", "80 / 2 = 40"]),
        ("So 50% - 10% = 40% is left, and -3 - 4 = -7", ["50 / 100 - 10 / 100 = 40 / 100", "-3 - 4 = -7"]),
        ("<think>So <b>3 + 4 = 7</b></think>", ["3 + 4 = 7"]),
        ("Plan B costs 3 + 4 = 7", ["3 + 4 = 7"]),
    ],
)
def test_relations_are_read(text: str, claims: list[str]) -> None:
    found = find_claims(text)
    assert [str(relation) for relation in found.relations] == claims
    assert not found.unreadable


@pytest.mark.parametrize(
    "text",
    ["She is happy.", "1 hour = 60 minutes", "3 apples and 4 pens = 7 items", "Let x = number of apples", "5 + 5 =",
     "The answer is <<<7>>>", "Half of 10 = 5", "", "There are 3 pens."],
)  # fmt: skip
def test_conversions_labels_and_prose_claim_nothing(text: str) -> None:
    assert find_claims(text) == ((), ())


@pytest.mark.parametrize(
    "text",
    [
        "sqrt(16) = 4",
        "5! = 120",
        "f(2) = 5",
        "2 1/2 = 2.5",
        "gcd(12, 8) = 4",
        "∫x = 3",
        "3:30 = 210",
        "Profit = revenue - 20 = 30",
        "3 @ $2 = $6",
    ],
)
def test_what_is_no_expression_is_reported_and_not_guessed(text: str) -> None:
    found = find_claims(text)
    assert not found.relations
    assert len(found.unreadable) == 1


@given(st.text(alphabet=st.sampled_from("12 .=+-*/()x<>a\n%$:^,") | st.characters(), max_size=60))
def test_any_text_is_read_without_an_error(text: str) -> None:
    find_claims(text)


@given(st.text(alphabet=st.sampled_from("Ab1. \n!;="), max_size=60))
def test_steps_joined_are_the_text_and_none_is_blank(text: str) -> None:
    steps = split_steps(text)
    assert "".join(steps) == text
    assert all(step.strip() for step in steps) or not text.strip()


def test_steps_are_lines_and_sentences_but_not_numbers() -> None:
    text = "1. She has 3.5 apples. Then Mr. Lee buys 2. He has none!\n\nSo 3.5 + 2 = 5.5."
    assert [step.strip() for step in split_steps(text)] == [
        "1. She has 3.5 apples.",
        "Then Mr. Lee buys 2.",
        "He has none!",
        "So 3.5 + 2 = 5.5.",
    ]
