"""Environments that take the file of a designed reward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import quintain
from quintain.errors import ConfigurationError
from quintain.reward_signature import DeclaresReward, rows_of
from quintain.rewards import WithRewardTerms
from quintain.sandbox.reward_file import save_reward

assert quintain


def stored(env: Any, path: Path, body: str) -> str:
    return str(save_reward(path, f"def {env.unwrapped.reward_signature.header}:\n    {body}\n", {}))


def test_push_takes_a_reward_file(tmp_path: Path):
    pytest.importorskip("mujoco")
    plain = gym.make("Tabletop/Push-v0")
    assert isinstance(plain.unwrapped, DeclaresReward)
    path = stored(plain, tmp_path / "reward.py", "return 0, 1 if hand[0] > memory.setdefault('x', hand[0]) else -1")
    for env in (gym.make("Tabletop/Push-v0", reward=path), WithRewardTerms(plain, {"designed": path}, keep=False)):
        env.reset(seed=0)
        env.step(np.zeros(2, np.float32))
        _, right, _, _, info = env.step(np.array([1.0, 0.0], np.float32))
        assert right == pytest.approx(0.1)
        assert sum(info["reward_terms"].values()) == pytest.approx(right)
        env.reset(seed=0)
        env.step(np.zeros(2, np.float32))
        assert env.step(np.array([-1.0, 0.0], np.float32))[1] == pytest.approx(-0.1)
    again = gym.make(gym.make("Tabletop/Push-v0", reward=path).spec)
    again.reset(seed=0)
    assert again.step(np.zeros(2, np.float32))[1] == pytest.approx(-0.1)


def test_a_failing_function_marks_the_step(tmp_path: Path):
    pytest.importorskip("mujoco")
    plain = gym.make("Tabletop/Reach-v0")
    path = stored(plain, tmp_path / "reward.py", "return 0, 1 / 0")
    for env in (gym.make("Tabletop/Reach-v0", reward=path), WithRewardTerms(plain, {"designed": path}, keep=False)):
        env.reset(seed=0)
        _, reward, _, _, info = env.step(np.zeros(2, np.float32))
        assert reward == 0.0
        assert "ZeroDivisionError" in info["reward_error"]["designed"]


def test_an_environment_must_declare_its_inputs(tmp_path: Path):
    path = save_reward(tmp_path / "reward.py", "def reward(memory): return 0, 0", {})
    with pytest.raises(ConfigurationError, match="declares no inputs"):
        WithRewardTerms(gym.make("CartPole-v1"), {"designed": str(path)})


def test_voxel_worlds_take_a_reward_file_alone_and_in_vectors(tmp_path: Path):
    pytest.importorskip("numba")
    one = gym.make("Minecraft/ApproachTree-v0", controls="simple")
    body = "return 0, 1 if position[1] > 0 and 'grass' in nearby_blocks else -1"
    path = stored(one, tmp_path / "reward.py", body)
    single = gym.make("Minecraft/ApproachTree-v0", controls="simple", reward=path)
    envs = gym.make_vec("Minecraft/ApproachTree-v0", num_envs=2, controls="simple", reward=path)
    single.reset(seed=5)
    envs.reset(seed=5)
    for action in (6, 0, 4, 4, 4, 3):  # down, forward, up, up, up, right
        _, reward, _, _, info = single.step(action)
        _, rewards, _, _, infos = envs.step(np.array([action, action]))
        assert reward == pytest.approx(rewards[0])
        assert sum(info["reward_terms"].values()) == pytest.approx(reward)
        assert infos["reward_error"].tolist() == ["", ""]
        row = rows_of(single.unwrapped.reward_inputs(), single.unwrapped.reward_signature)[0]
        assert reward == pytest.approx(0.1 if "grass" in row["nearby_blocks"] else -0.1)
        assert row == rows_of(envs.reward_inputs(), envs.reward_signature)[0]


def test_simple_controls_hold_for_eight_ticks():
    pytest.importorskip("numba")
    env = gym.make("Minecraft/ApproachTree-v0", controls="simple")
    assert env.action_space == gym.spaces.Discrete(9)
    env.reset(seed=1)
    yaw = env.unwrapped.reward_inputs()["yaw"][0]
    *_, info = env.step(4)  # turn right
    row = rows_of(env.unwrapped.reward_inputs(), env.unwrapped.reward_signature)[0]
    assert info["metrics"]["ticks"] == 8
    assert (row["yaw"] - yaw) % 360 == pytest.approx(30.0)
    for wrong in (9, -1, "forward", None, [0, 1], 1.5):
        assert env.step(wrong)[4]["invalid_action"], wrong
    with pytest.raises(ConfigurationError, match="controls"):
        gym.make("Minecraft/ApproachTree-v0", controls="pad")
