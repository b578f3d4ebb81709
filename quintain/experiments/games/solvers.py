"""What theory says about a stage game: Nash and correlated equilibria, security levels, the folk theorem's payoffs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quintain.envs.games import NormalFormGame
from quintain.errors import ConfigurationError

__all__ = [
    "FolkRegion",
    "MixedProfile",
    "correlated_equilibrium",
    "folk_region",
    "minimax_value",
    "nash_equilibria",
    "pure_nash",
]

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
        """Expected payoffs of both players."""
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
    """List the equilibria of a two-player game by support enumeration (Nisan et al. 2007, algorithm 3.4).

    Supports of equal size are tried in order of size. In a nondegenerate game this finds all equilibria; a degenerate
    one (a mixed strategy with more best replies than its support is large) may have infinitely many, of which those
    with supports of equal size and a unique solution are listed.

    Raises:
        ConfigurationError: If the game has more than two players.
    """
    _two_players(game)
    row, column = game.payoffs
    found: list[MixedProfile] = []
    for size in range(1, min(game.shape) + 1):
        for first, second in product(*(combinations(range(options), size) for options in game.shape)):
            y = _indifferent(row[np.ix_(first, second)])
            x = _indifferent(column[np.ix_(first, second)].T)
            if x is None or y is None:
                continue
            profile = MixedProfile(_spread(x, first, game.shape[0]), _spread(y, second, game.shape[1]))
            if _is_equilibrium(game, profile) and not any(_same(profile, other) for other in found):
                found.append(profile)
    return found


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
    """
    from scipy.optimize import linprog

    cells = int(np.prod(game.shape))
    rows = []
    for player in range(game.players):
        payoffs = np.moveaxis(game.payoffs[player], player, 0)
        for told, other in product(range(game.shape[player]), repeat=2):
            if told != other:
                gain = np.zeros_like(payoffs)
                gain[told] = payoffs[other] - payoffs[told]
                rows.append(np.moveaxis(gain, 0, player).ravel())
    inequalities = np.column_stack([np.array(rows), np.zeros(len(rows))])
    flat = game.payoffs.reshape(game.players, cells)
    if objective == "welfare":
        cost = np.append(-flat.sum(axis=0), 0.0)
    else:  # the last variable is the lowest payoff: t <= u_i . p
        cost = np.append(np.zeros(cells), -1.0)
        inequalities = np.vstack([inequalities, np.column_stack([-flat, np.ones(game.players)])])
    solution = linprog(
        cost,
        A_ub=inequalities,
        b_ub=np.zeros(len(inequalities)),
        A_eq=[[1.0] * cells + [0.0]],
        b_eq=[1.0],
        bounds=[(0, None)] * cells + [(None, None)],
    )
    weights: NDArray[np.float64] = np.clip(solution.x[:cells], 0, None)
    return weights.reshape(game.shape)


def minimax_value(game: NormalFormGame, seat: int) -> tuple[float, NDArray[np.float64]]:
    """The most a player can guarantee itself with a mixed strategy, and that strategy.

    For two players this is the minimax value, to which the other can hold it down (von Neumann 1928). With more
    players the others are taken as one who coordinates in secret.

    Args:
        game: A game of any number of players.
        seat: The player.
    """
    from scipy.optimize import linprog

    own = game.seen_by(seat)[0].reshape(game.shape[seat], -1)
    options, columns = own.shape
    # Maximise v subject to x . own[:, c] >= v for every column c.
    solution = linprog(
        [0.0] * options + [-1.0],
        A_ub=np.column_stack([-own.T, np.ones(columns)]),
        b_ub=np.zeros(columns),
        A_eq=[[1.0] * options + [0.0]],
        b_eq=[1.0],
        bounds=[(0, None)] * options + [(None, None)],
    )
    return float(solution.x[-1]), solution.x[:options]


@dataclass(frozen=True)
class FolkRegion:
    """The payoffs that patient players can sustain (Fudenberg and Maskin 1986).

    Attributes:
        feasible: Shape ``(n, 2)``: corners of the convex hull of the stage payoffs, counter-clockwise.
        minimax: The two players' minimax values.
        sustainable: Shape ``(m, 2)``: corners of the part of the hull where both get at least their minimax value;
            empty if there is none.
    """

    feasible: NDArray[np.float64]
    minimax: tuple[float, float]
    sustainable: NDArray[np.float64]


def folk_region(game: NormalFormGame) -> FolkRegion:
    """Feasible and individually rational average payoffs of the infinitely repeated two-player game.

    Raises:
        ConfigurationError: If the game has more than two players.
    """
    _two_players(game)
    points = np.unique(game.payoffs.reshape(2, -1).T, axis=0)
    hull = _convex_hull(points)
    values = minimax_value(game, 0)[0], minimax_value(game, 1)[0]
    region = hull
    for axis in (0, 1):
        region = _clip(region, axis, values[axis])
    return FolkRegion(hull, values, region)


def _two_players(game: NormalFormGame) -> None:
    if game.players != 2:
        raise ConfigurationError(f"{game.name!r} has {game.players} players; this needs two")


def _indifferent(matrix: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Solve for positive weights of the columns that make all rows of a square matrix equally good."""
    size = len(matrix)
    system = np.zeros((size + 1, size + 1))
    system[:size, :size], system[:size, size], system[size, :size] = matrix, -1.0, 1.0
    try:
        solution = np.linalg.solve(system, [*np.zeros(size), 1.0])[:size]
    except np.linalg.LinAlgError:
        return None
    return solution if (solution > _TOLERANCE).all() else None


def _spread(weights: NDArray[np.float64], support: tuple[int, ...], size: int) -> NDArray[np.float64]:
    full = np.zeros(size)
    full[list(support)] = weights
    return full


def _is_equilibrium(game: NormalFormGame, profile: MixedProfile) -> bool:
    earned = profile.payoffs(game)
    best_first = (game.payoffs[0] @ profile.second).max()
    best_second = (profile.first @ game.payoffs[1]).max()
    slack = _TOLERANCE * max(1.0, float(np.abs(game.payoffs).max()))
    return bool(best_first <= earned[0] + slack and best_second <= earned[1] + slack)


def _same(left: MixedProfile, right: MixedProfile) -> bool:
    return np.allclose(left.first, right.first) and np.allclose(left.second, right.second)


def _convex_hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Monotone chain (Andrew 1979), counter-clockwise; degenerates to a segment or a point."""
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


def _turn(a: tuple[float, ...], b: tuple[float, ...], c: tuple[float, ...]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _clip(polygon: NDArray[np.float64], axis: int, least: float) -> NDArray[np.float64]:
    """Keep the part of a polygon with coordinate ``axis`` at least ``least`` (Sutherland and Hodgman 1974)."""
    kept: list[NDArray[np.float64]] = []
    for here, there in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        inside, next_inside = here[axis] >= least - _TOLERANCE, there[axis] >= least - _TOLERANCE
        if inside:
            kept.append(here)
        if inside != next_inside:
            share = (least - here[axis]) / (there[axis] - here[axis])
            kept.append(here + share * (there - here))
    return np.unique(np.array(kept), axis=0) if len(kept) == 1 else np.array(kept).reshape(-1, 2)
