"""Learning a reward from comparisons of segments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.attacks.rat.networks import perceptron

__all__ = ["RewardEnsemble", "scripted_label"]

Array = NDArray[np.floating[Any]]


def scripted_label(first: float, second: float) -> float:
    """Return the teacher's answer: 1 if it prefers the first return, 0 the second, 0.5 if they are equal."""
    return 0.5 if first == second else float(first > second)


class RewardEnsemble:
    """r(x, a), the mean of several networks with tanh outputs, fitted to preferences (Christiano et al. 2017).

    P[s0 > s1] = exp(sum r(s0)) / (exp(sum r(s0)) + exp(sum r(s1))) (Bradley-Terry); each member minimises the
    cross-entropy with the labels on its own order of batches.

    Args:
        torch: The library.
        inputs: Length of state and action together.
        hidden: Width.
        members: Networks.
        learning_rate: Of Adam.
        generator: Where weights and batches are drawn from.
    """

    def __init__(
        self, torch: Any, inputs: int, hidden: int, members: int, learning_rate: float, generator: Any
    ) -> None:
        self._torch = torch
        self._generator = generator
        self.members = [perceptron(torch, [inputs, hidden, hidden, 1], generator, last="tanh") for _ in range(members)]
        self._optimisers = [torch.optim.Adam(m.parameters(), lr=learning_rate) for m in self.members]
        self._pairs: list[tuple[Array, Array, float]] = []

    def __len__(self) -> int:
        """Return the number of labels so far."""
        return len(self._pairs)

    def add(self, first: Array, second: Array, label: float) -> None:
        """Remember a comparison of two segments, each of shape ``(k, d + a)``."""
        self._pairs.append((first, second, label))

    def fit(self, epochs: int, batch: int = 128) -> float:
        """Train on all labels until 97 % of them are predicted; return the accuracy, in [0, 1]."""
        torch = self._torch
        first, second = (torch.as_tensor(np.stack([p[i] for p in self._pairs]), dtype=torch.float32) for i in (0, 1))
        labels = torch.as_tensor([p[2] for p in self._pairs], dtype=torch.float32)
        for _ in range(epochs):
            for member, optimiser in zip(self.members, self._optimisers, strict=True):
                for i in torch.randperm(len(labels), generator=self._generator).split(batch):
                    logits = (member(first[i]) - member(second[i])).sum((1, 2))
                    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels[i])
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
            accuracy = self._accuracy(first, second, labels)
            if accuracy > 0.97:
                break
        return accuracy

    def accuracy(self, pairs: list[tuple[Array, Array, float]]) -> float:
        """Return the share of comparisons that the ensemble predicts; equal segments count as right."""
        torch = self._torch
        first, second = (torch.as_tensor(np.stack([p[i] for p in pairs]), dtype=torch.float32) for i in (0, 1))
        return self._accuracy(first, second, torch.as_tensor([p[2] for p in pairs]))

    def _accuracy(self, first: Any, second: Any, labels: Any) -> float:
        with self._torch.no_grad():
            logits = sum((m(first) - m(second)).sum((1, 2)) for m in self.members)
        right = (labels == 0.5) | ((logits > 0) == (labels > 0.5))
        return float(right.float().mean())

    def disagreement(self, first: Array, second: Array) -> float:
        """Return the standard deviation of the members' preferences for ``first``."""
        torch = self._torch
        with torch.no_grad():
            pair = [torch.as_tensor(s, dtype=torch.float32) for s in (first, second)]
            chances = torch.stack([torch.sigmoid((m(pair[0]) - m(pair[1])).sum()) for m in self.members])
        return float(chances.std(correction=0))

    def __call__(self, inputs: Any) -> Any:
        """Return rewards of shape ``(n,)`` for a tensor of shape ``(n, d + a)``."""
        with self._torch.no_grad():
            return sum(member(inputs)[:, 0] for member in self.members) / len(self.members)
