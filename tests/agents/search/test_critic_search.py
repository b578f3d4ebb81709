"""The agent of critic-guided step search, with a scripted model and scripted critics."""

from __future__ import annotations

from typing import Any

import pytest

import quintain
from quintain.agents import make_agent
from quintain.agents.search import CriticSearchAgent, Verdict
from quintain.engines import Request, ScriptedEngine
from quintain.errors import CapabilityError, ConfigurationError
from quintain.evaluation.requests import decisions_of

ROWS = {"tasks": [{"question": "Ann has 3 apples and buys 4 more. How many?", "answer": "7"}], "scorer": "number"}


def solver(right_from: int) -> Any:
    """Return a model whose first line is wrong until it is sampled the nth time; the answer follows from the line."""
    calls = [0]

    def write(request: Request) -> str:
        if request.prefill:
            return "<<<7>>>" if "= 7" in request.prefill else "<<<8>>>"
        calls[0] += 1
        return f"3 + 4 = {7 if calls[0] >= right_from else 8}\n"

    return write


def critic(question: str, partial: str, step: str) -> bool | None:
    return None if "<<<" in step else "= 7" in step


def play(agent: Any) -> Any:
    (episode,) = quintain.evaluate("QuestionAnswering-v0", agent, env_kwargs=ROWS, progress=False).episodes
    (decision,) = decisions_of(episode)
    return episode, decision


@pytest.mark.parametrize(
    ("right_from", "rejected", "outcome"), [(1, 0, "success"), (6, 5, "success"), (7, 6, "failure")]
)
def test_a_step_is_sampled_again_up_to_five_times_and_then_kept(right_from: int, rejected: int, outcome: str) -> None:
    episode, decision = play(CriticSearchAgent(ScriptedEngine(solver(right_from)), critic))
    assert episode.outcome == outcome
    assert decision["facts"] == {"rejected": rejected, "critic_tokens": 0}
    assert decision["spent"]["calls"] == min(rejected, 5) + 2


async def waits(question: str, partial: str, step: str) -> bool | None:
    return critic(question, partial, step)


def test_a_critic_may_be_async_sees_the_partial_solution_and_without_verdict_keeps_the_step() -> None:
    seen = []

    def silent(question: str, partial: str, step: str) -> None:
        seen.append((partial, step))

    episode, _ = play(CriticSearchAgent(ScriptedEngine(solver(2)), silent))
    assert episode.outcome == "failure"
    assert seen == [("", "3 + 4 = 8"), ("3 + 4 = 8", "<<<8>>>")]
    assert play(CriticSearchAgent(ScriptedEngine(solver(2)), waits))[0].outcome == "success"


def test_it_is_made_by_name_and_the_model_is_its_own_critic_by_default() -> None:
    def write(request: Request) -> str:
        if request.choices:
            return "False" if "= 8" in request.messages[-1]["content"] else "True"
        return solve(request)

    solve = solver(3)
    episode, decision = play(make_agent("critic-search", engine=ScriptedEngine(write)))
    assert (episode.outcome, decision["facts"]["rejected"]) == ("success", 2)
    named = make_agent("critic-search", engine=ScriptedEngine(solver(3)), critic=f"{__name__}:critic")
    assert play(named)[1]["facts"]["rejected"] == 2


def test_the_critics_tokens_are_spent_too() -> None:
    def costly(question: str, partial: str, step: str) -> Verdict:
        return Verdict(critic(question, partial, step), 100)

    free = play(CriticSearchAgent(ScriptedEngine(solver(3)), critic))[1]["spent"]
    episode, decision = play(CriticSearchAgent(ScriptedEngine(solver(3)), costly))
    assert episode.outcome == "success"
    assert decision["facts"] == {"rejected": 2, "critic_tokens": 400}
    assert decision["spent"] == {"calls": free["calls"], "tokens": free["tokens"] + 400}


def test_critics_are_told_apart_in_a_manifest() -> None:
    class Described:
        def __init__(self, name: str) -> None:
            self.name = name

        def __call__(self, question: str, partial: str, step: str) -> None:
            return None

        def describe(self) -> dict[str, str]:
            return {"critic": self.name}

    engine = ScriptedEngine(solver(1))
    assert CriticSearchAgent(engine, Described("a")).describe()["critic"] == {"critic": "a"}
    assert CriticSearchAgent(engine, critic).describe()["critic"] == f"{__name__}:critic"


def test_searches_vote() -> None:
    agent = CriticSearchAgent(ScriptedEngine(solver(2)), lambda *texts: None, votes=3)
    episode, decision = play(agent)
    assert decision["votes"] == {"8": 1.0, "7": 2.0}
    assert episode.outcome == "success"


def test_depth_is_limited_and_what_cannot_work_is_refused() -> None:
    endless = ScriptedEngine(lambda request: "and so on\n")
    assert play(CriticSearchAgent(endless, critic, retries=0, max_depth=3))[1]["spent"]["calls"] == 3
    for options in ({"retries": -1}, {"votes": 0}, {"max_depth": 0}, {"step_tokens": 0}):
        with pytest.raises(ConfigurationError):
            CriticSearchAgent(endless, critic, **options)
    with pytest.raises((CapabilityError, ConfigurationError)):
        CriticSearchAgent("random", critic)
