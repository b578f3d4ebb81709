"""The solver decides what arithmetic alone cannot: inequalities and equations that are not linear."""

from __future__ import annotations

import pytest

from quintain.rewards.verification import Statement, StepState, make_verifier
from quintain.rewards.verification.expressions import parse_relations

pytest.importorskip("z3")
from quintain.rewards.verification.z3_backend import Z3Backend


def statement(hypotheses: str, goals: str) -> Statement:
    read = [[r for text in part.split(";") if text for r in parse_relations(text)] for part in (hypotheses, goals)]
    return Statement.of(*read)


@pytest.mark.parametrize(
    ("hypotheses", "goals", "outcome"),
    [
        ("x^2 = 9;x > 0", "x = 3", "proved"),
        ("x^2 = 9", "x = 3", "refuted"),
        ("x < 3", "x < 4", "proved"),
        ("x < 4", "x < 3", "refuted"),
        ("", "(x + 1)^2 = x^2 + 2x + 1", "proved"),
        ("", "3 * 4 = 12", "proved"),
        ("", "10/3 ≈ 3.33", "proved"),
        ("", "x / x = 1", "refuted"),  # not where x is 0
        ("x > 0", "x / x = 1", "proved"),
        ("6 / x = 2", "x = 3", "proved"),
        ("", "x^99 >= 0", "unknown"),
    ],
)
def test_statements_are_decided_over_the_real_numbers(hypotheses: str, goals: str, outcome: str) -> None:
    assert Z3Backend().prove(statement(hypotheses, goals)).outcome == outcome


def test_a_proof_names_what_it_used_and_a_refutation_gives_values() -> None:
    assert Z3Backend().prove(statement("y = 5;x < 3", "x < 4")).proof == "the negation of the goals contradicts x < 3"
    assert Z3Backend().prove(statement("x^2 = 9;x < 1", "x = 3")).proof == "counterexample: x = -3"


@pytest.mark.parametrize(
    ("hypotheses", "reason"), [("x > 3;x < 2", "contradictory hypotheses"), ("x^2 < 0", "contradictory hypotheses")]
)
def test_contradictory_hypotheses_are_found(hypotheses: str, reason: str) -> None:
    assert Z3Backend().check(statement(hypotheses, "x = 1")).reason == reason
    assert Z3Backend().check(statement("x > 3", "x > 2")).accepted


def test_the_verifier_z3_computes_first_and_then_asks() -> None:
    found = make_verifier("z3").verify_now("x^2 = 9 and x > 0", "2 + 2 = 4.\nSo x = 3.\nThen x > 4.")
    assert found.states == (StepState.SUCCESS, StepState.SUCCESS, StepState.FAILURE)
    assert found.steps[0].log.startswith("arithmetic: proved")
    assert "z3: proved" in found.steps[1].log
    assert found.steps[1].prover == "arithmetic+z3"
