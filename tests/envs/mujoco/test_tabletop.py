import copy
import os
import pickle
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import quintain
from quintain.envs.mujoco.scenes import SCENES
from quintain.errors import ConfigurationError

pytest.importorskip("mujoco")

IDS = ["Tabletop/Reach-v0", "Tabletop/Push-v0", "Tabletop/SlideHandle-v0", "Tabletop/TurnLever-v0"]
PAUSE = np.zeros(2, np.float32)


def play(env, seed, solution):
    observation, info = env.reset(seed=seed)
    truncated, total = False, 0.0
    while not truncated:
        observation, reward, _, truncated, info = env.step(getattr(env.unwrapped, solution)())
        total += reward
    return observation, info, total


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("kwargs", [{}, {"reward": "sparse", "scenario": "manipulation", "mirrored": True}])
def test_every_environment_check_passes(env_id, kwargs):
    assert quintain.check(env_id, kwargs).ok


def steps(env, actions):
    return [env.step(action) for action in actions]


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_continues_exactly_as_the_original(env_id, duplicate):
    env = gym.make(env_id)
    env.action_space.seed(3)
    actions = [env.action_space.sample() for _ in range(60)]
    env.reset(seed=5)
    steps(env, actions[:20])
    copied = duplicate(env)
    planned = steps(copied, actions[20:])  # to the end of the episode: the step limit is copied too
    executed = steps(env, actions[20:])
    for one, other in zip(planned, executed, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        assert one[1:] == other[1:]
    assert executed[-1][3]
    first, other_first = env.reset(), copied.reset()  # and draws the same next episode
    np.testing.assert_array_equal(first[0], other_first[0])
    assert not np.array_equal(first[0], duplicate(env).reset()[0])  # the original is left as it was
    np.testing.assert_array_equal(env.unwrapped._observe(), first[0])


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_task_and_its_opposite_can_be_solved(env_id, mirrored):
    env = gym.make(env_id, mirrored=mirrored)
    for seed in range(10):
        _, info, _ = play(env, seed, "solution")
        assert info["success"]
        assert not info["attacker_success"]
        _, info, _ = play(env, seed, "attacker_solution")
        assert info["attacker_success"]
        assert not info["success"]


@pytest.mark.parametrize("env_id", IDS)
def test_the_attackers_goal_of_manipulation_can_be_reached(env_id):
    env = gym.make(env_id, scenario="manipulation")
    assert all(play(env, seed, "attacker_solution")[1]["attacker_success"] for seed in range(10))


@pytest.mark.parametrize("env_id", IDS)
def test_zero_velocity_never_succeeds(env_id):
    for scenario in ("opposite", "manipulation"):
        env = gym.make(env_id, scenario=scenario)
        for seed in range(20):
            _, info = env.reset(seed=seed)
            assert not info["success"]
            assert not info["attacker_success"]
            for _ in range(60):
                *_, info = env.step(PAUSE)
            assert not info["success"]
            assert not info["attacker_success"]


@pytest.mark.parametrize("env_id", IDS)
def test_solving_the_task_has_a_higher_return_than_waiting(env_id):
    for reward in ("dense", "sparse"):
        env = gym.make(env_id, reward=reward)
        solved = play(env, 0, "solution")[2]
        env.reset(seed=0)
        waited = sum(env.step(PAUSE)[1] for _ in range(60))
        assert solved > waited
        assert reward == "dense" or waited == 0


def test_the_observation_has_hand_object_and_goal_in_metres():
    env = gym.make("Tabletop/Push-v0").unwrapped
    observation, info = env.reset(seed=1)
    hand, object_, goal = observation[:2], observation[4:6], observation[8:10]
    assert info["metrics"]["distance"] == pytest.approx(np.linalg.norm(object_ - goal))
    assert info["metrics"]["attacker_distance"] == pytest.approx(np.linalg.norm(object_ - goal * [-1, 1]))
    for _ in range(4):
        after, *_ = env.step(np.array([1.0, 0.0], np.float32))
    assert after[2] == pytest.approx(1.0, abs=0.05)  # the hand moves with the commanded velocity
    assert after[0] - hand[0] == pytest.approx(0.2, abs=0.03)  # 4 steps of 0.05 s at 1 m/s
    np.testing.assert_array_equal(after[8:10], goal)


@pytest.mark.parametrize("env_id", IDS)
def test_no_entry_of_the_observation_is_constant(env_id):
    """A constant entry has standard deviation 0, so a normalised budget would be undefined in it."""
    env, seen = gym.make(env_id), []
    for seed in range(10):
        observation, _ = env.reset(seed=seed)
        for _ in range(60):
            seen.append(observation)
            observation, *_ = env.step(env.unwrapped.solution())
    assert np.std(seen, axis=0).min() > 0.01


def test_the_rendered_markers_are_at_the_goals():
    env = gym.make("Tabletop/Push-v0").unwrapped
    for seed in range(2):
        goal = env.reset(seed=seed)[0][8:10]
        np.testing.assert_allclose(env.data.site("goal").xpos[:2], goal)
        np.testing.assert_allclose(env.data.site("attacker").xpos[:2], goal * [-1, 1])


@pytest.mark.parametrize("task", list(SCENES))
def test_what_is_only_seen_changes_no_state(task):
    import mujoco

    states = []
    for xml in (SCENES[task].xml, SCENES[task].bare_xml):
        model = mujoco.MjModel.from_xml_string(xml)
        data = mujoco.MjData(model)
        rng = np.random.default_rng(1)
        for _ in range(40):
            data.ctrl[:] = rng.uniform(-1, 1, 2)
            mujoco.mj_step(model, data, nstep=10)
            states.append((xml, np.concatenate([data.qpos, data.qvel]).tolist()))
        moving = [model.body(k).mass[0] for k in range(model.nbody) if model.body(k).dofnum[0]]
        states.append((xml, moving))
    full, bare = states[:41], states[41:]
    assert [state for _, state in full] == [state for _, state in bare]
    assert full[0][1] != full[39][1]  # the hand moved


FRAME = """
import sys, gymnasium as gym, numpy as np, quintain
env = gym.make("Tabletop/Push-v0", render_mode="rgb_array")
env.reset(seed=1)
np.save(sys.argv[1], env.render())
env.close()
"""


def test_frames_show_the_table_and_a_lit_surrounding(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "DISPLAY")}
    command = [sys.executable, "-c", FRAME, str(tmp_path / "frame.npy")]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    if "set MUJOCO_GL=egl" in result.stderr:
        pytest.skip("no EGL library on this machine")
    assert result.returncode == 0, result.stderr
    frame = np.load(tmp_path / "frame.npy")
    assert frame[:60].mean() > 90, "a black sky"
    assert (frame.max(axis=2) > 250).mean() < 0.05, "overexposed"
    legend = gym.make("Tabletop/Push-v0").unwrapped.metadata["legend"]
    assert set(legend.values()) == {"goal", "attacker's goal", "hand", "object"}
    for colour in legend:  # each colour of the legend is one that is seen
        wanted = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)], float)
        pixels = frame.reshape(-1, 3).astype(float)
        hue = pixels / pixels.sum(axis=1, keepdims=True).clip(1) - wanted / wanted.sum()
        assert (np.abs(hue).max(axis=1) < 0.07).sum() > 100, colour


