"""Dynamics perturbations: MuJoCo models with changed friction, mass, damping, actuator strength or gravity."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from quintain.errors import ConfigurationError, require
from quintain.seeding import SeedStream

__all__ = ["DynamicsKind", "DynamicsPerturbation", "Quantity"]

#: ``shift``: the factor is constant. ``noise``: each episode draws its factor, log-uniform between the factor and its
#: inverse. ``drift``: the factor moves geometrically from 1 to its value over ``horizon`` steps.
DynamicsKind = Literal["shift", "noise", "drift"]

#: Quantities that can be scaled: sliding friction, masses with their inertias, joint damping, actuator gears, gravity.
Quantity = Literal["friction", "mass", "damping", "strength", "gravity"]


class DynamicsPerturbation(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Scales quantities of a MuJoCo model. Every reset starts from the true values; :meth:`close` restores them.

    In a vector environment wrap the rows, because each has its own model:
    ``gym.make_vec(..., vectorization_mode="sync", wrappers=[partial(DynamicsPerturbation, factors={...})])``.

    Args:
        env: A MuJoCo environment, with attributes ``model`` and ``data``.
        factors: Factor for each quantity, > 0.
        kind: How the factors change over episodes and steps: ``"shift"`` (constant), ``"noise"`` (drawn each episode)
            or ``"drift"`` (towards the factor over ``horizon`` steps). Default: ``"shift"``.
        horizon: Steps over which ``drift`` reaches the factor, >= 1; by default the length of an episode of Gymnasium's
            MuJoCo tasks.

    Raises:
        ConfigurationError: If the environment has no MuJoCo model, or a factor is not finite and > 0.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        factors: Mapping[Quantity, float],
        *,
        kind: DynamicsKind = "shift",
        horizon: int = 1000,
    ) -> None:
        for name, factor in factors.items():
            if name not in get_args(Quantity):
                raise ConfigurationError(f"factors may name {get_args(Quantity)}, got {name!r}")
            if not 0 < factor < math.inf:
                raise ConfigurationError(f"the factor of {name} must be finite and > 0, got {factor!r}")
        if kind not in get_args(DynamicsKind) or horizon < 1:
            raise ConfigurationError(f"kind must be one of {get_args(DynamicsKind)} and horizon >= 1")
        self._mujoco = require("mujoco", "mujoco", "dynamics perturbations")
        model = getattr(env.unwrapped, "model", None)
        if not isinstance(model, self._mujoco.MjModel):
            raise ConfigurationError(f"{env} has no MuJoCo model, so its dynamics cannot be scaled")
        RecordConstructorArgs.__init__(self, factors=dict(factors), kind=kind, horizon=horizon)
        gym.Wrapper.__init__(self, env)
        self.factors: dict[Quantity, float] = dict(factors)
        self.kind = kind
        self.horizon = horizon
        self._model = model
        self._scratch = self._mujoco.MjData(model)
        self._true = {field: getattr(model, field).copy() for field in _FIELDS} | {"gravity": model.opt.gravity.copy()}
        self._rng: np.random.Generator | None = None
        self._now: dict[Quantity, float] = {}
        self._step = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode; ``seed`` also seeds the factors of kind ``noise``."""
        if seed is not None or self._rng is None:
            entropy = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
            self._rng = SeedStream(entropy, "attack", "dynamics").generator()
        self._step = 0
        drawn = self.factors
        if self.kind == "noise":
            drawn = {name: float(f ** self._rng.uniform(-1, 1)) for name, f in self.factors.items()}
        self._set(drawn if self.kind != "drift" else dict.fromkeys(self.factors, 1.0))
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, self._with_report(info)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step the environment, with the factors of this step."""
        self._step += 1
        if self.kind == "drift" and self._step <= self.horizon:
            part = self._step / self.horizon
            self._set({name: f**part for name, f in self.factors.items()})
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated, truncated, self._with_report(info)

    def close(self) -> None:
        """Restore the true values and close."""
        self._set({})
        super().close()

    def _set(self, factors: dict[Quantity, float]) -> None:
        model, true = self._model, self._true
        self._now = factors

        def factor(name: Quantity) -> float:
            return factors.get(name, 1.0)

        model.geom_friction[:] = true["geom_friction"]
        model.geom_friction[:, 0] *= factor("friction")  # sliding; torsional and rolling friction stay
        model.body_mass[:] = true["body_mass"] * factor("mass")
        model.body_inertia[:] = true["body_inertia"] * factor("mass")
        model.dof_damping[:] = true["dof_damping"] * factor("damping")
        model.actuator_gear[:] = true["actuator_gear"] * factor("strength")
        model.opt.gravity[:] = true["gravity"] * factor("gravity")
        if "mass" in self.factors:  # derived constants depend on masses; a separate MjData takes the side effects
            self._mujoco.mj_setConst(model, self._scratch)

    def _with_report(self, info: dict[str, Any]) -> dict[str, Any]:
        entry: dict[str, Any] = {"surface": "dynamics", **{f"{name} factor": f for name, f in self._now.items()}}
        return {**info, "attack": {**info.get("attack", {}), "dynamics": entry}}


_FIELDS = ("geom_friction", "body_mass", "body_inertia", "dof_damping", "actuator_gear")
