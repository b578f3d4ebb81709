"""The roles of Auto MC-Reward as protocols, and what they pass to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from quintain.reward_signature import RewardSignature

__all__ = ["Analysis", "Analyzer", "Brief", "Design", "Designer", "Evidence", "Finding", "Trajectory"]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The last steps of an evaluation episode.

    Attributes:
        outcome: ``"success"``, ``"death"`` or ``"failure"``.
        cause: Cause of death as the environment reports it; empty where it reports none.
        steps: Length of the whole episode, in steps.
        inputs: Inputs of the reward function at the last steps, oldest first.
        actions: Names or values of the actions before them.
        sparse: Sparse signs; NaN where the function failed.
        dense: Dense signs; NaN where the function failed.
        dense_sum: Sum of the dense signs over the whole episode.
        unearned: Number of paid steps of the whole episode (dense > 0) at which the target was not closer than ever
            before.
        paid: Number of paid steps of the whole episode.
    """

    outcome: str
    cause: str
    steps: int
    inputs: Sequence[Mapping[str, Any]]
    actions: Sequence[Any]
    sparse: Sequence[float]
    dense: Sequence[float]
    dense_sum: float = 0.0
    unearned: int = 0
    paid: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an evaluation shows.

    Attributes:
        episodes: Number of episodes.
        success: Share of successful episodes, judged by the environment, in [0, 1].
        deaths: Share of episodes that ended with death, in [0, 1].
        steps: Mean number of steps.
        causes: Number of deaths by cause.
        trajectories: Episodes with their last steps, failed ones first.
    """

    episodes: int
    success: float
    deaths: float
    steps: float
    causes: Mapping[str, int]
    trajectories: Sequence[Trajectory]

    def headline(self) -> str:
        """Return the statistics as one line."""
        causes = ", ".join(f"{count} by {cause}" for cause, count in self.causes.items())
        return (
            f"{self.episodes} episodes: success {self.success:.1%}, death {self.deaths:.1%}"
            f"{f' ({causes})' if causes else ''}, {self.steps:.0f} steps on average"
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause of failure, in a form that the template designer reads.

    Attributes:
        code: ``"hazard"``, ``"look_away"``, ``"oscillation"``, ``"unseen_target"``, ``"idle"`` or ``"error"``.
        input: The input that shows it.
        name: Name within that input, such as ``"lava"``.
        words: Cause and suggestion in words.
    """

    code: str
    input: str = ""
    name: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the analyzer says about an evaluation.

    Attributes:
        words: Causes and suggestions in words.
        findings: The same as codes, where the analyzer knows them.
        label: Who says it.
    """

    words: str
    findings: Sequence[Finding] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class Design:
    """A draft of a reward function.

    Attributes:
        source: Python source.
        thoughts: Reasoning of the designer.
        label: Who wrote it: the engine, a recorded transcript, or the offline template designer.
    """

    source: str
    thoughts: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Brief:
    """What a designer is told.

    Attributes:
        signature: Task, inputs and facts, as the environment declares them.
        round: Number of the outer round, from 0.
        previous: The design of the round before; ``None`` in the first.
        evidence: Statistics of its policy; ``None`` in the first round.
        findings: Findings of all rounds before, oldest first.
        analysis: Words of the analyzer on the round before.
        objections: What the critic objected to in the drafts of this round, with their sources.
    """

    signature: RewardSignature
    round: int = 0
    previous: Design | None = None
    evidence: Evidence | None = None
    findings: Sequence[Finding] = ()
    analysis: str = ""
    objections: Sequence[tuple[str, str]] = field(default=())


class Designer(Protocol):
    """Writes reward functions.

    Attributes:
        label: Who it is, for records and pages.
    """

    label: str

    async def design(self, brief: Brief) -> Design:
        """Return a draft.

        Raises:
            EngineError: If a model or its server fails.
        """
        ...


class Analyzer(Protocol):
    """Explains failed episodes.

    Attributes:
        label: Who it is, for records and pages.
    """

    label: str

    async def analyze(self, signature: RewardSignature, design: Design, evidence: Evidence) -> Analysis:
        """Return causes of failure and suggestions.

        Raises:
            EngineError: If a model or its server fails.
        """
        ...