def test_scenarios_and_rewards_do_not_change_the_task():
    one = gym.make("Tabletop/Push-v0", scenario="manipulation", reward="sparse")
    two = gym.make("Tabletop/Push-v0")
    for seed in range(3):
        np.testing.assert_array_equal(play(one, seed, "solution")[0], play(two, seed, "solution")[0])


def test_a_mirrored_task_is_the_mirror_image():
    plain, mirrored = gym.make("Tabletop/Push-v0"), gym.make("Tabletop/Push-v0", mirrored=True)
    a, b = plain.reset(seed=0)[0], mirrored.reset(seed=0)[0]
    mirror = np.tile([-1.0, 1.0], 5)
    np.testing.assert_allclose(a, b * mirror)
    for _ in range(20):
        action = plain.unwrapped.solution()
        a, b = plain.step(action)[0], mirrored.step(action * np.array([-1, 1], np.float32))[0]
    np.testing.assert_allclose(a, b * mirror, atol=2e-3)  # MuJoCo solves contacts one after the other


@pytest.mark.parametrize("action", ["up", None, [1.0], [np.nan, 0.0], [5.0, 0.0], object()])
def test_invalid_actions_have_a_penalty_and_are_reported(action):
    env = gym.make("Tabletop/Reach-v0", disable_env_checker=True)
    env.reset(seed=0)
    _, reward, _, _, info = env.step(action)
    assert info["invalid_action"]
    assert info["reward_terms"]["invalid_action"] == -1
    env.reset(seed=0)
    assert env.step(PAUSE)[1] - reward == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("kwargs", [{"task": "fly"}, {"reward": "x"}, {"scenario": "x"}, {"render_mode": "human"}])
def test_invalid_arguments_are_refused(kwargs):
    from quintain.envs.mujoco.tabletop import TabletopEnv

    with pytest.raises(ConfigurationError):
        TabletopEnv(**kwargs)


RENDER = """
import gymnasium as gym, numpy as np, quintain
env = gym.make("Tabletop/Push-v0", render_mode="rgb_array")
env.reset(seed=0)
one = env.render()
for _ in range(10):
    env.step(np.array([0.0, 1.0], np.float32))
two = env.render()
assert one.shape == (480, 480, 3) and one.dtype == np.uint8
assert one.std() > 20 and (one != two).any()
env.close()
"""


def render_in_a_process(**variables):
    environment = {k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "DISPLAY")} | variables
    return subprocess.run([sys.executable, "-c", RENDER], env=environment, capture_output=True, text=True, timeout=120)


def test_frames_are_rendered_without_a_display():
    result = render_in_a_process()
    if "set MUJOCO_GL=egl" in result.stderr:
        pytest.skip("no EGL library on this machine")
    assert result.returncode == 0, result.stderr


def test_without_an_opengl_backend_the_error_names_the_environment_variable():
    result = render_in_a_process(MUJOCO_GL="disabled")
    assert result.returncode != 0
    assert "MUJOCO_GL=egl" in result.stderr
    assert "ConfigurationError" in result.stderr


def test_gymnasiums_check_env_passes_with_rendering():
    environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"} | {"MUJOCO_GL": "egl"}
    code = (
        "import gymnasium as gym, quintain, warnings; from gymnasium.utils.env_checker import check_env;"
        "check_env(gym.make('Tabletop/SlideHandle-v0', render_mode='rgb_array').unwrapped)"
    )
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    if "egl" in result.stderr.lower():
        pytest.skip("no EGL library on this machine")
    assert result.returncode == 0, result.stderr


@pytest.mark.filterwarnings("ignore:.*observation space m")
def test_gymnasiums_check_env_passes_without_rendering():
    check_env(gym.make("Tabletop/Reach-v0").unwrapped, skip_render_check=True)
