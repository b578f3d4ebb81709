"""The critic: a draft is parsed, compared with its signature, run on recorded inputs, and tested for its signs.

Executed checks decide; the review of a language model is advice that can only add objections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from quintain.reward_signature import RewardInput, RewardSignature, Target, to_columns
from quintain.rewards.designer.roles import Brief, Design
from quintain.sandbox import Sandbox
from quintain.sandbox.reward_program import RewardProgram, Rewards
from quintain.sandbox.reward_source import source_problems

__all__ = ["Critic", "Reviewer", "Verdict"]

#: Maximum number of recorded steps in the dry run of one episode.
DRY_STEPS = 64
#: Steps of a synthetic episode.
PROBE_STEPS = 8

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the critic says about a draft.

    Attributes:
        stage: The check that failed: ``"parse"``, ``"signature"``, ``"run"``, ``"consistency"``, ``"review"``; empty if
            the draft is accepted.
        objections: What is wrong, one line each.
    """

    stage: str = ""
    objections: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether nothing is wrong."""
        return not self.stage


class _Failed(Exception):
    """A function failed at a step; the arguments say how."""


class Reviewer(Protocol):
    """Reads a draft that has passed the executed checks."""

    async def review(self, brief: Brief, design: Design) -> tuple[str, ...]:
        """Return objections; none if the draft is good."""
        ...


class Critic:
    """Checks drafts.

    Args:
        recorded: Recorded episodes of the environment, as inputs of their steps, oldest first; at least one.
        reviewer: Reviews drafts that pass the executed checks; ``None`` for none.
        sandbox: Where drafts run; ``None`` takes the process-wide sandbox.
    """

    def __init__(
        self,
        recorded: Sequence[Rows],
        reviewer: Reviewer | None = None,
        *,
        sandbox: Sandbox | None = None,
    ) -> None:
        self.recorded = [list(episode[:DRY_STEPS]) for episode in recorded if episode]
        self.reviewer, self._sandbox = reviewer, sandbox

    async def check(self, brief: Brief, design: Design) -> Verdict:
        """Return the verdict on a draft; the first check that fails decides."""
        signature = brief.signature
        if problems := source_problems(design.source, signature):
            return Verdict("parse" if problems[0].startswith("syntax") else "signature", tuple(problems))
        try:
            for stage, look in (("run", self._dry_run), ("consistency", self._consistency)):
                if objections := look(design.source, signature):
                    return Verdict(stage, tuple(objections))
        except _Failed as failure:
            return Verdict("run", tuple(failure.args))
        advice = () if self.reviewer is None else tuple(await self.reviewer.review(brief, design))
        return Verdict("review", advice) if advice else Verdict()

    def _rewards(self, source: str, signature: RewardSignature, episodes: Sequence[Rows]) -> list[Rewards]:
        """Run episodes of equal length side by side, a fresh process each time; one ``Rewards`` per step.

        Raises:
            _Failed: If the function fails at a step.
        """
        with RewardProgram(source, signature, sandbox=self._sandbox, strict=True) as program:
            n, found = len(episodes), []
            for step in range(len(episodes[0])):
                columns = to_columns([episode[step] for episode in episodes], signature)
                found.append(program(columns, n, np.full(n, step == 0)))
                if errors := list(dict.fromkeys(filter(None, found[-1].errors))):
                    raise _Failed(*errors[:3])
            return found

    def _dry_run(self, source: str, signature: RewardSignature) -> list[str]:
        """Run recorded episodes, twice and in another order, to find values that depend on something else."""
        if not self.recorded:
            return []
        length = min(map(len, self.recorded))
        episodes = [episode[:length] for episode in self.recorded]
        first = self._rewards(source, signature, episodes)
        again = self._rewards(source, signature, episodes[::-1])
        same = all(np.array_equal(a.value, b.value[::-1]) for a, b in zip(first, again, strict=True))
        return [] if same else ["equal episodes get unequal rewards in a second process"]

    def _consistency(self, source: str, signature: RewardSignature) -> list[str]:
        """Test the signs on synthetic episodes."""
        if not self.recorded:
            return []
        base = {**self.recorded[0][0], signature.success: False}
        if signature.failure:
            base[signature.failure] = False
        return [
            *self._sparse_signs(source, signature, base),
            *self._standing_still(source, signature, base),
            *(p for target in signature.targets for p in self._approach(source, signature, base, target)),
            *(p for hazard in signature.hazards for p in self._hazard(source, signature, base, *hazard)),
        ]

    def _sparse_signs(self, source: str, signature: RewardSignature, base: Mapping[str, Any]) -> list[str]:
        cases = [(dict(base), 0.0, "nothing has happened"), ({**base, signature.success: True}, 1.0, "success")]
        if signature.failure:
            cases.append(({**base, signature.failure: True}, -1.0, "death"))
        rewards = self._rewards(source, signature, [[case] for case, _, _ in cases])[0]
        return [
            f"sparse must have the sign {sign:+.0f} on {what}, and has {got:+.0f}"
            for (_, sign, what), got in zip(cases, rewards.sparse.tolist(), strict=True)
            if got != sign
        ]

    def _standing_still(self, source: str, signature: RewardSignature, base: Mapping[str, Any]) -> list[str]:
        rewards = self._rewards(source, signature, [[base] * 24])
        paid = sum(float(step.dense[0]) > 0 for step in rewards[4:])
        if paid <= 10:
            return []
        total = 0.1 * paid / 20 * signature.max_steps
        return [f"standing still is paid: {total:.0f} in an episode, and the goal pays 1"]

    def _approach(self, source: str, signature: RewardSignature, base: Mapping[str, Any], target: Target) -> list[str]:
        near = _moving(base, signature, target)
        rewards = self._rewards(source, signature, [near, near[::-1]])
        towards, away = (sum(float(step.dense[k]) for step in rewards) for k in (0, 1))
        what = target.name or f"{target.input} to {target.to}"
        if towards < away:
            return [f"the sign is reversed: approaching {what} gets {towards:+.0f}, moving away {away:+.0f}"]
        return [f"approaching {what} is punished: {towards:+.0f}"] if towards < 0 else []

    def _hazard(
        self, source: str, signature: RewardSignature, base: Mapping[str, Any], where: str, name: str
    ) -> list[str]:
        clear = {**base, where: {key: place for key, place in base[where].items() if key != name}}
        close = {**clear, where: {**clear[where], name: (0.6, -0.6, 1.0)}}
        rewards = self._rewards(source, signature, [[clear] * PROBE_STEPS, [clear, *[close] * (PROBE_STEPS - 1)]])
        without, with_it = (sum(float(step.dense[k]) for step in rewards) for k in (0, 1))
        return [f"{name} nearby is rewarded: {with_it:+.0f}, and {without:+.0f} without"] if with_it > without else []


def _moving(base: Mapping[str, Any], signature: RewardSignature, target: Target) -> list[dict[str, Any]]:
    """Return an episode in which a target comes closer at an even pace, all else being equal."""
    shares = np.linspace(1.0, 0.25, PROBE_STEPS)
    if not target.to:
        return [{**base, target.input: {target.name: (6.0 * s, 0.0, 8.0 * s)}} for s in shares.tolist()]
    declared: RewardInput = signature.find(target.to)
    goal = np.asarray(base[target.to], float)
    offset = np.full(declared.size, 0.3 / np.sqrt(declared.size))
    return [{**base, target.input: tuple((goal + s * offset).tolist())} for s in shares.tolist()]
