"""The recurrent recogniser of steps in frame features."""

import numpy as np
import pytest

from quintain.envs.procedures import FrameSettings, FrameSource
from quintain.errors import ConfigurationError
from quintain.training.recognition import RecogniserSettings, train_recogniser

pytest.importorskip("torch")
SOURCE = FrameSource(3, FrameSettings(features=4, mean_frames=30, noise=0.5), np.random.default_rng(0))
VIDEOS = [SOURCE.film([0, 1, 2, 1], np.random.default_rng(seed)) for seed in range(4)]
FAST = RecogniserSettings(hidden=8, window=20, batch_size=8, n_steps=40, learning_rate=0.03)


def test_steps_are_recognised_from_the_frames_so_far():
    recogniser = train_recogniser(VIDEOS[:3], 3, FAST)
    labels = recogniser.recognise(VIDEOS[3].features)
    assert np.mean(labels == VIDEOS[3].labels) > 0.7  # chance: 1/3
    assert np.array_equal(recogniser.recognise(VIDEOS[3].features[:50]), labels[:50])


def test_equal_seeds_give_equal_recognisers():
    few = RecogniserSettings(hidden=4, window=10, batch_size=2, n_steps=2)
    first, again = (train_recogniser(VIDEOS, 3, few, seed=5).recognise(VIDEOS[0].features) for _ in range(2))
    assert np.array_equal(first, again)


def test_empty_and_short_sets_of_videos_are_refused():
    with pytest.raises(ConfigurationError, match="more than window=20"):
        train_recogniser([], 3, FAST)
    with pytest.raises(ConfigurationError):
        train_recogniser([SOURCE.film([0], np.random.default_rng(0))], 3, RecogniserSettings(window=500))
    with pytest.raises(ConfigurationError):
        RecogniserSettings(n_steps=0)
