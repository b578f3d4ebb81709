"""Solution concepts of a stage game: Nash and correlated equilibria, minimax values, folk-theorem payoffs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from quintain.envs.games import NormalFormGame
from quintain.errors import ConfigurationError
from quintain.experiments.games.vertices import extreme_equilibria

__all__ = [
    "FolkRegion",
    "MixedProfile",
    "correlated_equilibrium",
    "folk_region",
    "infinitely_many",
    "minimax_value",
    "nash_equilibria",
    "pure_nash",
]

# Absolute tolerance in comparisons of payoffs that are scaled to [0, 1].
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class MixedProfile:
    """One mixed strategy per player of a two-player game.

    Attributes:
        first: Shape ``(k_0,)``: player 0's probabilities.
        second: Shape ``(k_1,)``: player 1's.
    """

    first: NDArray[np.float64]
    second: NDArray[np.float64]

    def payoffs(self, game: NormalFormGame) -> NDArray[np.float64]:
        """Return the expected payoffs of both players, shape ``(2,)``."""
        earned: NDArray[np.float64] = np.einsum("i,pij,j->p", self.first, game.payoffs, self.second)
        return earned


def pure_nash(game: NormalFormGame) -> list[tuple[int, ...]]:
    """List the pure equilibria of a game of any number of players: nobody gains by changing its own option.

    Example:
        >>> from quintain.envs.games import load_game
        >>> pure_nash(load_game("battle_of_the_sexes"))
        [(0, 0), (1, 1)]
    """
    best = np.stack([game.payoffs[i] >= game.payoffs[i].max(axis=i, keepdims=True) for i in range(game.players)])
    return [tuple(int(k) for k in cell) for cell in np.argwhere(best.all(axis=0))]


def nash_equilibria(game: NormalFormGame) -> list[MixedProfile]:
    """List all extreme equilibria of a two-player game, by vertex enumeration in exact arithmetic (Avis et al. 2010).

    In a nondegenerate game these are all equilibria. A degenerate game may have infinitely many, see
    :func:`infinitely_many`. The others then follow from the listed ones: if ``(x, y)`` and ``(x, z)`` are listed, every
    mixture of y and z is also an equilibrium strategy against x; and in general, if all pairs of some strategies of
    player 0 with some of player 1 are listed, so is every pair of their mixtures.

    The time grows exponentially with the number of options: milliseconds with up to 5 each, seconds with 12.

    Args:
        game: A game of two players.

    Returns:
        The equilibria, each once.

    Raises:
        ConfigurationError: If the game has more than two players.
    """
    _two_players(game)
    return [MixedProfile(first, second) for first, second in extreme_equilibria(*game.payoffs)]


def infinitely_many(profiles: Sequence[MixedProfile]) -> bool:
    """Whether a game with these extreme equilibria has infinitely many equilibria: two of them share a strategy.

    If ``(x, y)`` and ``(x, z)`` are equilibria, then so is x with every mixture of y and z.

    Args:
        profiles: All extreme equilibria of one game, as :func:`nash_equilibria` returns them.
    """
    return any(
        np.array_equal(one.first, other.first) or np.array_equal(one.second, other.second)
        for one, other in combinations(profiles, 2)
    )


def correlated_equilibrium(
    game: NormalFormGame, objective: Literal["welfare", "fairness"] = "welfare"
) -> NDArray[np.float64]:
    """Find a correlated equilibrium by linear programming (Aumann 1987).

    p >= 0, sum p = 1, and for every player i and options a, b: sum over the others' moves of p(a, .) (u_i(a, .) -
    u_i(b, .)) >= 0: nobody gains by disobeying the recommendation.

    Args:
        game: A game of any number of players.
        objective: ``"welfare"`` maximises the sum of payoffs, ``"fairness"`` the lowest payoff.

    Returns:
        Probability of each cell, in the shape of one player's payoffs.

    Raises:
        ConfigurationError: If ``objective`` is unknown, or the linear program cannot be solved with these payoffs.
    """
    if objective not in ("welfare", "fairness"):
        raise ConfigurationError(f"objective must be 'welfare' or 'fairness', got {objective!r}")
    cells = int(np.prod(game.shape))
    rows = []
    for player in range(game.players):
        payoffs = np.moveaxis(game.payoffs[player], player, 0)
        for recommended, other in product(range(game.shape[player]), repeat=2):
            if recommended != other:
                gain = np.zeros_like(payoffs)
                gain[recommended] = payoffs[other] / 2 - payoffs[recommended] / 2  # halves cannot overflow
                rows.append(_unit_scale(np.moveaxis(gain, 0, player).ravel()))
    inequalities = np.column_stack([np.array(rows), np.zeros(len(rows))])
    flat = game.payoffs.reshape(game.players, cells)
    if objective == "welfare":  # a constant per player is irrelevant; the scale must be common
        flat = _unit_scale(flat / 2 - flat.min(axis=1, keepdims=True) / 2)
        cost = np.append(-flat.sum(axis=0), 0.0)
    else:  # the last variable is the lowest payoff: t <= u_i . p
        flat = _unit_scale(flat / 2 - flat.min() / 2)
        cost = np.append(np.zeros(cells), -1.0)
        inequalities = np.vstack([inequalities, np.column_stack([-flat, np.ones(game.players)])])
    solution = _solve_program(
        cost,
        A_ub=inequalities,
        b_ub=np.zeros(len(inequalities)),
        A_eq=[[1.0] * cells + [0.0]],
        b_eq=[1.0],
        bounds=[(0, None)] * cells + [(None, None)],
        game=game,
    )
    return _distribution(solution[:cells]).reshape(game.shape)


def minimax_value(game: NormalFormGame, seat: int) -> tuple[float, NDArray[np.float64]]:
    """Return the highest expected payoff that a player can guarantee itself, and a mixed strategy that does.

    For two players it equals the lowest payoff to which the opponent can force the player (von Neumann 1928). With more
    players, all opponents together are treated as one player, who may correlate their moves.

    Args:
        game: A game of any number of players.
        seat: Index of the player, from 0.

    Returns:
        The value, in the game's payoffs, and the probability of each of the player's options.

    Raises:
        ConfigurationError: If the linear program cannot be solved with these payoffs.
    """
    own = game.seen_by(seat)[0].reshape(game.shape[seat], -1)
    unit, low, high = _normalise(own)
    value, strategy = _guarantee(game, unit)
    return _mix(value, low, high), strategy


def _guarantee(game: NormalFormGame, own: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Maximise v subject to x . own[:, c] >= v for every column c, with payoffs in [0, 1]."""
    options, columns = own.shape
    solution = _solve_program(
        [0.0] * options + [-1.0],
        A_ub=np.column_stack([-own.T, np.ones(columns)]),
        b_ub=np.zeros(columns),
        A_eq=[[1.0] * options + [0.0]],
        b_eq=[1.0],
        bounds=[(0, None)] * options + [(None, None)],
        game=game,
    )
    strategy = _distribution(solution[:options])
    return float((strategy @ own).min()), strategy


