"""A small recurrent recogniser of steps in frame features, after MiniROAD (An et al. 2023), for synthetic videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quintain.arguments import check_number
from quintain.errors import ConfigurationError, require

__all__ = ["LabelledFrames", "RecogniserSettings", "StepRecogniser", "train_recogniser"]


class LabelledFrames(Protocol):
    """A video to learn from."""

    @property
    def features(self) -> NDArray[np.float32]:
        """Shape ``(frames, features)``."""
        ...

    @property
    def labels(self) -> NDArray[np.int64]:
        """Number of the step at each frame, shape ``(frames,)``."""
        ...


@dataclass(frozen=True, slots=True)
class RecogniserSettings:
    """Hyper-parameters.

    Attributes:
        hidden: Width of the GRU, >= 1 (MiniROAD: 1,024).
        window: Frames of a training sequence, >= 2.
        batch_size: Sequences of a minibatch, >= 1 (PREGO: 128).
        n_steps: Number of minibatches, >= 1.
        learning_rate: Adam's learning rate, > 0 (PREGO: 1e-5, for pre-trained features of much longer training).
        weight_decay: Adam's weight decay, >= 0 (PREGO: 1e-4).
    """

    hidden: int = 32
    window: int = 64
    batch_size: int = 32
    n_steps: int = 200
    learning_rate: float = 1e-2
    weight_decay: float = 1e-4

    def __post_init__(self) -> None:
        for name in ("hidden", "batch_size", "n_steps"):
            check_number(name, getattr(self, name), low=1, integer=True)
        check_number("window", self.window, low=2, integer=True)
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("weight_decay", self.weight_decay, low=0)


class StepRecogniser:
    """Names the step of each frame from the frames up to it.

    Args:
        network: Its recurrent layer and its linear one, in torch.
    """

    def __init__(self, network: Any) -> None:
        self._network = network

    def recognise(self, features: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the likeliest step at each frame, which depends on earlier frames only.

        Args:
            features: Shape ``(frames, features)``.

        Returns:
            Shape ``(frames,)``.
        """
        import torch

        with torch.no_grad():
            states, _ = self._network.recurrent(torch.as_tensor(features)[None])
            return np.asarray(self._network.out(states)[0].argmax(dim=-1).numpy())


def train_recogniser(
    videos: Sequence[LabelledFrames], classes: int, settings: RecogniserSettings | None = None, *, seed: int = 0
) -> StepRecogniser:
    """Train a recogniser by cross-entropy at each frame of random windows.

    Args:
        videos: Videos of correct executions, each longer than a window.
        classes: Number of steps.
        settings: Hyper-parameters. Default: the defaults of :class:`RecogniserSettings`.
        seed: Seed of weights and windows.

    Raises:
        ConfigurationError: If there is no video, or one is shorter than a window.
        MissingDependencyError: If torch is not installed.
    """
    require("torch", "llm", "training a recogniser of steps")
    import torch

    settings = settings or RecogniserSettings()
    if not videos or min(len(video.labels) for video in videos) <= settings.window:
        raise ConfigurationError(f"a recogniser needs videos of more than window={settings.window} frames")
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        network = torch.nn.Module()
        network.recurrent = torch.nn.GRU(videos[0].features.shape[1], settings.hidden, batch_first=True)
        network.out = torch.nn.Linear(settings.hidden, classes)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    for _ in range(settings.n_steps):
        chosen = rng.integers(len(videos), size=settings.batch_size)
        starts = [int(rng.integers(len(videos[k].labels) - settings.window)) for k in chosen]
        cuts = [(videos[k], slice(s, s + settings.window)) for k, s in zip(chosen, starts, strict=True)]
        batch = torch.as_tensor(np.stack([video.features[cut] for video, cut in cuts]))
        labels = torch.as_tensor(np.stack([video.labels[cut] for video, cut in cuts]))
        states, _ = network.recurrent(batch)
        loss = torch.nn.functional.cross_entropy(network.out(states).flatten(0, 1), labels.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return StepRecogniser(network)
