"""Reward, info and numeric observation of a seat after each joint move, computed once per joint move and cached."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.envs.games.normal_form import NormalFormGame
from quintain.envs.games.rules import NO_MOVE, Rules

__all__ = ["Observer", "SeatView"]

# Maximum number of cached observations per joint move.
_MAX_FRAMES = 1000


class SeatView:
    """The consequences of one joint move for one seat.

    Args:
        options: Number of the seat's options, >= 2.

    Attributes:
        agent: Name of the seat.
        reward: Payoff of the seat; 0 if the round is void.
        info: Template of the step's ``info``; copy it, then set the keys that depend on the round.
        vector: Template of the numeric observation, float32; the last entry is the progress.
        mask: Action mask, int8, all ones: every option is legal. Read-only.
        frames: Cache of :meth:`frame`: progress -> observation.
    """

    __slots__ = ("agent", "frames", "info", "mask", "reward", "vector")

    def __init__(self, agent: str, reward: float, info: dict[str, Any], vector: NDArray[np.float32], options: int):
        self.agent, self.reward, self.info, self.vector = agent, reward, info, vector
        self.mask = np.ones(options, np.int8)
        self.mask.setflags(write=False)
        self.frames: dict[float, NDArray[np.float32]] = {}

    def frame(self, progress: float) -> NDArray[np.float32]:
        """Return the observation at this progress, in [0, 1]; read-only, because the cache shares it."""
        if len(self.frames) >= _MAX_FRAMES:
            self.frames.clear()
        vector = self.frames[progress] = self.vector.copy()
        vector[-1] = progress
        vector.setflags(write=False)
        return vector


class Observer:
    """Computes and caches the views of one seat.

    Args:
        game: The stage game, which decides shapes and payoffs.
        rules: How it is repeated.
        seat: Index of the seat.
        memory: Number of past rounds in the numeric observation.
        task: ``task_id`` and ``task_hash`` for ``info``.

    Attributes:
        order: Indices of all seats in the order of ``moves`` and ``payoffs``: own seat first.
        payoffs: The payoff tensors from the seat's point of view.
        best_payoff: Maximum payoff of one round.
        security_level: Maximin payoff of one round in pure strategies.
        block: Number of entries of one round in the numeric observation.
        width: Length of the numeric observation.
        blank: The view before the first round.
    """

    def __init__(self, game: NormalFormGame, rules: Rules, seat: int, memory: int, task: tuple[str, str]) -> None:
        self._game, self._rules, self._seat, self._task = game, rules, seat, task
        self.order = [(seat + k) % game.players for k in range(game.players)]
        self.payoffs = game.seen_by(seat)
        self.best_payoff = game.best_payoff(seat)
        self.security_level = game.security_level(seat)
        self.block = sum(game.shape)
        self.width = self.block * memory + 2
        start = np.zeros(self.width, np.float32)
        start[-2] = 1.0
        self.blank = self._make_view(start)
        self._cache: dict[tuple[int, ...], SeatView] = {}

    def view(self, joint: tuple[int, ...]) -> SeatView:
        """Return the view after a round in which ``joint`` was played; the same object for the same joint move."""
        view = self._cache.get(joint)
        if view is None:
            view = self._cache[joint] = self._compute(joint)
        return view

    def _compute(self, joint: tuple[int, ...]) -> SeatView:
        void = NO_MOVE in joint
        earned = [0.0 if void else float(self._game.payoffs[(player, *joint)]) for player in self.order]
        moves, payoffs = [joint[player] for player in self.order], list[float | None](earned)
        if self._rules.history == "private":
            moves[1:], payoffs[1:] = [NO_MOVE] * len(moves[1:]), [None] * len(moves[1:])
        vector = np.zeros(self.width, np.float32)
        start = 0
        for player, move in zip(self.order, moves, strict=True):
            if move != NO_MOVE:
                vector[start + move] = 1.0
            start += self._game.shape[player]
        return self._make_view(vector, earned[0], tuple(moves), tuple(payoffs))

    def _make_view(
        self,
        vector: NDArray[np.float32],
        reward: float = 0.0,
        moves: tuple[int, ...] | None = None,
        payoffs: tuple[float | None, ...] | None = None,
    ) -> SeatView:
        info = {
            "round": 0,
            "moves": moves,
            "payoffs": payoffs,
            "reward_terms": None,
            "invalid_action": False,
            "parse_error": None,
            "success": False,
            "metrics": None,
            "task_id": self._task[0],
            "task_hash": self._task[1],
        }
        return SeatView(f"player_{self._seat}", reward, info, vector, self._game.shape[self._seat])
