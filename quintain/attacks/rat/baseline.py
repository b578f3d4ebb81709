"""The rivals of RAT: adversaries trained by PPO on a reward that is learned from just as many comparisons."""

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
from quintain.attacks.rat.memory import Memory
from quintain.attacks.rat.preferences import RewardEnsemble, ask
from quintain.attacks.rat.settings import RATSettings
from quintain.errors import EnvironmentFault
from quintain.seeding import SeedStream

__all__ = ["TrainedRival", "train_on_preferences"]

_FEEDBACK, _SETTINGS = RATSettings(), AdversarySettings(steps=60_000)
Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class TrainedRival:
    """What training gives.

    Attributes:
        method: The attack, for :func:`~quintain.attacks.learned.LearnedAttack`.
        labels: Comparisons the teacher answered.
        accuracy: Share of them that the reward ensemble predicts.
    """

    method: Method
    labels: int
    accuracy: float


def train_on_preferences(
    make: Callable[[], gym.Env[Any, Any]],
    victim: Policy,
    *,
    kind: Literal["sa-rl", "pa-ad"] = "sa-rl",
    epsilon: float,
    space: Space = "raw",
    feedback: RATSettings = _FEEDBACK,
    settings: AdversarySettings = _SETTINGS,
    seed: int = 0,
) -> TrainedRival:
    """Train SA-RL or PA-AD on a reward learned from preferences, as RAT's reward is (the paper's "fair" baselines).

    The teacher compares segments of what the deceived victim does; nothing else ever acts. The rounds of feedback are
    spread over the whole training, in the same number as RAT has.

    Args:
        make: Makes an environment as the victim knows it, with a step limit, that reports ``info["attacker_reward"]``.
        victim: The victim.
        kind: Who chooses the lies.
        epsilon: Budget, >= 0, in l_inf.
        space: Where the budget is measured.
        feedback: Number and length of comparisons, and networks of the reward; the rest is not used.
        settings: How the adversary learns.
        seed: Root seed; equal seeds give equal adversaries.

    Raises:
        CapabilityError: If the victim lacks what the attack needs.
        ConfigurationError: If budget, space and environment do not fit.
        EnvironmentFault: If the environment does not say what the attacker wants.
    """
    seeds = SeedStream(seed, "rival")
    states, actions = (int(np.prod(box.shape or ())) for box in (victim.observation_space, victim.action_space))
    rng = seeds.child("queries").generator()
    rewards = RewardEnsemble(states + actions, feedback, seeds.child("reward").generator())
    memory = Memory(settings.steps // settings.ppo.n_envs + settings.ppo.n_steps, settings.ppo.n_envs, states, actions)
    envs: list[_Judged] = []

    def judged() -> gym.Env[Any, Any]:
        envs.append(_Judged(make(), victim, rewards))
        return envs[-1]

    rounds = -(-feedback.labels // feedback.queries)
    due = [settings.steps * (i + 1) // (rounds + 1) for i in range(rounds)]
    accuracy = float("nan")
    asked = 0

    def tell(steps: int) -> None:
        nonlocal accuracy, asked
        played = [env.last for env in envs]
        x, unit, true, episode = (np.stack([step[i] for step in played]) for i in range(4))
        # Next states and rewards stay empty: PPO keeps its own record.
        memory.add(x, unit, x, np.ones(len(x)), np.zeros(len(x)), true, episode)
        if asked < rounds and steps >= due[asked]:
            accuracy = ask(memory, rewards, feedback, asked, rng)
            asked += 1

    method = train_adversary(
        judged, victim, kind=kind, epsilon=epsilon, space=space, objective="target", settings=settings, seed=seed,
        progress=tell,
    )  # fmt: skip
    return TrainedRival(method, len(rewards), accuracy)


class _Judged(gym.Wrapper[Any, Any, Any, Any]):
    """Pays the attacker what the learned reward says, and keeps the last step with the true reward for the teacher."""

    def __init__(self, env: gym.Env[Any, Any], victim: Policy, rewards: RewardEnsemble) -> None:
        super().__init__(env)
        self._victim, self._rewards = victim, rewards
        self._x: Array = np.zeros(0, np.float32)
        self._episode = 0
        #: State and executed action as the learners read them, the true reward, and the number of the episode.
        self.last: tuple[Array, Array, float, int] = (self._x, self._x, 0.0, 0)

    def _read(self, observation: Any) -> Array:
        read: Array = np.asarray(self._victim.normalise(np.asarray(observation)[None]), np.float32)[0]
        return read

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        self._x = self._read(observation)
        self._episode += 1
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        if "attacker_reward" not in info:
            raise EnvironmentFault("learning from preferences needs an environment that reports attacker_reward")
        space: Any = self._victim.action_space
        unit = np.asarray(2 * (action - space.low) / (space.high - space.low) - 1, np.float32)
        self.last = self._x, unit, float(info["attacker_reward"]), self._episode
        judged = self._rewards(np.concatenate([self._x, unit])[None])
        self._x = self._read(observation)
        return observation, reward, terminated, truncated, {**info, "attacker_reward": float(judged[0])}
