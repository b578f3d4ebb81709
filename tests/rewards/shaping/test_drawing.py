"""Rewards as text and as pictures."""

import gymnasium as gym
import numpy as np
import pytest

from quintain.envs.tabular import line_key, room
from quintain.errors import ConfigurationError
from quintain.mdp import mdp_of
from quintain.rewards.shaping import draw_reward, reward_text


def test_the_grid_shows_what_pays_most_and_the_walls():
    mdp = room()
    rewards = mdp.rewards.copy()
    rewards[8] = [-1, -2, -2, -1]
    lines = reward_text(mdp, rewards).splitlines()
    assert lines[0].split() == ["·", "·", "·", "|", "·", "·", "·", "→10"]
    assert lines[-5].split() == ["·", "↑→1", "·", "·", "·", "·", "·"]  # a gate: no wall in this row
    assert lines[4].count("-------") == 5  # the wall below the fourth row has two gates
    assert lines[-2] == "state 8 (row 5, column 1): up -1  left -2  down -2  right -1"
    assert lines[-1] == "state 48 (row 0, column 6): up +0  left +0  down +0  right +10"


def test_states_with_and_without_the_key_are_on_grids_of_their_own():
    text = reward_text(line_key(), line_key().rewards)
    assert text.index("without the key:") < text.index("\nwith the key:") < text.index("→10")


def test_without_a_grid_there_is_a_list():
    mdp = mdp_of(gym.make("Taxi-v4"))
    rewards = np.zeros(mdp.shape)
    rewards[3, 5] = 1e-9
    rewards[4, 5] = 20
    assert reward_text(mdp, rewards) == "state 4: down +0  up +0  right +0  left +0  pick up +0  drop off +20"


@pytest.mark.parametrize("mdp", [room(), line_key(), mdp_of(gym.make("FrozenLake-v1"))], ids=["room", "line", "lake"])
def test_a_picture_is_written(mdp, tmp_path):
    pytest.importorskip("matplotlib")
    draw_reward(mdp, mdp.rewards, tmp_path / "reward.png", title="a reward")
    assert (tmp_path / "reward.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_drawn_is_said():
    mdp = mdp_of(gym.make("Taxi-v4"))
    with pytest.raises(ConfigurationError, match="lie on no grid"):
        draw_reward(mdp, mdp.rewards, "unused.png")
