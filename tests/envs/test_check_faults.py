"""``quintain.check`` finds every planted fault, and none in correct environments."""

import threading

import gymnasium as gym
import numpy as np
import pettingzoo
import pytest
from gymnasium import spaces
from pettingzoo.utils.conversions import parallel_to_aec

import quintain
from quintain.envs.step_contract import check_flag, check_observation, check_reward
from quintain.envs.transcripts import equal
from quintain.errors import EnvironmentFault
from tests.envs.planted_faults import (
    ENVIRONMENTS,
    IgnoresTheSeedLater,
    NeverEnds,
    Walk,
)
from tests.envs.planted_game_faults import GAMES, TURN_BASED, Round, Turns


@pytest.fixture
def registered():
    def register(cls, **arguments):
        name = f"Planted{cls.__name__}-v0"
        if issubclass(cls, gym.Env):
            gym.register(name, entry_point=cls, **arguments)
        elif issubclass(cls, pettingzoo.AECEnv):
            pettingzoo.register("aec", name, cls)
        else:
            pettingzoo.register("parallel", name, cls)
            pettingzoo.register("aec", name, lambda **kwargs: parallel_to_aec(cls(**kwargs)))
        return name

    yield register
    for registry in (gym.registry, pettingzoo.parallel_registry, pettingzoo.aec_registry):
        for name in [n for n in registry if n.startswith("Planted")]:
            del registry[name]


def test_at_least_thirty_faults_are_planted():
    assert len(ENVIRONMENTS) + len(GAMES) >= 30


@pytest.mark.parametrize("cls", ENVIRONMENTS, ids=lambda cls: cls.__name__)
def test_a_planted_fault_is_found(cls, registered):
    report = quintain.check(registered(cls), raise_on_failure=False)
    assert ENVIRONMENTS[cls] in report.failed, report


@pytest.mark.parametrize("cls", GAMES, ids=lambda cls: cls.__name__)
def test_a_planted_fault_in_a_game_is_found(cls, registered):
    report = quintain.check(registered(cls), raise_on_failure=False)
    assert f"parallel {GAMES[cls]}" in report.failed, report


@pytest.mark.parametrize("cls", TURN_BASED, ids=lambda cls: cls.__name__)
def test_a_planted_fault_in_a_turn_based_game_is_found(cls, registered):
    report = quintain.check(registered(cls), raise_on_failure=False)
    assert f"aec {TURN_BASED[cls]}" in report.failed, report


def test_a_game_that_ignores_its_seed_is_noted_and_a_deterministic_one_may_say_so(registered):
    class Constant(Round):
        def observe(self, agent):
            return np.ones(1, np.float32)

    report = quintain.check(registered(Constant), raise_on_failure=False)
    assert report.ok, report
    assert "metadata['deterministic']" in report.notes["parallel different seeds differ"]
    Constant.metadata = {**Round.metadata, "deterministic": True}
    assert "parallel different seeds differ" in quintain.check("PlantedConstant-v0").skipped


@pytest.mark.parametrize("cls", [Walk, Round, Turns], ids=lambda cls: cls.__name__)
def test_nothing_is_found_without_a_fault(cls, registered):
    report = quintain.check(registered(cls), raise_on_failure=False)
    assert report.ok, report
    assert any(name.endswith("every step keeps the contract") for name in report.passed)


def test_episodes_that_never_end_are_noted_unless_the_spec_truncates_them(registered):
    assert "max_episode_steps" in quintain.check(registered(NeverEnds)).notes["episodes end"]
    del gym.registry["PlantedNeverEnds-v0"]
    report = quintain.check(registered(NeverEnds, max_episode_steps=300))
    assert "300 steps" in report.skipped["episodes end"]


def test_a_nondeterministic_environment_is_not_checked_for_reproducibility(registered):
    report = quintain.check(registered(IgnoresTheSeedLater, nondeterministic=True), raise_on_failure=False)
    assert report.ok, report
    assert "nondeterministic=True" in report.notes["same seed same episode"]


SOUND = [
    "CartPole-v1", "MountainCar-v0", "Pendulum-v1", "FrozenLake-v1", "Taxi-v4", "Blackjack-v1",
    "mujoco:Reacher-v5", "mujoco:InvertedPendulum-v5", "mujoco:InvertedDoublePendulum-v5", "mujoco:Hopper-v5",
    "mujoco:Walker2d-v5", "mujoco:Humanoid-v5", "mujoco:Ant-v5",
    "minigrid:MiniGrid-Empty-5x5-v0", "minigrid:MiniGrid-DoorKey-5x5-v0",
    "minigrid:MiniGrid-Dynamic-Obstacles-5x5-v0", "minigrid:BabyAI-GoToObj-v0",
    "pygame:classic/rps-v2", "pygame:classic/connect_four-v3", "pygame:classic/tictactoe-v3",
]  # fmt: skip


@pytest.mark.parametrize("env", SOUND)
def test_nothing_is_found_in_sound_environments(env):
    module, _, env_id = env.rpartition(":")
    if module:
        pytest.importorskip(module)
    report = quintain.check(env_id, raise_on_failure=False)
    assert not report.failed, report


class Masked(Walk):
    """Raises for masked actions; ``where`` is the place of the mask."""

    action_space = spaces.Discrete(5)
    where = "info"

    def reset(self, **kwargs):
        return self.shown(*super().reset(**kwargs))

    def step(self, action):
        if not self.action_masks()[action]:
            raise ValueError(f"action {action} is illegal")
        observation, *rest, info = super().step(np.zeros(2))
        observation, info = self.shown(observation, info)
        return observation, *rest, info

    def action_masks(self):
        return np.arange(5) == (self.t % 5)

    def shown(self, observation, info):
        mask = self.action_masks().astype(np.int8)
        return observation, info | ({"action_mask": mask} if self.where == "info" else {})


