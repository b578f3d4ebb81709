import gymnasium as gym
import numpy as np
import pytest
from holding import linear, reacher

import quintain  # noqa: F401 - registers the environments
from quintain.agents.policies import save_policy
from quintain.attacks.registry import resolve_attacks
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.experiments.robustness import (
    RobustnessExperiment,
    load_policy_under_test,
    reference_policy_under_test,
    robustness,
)
from quintain.experiments.robustness.policy_under_test import make_policy_under_test, read_policy


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path / "cache"))


def test_a_saved_policy_is_loaded_with_its_environment(tmp_path):
    pytest.importorskip("mujoco")
    save_policy(reacher(), tmp_path / "mine.npz")
    subject = load_policy_under_test(tmp_path / "mine.npz", "Tabletop/Reach-v0", env_kwargs={"scenario": "opposite"})
    assert subject.name == "mine"
    assert subject.intention(0).name == "reacher in a mirror"
    env = subject.make()
    assert env.unwrapped.scenario == "opposite"
    manipulation = load_policy_under_test(
        tmp_path / "mine.npz", "Tabletop/Reach-v0", env_kwargs={"scenario": "manipulation"}
    )
    assert manipulation.intention(0) is None


@pytest.mark.parametrize("name", ["PPO", "A2C", "SAC", "TD3"])
def test_a_stable_baselines3_file_is_recognised(tmp_path, name):
    sb3 = pytest.importorskip("stable_baselines3")
    model = getattr(sb3, name)("MlpPolicy", gym.make("Pendulum-v1"), device="cpu", seed=0)
    model.save(tmp_path / "model.zip")
    victim = read_policy(tmp_path / "model.zip")
    state = np.array([[1.0, 0.0, 0.3]], np.float32)
    expected, _ = model.predict(state, deterministic=True)
    np.testing.assert_allclose(victim.act_batch(state), expected, atol=1e-5)
    assert ("value" in victim.capabilities) == (name in ("PPO", "A2C"))


def test_files_without_a_policy_raise_configuration_error(tmp_path):
    (tmp_path / "a.zip").write_text("nothing")
    with pytest.raises(ConfigurationError, match="not a Stable-Baselines3 model"):
        read_policy(tmp_path / "a.zip")
    for name in ("b.npz", "c.onnx"):
        with pytest.raises(ConfigurationError, match="expected a file"):
            read_policy(tmp_path / name)


def test_a_dry_run_checks_attacks_without_training_the_policy(cache):
    pytest.importorskip("mujoco")
    sketch = reference_policy_under_test("reach", scenario="opposite", sketch=True)
    RobustnessExperiment((sketch,), resolve_attacks(["mad", "critic", "sa-rl", "rat", "target"]), (0.1,)).check()
    sketch = reference_policy_under_test("reach", scenario="manipulation", sketch=True)
    with pytest.raises(ConfigurationError, match="the behaviour that the attacker wants"):
        RobustnessExperiment((sketch,), resolve_attacks(["target"]), (0.1,)).check()
    with pytest.raises(UnknownNameError, match="did you mean 'reach'"):
        reference_policy_under_test("reech")
    with pytest.raises(ConfigurationError, match="has no scenarios"):
        reference_policy_under_test("reacher", scenario="opposite", sketch=True)


def test_a_reference_policy_is_trained_once_per_seed(cache):
    pytest.importorskip("mujoco")
    pytest.importorskip("stable_baselines3")
    calls = []
    options = {"steps": 1_920, "seeds": (0, 1), "progress": lambda *words: calls.append(words)}
    subject = reference_policy_under_test("reach", **options)
    assert [words[0] for words in calls] == ["reach, seed 0", "reach, seed 1"]
    assert subject.policy(0) is not subject.policy(1)
    again = reference_policy_under_test("reach", **options)
    assert len(calls) == 2
    assert again.describe() == subject.describe()
    prints = subject.describe()["victims"]
    assert prints["0"] != prints["1"]


def test_an_environment_can_be_given_by_id():
    table = robustness("Robustness/Hold-v0", linear(1.0), ["random"], [0.5], episodes=2)
    assert [e.length for e in table.rows[0].episodes] == [25, 25]


def test_wrong_types_of_policies_and_attacks_are_named():
    with pytest.raises(ConfigurationError, match=r"expected a Policy, got object; wrap .*Policy\.from_sb3"):
        make_policy_under_test("CartPole-v1", object())
    with pytest.raises(ConfigurationError, match=r"did you mean \['mad'\]"):
        resolve_attacks("mad")
