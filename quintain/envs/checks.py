"""The checks of ``quintain.check``: one small function each, in two tables by name."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils import seeding
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from quintain.envs.conventions import ConventionAbsent, check_hostile_actions, check_info
from quintain.envs.protocols import BranchingEnv
from quintain.envs.step_contract import check_episode
from quintain.envs.transcripts import MAX_STEPS, Policy, Transcript, copied, equal, play, same
from quintain.envs.vector import TextVectorEnv
from quintain.errors import EnvironmentFault
from quintain.seeding import episode_seeds
from quintain.spaces import UnicodeText

__all__ = ["GYMNASIUM_CHECKS", "LONG_EPISODE", "SEEDS", "NotApplicable", "Playable", "Subject"]

#: Seeds of the episodes that are played.
SEEDS = (0, 1, 2, 3, 4, 5)


#: Length of the one long episode that is played where short ones do not end, in steps.
LONG_EPISODE = 2000


class NotApplicable(Exception):
    """The check does not apply to this environment; the message says why."""


@dataclass(frozen=True)
class Subject:
    """The environment under check.

    Attributes:
        make: Makes one environment, without Gymnasium's passive checker.
        policy: Chooses the actions of the episodes that are played.
        env_id: Its id in Gymnasium's registry; empty if it is not made by an id.
        kwargs: Keyword arguments for ``gym.make``, beside the id.
    """

    make: Callable[[], gym.Env[Any, Any]]
    policy: Policy
    env_id: str = ""
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def made(self) -> AbstractContextManager[gym.Env[Any, Any]]:
        """Make one environment that is closed at the end of a ``with`` block."""
        return contextlib.closing(self.make())

    def play(
        self, env: gym.Env[Any, Any], seed: int | None, draws: int | None = None, limit: int = MAX_STEPS
    ) -> Iterator[tuple[Any, ...]]:
        """Play one episode with the policy; see :func:`~quintain.envs.transcripts.play`."""
        return play(env, seed, self.policy, draws, limit)


class Playable(Protocol):
    """An environment or game under check: made anew, and played by seeds."""

    def make(self) -> Any:
        """Make one instance."""
        ...

    def made(self) -> AbstractContextManager[Any]:
        """Make one instance that is closed at the end of a ``with`` block."""
        ...

    def play(self, env: Any, seed: int | None, draws: int | None = None) -> Iterator[tuple[Any, ...]]:
        """Play one episode of ``env``, yielding one tuple a step."""
        ...


def gymnasium_check_env(subject: Subject) -> None:
    """Gymnasium's own ``check_env`` passes."""
    with subject.made() as env:
        try:
            check_env(env.unwrapped, skip_render_check=env.render_mode is None)
        except AssertionError as error:
            raise EnvironmentFault(f"{error}{_text_hint(env)}") from error


def every_step_keeps_the_contract(subject: Subject) -> None:
    """In every step of several episodes results are valid and new; see :mod:`quintain.envs.step_contract`."""
    with subject.made() as env:
        remarks = [check_episode(env, seed, subject.policy)[1] for seed in SEEDS]
    if any(remarks):
        raise ConventionAbsent(next(filter(None, remarks)))


def episodes_end(subject: Subject) -> None:
    """Some episode ends, or the spec has ``max_episode_steps``."""
    with subject.made() as env:
        for seed in SEEDS[:3]:
            if any(step[3] or step[4] for step in subject.play(env, seed)):
                return
        if env.spec is not None and env.spec.max_episode_steps is not None:
            raise NotApplicable(f"truncated after {env.spec.max_episode_steps} steps by its spec")
        if any(step[3] or step[4] for step in subject.play(env, SEEDS[3], limit=LONG_EPISODE)):
            return
    raise ConventionAbsent(
        f"no episode ended within {LONG_EPISODE} steps: register the environment with max_episode_steps, or limit the "
        "episodes of a run, or it may never end"
    )


