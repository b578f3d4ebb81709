"""The checks of ``quintain.check``: one small function each, in two tables by name."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils import seeding
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from quintain.envs.conventions import ConventionAbsent, check_hostile_actions, check_info
from quintain.envs.transcripts import Policy, Transcript, episode, equal, play, same
from quintain.envs.vector import TextVectorEnv
from quintain.errors import EnvironmentFault
from quintain.spaces import UnicodeText

__all__ = ["GYMNASIUM_CHECKS", "SEEDS", "NotApplicable", "Subject", "pettingzoo_checks"]

#: Seeds of the episodes that are played.
SEEDS = (0, 1, 2, 3, 4, 5)


class NotApplicable(Exception):
    """The check does not apply to this environment; the message says why."""


@dataclass(frozen=True)
class Subject:
    """The environment under check.

    Attributes:
        env_id: Its id in Gymnasium's registry.
        kwargs: Arguments for ``gym.make``.
        policy: Chooses the actions of the episodes that are played.
    """

    env_id: str
    kwargs: Mapping[str, Any]
    policy: Policy

    def make(self) -> gym.Env[Any, Any]:
        """Make one environment, without Gymnasium's passive checker."""
        return gym.make(self.env_id, disable_env_checker=True, **self.kwargs)

    def made(self) -> AbstractContextManager[gym.Env[Any, Any]]:
        """Make one environment that is closed at the end of a ``with`` block."""
        return contextlib.closing(self.make())


def gymnasium_check_env(subject: Subject) -> None:
    """Gymnasium's own ``check_env`` passes."""
    with subject.made() as env:
        try:
            check_env(env.unwrapped, skip_render_check=env.render_mode is None)
        except AssertionError as error:
            raise EnvironmentFault(f"{error}{_text_hint(env)}") from error


def same_seed_same_episode(subject: Subject) -> None:
    """Two instances give equal episodes for equal seeds and actions."""
    with subject.made() as one, subject.made() as two:
        for seed in SEEDS:
            same(episode(one, seed, subject.policy), episode(two, seed, subject.policy), f"seed {seed}")


def different_seeds_differ(subject: Subject) -> None:
    """Different seeds give different episodes, unless ``metadata["deterministic"]`` is set: then equal ones."""
    with subject.made() as env:
        episodes = [list(play(env, seed, subject.policy, draws=0)) for seed in SEEDS]
        base = env.unwrapped
        declared = base.metadata.get("deterministic", False)
        fresh = seeding.np_random(SEEDS[-1])[0].bit_generator.state
        drew = base.np_random_seed == SEEDS[-1] and base.np_random.bit_generator.state != fresh
    all_equal = all(equal(episodes[0], other) for other in episodes[1:])
    if all_equal and not declared and drew:
        raise ConventionAbsent(
            f"seeds {SEEDS} all gave the same episode, though the environment draws random numbers: what is drawn "
            "has no effect under these actions; pass quintain.check a policy under which it has"
        )
    if all_equal and not declared:
        raise EnvironmentFault(
            f"seeds {SEEDS} all gave the same episode, and nothing was drawn from self.np_random; if nothing is "
            "random, say so with metadata['deterministic'], otherwise draw from it"
        )
    if declared and not all_equal:
        raise EnvironmentFault("metadata['deterministic'] is declared, and equal actions gave different episodes")
    if declared:
        raise NotApplicable(f"nothing is random, as metadata['deterministic'] says; seeds {SEEDS} gave one episode")


def instances_do_not_interfere(subject: Subject) -> None:
    """Two instances stepped alternately give the episodes that they give alone."""
    with subject.made() as one, subject.made() as two:
        alone = episode(one, 0, subject.policy), episode(two, 1, subject.policy)
        together: tuple[Transcript, Transcript] = ([], [])
        running = {0: play(one, 0, subject.policy), 1: play(two, 1, subject.policy)}
        while running:
            for i, steps in list(running.items()):
                step = next(steps, None)
                if step is None:
                    del running[i]
                else:
                    together[i].append(step)
        same(alone[0], together[0], "the first of two interleaved instances")
        same(alone[1], together[1], "the second of two interleaved instances")


def global_generators_untouched(subject: Subject) -> None:
    """An episode leaves the generators of ``random`` and ``numpy.random`` in their state."""
    before = random.getstate(), np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    with subject.made() as env:
        episode(env, 0, subject.policy)
    after = random.getstate(), np.random.get_state()[1]  # type: ignore[index]  # noqa: NPY002
    if before[0] != after[0] or not np.array_equal(before[1], after[1]):
        raise EnvironmentFault("an episode drew from the global generators of random or numpy")


def spec_survives_json(subject: Subject) -> None:
    """An environment rebuilt from its spec's JSON form, wrappers included, gives the same episode."""
    with subject.made() as env:
        assert env.spec is not None
        try:
            text = env.spec.to_json()
        except (TypeError, ValueError) as error:
            raise EnvironmentFault(
                f"the spec has no JSON form ({error}); arguments of the environment and of its wrappers must be plain "
                f"data; wrappers: {[wrapper.name for wrapper in env.spec.additional_wrappers]}"
            ) from error
        rebuilt = gym.make(EnvSpec.from_json(text), disable_env_checker=True)
        with contextlib.closing(rebuilt):
            same(episode(env, 3, subject.policy), episode(rebuilt, 3, subject.policy), "rebuilt from its spec")


def hostile_actions_are_outcomes(subject: Subject) -> None:
    """Malformed actions do not raise; see :func:`~quintain.envs.conventions.check_hostile_actions`."""
    with subject.made() as env:
        check_hostile_actions(env, [step[5] for step in episode(env, 0, subject.policy)[1:]])


