"""The wrapper that applies a perturbation to a vector environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from numpy.typing import NDArray

from quintain.attacks.perturbation import Perturbation, Report, RowGenerators, Rows, require_new_name
from quintain.envs.sharing import check_distinct

__all__ = ["AttackedVector"]


class AttackedVector(VectorWrapper):
    """Applies a perturbation to a vector environment, all rows in one batch, in every autoreset mode.

    ``spec`` is ``None``: ``gym.make_vec`` makes no wrapped vector environments, and the inner spec describes one
    without the attack.

    Args:
        env: The vector environment to attack.
        perturbation: What to apply; used by this wrapper alone, because it holds the state of the running episodes.

    Raises:
        ConfigurationError: If the environment's spaces do not fit, an attack of that name is already applied, or two
            of its environments are the same object.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], perturbation: Perturbation) -> None:
        super().__init__(env)
        check_distinct(getattr(env.unwrapped, "envs", ()))
        require_new_name(env, perturbation)
        perturbation.bind(env, env.num_envs)
        self.perturbation = perturbation
        self._mode = env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        self._generators = RowGenerators(env.num_envs, perturbation.name)
        self._all = np.arange(env.num_envs, dtype=np.int64)
        self._all_true = np.ones(env.num_envs, dtype=np.bool_)
        self._done = np.zeros(env.num_envs, dtype=np.bool_)
        self._any_done = False
        self._last_observations: NDArray[Any] | None = None
        self._constants: dict[str, Any] = {}
        for key, value in perturbation.describe().items():
            column = np.full(env.num_envs, value, dtype=object if isinstance(value, str) else None)
            self._constants |= {key: column, f"_{key}": self._all_true}

    @property
    def spec(self) -> EnvSpec | None:  # type: ignore[override]
        """``None``: the inner spec would describe an environment without the attack."""
        return None

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start episodes in all rows, or in those of ``options["reset_mask"]``; seeds also seed the perturbation."""
        mask = None if options is None else options.get("reset_mask")
        rows = self._all if mask is None else np.flatnonzero(mask)
        seeds: Sequence[int | None]
        if isinstance(seed, Sequence):
            seeds = seed
        else:  # Gymnasium counts up from a single seed
            seeds = [None if seed is None else seed + row for row in range(len(self._all))]
        observations, infos = self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]
        for row in map(int, rows):
            self.perturbation.reset(row, self._generators.at_reset(row, seeds[row]))
        self._done[rows] = False
        self._any_done = bool(self._done.any())
        if self.perturbation.surface == "observation":
            observations, infos = self._perturb(observations, infos, rows)
        return observations, infos

    def step(self, actions: Any) -> tuple[Any, NDArray[Any], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Step the environments, with actions, observations or rewards perturbed."""
        surface = self.perturbation.surface
        stepped, report = self._all, Report()
        if self._any_done and self._mode is AutoresetMode.NEXT_STEP:
            # This call resets the rows whose episode has ended: they take no action and have no reward.
            stepped = np.flatnonzero(~self._done)
            self._restart(np.flatnonzero(self._done))
        if surface == "action" and len(stepped):
            actions = np.array(actions)
            actions[stepped], report = self.perturbation.apply(actions[stepped], stepped)
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        self._done = terminations | truncations
        self._any_done = bool(self._done.any())
        if surface == "observation":
            self.perturbation.observe_transition(actions, rewards, stepped)
        elif surface == "action":
            infos = self._with_report(infos, report, stepped)
        elif surface == "reward" and len(stepped):
            changed, report = self.perturbation.apply(np.asarray(rewards, dtype=np.float64)[stepped], stepped)
            infos = self._with_report(infos, report, stepped)
            true, rewards = rewards, np.array(rewards, dtype=np.float64)
            rewards[stepped] = changed
            infos = self._with_reward_terms(infos, rewards - true, stepped)
        if self._any_done and self._mode is AutoresetMode.SAME_STEP:
            ended = np.flatnonzero(self._done)
            if surface == "observation":
                infos = self._perturb_final(infos, ended)
            self._restart(ended)
        if surface == "observation":
            observations, infos = self._perturb(observations, infos, self._all)
        return observations, rewards, terminations, truncations, infos

    def _restart(self, rows: Rows) -> None:
        for row in rows:
            self.perturbation.reset(int(row), self._generators.at_reset(int(row), None))

    def _perturb(self, observations: Any, infos: dict[str, Any], rows: Rows) -> tuple[Any, dict[str, Any]]:
        if len(rows) == len(self._all):
            perturbed, report = self.perturbation.apply(observations, rows)
        else:  # other rows: the observations of their last step stay as they are
            perturbed = np.array(observations if self._last_observations is None else self._last_observations)
            perturbed[rows], report = self.perturbation.apply(observations[rows], rows)
        self._last_observations = perturbed
        return perturbed, self._with_report(infos, report, rows)

    def _perturb_final(self, infos: dict[str, Any], rows: Rows) -> dict[str, Any]:
        final = infos["final_obs"].copy()
        perturbed, _ = self.perturbation.apply(np.stack([final[row] for row in rows]), rows)
        for row, observation in zip(rows, perturbed, strict=True):
            final[row] = observation
        return {**infos, "final_obs": final}

    def _with_report(self, infos: dict[str, Any], report: Report, rows: Rows) -> dict[str, Any]:
        """Add the report in the layout of Gymnasium's vector infos: values, and a mask of the rows that have them."""
        every_row = len(rows) == len(self._all)
        mask = self._all_true if every_row else np.isin(self._all, rows)
        entry = dict(self._constants)
        for name, values in report.items():
            if not every_row:
                full = np.zeros((len(self._all), *values.shape[1:]), dtype=values.dtype)
                full[rows] = values
                values = full
            entry[name], entry[f"_{name}"] = values, mask
        name = self.perturbation.name
        attacks = {**infos.get("attack", {}), name: entry, f"_{name}": mask}
        return {**infos, "attack": attacks, "_attack": mask}

    def _with_reward_terms(
        self, infos: dict[str, Any], difference: NDArray[np.float64], stepped: Rows
    ) -> dict[str, Any]:
        """Add the change of the reward to the reward terms of ``stepped``."""
        rows = np.isin(self._all, stepped)
        if self._any_done and self._mode is AutoresetMode.SAME_STEP:  # the last info of rows that end is apart
            infos = {**infos, "final_info": self._add_reward_term(infos["final_info"], difference, rows & self._done)}
            rows &= ~self._done
        return self._add_reward_term(infos, difference, rows)

    def _add_reward_term(
        self, infos: dict[str, Any], difference: NDArray[np.float64], rows: NDArray[np.bool_]
    ) -> dict[str, Any]:
        if "reward_terms" not in infos:
            return infos
        mask = rows & infos["_reward_terms"]
        key = f"attack:{self.perturbation.name}"
        terms = {**infos["reward_terms"], key: np.where(mask, difference, 0.0), f"_{key}": mask}
        return {**infos, "reward_terms": terms}
