"""Attacks whose perturbation comes from a trained network: SA-RL, PA-AD, and what other trainers produce."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.agents.policies import MLP, Network, Policy, Space
from quintain.attacks.budget import Ball
from quintain.attacks.gradient import GradientMethod
from quintain.attacks.observation import Array, Method
from quintain.attacks.view import View
from quintain.errors import CapabilityError

__all__ = ["Directed", "Learned", "Target"]


class Learned(Method):
    """delta = epsilon * clip(f(x), -1, 1), x being the true observation as the victim's networks read it.

    At test time only the adversary's network runs: it has learned, but does not look at, the victim.

    Args:
        victim: Whose observations it reads.
        network: f, from ``(n, d)`` to ``(n, d)``.
        space: Where the budget is measured.
        name: What reports call it.
    """

    access = "black-box"

    def __init__(self, victim: Policy, network: Network, space: Space = "raw", name: str = "sa-rl") -> None:
        self.name = name
        self.network = network
        self.view = View(victim, space)

    def draw(self, rng: np.random.Generator, ball: Ball, dimension: int) -> Array:
        """Draw nothing: the adversary is deterministic."""
        return np.zeros((0, dimension))

    def propose(self, z: Array, noise: Array, ball: Ball) -> Array:
        """Ask the adversary."""
        x, _ = self.view.read(z)
        return scaled(self.network(x), ball)


def scaled(raw: Array, ball: Ball) -> Array:
    """Turn unbounded outputs into perturbations: clipped to [-1, 1] for l_inf, to the unit ball for l2."""
    unit = Ball(1.0, ball.norm)
    return ball.epsilon * unit.project(raw.astype(np.float64))


class Directed(GradientMethod):
    """PA-AD (Sun et al. 2022): a director names a direction for the action, one gradient step finds the perturbation.

    From a random start in a tenth of the ball, delta = epsilon * steepest(grad) of
    cos(mu(z + delta) - mu(z), d) + ||mu(z + delta) - mu(z)||, with d = director(x).

    Args:
        victim: The victim; needs gradients and continuous actions.
        director: From ``(n, d)`` to directions of the policy's outputs, ``(n, k)``.
        space: Where the budget is measured.
    """

    name = "pa-ad"
    needs = ("gradient", "continuous")

    def __init__(self, victim: Policy, director: Network, space: Space = "raw") -> None:
        super().__init__(victim, space, 1)
        self.director = director

    def ascent(self, z: Array) -> Any:
        """Prepare the gradient towards the director's direction."""
        x, _ = self.view.read(z)
        return self.towards(z, self.director(x))

    def towards(self, z: Array, direction: Array) -> Any:
        """Prepare the gradient towards a given direction, shape ``(n, k)``."""
        x, _ = self.view.read(z)
        clean = self.victim.policy(x)
        aim = Ball(1.0, "l2").steepest(direction.astype(np.float64))

        def gradient(point: Array) -> Array:
            outputs, back = self.view.pull(self.victim.policy, point)
            change = (outputs - clean).astype(np.float64)
            length = np.maximum(np.linalg.norm(change, axis=1, keepdims=True), 1e-12)
            unit = change / length
            # d cos(c, d)/dc = (d - cos c/|c|) / |c|, and d|c|/dc = c/|c|.
            cosine = np.sum(unit * aim, axis=1, keepdims=True)
            return back((aim - cosine * unit) / length + unit)

        return gradient

    def propose(self, z: Array, noise: Array, ball: Ball) -> Array:
        """Take the step."""
        return self.step(z, noise, self.ascent(z), ball)

    def step(self, z: Array, noise: Array, ascent: Any, ball: Ball) -> Array:
        """Take one step of full length from the random start."""
        return np.asarray(ball.epsilon * ball.steepest(ascent(z + noise[:, 0] / 10)))


class Target(GradientMethod):
    """PGD towards another policy: the white-box bound on what any attack that wants its behaviour can reach.

    Descends sum_j (mu_j(z') - a_j)^2, a being what the intention policy would do in the true state, for 30 steps.
    Run it before choosing epsilon: where it fails, a learned targeted attack has little to find.

    Args:
        victim: The victim; needs gradients and continuous actions.
        intention: Who shows the behaviour, for instance a victim trained on the opposite task.
        space: Where the budget is measured.
        steps: Gradient steps, >= 1.
    """

    name = "target"
    needs = ("gradient", "continuous")

    def __init__(self, victim: Policy, intention: Policy, space: Space = "raw", steps: int = 30) -> None:
        super().__init__(victim, space, steps)
        if intention.is_stateful:
            raise CapabilityError(
                f"intention {intention.name!r} remembers its episode, and attack 'target' asks what it would do in "
                "single states; use a policy without a memory"
            )
        self.intention = intention

    def ascent(self, z: Array) -> Any:
        """Prepare the gradient towards the intention."""
        wanted = self.wanted(z)

        def gradient(point: Array) -> Array:
            outputs, back = self.view.pull(self.victim.policy, point)
            unit, slope = self.victim.q_actions(outputs)
            return back(-2 * (unit - wanted) * slope)

        return gradient

    def wanted(self, z: Array) -> NDArray[Any]:
        """Return what the intention policy does in the true states, in the units of the victim's policy."""
        actions = self.intention.act_batch(self.view.raw(z))
        if self.victim.head not in ("squashed", "scaled"):
            return actions
        space: Any = self.victim.action_space
        return np.asarray(2 * (actions - space.low) / (space.high - space.low) - 1)


def perceptron_of(policy: Any) -> MLP:
    """Copy the actor of an SB3 actor-critic policy."""
    from quintain.agents.policies import as_network

    network = as_network(policy.mlp_extractor.policy_net, policy.action_net)
    assert isinstance(network, MLP)
    return network
