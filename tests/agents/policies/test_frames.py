"""Models that were trained on stacked frames get the frames that Stable-Baselines3 gave them."""

import copy

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import quintain
from quintain.agents.agent import Seat
from quintain.agents.policies.frames import EpisodeFrames
from quintain.agents.policies.sb3_agent import PredictAgent
from quintain.errors import CapabilityError, ConfigurationError

pytest.importorskip("stable_baselines3")

VECTOR = spaces.Box(np.array([-1, -5], np.float32), np.array([1, 5], np.float32))
SPACES = {
    "vector": VECTOR,
    "image": spaces.Box(0, 255, (36, 36, 1), np.uint8),
    "colour": spaces.Box(0, 255, (36, 36, 3), np.uint8),
    "dict": spaces.Dict({"place": VECTOR, "goal": spaces.Box(-2, 3, (1,), np.float32)}),
    "plain": spaces.Box(-np.inf, np.inf, (2,), np.float32),
}


class Frames(gym.Env):
    """Six steps; observations are drawn from the seed, actions change nothing."""

    def __init__(self, kind="vector"):
        self.observation_space = copy.deepcopy(SPACES[kind])  # which has a generator
        self.action_space = spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        self.steps = 0
        return self.observation_space.sample(), {}

    def step(self, action):
        self.steps += 1
        return self.observation_space.sample(), float(action[0]), self.steps == 6, False, {}


def stacked_model(kind, n_stack=3, wrap=lambda venv: venv, outer=lambda venv: venv):
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

    torch.set_num_threads(1)
    venv = outer(VecFrameStack(wrap(DummyVecEnv([lambda: Frames(kind)])), n_stack))
    policy = {"image": "CnnPolicy", "colour": "CnnPolicy", "dict": "MultiInputPolicy"}.get(kind, "MlpPolicy")
    model = PPO(policy, venv, n_steps=8, batch_size=8, seed=0)
    with torch.no_grad():  # away from the near-zero actions of fresh networks
        model.policy.action_net.weight.mul_(100)
    return model


def expected(model, seeds):
    """Actions of the model in its own vector environment, one list per episode."""
    venv, played = model.get_env(), []
    for seed in seeds:
        venv.seed(seed)
        observation, done, actions = venv.reset(), [False], []
        while not done[0]:
            action = model.predict(observation, deterministic=True)[0]
            actions.append(float(action[0, 0]))
            observation, _, done, _ = venv.step(action)
        played.append(actions)
    return played


def played(agent, kind, seeds_of, **options):
    report = quintain.evaluate(lambda: Frames(kind), agent, episodes=3, seed=1, progress=False, **options)
    assert report.errors == 0
    seeds_of += [record.seed for record in report.episodes]
    return [[float(step["action"][0]) for step in record.steps] for record in report.episodes]


def assert_as_in_training(model, agent, kind, **options):
    seeds = []
    actions = played(agent, kind, seeds, **options)
    np.testing.assert_allclose(actions, expected(model, seeds), rtol=1e-5, atol=1e-6)
    assert np.std(actions) > 0.01


@pytest.mark.parametrize("kind", ["vector", "image", "colour", "dict", "plain"])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_model_with_its_environment_plays_as_it_was_trained(kind, concurrency):
    model = stacked_model(kind)
    assert_as_in_training(model, model, kind, concurrency=concurrency)


@pytest.mark.parametrize("kind", ["vector", "image", "colour", "dict"])
def test_the_number_of_frames_is_read_from_the_spaces_of_a_file(kind, tmp_path):
    model = stacked_model(kind)
    model.save(tmp_path / "model.zip")
    assert_as_in_training(model, str(tmp_path / "model.zip"), kind)


def test_spaces_that_leave_a_doubt_need_the_number(tmp_path):
    model = stacked_model("plain")
    model.save(tmp_path / "model.zip")
    with pytest.raises(CapabilityError, match="give n_stack"):
        quintain.evaluate(lambda: Frames("plain"), str(tmp_path / "model.zip"), episodes=1, progress=False)
    told = {"name": str(tmp_path / "model.zip"), "n_stack": 3}
    assert_as_in_training(model, told, "plain")
    assert PredictAgent.load(tmp_path / "model.zip", n_stack=3).describe()["n_stack"] == 3
    for wrong in (2, 6):
        with pytest.raises(CapabilityError, match="does not fit"):
            quintain.evaluate(lambda: Frames("plain"), told | {"n_stack": wrong}, episodes=1, progress=False)


def test_bounds_of_another_environment_are_no_stack_of_this_one():
    model = stacked_model("vector", n_stack=2)
    model.env = None  # as from a file
    seat = Seat("other", "agent", spaces.Box(-4, 4, (2,), np.float32), spaces.Box(-1, 1, (1,), np.float32), 0)
    with pytest.raises(CapabilityError, match="does not fit"):
        PredictAgent(model).begin(seat)


@pytest.mark.parametrize("inside", [False, True])
def test_statistics_of_frames_and_of_stacks_are_applied_where_they_belong(inside):
    from stable_baselines3.common.vec_env import VecNormalize

    def normalise(venv):
        wrapped = VecNormalize(venv, training=False, norm_reward=False, clip_obs=2.0)
        wrapped.obs_rms.mean = np.linspace(-0.5, 0.5, wrapped.observation_space.shape[0])
        wrapped.obs_rms.var = np.linspace(0.2, 3.0, wrapped.observation_space.shape[0])
        return wrapped

    model = stacked_model("vector", **({"wrap": normalise} if inside else {"outer": normalise}))
    assert_as_in_training(model, PredictAgent(model, normaliser=model.get_vec_normalize_env()), "vector")


def test_frames_before_the_first_one_are_zeros():
    frames = EpisodeFrames(VECTOR, 3)
    first, second = np.array([1, 2], np.float32), np.array([3, 4], np.float32)
    assert frames.add(first).tolist() == [0, 0, 0, 0, 1, 2]
    assert frames.add(second).tolist() == [0, 0, 1, 2, 3, 4]
    assert frames.add(first).tolist() == [1, 2, 3, 4, 1, 2]


@pytest.mark.parametrize("n_stack", [0, -1, 1.5, True])
def test_impossible_numbers_are_refused(n_stack):
    with pytest.raises(ConfigurationError, match="n_stack"):
        PredictAgent(stacked_model("vector"), n_stack=n_stack)


def test_observations_that_cannot_be_stacked_are_refused():
    model = stacked_model("vector")
    seat = Seat("other", "agent", spaces.Discrete(6), spaces.Box(-1, 1, (1,), np.float32), 0)
    with pytest.raises(CapabilityError, match="cannot be stacked"):
        PredictAgent(model, n_stack=3).begin(seat)