@dataclass(frozen=True)
class FolkRegion:
    """Average payoffs of the infinitely repeated game: the possible ones, and the equilibrium ones.

    By the folk theorem (Fudenberg and Maskin 1986), players who hardly discount the future can reach any feasible
    payoffs in a subgame-perfect equilibrium in which both get more than their minimax value. All payoffs are in the
    units of the stage game, player 0's first.

    Attributes:
        feasible: Shape ``(n, 2)``: corners of the convex hull of the stage payoffs, counter-clockwise. One corner or
            two where the hull is a point or a segment.
        minimax: Both players' minimax values, see :func:`minimax_value`.
        sustainable: Shape ``(m, 2)``: corners of the part of the hull in which both players get at least their minimax
            value, counter-clockwise; empty if there is none.
    """

    feasible: NDArray[np.float64]
    minimax: tuple[float, float]
    sustainable: NDArray[np.float64]


def folk_region(game: NormalFormGame) -> FolkRegion:
    """Compute the feasible and the sustainable average payoffs of an infinitely repeated game.

    Args:
        game: The stage game, of two players.

    Raises:
        ConfigurationError: If the game has more than two players.
    """
    _two_players(game)
    # Columns 0 and 1 hold the payoffs. Columns 2 and 3 hold them scaled to [0, 1]: tolerances refer to these.
    columns, least, values = [], [], []
    for seat in (0, 1):
        unit, low, high = _normalise(game.payoffs[seat])
        columns.append((game.payoffs[seat].ravel(), unit.ravel()))
        least.append(_guarantee(game, unit if seat == 0 else unit.T)[0])
        values.append(_mix(least[seat], low, high))
    points = np.unique(np.array([raw for raw, _ in columns] + [unit for _, unit in columns]).T, axis=0)
    hull = _convex_hull(points)
    region = hull
    for axis in (0, 1):
        region = _clip(region, axis + 2, least[axis])
    return FolkRegion(hull[:, :2], (values[0], values[1]), region[:, :2])


