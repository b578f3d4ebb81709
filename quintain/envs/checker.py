"""``quintain.check``: does an environment keep its promises? For ours and for anybody's."""

from __future__ import annotations

import contextlib
import io
import math
import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils import seeding
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from quintain.envs.conventions import Unkept, check_hostile_actions, check_info
from quintain.envs.protocols import SolvableEnv
from quintain.envs.vector import TextVectorEnv
from quintain.errors import EnvironmentFault, UnknownNameError
from quintain.spaces import UnicodeText

__all__ = ["CheckReport", "check"]

#: Longest episode that a check plays, in steps.
_MAX_STEPS = 200
_SEEDS = (0, 1, 2, 3, 4, 5)

Transcript = list[tuple[Any, ...]]
Policy = Callable[[gym.Env[Any, Any], np.random.Generator], Any]


@dataclass
class CheckReport:
    """Which promises were checked.

    Attributes:
        env_id: The environment.
        passed: Names of checks that passed.
        failed: Names of checks that failed, with what went wrong.
        skipped: Names of checks that do not apply, with the reason.
        notes: Names of checks that neither passed nor failed: conventions that the environment does without.
        warnings: What the checkers of Gymnasium and PettingZoo warned about.
    """

    env_id: str
    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    def __str__(self) -> str:
        lines = [
            f"{self.env_id}: {len(self.passed)} passed, {len(self.failed)} failed, {len(self.notes)} noted, "
            f"{len(self.skipped)} skipped"
        ]
        lines += [f"  pass  {name}" for name in self.passed]
        lines += [f"  FAIL  {name}: {why}" for name, why in self.failed.items()]
        lines += [f"  note  {name}: {why}" for name, why in self.notes.items()]
        lines += [f"  skip  {name}: {why}" for name, why in self.skipped.items()]
        lines += [f"  warn  {text}" for text in self.warnings]
        return "\n".join([*lines, *(f"  {line}" for line in self.legend)])

    @property
    def legend(self) -> list[str]:
        """Say whose checks failed, where that is a question."""
        lines = []
        if self.failed:
            lines.append(
                "Checks whose names begin with gymnasium or pettingzoo are those libraries' own; "
                "the others are Quintain's: without them numbers cannot be repeated or compared."
            )
        if self.notes:
            lines.append("Notes are no faults: the environment can be played, and its runs say less.")
        return lines


class _Skip(Exception):
    """The check does not apply."""


def check(
    env_id: str,
    env_kwargs: Mapping[str, Any] | None = None,
    *,
    policy: Policy | None = None,
    skip: Sequence[str] = (),
    strict: bool | None = None,
    raise_on_failure: bool = True,
) -> CheckReport:
    """Check an environment against Gymnasium's, PettingZoo's and our own contracts.

    Our own: same seed, same episode; different seeds differ, unless ``metadata["deterministic"]`` says that nothing is
    random, and then they must not; single, lock-step and completion-order vectors agree; instances do not influence
    each other or the global generators; the spec survives JSON.

    Conventions of ours: malformed actions are outcomes; rewards are the sum of their named terms; ``success`` is a
    bool; a text environment has a vector environment that is safe for text. An environment that does without one gets
    a note. What it keeps, it must keep throughout.

    Args:
        env_id: An id in Gymnasium's or PettingZoo's registry (or both: both are checked).
        env_kwargs: Arguments for the environment; plain JSON-able data.
        policy: Chooses actions, ``policy(env, rng)``; by default random ones and, where the environment offers a
            ``solution``, right ones.
        skip: Names of checks to leave out.
        strict: Whether a convention that is not kept is a failure; by default in Quintain's own environments.
        raise_on_failure: Raise if a check fails.

    Returns:
        What was checked.

    Raises:
        UnknownNameError: If the id is in neither registry.
        EnvironmentFault: If a check fails; the message lists all failures.
    """
    import pettingzoo

    kwargs = dict(env_kwargs or {})
    report = CheckReport(env_id)
    name = env_id.partition(":")[2] or env_id
    checks: dict[str, Callable[[], None]] = {}
    if name in gym.registry:
        checks |= _gymnasium_checks(env_id, kwargs, policy or _default_policy)
        if strict is None:
            strict = str(gym.registry[name].entry_point).startswith("quintain.")
    for kind, registry in (("parallel", pettingzoo.parallel_registry), ("aec", pettingzoo.aec_registry)):
        if name in registry:
            checks |= _pettingzoo_checks(kind, name, kwargs)
    if not checks:
        known = {*gym.registry, *pettingzoo.parallel_registry, *pettingzoo.aec_registry}
        raise UnknownNameError("environment", env_id, known)
    for title, run in checks.items():
        if title in skip:
            report.skipped[title] = "left out on request"
            continue
        try:
            with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
                warnings.simplefilter("always")
                run()
        except _Skip as reason:
            report.skipped[title] = str(reason)
        except Unkept as unkept:
            (report.failed if strict else report.notes)[title] = str(unkept)
        except Exception as error:
            report.failed[title] = f"{type(error).__name__}: {error}"
        else:
            report.passed.append(title)
        said = [f"{title}: {w.message}" for w in caught if issubclass(w.category, UserWarning)]
        report.warnings += dict.fromkeys(said)
    if report.failed and raise_on_failure:
        raise EnvironmentFault(str(report))
    return report


