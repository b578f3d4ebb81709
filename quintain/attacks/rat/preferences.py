"""Reward learning from comparisons of segments (Christiano et al. 2017; PEBBLE, Lee et al. 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.attacks.rat.mlp_ensemble import MLPEnsemble
from quintain.attacks.rat.replay_buffer import ReplayBuffer
from quintain.attacks.rat.settings import RATSettings

__all__ = ["RewardEnsemble", "query_teacher", "scripted_label"]

Array = NDArray[np.floating[Any]]


def scripted_label(first: float, second: float) -> float:
    """Return the scripted teacher's label for two returns: 1 if the first is higher, 0 if the second, 0.5 if equal."""
    return 0.5 if first == second else float(first > second)


class RewardEnsemble:
    """r_psi(s, a): the mean of several networks with tanh outputs, fitted to preferences.

    P[s0 > s1] = exp(sum_t r(s0_t)) / (exp(sum_t r(s0_t)) + exp(sum_t r(s1_t))) (Bradley-Terry). Each member minimises
    the cross-entropy between P and the labels, in minibatches of its own random order.

    Args:
        inputs: Entries of state and action together.
        settings: Hyper-parameters of RAT; the ensemble's size, layers and learning rate are read from them.
        rng: Generator of initial weights and orders.
    """

    def __init__(self, inputs: int, settings: RATSettings, rng: np.random.Generator) -> None:
        width = settings.hidden_size
        self._rng, self._max_epochs = rng, settings.max_reward_epochs
        self._members = MLPEnsemble(
            [inputs, width, width, 1], rng, learning_rate=settings.learning_rate, members=settings.ensemble_size,
            last="tanh",
        )  # fmt: skip
        self._pairs: list[tuple[Array, Array, float]] = []

    def __len__(self) -> int:
        """Return the number of labels so far."""
        return len(self._pairs)

    def add(self, first: Array, second: Array, label: float) -> None:
        """Store a labelled comparison of two segments, each of shape ``(segment_length, d + k)``."""
        self._pairs.append((first, second, label))

    def fit(self, batch_size: int = 128) -> float:
        """Train on all labels until more than 97 % are predicted, or the maximum number of epochs is reached.

        Returns:
            Share of the labels that the ensemble predicts, in [0, 1].
        """
        segments, labels = _stack(self._pairs)
        orders = [np.arange(len(labels)) for _ in range(self._members.members)]
        accuracy = 0.0
        for _ in range(self._max_epochs):
            for order in orders:
                self._rng.shuffle(order)
            for start in range(0, len(labels), batch_size):
                chosen = np.stack([order[start : start + batch_size] for order in orders])
                self._step(segments[chosen], labels[chosen])
            accuracy = self._accuracy(segments, labels)
            if accuracy > 0.97:
                break
        return accuracy

    def _step(self, segments: Array, labels: Array) -> None:
        members, n, _, k, width = segments.shape
        ys = self._members.forward(segments.reshape(members, n * 2 * k, width))
        returns = ys[-1].reshape(members, n, 2, k).sum(3)
        # d cross-entropy / d (return of the first segment) = P - label; the second segment's is minus that.
        error = (_sigmoid(returns[:, :, 0] - returns[:, :, 1]) - labels) / n
        grad = np.stack([error, -error], 2)[..., None].repeat(k, 3).reshape(members, n * 2 * k, 1)
        self._members.adam_step(self._members.backward(ys, grad.astype(np.float32)))

    def accuracy(self, pairs: list[tuple[Array, Array, float]]) -> float:
        """Return the share of comparisons that the ensemble predicts; equal segments count as predicted."""
        return self._accuracy(*_stack(pairs))

    def _differences(self, segments: Array) -> Array:
        """Return each member's return of the first segment minus that of the second, ``(members, n)``."""
        n, _, k, width = segments.shape
        returns = self._members(segments.reshape(n * 2 * k, width)).reshape(-1, n, 2, k).sum(3)
        return np.asarray(returns[:, :, 0] - returns[:, :, 1])

    def _accuracy(self, segments: Array, labels: Array) -> float:
        votes = self._differences(segments).sum(0)
        return float(np.mean((labels == 0.5) | ((votes > 0) == (labels > 0.5))))

    def disagreement(self, first: Array, second: Array) -> float:
        """Return the standard deviation over members of P[first > second]."""
        return float(_sigmoid(self._differences(np.stack([first, second])[None])[:, 0]).std())

    def __call__(self, inputs: Array) -> Array:
        """Return rewards of shape ``(n,)`` for states joined with actions, shape ``(n, d + k)``."""
        return np.asarray(self._members(inputs).mean(0)[:, 0])


def _stack(pairs: list[tuple[Array, Array, float]]) -> tuple[Array, Array]:
    """Return segments, ``(n, 2, segment_length, d + k)``, and labels, ``(n,)``."""
    segments = np.stack([np.stack([first, second]) for first, second, _ in pairs])
    return segments.astype(np.float32), np.array([label for *_, label in pairs])


def _sigmoid(x: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


def query_teacher(
    buffer: ReplayBuffer, rewards: RewardEnsemble, settings: RATSettings, round_: int, rng: np.random.Generator
) -> float:
    """Let the scripted teacher label pairs of segments, and refit the reward.

    Pairs are drawn uniformly in even rounds; in odd ones each is that of five on which the members disagree most.

    Args:
        buffer: Transitions to cut segments from.
        rewards: Ensemble that receives the labels.
        settings: Hyper-parameters; they limit the labels of the round and of the whole training.
        round_: Number of the round, from 0.
        rng: Generator of the draws.

    Returns:
        Share of all labels so far that the ensemble predicts; NaN if there are none.
    """
    for _ in range(min(settings.queries_per_round, settings.max_labels - len(rewards))):
        best: tuple[float, Any, Any] | None = None
        for _ in range(1 if round_ % 2 == 0 else 5):
            one, two = buffer.segment(settings.segment_length, rng), buffer.segment(settings.segment_length, rng)
            if one is None or two is None:
                continue
            disagreement = rewards.disagreement(one[0], two[0]) if round_ % 2 else 0.0
            if best is None or disagreement > best[0]:
                best = disagreement, one, two
        if best is not None:
            rewards.add(best[1][0], best[2][0], scripted_label(best[1][1], best[2][1]))
    return rewards.fit() if len(rewards) else float("nan")
