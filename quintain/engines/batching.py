"""Divide work into forward passes of a good size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from quintain.engines.pending import LiveSequence

__all__ = ["PASS_TOKENS", "branch_logprobs", "by_width", "packed"]

PASS_TOKENS = 512  # enough for full speed, little enough to stay in the processor's cache
_MAX_PADDING = 1.25  # rows share a pass while padding costs at most this factor


def by_width(wave: Sequence[tuple[LiveSequence, int]]) -> Iterator[list[LiveSequence]]:
    """Group sequences of similar width, so that little is padding and a pass stays small."""
    group: list[LiveSequence] = []
    total = 0
    for sequence, width in sorted(wave, key=lambda item: item[1]):
        padded = width * (len(group) + 1)
        if group and (padded > PASS_TOKENS or padded > _MAX_PADDING * (total + width)):
            yield group
            group, total = [], 0
        group.append(sequence)
        total += width
    if group:
        yield group


def packed(branches: Sequence[Sequence[int]]) -> Iterator[list[Sequence[int]]]:
    """Split branches into passes of bounded width."""
    group: list[Sequence[int]] = []
    for branch in branches:
        if group and sum(map(len, group)) + len(branch) > PASS_TOKENS:
            yield group
            group = []
        group.append(branch)
    yield group


def branch_logprobs(logits: torch.Tensor, branches: Sequence[Sequence[int]]) -> list[list[float]]:
    """Return the log-probability of each token of each branch.

    Row 0 of ``logits`` follows the trunk; then come those that follow each token of each branch but its last.
    """
    norms = logits.logsumexp(-1)
    result = []
    row = 1
    for branch in branches:
        rows = [0, *range(row, row + len(branch) - 1)]
        result.append((logits[rows, list(branch)] - norms[rows]).tolist())
        row += len(branch) - 1
    return result
