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
    """Exact normalised discounted values of both players."""
    p, q = 1 / (1 + np.exp(-first)), 1 / (1 + np.exp(-second))
    q = q[[0, 1, 3, 2, 4]]  # the second player's CD is the first one's DC
    joint = np.stack([p * q, p * (1 - q), (1 - p) * q, (1 - p) * (1 - q)], axis=1)
    visits = np.linalg.solve((np.eye(4) - GAMMA * joint[1:]).T, joint[0])
    return (1 - GAMMA) * PAYOFFS @ visits


def gradient(function: Callable[[Vector], float], at: Vector, step: float = 1e-4) -> Vector:
    """Central differences."""
    shifts = step * np.eye(len(at))
    return np.array([(function(at + shift) - function(at - shift)) / (2 * step) for shift in shifts])


def naive(own: Vector, other: Vector, me: int, eta: float) -> Vector:
    return gradient(lambda theta: seen(theta, other, me)[me], own)


def lola(own: Vector, other: Vector, me: int, eta: float) -> Vector:
    """Gradient of the own value after the opponent's anticipated step."""

    def after_their_step(theta: Vector) -> float:
        step = gradient(lambda phi: seen(theta, phi, me)[1 - me], other)
        return float(seen(theta, other + eta * step, me)[me])

    return gradient(after_their_step, own)


def seen(own: Vector, other: Vector, me: int) -> Vector:
    return values(own, other) if me == 0 else values(other, own)


def train(rule: Callable[..., Vector], rng: np.random.Generator, steps: int, rate: float, eta: float) -> Vector:
    first, second = rng.normal(size=(2, 5))
    for _ in range(steps):
        moves = rule(first, second, 0, eta), rule(second, first, 1, eta)
        first, second = first + rate * moves[0], second + rate * moves[1]
    return np.concatenate([values(first, second), 1 / (1 + np.exp(-first))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--eta", type=float, default=20.0, help="the opponent's step that LOLA anticipates")
    options = parser.parse_args()
    print("mean value of player 0, 95% interval over seeds (paper: naive -1.98, LOLA -1.06)")
    print("and the probability of cooperation: first, after CC, CD, DC, DD")
    for rule in (naive, lola):
        runs = np.array(
            [
                train(rule, np.random.default_rng(seed), options.steps, options.rate, options.eta)
                for seed in range(options.seeds)
            ]
        )
        policy = " ".join(f"{p:.2f}" for p in runs[:, 2:].mean(axis=0))
        print(f"{rule.__name__}: {mean(runs[:, 0])}; {policy}")


if __name__ == "__main__":
    main()