def same_seed_same_episode(subject: Playable) -> None:
    """Two instances that play the same seeds in opposite order give equal episodes for equal seeds and actions.

    Before each episode, the second one leaves another unfinished: a reset starts anew at any time.
    """
    with subject.made() as one, subject.made() as two:
        _check_declared_reproducible(one)
        first = {seed: list(subject.play(one, seed)) for seed in SEEDS}
        second = {}
        for seed in reversed(SEEDS):
            list(islice(subject.play(two, seed + 100), 3))
            second[seed] = list(subject.play(two, seed))
    for seed in SEEDS:
        same(first[seed], second[seed], f"seed {seed}, in two instances that play the seeds in opposite order")


def different_seeds_differ(subject: Playable) -> None:
    """Different seeds give different episodes, unless ``metadata["deterministic"]`` is set: then equal ones."""
    with subject.made() as env:
        episodes = [list(subject.play(env, seed, draws=0)) for seed in SEEDS]
        base = env.unwrapped
        declared = base.metadata.get("deterministic", False)
        drew = False
        if isinstance(base, gym.Env):
            fresh = seeding.np_random(SEEDS[-1])[0].bit_generator.state
            drew = base.np_random_seed == SEEDS[-1] and base.np_random.bit_generator.state != fresh
    all_equal = all(equal(episodes[0], other) for other in episodes[1:])
    if all_equal and not declared and drew:
        raise ConventionAbsent(
            f"seeds {SEEDS} all gave the same episode, though the environment draws random numbers: what is drawn "
            "has no effect under these actions; pass quintain.check a policy under which it has"
        )
    if all_equal and not declared:
        raise ConventionAbsent(
            f"seeds {SEEDS} all gave the same episode; if nothing is random, say so with metadata['deterministic'], "
            "otherwise draw from a generator that reset(seed=...) seeds, self.np_random in Gymnasium"
        )
    if declared and not all_equal:
        raise EnvironmentFault("metadata['deterministic'] is declared, and equal actions gave different episodes")
    if declared:
        raise NotApplicable(f"nothing is random, as metadata['deterministic'] says; seeds {SEEDS} gave one episode")


def resets_without_a_seed_differ(subject: Playable) -> None:
    """If starts depend on the seed, resets without one do not repeat one start, as vectors and training rely on."""
    with subject.made() as env:
        seeded = [next(subject.play(env, seed, draws=0))[1] for seed in range(20)]
        distinct = [x for i, x in enumerate(seeded) if not any(equal(x, y) for y in seeded[:i])]
        if len(distinct) < len(seeded) // 2:
            raise NotApplicable(f"{len(seeded)} seeds gave {len(distinct)} different starts")
        unseeded = [next(subject.play(env, None, draws=0))[1] for _ in range(20)]
    if all(equal(unseeded[0], other) for other in unseeded[1:]):
        raise EnvironmentFault(
            f"{len(unseeded)} resets without a seed all gave the same start: reset(seed=None) must go on drawing from "
            "the generator instead of seeding it again"
        )


def takes_the_seeds_of_evaluate(subject: Playable) -> None:
    """``reset`` takes seeds as large as those of ``quintain.evaluate``."""
    drawn = episode_seeds(0)
    seeds = sorted(drawn[i] for i in range(64))
    with subject.made() as env:
        for seed in (seeds[0], seeds[-1]):
            try:
                next(iter(subject.play(env, seed, draws=0)))
            except Exception as error:
                raise EnvironmentFault(
                    f"reset(seed={seed}) raised {type(error).__name__}: {error}; quintain.evaluate gives seeds of "
                    f"{seeds[-1].bit_length()} bits, so derive what your generator takes with self.np_random.integers"
                ) from error


def instances_do_not_interfere(subject: Playable) -> None:
    """Two instances stepped alternately give the episodes that they give alone."""
    with subject.made() as one, subject.made() as two:
        _check_declared_reproducible(one)
        alone = list(subject.play(one, 0)), list(subject.play(two, 1))
        together: tuple[Transcript, Transcript] = ([], [])
        running = {0: subject.play(one, 0), 1: subject.play(two, 1)}
        while running:
            for i, steps in list(running.items()):
                step = next(steps, None)
                if step is None:
                    del running[i]
                else:
                    together[i].append(step)
        same(alone[0], together[0], "the first of two interleaved instances")
        same(alone[1], together[1], "the second of two interleaved instances")


