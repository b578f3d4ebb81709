"""Rollouts as padded tensors, in the form that TRL's loss takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quintain.training.language.rollouts import Rollout
from quintain.training.language.sequences import NOT_WRITTEN, TokenSequence

__all__ = ["token_batch"]

#: A row that fills a batch up: a token of prompt and one of padding that counts as seen, and is not trained on. Models
#: cannot compute an empty row.
_FILLER = TokenSequence((0, 0), (NOT_WRITTEN, 0), (0.0, 0.0))


def token_batch(
    rollouts: Sequence[Rollout],
    advantages: Sequence[NDArray[np.float64]],
    *,
    pad_token_id: int,
    multiple: int = 1,
    at_least: int = 1,
    mask_environment: bool = True,
    device: Any = "cpu",
) -> dict[str, torch.Tensor]:
    """Return one row per token sequence: the prompt, padded on the left, and what follows, padded on the right.

    Args:
        rollouts: The episodes; those that are not valid are left out.
        advantages: Advantage of each turn of each episode.
        pad_token_id: Token id of the padding.
        multiple: Rows that are not trained on are added until their number is a multiple of this. Default: 1.
        at_least: Minimum number of rows, >= 1: processes that train together need equally many. Default: 1.
        mask_environment: Whether tokens that the policy did not write are masked. Otherwise those after its first one
            have the advantage of the turn before them.
        device: Device of the tensors.

    Returns:
        ``prompt_ids`` and ``prompt_mask``, shape ``(rows, prompt)``; ``completion_ids``, ``completion_mask`` (no
        padding), ``tool_mask`` (trained on), ``advantages`` and ``old_per_token_logps``, shape ``(rows, completion)``;
        ``num_items_in_batch``, the number of tokens that are trained on.
    """
    rows = [
        (sequence, advantages[k])
        for k, rollout in enumerate(rollouts)
        if rollout.valid
        for sequence in rollout.sequences
    ]
    while len(rows) < at_least or len(rows) % multiple:
        rows.append((_FILLER, np.zeros(0)))
    cuts = [sequence.prompt_length for sequence, _ in rows]
    left = max(1, *cuts) if cuts else 1
    right = max(1, *(len(sequence.turns) - cut for (sequence, _), cut in zip(rows, cuts, strict=True)))
    prompt_ids = np.full((len(rows), left), pad_token_id, dtype=np.int64)
    completion_ids = np.full((len(rows), right), pad_token_id, dtype=np.int64)
    prompt_mask, completion_mask = np.zeros((len(rows), left), np.int64), np.zeros((len(rows), right), np.int64)
    trained, weights = np.zeros((len(rows), right), np.int64), np.zeros((len(rows), right), np.float32)
    logprobs = np.zeros((len(rows), right), np.float32)
    for row, ((sequence, of_turns), cut) in enumerate(zip(rows, cuts, strict=True)):
        ids, turns = np.array(sequence.token_ids, dtype=np.int64), np.array(sequence.turns, dtype=np.int64)
        length = len(ids) - cut
        prompt_ids[row, left - cut :], prompt_mask[row, left - cut :] = ids[:cut], 1
        completion_ids[row, :length], completion_mask[row, :length] = ids[cut:], 1
        logprobs[row, :length] = sequence.logprobs[cut:]
        written = turns[cut:] != NOT_WRITTEN
        if sequence is _FILLER:
            continue
        trained[row, :length] = written if mask_environment else 1
        # What the environment writes belongs to the turn before it; turns ascend, so the maximum so far is that turn.
        turn = turns[cut:] if mask_environment else np.maximum.accumulate(turns[cut:])
        known = (turn != NOT_WRITTEN) & (turn < len(of_turns))
        weights[row, :length][known] = of_turns[turn[known]]
    arrays = {
        "prompt_ids": prompt_ids,
        "prompt_mask": prompt_mask,
        "completion_ids": completion_ids,
        "completion_mask": completion_mask,
        "tool_mask": trained,
        "advantages": weights,
        "old_per_token_logps": logprobs,
    }
    batch = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
    return batch | {"num_items_in_batch": batch["tool_mask"].sum()}
