"""An agent that learns to classify within one episode, and whose learning rate is regulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from quintain.agents.agent import Actor, Seat
from quintain.agents.online.homeostatic.learner import Learners, LearnerSettings
from quintain.errors import CapabilityError

__all__ = ["OnlineClassifier"]


class OnlineClassifier:
    """Learns a stream of samples while it classifies them; an episode begins with new weights.

    It plays environments that show ``features`` and the ``previous_label``, and whose actions are labels, such as
    ``ConceptShift-v0``. Where ``info["swap"]`` names two labels that are exchanged, remembered samples are relabelled.

    Args:
        rule: What moves the learning rate: ``"homeostatic"`` (Man, Damasio & Neven 2022), its controls ``"random"`` and
            ``"constant"``, or ``"hypergradient"``.
        learning_rate: Initial learning rate, > 0. Default: 0.001 (paper).
        batch_size: Samples of a minibatch, >= 1. Default: 10 (paper).
        hidden: Widths of the hidden layers. Default: (80, 60) (paper).
        memory: Number of remembered samples, >= 1. Default: 20 (paper).
        options: Arguments of the rule, such as ``{"criterion": "loss"}``. Default: none.

    Raises:
        UnknownNameError: If there is no such rule.
        ConfigurationError: If an argument is out of range, or no argument of the rule.
    """

    def __init__(
        self,
        rule: str = "homeostatic",
        *,
        learning_rate: float = 0.001,
        batch_size: int = 10,
        hidden: Sequence[int] = (80, 60),
        memory: int = 20,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.settings = LearnerSettings(rule, learning_rate, batch_size, tuple(hidden), memory, dict(options or {}))

    def describe(self) -> dict[str, Any]:
        """Return the hyper-parameters, for the run's manifest."""
        settings = self.settings
        return {
            "agent": "online-classifier",
            "rule": settings.rule,
            "learning_rate": settings.learning_rate,
            "batch_size": settings.batch_size,
            "hidden": list(settings.hidden),
            "memory": settings.memory,
            "options": dict(settings.options),
        }

    def check_seat(self, seat: Seat) -> None:
        """Check that the seat shows samples and labels.

        Raises:
            CapabilityError: If not.
        """
        seen = seat.observation_space
        shown = isinstance(seen, spaces.Dict) and {"features", "previous_label"} <= seen.keys()
        if not shown or not isinstance(seat.action_space, spaces.Discrete):
            raise CapabilityError(
                f"{seat.env_id} is no stream of samples to classify: an online classifier needs observations with "
                "'features' and 'previous_label' and labels as actions, such as those of ConceptShift-v0"
            )

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with new weights.

        Raises:
            CapabilityError: If it cannot play this seat.
        """
        self.check_seat(seat)
        return _Classifying(self.settings, seat)


class _Classifying:
    """One learner in one episode. It learns a minibatch when its last label is known, before the next prediction."""

    def __init__(self, settings: LearnerSettings, seat: Seat) -> None:
        space: Any = seat.observation_space
        width = int(np.prod(space["features"].shape))
        self._size, self._kept = settings.batch_size, settings.memory
        self._learners = Learners(settings, width, int(getattr(seat.action_space, "n", 0)), [seat.generator()])
        self._samples: list[Any] = []  # those of the memory and of the present minibatch
        self._labels: list[int] = []  # as they were when they were shown
        self._current: list[int] = []  # as they are now
        self._remembered: tuple[Any, Any] = ([], [])
        self._index = 0  # number of the present sample

    def act(self, observation: Any, info: dict[str, Any]) -> int:
        """Learn from the label of the sample before, and predict that of this one."""
        if self._index:
            self._labels.append(int(observation["previous_label"]))
            self._current.append(int(observation["previous_label"]))
            if self._index % self._size == 0:
                self._learn()
        if info.get("swap"):
            first, second = info["swap"]
            exchanged = {first: second, second: first}
            self._current = [exchanged.get(label, label) for label in self._current]
        if self._index % self._size == 0:
            self._remembered = (np.array(self._samples), np.array(self._current, dtype=np.int64))
        self._samples.append(np.asarray(observation["features"], dtype=np.float64).ravel())
        self._index += 1
        return int(self._learners.predict(self._samples[-1][None, None])[0, 0])

    def _learn(self) -> None:
        start, size = self._index - self._size, self._size
        memory, labels = self._remembered
        batch = np.array(self._samples[-size:])[None]
        width = batch.shape[-1]
        self._learners.learn(
            start, batch, np.array(self._labels[-size:])[None], memory.reshape(1, -1, width), labels[None]
        )
        del self._samples[: -self._kept], self._labels[: -self._kept], self._current[: -self._kept]