def info_adds_up(subject: Subject) -> None:
    """Reward terms add up to the reward; see :func:`~quintain.envs.conventions.check_info`."""
    with subject.made() as env:
        episodes = [episode(env, seed, subject.policy)[1:] for seed in SEEDS]
    check_info([[(float(step[2]), step[5]) for step in steps] for steps in episodes])


def vectors_agree(subject: Subject) -> None:
    """The same actions give the same episodes single, in Gymnasium's synchronous vector, and in completion order."""
    with subject.made() as env:
        if not isinstance(env.observation_space, spaces.Text):
            raise NotApplicable("not a text environment; Gymnasium's own vectors serve it")
        singles = [episode(env, seed, subject.policy) for seed in SEEDS]
    vector = gym.make_vec(subject.env_id, num_envs=len(SEEDS), **subject.kwargs)
    vector.close()
    is_text_safe = isinstance(vector.unwrapped, TextVectorEnv)
    if is_text_safe and not isinstance(vector.metadata.get("autoreset_mode"), AutoresetMode):
        raise EnvironmentFault("the vector environment does not declare metadata['autoreset_mode']")
    makers = [subject.make] * len(SEEDS)
    _check_synchronous(singles, makers)
    _check_completion_order(singles, makers)
    if not is_text_safe:
        raise ConventionAbsent(
            f"gym.make_vec gives {type(vector.unwrapped).__name__}; Gymnasium's vectors with shared memory corrupt "
            "text: register the environment with a vector_entry_point that returns quintain.envs.vector.TextVectorEnv"
        )


def _check_synchronous(singles: Sequence[Transcript], makers: Sequence[Callable[[], gym.Env[Any, Any]]]) -> None:
    """Compare the first step in Gymnasium's ``SyncVectorEnv`` with that of single environments."""
    with contextlib.closing(SyncVectorEnv(makers, autoreset_mode=AutoresetMode.DISABLED)) as vector:
        observations, _ = vector.reset(seed=list(SEEDS))
        steps = vector.step([single[1][0] for single in singles])
        for i, single in enumerate(singles):
            expected = [(single[0][1],), tuple(single[1][1:5])]
            seen_here = [(observations[i],), tuple(part[i] for part in steps[:4])]
            same(expected, seen_here, f"Gymnasium's synchronous vector, seed {SEEDS[i]}")


def _check_completion_order(singles: Sequence[Transcript], makers: Sequence[Callable[[], gym.Env[Any, Any]]]) -> None:
    """Compare episodes stepped with ``send`` and ``recv`` with those of single environments."""
    with contextlib.closing(TextVectorEnv(makers, autoreset_mode=AutoresetMode.DISABLED)) as ours:
        starts, _ = ours.reset(seed=list(SEEDS))
        seen: list[Transcript] = [[(starts[i],)] for i in range(len(SEEDS))]
        ours.send([single[1][0] for single in singles])
        while any(len(seen[i]) < len(single) for i, single in enumerate(singles)):
            batch = ours.recv(1)
            for k, i in enumerate(batch.indices):
                flags = float(batch.rewards[k]), bool(batch.terminations[k]), bool(batch.truncations[k])
                seen[i].append((batch.observations[k], *flags, batch.infos[k]))
                if len(seen[i]) < len(singles[i]):
                    ours.send([singles[i][len(seen[i])][0]], [int(i)])
    for i, single in enumerate(singles):
        wanted: Transcript = [(single[0][1],), *[(o, float(r), bool(t), bool(u), f) for _, o, r, t, u, f in single[1:]]]
        same(wanted, seen[i], f"completion order, seed {SEEDS[i]}")


#: The checks of a Gymnasium environment, by name, in the order in which they run.
GYMNASIUM_CHECKS: dict[str, Callable[[Subject], None]] = {
    "gymnasium check env": gymnasium_check_env,
    "same seed same episode": same_seed_same_episode,
    "different seeds differ": different_seeds_differ,
    "instances do not interfere": instances_do_not_interfere,
    "global generators untouched": global_generators_untouched,
    "spec survives json": spec_survives_json,
    "vectors agree": vectors_agree,
    "hostile actions are outcomes": hostile_actions_are_outcomes,
    "info adds up": info_adds_up,
}


def pettingzoo_checks(kind: str, name: str, kwargs: Mapping[str, Any]) -> dict[str, Callable[[], None]]:
    """Return PettingZoo's own tests of a game, by name.

    Args:
        kind: ``"parallel"`` or ``"aec"``: the registry that has the game.
        name: The game's id.
        kwargs: Arguments for ``pettingzoo.make``.
    """
    import pettingzoo
    from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

    def make(**more: Any) -> Any:
        return pettingzoo.make(kind, name, **kwargs, **more)

    def api() -> None:
        (parallel_api_test if kind == "parallel" else api_test)(make(), num_cycles=200)

    def seeds() -> None:
        (parallel_seed_test if kind == "parallel" else seed_test)(make, num_cycles=50)

    return {f"pettingzoo {kind} api": api, f"pettingzoo {kind} seeds": seeds}


def _text_hint(env: gym.Env[Any, Any]) -> str:
    """Name our text space where Gymnasium's, limited to a character set, is likely to be at fault."""
    used = (env.observation_space, env.action_space)
    if any(isinstance(space, spaces.Text) and not isinstance(space, UnicodeText) for space in used):
        return (
            " gymnasium.spaces.Text holds only the characters of its charset, by default letters and digits; "
            "quintain.UnicodeText(max_length) holds any text."
        )
    return ""
