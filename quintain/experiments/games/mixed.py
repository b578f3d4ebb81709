"""Linear mixed-effects regression: differences between players, with games, seats and opponents as random effects."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np

from quintain.errors import ConfigurationError, require
from quintain.evaluation.interval_ends import student_t
from quintain.evaluation.statistics import Interval
from quintain.experiments.games.match import Match
from quintain.experiments.games.metrics import normalised_score

__all__ = ["mixed_effects"]


def mixed_effects(
    matches: Sequence[Match],
    players: Sequence[str],
    measure: Callable[[Match, int], float | None] = normalised_score,
    confidence: float = 0.95,
) -> dict[str, Interval]:
    """Compare players by a linear mixed model: a fixed effect per player, a random intercept per cell.

    A cell is a combination of game, seat and opponent; its random intercept models that matches of one cell are
    correlated. Fitted by restricted maximum likelihood with statsmodels; the intervals are Wald's, with the t quantile
    of cells - 1 degrees of freedom. In a balanced design the estimates equal the paired differences of means.

    Args:
        matches: Matches of any games; seats of players not listed are ignored.
        players: Names of the players to compare; the first is the reference level.
        measure: A value of :data:`~quintain.experiments.games.metrics.METRICS`, or any function of match and seat.
            Seats for which it returns ``None`` are left out.
        confidence: Nominal coverage of the intervals, in (0, 1).

    Returns:
        For each player but the first, its mean difference to the first. ``n`` is the number of observations of the
        whole model; ``note`` holds a warning if the fit did not converge.

    Raises:
        ConfigurationError: If there are fewer than two players or cells, or a player has no value.
        MissingDependencyError: Without statsmodels.
    """
    model = require("statsmodels.regression.mixed_linear_model", "games", "mixed-effects regression")
    rows = [
        (value, name, (match.scheduled.game, seat, match.scheduled.agents[:seat] + match.scheduled.agents[seat + 1 :]))
        for match in matches
        for seat, name in enumerate(match.scheduled.agents)
        if name in players and (value := measure(match, seat)) is not None
    ]
    names, cells = {name for _, name, _ in rows}, sorted({cell for _, _, cell in rows})
    if len(players) < 2 or names != set(players) or len(cells) < 2:
        raise ConfigurationError(
            f"a mixed model needs at least two players and two cells (game, seat, opponent) with values; got "
            f"players {list(players)!r}, values of {sorted(names)!r} in {len(cells)} cells"
        )
    design = np.array([[1.0, *(float(name == player) for player in players[1:])] for _, name, _ in rows])
    groups = np.array([cells.index(cell) for _, _, cell in rows])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = model.MixedLM(np.array([value for value, _, _ in rows]), design, groups).fit(reml=True)
    note = "" if fitted.converged and not caught else f"{caught[-1].message}" if caught else "the fit did not converge"
    return {
        player: Interval(
            float(estimate),
            *student_t(float(estimate), float(error) ** 2, len(cells) - 1, confidence),
            len(rows),
            "mixed model",
            confidence,
            note,
            len(cells),
            "cells",
        )
        for player, estimate, error in zip(players[1:], fitted.fe_params[1:], fitted.bse_fe[1:], strict=True)
    }