class MaskedByMethod(Masked):
    where = "method"


class MaskedInObservation(Masked):
    where = "observation"
    observation_space = spaces.Dict(x=Walk.observation_space, action_mask=spaces.MultiBinary(5))
    action_masks = None

    def shown(self, observation, info):
        return {"x": observation, "action_mask": self.mask()}, info

    def mask(self):
        return (np.arange(5) == (self.t % 5)).astype(np.int8)

    def step(self, action):
        self.action_masks = self.mask
        try:
            return super().step(action)
        finally:
            self.action_masks = None


@pytest.mark.parametrize("cls", [Masked, MaskedByMethod, MaskedInObservation], ids=lambda cls: cls.__name__)
def test_masked_actions_are_not_played(cls, registered):
    report = quintain.check(registered(cls), skip=["gymnasium check env"], raise_on_failure=False)
    assert report.ok, report


class ShortWords(Walk):
    """Text actions of at most five characters; raises for others."""

    action_space = spaces.Text(5)

    def step(self, action):
        assert action in self.action_space
        return super().step(np.zeros(2))


class Opaque(Walk):
    """Its infos hold objects that cannot be compared or copied."""

    def step(self, action):
        *rest, info = super().step(action)
        return *rest, info | {"handle": object(), "lock": threading.Lock()}


class LongSuccess(Walk):
    """Reports success only at the end, which is after more steps than the check plays."""

    def step(self, action):
        observation, reward, *_, info = super().step(np.zeros(2))
        self.x = self.x % 1
        over = self.t >= 300
        return observation, reward, over, False, info | ({"success": True} if over else {})


@pytest.mark.parametrize("cls", [ShortWords, Opaque, LongSuccess], ids=lambda cls: cls.__name__)
def test_limitations_of_the_check_are_not_reported_as_faults(cls, registered):
    # Gymnasium's own check compares objects by identity.
    skip = ["gymnasium check env"] if cls is Opaque else []
    report = quintain.check(registered(cls), skip=skip, raise_on_failure=False)
    assert report.ok, report


@pytest.mark.parametrize(
    ("kwargs", "skipped"),
    [({"opponent": "always-defect"}, True), ({"view": "flat"}, True), ({"view": "text"}, False), ({}, False)],
)
def test_arguments_of_one_registry_are_not_given_to_the_other(kwargs, skipped):
    report = quintain.check("PrisonersDilemma-v0", kwargs, raise_on_failure=False)
    assert report.ok, report
    assert ("parallel same seed same match" in report.skipped) is skipped
    assert "same seed same episode" in report.passed


def test_arguments_that_no_registry_takes_are_a_failure():
    report = quintain.check("PrisonersDilemma-v0", {"oponent": "always-defect"}, raise_on_failure=False)
    assert "oponent" in report.failed["same seed same episode"]
    assert "oponent" in report.failed["parallel same seed same match"]


BOX = spaces.Box(0, 1, (2,), np.float32)


@pytest.mark.parametrize(
    ("value", "space", "why"),
    [
        (np.array([0.5, 7], np.float32), BOX, r"7.0 at index \(1,\), outside \[0.0, 1.0\]"),
        (np.zeros(3, np.float32), BOX, r"expected shape \(2,\), got \(3,\)"),
        (np.zeros(2), BOX, "expected dtype float32, got float64"),
        (np.full(2, np.nan, np.float32), BOX, "NaN at index"),
        ([0.0, 0.0], BOX, "expected an array"),
        ({"a": 1}, spaces.Dict(a=spaces.Discrete(2), b=spaces.Discrete(2)), "expected the keys"),
        (
            {"a": (0, np.zeros(2))},
            spaces.Dict(a=spaces.Tuple([spaces.Discrete(2), BOX])),
            r"\['a'\]\[1\]: expected d",
        ),
        (3, spaces.Discrete(3), "3 is not in Discrete"),
        ("é", spaces.Text(3), "not in Text"),
    ],
)
def test_the_reason_why_an_observation_is_not_in_its_space_is_given(value, space, why):
    with pytest.raises(EnvironmentFault, match=why):
        check_observation(value, space, "here")
    check_observation(space.sample(), space, "here")


def test_numbers_and_flags_of_every_usual_type_pass():
    for reward in (1, 1.5, True, np.float32(1), np.int64(1), np.array(1.0)):
        check_reward(reward, "here")
    for reward in (None, "1", [1.0], np.ones(1), 1j, np.nan, np.float32(np.inf)):
        with pytest.raises(EnvironmentFault, match="the reward is"):
            check_reward(reward, "here")
    assert not any(check_flag("truncated", flag, "here") for flag in (True, False, np.True_))
    assert all("not a bool" in check_flag("truncated", flag, "here") for flag in (0, 1, np.float32(1), np.array(0)))
    for flag in (None, "no", 2, np.zeros(1), []):
        with pytest.raises(EnvironmentFault, match="not a bool"):
            check_flag("truncated", flag, "here")


def test_objects_without_equality_do_not_differ():
    assert equal({"a": object()}, {"a": object()})
    assert not equal({"a": object()}, {"a": 1})
    assert equal(np.float32("nan"), np.float32("nan"))
    assert not equal(int, float)
