"""The four states of a step with their evidence, vacuous statements, scores, and the reward term."""

from __future__ import annotations

import asyncio
from typing import Any

import gymnasium as gym
import pytest

from quintain.errors import ConfigurationError, UnknownNameError
from quintain.rewards import REWARDS, WithRewardTerms
from quintain.rewards.verification import (
    ArithmeticFormaliser,
    ExactBackend,
    Formalisation,
    Statement,
    StepState,
    StepVerifier,
    fuse,
    make_verifier,
    proved_share,
    safe_term,
)
from quintain.rewards.verification.expressions import parse_relations
from quintain.rewards.verification.formaliser import Ask

SUCCESS, FAILURE = StepState.SUCCESS, StepState.FAILURE
SKIPPED, FAILED = StepState.NOT_REQUIRED, StepState.FAILED_FORMALISATION


def statement(hypotheses: str, goals: str) -> Statement:
    read = [[r for text in part.split(";") if text for r in parse_relations(text)] for part in (hypotheses, goals)]
    return Statement.of(*read)


def verify(solution: str, question: str = "How many?") -> Any:
    return make_verifier("arithmetic").verify_now(question, solution)


def test_each_step_has_one_of_four_states_with_its_evidence() -> None:
    found = verify("Let us see.\n3 * 4 = 12 pens.\n12 + 5 = 18.\nsqrt(16) = 4.")
    assert found.states == (SKIPPED, SUCCESS, FAILURE, FAILED)
    assert [e.statement for e in found.steps] == ["", "⊢ 3 * 4 = 12", "⊢ 12 + 5 = 18", ""]
    assert found.steps[1].proof == "3 * 4 = 12: both sides are 12"
    assert (found.steps[2].reason, found.steps[2].proof) == ("refuted", "12 + 5 = 18: left is 17, right is 18")
    assert found.steps[3].log == "not read: sqrt(16) = 4\n"
    assert "".join(e.step for e in found.steps) == "Let us see.\n3 * 4 = 12 pens.\n12 + 5 = 18.\nsqrt(16) = 4."
    data = found.to_dict()
    assert data["states"] == {s.value: 1 for s in StepState}
    assert data["steps"][1]["prover"] == "arithmetic"


def test_equations_follow_from_the_question_and_earlier_steps() -> None:
    found = verify("2x = 8.\nx = 4.\nx = 5.\nSo x = 4.", "Solve 2x + 3 = 11.")
    assert found.states == (SUCCESS, SUCCESS, FAILURE, SKIPPED)  # the last step says what an earlier one said
    assert found.steps[1].statement == "2 * x + 3 = 11, 2 * x = 8 ⊢ x = 4"
    assert found.steps[1].proof == "x = 4: with x = 4, both sides are 4"


def test_a_name_that_is_new_is_introduced_and_then_known() -> None:
    assert verify("n = 3 * 4.\nn + 1 = 13.\nn + 1 = 14.").states == (SKIPPED, SUCCESS, FAILURE)
    assert verify("5m + 3m = 8m.\n5m + 3m = 8m + 1.").states == (SUCCESS, FAILURE)


def test_after_a_contradiction_nothing_is_proved() -> None:
    found = verify("2x = 9.\nx = 4.5.", "Solve 2x + 3 = 11.")
    assert found.states == (FAILURE, FAILED)
    assert found.steps[1].reason == "contradictory hypotheses"


@pytest.mark.parametrize(
    ("hypotheses", "goals", "outcome"),
    [
        ("", "1/3 + 1/6 = 1/2", "proved"),
        ("", "0.1 + 0.2 != 0.3", "refuted"),
        ("x + y = 10;x - y = 2", "x = 6;y = 4", "proved"),
        ("x + y = 10", "2x + 2y = 20", "proved"),
        ("x + y = 10", "x = 6", "refuted"),
        ("x + y = 10", "x + y = 11", "refuted"),
        ("x = 3", "x^2 = 9", "proved"),
        ("x = 3", "x > 4", "refuted"),
        ("x^2 = 9", "x = 3", "unknown"),
        ("x < 3", "x < 4", "unknown"),
        ("", "5 / 0 = 3", "unknown"),
    ],
)
def test_exact_arithmetic_proves_refutes_or_does_not_know(hypotheses: str, goals: str, outcome: str) -> None:
    assert ExactBackend().prove(statement(hypotheses, goals)).outcome == outcome


@pytest.mark.parametrize(
    ("hypotheses", "goals", "reason"),
    [
        ("x = 3;x = 4", "x = 5", "contradictory hypotheses"),
        ("x = 3;x > 4", "x = 5", "contradictory hypotheses"),
        ("x = 3", "x = 3", "every goal is a hypothesis"),
        ("", "x + 1 = x + 1", "every goal has equal sides"),
        ("x = 3", "", "no goal"),
        ("x = 3", "x = 3;x + 1 = 4", ""),
    ],
)
def test_vacuous_statements_are_refused(hypotheses: str, goals: str, reason: str) -> None:
    check = ExactBackend().check(statement(hypotheses, goals))
    assert (check.accepted, check.reason) == (not reason, reason)


