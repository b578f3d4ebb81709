import gymnasium as gym
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sb3_contrib")

import quintain  # noqa: E402
from quintain.agents.policies import MLP, Policy, load_policy, save_policy  # noqa: E402
from quintain.agents.policies.fit import fits  # noqa: E402
from quintain.errors import CapabilityError, ConfigurationError  # noqa: E402


def make(name, env="Pendulum-v1", **options):
    import sb3_contrib
    import stable_baselines3 as sb3

    torch.set_num_threads(1)
    off_policy = {"buffer_size": 10} if name in ("SAC", "TD3", "DDPG", "TQC", "DQN", "QRDQN") else {}
    algorithm = getattr(sb3, name, None) or getattr(sb3_contrib, name)
    policy_kwargs = {"net_arch": [16, 16]} | options.pop("policy_kwargs", {})
    policy = options.pop("policy", "MlpPolicy")
    return algorithm(policy, env, seed=0, policy_kwargs=policy_kwargs, **off_policy, **options)


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


@pytest.mark.parametrize("name", ["DQN", "QRDQN"])
def test_a_greedy_policy_acts_as_its_model_does(name):
    model = make(name, "CartPole-v1")
    observations = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    layers = model.policy.q_net.q_net if name == "DQN" else model.policy.quantile_net.quantile_net
    with torch.no_grad():  # every action is the best one somewhere
        layers[-1].bias -= layers(torch.as_tensor(observations)).mean(dim=0)
    policy = Policy.from_sb3(model)
    actions = policy.act_batch(observations)
    np.testing.assert_array_equal(actions, model.predict(observations, deterministic=True)[0])
    assert set(actions) == {0, 1}
    with torch.no_grad():
        tensor = torch.as_tensor(observations)
        values = model.policy.q_net(tensor) if name == "DQN" else model.policy.quantile_net(tensor).mean(dim=1)
    np.testing.assert_allclose(policy.network(observations), values.numpy(), rtol=1e-4, atol=1e-6)
    assert isinstance(policy.network, MLP)
    assert policy.capabilities == {"gradient", "density"}
    with pytest.raises(CapabilityError, match="greedy"):
        policy.sample_batch(observations, np.random.default_rng(0))


class Goal(gym.Env):
    """Ten steps towards a goal, with observations as in Gymnasium-Robotics' Fetch tasks."""

    observation_space = gym.spaces.Dict(
        {
            "observation": gym.spaces.Box(-np.inf, np.inf, (3,), np.float64),
            "desired_goal": gym.spaces.Box(-np.inf, np.inf, (2,), np.float64),
            "achieved_goal": gym.spaces.Box(-np.inf, np.inf, (2,), np.float64),
        }
    )
    action_space = gym.spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.goal, self.place = 0, self.np_random.normal(size=2), self.np_random.normal(size=2)
        return self.observe(), {}

    def observe(self):
        rest = np.array([self.steps / 10, *(self.goal - self.place)])
        return {"observation": rest, "desired_goal": self.goal.copy(), "achieved_goal": self.place.copy()}

    def step(self, action):
        self.steps += 1
        self.place = self.place + 0.1 * np.asarray(action)
        distance = float(np.linalg.norm(self.goal - self.place))
        return self.observe(), -distance, False, self.steps == 10, {"attacker_reward": distance}


@pytest.mark.parametrize("name", ["PPO", "SAC", "TD3"])
@pytest.mark.parametrize("custom", [False, True])
def test_a_policy_of_dictionaries_acts_as_its_model_does(name, custom, tmp_path):
    from stable_baselines3.common.torch_layers import CombinedExtractor

    class Custom(CombinedExtractor):  # of which nothing is known but that it reads dictionaries
        def forward(self, observations):
            return torch.tanh(super().forward(observations))

    options = {"policy_kwargs": {"features_extractor_class": Custom}} if custom else {}
    model = make(name, Goal(), policy="MultiInputPolicy", **options)
    with torch.no_grad():
        for parameter in model.policy.parameters():
            parameter.mul_(3.0)
    policy = Policy.from_sb3(model)
    rng = np.random.default_rng(0)
    observations = [{k: rng.normal(size=box.shape) for k, box in Goal.observation_space.items()} for _ in range(20)]
    rows = np.stack([gym.spaces.flatten(Goal.observation_space, some) for some in observations])
    wanted = np.stack([model.predict(some, deterministic=True)[0] for some in observations])
    np.testing.assert_allclose(policy.act_batch(rows), wanted, rtol=1e-3, atol=1e-5)
    assert isinstance(policy.network, MLP) is not custom
    gradients = policy.network.vjp(rows.astype(np.float32))[1](np.ones((20, 2), np.float32))
    assert np.abs(gradients).min(axis=0).max() > 0
    # An actor takes the dictionaries, and the model itself plays the same episodes.
    reports = [quintain.evaluate(Goal, agent, episodes=2, progress=False) for agent in (policy, model)]
    assert [r.episodes[1].reward for r in reports] == pytest.approx([reports[1].episodes[1].reward] * 2, abs=1e-3)
    if not custom:
        save_policy(policy, tmp_path / "policy.npz")
        loaded = load_policy(tmp_path / "policy.npz")[0]
        assert fits(loaded.dict_space, Goal.observation_space)
        np.testing.assert_array_equal(loaded.act_batch(rows), policy.act_batch(rows))
        assert quintain.evaluate(Goal, loaded, episodes=2, progress=False).episodes[1].reward == pytest.approx(
            reports[0].episodes[1].reward
        )


def test_the_normaliser_of_dictionaries_has_the_order_of_the_policy():
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    venv = VecNormalize(DummyVecEnv([Goal]), clip_obs=1.5)
    rng = np.random.default_rng(0)
    for statistics in venv.obs_rms.values():
        statistics.mean, statistics.var = (
            rng.normal(size=statistics.mean.shape),
            rng.uniform(0.1, 2, statistics.mean.shape),
        )
    model = make("PPO", venv, policy="MultiInputPolicy")
    policy = Policy.from_sb3(model)
    observations = [{k: rng.normal(size=box.shape) for k, box in Goal.observation_space.items()} for _ in range(9)]
    rows = np.stack([gym.spaces.flatten(Goal.observation_space, some) for some in observations])
    wanted = np.stack([model.predict(venv.normalize_obs(some), deterministic=True)[0] for some in observations])
    np.testing.assert_allclose(policy.act_batch(rows), wanted, rtol=1e-3, atol=1e-5)
    partial = VecNormalize(DummyVecEnv([Goal]), norm_obs_keys=["observation"])
    with pytest.raises(ConfigurationError, match="achieved_goal"):
        Policy.from_sb3(model, normaliser=partial)


def test_dictionaries_with_other_parts_are_refused():
    space = gym.spaces.Dict({"a": gym.spaces.Box(-1, 1, (2,)), "b": gym.spaces.Discrete(3)})
    with pytest.raises(ConfigurationError, match="Dict of Boxes of floats"):
        Policy.from_module(torch.nn.Linear(5, 1), space, gym.spaces.Box(-1, 1, (1,)))


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
