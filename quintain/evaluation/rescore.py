"""Rescoring: the actions of a stored run are replayed in the current environment, without the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quintain.agents.replay import ReplayAgent
from quintain.errors import RecordError
from quintain.evaluation.job import Job
from quintain.evaluation.manifest import make_manifest
from quintain.evaluation.recording import Recording
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


def rescore(
    run: str | Path,
    *,
    env_kwargs: dict[str, Any] | None = None,
    concurrency: int = 16,
    out: str | Path | None = None,
    progress: bool | None = None,
) -> Rescored:
    """Replay the actions of a stored run and score them again.

    Programs that the agent wrote are executed again in the sandbox; the agent's model is not used. A scorer that is a
    model, such as a judge, is asked.

    Args:
        run: Folder that a run wrote.
        env_kwargs: Arguments that replace the environment's stored ones, such as ``{"scorer": ...}``.
        concurrency: Maximum number of episodes at once, >= 1.
        out: A new run folder for the rescored episodes; ``None`` writes nothing.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.

    Raises:
        RecordError: If there is no run, it is not one of ``evaluate``, or its environment was made by a function and so
            cannot be made again; or if ``out`` holds a run.
    """
    if Path(run).is_file():
        raise RecordError(
            f"{str(run)!r} is a file, not a run folder; to score the replies in a file: quintain eval "
            f"QuestionAnswering-v0 -a recorded-replies --tasks {run}"
        )
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
    stored_ones = {e.index: e for e in before.episodes}
    kwargs = config.get("env_kwargs", {}) | (env_kwargs or {})
    made = make_manifest(config["env"], kwargs, {}, 0)
    manifest = dict(before.manifest) | {name: made[name] for name in made.keys() - {"config", "schema"}}
    manifest |= {"config": config | {"env_kwargs": made["config"]["env_kwargs"]}, "rescored": str(run)}
    texts = manifest.pop("texts", None)
    stored_facts = manifest.pop("facts", {})
    agent = ReplayAgent(run)

    def sink(record: EpisodeRecord) -> None:
        stored = stored_ones[record.index]
        asked = expand(stored, texts)  # the steps to which it may refer are played again
        record.calls, record.messages, record.wall_s = asked.calls, asked.messages, stored.wall_s
        record.prompt_tokens, record.completion_tokens = stored.prompt_tokens, stored.completion_tokens
        record.reasoning_tokens = stored.reasoning_tokens
        recording.add(record)

    def add_facts(facts: dict[str, Any]) -> None:
        recording.add_facts(stored_facts | ({"env": facts["env"]} if "env" in facts else {}))

    with Recording(manifest, sorted(stored_ones), out=out, progress=progress) as recording:
        recording.add_facts(stored_facts)
        for index in stored_ones.keys() - {job.index for job in jobs}:
            recording.add(expand(stored_ones[index], texts))
        if jobs:
            run_episodes(config["env"], kwargs, agent, iter(jobs), min(concurrency, len(jobs)), sink, add_facts)
        after = recording.report(before.confidence)
    pairs = list(zip(before.episodes, after.episodes, strict=True))
    return Rescored(
        before,
        after,
        changed=[a.index for a, b in pairs if (a.outcome, a.returns) != (b.outcome, b.returns)],
        drifted=[a.index for a, b in pairs if a.info.get("task_hash") != b.info.get("task_hash")],
    )
