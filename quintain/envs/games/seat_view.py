"""What a seat sees of a repeated game, in numbers: worked out once per joint move, however often it is played."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.envs.games.normal_form import NormalFormGame
from quintain.envs.games.rules import NO_MOVE, Rules

__all__ = ["Observer", "SeatView"]

# Most observations that are kept for one joint move; very long games make them anew now and then.
_MOST_FRAMES = 1000


class SeatView:
    """What one seat learns from one joint move.

    Attributes:
        agent: Name of the seat.
        reward: Its payoff.
        info: Template of the step's ``info``; copy it, then fill in what depends on the round.
        vector: Template of the numeric observation; the last number is the progress.
        mask: Legal options: all of them. Read-only.
        frames: Progress -> observation, as far as they have been asked for; see :meth:`frame`.
    """

    __slots__ = ("agent", "frames", "info", "mask", "reward", "vector")

    def __init__(self, agent: str, reward: float, info: dict[str, Any], vector: NDArray[np.float32], options: int):
        self.agent, self.reward, self.info, self.vector = agent, reward, info, vector
        self.mask = np.ones(options, np.int8)
        self.mask.setflags(write=False)
        self.frames: dict[float, NDArray[np.float32]] = {}

    def frame(self, progress: float) -> NDArray[np.float32]:
        """Return the observation at this point of the game, read-only so that all who see it may share it."""
        if len(self.frames) >= _MOST_FRAMES:
            self.frames.clear()
        vector = self.frames[progress] = self.vector.copy()
        vector[-1] = progress
        vector.setflags(write=False)
        return vector


class Observer:
    """One seat's view of a game.

    Args:
        game: The stage game.
        rules: How it is repeated.
        seat: Whose view.
        memory: Rounds that the numeric observation holds.
        task: Name and hash of the task, for ``info``.

    Attributes:
        order: Seats in the order in which this one lists players: itself first.
        payoffs: The payoff tensors from its point of view.
        best_payoff: The most it can earn in one round.
        security_level: The most it can guarantee itself in one round with a fixed option.
        block: Numbers that one round takes in the observation.
        width: Length of the observation.
        blank: What it knows before the first round.
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
        self.blank = self._view(start)
        self._seen: dict[tuple[int, ...], SeatView] = {}

    def see(self, joint: tuple[int, ...]) -> SeatView:
        """Return what this seat learns from a round in which ``joint`` was played; always the same object."""
        view = self._seen.get(joint)
        if view is None:
            view = self._seen[joint] = self._see(joint)
        return view

    def _see(self, joint: tuple[int, ...]) -> SeatView:
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
        return self._view(vector, earned[0], tuple(moves), tuple(payoffs))

    def _view(
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
