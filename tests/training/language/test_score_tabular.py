"""SCoRe on a policy that is a table: exact gradients show the collapse of plain training, and its cure.

A question is easy (0.8) or hard, which the policy does not see, and an answer is right or wrong. The first attempt is
right with the probability 0.95 s(u) if the question is easy and 0.1 if it is hard, where s is the logistic function. It
then looks right or wrong, truly so with the probability 0.8, and the policy repeats it or revises it: it repeats with
the probability s(b + d) if it looks right and s(b - d) if it looks wrong. A revision is right with 0.6 s(u + 1) if the
question is easy and 0.5 if it is hard: both turns share the weight u. Expectations are sums over all outcomes.
"""

from functools import cache
from itertools import product

import numpy as np
import pytest

from quintain.training.language.score import score_returns

EASY, FIRST, REVISED, FIRST_IF_HARD, REVISED_IF_HARD, SEEN = 0.8, 0.95, 0.6, 0.1, 0.5, 0.8
START = np.array([-0.5, 3.0, 0.0])  # u, b, d: some easy questions, mostly repeating, not judging


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def coin(hit, p, x):
    """Return the score of a coin with the probability p, a constant times s(x), with respect to x."""
    return (1 - sigmoid(x)) * (1.0 if hit else -p / (1 - p))


def outcomes(theta):
    """Yield probability, r1, r2, whether the answer was revised, and the scores of both turns."""
    u, b, d = theta
    first, revised, keep = FIRST * sigmoid(u), REVISED * sigmoid(u + 1), {True: sigmoid(b + d), False: sigmoid(b - d)}
    for easy, r1, looks, revises, success in product((True, False), repeat=5):
        p1, p2 = (first, revised) if easy else (FIRST_IF_HARD, REVISED_IF_HARD)
        probability = (EASY if easy else 1 - EASY) * (p1 if r1 else 1 - p1) * (SEEN if looks == r1 else 1 - SEEN)
        probability *= (1 - keep[looks]) if revises else keep[looks]
        if revises:
            probability *= p2 if success else 1 - p2
        elif success:
            continue  # a repeated answer has one outcome
        sign = 1 if looks else -1
        of_keeping = (-keep[looks] if revises else 1 - keep[looks]) * np.array([0, 1, sign])
        scores = (
            np.array([coin(r1, first, u) if easy else 0.0, 0, 0]),
            of_keeping + np.array([coin(success, revised, u + 1) if easy and revises else 0.0, 0, 0]),
        )
        yield probability, float(r1), float(success if revises else r1), revises, scores


def gradient(theta, stage, alpha, gamma=0.0, beta2=0.0):
    """Return the exact policy gradient: the return of a turn less its mean, times the score of the turn."""
    rows = list(outcomes(theta))
    returns = []
    for _, r1, r2, _, _ in rows:
        g1, g2 = score_returns(r1, r2, stage=stage, alpha=alpha)
        returns.append((g1 + (gamma * g2 if stage == 2 else 0.0), g2))
    means = [sum(row[0] * g[turn] for row, g in zip(rows, returns, strict=True)) for turn in (0, 1)]
    total = np.zeros(3)
    for (probability, *_, scores), g in zip(rows, returns, strict=True):
        total += probability * sum((g[turn] - means[turn]) * scores[turn] for turn in (0, 1))
    now = sigmoid(theta[0])  # the divergence of two coins, for easy questions
    total[0] -= beta2 * EASY * now * (1 - now) * (theta[0] - START[0])
    return total


@cache
def run(stage1, alpha, *, steps=200, gamma=0.0, beta2=5.0):
    """Return the weights after gradient ascent, of whose steps the first ``stage1`` are stage I."""
    theta = START.copy()
    for step in range(steps):
        first = step < stage1
        theta = theta + 0.5 * gradient(theta, 1 if first else 2, alpha, gamma, beta2 if first else 0.0)
    return theta


def measured(theta):
    rows = list(outcomes(theta))
    return {
        "first": sum(p * r1 for p, r1, *_ in rows),
        "delta": sum(p * (r2 - r1) for p, r1, r2, *_ in rows),
        "revised": sum(p for p, _, _, revises, _ in rows if revises),
        "broken": sum(p for p, r1, r2, *_ in rows if r1 > r2),
    }


def test_probabilities_add_up_and_the_gradient_is_that_of_the_expected_return():
    theta = np.array([0.3, -0.2, 0.4])
    assert sum(p for p, *_ in outcomes(theta)) == pytest.approx(1)

    def value(x):  # with gamma = 1 the gradient is that of one objective, E[g1 + g2]
        return sum(p * sum(score_returns(r1, r2, stage=2, alpha=3.0)) for p, r1, r2, *_ in outcomes(x))

    numeric = [(value(theta + h) - value(theta - h)) / 2e-6 for h in np.eye(3) * 1e-6]
    assert gradient(theta, 2, 3.0, gamma=1.0) == pytest.approx(numeric, abs=1e-6)


def test_plain_training_collapses_to_repeating_the_first_answer():
    found = measured(run(0, alpha=0.0))
    assert found["first"] > 0.75 > 0.31 > measured(START)["first"]  # it has learned to answer
    assert found["revised"] < 0.05
    assert abs(found["delta"]) < 0.005


def test_score_corrects_without_loss_at_the_first_turn():
    plain, score = measured(run(0, alpha=0.0)), measured(run(100, alpha=10.0))
    assert score["delta"] > 0.03
    assert score["revised"] > 0.3
    assert score["first"] == pytest.approx(plain["first"], abs=0.005)
    assert score["first"] + score["delta"] > plain["first"] + plain["delta"] + 0.025


@pytest.mark.parametrize(
    "without", [{"stage1": 0, "alpha": 10.0}, {"stage1": 100, "alpha": 0.0}], ids=["stage I", "bonus"]
)
def test_each_part_adds_to_the_correction(without):
    assert measured(run(**without))["delta"] < measured(run(100, alpha=10.0))["delta"] - 0.001


def test_a_bonus_that_is_credited_to_the_first_turn_teaches_to_fail_first():
    joint, score = measured(run(100, alpha=10.0, gamma=1.0)), measured(run(100, alpha=10.0))
    assert joint["first"] < score["first"] / 1.9
    assert joint["delta"] > 3 * score["delta"]  # the bonus is earned
    assert joint["first"] + joint["delta"] < score["first"] + score["delta"] - 0.1  # at the price of the answer


def test_stage_one_teaches_the_second_turn_and_holds_the_first():
    start = measured(START)
    held, free = measured(run(100, alpha=10.0, steps=100)), measured(run(100, alpha=10.0, steps=100, beta2=0.0))
    assert held["delta"] > start["delta"] + 0.02
    assert held["first"] == pytest.approx(start["first"], abs=0.005)
    assert free["first"] > held["first"] + 0.01
