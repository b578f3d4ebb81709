"""A seat's window on a repeated game: what is shown through it, and how an action is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from gymnasium import spaces

from quintain.envs.games.rules import NO_MOVE
from quintain.envs.games.seat_view import Observer, SeatView
from quintain.envs.games.words import Narrator, find_option
from quintain.spaces import UnicodeText

__all__ = ["View", "Window"]

View = Literal["numeric", "both", "text"]

_MAX_ACTION = 4096


class Window:
    """Shows one seat its game in numbers, in words or in both, and reads its actions.

    Args:
        view: What is shown: see :class:`~quintain.envs.games.repeated.RepeatedGame`.
        memory: Past rounds in the numeric observation.
        observer: The seat's view in numbers.
        narrator: The seat's view in words.
        options: Names of the seat's options.

    Attributes:
        observation_space: What :meth:`show` returns.
        action_space: What :meth:`read` expects.
    """

    def __init__(self, view: View, memory: int, observer: Observer, narrator: Narrator, options: Sequence[str]) -> None:
        self._view, self._memory = view, memory
        self._observer, self._narrator, self._options = observer, narrator, options
        text = UnicodeText(narrator.longest)
        if view == "text":
            self.observation_space: spaces.Space[Any] = text
            self.action_space: spaces.Space[Any] = UnicodeText(_MAX_ACTION)
            return
        parts: dict[str, spaces.Space[Any]] = {
            "observation": spaces.Box(0.0, 1.0, (observer.width,), np.float32),
            "action_mask": spaces.Box(0, 1, (len(options),), np.int8),
        }
        if view == "both":
            parts["text"] = text
        self.observation_space, self.action_space = spaces.Dict(parts), spaces.Discrete(len(options))

    def show(self, last: SeatView, progress: float, history: Sequence[tuple[int, ...]]) -> Any:
        """Return the observation.

        Args:
            last: What the seat learnt from the last round.
            progress: Share of rounds played, 0 where that is not shown.
            history: The joint moves of all rounds.
        """
        if self._view == "text":
            return self._tell(history)
        observer, vector = self._observer, last.vector.copy()
        vector[-1] = progress
        for back, joint in enumerate(history[-2 : -self._memory - 1 : -1], start=1):
            block = slice(back * observer.block, (back + 1) * observer.block)
            vector[block] = observer.see(joint).vector[: observer.block]
        shown = {"observation": vector, "action_mask": last.mask}
        return shown | {"text": self._tell(history)} if self._view == "both" else shown

    def read(self, action: Any) -> tuple[int, str]:
        """Turn any object into a move, or into ``NO_MOVE`` and a note of what was wrong with it."""
        if self._view == "text":
            if not isinstance(action, str):
                return NO_MOVE, f"expected the name of an option, got {type(action).__name__}"
            move = find_option(action[:_MAX_ACTION], self._options)
            return (NO_MOVE, "the text does not name exactly one option") if move is None else (move, "")
        if isinstance(action, np.ndarray) and action.shape == ():
            action = action[()]
        size = len(self._options)
        if isinstance(action, (int, np.integer)) and not isinstance(action, bool) and 0 <= action < size:
            return int(action), ""
        return NO_MOVE, f"expected an option 0..{size - 1}, got {type(action).__name__}"

    def forget(self) -> None:
        """Begin a new match."""
        self._narrator.forget()

    def _tell(self, history: Sequence[tuple[int, ...]]) -> str:
        views = (self._observer.see(joint).info for joint in history[self._narrator.told :])
        return self._narrator.tell((info["moves"], info["payoffs"]) for info in views)
