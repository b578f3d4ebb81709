"""RAT: learn from preferences what the attacker wants, then a policy that does it, then the lies that cause it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import MLP, ActionValue, Layer, Policy, Space
from quintain.attacks.budget import Ball, enforce
from quintain.attacks.learned import LearnedMethod
from quintain.attacks.rat.learners import Adversary, IntentionPolicy
from quintain.attacks.rat.memory import Memory
from quintain.attacks.rat.networks import VictimGaussian
from quintain.attacks.rat.preferences import RewardEnsemble, ask
from quintain.attacks.rat.settings import RATSettings
from quintain.attacks.view import View
from quintain.errors import ConfigurationError, EnvironmentFault
from quintain.seeding import SeedStream

__all__ = ["TrainedRAT", "train_rat"]

Array = NDArray[np.floating[Any]]
_DEFAULTS = RATSettings()
#: From the steps so far, and a function that gives the attack as it is now, to another victim or ``None``.
Rematch = Callable[[int, Callable[[], LearnedMethod]], Policy | None]


@dataclass(frozen=True, slots=True)
class TrainedRAT:
    """What training gives.

    Attributes:
        method: The attack, for :func:`~quintain.attacks.learned.LearnedAttack` or ``RATAttack``.
        intention: The policy that shows what the attacker wants, as a victim of its own; ``None`` if there is none.
        labels: Comparisons the teacher answered.
        accuracy: Share of them that the reward ensemble predicts; NaN with the oracle's reward.
        inner_loss: Mean weighted divergence over the last hundred updates; NaN without an intention policy.
    """

    method: LearnedMethod
    intention: Policy | None
    labels: int
    accuracy: float
    inner_loss: float


def train_rat(
    make: Callable[[], gym.Env[Any, Any]],
    victim: Policy,
    *,
    epsilon: float,
    space: Space = "raw",
    settings: RATSettings = _DEFAULTS,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
    rematch: Rematch | None = None,
) -> TrainedRAT:
    """Train RAT (Bai et al. 2025, algorithm 1) against a frozen victim. White-box in training, l_inf.

    The environment has to report ``info["attacker_reward"]``, which a scripted teacher uses to compare segments; the
    learners see only its answers (unless ``settings.oracle``).

    Differences: small networks; the perturbed victim acts without noise while data are gathered; queries are uniform in
    even rounds and by disagreement in odd ones. With ``settings.intention`` off this is SA-RL on the learned reward, by
    soft actor-critic; :func:`~quintain.attacks.rat.baseline.train_on_preferences` is the same by PPO.

    Args:
        make: Makes an environment as the victim knows it, with a step limit.
        victim: The victim, with gradients and continuous, bounded actions.
        epsilon: Budget, >= 0, in l_inf.
        space: Where the budget is measured.
        settings: How.
        seed: Root seed; equal seeds give equal attacks.
        progress: Called with the steps so far.
        rematch: Called with the steps so far and a function that gives the attack as it is now. If it returns a victim,
            with the same normaliser, training goes on against that one; defences alternate so.

    Raises:
        CapabilityError: If the victim lacks what the attack needs.
        ConfigurationError: If budget, settings and environment do not fit.
        EnvironmentFault: If the environment does not say what the attacker wants.
    """
    run = _Run(make, victim, Ball(epsilon), space, settings, SeedStream(seed, "rat"))
    try:
        return run.train(progress, rematch)
    finally:
        for env in run.envs:
            env.close()


class _Run:
    def __init__(
        self, make: Any, victim: Policy, ball: Ball, space: Space, settings: RATSettings, seeds: SeedStream
    ) -> None:
        self.victim, self.ball, self.settings = victim, ball, settings
        distribution = VictimGaussian(victim)
        self.envs = [make() for _ in range(settings.envs)]
        self.horizon = getattr(self.envs[0].spec, "max_episode_steps", None) or 0
        if self.horizon < settings.segment:
            raise ConfigurationError(
                f"episodes are limited to {self.horizon} steps, segments have {settings.segment}; "
                "wrap the environment in TimeLimit, or choose a shorter segment"
            )
        self.rng = seeds.child("queries").generator()
        learning = seeds.child("learning").generator()
        self.seeds = map(seeds.child("episode").__getitem__, itertools.count())
        self.states = int(np.prod(victim.observation_space.shape or ()))
        self.actions = int(np.prod(victim.action_space.shape or ()))
        self.view, self.space = View(victim, space), space
        normaliser = victim.normaliser
        self.mean: Any = normaliser.mean if normaliser is not None and space == "normalised" else 0.0
        self.scale: Any = normaliser.scale if normaliser is not None and space == "normalised" else 1.0
        step: Any = ball.epsilon
        if normaliser is not None and space == "raw":
            step = (ball.epsilon / normaliser.scale).astype(np.float32)
        clip = np.inf if normaliser is None else normaliser.clip

        def see(x: Array, lie: Array) -> tuple[Array, Array]:
            shown = x + step * lie
            return np.clip(shown, -clip, clip), step * (np.abs(shown) < clip)

        self.adversary = Adversary(self.states, distribution, see, settings, learning)
        # Without an intention policy the same learner chooses lies, in [-1, 1] as well, instead of actions.
        choices = self.actions if settings.intention else self.states
        self.chooser = IntentionPolicy(self.states, choices, settings, learning)
        self.rewards = RewardEnsemble(self.states + self.actions, settings, learning)
        length = settings.steps // settings.envs + 1
        self.memory = Memory(length, settings.envs, self.states, self.actions, lies=not settings.intention)
        self.accuracy = float("nan")
        self.adversary_updates, self.losses = 0, list[float]()

    def train(self, progress: Callable[[int], None] | None, rematch: Rematch | None) -> TrainedRAT:
        s, rows = self.settings, self.settings.envs
        true = np.stack([env.reset(seed=next(self.seeds))[0] for env in self.envs])
        time, switch = np.zeros(rows, np.int64), self.rng.integers(0, self.horizon + 1, rows)
        episode, next_episode = np.arange(rows), rows
        next_feedback = s.explore
        for done_steps in range(0, s.steps, rows):
            exploring = done_steps < s.explore
            x = np.asarray(self.victim.normalise(true), np.float32)
            by_victim = np.ones(rows, np.bool_)
            if s.intention:
                by_victim = ((time < switch) | (not s.mixed)) & (not exploring)
            unit, lie = self.act(true, x, by_victim)
            following, true_reward, ended, over = self.step(unit)
            reward = true_reward if s.oracle else self.judge(x, unit)
            shown = np.asarray(self.victim.normalise(following), np.float32)
            self.memory.add(x, unit, shown, 1.0 - ended, reward, true_reward, episode, lie)
            time += 1
            for i in np.flatnonzero(over).tolist():
                following[i] = self.envs[i].reset(seed=next(self.seeds))[0]
                time[i], switch[i] = 0, self.rng.integers(0, self.horizon + 1)
                episode[i], next_episode = next_episode, next_episode + 1
            true = following
            if done_steps >= next_feedback and not s.oracle:
                self.accuracy = ask(
                    self.memory, self.rewards, s, (next_feedback - s.explore) // s.feedback_every, self.rng
                )
                self.relabel()
                next_feedback += s.feedback_every
            if self.memory.size * rows >= s.batch:
                self.slow_down(1 - done_steps / s.steps)
                for _ in range(s.updates):
                    self.learn(exploring)
            if progress is not None:
                progress(done_steps + rows)
            if rematch is not None:
                self.face(rematch(done_steps + rows, self.method))
        labels = len(self.rewards)
        intention = self.intention_policy() if s.intention else None
        loss = float(np.mean(self.losses[-100:])) if self.losses else float("nan")
        return TrainedRAT(self.method(), intention, labels, self.accuracy, loss)

    def method(self) -> LearnedMethod:
        """Return the attack as it is now."""
        if self.settings.intention:
            return LearnedMethod(self.victim, self.adversary.network.frozen(), self.space, "rat")
        *hidden, last = self.chooser.actor.frozen(self.states).layers
        liar = MLP([*hidden, Layer(last.weight, last.bias, "tanh")])
        return LearnedMethod(self.victim, liar, self.space, "sa-rl")

    def face(self, victim: Policy | None) -> None:
        """Go on against another victim, if there is one."""
        if victim is not None:
            self.victim = victim
            self.adversary.face(VictimGaussian(victim))

    def act(self, true: Array, x: Array, by_victim: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Return executed actions in [-1, 1], of the deceived victim or of the intention policy; and lies, likewise."""
        space = self.victim.action_space
        assert isinstance(space, gym.spaces.Box)
        unit, _ = self.chooser.sample(x)
        lie = self.adversary.network(x)[0] if self.settings.intention else unit
        if by_victim.any():
            seen, _ = enforce(true, self.ball.epsilon * lie, self.ball, self.scale)
            executed = 2 * (self.victim.act_batch(seen) - space.low) / (space.high - space.low) - 1
            unit = np.where(by_victim[:, None], executed, unit) if self.settings.intention else executed
        return unit, lie

    def step(self, unit: Array) -> tuple[Array, Array, NDArray[np.bool_], NDArray[np.bool_]]:
        space = self.victim.action_space
        assert isinstance(space, gym.spaces.Box)
        actions = np.clip(space.low + (unit + 1) / 2 * (space.high - space.low), space.low, space.high)
        steps = [env.step(a) for env, a in zip(self.envs, actions.astype(space.dtype), strict=True)]
        if "attacker_reward" not in steps[0][4]:
            raise EnvironmentFault("RAT needs an environment that reports info['attacker_reward'] to its teacher")
        rewards = np.array([float(step[4]["attacker_reward"]) for step in steps])
        ended, cut = (np.array([bool(step[i]) for step in steps]) for i in (2, 3))
        return np.stack([step[0] for step in steps]), rewards, ended, ended | cut

    def judge(self, x: Array, unit: Array) -> Array:
        return self.rewards(np.concatenate([x, unit], 1).astype(np.float32))

    def batch(self, curious: bool = False) -> tuple[Array, ...]:
        x, chosen, reward, following, going = self.memory.batch(self.settings.batch, self.rng)
        if curious:  # the logarithm of the distance to the 5th nearest neighbour stands for the state's entropy
            distances = np.linalg.norm(x[:, None] - following, axis=2)
            reward = np.log(1 + np.partition(distances, 4, axis=0)[4])
        return x, chosen, reward, following, going

    def relabel(self) -> None:
        """Let the new reward judge everything that is remembered."""
        size = self.memory.size
        x, a = (part[:size].reshape(-1, part.shape[2]) for part in (self.memory.x, self.memory.action))
        self.memory.reward[:size] = self.judge(x, a).reshape(size, -1)

    def slow_down(self, left: float) -> None:
        """Set the learning rates for when a share ``left`` of the steps is left."""
        s = self.settings
        rate = s.learning_rate * (min(1.0, left / s.anneal) if s.anneal else 1.0)
        for network in (*self.chooser.networks, self.adversary.network):
            network.learning_rate = rate
        self.adversary.weights.learning_rate = s.outer_rate * rate

    def learn(self, exploring: bool) -> None:
        """Take one step of everything that learns."""
        s = self.settings
        self.chooser.update(*self.batch(curious=exploring))
        if exploring or not s.intention:
            return
        states = self.batch()[0]
        self.losses.append(self.adversary.update(states, self.chooser))
        self.adversary_updates += 1
        if s.weighting and self.adversary_updates % s.outer_every == 0:
            self.adversary.update_weights(states, self.batch()[0], self.chooser)

    def intention_policy(self) -> Policy:
        """Return the intention policy as a victim, with the first of its critics."""
        victim = self.victim
        return Policy(
            self.chooser.actor.frozen(self.actions),
            victim.observation_space,
            victim.action_space,
            head="squashed",
            action_value=ActionValue([self.chooser.critics.frozen()]),
            normaliser=victim.normaliser,
            name="intention",
        )
