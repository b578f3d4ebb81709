"""Advantages of turns: how much better an episode went on than others that began alike.

Group-relative policy optimisation (GRPO, Shao et al. 2024, arXiv 2402.03300) takes the mean of a group of episodes that
answer the same question as the baseline, and divides by the group's standard deviation. Dr. GRPO (Liu et al. 2025,
arXiv 2503.20783) does not divide; RLOO (Ahmadian et al. 2024, arXiv 2402.14740) leaves the episode itself out of its
baseline; REINFORCE has the mean of the whole batch. PPO has a critic, whose advantages belong to tokens:
:mod:`~quintain.training.language.critic`. An episode that an infrastructure failure ended is not part of any
baseline and has no advantage.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quintain.training.language.rollouts import Rollout

__all__ = ["EPSILON", "Baseline", "Credit", "Scale", "turn_advantages"]

#: What a turn is credited with: the return of the whole episode, or the rewards from the turn on.
Credit = Literal["episode", "turn"]
#: What is subtracted from a return: the mean of the group, of its other episodes, of the batch, or nothing.
Baseline = Literal["group", "leave-one-out", "batch", "none"]
#: Whose standard deviation an advantage is divided by.
Scale = Literal["group", "batch", "none"]

#: Added to standard deviations before dividing by them, as in TRL.
EPSILON = 1e-4
#: Differences below it are rounding errors of equal returns.
_ROUNDING = 1e-9


def turn_advantages(
    rollouts: Sequence[Rollout],
    *,
    credit: Credit = "episode",
    baseline: Baseline = "group",
    scale: Scale = "group",
    gamma: float = 1.0,
) -> list[NDArray[np.float64]]:
    """Return the advantage of each turn of each episode.

    Args:
        rollouts: Episodes of any number of groups.
        credit: ``"episode"``: every turn has the advantage of the whole return. ``"turn"``: a turn has that of the
            rewards from it on, compared with the same turn of the other episodes. Default: ``"episode"``.
        baseline: What is subtracted: the mean of the ``"group"``, that of the group's other episodes
            (``"leave-one-out"``), that of the ``"batch"``, or nothing. Default: ``"group"``.
        scale: What the difference is divided by: the standard deviation (with n - 1) of the ``"group"`` or of the
            ``"batch"``, plus 0.0001, or nothing. Default: ``"group"``.
        gamma: Discount factor of later turns, in [0, 1]; with ``credit="turn"`` only. Default: 1.

    Returns:
        One array per rollout, shape ``(turns,)``; zeros for episodes that are not valid.
    """
    valid = [k for k, rollout in enumerate(rollouts) if rollout.valid and len(rollout.rewards)]
    advantages = [np.zeros(len(rollout.rewards)) for rollout in rollouts]
    if credit == "episode":
        returns = np.array([sum(rollouts[k].rewards) + rollouts[k].rest for k in valid])
        groups = [rollouts[k].group for k in valid]
        for k, value in zip(valid, _compared(returns, groups, baseline, scale), strict=True):
            advantages[k][:] = value
        return advantages
    to_go = {k: rollouts[k].to_go(gamma) for k in valid}
    for turn in range(max((len(values) for values in to_go.values()), default=0)):
        reached = [k for k in valid if turn < len(to_go[k])]
        values = np.array([to_go[k][turn] for k in reached])
        groups = [rollouts[k].group for k in reached]
        for k, value in zip(reached, _compared(values, groups, baseline, scale), strict=True):
            advantages[k][turn] = value
    return advantages


def _compared(
    values: NDArray[np.float64], groups: Sequence[int], baseline: Baseline, scale: Scale
) -> NDArray[np.float64]:
    """Return each value less its baseline, divided by its spread."""
    compared = np.zeros(len(values))
    for group in dict.fromkeys(groups):
        members = np.flatnonzero(np.asarray(groups) == group)
        own = values[members]
        difference = own - _baseline(own, values, baseline)
        spread = {"group": own, "batch": values, "none": None}[scale]
        if spread is not None:
            difference = difference / (_std(spread) + EPSILON)
        compared[members] = np.where(np.abs(difference) < _ROUNDING, 0.0, difference)
    return compared


def _baseline(own: NDArray[np.float64], batch: NDArray[np.float64], kind: Baseline) -> NDArray[np.float64] | float:
    if kind == "none" or not len(own):
        return 0.0
    if kind == "batch":
        return float(batch.mean())
    if kind == "group":
        return float(own.mean())
    return (own.sum() - own) / (len(own) - 1) if len(own) > 1 else own


def _std(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
