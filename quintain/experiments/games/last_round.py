"""Test whether behaviour changes in the last round of a game with a known horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quintain.evaluation.statistics import Interval, rate
from quintain.experiments.games.match import Match

__all__ = ["LastRound", "last_round_test"]


@dataclass(frozen=True)
class LastRound:
    """Choices in the last round compared with those in earlier rounds.

    Attributes:
        counts: Shape ``(2, options)``: how often each option was chosen, before the last round and in it.
        statistic: Pearson's chi-square of independence, with Yates' correction for two options. NaN if the test does
            not apply.
        p_value: p-value of ``statistic``, in [0, 1]; NaN if the test does not apply.
        switched: Share of matches whose last choice differs from the one before.
        note: Why the test does not apply or is unreliable; otherwise empty.
    """

    counts: NDArray[np.int64]
    statistic: float
    p_value: float
    switched: Interval
    note: str = ""


def last_round_test(matches: Sequence[Match], agent: str, confidence: float = 0.95) -> LastRound:
    """Compare the last round with the earlier ones by a chi-square test (Akata et al. 2025).

    Pools every seat of ``agent`` in matches of at least two rounds; the games must have equal numbers of options. The
    test assumes independent choices. Choices within a match are correlated, above all those of a deterministic player,
    so its p-values are too small; ``switched`` uses one value per match instead.

    Args:
        matches: Matches of any players; those without ``agent`` are ignored.
        agent: Name of the player.
        confidence: Nominal coverage of the interval of ``switched``, in (0, 1).

    Raises:
        ValueError: If ``agent`` occurs in no match, or in games with different numbers of options.
    """
    seats = [(m, seat) for m in matches for seat, name in enumerate(m.scheduled.agents) if name == agent]
    options = {match.game.shape[seat] for match, seat in seats}
    if len(options) != 1:
        raise ValueError(
            f"{agent!r} needs matches, all with the same number of options; found numbers of options {sorted(options)}"
        )
    size = options.pop()
    columns = [match.moves[:, seat] for match, seat in seats if len(match.moves) > 1 and not match.cut_off]
    before = np.concatenate([own[:-1] for own in columns] or [np.empty(0, np.int64)])
    last = np.array([own[-1] for own in columns], dtype=np.int64)
    counts = np.array([np.bincount(part[part >= 0], minlength=size) for part in (before, last)])
    pairs = [(own[-2], own[-1]) for own in columns if own[-2] >= 0 and own[-1] >= 0]
    switched = rate(sum(one != two for one, two in pairs), len(pairs), confidence, unit="matches")
    chosen = counts[:, counts.sum(axis=0) > 0]
    if chosen.shape[1] < 2 or not chosen.sum(axis=1).all():
        return LastRound(
            counts, float("nan"), float("nan"), switched, "only one option was ever chosen: the test does not apply"
        )
    from scipy.stats import chi2_contingency

    found = chi2_contingency(chosen)
    note = "expected counts below 5: the p-value is approximate" if found.expected_freq.min() < 5 else ""
    return LastRound(counts, float(found.statistic), float(found.pvalue), switched, note)
