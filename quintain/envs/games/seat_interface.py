"""Spaces of one seat of a repeated game: makes its observations and parses its actions, as numbers or as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from gymnasium import spaces

from quintain.envs.games.rules import NO_MOVE
from quintain.envs.games.seat_view import Observer, SeatView
from quintain.envs.games.words import TextView, find_option
from quintain.spaces import UnicodeText

__all__ = ["SeatInterface", "View"]

#: Kind of observations and actions.
View = Literal["numeric", "both", "text"]

# Maximum length of a text action, in characters.
_MAX_ACTION_CHARS = 4096


class SeatInterface:
    """Makes the observations of one seat, numeric, as text or both, and parses its actions.

    Args:
        view: Kind of observation; see :class:`~quintain.envs.games.repeated.RepeatedGame`.
        memory: Number of past rounds in the numeric observation.
        observer: Source of the numeric observations.
        text_view: Source of the text observations.
        options: Names of the seat's options.

    Attributes:
        observation_space: Space of the results of :meth:`observe`.
        action_space: Space of the legal arguments of :meth:`parse`.
    """

    def __init__(
        self, view: View, memory: int, observer: Observer, text_view: TextView, options: Sequence[str]
    ) -> None:
        self._view, self._memory = view, memory
        self._observer, self._text_view, self._options = observer, text_view, options
        text = UnicodeText(text_view.max_length)
        if view == "text":
            self.observation_space: spaces.Space[Any] = text
            self.action_space: spaces.Space[Any] = UnicodeText(_MAX_ACTION_CHARS)
            return
        parts: dict[str, spaces.Space[Any]] = {
            "observation": spaces.Box(0.0, 1.0, (observer.width,), np.float32),
            "action_mask": spaces.Box(0, 1, (len(options),), np.int8),
        }
        if view == "both":
            parts["text"] = text
        self.observation_space, self.action_space = spaces.Dict(parts), spaces.Discrete(len(options))

    def observe(self, last: SeatView, progress: float, history: Sequence[tuple[int, ...]]) -> Any:
        """Return the observation.

        Args:
            last: The seat's view of the last round.
            progress: Share of rounds played, in [0, 1]; 0 where the seat must not know it.
            history: The joint moves of all rounds, oldest first.
        """
        if self._view == "text":
            return self._text(history)
        observer, vector = self._observer, last.vector.copy()
        vector[-1] = progress
        for back, joint in enumerate(history[-2 : -self._memory - 1 : -1], start=1):
            block = slice(back * observer.block, (back + 1) * observer.block)
            vector[block] = observer.view(joint).vector[: observer.block]
        observation = {"observation": vector, "action_mask": last.mask}
        return observation | {"text": self._text(history)} if self._view == "both" else observation

    def parse(self, action: Any) -> tuple[int, str]:
        """Convert any object to the index of an option and ``""``, or to ``NO_MOVE`` and an error message."""
        if self._view == "text":
            if not isinstance(action, str):
                return NO_MOVE, f"expected the name of an option, got {type(action).__name__}"
            move = find_option(action[:_MAX_ACTION_CHARS], self._options)
            return (NO_MOVE, "the text does not name exactly one option") if move is None else (move, "")
        if isinstance(action, np.ndarray) and action.shape == ():
            action = action[()]
        size = len(self._options)
        if isinstance(action, (int, np.integer)) and not isinstance(action, bool) and 0 <= action < size:
            return int(action), ""
        return NO_MOVE, f"expected an option 0..{size - 1}, got {type(action).__name__}"

    def reset(self) -> None:
        """Start a new match."""
        self._text_view.reset()

    def _text(self, history: Sequence[tuple[int, ...]]) -> str:
        views = (self._observer.view(joint).info for joint in history[self._text_view.rounds_described :])
        return self._text_view.observe((info["moves"], info["payoffs"]) for info in views)
