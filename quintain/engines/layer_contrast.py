"""DoLa: draw the next token from the contrast between the last layer's distribution and that of an earlier one.

Source: Chuang et al. 2023, arXiv 2309.03883. As in the released code, the output layer is applied to hidden states as
they are, without the final normalisation. Differences: each sequence has an early layer of its own, where that code
chooses one for the batch; there is no penalty of repetition.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from quintain.engines.request import ContrastLayers
from quintain.errors import ConfigurationError

__all__ = ["PLAUSIBLE", "candidate_layers", "contrast", "contrast_rows"]

#: Tokens of less than this share of the highest probability are not drawn (paper).
PLAUSIBLE = 0.1


def candidate_layers(choice: ContrastLayers, layers: int, tied: bool) -> tuple[int, ...]:
    """Return the early layers among which one is chosen at each step.

    Args:
        choice: ``"low"`` or ``"high"``, every second layer of the lower or upper half (of a model of more than 40
            layers: of the lowest or highest 20); or the layers themselves, 0 for the embeddings.
        layers: Number of layers of the model.
        tied: Whether input and output embeddings are one matrix: layer 0 would then only repeat the last token, and
            ``"low"`` begins with layer 2.

    Raises:
        ConfigurationError: If the model has no such layer, or it is the last.

    Example:
        >>> candidate_layers("low", 12, tied=True), candidate_layers("high", 12, tied=True)
        ((2, 4), (6, 8, 10))
    """
    if choice == "low":
        return tuple(range(2 if tied and layers > 4 else 0, min(layers // 2, 20) if layers > 40 else layers // 2, 2))
    if choice == "high":
        return tuple(range(layers - 20 if layers > 40 else layers // 2, layers, 2))
    wrong = [layer for layer in choice if not 0 <= int(layer) < layers]
    if wrong:
        raise ConfigurationError(f"contrast_layers must lie in [0, {layers - 1}] for this model, got {wrong[0]!r}")
    return tuple(sorted({int(layer) for layer in choice}))


def contrast(final: torch.Tensor, early: torch.Tensor, plausible: float = PLAUSIBLE) -> torch.Tensor:
    """Return log p - log q_M of plausible tokens, and minus infinity for the others.

    M is the early layer whose distribution q_M differs most from the last one, by the Jensen-Shannon divergence.

    Args:
        final: Logits of the last layer, shape ``(rows, vocab)``.
        early: Logits of the early layers, shape ``(layers, rows, vocab)``.
        plausible: A token is plausible if p is at least this share of the largest p, in (0, 1].

    Returns:
        Shape ``(rows, vocab)``: logits to draw from.
    """
    log_p, log_q = final.log_softmax(-1), early.log_softmax(-1)
    if len(early) > 1:
        p, q = log_p.exp(), log_q.exp()
        log_mean = ((p + q) / 2).clamp_min(1e-30).log()
        divergence = (p * (log_p - log_mean) + q * (log_q - log_mean)).sum(-1)
        log_q = log_q[divergence.argmax(0), torch.arange(final.shape[0], device=final.device)]
    else:
        log_q = log_q[0]
    threshold = log_p.amax(-1, keepdim=True) + torch.log(torch.tensor(plausible))
    return torch.where(log_p >= threshold, log_p - log_q, -torch.inf)


def contrast_rows(
    logits: torch.Tensor, early: torch.Tensor, layers: Sequence[int], wanted: Sequence[Sequence[int]]
) -> torch.Tensor:
    """Contrast the rows that want it, each with its own candidate layers, and leave the others as they are.

    Args:
        logits: Logits of the last layer, shape ``(rows, vocab)``; they are not changed.
        early: Logits of ``layers``, shape ``(len(layers), rows, vocab)``.
        layers: The layers that were computed.
        wanted: For each row its candidate layers; empty for none.
    """
    result = logits.clone()
    for row, candidates in enumerate(wanted):
        if candidates:
            chosen = [layers.index(layer) for layer in candidates]
            result[row] = contrast(logits[row : row + 1], early[chosen, row : row + 1])[0]
    return result
