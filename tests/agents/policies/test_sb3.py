import gymnasium as gym
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sb3_contrib")

from quintain.agents.policies import MLP, Policy  # noqa: E402
from quintain.errors import ConfigurationError  # noqa: E402


def make(name, env="Pendulum-v1", **options):
    import sb3_contrib
    import stable_baselines3 as sb3

    torch.set_num_threads(1)
    off_policy = {"buffer_size": 10} if name in ("SAC", "TD3", "DDPG", "TQC") else {}
    algorithm = getattr(sb3, name, None) or getattr(sb3_contrib, name)
    policy_kwargs = {"net_arch": [16, 16]} | options.pop("policy_kwargs", {})
    return algorithm("MlpPolicy", env, seed=0, policy_kwargs=policy_kwargs, **off_policy, **options)


ALL = ["PPO", "A2C", "SAC", "TD3", "DDPG", "TQC", "TRPO"]
OBSERVATIONS = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)


@pytest.mark.parametrize("name", ALL)
def test_a_continuous_policy_has_the_actions_of_its_model(name):
    model = make(name)
    with torch.no_grad():  # away from the near-zero actions of fresh networks
        for parameter in model.policy.parameters():
            parameter.mul_(3.0)
    policy = Policy.from_sb3(model)
    np.testing.assert_allclose(
        policy.act_batch(OBSERVATIONS), model.predict(OBSERVATIONS, deterministic=True)[0], rtol=1e-4, atol=1e-5
    )
    assert policy.name == name.lower()
    assert isinstance(policy.network, MLP)


def test_a_discrete_policy_has_the_actions_of_its_model():
    model = make("PPO", "CartPole-v1")
    observations = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    policy = Policy.from_sb3(model)
    np.testing.assert_array_equal(policy.act_batch(observations), model.predict(observations, deterministic=True)[0])
    assert policy.capabilities == {"gradient", "density", "value"}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("PPO", {"gradient", "density", "continuous", "value"}),
        ("SAC", {"gradient", "density", "continuous", "action_value"}),
        ("TQC", {"gradient", "density", "continuous", "action_value"}),
        ("TD3", {"gradient", "continuous", "action_value"}),
    ],
)
def test_capabilities_of_each_algorithm(name, wanted):
    assert Policy.from_sb3(make(name)).capabilities == wanted


def test_value_and_standard_deviation_are_those_of_the_model():
    model = make("PPO")
    policy = Policy.from_sb3(model)
    tensor = torch.as_tensor(OBSERVATIONS)
    with torch.no_grad():
        np.testing.assert_allclose(policy.value(OBSERVATIONS), model.policy.predict_values(tensor).numpy(), rtol=1e-5)
    np.testing.assert_allclose(policy.std(OBSERVATIONS), [1.0])
    model = make("SAC")
    policy = Policy.from_sb3(model)
    with torch.no_grad():
        _, log_std, _ = model.actor.get_action_dist_params(tensor)
    np.testing.assert_allclose(policy.std(OBSERVATIONS), np.exp(log_std.numpy()), rtol=1e-5)


@pytest.mark.parametrize("name", ["SAC", "TD3", "TQC"])
def test_action_values_and_their_gradient_are_those_of_the_model(name):
    model = make(name)
    policy = Policy.from_sb3(model)
    actions = torch.tensor(np.linspace(-0.5, 0.5, 7, dtype=np.float32)[:, None], requires_grad=True)
    outputs = model.critic(torch.as_tensor(OBSERVATIONS), actions)
    q = outputs.mean((1, 2)) if name == "TQC" else torch.cat(outputs, 1).mean(1)
    q.sum().backward()
    ours, back = policy.action_value.vjp(OBSERVATIONS, actions.detach().numpy())
    np.testing.assert_allclose(ours, q.detach().numpy(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(back(np.ones(7, np.float32)), actions.grad.numpy(), rtol=1e-3, atol=1e-6)


def test_the_normaliser_of_a_vecnormalize_is_found_and_loaded(tmp_path):
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    venv = VecNormalize(DummyVecEnv([lambda: gym.make("Pendulum-v1")]), clip_obs=2.0)
    venv.obs_rms.mean, venv.obs_rms.var = np.array([0.1, 0.2, 0.3]), np.array([1.0, 4.0, 0.25])
    model = make("PPO", venv)
    venv.save(tmp_path / "statistics.pkl")
    wanted = model.predict(venv.normalize_obs(OBSERVATIONS), deterministic=True)[0]
    for normaliser in (None, venv, tmp_path / "statistics.pkl"):
        policy = Policy.from_sb3(model, normaliser=normaliser)
        np.testing.assert_allclose(policy.act_batch(OBSERVATIONS), wanted, rtol=1e-4, atol=1e-6)
    with pytest.raises(ConfigurationError, match="no normaliser statistics"):
        Policy.from_sb3(model, normaliser=tmp_path / "missing.pkl")
    venv.norm_obs = False
    with pytest.raises(ConfigurationError, match="norm_obs=True"):
        Policy.from_sb3(model)


@pytest.mark.parametrize(
    ("name", "env", "options"),
    [
        ("DQN", "CartPole-v1", {}),
        ("SAC", "Pendulum-v1", {"use_sde": True}),
        ("PPO", "Pendulum-v1", {"use_sde": True}),
    ],
)
def test_policies_of_unsupported_classes_are_refused(name, env, options):
    with pytest.raises(ConfigurationError):
        Policy.from_sb3(make(name, env, **options))


def test_the_head_of_a_plain_module_is_inferred():
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh())
    box = gym.spaces.Box(-np.inf, np.inf, (3,))
    actions = gym.spaces.Box(-1, 1, (2,))
    assert Policy.from_module(module, box, actions).head == "deterministic"
    assert Policy.from_module(module, box, actions, std=[1.0, 2.0]).head == "gaussian"
    assert Policy.from_module(module, box, gym.spaces.Discrete(2)).head == "categorical"