class Scripted:
    """Formalises with given statements, one an attempt; ``None`` is an attempt without one."""

    def __init__(self, *statements: Statement | None, attempts: int = 3) -> None:
        self.attempts = attempts
        self.seen: list[tuple[str, tuple[str, ...], str]] = []
        self._statements = iter(statements)

    async def formalise(self, question: str, previous: Any, step: str, ask: Ask | None = None) -> Formalisation:
        self.seen.append((question, tuple(previous), step))
        return Formalisation(next(self._statements))


def test_a_statement_is_formalised_again_until_one_is_accepted() -> None:
    formaliser = Scripted(None, statement("", "7 = 7"), statement("", "3 + 4 = 7"))
    (evidence,) = StepVerifier(formaliser, ExactBackend()).verify_now("?", "It is 7.").steps
    assert (evidence.state, evidence.attempts) == (SUCCESS, 3)
    (evidence,) = StepVerifier(Scripted(*[statement("", "7 = 7")] * 3), ExactBackend()).verify_now("?", "7").steps
    assert (evidence.state, evidence.reason, evidence.attempts) == (FAILED, "every goal has equal sides", 3)
    assert evidence.statement == "⊢ 7 = 7"


def test_a_formaliser_sees_the_question_and_earlier_steps_only() -> None:
    formaliser = Scripted(*[statement("", "3 + 4 = 7")] * 2)
    StepVerifier(formaliser, ExactBackend()).verify_now("Why?", "A\nB")
    assert formaliser.seen == [("Why?", (), "A\n"), ("Why?", ("A\n",), "B")]


def test_where_time_runs_out_the_score_is_0(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr("quintain.rewards.verification.verifier.time.monotonic", lambda: next(clock))
    found = StepVerifier(ArithmeticFormaliser(), ExactBackend(), limit_s=10).verify_now("?", "1 + 1 = 2\n2 + 2 = 4\n3")
    assert found.timed_out
    assert found.score == 0
    assert len(found.steps) == 1
    assert found.to_dict()["timed_out"] is True


def test_a_formaliser_that_waits_needs_an_event_loop() -> None:
    class Slow(Scripted):
        async def formalise(self, *args: Any) -> Formalisation:
            await asyncio.sleep(0)
            return await super().formalise(*args)

    verifier = StepVerifier(Slow(statement("", "3 + 4 = 7")), ExactBackend())
    with pytest.raises(ConfigurationError, match="asks a model"):
        verifier.verify_now("?", "7")


def test_the_share_of_proved_statements_and_fusions() -> None:
    assert proved_share([]) == proved_share([SKIPPED, FAILED]) == 0.5
    assert proved_share([SUCCESS, SUCCESS]) == 0.75
    assert proved_share([SUCCESS, FAILURE, FAILURE]) == pytest.approx(0.4)
    assert fuse(0.25, 0.81, 0.5) == pytest.approx(0.45)
    assert (fuse(0.2, 0.9, 1), fuse(0.2, 0.9, 0)) == (0.2, 0.9)
    assert fuse(0, 0.9) == 0
    assert fuse(0.2, 0.9, 0.25, "sum") == pytest.approx(0.725)
    assert fuse(0.2, 0.9, how="product") == pytest.approx(0.18)
    assert (fuse(0.2, 0.9, how="min"), fuse(0.2, 0.9, how="max")) == (0.2, 0.9)


def test_verifiers_are_made_by_name_once() -> None:
    verifier = make_verifier()
    assert make_verifier(verifier) is verifier
    with pytest.raises(UnknownNameError, match="did you mean 'arithmetic'"):
        make_verifier("arithmetic2")
    with pytest.raises(ConfigurationError, match="exists already"):
        make_verifier(verifier, aggregator=proved_share)


class Ask3(gym.Env[str, str]):
    """One question; any reply ends the episode."""

    observation_space = action_space = gym.spaces.Text(200)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[str, dict[str, Any]]:
        return "Solve 2x = 8.", {}

    def step(self, action: Any) -> tuple[str, float, bool, bool, dict[str, Any]]:
        return "", 1.0, True, False, {}


def test_the_reward_term_scores_the_steps_of_a_reply() -> None:
    env = WithRewardTerms(Ask3(), {"steps": safe_term()})
    env.reset()
    assert env.step("x = 4\n1 + 1 = 2")[4]["reward_terms"] == {"steps": 0.75, "env": 1.0}
    env.reset()
    assert "only text" in env.step(3)[4]["reward_error"]["steps"]
    assert "safe" in REWARDS
    assert callable(REWARDS.make("safe", verifier="arithmetic"))
