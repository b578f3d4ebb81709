import numpy as np
import pytest

from quintain.agents.policies import MLP, Layer
from quintain.attacks.contract import Trained
from quintain.errors import RecordError
from quintain.experiments.robustness.trained import load_trained, save_trained


def test_a_trained_network_round_trips_bit_for_bit(tmp_path):
    rng = np.random.default_rng(0)
    layers = [
        Layer(rng.normal(size=(4, 3)).astype(np.float32), rng.normal(size=4).astype(np.float32), "relu"),
        Layer(rng.normal(size=(2, 4)).astype(np.float32), rng.normal(size=2).astype(np.float32), "tanh"),
    ]
    save_trained(Trained(MLP(layers), {"labels": 700, "accuracy": float("nan")}), tmp_path / "deep" / "a.npz")
    again = load_trained(tmp_path / "deep" / "a.npz")
    x = rng.normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_array_equal(again.network(x), MLP(layers)(x))
    np.testing.assert_equal(again.facts, {"labels": 700, "accuracy": float("nan")})
    assert [f.name for f in (tmp_path / "deep").iterdir()] == ["a.npz"]


def test_damaged_files_raise_errors_with_the_reason(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(RecordError, match="delete it"):
        load_trained(tmp_path / "a.npz")