def restored_states_continue(subject: Subject) -> None:
    """After ``restore``, equal actions give what they gave, also after other episodes and other branches."""
    with subject.made() as env:
        base = env.unwrapped
        if not isinstance(base, BranchingEnv):
            raise NotApplicable("it has no snapshot and restore; see quintain.envs.protocols.BranchingEnv")
        _check_declared_reproducible(env)
        for seed in SEEDS[:4]:
            played, snapshots = [], []
            for step in subject.play(env, seed):
                played.append(step)
                snapshots.append(base.snapshot())
            list(islice(subject.play(env, seed + 100), 3))
            for start in (0, len(played) // 2, 0):
                base.restore(snapshots[start])
                if start + 1 < len(played):
                    list(islice(_continued(base, played[start + 1 :]), 1))  # a branch that is left again
                    base.restore(snapshots[start])
                again = list(_continued(base, played[start + 1 :]))
                same(played[start + 1 :], again, f"seed {seed}, restored after step {start}")


def _continued(env: gym.Env[Any, Any], steps: Transcript) -> Iterator[tuple[Any, ...]]:
    """Play the actions of recorded steps from the present state."""
    for action, *_ in steps:
        observation, reward, terminated, truncated, info = env.step(copied(action))
        yield copied(action), copied(observation), reward, terminated, truncated, copied(info)


def global_generators_untouched(subject: Playable) -> None:
    """Making, resetting and stepping leave the generators of ``random``, ``numpy.random`` and torch in their state."""
    subject.make().close()  # imports what it needs, and libraries may draw then
    before = _global_states()
    with subject.made() as env:
        for seed in SEEDS[:3]:
            list(subject.play(env, seed))
    after = _global_states()
    touched = [name for name, state in before.items() if not equal(state, after[name])]
    if touched:
        raise EnvironmentFault(
            f"an episode drew from or seeded the global generator of {' and '.join(touched)}; draw from self.np_random"
        )


def _check_declared_reproducible(env: Any) -> None:
    """Gymnasium lets an environment declare that equal seeds need not give equal episodes; nothing is compared then."""
    if isinstance(env, gym.Env) and env.spec is not None and env.spec.nondeterministic:
        raise ConventionAbsent("its spec says nondeterministic=True: equal seeds need not give equal episodes")


def _global_states() -> dict[str, Any]:
    states: dict[str, Any] = {"random": random.getstate(), "numpy.random": np.random.get_state()}  # noqa: NPY002
    torch = sys.modules.get("torch")
    if torch is not None:
        states["torch"] = torch.get_rng_state().numpy().copy()
    return states


def spec_survives_json(subject: Subject) -> None:
    """An environment rebuilt from its spec's JSON form, wrappers included, gives the same episode."""
    with subject.made() as env:
        if env.spec is None:
            raise NotApplicable("not registered, so there is no spec")
        _check_declared_reproducible(env)
        try:
            text = env.spec.to_json()
        except (TypeError, ValueError) as error:
            if callable(env.spec.entry_point):
                raise ConventionAbsent(
                    "registered by its class or function, so the spec has no text form, which records, Minari and "
                    "other processes need: register it as 'module:name'"
                ) from error
            raise EnvironmentFault(
                f"the spec has no JSON form ({error}); arguments of the environment and of its wrappers must be plain "
                f"data; wrappers: {[wrapper.name for wrapper in env.spec.additional_wrappers]}"
            ) from error
        rebuilt = gym.make(EnvSpec.from_json(text), disable_env_checker=True)
        with contextlib.closing(rebuilt):
            same(list(subject.play(env, 3)), list(subject.play(rebuilt, 3)), "rebuilt from its spec")


def hostile_actions_are_outcomes(subject: Subject) -> None:
    """Malformed actions do not raise; see :func:`~quintain.envs.conventions.check_hostile_actions`."""
    with subject.made() as env:
        check_hostile_actions(env, [step[5] for step in subject.play(env, 0)][1:])


def info_adds_up(subject: Subject) -> None:
    """Reward terms add up to the reward; see :func:`~quintain.envs.conventions.check_info`."""
    with subject.made() as env:
        episodes = [list(subject.play(env, seed))[1:] for seed in SEEDS]
    ended = [bool(steps[-1][3] or steps[-1][4]) for steps in episodes]
    check_info([[(float(step[2]), step[5]) for step in steps] for steps in episodes], ended)


def vectors_agree(subject: Subject) -> None:
    """The same actions give the same episodes single, in Gymnasium's synchronous vector, and in completion order."""
    with subject.made() as env:
        if not isinstance(env.observation_space, spaces.Text):
            raise NotApplicable("not a text environment; Gymnasium's own vectors serve it")
        is_unicode = isinstance(env.observation_space, UnicodeText)
        singles = [list(subject.play(env, seed)) for seed in SEEDS]
    vector = gym.make_vec(subject.env_id, num_envs=len(SEEDS), **subject.kwargs) if subject.env_id else None
    is_text_safe = vector is not None and isinstance(vector.unwrapped, TextVectorEnv)
    if vector is not None:
        vector.close()
        if is_text_safe and not isinstance(vector.metadata.get("autoreset_mode"), AutoresetMode):
            raise EnvironmentFault("the vector environment does not declare metadata['autoreset_mode']")
    makers = [subject.make] * len(SEEDS)
    _check_synchronous(singles, makers)
    _check_completion_order(singles, makers)
    if vector is not None and not (is_text_safe or is_unicode):
        raise ConventionAbsent(
            f"gym.make_vec gives {type(vector.unwrapped).__name__}; Gymnasium's vectors with shared memory corrupt its "
            "Text: use quintain.UnicodeText, or register the environment with a vector_entry_point that returns "
            "quintain.envs.vector.TextVectorEnv"
        )


def _check_synchronous(singles: Sequence[Transcript], makers: Sequence[Callable[[], gym.Env[Any, Any]]]) -> None:
    """Compare Gymnasium's ``SyncVectorEnv`` with single environments, in every step until one of the episodes ends."""
    with contextlib.closing(SyncVectorEnv(makers, autoreset_mode=AutoresetMode.DISABLED)) as vector:
        observations, _ = vector.reset(seed=list(SEEDS))
        for number in range(min(map(len, singles))):
            rest: tuple[Any, ...] = ()
            if number:
                observations, *rest_of_step, _ = vector.step([single[number][0] for single in singles])
                rest = tuple(rest_of_step)
            for i, single in enumerate(singles):
                seen_here = (observations[i], *(part[i] for part in rest))
                same(
                    [single[number][1 : 1 + len(seen_here)]],
                    [seen_here],
                    f"Gymnasium's synchronous vector, seed {SEEDS[i]}, step {number}",
                )


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
    "every step keeps the contract": every_step_keeps_the_contract,
    "episodes end": episodes_end,
    "same seed same episode": same_seed_same_episode,
    "different seeds differ": different_seeds_differ,
    "resets without a seed differ": resets_without_a_seed_differ,
    "takes the seeds of evaluate": takes_the_seeds_of_evaluate,
    "instances do not interfere": instances_do_not_interfere,
    "restored states continue": restored_states_continue,
    "global generators untouched": global_generators_untouched,
    "spec survives json": spec_survives_json,
    "vectors agree": vectors_agree,
    "hostile actions are outcomes": hostile_actions_are_outcomes,
    "info adds up": info_adds_up,
}


def _text_hint(env: gym.Env[Any, Any]) -> str:
    """Name our text space where Gymnasium's, limited to a character set, is likely to be at fault."""
    used = (env.observation_space, env.action_space)
    if any(isinstance(space, spaces.Text) and not isinstance(space, UnicodeText) for space in used):
        return (
            " gymnasium.spaces.Text holds only the characters of its charset, by default letters and digits; "
            "quintain.UnicodeText(max_length) holds any text."
        )
    return ""
