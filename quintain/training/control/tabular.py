"""Trainers of tabular policies: Q-learning and REINFORCE in finite environments, under a designed reward if wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, TimeLimit
from numpy.typing import NDArray

from quintain.agents.policies.table import TablePolicy
from quintain.arguments import check_number
from quintain.envs.making import env_name
from quintain.errors import ConfigurationError
from quintain.mdp import MDP, evaluate_policy, mdp_of
from quintain.rewards.shaping.designed import RewardTable
from quintain.rewards.shaping.shaper import FixedReward
from quintain.seeding import SeedStream
from quintain.training.control.tabular_learners import QLearner, Reinforce, TabularLearner
from quintain.training.control.tabular_runs import TabularRuns
from quintain.training.folder import TrainingRun
from quintain.training.sources import Worlds
from quintain.training.trained import NEW, Trained, require_new

__all__ = ["QLearningSettings", "ReinforceSettings", "train_q_learning", "train_reinforce"]

#: Gymnasium's own wrappers of a new environment, which change neither transitions nor rewards.
_TRANSPARENT = (OrderEnforcing, PassiveEnvChecker, TimeLimit)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    episodes: int = 2000
    horizon: int = 100
    gamma: float | None = None
    reward: str = ""
    eval_every: int = 100

    def __post_init__(self) -> None:
        for name in ("episodes", "horizon", "eval_every"):
            check_number(name, getattr(self, name), low=1, integer=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class QLearningSettings(_Settings):
    """Settings of tabular Q-learning.

    Attributes:
        episodes: Number of episodes, >= 1. Default: 2,000.
        horizon: Maximum number of steps of a training episode, >= 1. Default: 100.
        gamma: Discount in [0, 1); ``None`` for the environment's own, or 0.99. Default: ``None``.
        reward: File of a designed reward that the learner gets in place of the environment's; empty for none. A
            training is resumed only with the same table.
        eval_every: Number of episodes between two evaluations, >= 1. Default: 100.
        alpha: Step size, in (0, 1]. Default: 0.5 (EXPRD's runs).
        epsilon: Share of random actions, in [0, 1]. Default: 0.1 (EXPRD's runs).

    Raises:
        ConfigurationError: If a value is out of range.
    """

    alpha: float = 0.5
    epsilon: float = 0.1

    def __post_init__(self) -> None:
        """Check the values."""
        _Settings.__post_init__(self)
        check_number("alpha", self.alpha, above=0, high=1)
        check_number("epsilon", self.epsilon, low=0, high=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinforceSettings(_Settings):
    """Settings of tabular REINFORCE.

    Attributes:
        episodes: Number of episodes, >= 1. Default: 2,000.
        horizon: Maximum number of steps of a training episode, >= 1. Default: 100.
        gamma: Discount in [0, 1); ``None`` for the environment's own, or 0.99. Default: ``None``.
        reward: File of a designed reward that the learner gets in place of the environment's; empty for none. A
            training is resumed only with the same table.
        eval_every: Number of episodes between two evaluations, >= 1. Default: 100.
        alpha: Step size, > 0. Default: 0.1 (ExploRS's runs).
        every: Number of episodes between two updates, >= 1. Default: 2.
        recent: Number of latest episodes from which an update learns, >= 1. Default: 5.

    Raises:
        ConfigurationError: If a value is out of range.
    """

    alpha: float = 0.1
    every: int = 2
    recent: int = 5

    def __post_init__(self) -> None:
        """Check the values."""
        _Settings.__post_init__(self)
        check_number("alpha", self.alpha, above=0)
        for name in ("every", "recent"):
            check_number(name, getattr(self, name), low=1, integer=True)


def train_q_learning(
    policy: None,
    source: Worlds,
    settings: QLearningSettings | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    on_log: Callable[[Mapping[str, Any]], None] | None = None,
) -> Trained:
    """Train a table by Q-learning in a finite environment, whose transitions are simulated.

    Args:
        policy: ``None``: the table is new.
        source: An environment with ``P``, such as FrozenLake or Tabular/Room-v0, without wrappers but those of
            ``gymnasium.make``. Its time limit is not used; see ``horizon``.
        settings: Settings; ``None`` for the defaults.
        seed: Root seed. Default: 0.
        out: Run folder: manifest, metrics, checkpoints, and ``policy.npz``; ``None`` writes nothing.
        resume: Continue the training in ``out``. Default: false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        on_log: Called with the metrics of each evaluation.

    Returns:
        The greedy policy, a :class:`~quintain.agents.policies.table.TablePolicy`. The rows of its curve hold
        ``reward``, its expected discounted return under the environment's reward, which is computed exactly.

    Raises:
        ConfigurationError: If a policy is given, the environment is no finite MDP or lies under a wrapper that the
            simulation would leave out, or the reward is not one of this environment.
        RecordError: If the folder cannot be written, or holds another run.
    """
    require_new(policy, "q-learning")
    chosen = settings or QLearningSettings()

    def make(mdp: MDP) -> TabularLearner:
        return QLearner(1, mdp.shape, mdp.gamma, alpha=chosen.alpha, epsilon=chosen.epsilon)

    options: dict[str, Any] = {"seed": seed, "out": out, "resume": resume, "progress": progress, "on_log": on_log}
    return _train("q-learning", source, chosen, make, **options)


def train_reinforce(
    policy: None,
    source: Worlds,
    settings: ReinforceSettings | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    on_log: Callable[[Mapping[str, Any]], None] | None = None,
) -> Trained:
    """Train a softmax table by REINFORCE in a finite environment, whose transitions are simulated.

    Args:
        policy: ``None``: the table is new.
        source: An environment with ``P``, such as FrozenLake or Tabular/Room-v0, without wrappers but those of
            ``gymnasium.make``. Its time limit is not used; see ``horizon``.
        settings: Settings; ``None`` for the defaults.
        seed: Root seed. Default: 0.
        out: Run folder: manifest, metrics, checkpoints, and ``policy.npz``; ``None`` writes nothing.
        resume: Continue the training in ``out``. Default: false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        on_log: Called with the metrics of each evaluation.

    Returns:
        The softmax policy, a :class:`~quintain.agents.policies.table.TablePolicy`, with a curve as that of
        :func:`train_q_learning`.

    Raises:
        ConfigurationError: If a policy is given, the environment is no finite MDP or lies under a wrapper that the
            simulation would leave out, or the reward is not one of this environment.
        RecordError: If the folder cannot be written, or holds another run.
    """
    require_new(policy, "reinforce")
    chosen = settings or ReinforceSettings()

    def make(mdp: MDP) -> TabularLearner:
        return Reinforce(1, mdp.shape, mdp.gamma, alpha=chosen.alpha, every=chosen.every, recent=chosen.recent)

    options: dict[str, Any] = {"seed": seed, "out": out, "resume": resume, "progress": progress, "on_log": on_log}
    return _train("reinforce", source, chosen, make, **options)


def _train(
    method: str, source: Worlds, settings: Any, make: Callable[[MDP], TabularLearner], *, seed: int, out: Any,
    resume: Any, progress: Any, on_log: Any,
) -> Trained:  # fmt: skip
    mdp = _mdp(source, settings.gamma)
    rewards = _designed(settings.reward, mdp) if settings.reward else mdp.rewards
    described = asdict(settings)
    if settings.reward:
        described["reward_hash"] = blake2b(rewards.tobytes(), digest_size=8).hexdigest()
    facts = {"method": method, "seed": seed, "steps": settings.episodes, "settings": described}
    with ExitStack() as stack:
        run = stack.enter_context(TrainingRun(
            method, env=source.env, env_kwargs=source.env_kwargs, policy=NEW, seed=seed, settings=described,
            steps=settings.episodes, out=out, resume=resume, progress=progress, on_log=on_log,
        ))  # fmt: skip
        _, state = run.restore()
        seeds = [SeedStream(seed, "tabular training")]
        runs = state or TabularRuns(mdp, make(mdp), FixedReward(rewards), seeds, settings.horizon)
        while runs.episodes < settings.episodes:
            runs.play(min(settings.eval_every, settings.episodes - runs.episodes))
            reward = float(evaluate_policy(mdp, runs.learner.greedy())[0])
            run.log({"step": runs.episodes, "reward": reward})
            run.show(runs.episodes, reward=reward)
            run.save(runs.episodes, runs)
        table = TablePolicy(runs.learner.greedy()[0], name=f"{method} on {env_name(source.env)}")
        if out is not None:
            table.save(Path(out) / "policy.npz", facts)
        return Trained(table, facts, tuple(run.curve))


def _mdp(source: Worlds, gamma: float | None) -> MDP:
    """Read the MDP of a new environment, whose wrappers the simulation would leave out."""
    with closing(source.make()) as env:
        layer = env
        while isinstance(layer, gym.Wrapper):
            if type(layer) not in _TRANSPARENT:
                raise ConfigurationError(
                    f"tabular training simulates the table P of {env_name(source.env)}, so that the wrapper "
                    f"{type(layer).__name__} would have no effect: remove it, or give the reward as a table (reward=)"
                )
            layer = layer.env
        return mdp_of(env, gamma=gamma)


def _designed(path: str, mdp: MDP) -> NDArray[np.float64]:
    """Read a designed reward that fits an MDP."""
    rewards = RewardTable.load(path).rewards
    if rewards.shape != mdp.shape:
        raise ConfigurationError(
            f"the reward at {path!r} is of another environment: expected the shape {mdp.shape}, got {rewards.shape}"
        )
    return rewards
