"""Attacks that change the action distribution as much as possible: MAD and FGSM."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from quintain.agents.policies import Policy, Space
from quintain.attacks.budget import Ball
from quintain.attacks.gradient import Ascent, GradientMethod
from quintain.attacks.observation import Array, Options, perturb_observations
from quintain.attacks.view import View
from quintain.attacks.wrappers import EnvT

__all__ = ["FGSM", "MAD", "FGSMAttack", "MADAttack"]


class MAD(GradientMethod):
    """Maximal action difference (Zhang et al. 2020, section 3.4).

    Ascends the divergence of the perturbed action distribution from the true one. For a Gaussian victim that is
    sum_j ((mu_j(z') - mu_j(z)) / w_j)^2, w being sigma divided by its mean; for a categorical one KL(pi(z) || pi(z')).
    Of a policy that is greedy in action values, pi is their softmax, as in Huang et al. (2017).
    As in the reference implementation, the start is a corner of a tenth of the ball, and decaying noise is added to the
    gradient (Langevin dynamics): step i ascends g + xi_i sqrt(2 epsilon / 10) / (i + 2), with xi_i standard normal.

    Differences: a standard deviation that depends on the state (SAC, TQC) is held at that of the true state. Action
    values are divided by their range at the true state, since otherwise the scale of the rewards decides whether the
    softmax has a gradient.
    """

    name = "mad"
    needs = ("gradient", "density")

    def ascent(self, z: Array) -> Ascent:
        """Return the gradient of the divergence."""
        return _divergence(self.view, z)

    def draw(self, rng: np.random.Generator, ball: Ball, dimension: int) -> Array:
        """Draw the starting point and the noise of each step."""
        return rng.standard_normal((self.steps + 1, dimension))

    def propose(self, z: Array, noise: Array, ball: Ball) -> Array:
        """Run projected gradient ascent with decaying noise."""
        ascent = self.ascent(z)
        eta = ball.epsilon / 10
        noise_scale = np.sqrt(2 * eta)
        delta = eta * ball.steepest(noise[:, 0])
        for i in range(self.steps):
            step = ball.steepest(ascent(z + delta) + noise[:, i + 1] * (noise_scale / (i + 2)))
            delta = ball.project(delta + eta * step)
        return delta


class FGSM(GradientMethod):
    """Fast gradient sign method (Goodfellow et al. 2015; for policies Huang et al. 2017): one step of full length.

    For discrete actions it ascends -log pi(a | z') of the action a that the victim takes at z, at z itself; pi is that
    of MAD. For continuous ones it ascends the divergence of MAD, whose gradient vanishes at z, from the random start.
    """

    name = "fgsm"

    def __init__(self, victim: Policy, space: Space = "raw") -> None:
        super().__init__(victim, space, 1)

    def ascent(self, z: Array) -> Ascent:
        """Return the gradient of the loss, evaluated once."""
        if "continuous" in self.victim.capabilities:
            return _divergence(self.view, z)
        outputs, back = self.view.vjp(self.victim.network, z)
        cotangent = _softmax(outputs / _temperature(self.victim, outputs))
        cotangent[np.arange(len(z)), np.argmax(outputs, axis=1)] -= 1
        gradient = back(cotangent)
        return lambda _: gradient

    def propose(self, z: Array, noise: Array, ball: Ball) -> Array:
        """Take one step of length epsilon."""
        start = noise[:, 0] / 10 if "continuous" in self.victim.capabilities else np.zeros_like(z)
        return ball.project(start + ball.epsilon * ball.steepest(self.ascent(z)(z + start)))


def MADAttack(env: EnvT, victim: Policy, *, epsilon: float, steps: int = 10, **options: Unpack[Options]) -> EnvT:
    """Wrap an environment in :class:`MAD`, a white-box attack.

    Args:
        env: Environment or vector environment, whose rows are attacked in one batch.
        victim: The policy under attack; its gradient and its action distribution are used.
        epsilon: Budget, >= 0, in units of ``space``. The published budgets for PPO on MuJoCo (Zhang et al. 2020) are in
            normalised space: Hopper 0.075, Walker2d 0.05, HalfCheetah 0.15, Ant 0.15.
        steps: Gradient steps, >= 1; 10 as in the reference implementation. Default: 10.
        **options: ``norm``, ``space``, ``schedule`` and ``name``; see :class:`~quintain.attacks.observation.Options`.

    Returns:
        The environment as the victim observes it. It steps from the true state; ``info["attack"]`` reports the true
        observation and the distance from it.

    Raises:
        CapabilityError: If the victim has no gradient or no action distribution.
        ConfigurationError: If budget, space, victim and environment do not fit.
    """
    return perturb_observations(env, victim, MAD(victim, options.get("space", "raw"), steps), epsilon, **options)


def FGSMAttack(env: EnvT, victim: Policy, *, epsilon: float, **options: Unpack[Options]) -> EnvT:
    """Wrap an environment in :class:`FGSM`, a white-box attack; arguments and errors as in :func:`MADAttack`."""
    return perturb_observations(env, victim, FGSM(victim, options.get("space", "raw")), epsilon, **options)


def _divergence(view: View, z: Array) -> Ascent:
    """Return the gradient, by the point, of the divergence of its action distribution from that at ``z``."""
    victim = view.victim
    x, _ = view.network_input(z)
    clean = victim.network(x)
    if "continuous" not in victim.capabilities:
        temperature = _temperature(victim, clean)
        clean_probabilities = _softmax(clean / temperature)

        def divergence(point: Array) -> Array:
            outputs, back = view.vjp(victim.network, point)
            return back((_softmax(outputs / temperature) - clean_probabilities) / temperature)

        return divergence
    precision: Array = np.ones_like(clean)
    if "density" in victim.capabilities:
        std = victim.std(x)
        precision = ((std.mean(axis=-1, keepdims=True) / std) ** 2).astype(clean.dtype)

    def difference(point: Array) -> Array:
        outputs, back = view.vjp(victim.network, point)
        return back(2 * precision * (outputs - clean))

    return difference


def _temperature(victim: Policy, outputs: Array) -> Array:
    """Return what the outputs are divided by before the softmax: 1 for logits, their range for action values."""
    ones = np.ones((len(outputs), 1), dtype=outputs.dtype)
    if victim.head != "greedy":
        return ones
    spread = np.ptp(outputs, axis=1, keepdims=True)
    return np.where(spread > 0, spread, ones)


def _softmax(logits: Array) -> Array:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
