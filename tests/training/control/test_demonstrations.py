import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("torch")
minari = pytest.importorskip("minari")

from quintain.agents.policies import MLP, Layer, Policy, load_policy, save_policy  # noqa: E402
from quintain.errors import ConfigurationError  # noqa: E402
from quintain.training.control import ImitationSettings, demonstrations, train_decision_transformer  # noqa: E402
from quintain.training.control.demonstrations import record_demonstrations  # noqa: E402
from quintain.training.control.recipes import RECIPES, Recipe  # noqa: E402
from quintain.training.control.reference import cache_folder, load_reference, train_reference  # noqa: E402
from quintain.training.control.settings import AdamSettings  # noqa: E402


@pytest.fixture(autouse=True)
def _own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path / "cache"))


def make():
    return gym.make("Pendulum-v1", max_episode_steps=20)


def demonstrator():
    env = make()
    network = MLP([Layer(np.array([[0.3, -1.0, 0.2]]), np.zeros(1), "identity")])
    return Policy(network, env.observation_space, env.action_space, name="swinger")


def test_recorded_actions_are_the_executed_ones():
    data = record_demonstrations(make, demonstrator(), "test/swing-v0", episodes=4, levels=(0.0, 0.5))
    policy, env = demonstrator(), make()
    errors = []
    for episode in data.iterate_episodes():
        (metadata,) = data.storage.get_episode_metadata([episode.id])
        observation, _ = env.reset(seed=int(metadata["seed"]))
        for i, action in enumerate(episode.actions):
            np.testing.assert_array_equal(episode.observations[i], observation)
            observation, reward, _, _, _ = env.step(action)
            assert episode.rewards[i] == pytest.approx(reward)
        assert episode.truncations[-1]
        errors.append(np.abs(policy.act_batch(episode.observations[:-1]) - episode.actions).max())
        assert np.abs(episode.actions).max() <= 2
    assert errors[0] == errors[2] == 0
    assert min(errors[1], errors[3]) > 0.3


def test_policies_with_a_memory_are_told_the_executed_action_and_its_reward(monkeypatch):
    told = []

    class Listening(demonstrations.Rollouts):
        def record(self, actions, rewards):
            told.append((float(actions[0, 0]), float(rewards[0])))
            super().record(actions, rewards)

    monkeypatch.setattr(demonstrations, "Rollouts", Listening)
    data = record_demonstrations(make, demonstrator(), "test/swing-v0", episodes=1, levels=(0.5,))
    (episode,) = data.iterate_episodes()
    assert told == list(zip(episode.actions[:, 0].tolist(), episode.rewards.tolist(), strict=True))


def test_recording_replaces_an_existing_data_set_and_is_reproducible():
    actions = []
    for seed in (0, 0, 1):
        data = record_demonstrations(make, demonstrator(), "test/swing-v0", episodes=2, seed=seed)
        assert data.total_episodes == 2
        actions.append(np.concatenate([e.actions for e in data.iterate_episodes()]))
    np.testing.assert_array_equal(actions[0], actions[1])
    assert not np.array_equal(actions[0], actions[2])


def test_discrete_actions_are_replaced_at_the_noise_rate():
    cart = gym.make("CartPole-v1")
    network = MLP([Layer(np.array([[0.0] * 4, [0, 0, 10.0, 3.0]]), np.zeros(2), "identity")])
    policy = Policy(network, cart.observation_space, cart.action_space, head="categorical")
    data = record_demonstrations(lambda: gym.make("CartPole-v1"), policy, "test/cart-v0", episodes=6, levels=(0.5,))
    changed = [policy.act_batch(e.observations[:-1]) != e.actions for e in data.iterate_episodes()]
    assert 0.1 < np.concatenate(changed).mean() < 0.4  # a quarter


def test_an_imitation_recipe_records_trains_and_caches(monkeypatch):
    monkeypatch.setitem(RECIPES, "swing", Recipe("Pendulum-v1", {"max_episode_steps": 20}))
    monkeypatch.setitem(
        RECIPES,
        "swing-dt",
        Recipe(
            "Pendulum-v1",
            {"max_episode_steps": 20},
            steps=5,
            n_eval_episodes=2,
            demonstrator="swing",
            n_demonstrations=4,
        ),
    )
    with pytest.raises(ConfigurationError, match="quintain policies train swing "):
        train_reference("swing-dt")
    save_policy(demonstrator(), cache_folder() / "swing-seed0.npz", {"recipe": {"steps": 1}})
    reports = []
    policy, facts = train_reference("swing-dt", progress=lambda *report: reports.append(report))
    assert [done for done, _ in reports] == [1, 2, 3, 4, 5]
    assert policy.is_stateful
    assert facts["data"]["episodes"] == 4
    assert facts["return"]["episodes"] == 10
    assert facts["curve"][0][:2] == [5, facts["return"]["mean"]]
    assert load_reference("swing-dt")[1] == facts == load_policy(cache_folder() / "swing-dt-seed0.npz")[1]


def test_progress_is_reported_every_fiftieth_and_at_the_last_update():
    data = record_demonstrations(make, demonstrator(), "test/swing-v0", episodes=1)
    tiny = ImitationSettings(
        context_length=2, hidden_size=4, n_layer=1, n_head=1, gradient_steps=101, optimiser=AdamSettings(batch_size=2)
    )
    reports = []
    train_decision_transformer(None, data, tiny, on_log=reports.append)
    assert [row["step"] for row in reports] == [*range(2, 101, 2), 101]
