"""Policies to be tested and their environments: reference policies by name, files, and users' own policies."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec

from quintain.agents.policies import MLP, Layer, Normaliser, Policy, Rollouts, load_policy
from quintain.agents.policies.sb3_files import load_sb3
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.evaluation.manifest import describe_env
from quintain.experiments.robustness.intention import mirror_image
from quintain.seeding import SeedStream
from quintain.training.control.recipes import RECIPES
from quintain.training.control.reference import load_reference, train_reference

__all__ = [
    "PolicyUnderTest",
    "load_policy_under_test",
    "make_policy_under_test",
    "read_policy",
    "reference_policy_under_test",
]

_SUFFIXES = (".npz", ".zip")


@dataclass(frozen=True)
class PolicyUnderTest:
    """A policy and the environment that it was trained on.

    Attributes:
        name: Name of the policy in tables and records.
        make: Makes an environment; accepts ``render_mode`` if videos are to be recorded.
        policies: Policies by root seed of the repetition; the key ``None`` holds the one for all other seeds.
        intentions: Policies whose actions a targeted attacker wants to cause, keyed as ``policies``. Default: empty, so
            that targeted attacks are not possible.
        env: Description of the environment as JSON-able data.
    """

    name: str
    make: Callable[..., gym.Env[Any, Any]]
    policies: Mapping[int | None, Policy]
    intentions: Mapping[int | None, Policy] = field(default_factory=dict)
    env: Any = None

    def policy(self, seed: int) -> Policy:
        """Return the policy of the repetition with this root seed."""
        return self.policies[seed] if seed in self.policies else self.policies[None]

    def intention(self, seed: int) -> Policy | None:
        """Return the intention policy of the repetition with this root seed, if there is one."""
        return self.intentions.get(seed) or self.intentions.get(None)

    def describe(self) -> dict[str, Any]:
        """Return the JSON-able data that results depend on; weights are represented by a hash of the actions."""
        policies = {"victims": self.policies, "intentions": self.intentions}
        hashes = {k: {str(seed): _fingerprint(v) for seed, v in some.items()} for k, some in policies.items()}
        return {"name": self.name, "env": self.env, **hashes}


def make_policy_under_test(
    env: str | EnvSpec | Callable[..., gym.Env[Any, Any]],
    victim: Policy,
    *,
    env_kwargs: Mapping[str, Any] | None = None,
    intention: Policy | None = None,
    name: str = "",
) -> PolicyUnderTest:
    """Combine a policy with its environment.

    Args:
        env: Registered id, ``EnvSpec``, or a function that makes the environment; to record videos it must accept
            ``render_mode``.
        victim: The policy to be attacked.
        env_kwargs: Arguments of the environment.
        intention: A policy whose actions a targeted attacker wants to cause. Default: none.
        name: Name in tables and records. Default: the policy's name.

    Raises:
        ConfigurationError: If ``victim`` is a bare model and not a :class:`~quintain.agents.policies.Policy`.
    """
    if not isinstance(victim, Policy):
        raise ConfigurationError(
            f"expected a Policy, got {type(victim).__name__}; wrap a Stable-Baselines3 model with "
            "Policy.from_sb3(model), a torch module with Policy.from_module(module, ...)"
        )
    kwargs = dict(env_kwargs or {})

    def make(**more: Any) -> gym.Env[Any, Any]:
        if callable(env):
            return env(**kwargs, **more)
        return gym.make(env, disable_env_checker=True, **kwargs, **more)

    described = {"env": describe_env(env), "env_kwargs": kwargs}
    return PolicyUnderTest(
        name or victim.name, make, {None: victim}, {} if intention is None else {None: intention}, described
    )


def reference_policy_under_test(
    name: str,
    *,
    scenario: str | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    intention: Policy | None = None,
    seeds: tuple[int, ...] = (),
    steps: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    sketch: bool = False,
) -> PolicyUnderTest:
    """Return a reference policy with its environment; the policy is trained now unless it is cached.

    On a Tabletop task with scenario ``"opposite"`` (the attacker's goal is the mirror image of the goal), the intention
    policy is the mirror image of the policy.

    Args:
        name: Name of the reference policy, a key of ``RECIPES``.
        scenario: The attacker's goal in a Tabletop task, ``"opposite"`` or ``"manipulation"``. Default: the
            environment's, ``"opposite"``.
        env_kwargs: Further arguments of the environment.
        intention: A policy whose actions a targeted attacker wants to cause. Default: the mirror image, see above.
        seeds: Seeds of training: one policy is trained per seed and used in the repetition with that root seed.
            Default: the policy of seed 0 in all repetitions.
        steps: Environment steps of training. Default: the recipe's.
        progress: Called during training with a title, the number of steps so far and the total.
        sketch: Dry run: a policy that is not cached is replaced by an untrained one with the same spaces, which is
            enough to check which attacks are applicable.

    Raises:
        UnknownNameError: If there is no such recipe.
        ConfigurationError: If ``scenario`` is given and the environment is not a Tabletop task.
    """
    if name not in RECIPES:
        raise UnknownNameError("reference policy", name, RECIPES)
    recipe = RECIPES[name]
    tabletop = recipe.env_id.startswith("Tabletop/")
    if scenario is not None and not tabletop:
        raise ConfigurationError(
            f"reference policy {name!r} acts in {recipe.env_id}, which has no scenarios; Tabletop tasks do"
        )
    kwargs = {**recipe.env_kwargs, **({"scenario": scenario} if scenario else {}), **(env_kwargs or {})}

    def make(**more: Any) -> gym.Env[Any, Any]:
        return gym.make(recipe.env_id, disable_env_checker=True, **kwargs, **more)

    def obtain(seed: int) -> Policy:
        if sketch:
            return _stand_in(name, seed, make)

        def report(done: int, reward: float) -> None:
            if progress is not None:
                progress(f"{name}, seed {seed}", done, steps or recipe.steps)

        return train_reference(name, seed, steps=steps, progress=report)[0]

    def memoryless(seed: int | None) -> Policy:
        """Return the policy, or the demonstrator that a history-dependent policy imitates."""
        if not policies[seed].is_stateful:
            return policies[seed]
        return load_reference(recipe.demonstrator, seed or 0)[0]

    policies: dict[int | None, Policy] = {seed: obtain(seed) for seed in seeds} if seeds else {None: obtain(0)}
    intentions: dict[int | None, Policy] = {}
    if intention is not None:
        intentions = {None: intention}
    elif tabletop and kwargs.get("scenario", "opposite") == "opposite":
        intentions = {seed: mirror_image(memoryless(seed)) for seed in policies}

    return PolicyUnderTest(name, make, policies, intentions, {"env": recipe.env_id, "env_kwargs": kwargs})


def load_policy_under_test(
    path: str | Path,
    env: str,
    *,
    env_kwargs: Mapping[str, Any] | None = None,
    normaliser: str | Path | None = None,
    algorithm: str | None = None,
    intention: Policy | None = None,
) -> PolicyUnderTest:
    """Read a policy from a file: one that ``save_policy`` wrote (``.npz``) or a Stable-Baselines3 model (``.zip``).

    Loading a Stable-Baselines3 file or ``VecNormalize`` statistics executes what is pickled inside: load only your own.

    Args:
        path: Path of the file; the file name without suffix is the policy's name in tables.
        env: Registered id of the policy's environment.
        env_kwargs: Arguments of the environment.
        normaliser: File with the ``VecNormalize`` statistics of a Stable-Baselines3 model. Default: none.
        algorithm: Name of the algorithm of a Stable-Baselines3 model, such as ``"SAC"``. Default: as the file says.
        intention: A policy whose actions a targeted attacker wants to cause. Default: the mirror image of the policy
            on Tabletop tasks with scenario ``"opposite"``, otherwise none.

    Raises:
        ConfigurationError: If there is no such file, or it holds no usable policy.
    """
    victim = read_policy(path, normaliser, algorithm)
    kwargs = dict(env_kwargs or {})
    opposite = env.startswith("Tabletop/") and kwargs.get("scenario", "opposite") == "opposite"
    if intention is None and opposite and not victim.is_stateful:
        intention = mirror_image(victim)
    return make_policy_under_test(env, victim, env_kwargs=kwargs, intention=intention, name=Path(path).stem)


def read_policy(path: str | Path, normaliser: str | Path | None = None, algorithm: str | None = None) -> Policy:
    """Read a file that ``save_policy`` (``.npz``) or Stable-Baselines3 (``.zip``) wrote.

    Args:
        path: Path of the policy file.
        normaliser: File with the ``VecNormalize`` statistics of a Stable-Baselines3 model. Default: none.
        algorithm: Name of the algorithm of a Stable-Baselines3 model, such as ``"SAC"``. Default: as the file says.

    Raises:
        ConfigurationError: If there is no such file, or it holds no usable policy.
    """
    source = Path(path)
    if not source.is_file() or source.suffix not in _SUFFIXES:
        raise ConfigurationError(
            f"no policy at {str(source)!r}: expected a file that save_policy (.npz) or Stable-Baselines3 (.zip) wrote"
        )
    if source.suffix == ".npz":
        if normaliser is not None or algorithm is not None:
            raise ConfigurationError("a .npz file holds its normaliser and no algorithm; leave both out")
        return load_policy(source)[0]
    return Policy.from_sb3(load_sb3(source, algorithm), normaliser=normaliser, name=source.stem)


def _stand_in(name: str, seed: int, make: Callable[[], gym.Env[Any, Any]]) -> Policy:
    """Return the cached policy, or a Gaussian linear policy with weights of 0 in the same spaces."""
    with contextlib.suppress(ConfigurationError):
        return load_reference(name, seed)[0]
    env = make()
    observation_space, action_space = env.observation_space, env.action_space
    env.close()
    inputs, outputs = (int(np.prod(space.shape or ())) for space in (observation_space, action_space))
    policy, value = (MLP([Layer(np.zeros((k, inputs)), np.zeros(k), "identity")]) for k in (outputs, 1))
    return Policy(
        policy,
        observation_space,
        action_space,
        head="gaussian",
        std=np.ones(outputs),
        value=value,
        normaliser=Normaliser(np.zeros(inputs), np.ones(inputs)),
        name=name,
    )


def _fingerprint(victim: Policy) -> str:
    """Hash the actions in 64 fixed random observations, rounded so that floating-point noise does not change it."""
    shape = victim.observation_space.shape or ()
    states = SeedStream(0, "fingerprint").generator().standard_normal((64, *shape))
    if victim.normaliser is not None:
        states = states * victim.normaliser.scale + victim.normaliser.mean
    rollouts = Rollouts(victim, len(states))  # for a history-dependent policy: its first actions
    rollouts.reset()
    actions = np.round(rollouts.act(states).astype(np.float64), 3) + 0.0
    return hashlib.blake2b(actions.tobytes(), digest_size=8).hexdigest()
