"""Divide sequences into forward passes of a size that is efficient on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from quintain.engines.pending import LiveSequence
from quintain.engines.prefixes import MIN_SHARED, Tokens, common_prefix

__all__ = ["PASS_TOKENS", "branch_logprobs", "group_by_width", "pack_branches", "prefill_groups"]

PASS_TOKENS = 512  # enough for full speed, few enough that activations stay in the processor's cache
_MAX_PADDING = 1.25  # rows share a pass while padding costs at most this factor


def prefill_groups(
    sequences: Sequence[LiveSequence], longest_prefix: Callable[[Tokens], tuple[int | None, int]]
) -> Iterator[list[LiveSequence]]:
    """Divide sequences into groups whose prompts are computed in one forward pass each.

    A sequence that shares a longer prefix with another of these sequences than with the cache waits until the other one
    has been computed. So the caller must compute each group before it takes the next.

    Args:
        sequences: In order of arrival.
        longest_prefix: Returns the row with the longest cached prefix of given tokens, and the length of that prefix.
    """
    while sequences:
        wave: list[tuple[LiveSequence, int]] = []
        deferred: list[LiveSequence] = []
        for sequence in sequences:
            cached = longest_prefix(sequence.tokens)[1]
            soon = max((common_prefix(sequence.tokens, s.tokens) for s, _ in wave), default=0)
            if min(soon, len(sequence.tokens) - 1) >= cached + MIN_SHARED:
                deferred.append(sequence)
            else:
                branches = sum(map(len, sequence.prompt.branches))
                wave.append((sequence, min(len(sequence.tokens) - cached, PASS_TOKENS) + branches))
        yield from group_by_width(wave)
        sequences = deferred


def group_by_width(wave: Sequence[tuple[LiveSequence, int]]) -> Iterator[list[LiveSequence]]:
    """Group sequences of similar width, so that little is padding and no pass exceeds ``PASS_TOKENS``.

    Args:
        wave: Sequences, each with its width: the number of tokens to compute.
    """
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


def pack_branches(branches: Sequence[Sequence[int]]) -> Iterator[list[Sequence[int]]]:
    """Divide the branches of a prompt, in order, into passes of at most ``PASS_TOKENS`` tokens.

    A branch longer than that has a pass of its own. Branches are the choices of a constrained request: alternative
    continuations of one prompt, each given by its token ids.
    """
    group: list[Sequence[int]] = []
    for branch in branches:
        if group and sum(map(len, group)) + len(branch) > PASS_TOKENS:
            yield group
            group = []
        group.append(branch)
    yield group


def branch_logprobs(logits: torch.Tensor, branches: Sequence[Sequence[int]]) -> list[list[float]]:
    """Return the log-probability of each token of each branch; see :func:`pack_branches`.

    Args:
        logits: Shape ``(1 + sum(len(branch) - 1), vocab)``. Row 0 has the logits after the prompt; then follow, branch
            by branch, the logits after each token of the branch but its last.
        branches: Token ids of each branch, at least one each.
    """
    norms = logits.logsumexp(-1)
    result = []
    row = 1
    for branch in branches:
        rows = [0, *range(row, row + len(branch) - 1)]
        result.append((logits[rows, list(branch)] - norms[rows]).tolist())
        row += len(branch) - 1
    return result