def _normalise(payoffs: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, float]:
    """Shift and scale payoffs to [0, 1]; also return the lowest and the highest one."""
    low, high = float(payoffs.min()), float(payoffs.max())
    return _unit_scale(payoffs / 2 - low / 2), low, high


def _mix(share: float, low: float, high: float) -> float:
    """Undo :func:`_normalise` for a number; ``low + share * (high - low)`` without its overflow."""
    return float(low * (1 - share) + high * share + 0.0)  # + 0.0 turns -0.0 into 0.0


def _unit_scale(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale to a greatest absolute value of 1; zeros stay."""
    _, exponent = np.frexp(np.abs(values).max())
    scaled = np.ldexp(values, -exponent)  # exact, so that the division neither over- nor underflows
    largest = float(np.abs(scaled).max())
    unit: NDArray[np.float64] = scaled / largest if largest else scaled
    return unit


def _solve_program(cost: Any, *, game: NormalFormGame, **constraints: Any) -> NDArray[np.float64]:
    """Minimise cost . x by linear programming; another method is tried if the first fails.

    Raises:
        ConfigurationError: If all methods fail. Every program here is feasible and bounded, so the cause is numerical.
    """
    from scipy.optimize import linprog

    for method in ("highs", "highs-ds", "highs-ipm"):
        solution = linprog(cost, method=method, **constraints)
        if solution.status == 0:
            found: NDArray[np.float64] = solution.x
            return found
    raise ConfigurationError(
        f"the linear program of game {game.name!r} was not solved ({solution.message}); its payoffs, from "
        f"{float(game.payoffs.min())!r} to {float(game.payoffs.max())!r}, may differ too much in magnitude"
    )


def _distribution(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Clip negative probabilities to 0 and normalise their sum to 1."""
    kept: NDArray[np.float64] = np.clip(weights, 0, None)
    return np.asarray(kept / kept.sum())


def _two_players(game: NormalFormGame) -> None:
    if game.players != 2:
        raise ConfigurationError(f"{game.name!r} has {game.players} players; this needs two")


def _convex_hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Monotone chain (Andrew 1979) over the first two columns, counter-clockwise; may be a segment or a point."""
    ordered = sorted(map(tuple, points))

    def chain(sequence: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
        kept: list[tuple[float, ...]] = []
        for p in sequence:
            while len(kept) > 1 and _turn(kept[-2], kept[-1], p) <= 0:
                kept.pop()
            kept.append(p)
        return kept[:-1]

    corners = chain(ordered) + chain(ordered[::-1])
    return np.array(corners or ordered)


def _turn(a: tuple[float, ...], b: tuple[float, ...], c: tuple[float, ...]) -> Fraction:
    """Exact, whatever the unit: positive where the path from a over b to c turns left."""
    (ax, ay), (bx, by), (cx, cy) = (map(Fraction, point[:2]) for point in (a, b, c))
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)


def _clip(polygon: NDArray[np.float64], axis: int, least: float) -> NDArray[np.float64]:
    """Keep the part of a polygon with coordinate ``axis`` at least ``least`` (Sutherland and Hodgman 1974)."""
    kept: list[NDArray[np.float64]] = []
    for here, there in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        inside, next_inside = here[axis] >= least - _TOLERANCE, there[axis] >= least - _TOLERANCE
        if inside:
            kept.append(here)
        if inside != next_inside:
            share = min(max((least - here[axis]) / (there[axis] - here[axis]), 0.0), 1.0)
            crossing = here * (1 - share) + there * share
            if not _coincide(crossing, here if inside else there):  # the corner itself may lie on the boundary
                kept.append(crossing)
    # The boundary crosses a segment, which is a polygon of two corners, once in each direction.
    distinct = [corner for i, corner in enumerate(kept) if not _coincide(corner, kept[i - 1])]
    return np.array(distinct or kept[:1]).reshape(-1, polygon.shape[1])


def _coincide(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether two corners are equal up to rounding; their columns 2 and 3 hold the payoffs scaled to [0, 1]."""
    return bool(np.abs(one[2:] - other[2:]).max() <= _TOLERANCE)
