import json

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")
pytest.importorskip("mujoco")

from quintain.agents.policies import load_policy
from quintain.attacks.defences.reference import defended_names, defended_path, train_defended
from quintain.errors import ConfigurationError, UnknownNameError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path))
    return tmp_path / "policies"


def test_a_defended_policy_is_cached_under_its_own_name_with_training_metadata(cache):
    heard = []
    victim, facts = train_defended("reach", "sa", epsilon=0.05, steps=1, progress=lambda *who: heard.append(who))
    path = cache / "reach-sa-0.05-seed0.npz"
    assert defended_path("reach", "sa", 0.05) == path
    assert heard == [("agent", 1920)]
    assert defended_names() == ["reach-sa-0.05"]
    assert defended_names(seed=1) == []
    assert victim.name == "reach-sa"
    assert facts["defence"]["epsilon"] == 0.05
    assert facts["defence"]["chosen"] == facts["defence"]["curve"][0]
    assert facts["return"]["episodes"] == 100
    assert json.loads(json.dumps(facts)) == facts
    again, _ = train_defended("reach", "sa", epsilon=0.05, steps=1, progress=lambda *who: heard.append(who))
    assert len(heard) == 1
    states = np.ones((1, 6))
    np.testing.assert_array_equal(again.act_batch(states), load_policy(path)[0].act_batch(states))


def test_unknown_defences_and_incompatible_policies_are_refused(cache):
    with pytest.raises(UnknownNameError, match="policy"):
        defended_path("nobody", "sa", 0.1)
    with pytest.raises(UnknownNameError, match="defence"):
        defended_path("reach", "prayer", 0.1)
    with pytest.raises(ConfigurationError, match="budget > 0"):
        train_defended("reach", "sa", epsilon=0.0)
    with pytest.raises(ConfigurationError, match="learns with PPO"):
        train_defended("reach-dt", "sa", epsilon=0.1)
