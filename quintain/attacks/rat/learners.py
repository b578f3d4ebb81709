"""The learners of RAT: the intention policy with its critics, the adversary, and the weighting function."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quintain.attacks.rat.gaussian import MIN_STD, VictimGaussian, kl, kl_gradients
from quintain.attacks.rat.mlp_ensemble import MLPEnsemble
from quintain.attacks.rat.settings import RATSettings

__all__ = ["Adversary", "IntentionPolicy", "Perturb"]

Array = NDArray[np.floating[Any]]
_LOG_STD = -5.0, 2.0
_HALF_LOG_2PI = 0.919


class IntentionPolicy:
    """pi_theta and Q_phi: soft actor-critic (Haarnoja et al. 2018) on the learned reward; actions in [-1, 1].

    Critics minimise (Q(s, a) - r - gamma V(s'))^2 with V(s') = min Q'(s', a') - mu log pi(a'|s'), where Q' are the
    target critics and a' is drawn; the actor minimises E[mu log pi(a|s) - min Q(s, a)]. The temperature mu keeps the
    entropy near minus the number of action entries.

    Differences: the temperature takes plain gradient steps in place of Adam's.

    Args:
        state_size: Entries of a state.
        action_size: Entries of an action.
        settings: Hyper-parameters of RAT; layer sizes and learning rates are read from them.
        rng: Generator of initial weights and of actions.
    """

    def __init__(self, state_size: int, action_size: int, settings: RATSettings, rng: np.random.Generator) -> None:
        self._settings, self._rng, self._states, self._actions = settings, rng, state_size, action_size
        width, rate = settings.hidden_size, settings.learning_rate
        self.actor = MLPEnsemble([state_size, width, width, 2 * action_size], rng, learning_rate=rate)
        self._log_temperature = -2.3  # mu = 0.1 at the start, as in PEBBLE
        self.reset_critics()

    def reset_critics(self) -> None:
        """Begin anew with untrained critics, as PEBBLE does when a learned reward replaces that of exploration."""
        width, rate = self._settings.hidden_size, self._settings.learning_rate
        self.critics, self._target_critics = (
            MLPEnsemble([self._states + self._actions, width, width, 1], self._rng, learning_rate=rate, members=2)
            for _ in range(2)
        )
        self._target_critics.flat[:] = self.critics.flat

    @property
    def networks(self) -> tuple[MLPEnsemble, ...]:
        """The networks that Adam trains."""
        return self.actor, self.critics

    @property
    def temperature(self) -> float:
        """mu, the weight of the entropy."""
        return math.exp(self._log_temperature)

    def sample(self, x: Array) -> tuple[Array, Array]:
        """Draw actions; return them with their log-densities, shapes ``(n, k)`` and ``(n,)``."""
        action, log_prob, _ = self._draw(self.actor(x)[0])
        return action, log_prob

    def _draw(self, outputs: Array) -> tuple[Array, Array, Array]:
        """Return actions, their log-densities, and the noise that was added before the tanh."""
        mean, log_std = outputs[:, : self._actions], np.clip(outputs[:, self._actions :], *_LOG_STD)
        noise = self._rng.standard_normal(mean.shape, dtype=np.float32)
        spread = np.exp(log_std) * noise
        action = np.tanh(mean + spread)
        log_prob = -0.5 * noise**2 - log_std - _HALF_LOG_2PI - np.log(1 - action**2 + 1e-6)
        return action, log_prob.sum(1), spread

    def distribution(self, x: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation of the action, each ``(n, k)``; see :class:`VictimGaussian`."""
        outputs = self.actor(x)[0]
        squashed = np.tanh(outputs[:, : self._actions])
        std = np.exp(np.clip(outputs[:, self._actions :], *_LOG_STD)) * (1 - squashed**2)
        return squashed, np.maximum(std, MIN_STD)

    def q(self, x: Array, action: Array) -> tuple[Array, Array]:
        """Return min Q over the two critics, ``(n,)``, and its gradient with respect to the action, ``(n, k)``."""
        ys = self.critics.forward(np.concatenate([x, action], 1))
        values = ys[-1][:, :, 0]
        lower = np.stack([values[0] <= values[1], values[0] > values[1]]).astype(x.dtype)
        grad = self.critics.backward(ys, lower[:, :, None], inputs=True).sum(0)
        return values.min(0), grad[:, self._states :]

    def update(self, x: Array, action: Array, reward: Array, next_x: Array, not_terminated: Array) -> None:
        """Take one gradient step of critics, actor and temperature on a batch of transitions."""
        settings, n = self._settings, len(x)
        next_action, log_prob = self.sample(next_x)
        joined = np.concatenate([next_x, next_action], 1)
        next_value = self._target_critics(joined)[:, :, 0].min(0) - self.temperature * log_prob
        target = reward + settings.gamma * not_terminated * next_value
        ys = self.critics.forward(np.concatenate([x, action], 1))
        self.critics.adam_step(self.critics.backward(ys, 2 / n * (ys[-1] - target[:, None])))

        # The actor minimises E[mu log pi(a|s) - Q(s, a)]; u = mean + spread is the input of the tanh.
        ys = self.actor.forward(x)
        outputs = ys[-1][0]
        drawn, log_prob, spread = self._draw(outputs)
        slope = 1 - drawn**2  # d tanh(u) / du
        grad_u = (2 * self.temperature * drawn * slope / (slope + 1e-6) - self.q(x, drawn)[1] * slope) / n
        log_std = outputs[:, self._actions :]
        unclipped = (log_std > _LOG_STD[0]) & (log_std < _LOG_STD[1])
        grad_log_std = unclipped * (grad_u * spread - self.temperature / n)
        self.actor.adam_step(self.actor.backward(ys, np.concatenate([grad_u, grad_log_std], 1)[None]))

        surplus = float((log_prob - self._actions).mean())  # the target entropy is minus the number of action entries
        self._log_temperature += settings.learning_rate * surplus
        self._target_critics.flat += settings.tau * (self.critics.flat - self._target_critics.flat)


class Perturb(Protocol):
    """How a perturbation changes the observation that the policy's networks read."""

    def __call__(self, z: Array, delta: Array | float) -> tuple[Array, Array]:
        """Return the perturbed observation and its derivative with respect to ``delta``, entry by entry.

        Args:
            z: Normalised observations before the clip, shape ``(n, d)``. The budget is spent here, so that beyond the
                clip a perturbation changes nothing.
            delta: Perturbations in [-1, 1], shape ``(n, d)``, or 0 for the observation as the networks read it.
        """


class Adversary:
    """pi_alpha, the network that perturbs observations, and h_omega, which weights states in its loss.

    Inner loss, minimised by alpha: L(alpha; omega) = E_s[h_omega(s) KL(pi_nu(.|s~) || pi_theta(.|s))], where nu is the
    frozen policy under attack, theta the intention policy, and s~ the observation that alpha perturbs. Gradients pass
    through nu. States are given as z, before the normaliser's clip, and all networks read x, after it.

    Outer loss, minimised by omega: J(alpha^) = E_s[mu log pi_nu(a|s~) - Q_phi(s, a)], with a drawn from pi_nu(.|s~) and
    alpha^ = alpha - eta grad_alpha L(alpha; omega), one virtual step of gradient descent (the bi-level problem of the
    RAT paper's section 4). As L is linear in h,

        grad_omega J = -eta E_s[(grad_alpha^ J . grad_alpha KL(s)) grad_omega h(s)],

    and the inner product is the derivative of KL(s) along grad J: a Jacobian-vector product, no second derivatives.

    Differences: h is a softplus divided by its mean over the batch, which the paper leaves open; the perturbation is
    the deterministic output of a tanh network instead of a sample.

    Args:
        state_size: Entries of a state.
        victim: Action distribution of the policy under attack.
        perturb: Effect of a perturbation on what that policy reads.
        settings: Hyper-parameters of RAT; layer sizes and learning rates are read from them.
        rng: Generator of initial weights and of actions in the outer loss.
        dtype: Type of the networks' parameters.

    Attributes:
        network: pi_alpha; its outputs are perturbations in [-1, 1].
        weights: h_omega before the softplus.
    """

    def __init__(
        self,
        state_size: int,
        victim: VictimGaussian,
        perturb: Perturb,
        settings: RATSettings,
        rng: np.random.Generator,
        dtype: Any = np.float32,
    ) -> None:
        self._settings, self._rng, self._victim, self._perturb = settings, rng, victim, perturb
        width, rate = settings.hidden_size, settings.learning_rate
        sizes = [state_size, width, width, state_size]
        self.network = MLPEnsemble(sizes, rng, learning_rate=rate, last="tanh", dtype=dtype)
        self.weights = MLPEnsemble([state_size, width, 1], rng, learning_rate=settings.outer_rate * rate, dtype=dtype)

    def set_policy(self, victim: VictimGaussian) -> None:
        """Attack another policy from the next update on."""
        self._victim = victim

    def importance(self, x: Array) -> Array:
        """Return h(s), positive and with mean 1 over the batch: shape ``(n,)``."""
        h = np.logaddexp(0, self.weights(x)[0, :, 0])
        return np.asarray(h / h.mean())

    def _divergence(self, z: Array, x: Array, intention: IntentionPolicy) -> tuple[Array, Array, list[Array]]:
        """Return KL in each state, its gradient with respect to the perturbation, and the layers' outputs."""
        ys = self.network.forward(x)
        perturbed, slope = self._perturb(z, ys[-1][0])
        mean, std, back = self._victim.vjp(perturbed)
        target = intention.distribution(x)
        return kl(mean, std, *target), back(*kl_gradients(mean, std, *target)) * slope, ys

    def update(self, z: Array, intention: IntentionPolicy) -> float:
        """Take one gradient step of alpha on the inner loss; return the loss before it."""
        x = self._perturb(z, 0.0)[0]
        divergence, grad_delta, ys = self._divergence(z, x, intention)
        h = self.importance(x) if self._settings.weighting else np.ones(len(x), x.dtype)
        self.network.adam_step(self.network.backward(ys, (h[:, None] * grad_delta / len(x))[None]))
        return float((h * divergence).mean())

    def outer_gradient(self, z: Array, fresh_z: Array, intention: IntentionPolicy) -> tuple[float, Array]:
        """Return J on ``fresh_z`` after a virtual step down L on ``z``, and its gradient with respect to omega."""
        x, fresh = (self._perturb(states, 0.0)[0] for states in (z, fresh_z))
        n, eta = len(x), self._settings.eta
        _, grad_delta, ys = self._divergence(z, x, intention)
        layers = self.weights.forward(x)
        logits = layers[-1][0, :, 0]
        positive = np.logaddexp(0, logits)
        h = positive / positive.mean()
        alpha = self.network.flat - eta * self.network.backward(ys, (h[:, None] * grad_delta / n)[None])

        after = self.network.forward(fresh, alpha)
        perturbed, slope = self._perturb(fresh_z, after[-1][0])
        mean, std, back = self._victim.vjp(perturbed)
        noise = self._rng.standard_normal(mean.shape).astype(mean.dtype)
        drawn = mean + std * noise
        action = np.clip(drawn, -1, 1)
        value, grad_action = intention.q(fresh, action)
        log_prob = (-0.5 * noise**2 - np.log(std) - _HALF_LOG_2PI).sum(1)
        loss = float((intention.temperature * log_prob - value).mean())
        grad_mean = -grad_action * (action == drawn) / len(fresh)
        grad_std = grad_mean * noise - intention.temperature / std / len(fresh)
        grad_alpha = self.network.backward(after, (back(grad_mean, grad_std) * slope)[None], alpha)

        inner = (grad_delta * self.network.jvp(ys, grad_alpha)[0]).sum(1)  # grad J . grad KL(s), state by state
        grad_h = -eta * inner / n
        # h = positive / mean(positive): the quotient rule, then the derivative of the softplus.
        grad_positive = grad_h / positive.mean() - (grad_h * positive).sum() / (positive.mean() ** 2 * n)
        grad_logits = grad_positive / (1 + np.exp(-logits))
        return loss, self.weights.backward(layers, grad_logits[None, :, None].astype(x.dtype))

    def update_weights(self, z: Array, fresh_z: Array, intention: IntentionPolicy) -> None:
        """Take one gradient step of omega on the outer loss."""
        self.weights.adam_step(self.outer_gradient(z, fresh_z, intention)[1])
