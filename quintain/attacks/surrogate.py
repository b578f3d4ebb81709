"""A stand-in for a black box: imitate the victim from what it sees and does, then differentiate the imitation."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.agents.policies import MLP, Layer, Network, Normaliser, Policy, Rollouts, as_network
from quintain.attacks.torch_mlp import torch_mlp
from quintain.errors import AgentError, ConfigurationError, require
from quintain.seeding import SeedStream

__all__ = ["SurrogateSettings", "TrainedSurrogate", "train_surrogate"]

Array = NDArray[np.floating[Any]]
#: Maps a batch of observations, ``(n, d)``, to a batch of actions.
BlackBox = Callable[[Array], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class SurrogateSettings:
    """How the victim is imitated.

    Attributes:
        transitions: Questions to the victim in all, over all rounds.
        rounds: 1 imitates what the victim does where it goes by itself. In later rounds the imitation acts and the
            victim only says what it would have done (DAgger; Ross et al. 2011).
        envs: Environments played at once, >= 2; the first is held out.
        hidden: Width of the two hidden layers.
        batch: Pairs per gradient step.
        learning_rate: Of Adam.
        passes: Most passes over the pairs per round.
        patience: Passes without a lower held-out loss after which a round ends.
    """

    transitions: int = 20_000
    rounds: int = 3
    envs: int = 8
    hidden: int = 64
    batch: int = 256
    learning_rate: float = 1e-3
    passes: int = 200
    patience: int = 10


@dataclass(frozen=True, slots=True)
class TrainedSurrogate:
    """What training gives.

    Attributes:
        victim: The imitation, with gradient and density: hand it to any white-box attack and play the real victim.
        error: On held-out episodes: root mean square difference of the actions, in units of half their range (of their
            spread where unbounded); for discrete actions the share on which the two disagree.
        baseline: The same of the best constant action: what ``error`` has to be compared with.
        questions: Observations that the victim was shown.
        passes: Passes over the pairs in each round.
    """

    victim: Policy
    error: float
    baseline: float
    questions: int
    passes: tuple[int, ...]


class _Pairs(NamedTuple):
    """Observations and what the victim did; rows of ``held_out`` episodes do not train."""

    observations: Array
    actions: NDArray[Any]
    held_out: NDArray[np.bool_]


def train_surrogate(
    make: Callable[[], gym.Env[Any, Any]],
    victim: Policy | BlackBox,
    *,
    settings: SurrogateSettings = SurrogateSettings(),
    normaliser: Normaliser | None = None,
    seed: int = 0,
    name: str = "surrogate",
) -> TrainedSurrogate:
    """Imitate a policy of which only the actions can be observed, so that white-box attacks have something to hold.

    A network is fitted to (observation, action) pairs of fresh episodes: by least squares, where an action at its bound
    only says that the policy wanted at least as much, or by cross-entropy for discrete actions. An attack made with the
    imitation is black-box: it is executed against the real victim, of which it has read nothing but actions.

    Args:
        make: Makes an environment as the victim knows it.
        victim: Who is imitated: a victim, which only acts here, anything else with ``act_batch``, or a function from
            batches of observations to actions. What a victim remembers stays its secret: the imitation has no memory.
        settings: How.
        normaliser: Units in which budgets in the space ``"normalised"`` are declared, where they are known; by default
            the mean and spread of the observations gathered.
        seed: Root seed; equal seeds give equal imitations.
        name: What reports call it.

    Raises:
        AgentError: If the victim gives anything but finite actions.
        ConfigurationError: If settings, spaces or normaliser do not fit.
    """
    s = settings
    if s.envs < 2 or s.rounds < 1 or s.transitions < s.envs * s.rounds:
        raise ConfigurationError(f"a surrogate needs envs >= 2, rounds >= 1 and transitions for all of them, got {s}")
    torch = require("torch", "rl", "surrogates")
    torch.set_num_threads(1)
    seeds = SeedStream(seed, "surrogate")
    player = _Player(victim, s.envs)
    envs = [make() for _ in range(s.envs)]
    observation_space, action_space = envs[0].observation_space, envs[0].action_space
    fit = _Fit(torch, observation_space, action_space, s, torch.Generator().manual_seed(seeds.child("fit").seed))
    starts = map(seeds.child("episode").__getitem__, itertools.count())
    pairs: _Pairs | None = None
    imitation: Policy | None = None
    passes: list[int] = []
    try:
        for _ in range(s.rounds):
            fresh = _collect(envs, player, imitation, s.transitions // (s.rounds * s.envs), starts)
            if pairs is not None:
                fresh = _Pairs(*(np.concatenate(parts) for parts in zip(pairs, fresh, strict=True)))
            pairs = fresh
            units = normaliser if normaliser is not None else _units(pairs.observations)
            network, std, error, baseline, taken = fit(pairs, units)
            passes.append(taken)
            discrete = isinstance(action_space, spaces.Discrete)
            imitation = Policy(
                network,
                observation_space,
                action_space,
                head="categorical" if discrete else "gaussian",
                std=None if discrete else std,
                normaliser=units,
                name=name,
            )
    finally:
        for env in envs:
            env.close()
    assert imitation is not None
    assert pairs is not None
    return TrainedSurrogate(imitation, error, baseline, len(pairs.actions), tuple(passes))


class _Player:
    """The black box in the middle of several episodes."""

    def __init__(self, victim: Policy | BlackBox, rows: int) -> None:
        self.rollouts: Rollouts[Policy] | None = None
        if isinstance(victim, Policy):
            self.rollouts = Rollouts(victim, rows)
            victim = self.rollouts.act
        self.ask: BlackBox = getattr(victim, "act_batch", victim)
        self.rows = rows

    def act(self, observations: Array) -> NDArray[Any]:
        actions = np.asarray(self.ask(observations))
        if len(actions) != self.rows or not np.isfinite(actions).all():
            raise AgentError(f"expected one finite action per observation, got {actions!r}")
        return actions

    def step(self, actions: NDArray[Any], rewards: Array, over: NDArray[np.bool_]) -> None:
        if self.rollouts is not None:
            self.rollouts.did(actions, rewards)
            self.rollouts.restart(np.flatnonzero(over))

    def restart(self) -> None:
        if self.rollouts is not None:
            self.rollouts.restart()


def _collect(envs: list[Any], player: _Player, imitation: Policy | None, steps: int, starts: Iterator[int]) -> _Pairs:
    """Play, and note what the victim sees and does; the imitation acts, if there is one."""
    shown, done, rows = [], [], np.arange(len(envs)) == 0
    observations = np.stack([env.reset(seed=next(starts))[0] for env in envs])
    player.restart()
    rewards, over = np.zeros(len(envs)), np.zeros(len(envs), np.bool_)
    for _ in range(steps):
        actions = player.act(observations)
        shown.append(observations.copy())
        done.append(actions)
        played = actions if imitation is None else imitation.act_batch(observations)
        for i, env in enumerate(envs):
            observations[i], rewards[i], terminated, truncated, _ = env.step(played[i])
            over[i] = terminated or truncated
            if over[i]:
                observations[i] = env.reset(seed=next(starts))[0]
        player.step(played, rewards, over)
    return _Pairs(np.concatenate(shown), np.concatenate(done), np.tile(rows, steps))


def _units(observations: Array) -> Normaliser:
    spread = observations.std(axis=0)
    return Normaliser(observations.mean(axis=0), np.where(spread > 1e-8, spread, 1.0), 10.0)


class _Fit:
    """Fits a network to pairs, from where it was left, until the held-out episodes are met no better."""

    def __init__(
        self, torch: Any, observation_space: Any, action_space: Any, settings: SurrogateSettings, generator: Any
    ) -> None:
        if not isinstance(observation_space, spaces.Box) or len(observation_space.shape) != 1:
            raise ConfigurationError(f"a surrogate observes a Box of one axis, not {observation_space}; flatten it")
        self.discrete = isinstance(action_space, spaces.Discrete)
        if not self.discrete and (not isinstance(action_space, spaces.Box) or len(action_space.shape) != 1):
            raise ConfigurationError(f"a surrogate acts in Discrete or a Box of one axis, not {action_space}")
        self.torch, self.space, self.settings, self.generator = torch, action_space, settings, generator
        self.bounded = not self.discrete and bool(action_space.is_bounded())
        width = int(action_space.n) if self.discrete else action_space.shape[0]
        sizes = [observation_space.shape[0], settings.hidden, settings.hidden, width]
        # Smooth, as most policies are: the slopes of a rectified network are poor guesses of theirs.
        self.network = torch_mlp(torch, sizes, generator, hidden="tanh")

    def __call__(self, pairs: _Pairs, units: Normaliser) -> tuple[Network, NDArray[Any], float, float, int]:
        """Return the network, the spread of its errors, error, baseline and the number of passes."""
        torch, s = self.torch, self.settings
        x = torch.as_tensor(units(pairs.observations), dtype=torch.float32)
        centre, half = self.scale(pairs.actions)
        if self.discrete:
            y = torch.as_tensor(pairs.actions - self.space.start, dtype=torch.long)
        else:
            y = torch.as_tensor((pairs.actions - centre) / half, dtype=torch.float32)
        held = torch.as_tensor(pairs.held_out)
        x, y, test_x, test_y = x[~held], y[~held], x[held], y[held]
        step = torch.optim.Adam(self.network.parameters(), lr=s.learning_rate)
        best, kept, waited, taken = np.inf, copy.deepcopy(self.network.state_dict()), 0, 0
        while taken < s.passes and waited < s.patience:
            for batch in torch.randperm(len(x), generator=self.generator).split(s.batch):
                step.zero_grad()
                self.loss(self.network(x[batch]), y[batch]).backward()
                step.step()
            taken += 1
            with torch.no_grad():
                loss = float(self.loss(self.network(test_x), test_y))
            waited += 1
            if loss < best:
                best, kept, waited = loss, copy.deepcopy(self.network.state_dict()), 0
        self.network.load_state_dict(kept)
        with torch.no_grad():
            outputs = self.network(test_x)
        network = as_network(self.network)
        if self.discrete:
            common = torch.mode(y).values
            error, baseline = (float((a != test_y).float().mean()) for a in (outputs.argmax(1), common))
            return network, np.ones(0), error, baseline, taken
        assert isinstance(network, MLP)
        *inner, last = network.layers
        scaled = Layer(last.weight * half[:, None], last.bias * half + centre, "identity")
        clip = 1.0 if self.bounded else np.inf
        error = float((outputs.clamp(-clip, clip) - test_y).square().mean().sqrt())
        baseline = float((y.mean(0) - test_y).square().mean().sqrt())
        spread = self.residual(outputs, test_y).square().mean(0).sqrt().numpy().astype(np.float64)
        return MLP([*inner, scaled]), np.maximum(spread, 1e-3) * half, error, baseline, taken

    def scale(self, actions: NDArray[Any]) -> tuple[Any, Any]:
        """Return what is 0 and what is 1 for the network's outputs."""
        if self.discrete:
            return 0.0, 1.0
        low, high = (self.space.low, self.space.high) if self.bounded else (0.0, 0.0)
        if self.bounded:
            return (high + low) / 2, (high - low) / 2
        return actions.mean(axis=0), np.maximum(actions.std(axis=0), 1e-6)

    def residual(self, outputs: Any, wanted: Any) -> Any:
        """Return the errors; none where the victim is at a bound and the network beyond it."""
        if not self.bounded:
            return outputs - wanted
        beyond = ((wanted >= 1) & (outputs > 1)) | ((wanted <= -1) & (outputs < -1))
        return (outputs - wanted) * ~beyond

    def loss(self, outputs: Any, wanted: Any) -> Any:
        if self.discrete:
            return self.torch.nn.functional.cross_entropy(outputs, wanted)
        return self.residual(outputs, wanted).square().mean()
