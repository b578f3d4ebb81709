"""Rescoring: the actions of a stored run are replayed in the current environment, without the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quintain.agents.replay import ReplayAgent
from quintain.errors import RecordError
from quintain.evaluation.job import Job
from quintain.evaluation.report import Report
from quintain.evaluation.requests import expand
from quintain.evaluation.rollout import run_episodes
from quintain.evaluation.tabular import Row, Tabular
from quintain.records import EpisodeRecord

__all__ = ["Rescored", "rescore"]


@dataclass(frozen=True, repr=False)
class Rescored(Tabular):
    """A stored run and its results under the current environment and verifiers.

    Attributes:
        before: Results as the run stored them, before rescoring.
        after: The results of the same actions now. Episodes with infrastructure errors are copied, and so are those
            whose conversation outgrew the context window.
        changed: Indices of episodes whose outcome or return changed.
        drifted: Indices of episodes whose task hash changed: the stored actions answer another task.
    """

    before: Report
    after: Report
    changed: list[int]
    drifted: list[int]

    def headline(self) -> str:
        """Return the numbers of episodes that changed and drifted, and success or reward before and after."""
        name = "success" if self.after.success.n else "reward"
        values = " -> ".join(str(getattr(report, name)) for report in (self.before, self.after))
        return (
            f"{len(self.changed)} of {len(self.before.episodes)} episodes changed, {len(self.drifted)} pose another "
            f"task; {name} {values}"
        )

    def to_rows(self) -> list[Row]:
        """Return one row per episode: outcome and reward before and after, and whether it changed or drifted."""
        changed, drifted = set(self.changed), set(self.drifted)
        return [
            {
                "index": a.index,
                "outcome_before": a.outcome,
                "outcome_after": b.outcome,
                "reward_before": a.reward,
                "reward_after": b.reward,
                "changed": a.index in changed,
                "drifted": a.index in drifted,
            }
            for a, b in zip(self.before.episodes, self.after.episodes, strict=True)
        ]


def rescore(run: str | Path, *, env_kwargs: dict[str, Any] | None = None, concurrency: int = 16) -> Rescored:
    """Replay the actions of a stored run and score them again.

    Programs that the agent wrote are executed again in the sandbox; the model is not used.

    Args:
        run: Folder that a run wrote.
        env_kwargs: Arguments that replace the environment's stored ones.
        concurrency: Maximum number of episodes at once, >= 1.

    Raises:
        RecordError: If there is no run, it is not one of ``evaluate``, or its environment was made by a function and so
            cannot be made again.
    """
    before = Report.load(run)
    config = before.manifest.get("config", {})
    if kind := before.manifest.get("kind"):
        raise RecordError(f"{str(run)!r} is a run of kind {kind!r}; this scores runs of evaluate again")
    if not isinstance(config.get("env"), str):
        raise RecordError(f"{str(run)!r} does not name a registered environment, so it cannot be scored again")
    jobs = [
        Job(e.index, e.seed, config.get("reset_options"), config.get("max_steps"), e.item, e.repeat)
        for e in before.scored
        if not e.info.get("context_overflow")
    ]
    results = {e.index: e for e in before.episodes}
    agent = ReplayAgent(run)

    def sink(record: EpisodeRecord) -> None:
        stored = results[record.index]
        asked = expand(stored, before.manifest.get("texts"))  # the steps to which it may refer are played again
        record.calls, record.messages, record.wall_s = asked.calls, asked.messages, stored.wall_s
        record.prompt_tokens, record.completion_tokens = stored.prompt_tokens, stored.completion_tokens
        record.reasoning_tokens = stored.reasoning_tokens
        results[record.index] = record

    if jobs:
        kwargs = config.get("env_kwargs", {}) | (env_kwargs or {})
        run_episodes(config["env"], kwargs, agent, iter(jobs), min(concurrency, len(jobs)), sink, lambda facts: None)
    after = Report([results[i] for i in sorted(results)], before.manifest, None, before.confidence)
    pairs = list(zip(before.episodes, after.episodes, strict=True))
    return Rescored(
        before,
        after,
        changed=[a.index for a, b in pairs if (a.outcome, a.returns) != (b.outcome, b.returns)],
        drifted=[a.index for a, b in pairs if a.info.get("task_hash") != b.info.get("task_hash")],
    )
