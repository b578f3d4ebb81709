"""Values of actions in [-100, 100] with an explanation and feedback for another branch: by rules, or by a model."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from quintain.agents.search.swe.nodes import Attempt
from quintain.agents.search.swe.prompts import value_messages
from quintain.engines.engine import Engine, Request

__all__ = ["Judgement", "ModelValue", "RuleValue", "ValueModel", "read_judgement"]


class Judgement(NamedTuple):
    """The value of one action.

    Attributes:
        reward: In [-100, 100]: 75 and more for clear progress, below 0 for what is unhelpful, -50 and less for harm.
        explanation: Why.
        feedback: Advice for a parallel branch; concepts, no code.
        tokens: Number of tokens that it took. Default: 0.
    """

    reward: float
    explanation: str
    feedback: str
    tokens: int = 0


class ValueModel(Protocol):
    """Judges the last action of a trajectory."""

    async def __call__(self, issue: str, attempts: Sequence[Attempt], before: Attempt, seed: int) -> Judgement:
        """Judge.

        Args:
            issue: The first observation.
            attempts: The trajectory, not empty; its last attempt is judged.
            before: The attempt before it; of a first action the root.
            seed: Seed of the judgement.
        """
        ...


@dataclass(frozen=True)
class RuleValue:
    """The rule-based alternative of the refactored code.

    A malformed reply -50, a failed call -25; a search or view that shows new lines 100, else 0; an edit by its tests:
    all pass 100, none were run 50, more failures than before the value before - 25, fewer min(75, the value before +
    25), as many the value before; a submission of a patch 100 if its tests pass, 50 if none were run, else 0, without a
    patch -50; a rejection -100. Of the last two and of equal numbers of failures the source says nothing.

    Attributes:
        noise: Standard deviation of noise on the reward, in units of reward, >= 0. Default: 0.
    """

    noise: float = 0.0

    async def __call__(self, issue: str, attempts: Sequence[Attempt], before: Attempt, seed: int) -> Judgement:
        """Judge by rules."""
        reward, why = self._rule(attempts[-1], before)
        if self.noise:
            import numpy as np

            reward += float(np.random.default_rng(seed).normal(0, self.noise))
        advice = "Continue in this direction." if reward >= 50 else "Try another place, or another kind of change."
        return Judgement(min(100.0, max(-100.0, reward)), why, advice)

    def _rule(self, last: Attempt, before: Attempt) -> tuple[float, str]:
        if last.malformed:
            return -50, f"The reply could not be read: {last.error}."
        if last.error is not None:
            return -25, f"The call failed: {last.error}."
        failed, passed = last.tests.get("failed", 0), last.tests.get("passed", 0)
        known = bool(last.tests)
        is_green = known and not failed and not last.tests.get("problem")
        if last.ended == "finish":
            if not last.patch:
                return -50, "Nothing was changed."
            return (100, "All tests pass.") if is_green else (0 if known else 50, f"{failed} tests fail.")
        if last.ended:
            return -100, "The task was given up."
        if last.kind == "edit":
            return self._edit(last, before, is_green)
        if last.kind == "test":
            return 50, f"{passed} tests pass and {failed} fail."
        new = last.context - before.context
        return (100, f"{len(new)} new lines were seen.") if new else (0, "Nothing new was seen.")

    def _edit(self, last: Attempt, before: Attempt, is_green: bool) -> tuple[float, str]:
        if "tests" not in last.facts:
            return 50, "No tests were run."
        if is_green:
            return 100, "All tests pass."
        if last.tests.get("problem"):
            return before.reward - 25, f"The tests do not finish: {last.tests['problem']}."
        now, then = last.tests["failed"], before.tests.get("failed")
        if then is None or now == then:
            return min(before.reward, 25.0), f"{now} tests still fail."
        if now > then:
            return before.reward - 25, f"{now} tests fail, {now - then} more than before."
        return min(75.0, before.reward + 25), f"{now} tests fail, {then - now} fewer than before."


@dataclass(frozen=True)
class ModelValue:
    """A language model as value agent, with prompts of its own for each kind of action.

    Attributes:
        engine: The model.
        temperature: Sampling temperature, >= 0. Default: 0.2 (paper).
        max_tokens: Maximum number of tokens of a judgement, >= 1. Default: 400.
        specific: Whether prompts are specific to the action; one prompt for all as an ablation. Default: true.
    """

    engine: Engine
    temperature: float = 0.2
    max_tokens: int = 400
    specific: bool = True

    async def __call__(self, issue: str, attempts: Sequence[Attempt], before: Attempt, seed: int) -> Judgement:
        """Ask the model; a malformed reply, an error or a rejection of the task is worth -100."""
        last = attempts[-1]
        if last.malformed or last.ended == "reject":
            return Judgement(-100.0, last.error or "The task was given up.", "Reply with one well-formed command.")
        reply = await self.engine.complete(
            Request(
                messages=value_messages(issue, attempts, before, specific=self.specific),
                max_tokens=self.max_tokens,
                temperature=self.temperature,
                seed=seed,
            )
        )
        found = read_judgement(reply.text)
        return found._replace(tokens=reply.completion_tokens)


def read_judgement(text: str) -> Judgement:
    """Read explanation, feedback and reward from a reply.

    The reply is a JSON object with these keys, or lines ``Explanation:``, ``Feedback:`` and ``Reward:``. Without a
    number the reward is 0; numbers beyond -100 and 100 are clipped.
    """
    found: dict[str, object] = {}
    start = text.find("{")
    if start >= 0:
        try:
            parsed = json.JSONDecoder(strict=False).raw_decode(text, start)[0]
            found = {str(key).lower(): value for key, value in parsed.items()} if isinstance(parsed, dict) else {}
        except (ValueError, RecursionError):
            found = {}
    for name in ("explanation", "feedback", "reward"):
        if name not in found and (match := re.search(rf"{name}\W*:\s*(.+)", text, re.IGNORECASE)):
            found[name] = match[1].strip()
    match = re.search(r"-?\d+(?:\.\d+)?", str(found.get("reward", "")))
    reward = min(100.0, max(-100.0, float(match[0]))) if match else 0.0
    return Judgement(reward, str(found.get("explanation", "")), str(found.get("feedback", "")))
