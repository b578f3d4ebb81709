import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from quintain.agents.policies import MLP, Layer, Policy
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.training.control import play_episodes
from quintain.training.control.recipes import RECIPES, Recipe
from quintain.training.control.reference import load_reference, train_reference
from quintain.training.control.settings import PPOSettings


def test_parallel_evaluation_equals_sequential_episodes():
    make = lambda: gym.make("Pendulum-v1", max_episode_steps=20)  # noqa: E731
    probe = make()
    network = MLP([Layer(np.array([[0.3, -1.0, 0.2]]), np.zeros(1), "identity")])
    policy = Policy(network, probe.observation_space, probe.action_space)
    episodes = play_episodes(make, policy, [5, 6, 7])
    for episode in episodes:
        observation, _ = probe.reset(seed=episode.seed)
        total = 0.0
        for _ in range(20):
            observation, reward, *_ = probe.step(policy.act_batch(observation[None])[0])
            total += reward
        assert episode.reward == pytest.approx(total, rel=1e-5)
        assert (episode.length, episode.success) == (20, None)


def test_a_reference_policy_is_trained_once_and_cached(tmp_path, monkeypatch):
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path))
    small = Recipe("Pendulum-v1", steps=512, ppo=PPOSettings(n_envs=2, n_steps=128), eval_freq=256, n_eval_episodes=2)
    monkeypatch.setitem(RECIPES, "pendulum", small)
    with pytest.raises(ConfigurationError, match="quintain policies train pendulum --seed 0"):
        load_reference("pendulum")
    reports = []
    policy, facts = train_reference("pendulum", progress=lambda steps, reward: reports.append((steps, reward)))
    assert [steps for steps, _ in reports] == [256, 512] == [steps for steps, *_ in facts["curve"]]
    assert facts["return"]["episodes"] == 10
    assert policy.normaliser is not None
    observations = np.ones((1, 3))
    for again in (train_reference("pendulum", progress=reports.append)[0], load_reference("pendulum")[0]):
        np.testing.assert_array_equal(again.act_batch(observations), policy.act_batch(observations))
    assert len(reports) == 2
    with pytest.raises(UnknownNameError, match="did you mean 'hopper'"):
        train_reference("hoper")


def test_equal_seeds_give_equal_policies(tmp_path, monkeypatch):
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path))
    small = Recipe("Pendulum-v1", steps=256, ppo=PPOSettings(n_envs=2, n_steps=128), eval_freq=256, n_eval_episodes=2)
    monkeypatch.setitem(RECIPES, "pendulum", small)
    runs = [train_reference("pendulum", seed, again=True)[1] for seed in (0, 0, 1)]
    for facts in runs:
        assert facts.pop("cpu_s") > 0
    assert runs[0] == runs[1]
    assert runs[0]["curve"] != runs[2]["curve"]


def test_every_hyper_parameter_is_passed_to_ppo(tmp_path, monkeypatch):
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path))
    ppo = PPOSettings(
        n_envs=1, n_steps=64, n_epochs=1, learning_rate=0.0, net_arch=(8, 4), activation_fn="relu", log_std_init=-2.0,
        ortho_init=False,
    )  # fmt: skip
    small = Recipe("Pendulum-v1", steps=64, ppo=ppo, n_eval_episodes=1)
    monkeypatch.setitem(RECIPES, "pendulum", small)
    policy, facts = train_reference("pendulum")
    assert facts["recipe"]["ppo"]["net_arch"] == [8, 4]
    assert [(layer.weight.shape, layer.activation) for layer in policy.network.layers] == [
        ((8, 3), "relu"), ((4, 8), "relu"), ((1, 4), "identity"),
    ]  # fmt: skip
    np.testing.assert_allclose(policy.std_source, np.exp(-2.0), rtol=1e-6)
    assert np.abs(policy.network.layers[0].bias).max() > 0  # an orthogonal start has biases of 0
