"""The aggregator: it runs as torch would, learns what decides, and is saved and loaded."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from quintain.errors import ConfigurationError, RecordError
from quintain.files import save_arrays
from quintain.rewards.verification import Aggregator, AggregatorSettings, StepState, make_verifier, train_aggregator
from quintain.rewards.verification.aggregator import one_hot

torch = pytest.importorskip("torch")

FAST = AggregatorSettings(hidden=16, learning_rate=0.01, epochs=25)


def solutions(number: int, seed: int = 0) -> tuple[list[list[StepState]], list[bool]]:
    """Return sequences whose solution is wrong if, and only if, a proof failed."""
    rng = random.Random(seed)
    sequences = [[rng.choice(list(StepState)[1:]) for _ in range(rng.randint(1, 6))] for _ in range(number)]
    labels = [rng.random() < 0.6 for _ in range(number)]
    for states, label in zip(sequences, labels, strict=True):
        if not label:
            states[rng.randrange(len(states))] = StepState.FAILURE
    return sequences, labels


def test_one_hot_rows_are_in_the_order_of_the_states() -> None:
    assert one_hot([StepState.SUCCESS, StepState.FAILURE]).tolist() == [[0, 1, 0, 0], [1, 0, 0, 0]]


def test_it_computes_what_torch_computes() -> None:
    lstm, out = torch.nn.LSTM(4, 5, 2, batch_first=True), torch.nn.Linear(5, 1)
    weights = dict(lstm.state_dict()) | {f"out.{name}": value for name, value in out.state_dict().items()}
    aggregator = Aggregator({name: value.numpy() for name, value in weights.items()})
    states = [StepState.SUCCESS, StepState.NOT_REQUIRED, StepState.FAILURE]
    with torch.no_grad():
        expected = torch.sigmoid(out(lstm(torch.from_numpy(one_hot(states))[None])[0][0, -1])).item()
    assert aggregator(states) == pytest.approx(expected, abs=1e-6)
    assert aggregator([]) == 0


def test_it_learns_that_a_failed_proof_decides() -> None:
    trained = train_aggregator(*solutions(200), FAST, seed=1)
    assert max(epoch.test for epoch in trained.curve) == 1
    assert trained.aggregator.facts["balanced_accuracy"] == 1
    assert trained.aggregator([StepState.SUCCESS, StepState.SUCCESS]) > 0.5
    assert trained.aggregator([StepState.SUCCESS, StepState.FAILURE]) < 0.5


def test_equal_seeds_give_equal_weights_and_the_global_generator_is_left_alone() -> None:
    data, short = solutions(40), AggregatorSettings(hidden=4, epochs=2)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second = (train_aggregator(*data, short, seed=3) for _ in range(2))
    assert torch.equal(torch.rand(1), expected)
    assert first.curve == second.curve
    for name, value in first.aggregator.weights.items():
        np.testing.assert_array_equal(value, second.aggregator.weights[name])
    assert train_aggregator(*data, short, seed=4).curve != first.curve


def test_one_class_alone_cannot_be_learned() -> None:
    with pytest.raises(ConfigurationError, match="two wrong solutions"):
        train_aggregator([[StepState.SUCCESS]] * 5, [True] * 5)


def test_a_saved_aggregator_scores_for_a_verifier(tmp_path: Path) -> None:
    aggregator = train_aggregator(*solutions(40), AggregatorSettings(hidden=4, epochs=1)).aggregator
    aggregator.save(tmp_path / "states.npz")
    loaded = Aggregator.load(tmp_path / "states.npz")
    assert loaded.facts == aggregator.facts
    found = make_verifier("arithmetic", aggregator=tmp_path / "states.npz").verify_now("?", "1 + 1 = 2\n2 + 2 = 5")
    assert found.score == aggregator([StepState.SUCCESS, StepState.FAILURE])


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="cannot read"):
        Aggregator.load(tmp_path / "none.npz")
    save_arrays(tmp_path / "other.npz", {"a": np.zeros(2)}, {"kind": "something"})
    with pytest.raises(ConfigurationError, match="no aggregator"):
        Aggregator.load(tmp_path / "other.npz")
    with pytest.raises(ConfigurationError, match="not the weights"):
        Aggregator({"weight_ih_l0": np.zeros((4, 4))})
