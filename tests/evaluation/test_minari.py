import numpy as np
import pytest

import quintain
from quintain.errors import ConfigurationError

minari = pytest.importorskip("minari")


@pytest.fixture(autouse=True)
def _own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "datasets"))


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_exported_trajectories_equal_the_recorded_ones(env, tmp_path):
    from quintain.evaluation.minari import to_minari

    report = quintain.evaluate(env, "random", episodes=3, out=tmp_path / "run")
    to_minari(tmp_path / "run", "quintain/test-v0")
    episodes = list(minari.load_dataset("quintain/test-v0").iterate_episodes())
    assert len(episodes) == 3
    for stored, record in zip(episodes, report.episodes, strict=True):
        assert len(stored.observations) == len(record.steps) + 1
        np.testing.assert_array_equal(stored.observations[-1], record.final_observation)
        np.testing.assert_array_equal(stored.observations[0], record.steps[0]["observation"])
        np.testing.assert_allclose(stored.rewards, [s["reward"] for s in record.steps])
        assert bool(stored.truncations[-1]) is record.truncated
        assert bool(stored.terminations[-1]) is not record.truncated
        assert stored.terminations.sum() + stored.truncations.sum() == 1


def test_text_observations_cannot_be_exported(tmp_path):
    from quintain.evaluation.minari import to_minari

    env_kwargs = {"tasks": "letters", "code": False}
    report = quintain.evaluate("CodeReason-v0", "random", episodes=1, env_kwargs=env_kwargs)
    with pytest.raises(ConfigurationError, match="arrays and numbers"):
        to_minari(report, "quintain/test-v0")
