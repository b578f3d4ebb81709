"""The protocol with a proof assistant, by a checker that only plays one: Lean itself is not installed here."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from quintain.errors import CapabilityError, ConfigurationError, UnknownNameError
from quintain.rewards.verification import (
    ArithmeticFormaliser,
    Statement,
    StepState,
    StepVerifier,
    make_verifier,
)
from quintain.rewards.verification.assistants import AssistantBackend
from quintain.rewards.verification.checker_process import Checked, CheckerLimits
from quintain.rewards.verification.coq import CoqDialect, coq_backend
from quintain.rewards.verification.expressions import Unreadable, parse_relations
from quintain.rewards.verification.lean import LeanDialect, lean_backend
from quintain.rewards.verification.model_formaliser import ModelFormaliser, ModelProofs

FAKE = Path(__file__).with_name("fake_checker.py")


def statement(hypotheses: str, goals: str) -> Statement:
    read = [[r for text in part.split(";") if text for r in parse_relations(text)] for part in (hypotheses, goals)]
    return Statement.of(*read)


@pytest.fixture
def lean() -> AssistantBackend:
    return AssistantBackend(LeanDialect(), [sys.executable, "-S", "-E", str(FAKE)])


def test_relations_are_written_as_theorems() -> None:
    theorem = LeanDialect().render(statement("2x = 8", "x = 4;x/2 != 0.5"))
    assert theorem.binders == "(x : Rat) (h0 : ((2 : Rat) * x) = (8 : Rat))"
    assert theorem.goal == "x = (4 : Rat) ∧ (x / (2 : Rat)) ≠ ((1 : Rat) / 2)"
    theorem = CoqDialect().render(statement("2x = 8", "x^2 = 16"))
    assert theorem == ("(x : Q) (h0 : (((2 # 1) * x) == (8 # 1)))", "((x ^ (2)%Z) == (16 # 1))")
    with pytest.raises(Unreadable, match="rounding"):
        LeanDialect().render(statement("", "10/3 ≈ 3.33"))


def test_theorems_are_read_with_their_binders() -> None:
    text = "theorem t (x : ℝ) (h : ∀ y : ℝ, y = x) : x = 1 ∧ (x : ℝ) > 0 := by sorry"
    assert LeanDialect().read(text) == ("(x : ℝ) (h : ∀ y : ℝ, y = x)", "x = 1 ∧ (x : ℝ) > 0")
    assert CoqDialect().read("Theorem t (x : nat) : x = x. Proof. Admitted.") == ("(x : nat)", "x = x")
    for wrong in ("theorem t : 1 = 1 := by decide", "def x := 1", "theorem t := by sorry", ""):
        with pytest.raises(Unreadable):
            LeanDialect().read(wrong)


def test_a_proof_counts_if_the_checker_accepts_it(lean: AssistantBackend) -> None:
    assert lean.check(statement("", "3 * 4 = 12")).accepted
    found = lean.prove(statement("", "3 * 4 = 12"))
    assert (found.outcome, found.proof, found.attempts) == ("proved", "decide", 1)
    found = lean.prove(statement("2x = 8", "x = 4"))
    assert (found.outcome, found.proof, found.attempts) == ("proved", "omega", 2)
    found = lean.prove(statement("", "3 * 4 = 13"))
    assert (found.outcome, found.attempts, found.log) == ("unknown", 3, "error: unsolved goals\n")


@pytest.mark.parametrize(
    "proof",
    ["sorry", "exact sorry", "admit", "native_decide", "decide\naxiom cheat : False", "decide\n#eval 1", "by axioms",
     "run_tac pure ()", "set_option maxRecDepth 1 in decide", "exact (IO.println 1)", "decide /- sorry -/"],
)  # fmt: skip
def test_gaps_axioms_and_commands_are_no_proofs(lean: AssistantBackend, proof: str) -> None:
    assert lean.prove(statement("2x = 8", "x = 4"), [proof]).outcome == "unknown"


def test_gaps_axioms_and_commands_are_no_statements_either(lean: AssistantBackend) -> None:
    for text in (
        "theorem t : sorry = 1 := by sorry",
        "axiom a : False\ntheorem t : 1 = 2 := by sorry",
        "theorem t : 1 = 1 := by sorry\ntheorem u : 1 = 2 := by sorry",
        "theorem t : (by run_tac x) := by sorry",
        "theorem t : SYNTAX := by sorry",
    ):
        assert not lean.check(Statement(text, "lean")).accepted, text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("theorem t : True := by sorry", "the goal is true by definition"),
        ("theorem t (x : Nat) : x = x := by sorry", "every goal has equal sides"),
        ("theorem t (x : Nat) (h : x = 1) : x = 1 := by sorry", "every goal is a hypothesis"),
        ("theorem t (x : Rat) (a : x = 3) (h : x = (5 : Rat)) : x = 7 := by sorry", "contradictory hypotheses"),
        ("theorem t (x : Nat) : x = 2 := by sorry", ""),
    ],
)
def test_vacuous_theorems_are_refused(lean: AssistantBackend, text: str, reason: str) -> None:
    assert lean.check(Statement(text, "lean")).reason == reason


def test_the_checker_must_know_true_from_false_and_report_gaps(tmp_path: Path) -> None:
    with pytest.raises(CapabilityError, match="there is no 'no-such-lean' on the path"):
        lean_backend("no-such-lean")
    with pytest.raises(CapabilityError, match="there is no 'no-such-coq'"):
        coq_backend("no-such-coq")
    with pytest.raises(CapabilityError, match="does not accept a true theorem"):
        lean_backend("false")
    gullible = tmp_path / "gullible.py"
    gullible.write_text(
        "import re, sys\ntext = open(sys.argv[-1]).read()\n"
        "print(f\"'{re.search('theorem (.*?) ', text)[1]}' does not depend on any axioms\")\n"
    )
    with pytest.raises(CapabilityError, match="accepts a false theorem, or reports no gaps"):
        lean_backend(f"{sys.executable} -S {gullible}")


def test_a_checker_that_takes_too_long_is_ended() -> None:
    backend = AssistantBackend(LeanDialect(), [sys.executable, "-S", str(FAKE)], limits=CheckerLimits(wall_s=2))
    assert backend.prove(statement("", "3 * 4 = 12"), ["SLEEP"]).log == "the checker took too long\n"


def test_what_coq_reports_is_read() -> None:
    dialect = CoqDialect()
    assert dialect.accepts("t", Checked(0, "Closed under the global context\n"), gap=False)
    assert not dialect.accepts("t", Checked(0, "Axioms:\nclassic : forall P, P \\/ ~ P\n"), gap=False)
    assert dialect.accepts("t", Checked(0, "Axioms:\nt : 1 = 2\n"), gap=True)
    assert not dialect.accepts("t", Checked(1, "Error: no\nClosed under the global context"), gap=False)
    for text in ("Admitted", "lra. Qed. Axiom a : False. Theorem u : True", "(* x *) lra", "Print x"):
        assert dialect.forbidden.search(text), text
    assert not dialect.forbidden.search("intros; lra")


class Model:
    """Answers with given replies, and then has no budget."""

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.asked: list[Sequence[Any]] = []

    async def __call__(self, messages: Sequence[Any]) -> str | None:
        self.asked.append(messages)
        return self.replies.pop(0) if self.replies else None


def test_a_model_formalises_and_proves_within_its_budget(lean: AssistantBackend) -> None:
    model = Model(
        " False. ",
        "I do not know",
        "Sure:\n```lean\ntheorem t (x : Rat) (h : x = 2) : x = (4 : Rat) := by sorry\n```",
        "by decide",
        "```lean\nby\nomega\n```",
    )
    verifier = StepVerifier(ModelFormaliser(), lean, proofs=ModelProofs(2))
    found = asyncio.run(verifier.verify("Find x.", "Let us see.\nSo x = 4.\nMore", model))
    assert found.states == (StepState.NOT_REQUIRED, StepState.SUCCESS, StepState.FAILED_FORMALISATION)
    second = found.steps[1]
    assert (second.attempts, second.proofs, second.proof.strip(), second.prover) == (2, 2, "omega", "lean")
    assert "Let us see." in model.asked[1][1]["content"]
    assert "Let us see." not in model.asked[0][1]["content"].partition("Step:")[0]
    assert found.steps[2].log == "no model was left to ask\n"


def test_false_within_a_theorem_is_no_reason_to_skip_it() -> None:
    theorem = "theorem t (h : 1 = 2) : False := by sorry"
    found = asyncio.run(ModelFormaliser().formalise("?", [], "x", Model(theorem)))
    assert found.required
    assert found.statement == Statement(theorem, "lean")


def test_statements_in_a_language_that_the_backend_does_not_read_are_an_error() -> None:
    verifier = StepVerifier(ModelFormaliser(), make_verifier("arithmetic").backend)
    with pytest.raises(ConfigurationError, match="arithmetic does not read statements in 'lean'"):
        asyncio.run(verifier.verify("?", "x", Model("theorem t : 1 = 2 := by sorry")))


def test_the_verifier_lean_is_made_by_name() -> None:
    command = f"{sys.executable} -S -E {FAKE}"
    verifier = make_verifier("lean", command=command)
    assert isinstance(verifier.formaliser, ArithmeticFormaliser)
    found = verifier.verify_now("Solve 2x = 8.", "x = 4.\n3 * 4 = 12.\n3 * 4 = 13.")
    assert found.states == (StepState.SUCCESS, StepState.SUCCESS, StepState.FAILURE)
    assert found.steps[2].reason == "no proof found"
    assert make_verifier("lean", command=command, formaliser="model", samples=4).proofs is not None
    with pytest.raises(UnknownNameError, match="formaliser"):
        make_verifier("lean", command=command, formaliser="models")
