"""The baselines of RAT: adversaries trained by PPO on a reward that is learned from equally many comparisons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import Policy, Space
from quintain.attacks.adversary import AdversarySettings, train_adversary
from quintain.attacks.observation import Method
from quintain.attacks.rat.preferences import RewardEnsemble, query_teacher
from quintain.attacks.rat.replay_buffer import ReplayBuffer
from quintain.attacks.rat.settings import RATSettings
from quintain.envs.flat import flat_observations
from quintain.errors import EnvironmentFault
from quintain.seeding import SeedStream

__all__ = ["TrainedBaseline", "train_on_preferences"]

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class TrainedBaseline:
    """Result of :func:`train_on_preferences`.

    Attributes:
        method: The attack, for :func:`~quintain.attacks.learned.LearnedAttack`.
        labels: Number of comparisons that the teacher answered.
        accuracy: Share of them that the reward ensemble predicts, in [0, 1].
    """

    method: Method
    labels: int
    accuracy: float


def train_on_preferences(
    make_env: Callable[[], gym.Env[Any, Any]],
    victim: Policy,
    *,
    kind: Literal["sa-rl", "pa-ad"] = "sa-rl",
    epsilon: float,
    space: Space = "raw",
    feedback: RATSettings = RATSettings(),
    settings: AdversarySettings = AdversarySettings(steps=60_000),
    seed: int = 0,
) -> TrainedBaseline:
    """Train SA-RL or PA-AD on a reward learned from preferences, as RAT's reward is (the paper's baselines).

    The teacher compares segments of the perturbed policy's behaviour; no other policy acts. There are as many rounds of
    feedback as in RAT, spread evenly over the training.

    Args:
        make_env: Makes one environment, not under attack, with a step limit, that reports ``info["attacker_reward"]``.
        victim: The policy under attack.
        kind: ``"sa-rl"``: PPO chooses perturbations. ``"pa-ad"``: PPO chooses directions of the policy's action, which
            needs its gradient. Default: ``"sa-rl"``.
        epsilon: Budget in l_inf, >= 0, in units of ``space``.
        space: Space in which the budget is measured: ``"raw"`` or ``"normalised"``. Default: ``"raw"``.
        feedback: Number and length of comparisons, and networks of the reward; its other fields are not used.
        settings: Hyper-parameters of the adversary.
        seed: Root seed; equal seeds give equal adversaries. Default: 0.

    Raises:
        CapabilityError: If the policy lacks what the attack needs.
        ConfigurationError: If budget, space and environment do not fit.
        EnvironmentFault: If the environment reports no ``info["attacker_reward"]``.
    """
    seeds = SeedStream(seed, "rival")
    state_size, action_size = (int(np.prod(box.shape or ())) for box in (victim.observation_space, victim.action_space))
    rng = seeds.child("queries").generator()
    rewards = RewardEnsemble(state_size + action_size, feedback, seeds.child("reward").generator())
    length = settings.steps // settings.ppo.n_envs + settings.ppo.n_steps
    buffer = ReplayBuffer(length, settings.ppo.n_envs, state_size, action_size)
    envs: list[_LearnedReward] = []

    def make_rewarded() -> gym.Env[Any, Any]:
        envs.append(_LearnedReward(flat_observations(make_env()), victim, rewards))
        return envs[-1]

    rounds = -(-feedback.max_labels // feedback.queries_per_round)
    due = [settings.steps * (i + 1) // (rounds + 1) for i in range(rounds)]
    accuracy = float("nan")
    rounds_done = 0

    def record(steps: int) -> None:
        nonlocal accuracy, rounds_done
        last = [env.last_step for env in envs]
        x, action, true_reward, episode = (np.stack([step[i] for step in last]) for i in range(4))
        # Next states and rewards stay empty: PPO has its own buffer.
        buffer.add(x, action, x, np.ones(len(x)), np.zeros(len(x)), true_reward, episode)
        if rounds_done < rounds and steps >= due[rounds_done]:
            accuracy = query_teacher(buffer, rewards, feedback, rounds_done, rng)
            rounds_done += 1

    method = train_adversary(
        make_rewarded, victim, kind=kind, epsilon=epsilon, space=space, objective="target", settings=settings,
        seed=seed, progress=record,
    )  # fmt: skip
    return TrainedBaseline(method, len(rewards), accuracy)


class _LearnedReward(gym.Wrapper[Any, Any, Any, Any]):
    """Replaces ``info["attacker_reward"]`` by the learned reward, and keeps the last step for the teacher.

    Attributes:
        last_step: Normalised state, executed action in [-1, 1], the attacker's true reward, number of the episode.
    """

    def __init__(self, env: gym.Env[Any, Any], victim: Policy, rewards: RewardEnsemble) -> None:
        super().__init__(env)
        self._victim, self._rewards = victim, rewards
        self._x: Array = np.zeros(0, np.float32)
        self._episode = 0
        self.last_step: tuple[Array, Array, float, int] = (self._x, self._x, 0.0, 0)

    def _normalised(self, observation: Any) -> Array:
        x: Array = np.asarray(self._victim.normalise(np.asarray(observation)[None]), np.float32)[0]
        return x

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        self._x = self._normalised(observation)
        self._episode += 1
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        if "attacker_reward" not in info:
            raise EnvironmentFault("learning from preferences needs an environment that reports attacker_reward")
        space: Any = self._victim.action_space
        scaled = np.asarray(2 * (action - space.low) / (space.high - space.low) - 1, np.float32)
        self.last_step = self._x, scaled, float(info["attacker_reward"]), self._episode
        learned = self._rewards(np.concatenate([self._x, scaled])[None])
        self._x = self._normalised(observation)
        return observation, reward, terminated, truncated, {**info, "attacker_reward": float(learned[0])}