def _gymnasium_checks(env_id: str, kwargs: dict[str, Any], policy: Policy) -> dict[str, Callable[[], None]]:
    def make() -> gym.Env[Any, Any]:
        return gym.make(env_id, disable_env_checker=True, **kwargs)

    def gymnasium_check_env() -> None:
        with contextlib.closing(make()) as env:
            try:
                check_env(env.unwrapped, skip_render_check=env.render_mode is None)
            except AssertionError as error:
                raise EnvironmentFault(f"{error}{_text_hint(env)}") from error

    def same_seed_same_episode() -> None:
        with contextlib.closing(make()) as one, contextlib.closing(make()) as two:
            for seed in _SEEDS:
                _same(_episode(one, seed, policy), _episode(two, seed, policy), f"seed {seed}")

    def different_seeds_differ() -> None:
        with contextlib.closing(make()) as env:
            episodes = [list(_play(env, seed, policy, draws=0)) for seed in _SEEDS]
            declared = env.unwrapped.metadata.get("deterministic", False)
            fresh = seeding.np_random(_SEEDS[-1])[0].bit_generator.state
            world = env.unwrapped
            drew = world.np_random_seed == _SEEDS[-1] and world.np_random.bit_generator.state != fresh
        same = all(_equal(episodes[0], other) for other in episodes[1:])
        if same and not declared and drew:
            raise Unkept(
                f"seeds {_SEEDS} all gave the same episode, though the environment draws random numbers: what is drawn "
                "does not show under these actions; pass a policy to quintain.check that brings it out"
            )
        if same and not declared:
            raise EnvironmentFault(
                f"seeds {_SEEDS} all gave the same episode, and nothing was drawn from self.np_random; if nothing is "
                "random, say so with metadata['deterministic'], otherwise draw from it"
            )
        if declared and not same:
            raise EnvironmentFault("metadata['deterministic'] is declared, and equal actions gave different episodes")
        if declared:
            raise _Skip(f"nothing is random, as metadata['deterministic'] says; seeds {_SEEDS} gave one episode")

    def instances_do_not_interfere() -> None:
        with contextlib.closing(make()) as one, contextlib.closing(make()) as two:
            alone = _episode(one, 0, policy), _episode(two, 1, policy)
            together: tuple[Transcript, Transcript] = ([], [])
            games = [_play(one, 0, policy), _play(two, 1, policy)]
            live = [True, True]
            while any(live):
                for i in (0, 1):
                    if live[i]:
                        step = next(games[i], None)
                        if step is None:
                            live[i] = False
                        else:
                            together[i].append(step)
            _same(alone[0], together[0], "the first of two interleaved instances")
            _same(alone[1], together[1], "the second of two interleaved instances")

    def global_generators_untouched() -> None:
        before = random.getstate(), np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
        with contextlib.closing(make()) as env:
            _episode(env, 0, policy)
        after = random.getstate(), np.random.get_state()[1]  # type: ignore[index]  # noqa: NPY002
        if before[0] != after[0] or not np.array_equal(before[1], after[1]):
            raise EnvironmentFault("an episode drew from the global generators of random or numpy")

    def spec_survives_json() -> None:
        with contextlib.closing(make()) as env:
            assert env.spec is not None
            again = gym.make(EnvSpec.from_json(env.spec.to_json()), disable_env_checker=True)
            with contextlib.closing(again):
                _same(_episode(env, 3, policy), _episode(again, 3, policy), "rebuilt from its spec")

    def vectors_agree() -> None:
        _check_vectors(env_id, kwargs, make, policy)

    def hostile_actions_are_outcomes() -> None:
        with contextlib.closing(make()) as env:
            check_hostile_actions(env, [step[5] for step in _episode(env, 0, policy)[1:]])

    def info_adds_up() -> None:
        with contextlib.closing(make()) as env:
            episodes = [_episode(env, seed, policy)[1:] for seed in _SEEDS]
        check_info([[(float(step[2]), step[5]) for step in episode] for episode in episodes])

    return {
        run.__name__.replace("_", " "): run
        for run in (
            gymnasium_check_env,
            same_seed_same_episode,
            different_seeds_differ,
            instances_do_not_interfere,
            global_generators_untouched,
            spec_survives_json,
            vectors_agree,
            hostile_actions_are_outcomes,
            info_adds_up,
        )
    }


