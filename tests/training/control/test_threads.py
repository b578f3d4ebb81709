import gymnasium as gym
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")

from quintain.agents.policies import MLP, Layer, Policy  # noqa: E402
from quintain.training.control import ImitationSettings, train_decision_transformer  # noqa: E402
from quintain.training.control.demonstrations import record_demonstrations  # noqa: E402
from quintain.training.control.ppo import train_ppo  # noqa: E402
from quintain.training.control.settings import PPOSettings, PPOTrainingSettings  # noqa: E402
from quintain.training.control.threads import one_thread  # noqa: E402
from quintain.training.sources import Worlds  # noqa: E402


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_threads_are_restored_also_after_an_error():
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    with pytest.raises(ZeroDivisionError), one_thread():
        1 / 0  # noqa: B018
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_training_uses_one_thread_and_restores_the_setting(monkeypatch, tmp_path):
    seen = []
    ppo = PPOSettings(n_envs=1, n_steps=8, batch_size=8, n_epochs=1)
    small = PPOTrainingSettings(steps=8, ppo=ppo, n_eval_episodes=1)
    world = Worlds("Pendulum-v1", {"max_episode_steps": 8})
    train_ppo(None, world, small, on_log=lambda row: seen.append(torch.get_num_threads()))
    assert torch.get_num_threads() == 2
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    make = lambda: gym.make("Pendulum-v1", max_episode_steps=8)  # noqa: E731
    network = MLP([Layer(np.zeros((1, 3)), np.zeros(1), "identity")])
    policy = Policy(network, make().observation_space, make().action_space)
    data = record_demonstrations(make, policy, "test/threads-v0", episodes=2)
    settings = ImitationSettings(gradient_steps=1, hidden_size=8)
    train_decision_transformer(None, data, settings, on_log=lambda row: seen.append(torch.get_num_threads()))
    assert torch.get_num_threads() == 2
    assert seen == [1, 1]
