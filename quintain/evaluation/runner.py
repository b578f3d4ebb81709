"""``evaluate``: many concurrent episodes in a resumable run, with results that do not depend on scheduling."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from quintain.agents.registry import plays_at_terminal
from quintain.envs.making import EnvLike, env_name, is_instance, make_env
from quintain.errors import ConfigurationError, RepeatedItemsWarning
from quintain.evaluation.executors import EXECUTORS
from quintain.evaluation.failures import OnErrors, check_errors, first_exception, raise_if_all_failed
from quintain.evaluation.job import DEFAULT_MAX_STEPS, Job, check_settings
from quintain.evaluation.manifest import make_manifest, warn_if_undescribed
from quintain.evaluation.origin import choose_seed_bits
from quintain.evaluation.recording import Recording, check_confidence, check_counts
from quintain.evaluation.report import Report
from quintain.evaluation.rollout import Episodes, as_source, items_of
from quintain.evaluation.selection import choose_items, episodes_of, item_ids
from quintain.evaluation.settings import with_required_settings
from quintain.evaluation.videos import check_videos, record_videos
from quintain.records import EpisodeRecord
from quintain.seeding import episode_seeds

__all__ = ["evaluate"]

#: Default number of episodes of an environment without a finite set of items.
_EPISODES = 100


def evaluate(
    env: EnvLike,
    agent: Any,
    *,
    episodes: int | None = None,
    seed: int = 0,
    seed_bits: int | None = None,
    concurrency: int = 16,
    out: str | Path | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    reset_options: Mapping[str, Any] | None = None,
    max_steps: int | None = DEFAULT_MAX_STEPS,
    resume: bool = False,
    retry_errors: bool = False,
    executor: str = "inline",
    workers: int = 2,
    confidence: float = 0.95,
    videos: int | str | Sequence[int] | None = None,
    observations: str | None = None,
    progress: bool | None = None,
    on_episode: Callable[[EpisodeRecord], None] | None = None,
    repeats: int = 1,
    limit: int | None = None,
    items: Iterable[int | str] | None = None,
    errors: OnErrors = "raise",
) -> Report:
    """Play many episodes and report the results.

    The seed of episode ``i`` depends on ``seed`` and ``i`` alone, so concurrency, executor and interruptions do not
    change any episode. A run that poses an item more than once warns, and its intervals count the episodes of one item
    as one cluster.

    Args:
        env: Id of a registered environment (``"my_module:MyEnv-v0"`` if importing a module registers it), a Gymnasium
            ``EnvSpec``, a class, or a function that returns a new environment on each call. An environment is played as
            it is, one episode after the other whatever ``concurrency`` is, and only in this process; it stays open, and
            its spec, or its class, wrappers and spaces, go into the manifest.
        agent: An agent, its name, a mapping ``{"name": ..., "engine": ..., ...}``, or anything that
            :func:`~quintain.agents.registry.as_agent` takes.
        episodes: Number of episodes, >= 1; with ``repeats``, of items. ``None``: as many as the environment has items,
            so that each is posed once, where it has a finite set of them
            (:class:`~quintain.envs.protocols.FiniteEnv`), such as the questions of a data set; else 100. Fewer pose the
            first ones; more begin again with the first.
        seed: Root seed, >= 0.
        seed_bits: Number of bits of the episodes' seeds: 31, which every simulator accepts, or 53, as in version 0.1.0.
            ``None``: as in the run that is resumed or replayed, else 31.
        concurrency: Maximum number of episodes at once, >= 1; a language model gets their requests as one batch. A
            person at the terminal plays one at a time.
        out: Run folder for manifest and records; ``None`` writes nothing.
        env_kwargs: Arguments for the environment, if it is given by id, spec or class. Those that the agent requires,
            such as ``code=False`` for one that answers in words, need not be given.
        reset_options: ``options`` of every episode's ``reset``, as Gymnasium and PettingZoo define it; ``None`` calls
            ``reset`` without options. They are part of the run's configuration.
        max_steps: Number of steps, >= 1, after which an episode that has not ended is truncated;
            ``info["truncated_by"]`` of its record is then ``"max_steps"``. An episode that the default of 100,000 cuts
            is warned of; ``None`` lifts the cap.
        resume: Continue the run in ``out``: finished episodes are kept.
        retry_errors: With ``resume``: play again only the episodes that failed for infrastructure reasons.
        executor: Where to play: ``"inline"``, in this process; ``"process"``, in ``workers`` new processes, to which
            ``cloudpickle`` must be able to send environment and agent; or another name of
            :data:`~quintain.evaluation.executors.EXECUTORS`.
        workers: Number of processes or machines of the executor, >= 1; ``"inline"`` ignores it.
        confidence: Nominal coverage of the intervals, in (0, 1).
        videos: Which episodes to record as MP4 files in ``out``, which the page shows: the number of episodes, of which
            the first are recorded; their indices; or ``"failures:N"``, N episodes, those without success and with low
            returns first. The actions are played again at the end in an environment of ``render_mode="rgb_array"``, so
            no result changes. Needs the extra ``video``. ``None``: none.
        observations: How to store observations: ``"json"``, in the records; ``"npz"``, those that are arrays in one
            compressed file per episode, read by :func:`~quintain.evaluation.observations.load_observations`; or
            ``"none"``. Actions and rewards are always stored. Default: as in the run that is resumed, else ``"json"``.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        on_episode: Called with each finished record, in order of completion.
        repeats: Number of independent answers to each item, >= 1: the environment is reset with the same seed, and the
            agent's random choices have another one. The report then has pass@k and majority votes, and intervals are
            clustered by item. Default: 1.
        limit: Maximum number of items, >= 1, for a trial run; ``None`` for no limit.
        items: Play only these: numbers of items, from 0, or ids (``info["task_id"]``) of the first ``episodes`` items.
            A run of some items is continued with others by ``resume``. ``None``: the first ``episodes`` items.
        errors: ``"raise"`` raises if every episode failed in the agent's or environment's own code, with the first
            exception as cause; ``"record"`` returns a report of such episodes, too. Other failures are always recorded.

    Returns:
        The report, over kept and new episodes.

    Raises:
        ConfigurationError: If an argument is out of range, or environment, agent and executor do not fit together.
        RecordError: If the folder cannot be written, or holds another run.
        AgentError: If every episode failed in the agent's code, and ``errors`` is ``"raise"``.
        EnvironmentFault: If every episode failed in the environment's code, and ``errors`` is ``"raise"``.
        KeyboardInterrupt: On Ctrl-C. Finished episodes are recorded; continue with ``resume=True``.

    Example:
        >>> report = evaluate("CodeReason-v0", "oracle", episodes=3, env_kwargs={"tasks": "letters"})
        >>> report.success.estimate, report.errors
        (1.0, 0)
    """
    check_counts(concurrency=concurrency, workers=workers, repeats=repeats)
    check_counts(episodes=1 if episodes is None else episodes, limit=1 if limit is None else limit)
    check_confidence(confidence)
    check_errors(errors)
    settings = check_settings(max_steps, reset_options) | ({"repeats": repeats} if repeats > 1 else {})
    play = EXECUTORS.load(executor)
    if videos is not None:
        if out is None:
            raise ConfigurationError("videos are written into the run folder: give out=...")
        check_videos(env, env_kwargs, videos)
    source = as_source(agent)
    if _one_at_a_time(env, source, executor):
        concurrency = 1
    env_kwargs = with_required_settings(env, env_kwargs, source)
    count = _default_episodes(env, env_kwargs) if episodes is None else episodes
    if out is not None:
        warn_if_undescribed(source, env)
    manifest = make_manifest(env, env_kwargs, source, seed, **settings)
    seeds = episode_seeds(seed, choose_seed_bits(manifest, seed_bits, out if resume else None))
    chosen = choose_items(count, limit, items, lambda: item_ids(env, env_kwargs, seeds, reset_options, count))
    with (
        first_exception() as found,
        Recording(
            manifest, episodes_of(chosen, repeats), out=out, resume=resume, retry_errors=retry_errors,
            observations=observations, progress=progress, on_episode=on_episode,
        ) as run,
    ):  # fmt: skip
        if run.todo:
            parts = ((index, *divmod(index, repeats)) for index in run.todo)
            seen = run.observations != "none"
            jobs = [Job(i, seeds[item], reset_options, max_steps, item, repeat, seen) for i, item, repeat in parts]
            play(Episodes(env, env_kwargs, source, jobs, concurrency), run, workers=workers)
        report = run.report(confidence)
        if videos is not None:
            record_videos(report, env, env_kwargs, videos, partial(run.bar.subtask, "videos"))
    if errors == "raise":
        raise_if_all_failed(report.episodes, found, out)
    if report.repeats:
        warnings.warn(report.repeats, RepeatedItemsWarning, stacklevel=2)
    return report


def _one_at_a_time(env: EnvLike, source: Any, executor: str) -> bool:
    """Whether there is only one environment, or one person who plays; either needs the inline executor."""
    if is_instance(env):
        if executor != "inline":
            raise ConfigurationError(
                f"executor {executor!r} plays in several processes, and an environment that is made already plays in "
                f"this one; give its id, its class or a function that makes a new {env_name(env)}"
            )
        return True
    if plays_at_terminal(source):
        if executor != "inline":
            raise ConfigurationError(f"a person at the terminal plays in this process: leave out executor={executor!r}")
        return True
    return False


def _default_episodes(env: EnvLike, env_kwargs: Mapping[str, Any]) -> int:
    made = make_env(env, env_kwargs)
    try:
        return items_of(made) or _EPISODES
    finally:
        made.close()
