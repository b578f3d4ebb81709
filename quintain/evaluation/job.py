"""What one episode is played from: its number in the run, its seed, options for its reset, a cap on its steps."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from quintain.errors import ConfigurationError
from quintain.seeding import repeat_seed

__all__ = ["DEFAULT_MAX_STEPS", "Job", "check_settings"]

#: Default cap on an episode's steps. Four times the longest episode of Atari games under Gymnasium's settings (27,000
#: steps): an episode that reaches it hardly ends by itself. A run that meets it warns.
DEFAULT_MAX_STEPS = 100_000


@dataclass(frozen=True, slots=True)
class Job:
    """An episode to play.

    Attributes:
        index: Number of the episode in its run, from 0.
        seed: Seed with which the episode is reset.
        reset_options: ``options`` of the environment's ``reset``; ``None`` calls ``reset`` without options.
        max_steps: Number of steps, >= 1, after which an episode that has not ended is truncated; ``None`` for no cap.
            In a parallel game a step is one action of every seat, in a turn-based game one action.
        item: Number of the item, from 0; ``None`` where the run has no items.
        repeat: Number of the answer to the item, from 0.
        observations: Whether the record holds the observations.
        tokens: Whether the record holds the tokens of prompts and replies with their log-probabilities, to train on.
    """

    index: int
    seed: int
    reset_options: Mapping[str, Any] | None = None
    max_steps: int | None = DEFAULT_MAX_STEPS
    item: int | None = None
    repeat: int = 0
    observations: bool = True
    tokens: bool = False

    @property
    def agent_seed(self) -> int:
        """Seed of the agent's random choices: the episode's own, unless the item is answered again."""
        return repeat_seed(self.seed, self.repeat)

    def posing(self, item_count: int) -> Job:
        """Return the job that poses its item modulo ``item_count``, unless the options choose one, or it has none.

        Args:
            item_count: Number of items of the environment, >= 1.
        """
        if self.item is None:  # of a run before there were items
            return self
        return replace(self, reset_options={"item": self.item % item_count, **(self.reset_options or {})})

    def reset(self, env: Any) -> Any:
        """Reset an environment or game for this episode, and return what its ``reset`` returns."""
        if self.reset_options is None:
            return env.reset(seed=self.seed)
        return env.reset(seed=self.seed, options=copy.deepcopy(dict(self.reset_options)))


def check_settings(max_steps: Any, reset_options: Any) -> dict[str, Any]:
    """Check what all episodes of a run have in common, and describe it for the manifest.

    Args:
        max_steps: See :class:`Job`.
        reset_options: See :class:`Job`.

    Raises:
        ConfigurationError: If ``max_steps`` is not an integer >= 1 or ``None``, or ``reset_options`` not a mapping with
            texts for keys or ``None``.
    """
    if max_steps is not None and (isinstance(max_steps, bool) or not isinstance(max_steps, int) or max_steps < 1):
        raise ConfigurationError(f"max_steps must be an integer >= 1, or None for no cap, got {max_steps!r}")
    if reset_options is None:
        return {"max_steps": max_steps}
    if not isinstance(reset_options, Mapping) or not all(isinstance(name, str) for name in reset_options):
        raise ConfigurationError(f"reset_options must be a mapping of names to values, got {reset_options!r}")
    return {"max_steps": max_steps, "reset_options": dict(reset_options)}
