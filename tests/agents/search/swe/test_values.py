"""Values by rules, computed by hand; values by a model: prompts by action, and what is read from replies."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from quintain.agents.search.swe import Attempt, Judgement, RuleValue
from quintain.agents.search.swe.values import ModelValue, read_judgement
from quintain.engines import ScriptedEngine


def judged(last: Attempt, before: Attempt | None = None, value: Any = None) -> Judgement:
    return asyncio.run((value or RuleValue())("issue", [last], before or Attempt(), 0))


def edit(failed: int, *, problem: str = "") -> Attempt:
    tests = {"passed": 3, "failed": failed, "problem": problem}
    return Attempt("x", facts={"kind": "edit", "tests": tests}, tests=tests, patch="diff")


@pytest.mark.parametrize(
    ("last", "before", "reward"),
    [
        (Attempt(malformed=True, error="no command"), Attempt(), -50),
        (Attempt(error="no such file", facts={"kind": "view"}), Attempt(), -25),
        (Attempt(facts={"kind": "view"}, context=frozenset({("a", 1)})), Attempt(), 100),
        (Attempt(facts={"kind": "search"}, context=frozenset({("a", 1)})), Attempt(context=frozenset({("a", 1)})), 0),
        (edit(0), Attempt(), 100),
        (Attempt("x", facts={"kind": "edit"}, patch="diff"), Attempt(), 50),
        (edit(2), Attempt(reward=40, tests={"failed": 1}), 15),
        (edit(1), Attempt(reward=40, tests={"failed": 3}), 65),
        (edit(1), Attempt(reward=90, tests={"failed": 3}), 75),
        (edit(1, problem="stopped"), Attempt(reward=40, tests={"failed": 3}), 15),
        (Attempt(ended="finish", facts={"kind": "end"}), Attempt(), -50),
        (Attempt(ended="finish", facts={"kind": "end"}, patch="diff", tests={"failed": 0}), Attempt(), 100),
        (Attempt(ended="finish", facts={"kind": "end"}, patch="diff", tests={"failed": 2}), Attempt(), 0),
        (Attempt(ended="finish", facts={"kind": "end"}, patch="diff"), Attempt(), 50),
        (Attempt(ended="reject", facts={"kind": "end"}), Attempt(), -100),
    ],
)
def test_rewards_by_rules(last: Attempt, before: Attempt, reward: float) -> None:
    found = judged(last, before)
    assert found.reward == reward
    assert found.explanation
    assert found.feedback


def test_noise_is_seeded_and_stays_on_the_scale() -> None:
    noisy = RuleValue(noise=500)
    rewards = [asyncio.run(noisy("", [edit(0)], Attempt(), seed)).reward for seed in range(20)]
    assert rewards == [asyncio.run(noisy("", [edit(0)], Attempt(), seed)).reward for seed in range(20)]
    assert len(set(rewards)) > 1
    assert all(-100 <= reward <= 100 for reward in rewards)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('Sure. {"explanation": "good", "feedback": "look at x", "reward": 80}', (80, "good", "look at x")),
        ('{"Explanation": "e", "Feedback": "f", "Reward": "-20"}', (-20, "e", "f")),
        ("Explanation: e\nFeedback: f\nReward: 250", (100, "e", "f")),
        ("I do not know.", (0, "", "")),
        ('{"reward": ' + "[" * 5000, (0, "", "")),
    ],
)
def test_judgements_are_read(text: str, found: tuple[float, str, str]) -> None:
    assert read_judgement(text)[:3] == found


def prompts(attempts: list[Attempt], **options: Any) -> str:
    seen: list[str] = []

    def script(request: Any) -> str:
        seen.append("\n".join(message["content"] for message in request.messages))
        return '{"explanation": "e", "feedback": "f", "reward": 30}'

    value = ModelValue(ScriptedEngine(script), **options)
    assert asyncio.run(value("The issue.", attempts, Attempt(patch="before"), 0))[:3] == (30, "e", "f")
    return seen[0]


def test_prompts_are_specific_to_the_action() -> None:
    looked = Attempt("look", "saw", facts={"kind": "view"})
    changed = Attempt("change", "done", facts={"kind": "edit"}, patch="after", tests={"passed": 1, "failed": 2})
    ended = Attempt("end", "", facts={"kind": "end"}, ended="finish", patch="after")
    assert "Judge the request for more code" in prompts([looked])
    assert "exploring must not be punished" in prompts([looked])
    text = prompts([looked, looked, changed])
    assert "Judge the change" in text
    assert "exploring must not be punished" not in text
    for part in ("The issue.", "1. look", "before", "after", "1 pass, 2 fail"):
        assert part in text
    assert "tests that were added or updated" in prompts([looked, changed, ended])
    assert "Judge the change" not in prompts([looked, looked, changed], specific=False)


def test_a_model_is_not_asked_about_malformed_replies_and_rejections() -> None:
    value = ModelValue(ScriptedEngine("never", fail_after=0))
    for last in (Attempt(malformed=True, error="no command"), Attempt(ended="reject", facts={"kind": "end"})):
        assert judged(last, value=value).reward == -100
