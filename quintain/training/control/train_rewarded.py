"""PPO under a designed, sparse or own reward, and the evidence of an evaluation."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.errors import require
from quintain.rewards.designer.roles import Evidence
from quintain.sandbox.reward_program import RewardProgram
from quintain.seeding import SeedStream
from quintain.training.control.bonus import Bonus
from quintain.training.control.ppo import make_ppo
from quintain.training.control.reward_evidence import PlayedEpisode, collect_evidence
from quintain.training.control.reward_worlds import RewardWorlds, WorldStep, make_training_env
from quintain.training.control.sb3_worlds import as_vec_env
from quintain.training.control.settings import PPOSettings
from quintain.training.control.threads import one_thread

__all__ = ["RewardedTraining", "TrainingPlan", "evaluate_rewarded", "save_model", "train_rewarded"]

#: Number of episodes over which the curve averages.
_WINDOW = 256


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """One training of PPO in an environment that declares a reward signature.

    Attributes:
        env: Registered id of the environment.
        env_kwargs: Its arguments.
        steps: Environment steps; 0 trains nothing, which leaves what ``start`` made. Default: 100,000.
        ppo: Hyper-parameters. Default: 64 environments, rollouts of 64 steps, batches of 256, 6 epochs, learning rate
            7e-4, entropy bonus 0.01, two layers of 64 ReLU units.
        norm_obs: Whether observations are normalised by running statistics. Default: false.
        eval_episodes: Episodes of the evaluation, >= 1. Default: 128.
    """

    env: str
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 100_000
    ppo: PPOSettings = field(
        default_factory=lambda: PPOSettings(
            n_envs=64, n_steps=64, batch_size=256, n_epochs=6, learning_rate=7e-4, ent_coef=0.01, activation_fn="relu"
        )
    )
    norm_obs: bool = False
    eval_episodes: int = 128


@dataclass(frozen=True)
class RewardedTraining:
    """A trained policy and the course of its training.

    Attributes:
        model: Stable-Baselines3's model.
        normaliser: Its ``VecNormalize``, or ``None``.
        curve: Rows of ``step``, ``success``, ``deaths`` (shares of the last 256 training episodes), ``reward`` (mean
            sum of rewards per episode), ``reward_errors`` (share of steps at which the function failed) and
            ``episodes`` (how many episodes these are shares of).
        counts: How the calls of a designed function ended, in rows.
    """

    model: Any
    normaliser: Any
    curve: tuple[dict[str, float], ...]
    counts: Mapping[str, int]

    def act(self, observations: NDArray[Any]) -> NDArray[Any]:
        """Sample actions, shape ``(n, ...)``, from torch's generator."""
        seen = observations if self.normaliser is None else self.normaliser.normalize_obs(observations)
        return np.asarray(self.model.predict(seen, deterministic=False)[0])


class _Watch:
    """Averages over the last training episodes, and adds a bonus to the rewards."""

    def __init__(self, n: int, bonus: Bonus | None) -> None:
        self.ends: deque[tuple[float, float, float]] = deque(maxlen=_WINDOW)
        self.sums, self.bonus = np.zeros(n), bonus
        self.failed = self.steps = 0

    def __call__(self, step: WorldStep, actions: Any) -> Any:
        self.sums += step.rewards
        self.failed += int(np.isnan(step.dense).sum())
        self.steps += len(step.dense)
        for row in np.flatnonzero(step.done).tolist():
            self.ends.append((float(step.success[row]), float(step.dead[row]), float(self.sums[row])))
            self.sums[row] = 0.0
        return None if self.bonus is None else self.bonus.add(step, actions)

    def row(self, step: int) -> dict[str, float]:
        success, deaths, reward = np.mean(self.ends, axis=0).tolist() if self.ends else (0.0, 0.0, 0.0)
        failed, self.failed, self.steps = self.failed / max(self.steps, 1), 0, 0
        return {
            "step": step, "success": success, "deaths": deaths, "reward": reward, "reward_errors": failed,
            "episodes": len(self.ends),
        }  # fmt: skip