def _pettingzoo_checks(kind: str, name: str, kwargs: dict[str, Any]) -> dict[str, Callable[[], None]]:
    import pettingzoo
    from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test

    def make(**more: Any) -> Any:
        return pettingzoo.make(kind, name, **kwargs, **more)

    def api() -> None:
        (parallel_api_test if kind == "parallel" else api_test)(make(), num_cycles=200)

    def seeds() -> None:
        (parallel_seed_test if kind == "parallel" else seed_test)(make, num_cycles=50)

    return {f"pettingzoo {kind} api": api, f"pettingzoo {kind} seeds": seeds}


def _default_policy(env: gym.Env[Any, Any], rng: np.random.Generator) -> Any:
    """Draw random actions; in half the episodes play what the environment itself says is right, after a program."""
    draw = rng.random()
    if isinstance(env.action_space, spaces.Text) and draw < 0.3:
        return f"```python\nprint({int(rng.integers(100))})\n```"
    base = env.unwrapped
    if isinstance(base, SolvableEnv) and draw < 0.65:
        return base.solution()
    space = deepcopy(env.action_space)
    space.seed(int(rng.integers(2**31)))
    return space.sample()


def _play(env: gym.Env[Any, Any], seed: int, policy: Policy, draws: int | None = None) -> Iterator[tuple[Any, ...]]:
    """Play one episode, yielding ``(action, observation, reward, terminated, truncated, info)`` from the reset on.

    The policy draws from a generator seeded by ``draws``, by default by ``seed``.
    """
    rng = np.random.default_rng(seed if draws is None else draws)
    observation, info = env.reset(seed=seed)
    yield None, deepcopy(observation), 0.0, False, False, deepcopy(info)
    for _ in range(_MAX_STEPS):
        action = policy(env, rng)
        observation, reward, terminated, truncated, info = env.step(action)
        yield action, deepcopy(observation), reward, terminated, truncated, deepcopy(info)
        if terminated or truncated:
            return


def _episode(env: gym.Env[Any, Any], seed: int, policy: Policy) -> Transcript:
    return list(_play(env, seed, policy))


def _check_vectors(env_id: str, kwargs: dict[str, Any], make: Callable[[], gym.Env[Any, Any]], policy: Policy) -> None:
    """Play the same actions single, in Gymnasium's synchronous vector, and in ours in completion order."""
    with contextlib.closing(make()) as env:
        if not isinstance(env.observation_space, spaces.Text):
            raise _Skip("not a text environment; Gymnasium's own vectors serve it")
        singles = [_episode(env, seed, policy) for seed in _SEEDS]
    made = gym.make_vec(env_id, num_envs=len(_SEEDS), **kwargs)
    made.close()
    safe = isinstance(made.unwrapped, TextVectorEnv)
    if safe and not isinstance(made.metadata.get("autoreset_mode"), AutoresetMode):
        raise EnvironmentFault("the vector environment does not declare metadata['autoreset_mode']")
    makers = [make] * len(_SEEDS)
    with contextlib.closing(SyncVectorEnv(makers, autoreset_mode=AutoresetMode.DISABLED)) as vector:
        observations, _ = vector.reset(seed=list(_SEEDS))
        steps = vector.step([single[1][0] for single in singles])
        for i, single in enumerate(singles):
            expected = [(single[0][1],), tuple(single[1][1:5])]
            seen_here = [(observations[i],), tuple(part[i] for part in steps[:4])]
            _same(expected, seen_here, f"Gymnasium's synchronous vector, seed {_SEEDS[i]}")
    with contextlib.closing(TextVectorEnv(makers, autoreset_mode=AutoresetMode.DISABLED)) as ours:
        starts, _ = ours.reset(seed=list(_SEEDS))
        seen: list[Transcript] = [[(starts[i],)] for i in range(len(_SEEDS))]
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
        _same(wanted, seen[i], f"completion order, seed {_SEEDS[i]}")
    if not safe:
        raise Unkept(
            f"gym.make_vec gives {type(made.unwrapped).__name__}; Gymnasium's vectors with shared memory corrupt text: "
            "register the environment with a vector_entry_point that returns quintain.envs.vector.TextVectorEnv"
        )


def _text_hint(env: gym.Env[Any, Any]) -> str:
    """Name our text space where Gymnasium's, limited to a character set, is likely to be at fault."""
    used = (env.observation_space, env.action_space)
    if any(isinstance(space, spaces.Text) and not isinstance(space, UnicodeText) for space in used):
        return (
            " gymnasium.spaces.Text holds only the characters of its charset, by default letters and digits; "
            "quintain.UnicodeText(max_length) holds any text."
        )
    return ""


def _same(one: Transcript, two: Transcript, what: str) -> None:
    """Compare transcripts and say where they part."""
    for number, (a, b) in enumerate(zip(one, two, strict=False)):
        if not _equal(a, b):
            raise EnvironmentFault(f"{what}: step {number} differs: {str(a)[:200]!r} against {str(b)[:200]!r}")
    if len(one) != len(two):
        raise EnvironmentFault(f"{what}: {len(one)} steps against {len(two)}")


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_equal(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f")
    return bool(a == b) or (isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b))
