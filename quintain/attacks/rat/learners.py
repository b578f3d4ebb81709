"""What RAT trains: the intention policy with its critics, the adversary, and the weighting function."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quintain.attacks.rat.networks import ASSUMED_STD, VictimGaussian, kl, kl_slopes
from quintain.attacks.rat.perceptrons import Perceptrons
from quintain.attacks.rat.settings import RATSettings

__all__ = ["Adversary", "Eyes", "IntentionPolicy"]

Array = NDArray[np.floating[Any]]
_LOG_STD = -5.0, 2.0


class IntentionPolicy:
    """Soft actor-critic (Haarnoja et al. 2018) on the learned reward; actions in [-1, 1].

    Differences: the temperature takes plain gradient steps.

    Args:
        states: Length of a state.
        actions: Length of an action.
        settings: Widths, rates.
        rng: Where all draws come from.
    """

    def __init__(self, states: int, actions: int, settings: RATSettings, rng: np.random.Generator) -> None:
        self._settings, self._rng, self._states, self._actions = settings, rng, states, actions
        width, rate = settings.hidden, settings.learning_rate
        self.actor = Perceptrons([states, width, width, 2 * actions], rng, learning_rate=rate)
        self.critics, self._slow = (
            Perceptrons([states + actions, width, width, 1], rng, learning_rate=rate, members=2) for _ in range(2)
        )
        self._slow.flat[:] = self.critics.flat
        self._log_temperature = -2.3  # 0.1 to begin with

    @property
    def networks(self) -> tuple[Perceptrons, ...]:
        """What learns by gradients."""
        return self.actor, self.critics

    @property
    def temperature(self) -> float:
        """Weight of the entropy."""
        return math.exp(self._log_temperature)

    def sample(self, x: Array) -> tuple[Array, Array]:
        """Draw actions; return them with their log-densities, shapes ``(n, a)`` and ``(n,)``."""
        action, density, _ = self._draw(self.actor(x)[0])
        return action, density

    def _draw(self, outputs: Array) -> tuple[Array, Array, Array]:
        """Return actions, their log-densities, and the noise before the tanh."""
        mean, log_std = outputs[:, : self._actions], np.clip(outputs[:, self._actions :], *_LOG_STD)
        noise = self._rng.standard_normal(mean.shape, dtype=np.float32)
        spread = np.exp(log_std) * noise
        action = np.tanh(mean + spread)
        density = -0.5 * noise**2 - log_std - 0.919 - np.log(1 - action**2 + 1e-6)
        return action, density.sum(1), spread

    def distribution(self, x: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation of the action, the latter by the slope of the tanh at the mean."""
        outputs = self.actor(x)[0]
        squashed = np.tanh(outputs[:, : self._actions])
        std = np.exp(np.clip(outputs[:, self._actions :], *_LOG_STD)) * (1 - squashed**2)
        return squashed, np.maximum(std, ASSUMED_STD)

    def q(self, x: Array, action: Array) -> tuple[Array, Array]:
        """Return the lower of the two critics' values, ``(n,)``, and its derivative by the action, ``(n, a)``."""
        ys = self.critics.forward(np.concatenate([x, action], 1))
        values = ys[-1][:, :, 0]
        lower = np.stack([values[0] <= values[1], values[0] > values[1]]).astype(x.dtype)
        slopes = self.critics.backward(ys, lower[:, :, None], inputs=True).sum(0)
        return values.min(0), slopes[:, self._states :]

    def update(self, x: Array, action: Array, reward: Array, following: Array, going: Array) -> None:
        """Take one step of critics, actor and temperature on a batch."""
        settings, n = self._settings, len(x)
        later, density = self.sample(following)
        value = self._slow(np.concatenate([following, later], 1))[:, :, 0].min(0) - self.temperature * density
        target = reward + settings.gamma * going * value
        ys = self.critics.forward(np.concatenate([x, action], 1))
        self.critics.descend(self.critics.backward(ys, 2 / n * (ys[-1] - target[:, None])))

        # The actor descends E[mu log pi(a|x) - Q(x, a)]; u = mean + spread is what goes through the tanh.
        ys = self.actor.forward(x)
        outputs = ys[-1][0]
        chosen, density, spread = self._draw(outputs)
        room = 1 - chosen**2
        by_u = (2 * self.temperature * chosen * room / (room + 1e-6) - self.q(x, chosen)[1] * room) / n
        log_std = outputs[:, self._actions :]
        free = (log_std > _LOG_STD[0]) & (log_std < _LOG_STD[1])
        by_log_std = free * (by_u * spread - self.temperature / n)
        self.actor.descend(self.actor.backward(ys, np.concatenate([by_u, by_log_std], 1)[None]))

        surplus = float((density - self._actions).mean())  # entropy is kept near -actions
        self._log_temperature += settings.learning_rate * surplus
        self._slow.flat += settings.tau * (self.critics.flat - self._slow.flat)