@one_thread()
def train_rewarded(
    plan: TrainingPlan,
    reward: RewardProgram | str,
    seed: int = 0,
    *,
    bonus: Bonus | None = None,
    start: Callable[[Any], None] = lambda model: None,
    progress: Callable[[Mapping[str, float]], None] = lambda row: None,
) -> RewardedTraining:
    """Train a policy with PPO.

    Args:
        plan: Environment, steps and hyper-parameters.
        reward: A designed function, ``"sparse"`` or ``"env"``; see
            :class:`~quintain.training.control.reward_worlds.RewardWorlds`.
        seed: Root seed. Default: 0.
        bonus: Reward of the learner's own, such as curiosity. Default: none.
        start: Called with the untrained model, to begin from other weights.
        progress: Called with every row of the curve, one per rollout.

    Raises:
        MissingDependencyError: If Stable-Baselines3 is not installed.
    """
    wrappers: Any = require("stable_baselines3.common.vec_env", "rl", "training with PPO")
    callbacks: Any = require("stable_baselines3.common.callbacks", "rl", "training with PPO")
    seeds = SeedStream(seed, "designed reward")
    vector = make_training_env(plan.env, plan.env_kwargs, plan.ppo.n_envs)
    worlds = RewardWorlds(vector, seeds.child("episodes"), reward)
    watch = _Watch(worlds.n, bonus)
    venv = as_vec_env(worlds, watch)
    normaliser = wrappers.VecNormalize(venv, norm_reward=False, gamma=plan.ppo.gamma) if plan.norm_obs else None
    model = make_ppo(normaliser or venv, plan.ppo, seed=seeds.child("training").seed)
    start(model)
    curve: list[dict[str, float]] = []

    class _Log(callbacks.BaseCallback):  # type: ignore[misc]  # a class of a library that is imported here
        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            curve.append(watch.row(self.num_timesteps))
            if bonus is not None:
                bonus.update(self.model)
            progress(curve[-1])

    try:
        if plan.steps:
            model.learn(plan.steps, callback=_Log())
    finally:
        worlds.close()
    counts = {} if isinstance(reward, str) else dict(reward.counts)
    return RewardedTraining(model, normaliser, tuple(curve), counts)


@one_thread()
def evaluate_rewarded(
    plan: TrainingPlan, trained: RewardedTraining, reward: RewardProgram | str, seed: int = 0
) -> tuple[Evidence, list[PlayedEpisode]]:
    """Play evaluation episodes with sampled actions, on seeds on which nothing was trained.

    The environment judges success; the reward only shows what the function would have paid.

    Args:
        plan: Environment and number of episodes.
        trained: The policy.
        reward: As in training.
        seed: Root seed; equal seeds give equal episodes for every reward. Default: 0.
    """
    torch: Any = require("torch", "rl", "evaluating a policy")
    stream = SeedStream(seed, "designed reward", "evaluation")
    vector = make_training_env(plan.env, plan.env_kwargs, min(plan.ppo.n_envs, plan.eval_episodes))
    names = list(getattr(vector, "action_names", ()))
    with RewardWorlds(vector, stream, reward, inputs=True) as worlds, torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream.child("actions").seed)
        return collect_evidence(worlds, trained.act, [stream[k] for k in range(plan.eval_episodes)], names)


def save_model(trained: RewardedTraining, path: Path) -> None:
    """Write the model as Stable-Baselines3 does, and the statistics of its observations beside it, if there are any.

    Args:
        trained: The trained policy.
        path: File of the model, ``policy.zip``; the statistics go to ``policy.pkl``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    trained.model.save(path)
    if trained.normaliser is not None:
        trained.normaliser.save(str(path.with_suffix(".pkl")))
