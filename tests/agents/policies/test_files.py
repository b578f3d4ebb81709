from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sb3_contrib")

from quintain.agents.policies import Normaliser, Policy, load_policy, save_policy  # noqa: E402
from quintain.errors import ConfigurationError  # noqa: E402

OBSERVATIONS = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


@pytest.mark.parametrize("name", ["PPO", "SAC", "TD3", "TQC"])
def test_a_stored_policy_is_loaded_unchanged(name, tmp_path):
    import sb3_contrib
    import stable_baselines3 as sb3

    algorithm = getattr(sb3, name, None) or getattr(sb3_contrib, name)
    model = algorithm("MlpPolicy", "Pendulum-v1", policy_kwargs={"net_arch": [8, 8]}, seed=0)
    before = Policy.from_sb3(model, normaliser=Normaliser(np.ones(3), np.full(3, 2.0), 5.0))
    save_policy(before, tmp_path / "deep" / "policy.npz", {"return": 1.5})
    after, facts = load_policy(tmp_path / "deep" / "policy.npz")
    assert facts == {"return": 1.5}
    assert (after.capabilities, after.head, after.name) == (before.capabilities, before.head, before.name)
    assert (after.observation_space, after.action_space) == (before.observation_space, before.action_space)
    np.testing.assert_array_equal(after.act_batch(OBSERVATIONS), before.act_batch(OBSERVATIONS))
    if name != "TD3":
        np.testing.assert_array_equal(after.std(OBSERVATIONS), before.std(OBSERVATIONS))
    if name != "PPO":
        actions = np.zeros((5, 1), np.float32)
        one, two = (v.action_value.vjp(OBSERVATIONS, actions)[0] for v in (before, after))
        np.testing.assert_array_equal(one, two)


def test_policies_of_discrete_actions_are_stored(tmp_path):
    import stable_baselines3 as sb3

    before = Policy.from_sb3(sb3.PPO("MlpPolicy", "CartPole-v1", seed=0))
    save_policy(before, tmp_path / "v.npz")
    observations = np.random.default_rng(0).normal(size=(9, 4))
    np.testing.assert_array_equal(
        load_policy(tmp_path / "v.npz")[0].act_batch(observations), before.act_batch(observations)
    )


@pytest.mark.parametrize(("file", "steps", "expected"), [("ppo-0.1", 256, -4.076867), ("dt-0.1", None, -4.889750)])
def test_files_of_version_0_1_load_and_reach_the_same_returns(file, steps, expected):
    """The expected returns were measured with version 0.1.0, which wrote the files."""
    from quintain.training.control import play_episodes

    policy, facts = load_policy(Path(__file__).parent / "data" / f"{file}.npz")
    (episode,) = play_episodes(lambda: gym.make("Pendulum-v1", max_episode_steps=10), policy, [1])
    assert episode.reward == pytest.approx(expected, rel=1e-5)
    assert facts.get("recipe", {}).get("steps") == steps


def test_files_without_a_policy_raise_configuration_error(tmp_path):
    (tmp_path / "junk.npz").write_bytes(b"junk")
    for name in ("junk.npz", "missing.npz"):
        with pytest.raises(ConfigurationError, match="no policy at"):
            load_policy(tmp_path / name)
    box = gym.spaces.Box(-1, 1, (3,))
    other = Policy.from_module(torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Softplus()), box, box)
    with pytest.raises(ConfigurationError, match="only plain perceptrons"):
        save_policy(other, tmp_path / "v.npz")
