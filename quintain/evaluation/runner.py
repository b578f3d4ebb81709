"""``evaluate``: many episodes, concurrently, recorded, resumable, the same numbers however they are scheduled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from quintain.errors import ConfigurationError
from quintain.evaluation.executors.process import run_in_processes
from quintain.evaluation.manifest import make_manifest
from quintain.evaluation.recording import Recording, check_counts
from quintain.evaluation.report import Report
from quintain.evaluation.rollout import EnvLike, as_source, run_episodes
from quintain.records import EpisodeRecord
from quintain.seeding import SeedStream

__all__ = ["Executor", "evaluate"]

Executor = Literal["inline", "process"]


def evaluate(
    env: EnvLike,
    agent: Any,
    *,
    episodes: int = 100,
    seed: int = 0,
    concurrency: int = 16,
    out: str | Path | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    resume: bool = False,
    retry_errors: bool = False,
    executor: Executor = "inline",
    workers: int = 2,
    confidence: float = 0.95,
    progress: bool | None = None,
    on_episode: Callable[[EpisodeRecord], None] | None = None,
) -> Report:
    """Play many episodes and report what came out.

    Episode ``i`` has a seed that depends on ``seed`` and ``i`` alone, so concurrency, executor and interruptions do not
    change what is played.

    Args:
        env: Id of a registered environment, a spec, or a function that makes one.
        agent: An agent, its name, a mapping ``{"name": ..., "engine": ..., ...}``, or anything that
            :func:`~quintain.agents.registry.as_agent` takes.
        episodes: Number of episodes, >= 1.
        seed: Root seed, >= 0.
        concurrency: Episodes that are live at once; a language model gets the requests of all of them as one batch.
        out: Folder for manifest and records; nothing is written without it.
        env_kwargs: Arguments for the environment.
        resume: Continue the run in ``out``: finished episodes are kept.
        retry_errors: With ``resume``: play the episodes again that failed for infrastructure reasons, and only them.
        executor: ``"inline"`` runs in this process; ``"process"`` in ``workers`` fresh ones, to which environment and
            agent must be sendable.
        workers: Processes of the ``process`` executor.
        confidence: Nominal coverage of the intervals, in (0, 1).
        progress: Show a progress bar; by default where there is a terminal.
        on_episode: Called with each finished record, in order of completion.

    Returns:
        The report, over kept and new episodes.

    Raises:
        ConfigurationError: If the combination cannot work.
        RecordError: If the folder cannot be written, or holds another run.
        KeyboardInterrupt: On Ctrl-C. Finished episodes are recorded; continue with ``resume=True``.

    Example:
        >>> report = evaluate("CodeReason-v0", "oracle", episodes=3, env_kwargs={"tasks": "letters"})
        >>> report.success.estimate, report.errors
        (1.0, 0)
    """
    check_counts(episodes=episodes, concurrency=concurrency, workers=workers)
    if executor not in ("inline", "process"):
        raise ConfigurationError(f"executor must be 'inline' or 'process', got {executor!r}")
    source = as_source(agent)
    seeds = SeedStream(seed, "episode")
    manifest = make_manifest(env, env_kwargs, source, seed)
    with Recording(
        manifest, episodes, out=out, resume=resume, retry_errors=retry_errors, progress=progress, on_episode=on_episode
    ) as run:
        jobs = [(i, seeds[i]) for i in run.todo]
        if executor == "process" and jobs:
            run_in_processes(env, env_kwargs, source, jobs, concurrency, workers, run.add, run.add_facts)
        elif jobs:
            run_episodes(env, env_kwargs, source, iter(jobs), min(concurrency, len(jobs)), run.add, run.add_facts)
    return run.report(confidence)
