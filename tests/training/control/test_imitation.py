import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("mujoco")
minari = pytest.importorskip("minari")

import quintain  # noqa: E402
from quintain.agents.policies import MLP, Layer, Policy, load_policy, save_policy  # noqa: E402
from quintain.errors import ConfigurationError  # noqa: E402
from quintain.evaluation.minari import to_minari  # noqa: E402
from quintain.training.control import ImitationSettings, play_episodes, train_decision_transformer  # noqa: E402
from quintain.training.control.settings import AdamSettings  # noqa: E402

SMALL = ImitationSettings(context_length=5, hidden_size=32, gradient_steps=400)
TINY = ImitationSettings(
    context_length=3, hidden_size=8, gradient_steps=3, optimiser=AdamSettings(batch_size=8, weight_decay=1e-4)
)


def make():
    return gym.make("Tabletop/Reach-v0", reward="sparse", disable_env_checker=True)


def demonstrator():
    """Return a policy that moves straight to the goal: its action is eight times goal minus hand position."""
    env = make()
    weight = np.zeros((2, 6))
    weight[[0, 1], [0, 1]], weight[[0, 1], [4, 5]] = -8, 8
    return Policy(MLP([Layer(weight, np.zeros(2), "identity")]), env.observation_space, env.action_space)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Record sixty episodes of the demonstrator with ``evaluate`` in a temporary Minari store."""
    patch = pytest.MonkeyPatch()
    store = tmp_path_factory.mktemp("minari")
    patch.setenv("MINARI_DATASETS_PATH", str(store))
    report = quintain.evaluate("Tabletop/Reach-v0", demonstrator(), episodes=60, env_kwargs={"reward": "sparse"})
    to_minari(report, "test/reach-v0")
    yield store / "test" / "reach-v0", report
    patch.undo()


@pytest.fixture(scope="module")
def trained(recorded):
    return train_decision_transformer(None, recorded[0], SMALL)


def test_the_imitation_comes_close_to_the_demonstrators_return(recorded, trained):
    policy, facts = trained.policy, trained.facts
    episodes = play_episodes(make, policy, range(1000, 1020))
    shown = recorded[1].reward.estimate
    assert np.mean([e.reward for e in episodes]) >= 0.8 * shown
    assert all(e.success for e in episodes)
    assert facts["data"]["episodes"] == 60
    assert facts["data"]["transitions"] == 3600
    assert facts["data"]["return"]["mean"] == pytest.approx(shown)
    assert facts["data"]["return"]["mean"] <= facts["target"] <= facts["data"]["return"]["max"]


def test_the_imitation_declares_an_action_density(trained):
    policy = trained.policy
    assert policy.is_stateful
    assert policy.capabilities == {"gradient", "density", "continuous"}
    np.testing.assert_array_equal(policy.std_source, [0.1, 0.1])


def test_a_saved_imitation_is_loaded_unchanged(trained, tmp_path):
    policy, facts = trained.policy, trained.facts
    save_policy(policy, tmp_path / "dt.npz", facts)
    again, loaded_facts = load_policy(tmp_path / "dt.npz")
    assert loaded_facts == facts
    assert play_episodes(make, again, [5, 6]) == play_episodes(make, policy, [5, 6])


def test_data_set_name_folder_and_object_give_the_same_policy(recorded):
    folder = recorded[0]
    sources = ("test/reach-v0", folder / "data", minari.load_dataset("test/reach-v0"))
    policies = [train_decision_transformer(None, s, TINY).policy for s in sources]
    other = train_decision_transformer(None, folder, TINY, seed=1).policy
    rewards = [play_episodes(make, v, [5])[0] for v in (*policies, other)]
    assert rewards[0] == rewards[1] == rewards[2]
    weights = [v.network.network.arrays()["head.weight"] for v in (policies[0], other)]
    assert not np.array_equal(*weights)


def test_progress_is_reported(recorded):
    reports = []
    train_decision_transformer(None, recorded[0], TINY, on_log=reports.append)
    assert [(row["step"], row["loss"] > 0) for row in reports] == [(1, True), (2, True), (3, True)]


def test_discrete_actions_can_be_imitated(monkeypatch, tmp_path):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    cart = gym.make("CartPole-v1", max_episode_steps=60)
    balance = MLP([Layer(np.array([[0.0, 0, 0, 0], [0, 0, 10.0, 3.0]]), np.zeros(2), "identity")])
    shown = Policy(balance, cart.observation_space, cart.action_space, head="categorical")
    report = quintain.evaluate("CartPole-v1", shown, episodes=6, env_kwargs={"max_episode_steps": 60})
    to_minari(report, "test/cart-v0")
    settings = ImitationSettings(context_length=3, hidden_size=16, gradient_steps=150)
    policy = train_decision_transformer(None, "test/cart-v0", settings).policy
    assert policy.capabilities == {"gradient", "density"}
    played = play_episodes(lambda: gym.make("CartPole-v1", max_episode_steps=60), policy, range(5))
    assert np.mean([e.reward for e in played]) >= 0.8 * report.reward.estimate


@pytest.mark.parametrize("settings", [{"n_head": 3}, {"target_quantile": 1.5}, {"context_length": 0}])
def test_invalid_settings_are_refused(settings, recorded):
    with pytest.raises(ConfigurationError, match="n_head must divide hidden_size"):
        train_decision_transformer(None, recorded[0], ImitationSettings(**settings))


def test_a_missing_data_set_raises_an_error_with_its_name(recorded, tmp_path):
    for missing in ("test/none-v0", tmp_path):
        with pytest.raises(ConfigurationError, match="to_minari"):
            train_decision_transformer(None, missing)
