"""Opponent shaping in the iterated prisoner's dilemma: naive learners defect, LOLA learners discover tit-for-tat.

    python examples/lola.py

Both players have memory-one policies with five logits (first round, and after CC, CD, DC, DD, own move first). The
discounted value of a pair of policies is exact: V = p_0 (I - gamma P)^{-1} r, with P the transition matrix of the four
outcomes. A naive learner follows dV_1/dtheta_1. LOLA (Foerster et al. 2018, arXiv 1709.04326) differentiates through
the opponent's next step: it follows d/dtheta_1 of V_1(theta_1, theta_2 + eta dV_2/dtheta_2). Gradients are central
differences: ten numbers are learnt, and clarity is worth more than speed. Values are normalised, (1 - gamma) V, so that
mutual cooperation is worth -1 and mutual defection -2, as in the paper.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from quintain.evaluation.statistics import mean

Vector = NDArray[np.float64]
# Payoffs of the paper's dilemma after CC, CD, DC, DD from player 0's view.
PAYOFFS = np.array([[-1.0, -3.0, 0.0, -2.0], [-1.0, 0.0, -3.0, -2.0]])
GAMMA = 0.96


def values(first: Vector, second: Vector) -> Vector:
    """Return the exact normalised discounted values of both players, shape (2,)."""
    p, q = 1 / (1 + np.exp(-first)), 1 / (1 + np.exp(-second))
    q = q[[0, 1, 3, 2, 4]]  # the second player's CD is the first one's DC
    joint = np.stack([p * q, p * (1 - q), (1 - p) * q, (1 - p) * (1 - q)], axis=1)
    visits = np.linalg.solve((np.eye(4) - GAMMA * joint[1:]).T, joint[0])
    return (1 - GAMMA) * PAYOFFS @ visits


def gradient(function: Callable[[Vector], float], at: Vector, step: float = 1e-4) -> Vector:
    """Return the gradient of ``function`` by central differences."""
    shifts = step * np.eye(len(at))
    return np.array([(function(at + shift) - function(at - shift)) / (2 * step) for shift in shifts])


def values_from(player: int, own: Vector, other: Vector) -> Vector:
    """Return the values of both players, where ``own`` are the logits of ``player``."""
    return values(own, other) if player == 0 else values(other, own)


def naive(player: int, own: Vector, other: Vector, eta: float) -> Vector:
    """Return the gradient of the player's own value, the opponent's policy held fixed."""
    return gradient(lambda theta: values_from(player, theta, other)[player], own)


def lola(player: int, own: Vector, other: Vector, eta: float) -> Vector:
    """Return the gradient of the player's own value after the opponent's anticipated step of size ``eta``."""

    def value_after_step(theta: Vector) -> float:
        step = gradient(lambda phi: values_from(player, theta, phi)[1 - player], other)
        return float(values_from(player, theta, other + eta * step)[player])

    return gradient(value_after_step, own)


def train(
    rule: Callable[..., Vector], rng: np.random.Generator, steps: int, learning_rate: float, eta: float
) -> Vector:
    """Train both players with ``rule``; return both values and player 0's five cooperation probabilities."""
    first, second = rng.normal(size=(2, 5))
    for _ in range(steps):
        gradients = rule(0, first, second, eta), rule(1, second, first, eta)
        first, second = first + learning_rate * gradients[0], second + learning_rate * gradients[1]
    return np.concatenate([values(first, second), 1 / (1 + np.exp(-first))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="number of pairs of learners")
    parser.add_argument("--steps", type=int, default=200, help="gradient steps of each pair")
    parser.add_argument("--learning-rate", type=float, default=10.0, help="learning rate of the logits")
    parser.add_argument("--eta", type=float, default=20.0, help="size of the opponent's step that LOLA anticipates")
    options = parser.parse_args()
    print("mean value of player 0, 95% interval over seeds (paper: naive -1.98, LOLA -1.06)")
    print("and the probability of cooperation: first, after CC, CD, DC, DD")
    for rule in (naive, lola):
        runs = np.array(
            [
                train(rule, np.random.default_rng(seed), options.steps, options.learning_rate, options.eta)
                for seed in range(options.seeds)
            ]
        )
        policy = " ".join(f"{p:.2f}" for p in runs[:, 2:].mean(axis=0))
        print(f"{rule.__name__}: {mean(runs[:, 0], unit='seeds')}; {policy}")


if __name__ == "__main__":
    main()
