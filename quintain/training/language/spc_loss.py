"""The loss of SPC: offline reinforcement learning on games of frozen policies, with a supervised term.

Chen et al. 2025 (arXiv 2504.19162), as the released trainer computes it: with the length-normalised ratio
rho = exp(lp - lp_ref) of a reply, lp its mean log-probability per token,

    L = mean over games of -min(A rho, A clip(rho, 1 - eps, 1 + eps)) + w mean over lessons of -lp

where A = R - beta (lp - lp_ref), and beta is 0 in the released trainer.
"""

from __future__ import annotations

import torch

from quintain.training.language.phases import Columns

__all__ = ["mean_logprobs", "spc_loss"]


def mean_logprobs(logprobs: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mean log-probability per token of each reply, shape ``(rows,)``."""
    return (logprobs * mask).sum(1) / mask.sum(1).clamp(min=1)


def spc_loss(
    logprobs: torch.Tensor,
    mask: torch.Tensor,
    columns: Columns,
    *,
    epsilon: float = 0.2,
    sft_weight: float = 0.15,
    kl_weight: float = 0.0,
) -> torch.Tensor:
    """Return the loss of a batch.

    Args:
        logprobs: Log-probability of each token that is trained on, ``(rows, tokens)``.
        mask: Which tokens are, of the same shape.
        columns: ``reward`` of each reply, 1 or -1 for games and 0 for lessons, and its ``reference``, the mean
            log-probability per token under the reference.
        epsilon: Clip range, in (0, 1]. Default: 0.2.
        sft_weight: Weight w, >= 0. Default: 0.15.
        kl_weight: Weight beta, >= 0. Default: 0.
    """
    found = mean_logprobs(logprobs, mask)
    reward, reference = columns["reward"].to(found), columns["reference"].to(found)
    played = (reward != 0).to(found)
    ratio = torch.exp((found - reference) * played)
    advantage = reward - kl_weight * (found - reference).detach()
    clipped = torch.minimum(advantage * ratio, advantage * ratio.clamp(1 - epsilon, 1 + epsilon))
    games = -(clipped * played).sum() / played.sum().clamp(min=1)
    lessons = -(found * (1 - played)).sum() / (1 - played).sum().clamp(min=1)
    return games + sft_weight * lessons
