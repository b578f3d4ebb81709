"""Compatibility of models, policies and normalisers with spaces, and action masks."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

import quintain
from quintain.agents.agent import Seat
from quintain.agents.masks import mask_for_space, mask_of
from quintain.agents.policies import Policy
from quintain.agents.policies.fit import check_fit, fits
from quintain.agents.policies.sb3_agent import PredictAgent
from quintain.agents.policies.sb3_files import load_sb3
from quintain.errors import CapabilityError, ConfigurationError

VECTOR = Box(-1, 1, (2,), np.float32)
IMAGE, FIRST = Box(0, 255, (36, 48, 3), np.uint8), Box(0, 255, (3, 36, 48), np.uint8)


def tree(**parts):
    return spaces.Dict(parts)


@pytest.mark.parametrize(
    ("own", "other", "images", "right"),
    [
        (Discrete(3), Discrete(3), False, True),
        (Discrete(3), Discrete(2), False, False),
        (Discrete(2), Discrete(3), False, False),
        (Discrete(3), Discrete(3, start=1), False, False),
        (Discrete(3), MultiBinary(3), False, False),
        (Discrete(1), Box(0, 1, ()), False, False),
        (MultiDiscrete([2, 3]), MultiDiscrete([2, 3]), False, True),
        (MultiDiscrete([2, 3]), MultiDiscrete([3, 2]), False, False),
        (MultiDiscrete([2, 3]), MultiDiscrete([2, 3], start=[0, 1]), False, False),
        (MultiBinary(3), MultiBinary(3), False, True),
        (MultiBinary(3), MultiBinary(4), False, False),
        (VECTOR, Box(-np.inf, np.inf, (2,), np.float64), False, True),
        (VECTOR, Box(-1, 1, (3,), np.float32), False, False),
        (tree(a=VECTOR, b=Discrete(2)), tree(b=Discrete(2), a=VECTOR), False, True),
        (tree(a=VECTOR), tree(b=VECTOR), False, False),
        (tree(a=VECTOR), tree(a=VECTOR, b=VECTOR), False, False),
        (tree(a=VECTOR), VECTOR, False, False),
        (tree(a=Discrete(2)), tree(a=Discrete(3)), False, False),
        (spaces.Tuple([VECTOR]), spaces.Tuple([VECTOR]), False, True),
        (spaces.Tuple([VECTOR]), spaces.Tuple([VECTOR, VECTOR]), False, False),
        (spaces.Text(5), spaces.Text(5), False, True),
        (spaces.Text(5), spaces.Text(6), False, False),
        (spaces.OneOf([Discrete(2), VECTOR]), spaces.OneOf([Discrete(2), VECTOR]), False, True),
        (spaces.OneOf([Discrete(2), VECTOR]), spaces.OneOf([Discrete(3), VECTOR]), False, False),
        (spaces.OneOf([Discrete(2)]), spaces.Tuple([Discrete(2)]), False, False),
        (spaces.Sequence(VECTOR), spaces.Sequence(Box(-9, 9, (2,))), False, True),
        (spaces.Sequence(VECTOR), spaces.Sequence(Box(-1, 1, (3,))), False, False),
        (spaces.Sequence(VECTOR), spaces.Sequence(VECTOR, stack=True), False, False),
        (spaces.Graph(VECTOR, Discrete(2)), spaces.Graph(Box(-9, 9, (2,)), Discrete(2)), False, True),
        (spaces.Graph(VECTOR, Discrete(2)), spaces.Graph(VECTOR, Discrete(3)), False, False),
        (spaces.Graph(VECTOR, None), spaces.Graph(VECTOR, Discrete(2)), False, False),
        (FIRST, IMAGE, True, True),
        (FIRST, IMAGE, False, False),
        (tree(a=FIRST), tree(a=IMAGE), True, True),
        (Box(0, 255, (3, 48, 36), np.uint8), IMAGE, True, False),
        (Box(0, 1, (36, 48, 3), np.float32), IMAGE, True, False),
    ],
)
def test_spaces_are_compatible_if_their_members_have_the_same_meaning(own, other, images, right):
    assert fits(own, other, images=images) is right


def seat(observations, actions):
    return Seat("Env-v0", "agent", observations, actions, 0)


def test_action_spaces_with_smaller_bounds_are_incompatible():
    check_fit("it", VECTOR, Box(-1, 1, (1,)), seat(VECTOR, Box(-2, 2, (1,))))
    with pytest.raises(CapabilityError, match="it's action_space"):
        check_fit("it", VECTOR, Box(-2, 2, (1,)), seat(VECTOR, Box(-1, 1, (1,))))


class Toy(gym.Env):
    """Five steps of random observations; reward 1 for each action that is in the space and allowed by the mask."""

    def __init__(self, observation_space=VECTOR, action_space=None, mask=""):
        self.observation_space, self.action_space, self.where = observation_space, action_space or Discrete(2), mask

    def _see(self):
        self.observation_space.seed(int(self.np_random.integers(2**31)))
        observation, info = self.observation_space.sample(), {}
        self.allowed = np.zeros(6, np.int8)
        self.allowed[self.np_random.integers(6)] = 1
        if self.where == "observation":
            observation["action_mask"] = self.allowed.copy()
        elif self.where == "info":
            info["action_mask"] = self.allowed.astype(bool)
        return observation, info

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 5
        return self._see()

    def step(self, action):
        right = self.action_space.contains(action) and (not self.where or bool(self.allowed[action]))
        self.left -= 1
        observation, info = self._see()
        return observation, float(right), self.left == 0, False, info


class Masked(Toy):
    def action_masks(self):
        return self.allowed.astype(bool)


def model_for(env, policy="MlpPolicy", **options):
    sb3 = pytest.importorskip("stable_baselines3")
    pytest.importorskip("torch").set_num_threads(1)
    return sb3.PPO(policy, env, n_steps=16, batch_size=16, seed=0, **options)


def returns(make, agent, **options):
    report = quintain.evaluate(make, agent, episodes=6, progress=False, **options)
    assert report.errors == 0
    return {e.returns["agent"] for e in report.episodes}


DICT = tree(a=VECTOR, b=Discrete(3))


@pytest.mark.parametrize(
    ("observations", "actions", "policy"),
    [
        (VECTOR, Discrete(3), "MlpPolicy"),
        (VECTOR, Discrete(3, start=4), "MlpPolicy"),
        (VECTOR, MultiDiscrete([2, 3], start=[5, 7]), "MlpPolicy"),
        (VECTOR, MultiBinary(3), "MlpPolicy"),
        (Discrete(4), Discrete(2), "MlpPolicy"),
        (DICT, Discrete(2), "MultiInputPolicy"),
        (IMAGE, Discrete(2), "CnnPolicy"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_model_plays_only_environments_with_compatible_spaces(observations, actions, policy):
    model = model_for(Toy(observations, actions), policy)
    assert returns(lambda: Toy(observations, actions), model) == {5.0}
    for other in (Toy(observations, Discrete(9)), Toy(Box(0, 1, (7,)), actions)):
        with pytest.raises(CapabilityError, match="does not fit seat 'agent'"):
            quintain.evaluate(lambda other=other: other, model, episodes=2, progress=False)


def test_a_policy_with_incompatible_spaces_ends_the_run():
    policy = Policy.from_function(lambda o: np.zeros(1), VECTOR, Box(-1, 1, (1,), np.float32))
    assert returns(lambda: Toy(VECTOR, Box(-1, 1, (1,), np.float32)), policy) == {5.0}
    for other in (Discrete(2), Box(-1, 1, (2,)), Box(-0.5, 0.5, (1,))):
        with pytest.raises(CapabilityError, match="policy 'function''s action_space"):
            quintain.evaluate(lambda other=other: Toy(VECTOR, other), policy, episodes=2, progress=False)


MASK_SPACE = tree(observation=VECTOR, action_mask=Box(0, 1, (6,), np.int8))


@pytest.mark.parametrize("where", ["observation", "info", "method"])
@pytest.mark.parametrize("kind", ["random", "MaskablePPO"])
def test_action_masks_are_found_in_info_observation_and_method(where, kind):
    observations = MASK_SPACE if where == "observation" else VECTOR
    make = Masked if where == "method" else Toy
    env = make(observations, Discrete(6), where)
    agent = kind
    if kind != "random":
        contrib = pytest.importorskip("sb3_contrib")
        policy = "MultiInputPolicy" if where == "observation" else "MlpPolicy"
        agent = contrib.MaskablePPO(policy, env, n_steps=16, batch_size=16, seed=0)
    assert returns(lambda: make(observations, Discrete(6), where), agent) == {5.0}


def test_a_mask_that_allows_all_actions_does_not_change_samples():
    for space, mask in ((Discrete(6, start=2), np.ones(6, bool)), (MultiDiscrete([2, 3]), np.ones(5, bool))):
        one, other = (type(space)(*a) for a in [((6,) if space.shape == () else ([2, 3],))] * 2)
        one.seed(3)
        other.seed(3)
        plain = [np.asarray(one.sample()).tolist() for _ in range(20)]
        drawn = [np.asarray(other.sample(mask=mask_for_space(mask, other))).tolist() for _ in range(20)]
        assert len(drawn) == len(plain)
        assert all(np.all(np.asarray(d) >= 0) for d in drawn)
        if space.shape == ():
            assert drawn == plain
    assert mask_of({"action_mask": 1}, {"action_mask": 2}, lambda: 3) == 2
    assert mask_of({"action_mask": 1}, {}, lambda: 3) == 1
    assert mask_of(0, {}, lambda: 3) == 3
    assert mask_of(0, {}) is None


@pytest.mark.parametrize(
    ("space", "mask", "allowed"),
    [
        (Discrete(3, start=2), [False, True, False], 3),
        (MultiDiscrete([2, 3]), ([1, 0], [0, 0, 1]), [0, 2]),
        (MultiBinary(2), [0, 1], [0, 1]),
        (tree(a=Discrete(2), b=MultiBinary(1)), {"a": [False, True], "b": [1]}, {"a": 1, "b": [1]}),
        (spaces.Tuple([Discrete(2), Discrete(3)]), ([0, 1], (True, False, False)), (1, 0)),
        (spaces.Tuple([Discrete(2), VECTOR]), ([0, 1], None), None),
    ],
)
def test_masks_of_any_type_restrict_every_part_of_a_space(space, mask, allowed):
    for _ in range(10):
        drawn = space.sample(mask=mask_for_space(mask, space))
        if allowed is None:
            assert drawn[0] == 1
        else:
            assert jsonable(drawn) == allowed


def jsonable(value):
    if isinstance(value, dict):
        return {name: jsonable(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(map(jsonable, value))
    return np.asarray(value).tolist()


@pytest.mark.parametrize("space", [VECTOR, spaces.Text(5)])
def test_a_mask_for_a_space_without_masks_ends_the_run(space):
    with pytest.raises(CapabilityError, match="has none"):
        mask_for_space(np.ones(2), space)


class Still(gym.Env):
    observation_space, action_space = VECTOR, Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        self.left = 5
        return np.full(2, 0.1, np.float32), {}

    def step(self, action):
        self.left -= 1
        return np.full(2, 0.1, np.float32), float(action[0]), self.left == 0, False, {}


@pytest.mark.parametrize("kind", ["PPO", "SAC"])
def test_gsde_noise_is_drawn_per_episode_or_at_the_models_sample_frequency(kind):
    sb3 = pytest.importorskip("stable_baselines3")
    options = {"n_steps": 16, "batch_size": 16} if kind == "PPO" else {}
    model = getattr(sb3, kind)(
        "MlpPolicy", Still(), use_sde=True, seed=0, policy_kwargs={"log_std_init": -2.0, "net_arch": [8]}, **options
    )

    def play(**arguments):
        agent = PredictAgent(model, deterministic=False)
        report = quintain.evaluate(Still, agent, episodes=8, progress=False, **arguments)
        assert report.errors == 0
        return [[float(s["action"][0]) for s in e.steps] for e in report.episodes]

    together, alone = play(), play(concurrency=1)
    assert together == alone
    assert [len(set(episode)) for episode in together] == [1] * 8
    assert len({episode[0] for episode in together}) == 8
    model.sde_sample_freq = 2
    assert [len(set(episode)) for episode in play()] == [3] * 8


def test_the_algorithm_of_a_model_file_is_detected_by_its_policy_class(tmp_path):
    model = model_for(Toy())
    model.save(tmp_path / "model.zip")
    assert type(load_sb3(tmp_path / "model.zip")) is type(model)
    assert type(load_sb3(tmp_path / "model.zip", "ppo")) is type(model)
    assert type(PredictAgent.load(tmp_path / "model.zip", algorithm="PPO").model) is type(model)
    with pytest.raises(ConfigurationError, match="name its algorithm"):
        load_sb3(tmp_path / "model.zip", "SAC")
    with pytest.raises(ConfigurationError, match="an algorithm that neither library has"):
        load_sb3(tmp_path / "model.zip", "Muesli")


def test_rounding_of_either_bound_is_no_misfit():
    for low, high in ((-1000.1, 0.0), (0.0, 1000.1)):
        policy, env = Box(low, high, (1,), np.float32), Box(low, high, (1,), np.float64)
        check_fit("it", VECTOR, policy, seat(VECTOR, env))
    with pytest.raises(CapabilityError):
        check_fit("it", VECTOR, Box(-1000.2, 0.0, (1,)), seat(VECTOR, Box(-1000.1, 0.0, (1,), np.float64)))
