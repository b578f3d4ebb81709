"""Meta-World pins a MuJoCo version: ``sh scripts/metaworld_venv.sh`` runs all tests, other environments the first."""

import importlib.util

import gymnasium as gym
import numpy as np
import pytest

import quintain
from quintain.agents.policies import Policy
from quintain.attacks import MADAttack, RandomAttack
from quintain.attacks.episodes import play_attacked
from quintain.envs.mujoco.metaworld import OPPOSITES, PLACE, MetaWorldEnv, _with_task, expert
from quintain.errors import CapabilityError, ConfigurationError, MissingDependencyError, UnknownNameError

INSTALLED = importlib.util.find_spec("metaworld") is not None
here = pytest.mark.skipif(not INSTALLED, reason="Meta-World has a virtual environment of its own")


@pytest.mark.skipif(INSTALLED, reason="Meta-World is installed")
@pytest.mark.parametrize("make", [lambda: gym.make("MetaWorld/MT1-v0"), lambda: expert("drawer-open-v3")])
def test_without_meta_world_the_error_has_the_install_command(make):
    with pytest.raises(MissingDependencyError, match=r"pins mujoco==3\.3\.0.*sh scripts/metaworld_venv\.sh"):
        make()


def test_opposites_are_mutual():
    assert len(OPPOSITES) == 8
    assert all(OPPOSITES[OPPOSITES[task]] == task != OPPOSITES[task] for task in OPPOSITES)


def make(task, **kwargs):
    return gym.make("MetaWorld/MT1-v0", task=task, max_episode_steps=200, disable_env_checker=True, **kwargs)


def play(env, seed, act, steps=200):
    """Play until success and return all infos; the scripted experts do not continue after success."""
    observation, info = env.reset(seed=seed)
    infos = [info]
    for _ in range(steps):
        observation, _, _, truncated, info = env.step(act(observation))
        infos.append(info)
        if info["success"] or truncated:
            break
    return infos


@here
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kwargs", [{}, {"task": "reach-v3", "scenario": "manipulation"}])
def test_every_environment_check_passes(kwargs):
    assert quintain.check("MetaWorld/MT1-v0", kwargs).ok


@here
@pytest.mark.parametrize("task", sorted(OPPOSITES))
def test_the_experts_success_is_not_the_attackers(task):
    env = make(task)
    for seed in range(3):
        infos = play(env, seed, expert(task))
        assert not infos[0]["success"]
        assert infos[-1]["success"]
        assert not infos[-1]["attacker_success"]


@here
@pytest.mark.parametrize("task", sorted(OPPOSITES))
def test_the_attackers_success_and_reward_are_those_of_the_opposite_task(task):
    """Where the expert of the opposite task has done it in its own environment, this task's attacker would be content.

    The same state is asked from both sides: flag and reward of one are the attacker's of the other.
    """
    env, other = make(task), make(OPPOSITES[task])
    infos = play(other, 0, expert(OPPOSITES[task]))
    assert infos[-1]["success"]
    env.reset(seed=0)
    ours, theirs = env.unwrapped, other.unwrapped
    _with_task(ours._opposite, theirs._env._last_rand_vec).reset()  # copy the state of the opposite task
    ours._env.data.qpos[:], ours._env.data.qvel[:] = theirs._env.data.qpos, theirs._env.data.qvel
    ours._env.data.mocap_pos[:] = theirs._env.data.mocap_pos
    reward, there = ours._evaluate_opposite(np.zeros(4))
    assert there
    assert reward == pytest.approx(theirs._env.evaluate_state(theirs._observation, np.zeros(4))[0], abs=0.2)


@here
def test_manipulation_success_is_the_gripper_at_a_fixed_position():
    env = make("drawer-open-v3", scenario="manipulation")

    def towards(observation):
        return np.append(np.clip(10 * (PLACE - observation[:3]), -1, 1), 0.0).astype(np.float32)

    infos = play(env, 0, towards)
    assert not infos[0]["attacker_success"]
    assert infos[-1]["attacker_success"]
    assert not infos[-1]["success"]
    assert infos[-1]["attacker_reward"] > infos[0]["attacker_reward"]
    assert not any(info["attacker_success"] for info in play(env, 0, expert("drawer-open-v3")))


@here
def test_episodes_depend_on_the_seed_alone():
    one, two = make("drawer-open-v3"), make("drawer-open-v3")
    two.reset(seed=5)  # instances do not influence each other
    first, again, other = (env.reset(seed=seed)[0] for env, seed in ((one, 0), (two, 0), (one, 1)))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


@here
def test_the_observation_contains_the_goal():
    observation, _ = make("window-open-v3").reset(seed=0)
    assert np.abs(observation[-3:]).max() > 0


@here
@pytest.mark.parametrize("action", ["up", None, [1.0], [np.nan, 0.0, 0.0, 0.0], [5.0, 0.0, 0.0, 0.0]])
def test_invalid_actions_have_a_penalty_and_are_reported(action):
    env = make("drawer-open-v3")
    env.reset(seed=0)
    _, reward, _, _, info = env.step(action)
    assert info["invalid_action"]
    assert info["reward_terms"]["invalid_action"] == -1
    assert reward == pytest.approx(sum(info["reward_terms"].values()))


@here
def test_an_expert_can_be_attacked_as_a_black_box():
    task = "drawer-open-v3"
    probe = make(task)
    victim = Policy.from_function(expert(task), probe.observation_space, probe.action_space, name=f"expert of {task}")
    assert victim.capabilities == {"continuous"}
    with pytest.raises(CapabilityError, match="gives no gradient"):
        MADAttack(probe, victim, epsilon=0.1)
    clean = play_attacked(lambda: make(task), victim, [1, 2])
    noisy = play_attacked(lambda: make(task), victim, [1, 2], lambda env: RandomAttack(env, victim, epsilon=0.05))
    assert all(episode.success for episode in clean)
    assert max(episode.distance for episode in noisy) <= 0.05
    assert sum(e.reward for e in noisy) < sum(e.reward for e in clean)


@here
def test_the_solution_is_the_experts_action():
    env = make("faucet-open-v3")
    observation, _ = env.reset(seed=0)
    np.testing.assert_array_equal(env.unwrapped.solution(), expert("faucet-open-v3")(observation))


@here
def test_invalid_arguments_are_refused():
    with pytest.raises(UnknownNameError, match="did you mean"):
        MetaWorldEnv("drawer-opne-v3")
    with pytest.raises(ConfigurationError, match="no opposite task"):
        MetaWorldEnv("reach-v3")
    with pytest.raises(ConfigurationError, match="scenario"):
        MetaWorldEnv(scenario="sideways")
