"""The agent ``safe``, and the score ``safe`` of best-of-n: proofs of steps choose among candidates."""

from __future__ import annotations

import math
from typing import Any

import pytest

import quintain
from quintain.agents import make_agent
from quintain.engines import ScriptedEngine
from quintain.errors import AgentError, ConfigurationError, UnknownNameError
from quintain.evaluation.requests import decisions_of

WRONG = "3 + 4 = 8.\nSo <<<8>>>"
RIGHT = "3 + 4 = 7.\nSo <<<7>>>"


def decision_of(record: Any) -> dict[str, Any]:
    (decision,) = decisions_of(record)
    return decision


def test_the_reply_whose_steps_are_proved_wins_against_the_vote(game: Any) -> None:
    record = game([WRONG, RIGHT, "No idea <<<8>>>"]).play("safe", n=3, alpha=1)
    decision = decision_of(record)
    assert record.outcome == "success"
    assert [c["scores"]["safe"] for c in decision["candidates"]] == pytest.approx([1 / 3, 2 / 3, 1 / 2])
    evidence = decision["facts"]["verification"]
    assert [step["state"] for step in evidence[0]["steps"]] == ["failure of proof", "no verification required"]
    assert evidence[1]["steps"][0]["statement"] == "⊢ 3 + 4 = 7"
    assert evidence[1]["steps"][0]["proof"] == "3 + 4 = 7: both sides are 7"


def test_the_score_is_the_geometric_mean_with_the_share_of_equal_answers(game: Any) -> None:
    decision = decision_of(game([WRONG, RIGHT, WRONG, "hm"]).play("safe", n=4, extract=False))
    assert decision["facts"]["prospective"] == pytest.approx([2 / 3, 1 / 3, 2 / 3, 0])
    assert decision["facts"]["retrospective"] == pytest.approx([1 / 3, 2 / 3, 1 / 3, 1 / 2])
    expected = [math.sqrt(2) / 3, math.sqrt(2) / 3, math.sqrt(2) / 3, 0]
    assert [c["scores"]["safe"] for c in decision["candidates"]] == pytest.approx(expected)


def test_alpha_0_is_the_prospective_score_alone(game: Any) -> None:
    assert game([WRONG, RIGHT, WRONG]).play("safe", n=3, alpha=0).outcome == "failure"


def certain(question: str, reply: str) -> float:
    return 1.0 if "8" in reply else 0.01


def test_any_score_in_the_unit_interval_can_be_prospective(game: Any) -> None:
    assert game([WRONG, RIGHT]).play("safe", n=2, prospective=certain).outcome == "failure"
    assert game([WRONG, RIGHT]).play("safe", n=2, prospective=None).outcome == "success"


def test_best_of_n_takes_the_verified_reply_with_score_safe(game: Any) -> None:
    record = game([WRONG, RIGHT, WRONG]).play("best-of-n", n=3, score="safe")
    assert record.outcome == "success"
    assert [c["scores"]["safe"] for c in decision_of(record)["candidates"]] == pytest.approx([1 / 3, 2 / 3, 1 / 3])


def test_every_method_with_a_score_takes_safe(game: Any) -> None:
    assert decision_of(game([WRONG, RIGHT]).play("weighted-vote", n=2, score="safe"))["votes"] == pytest.approx(
        {"8": 1 / 3, "7": 2 / 3}
    )
    assert decision_of(game([WRONG, RIGHT]).play("borda", n=2, p=1, score="safe"))["votes"] == {"8": 1.0, "7": 2.0}


@pytest.mark.parametrize("replies", [["no mathematics here"], [RIGHT], [RIGHT, RIGHT, RIGHT]])
def test_without_anything_to_tell_replies_apart_the_first_is_taken(game: Any, replies: list[str]) -> None:
    decision = decision_of(game(replies).play("safe", n=len(replies), extract=False))
    assert decision["chosen"] == 0


def test_equal_replies_are_verified_once(game: Any) -> None:
    verified: list[str] = []

    class Counting:
        async def verify(self, question: str, solution: str, ask: Any = None) -> Any:
            verified.append(solution)
            return quintain.rewards.verification.Verification((), 0.5)

    import quintain.rewards.verification  # the verifier makes its results

    game([WRONG, RIGHT, WRONG]).play("safe", n=3, verifier=Counting())
    assert verified == [WRONG, RIGHT]


@pytest.mark.parametrize("value", [math.nan, 1.5, -0.1, "high", None, True])
def test_a_verifier_without_a_score_in_the_unit_interval_is_an_agent_error(game: Any, value: Any) -> None:
    class Broken:
        async def verify(self, question: str, solution: str, ask: Any = None) -> Any:
            return type("Found", (), {"score": value, "to_dict": dict})

    agent = make_agent("safe", engine=game([RIGHT]).engine, verifier=Broken())
    with pytest.raises(AgentError, match=r"number in \[0, 1\]"):
        quintain.evaluate("QuestionAnswering-v0", agent, env_kwargs={"tasks": [{"question": "?", "answer": "1"}]})


def test_settings_are_checked_when_the_agent_is_made() -> None:
    engine = ScriptedEngine("x")
    with pytest.raises(UnknownNameError, match="arithmetic"):
        make_agent("safe", engine=engine, verifier="arithmetic2")
    with pytest.raises(UnknownNameError, match="geometric"):
        make_agent("safe", engine=engine, fusion="geometry")
    with pytest.raises(UnknownNameError, match="p-true"):
        make_agent("safe", engine=engine, prospective="p-treu")
    with pytest.raises(ConfigurationError, match="alpha"):
        make_agent("safe", engine=engine, alpha=2)
    with pytest.raises(ConfigurationError, match="did you mean 'command'"):
        make_agent("safe", engine=engine, verifier="lean", verifier_args={"commands": "lean"})
    settings = make_agent("safe", engine=engine, verifier="arithmetic").describe()["safe"]
    assert settings == {"verifier": "arithmetic", "prospective": "agreement"}