class Eyes(Protocol):
    """How a perturbation changes what the victim reads."""

    def __call__(self, x: Array, lie: Array) -> tuple[Array, Array]:
        """Return what is read for states and perturbations in [-1, 1], and its derivative by the latter."""


class Adversary:
    """The network that lies, and the weighting function that says in which states the lie has to be good.

    Inner loss: L = E[h(x) KL(pi_victim(.|lie(x)) || pi_intention(.|x))], gradients passing through the frozen victim.
    Outer loss: J = E[mu log pi(a|x) - Q(x, a)], a drawn from the perturbed victim, evaluated after one virtual step
    down L; its gradient by h's weights goes through that step (bi-level; the RAT paper's section 4). As L is linear in
    h, that gradient is -eta E[(grad J . grad KL(x)) grad h(x)], and the inner product is a derivative of KL(x) along
    grad J: one forward pass with tangents, no second derivatives.

    Differences: h is a softplus divided by its mean over the batch, which the paper leaves open; the lie is the
    deterministic output of a tanh network instead of a sample.

    Args:
        states: Length of a state.
        victim: The victim's distribution over actions.
        see: What the victim's networks read instead of x.
        settings: Widths, rates.
        rng: Where all draws come from.
        dtype: Of the networks.
    """

    def __init__(
        self,
        states: int,
        victim: VictimGaussian,
        see: Eyes,
        settings: RATSettings,
        rng: np.random.Generator,
        dtype: Any = np.float32,
    ) -> None:
        self._settings, self._rng, self._victim, self._see = settings, rng, victim, see
        width, rate = settings.hidden, settings.learning_rate
        self.network = Perceptrons([states, width, width, states], rng, learning_rate=rate, last="tanh", dtype=dtype)
        self.weights = Perceptrons([states, width, 1], rng, learning_rate=settings.outer_rate * rate, dtype=dtype)

    def face(self, victim: VictimGaussian) -> None:
        """Turn on another victim."""
        self._victim = victim

    def importance(self, x: Array) -> Array:
        """Return h(x), positive and 1 on average over the batch: shape ``(n,)``."""
        h = np.logaddexp(0, self.weights(x)[0, :, 0])
        return np.asarray(h / h.mean())

    def _divergence(self, x: Array, intention: IntentionPolicy) -> tuple[Array, Array, list[Array]]:
        """Return KL in each state, its derivative by the lie, and the adversary's layers."""
        ys = self.network.forward(x)
        shown, slope = self._see(x, ys[-1][0])
        mean, std, back = self._victim.pull(shown)
        wanted = intention.distribution(x)
        return kl(mean, std, *wanted), back(*kl_slopes(mean, std, *wanted)) * slope, ys

    def update(self, x: Array, intention: IntentionPolicy) -> float:
        """Take one step down L; return it."""
        divergence, by_lie, ys = self._divergence(x, intention)
        h = self.importance(x) if self._settings.weighting else np.ones(len(x), x.dtype)
        self.network.descend(self.network.backward(ys, (h[:, None] * by_lie / len(x))[None]))
        return float((h * divergence).mean())

    def outer_gradient(self, x: Array, fresh: Array, intention: IntentionPolicy) -> tuple[float, Array]:
        """Return J on ``fresh`` states after one virtual step down L on ``x``, and its gradient by h's parameters."""
        n, eta = len(x), self._settings.eta
        _, by_lie, ys = self._divergence(x, intention)
        layers = self.weights.forward(x)
        logits = layers[-1][0, :, 0]
        positive = np.logaddexp(0, logits)
        h = positive / positive.mean()
        moved = self.network.flat - eta * self.network.backward(ys, (h[:, None] * by_lie / n)[None])

        after = self.network.forward(fresh, moved)
        shown, slope = self._see(fresh, after[-1][0])
        mean, std, back = self._victim.pull(shown)
        noise = self._rng.standard_normal(mean.shape).astype(mean.dtype)
        drawn = mean + std * noise
        action = np.clip(drawn, -1, 1)
        value, by_action = intention.q(fresh, action)
        density = (-0.5 * noise**2 - np.log(std) - 0.919).sum(1)
        loss = float((intention.temperature * density - value).mean())
        by_mean = -by_action * (action == drawn) / len(fresh)
        by_std = by_mean * noise - intention.temperature / std / len(fresh)
        slopes = self.network.backward(after, (back(by_mean, by_std) * slope)[None], moved)

        agreement = (by_lie * self.network.push(ys, slopes)[0]).sum(1)  # grad J . grad KL, state by state
        by_h = -eta * agreement / n
        by_positive = by_h / positive.mean() - (by_h * positive).sum() / (positive.mean() ** 2 * n)
        by_logits = by_positive / (1 + np.exp(-logits))
        return loss, self.weights.backward(layers, by_logits[None, :, None].astype(x.dtype))

    def update_weights(self, x: Array, fresh: Array, intention: IntentionPolicy) -> None:
        """Take one step down J by h's weights."""
        self.weights.descend(self.outer_gradient(x, fresh, intention)[1])
