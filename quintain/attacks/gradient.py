"""Attacks that follow a gradient through the victim: FGSM, the critic's, MAD, and mixtures of them."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Self

import numpy as np

from quintain.agents.policies import ActionValue, Capability, Policy, Rollouts, Space
from quintain.attacks.budget import Ball
from quintain.attacks.observation import Array, Method
from quintain.attacks.view import View
from quintain.attacks.wrappers import Rows
from quintain.errors import CapabilityError, ConfigurationError

__all__ = ["FGSM", "MAD", "Critic", "GradientMethod", "Mixture", "RobustSarsa"]

#: The gradient to ascend, at any point of the ball around the observations it was made for.
Ascent = Callable[[Array], Array]


class GradientMethod(Method):
    """Projected gradient ascent from a small random start.

    z_0 = z + start / 10, z_{i+1} = project(z_i + eta * steepest(g(z_i))), with eta = epsilon / 10 unless stated
    otherwise: the settings that the reference implementations of Zhang et al. (2020) share.

    Args:
        victim: The victim.
        space: Where the budget is measured.
        steps: Gradient steps, >= 1.

    Raises:
        CapabilityError: If the victim lacks what the attack needs.
        ConfigurationError: If ``steps`` is below 1.
    """

    access = "white-box"
    needs: ClassVar[tuple[Capability, ...]] = ("gradient",)

    def __init__(self, victim: Policy, space: Space = "raw", steps: int = 10) -> None:
        victim.require(self.needs, f"attack {self.name!r}")
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise ConfigurationError(f"steps must be an integer >= 1, got {steps!r}")
        self.victim = victim
        self.view = View(victim, space)
        self.space: Space = space
        self.steps = steps

    def during(self, rollouts: Rollouts[Policy], rows: Rows) -> Self:
        """Look into the victim as it is in ``rows`` at this moment."""
        if rollouts.victim is not self.victim:
            return self
        other = copy.copy(self)
        other.victim = rollouts.at(rows)
        other.view = View(other.victim, self.space)
        return other

    @abstractmethod
    def ascent(self, z: Array) -> Ascent:
        """Prepare the gradient for perturbations of ``z``."""

    def draw(self, rng: np.random.Generator, ball: Ball, dimension: int) -> Array:
        """Draw the start, uniformly from the ball."""
        return ball.sample(rng, dimension)[None]

    def propose(self, z: Array, noise: Array, ball: Ball) -> Array:
        """Climb."""
        ascent = self.ascent(z)
        eta = ball.epsilon / 10
        delta: Array = noise[:, 0] / 10
        for _ in range(self.steps):
            delta = ball.project(delta + eta * ball.steepest(ascent(z + delta)))
        return delta


class MAD(GradientMethod):
    """Maximal action difference (Zhang et al. 2020, section 3.4): make the victim act as unlike itself as possible.

    Ascends the divergence of the perturbed action distribution from the true one. For a Gaussian victim that is
    sum_j ((mu_j(z') - mu_j(z)) / w_j)^2, w being sigma divided by its mean; for a categorical one KL(pi(z) || pi(z')).
    As the reference does, it starts on the corners of a tenth of the ball and kicks the gradient with noise that dies
    out: step i ascends g + xi_i sqrt(2 epsilon / 10) / (i + 2).

    Differences: a standard deviation that depends on the state (SAC, TQC) is that of the true state throughout.
    """

    name = "mad"
    needs = ("gradient", "density")

    def ascent(self, z: Array) -> Ascent:
        """Prepare the gradient of the divergence."""
        return _divergence(self.view, z)

    def draw(self, rng: np.random.Generator, ball: Ball, dimension: int) -> Array:
        """Draw the start and the kicks."""
        return rng.standard_normal((self.steps + 1, dimension))

    def propose(self, z: Array, noise: Array, ball: Ball) -> Array:
        """Climb with kicks."""
        ascent = self.ascent(z)
        eta = ball.epsilon / 10
        kick = np.sqrt(2 * eta)
        delta = eta * ball.steepest(noise[:, 0])
        for i in range(self.steps):
            step = ball.steepest(ascent(z + delta) + noise[:, i + 1] * (kick / (i + 2)))
            delta = ball.project(delta + eta * step)
        return delta


class FGSM(GradientMethod):
    """Fast gradient sign method (Goodfellow et al. 2015; for policies Huang et al. 2017): one step of full length.

    For discrete actions it ascends -log pi(a | z') of the action a that the victim would take, at z itself. For
    continuous ones it ascends the divergence of MAD, whose gradient vanishes at z, from the random start.
    """

    name = "fgsm"

    def __init__(self, victim: Policy, space: Space = "raw") -> None:
        super().__init__(victim, space, 1)

    def ascent(self, z: Array) -> Ascent:
        """Prepare the gradient of the loss."""
        if self.victim.head != "categorical":
            return _divergence(self.view, z)
        logits, back = self.view.pull(self.victim.policy, z)
        cotangent = _softmax(logits)
        cotangent[np.arange(len(z)), np.argmax(logits, axis=1)] -= 1
        gradient = back(cotangent)
        return lambda _: gradient

    def propose(self, z: Array, noise: Array, ball: Ball) -> Array:
        """Take one step."""
        start = noise[:, 0] / 10 if self.victim.head != "categorical" else np.zeros_like(z)
        return ball.project(start + ball.epsilon * ball.steepest(self.ascent(z)(z + start)))


class Critic(GradientMethod):
    """Pattanaik et al. (2018): make the victim see, or do, what its own critic thinks worst.

    Descends V(z') where the victim has a state value, else Q(z, pi(z')).
    """

    name = "critic"

    def __init__(self, victim: Policy, space: Space = "raw", steps: int = 10) -> None:
        super().__init__(victim, space, steps)
        if not victim.capabilities & {"value", "action_value"}:
            raise CapabilityError(
                f"attack 'critic' cannot work on victim {victim.name!r}: it has neither V(s) nor Q(s, a); "
                "pass value=... or action_value=..., or use RobustSarsaAttack, which trains a critic"
            )

    def ascent(self, z: Array) -> Ascent:
        """Prepare the gradient of the negative value."""
        value = self.victim.value
        if value is None:
            assert self.victim.action_value is not None
            return _low_action_value(self.view, self.victim.action_value, z)

        def gradient(point: Array) -> Array:
            outputs, back = self.view.pull(value, point)
            return back(np.full_like(outputs, -1.0))

        return gradient


class RobustSarsa(GradientMethod):
    """Robust Sarsa (Zhang et al. 2020, section 3.4): descend Q(z, pi(z')) of a critic learned for this attack.

    Args:
        victim: The victim.
        critic: Q(s, a) of the frozen victim, smooth in a; :func:`~quintain.attacks.sarsa.train_robust_sarsa` fits one.
        space: Where the budget is measured.
        steps: Gradient steps, >= 1.
    """

    name = "robust sarsa"
    needs = ("gradient", "continuous")

    def __init__(self, victim: Policy, critic: ActionValue, space: Space = "raw", steps: int = 10) -> None:
        super().__init__(victim, space, steps)
        self.critic = critic

    def ascent(self, z: Array) -> Ascent:
        """Prepare the gradient of -Q at the true state."""
        return _low_action_value(self.view, self.critic, z)


class Mixture(GradientMethod):
    """A weighted sum of other attacks' gradients, such as Robust Sarsa and MAD half and half.

    Differences: each gradient is scaled to length 1 per observation first, so that a weight means the same whatever
    the scale of rewards.

    Args:
        parts: Attacks on the same victim in the same space.
        weights: One per part, >= 0, not all 0.
        steps: Gradient steps, >= 1.
        name: What reports call it.
    """

    name = "mixture"

    def __init__(
        self, parts: Sequence[GradientMethod], weights: Sequence[float], steps: int = 10, name: str = ""
    ) -> None:
        if not parts or len(parts) != len(weights) or min(weights) < 0 or sum(weights) <= 0:
            raise ConfigurationError("a mixture needs one weight >= 0 per part, and not all of them 0")
        super().__init__(parts[0].victim, "raw", steps)
        self.parts = list(parts)
        self.weights = list(weights)
        if name:
            self.name = name

    def during(self, rollouts: Rollouts[Policy], rows: Rows) -> Self:
        """Look into the victim as it is in ``rows`` at this moment, with every part."""
        other = copy.copy(self)
        other.parts = [part.during(rollouts, rows) for part in self.parts]
        return other

    def ascent(self, z: Array) -> Ascent:
        """Prepare the sum."""
        ascents = [part.ascent(z) for part in self.parts]
        ball = Ball(1.0, "l2")

        def gradient(point: Array) -> Array:
            weighted = [w * ball.steepest(a(point)) for w, a in zip(self.weights, ascents, strict=True)]
            return np.asarray(sum(weighted))

        return gradient


def _divergence(view: View, z: Array) -> Ascent:
    """Return the gradient of how far the action distribution at a point is from that at z."""
    victim = view.victim
    x, _ = view.read(z)
    clean = victim.policy(x)
    if victim.head == "categorical":
        likely = _softmax(clean)

        def divergence(point: Array) -> Array:
            logits, back = view.pull(victim.policy, point)
            return back(_softmax(logits) - likely)

        return divergence
    precision: Array = np.ones_like(clean)
    if "density" in victim.capabilities:
        std = victim.std(x)
        precision = ((std.mean(axis=-1, keepdims=True) / std) ** 2).astype(clean.dtype)

    def difference(point: Array) -> Array:
        outputs, back = view.pull(victim.policy, point)
        return back(2 * precision * (outputs - clean))

    return difference


def _low_action_value(view: View, critic: ActionValue, z: Array) -> Ascent:
    """Return the gradient of -Q(z, pi(point))."""
    x, _ = view.read(z)

    def gradient(point: Array) -> Array:
        outputs, back = view.pull(view.victim.policy, point)
        return back(-view.action_value_slope(critic, x.astype(outputs.dtype), outputs))

    return gradient


def _softmax(logits: Array) -> Array:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
