"""A batch of voxel worlds as one vector environment, stepped by one call of a compiled kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers import TimeLimit
from numpy.typing import NDArray

from quintain.envs.minecraft.actions import CHOICES, INVALID_PENALTY, NO_OP, action_space, marginal_mask
from quintain.envs.minecraft.controls import check_controls
from quintain.envs.minecraft.env import MinecraftEnv, check_backend
from quintain.envs.minecraft.tasks import find_task
from quintain.envs.vector import TextVectorEnv, text_vector
from quintain.errors import ConfigurationError, require
from quintain.reward_signature import Columns
from quintain.sandbox.designed_reward import DesignedReward

__all__ = ["MinecraftVectorEnv", "make_vec"]

_LIMITS = np.array(CHOICES, np.int64)


class MinecraftVectorEnv(VectorEnv[Any, Any, Any]):
    """Worlds of :class:`~quintain.envs.minecraft.env.MinecraftEnv`, stepped together in one thread.

    World ``i`` of ``reset(seed=s)`` is the world of a single environment with ``reset(seed=s + i)``, whatever the
    number of worlds, in the episodes that follow too. Arguments beside those of the single environment:

    Args:
        num_envs: Number of worlds, >= 1.
        task: As for the single environment, like the other arguments that are not listed here.
        observation: ``"arrays"`` (default) or ``"flat"``. Observations of all worlds are stacked.
        controls: ``"minedojo"`` (default) or ``"simple"``: nine controls, each held for eight ticks.
        reward: File of a designed reward, which replaces that of the task; where it fails the reward is 0 and
            ``info["reward_error"]`` says why. Default: none.
        autoreset_mode: Behaviour after the last step of an episode: ``SAME_STEP`` (default: the world is reset in the
            same step; its last observation is in ``info["final_obs"]``), ``NEXT_STEP`` (the next step ignores its
            action and resets), or ``DISABLED``.
        max_episode_steps: Steps after which an episode is truncated; ``None`` for no limit. ``gym.make_vec`` passes the
            limit of the registered environment.

    Raises:
        ConfigurationError: If an argument cannot work.
    """

    def __init__(
        self,
        num_envs: int = 1,
        task: str = "harvest_1_log",
        *,
        backend: str = "voxel",
        observation: str = "arrays",
        voxel_size: Mapping[str, int] | str | None = "default",
        rays: Sequence[Sequence[float]] | str | None = None,
        initial_inventory: Mapping[str, int] | None = None,
        world_seed: int | None = None,
        world_size: int = 64,
        timeout_s: float = 60.0,
        controls: str = "minedojo",
        reward: str | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.SAME_STEP,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        check_backend(backend)
        if backend == "minedojo":
            raise ConfigurationError("backend='minedojo' has single environments alone")
        if num_envs < 1:
            raise ConfigurationError(f"num_envs must be >= 1, got {num_envs}")
        if observation not in ("arrays", "flat"):
            raise ConfigurationError(f"observation must be 'arrays' or 'flat' in a vector, got {observation!r}")
        if render_mode is not None:
            raise ConfigurationError("a vector of voxel worlds does not render; use a single environment")
        require("numba", "minecraft", "the voxel simulator")
        from quintain.envs.minecraft.faces import make_batch
        from quintain.envs.minecraft.reward_inputs import signature_of
        from quintain.envs.minecraft.simulator import with_inventory
        from quintain.envs.minecraft.worlds import make_simulator

        self.num_envs = num_envs
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {"render_modes": [], "autoreset_mode": self.autoreset_mode}
        self.render_mode = None
        self.backend, self.world_seed, self.max_episode_steps = backend, world_seed, max_episode_steps
        self.task = with_inventory(find_task(task), initial_inventory)
        self.simulator = make_simulator(backend, num_envs, self.task, world_size, timeout_s)
        self._face = make_batch(observation, voxel_size, rays)
        self.single_observation_space: spaces.Space[Any] = self._face.space
        self._controls = check_controls(controls)
        self.single_action_space: spaces.Space[Any] = action_space() if self._controls is None else self._controls.space
        self.action_names = () if self._controls is None else self._controls.names
        self.reward_signature = signature_of(self.task, max_episode_steps)
        self.designed = None if reward is None else DesignedReward(reward, self.reward_signature, num_envs)
        self._success, self._damage = np.zeros(num_envs, np.bool_), np.zeros(num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._generators = [seeding.np_random(None)[0] for _ in range(num_envs)]
        self._steps = np.zeros(num_envs, np.int64)
        self._over = np.ones(num_envs, np.bool_)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start new episodes in all worlds, or in those of ``options["reset_mask"]``.

        Args:
            seed: One seed each; an integer ``s`` means ``s, s + 1, ...``.
            options: ``reset_mask``: boolean array of shape ``(num_envs,)``.

        Raises:
            ValueError: If the number of seeds or the mask's shape is wrong.
        """
        if seed is None or isinstance(seed, (int, np.integer)):
            seed = [None if seed is None else int(seed) + i for i in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ValueError(f"expected {self.num_envs} seeds, got {len(seed)}")
        mask = np.asarray((options or {}).get("reset_mask", np.ones(self.num_envs, np.bool_)))
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_:
            raise ValueError(f"reset_mask must be a boolean array of shape ({self.num_envs},)")
        for i in map(int, np.flatnonzero(mask)):
            if seed[i] is not None:
                self._generators[i] = seeding.np_random(seed[i])[0]
        self._begin(np.flatnonzero(mask))
        return self._face.batch(self.simulator.world), {"backend": self._all(self.backend)}

    def step(
        self, actions: Any
    ) -> tuple[Any, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Advance all worlds by one action each, shape ``(num_envs, 8)``; invalid rows do nothing and cost 1.

        Raises:
            ValueError: If the shape is wrong.
            RuntimeError: If an episode has ended and nothing resets it (mode ``DISABLED``).
        """
        ticks, invalid = self._read(actions)
        over = self._over
        if over.any() and self.autoreset_mode is not AutoresetMode.NEXT_STEP:
            raise RuntimeError(f"worlds {np.flatnonzero(over).tolist()} were not reset; call reset first")
        resetting = over.copy()
        rewards, success = self._advance(ticks, ~resetting)
        self._steps += ~resetting
        if resetting.any():
            self._begin(np.flatnonzero(resetting))
        invalid &= ~resetting
        rewards = rewards + INVALID_PENALTY * invalid
        terminated = (success | self.simulator.dead()) & ~resetting
        truncated = np.zeros(self.num_envs, np.bool_)
        if self.max_episode_steps is not None:
            truncated = (self._steps >= self.max_episode_steps) & ~resetting & ~terminated
        info = self._info(success, invalid)
        if self.designed is not None:
            rewards = self._designed_rewards(self.designed, ~resetting, info) + INVALID_PENALTY * invalid
        if any(self.simulator.failures):
            failed = info["backend_error"] != ""
            rewards, terminated, truncated = np.where(failed, 0.0, rewards), terminated & ~failed, truncated | failed
        ended = terminated | truncated
        observation = self._face.batch(self.simulator.world)
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            if ended.any():
                observation = self._reset_ended(ended, observation, info)
        else:
            self._over = ended
        return observation, rewards, terminated, truncated, info

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which choices of each component are possible now, shape ``(num_envs, 348)``."""
        return np.stack([marginal_mask(mask) for mask in self.simulator.masks()])

    def reward_inputs(self) -> Columns:
        """Return the inputs of designed rewards after the last step; see ``reward_signature``."""
        from quintain.envs.minecraft.reward_inputs import inputs_of

        return inputs_of(self.simulator, self._success, self._damage)

    def _advance(
        self, ticks: list[NDArray[np.int64]], active: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Step the active worlds until they end; return the sums of their rewards and which have succeeded."""
        self._damage, active = np.zeros(self.num_envs), active.copy()
        rewards, success = np.zeros(self.num_envs), np.zeros(self.num_envs, np.bool_)
        for values in ticks:
            self.simulator.step(values, active)
            rewards += self.simulator.rewards
            self._damage += self.simulator.damage() * active
            success |= self.simulator.succeeded
            active &= ~(success | self.simulator.dead())
        self._success = success
        return rewards, success

    def _designed_rewards(
        self, designed: DesignedReward, stepped: NDArray[np.bool_], info: dict[str, Any]
    ) -> NDArray[np.float64]:
        """Return the rewards of the designed function; where it failed, 0, and the reason is in ``info``."""
        found = designed.rewards(self.reward_inputs())
        info["reward_error"] = np.array(found.errors, dtype=object)
        return np.where(stepped & np.isfinite(found.value), found.value, 0.0)

    def close_extras(self, **kwargs: Any) -> None:
        """End what the backend runs."""
        self.simulator.close()

    def _begin(self, which: NDArray[np.int64]) -> None:
        drawn = [int(self._generators[i].integers(2**62)) for i in which]
        seeds = drawn if self.world_seed is None else [int(self.world_seed)] * len(which)
        self.simulator.begin(which.astype(np.int64), np.array(seeds, np.int64))
        self._steps[which] = 0
        if self.designed is not None:
            self.designed.begin(np.isin(np.arange(self.num_envs), which))
        self._over[which] = False

    def _read(self, actions: Any) -> tuple[list[NDArray[np.int64]], NDArray[np.bool_]]:
        values = np.asarray(actions)
        if self._controls is not None:
            if values.shape != (self.num_envs,) or values.dtype.kind not in "iu":
                raise ValueError(f"expected {self.num_envs} integer actions, got {values.dtype} {values.shape}")
            return self._controls.expand(values, self.num_envs)
        if values.shape != (self.num_envs, 8) or values.dtype.kind not in "iu":
            raise ValueError(
                f"expected integer actions of shape ({self.num_envs}, 8), got {values.dtype} {values.shape}"
            )
        values = values.astype(np.int64)
        invalid: NDArray[np.bool_] = np.any((values < 0) | (values >= _LIMITS), axis=1)
        values[invalid] = NO_OP
        return [values], invalid

    def _info(self, success: NDArray[np.bool_], invalid: NDArray[np.bool_]) -> dict[str, Any]:
        info = {
            "backend": self._all(self.backend),
            "success": success,
            "invalid_action": invalid,
            "death_cause": self.simulator.death_causes(),
        }
        if self.backend != "voxel":
            info["backend_error"] = np.array(self.simulator.failures, dtype=object)
        return info

    def _reset_ended(self, ended: NDArray[np.bool_], last: Any, info: dict[str, Any]) -> Any:
        """Reset the worlds whose episodes have ended, and keep what was seen last in ``info``."""
        info["final_info"] = {name: value.copy() for name, value in info.items()}
        info["final_obs"], info["_final_obs"], info["_final_info"] = last, ended, ended
        self._begin(np.flatnonzero(ended))
        return self._face.batch(self.simulator.world)

    def _all(self, value: str) -> NDArray[Any]:
        return np.full(self.num_envs, value, dtype=object)


def make_vec(
    num_envs: int = 1, *, observation: str = "arrays", max_episode_steps: int | None = None, **kwargs: Any
) -> MinecraftVectorEnv | TextVectorEnv:
    """Make a vector of worlds: what ``gym.make_vec`` calls.

    Args:
        num_envs: Number of worlds, >= 1.
        observation: ``"arrays"``, ``"flat"``, or ``"text"`` for a vector whose worlds are stepped one by one.
        max_episode_steps: Steps after which an episode is truncated; ``None`` for no limit.
        **kwargs: Other arguments of :class:`MinecraftVectorEnv`; with text, those of the single environment.
    """
    if observation != "text":
        return MinecraftVectorEnv(num_envs, observation=observation, max_episode_steps=max_episode_steps, **kwargs)

    def make_one(**arguments: Any) -> gym.Env[Any, Any]:
        env = MinecraftEnv(observation="text", **arguments)
        return env if max_episode_steps is None else TimeLimit(env, max_episode_steps)

    return text_vector(make_one)(num_envs, **kwargs)
