"""Vectorised matches between finite-state machines, in NumPy.

All matches of a chunk advance together, one round at a time. A match is stored as two state numbers and four 16-bit
counters packed into one 64-bit word. Action noise e is folded into the machines: the probability p of option 0 becomes
p (1 - e) + (1 - p) e. Repetitions of a deterministic match are simulated once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quintain.agents.games import Machine
from quintain.envs.games import NormalFormGame
from quintain.errors import ConfigurationError
from quintain.seeding import SeedStream

__all__ = ["MatchBatch", "play_machines"]

# Matches per chunk: small enough for the CPU caches, large enough to amortise the overhead of the Python loop.
_CHUNK = 8192
# The four counters have 16 bits each.
_MAX_ROUNDS = 2**16 - 1


@dataclass(frozen=True)
class MatchBatch:
    """Results of many matches of two players with two options each.

    Attributes:
        cells: Shape ``(matches, 4)``: how often each cell (0, 0), (0, 1), (1, 0), (1, 1) was played.
        lengths: Shape ``(matches,)``: rounds played.
        cooperation: Shape ``(rounds, 2)``: share of option 0 in each round among the matches still running, first and
            second players.
        moves: Shape ``(matches, rounds)``, uint8: the cell of each round, 255 after the end; ``None`` unless recorded.
    """

    cells: NDArray[np.int64]
    lengths: NDArray[np.int64]
    cooperation: NDArray[np.float64]
    moves: NDArray[np.uint8] | None = None

    def scores(self, game: NormalFormGame) -> NDArray[np.float64]:
        """Total payoffs of both players, shape ``(matches, 2)``."""
        return self.cells @ game.payoffs.reshape(2, 4).T


def play_machines(
    machines: Sequence[Machine],
    pairs: ArrayLike,
    rounds: int,
    *,
    noise: float = 0.0,
    continuation: float | None = None,
    seed: int = 0,
    record: bool = False,
) -> MatchBatch:
    """Play one match per pair of machines.

    Args:
        machines: Finite-state machines with two options, which ``pairs`` refers to.
        pairs: Shape ``(matches, 2)``: indices into ``machines``.
        rounds: Rounds per match, 1 to 65,535; with ``continuation`` the maximum number of rounds.
        noise: Probability, in [0, 1], that the other option than the chosen one is executed. Default: 0.
        continuation: Probability, in [0, 1), that another round follows; ``None`` plays exactly ``rounds``.
        seed: Root seed; equal arguments give equal results. Default: 0.
        record: Whether to return every move in ``MatchBatch.moves`` (one byte per match and round). Default: false.

    Raises:
        ConfigurationError: If an argument is out of range.
    """
    pairs_ = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    _check(machines, pairs_, rounds, noise, continuation)
    table = _Table(machines, noise)
    matches = len(pairs_)
    lengths = _draw_lengths(matches, rounds, continuation, seed)
    fixed: NDArray[np.bool_] = np.all(table.deterministic[pairs_], axis=1)
    unique, positions = _deduplicate(pairs_, lengths, fixed)
    counters = np.zeros(len(unique), np.uint64)
    moves = np.full((len(unique), rounds), 255, np.uint8) if record else None
    curve, running = np.zeros((rounds, 2)), np.zeros(rounds)
    weights = np.bincount(positions, minlength=len(unique)).astype(np.float64)
    for certain in (True, False):
        group = unique[fixed[unique] == certain]
        # Longest matches first, so that those still running are always a leading slice.
        group = group[np.argsort(-lengths[group], kind="stable")]
        for number, start in enumerate(range(0, len(group), _CHUNK)):
            chunk = group[start : start + _CHUNK]
            places = np.searchsorted(unique, chunk)
            rng = None if certain else SeedStream(seed, "chunk", number).generator()
            counters[places] = _play_chunk(
                table, pairs_[chunk], lengths[chunk], rng, weights[places], curve, running, moves, places
            )
    cells = np.stack([(counters >> np.uint64(16 * k)) & np.uint64(0xFFFF) for k in range(4)], axis=1).astype(np.int64)
    with np.errstate(invalid="ignore"):
        cooperation = curve / running[:, None]
    return MatchBatch(cells[positions], lengths, cooperation, None if moves is None else moves[positions])


class _Table:
    """Transition table of all machines, with states numbered consecutively across machines."""

    def __init__(self, machines: Sequence[Machine], noise: float) -> None:
        sizes = [len(m.cooperate) for m in machines]
        offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.start = offsets.astype(np.int32)
        plain = np.concatenate([m.cooperate for m in machines])
        self.cooperate = (plain * (1 - noise) + (1 - plain) * noise).astype(np.float32)
        self.move = (plain < 0.5).astype(np.uint8)
        # Index 4 s + c holds the successor of state s after cell c (own move first).
        self.following = np.concatenate(
            [np.asarray(m.following, np.int32) + offset for m, offset in zip(machines, offsets, strict=True)]
        ).astype(np.int32).ravel()  # fmt: skip
        self.deterministic = np.array([noise in (0, 1) and not m.stochastic for m in machines])
        if noise == 1:
            self.move ^= 1


def _play_chunk(
    table: _Table,
    pairs: NDArray[np.int64],
    lengths: NDArray[np.int64],
    rng: np.random.Generator | None,
    weights: NDArray[np.float64],
    curve: NDArray[np.float64],
    running: NDArray[np.float64],
    moves: NDArray[np.uint8] | None,
    places: NDArray[np.int64],
) -> NDArray[np.uint64]:
    """Play one chunk, longest matches first; return the packed counters and add to ``curve`` and ``running``."""
    counters = np.zeros(len(pairs), np.uint64)
    one_each = np.array([1 << (16 * k) for k in range(4)], np.uint64)
    mirror = np.array([0, 2, 1, 3], np.int32)  # index of the same cell from the second player's view
    first, second = table.start[pairs[:, 0]], table.start[pairs[:, 1]]
    for turn in range(int(lengths[0])):
        live = int(np.searchsorted(-lengths, -turn, side="left")) if lengths[-1] <= turn else len(pairs)
        first, second = first[:live], second[:live]
        if rng is None:
            own, other = table.move.take(first), table.move.take(second)
        else:
            draws = rng.random((2, live), dtype=np.float32)
            own = (draws[0] >= table.cooperate.take(first)).view(np.uint8)
            other = (draws[1] >= table.cooperate.take(second)).view(np.uint8)
        cell = ((own << 1) | other).astype(np.int32)
        counters[:live] += one_each.take(cell)
        total = weights[:live].sum()
        running[turn] += total
        curve[turn, 0] += total - weights[:live] @ own
        curve[turn, 1] += total - weights[:live] @ other
        if moves is not None:
            moves[places[:live], turn] = cell
        first = table.following.take((first << 2) | cell)
        second = table.following.take((second << 2) | mirror.take(cell))
    return counters


def _deduplicate(
    pairs: NDArray[np.int64], lengths: NDArray[np.int64], fixed: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the matches to simulate, ascending, and for every match the position of its result among them."""
    keys = np.where(fixed, (pairs[:, 0] << 40) | (pairs[:, 1] << 17) | lengths, -1 - np.arange(len(pairs)))
    _, representatives, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(representatives)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return representatives[order], rank[inverse.ravel()]


def _draw_lengths(matches: int, rounds: int, continuation: float | None, seed: int) -> NDArray[np.int64]:
    if continuation is None:
        return np.full(matches, rounds, np.int64)
    drawn = SeedStream(seed, "lengths").generator().geometric(1 - continuation, size=matches)
    return np.minimum(drawn, rounds)


def _check(
    machines: Sequence[Machine], pairs: NDArray[np.int64], rounds: int, noise: float, continuation: float | None
) -> None:
    if not machines or not len(pairs) or pairs.min() < 0 or pairs.max() >= len(machines):
        raise ConfigurationError(f"pairs must hold indices of the {len(machines)} machines, and at least one pair")
    if not 1 <= rounds <= _MAX_ROUNDS:
        raise ConfigurationError(f"rounds must be 1..{_MAX_ROUNDS}, got {rounds!r}")
    if not 0 <= noise <= 1:
        raise ConfigurationError(f"noise must be a probability in [0, 1], got {noise!r}")
    if continuation is not None and not 0 <= continuation < 1:
        raise ConfigurationError(f"continuation must be in [0, 1), got {continuation!r}")
