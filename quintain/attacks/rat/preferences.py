"""Learning a reward from comparisons of segments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.attacks.rat.memory import Memory
from quintain.attacks.rat.perceptrons import Perceptrons
from quintain.attacks.rat.settings import RATSettings

__all__ = ["RewardEnsemble", "ask", "scripted_label"]

Array = NDArray[np.floating[Any]]


def scripted_label(first: float, second: float) -> float:
    """Return the teacher's answer: 1 if it prefers the first return, 0 the second, 0.5 if they are equal."""
    return 0.5 if first == second else float(first > second)


class RewardEnsemble:
    """r(x, a), the mean of several networks with tanh outputs, fitted to preferences (Christiano et al. 2017).

    P[s0 > s1] = exp(sum r(s0)) / (exp(sum r(s0)) + exp(sum r(s1))) (Bradley-Terry); each member minimises the
    cross-entropy with the labels, which it meets in an order of its own.

    Args:
        inputs: Length of state and action together.
        settings: Members, widths, rates.
        rng: Where weights and orders are drawn from.
    """

    def __init__(self, inputs: int, settings: RATSettings, rng: np.random.Generator) -> None:
        width = settings.hidden
        self._rng, self._epochs = rng, settings.reward_epochs
        self._members = Perceptrons(
            [inputs, width, width, 1], rng, learning_rate=settings.learning_rate, members=settings.ensemble, last="tanh"
        )
        self._pairs: list[tuple[Array, Array, float]] = []

    def __len__(self) -> int:
        """Return the number of labels so far."""
        return len(self._pairs)

    def add(self, first: Array, second: Array, label: float) -> None:
        """Remember a comparison of two segments, each of shape ``(k, d + a)``."""
        self._pairs.append((first, second, label))

    def fit(self, batch: int = 128) -> float:
        """Train on all labels until 97 % of them are predicted; return the accuracy, in [0, 1]."""
        segments, labels = _stack(self._pairs)
        orders = [np.arange(len(labels)) for _ in range(self._members.members)]
        accuracy = 0.0
        for _ in range(self._epochs):
            for order in orders:
                self._rng.shuffle(order)
            for start in range(0, len(labels), batch):
                chosen = np.stack([order[start : start + batch] for order in orders])
                self._step(segments[chosen], labels[chosen])
            accuracy = self._accuracy(segments, labels)
            if accuracy > 0.97:
                break
        return accuracy

    def _step(self, segments: Array, labels: Array) -> None:
        members, n, _, k, width = segments.shape
        ys = self._members.forward(segments.reshape(members, n * 2 * k, width))
        totals = ys[-1].reshape(members, n, 2, k).sum(3)
        surprise = (_sigmoid(totals[:, :, 0] - totals[:, :, 1]) - labels) / n  # by the first's return
        slopes = np.stack([surprise, -surprise], 2)[..., None].repeat(k, 3).reshape(members, n * 2 * k, 1)
        self._members.descend(self._members.backward(ys, slopes.astype(np.float32)))

    def accuracy(self, pairs: list[tuple[Array, Array, float]]) -> float:
        """Return the share of comparisons that the ensemble predicts; equal segments count as right."""
        return self._accuracy(*_stack(pairs))

    def _differences(self, segments: Array) -> Array:
        """Return each member's return of the first segment less that of the second, ``(members, n)``."""
        n, _, k, width = segments.shape
        totals = self._members(segments.reshape(n * 2 * k, width)).reshape(-1, n, 2, k).sum(3)
        return np.asarray(totals[:, :, 0] - totals[:, :, 1])

    def _accuracy(self, segments: Array, labels: Array) -> float:
        votes = self._differences(segments).sum(0)
        return float(np.mean((labels == 0.5) | ((votes > 0) == (labels > 0.5))))

    def disagreement(self, first: Array, second: Array) -> float:
        """Return the standard deviation of the members' preferences for ``first``."""
        return float(_sigmoid(self._differences(np.stack([first, second])[None])[:, 0]).std())

    def __call__(self, inputs: Array) -> Array:
        """Return rewards of shape ``(n,)`` for states and actions of shape ``(n, d + a)``."""
        return np.asarray(self._members(inputs).mean(0)[:, 0])


def _stack(pairs: list[tuple[Array, Array, float]]) -> tuple[Array, Array]:
    """Return segments, ``(n, 2, k, d + a)``, and labels, ``(n,)``."""
    segments = np.stack([np.stack([first, second]) for first, second, _ in pairs])
    return segments.astype(np.float32), np.array([label for *_, label in pairs])


def _sigmoid(x: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


def ask(memory: Memory, rewards: RewardEnsemble, settings: RATSettings, round_: int, rng: np.random.Generator) -> float:
    """Let the scripted teacher compare segments, as many as a round and the labels in all allow, and refit the reward.

    Pairs are drawn at random in even rounds; in odd ones each is the pair of five on which the ensemble disagrees most.

    Returns:
        Share of all comparisons so far that the ensemble predicts; NaN if there are none.
    """
    for _ in range(min(settings.queries, settings.labels - len(rewards))):
        best: tuple[float, Any, Any] | None = None
        for _ in range(1 if round_ % 2 == 0 else 5):
            one, two = memory.segment(settings.segment, rng), memory.segment(settings.segment, rng)
            if one is None or two is None:
                continue
            doubt = rewards.disagreement(one[0], two[0]) if round_ % 2 else 0.0
            if best is None or doubt > best[0]:
                best = doubt, one, two
        if best is not None:
            rewards.add(best[1][0], best[2][0], scripted_label(best[1][1], best[2][1]))
    return rewards.fit() if len(rewards) else float("nan")
