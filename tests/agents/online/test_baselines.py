"""Baselines of navigation: D* Lite, counts, Q-learning, random walks and walked trees."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import quintain
from quintain.agents import make_agent
from quintain.agents.agent import Seat
from quintain.agents.online.grid import _DStarLite
from quintain.errors import CapabilityError, ConfigurationError

NAMES = ["d-star-lite", "count-exploration", "grid-q-learning", "random-walk", "rrt-walk"]


@pytest.mark.parametrize("name", NAMES)
def test_every_baseline_reaches_the_goal_of_a_small_maze_again_and_again(name):
    report = quintain.evaluate(
        "Maze-v0", make_agent(name), episodes=3, seed=1, env_kwargs={"size": 3, "visits": 2}, max_steps=4000
    )
    assert report.success.estimate == 1.0


@pytest.mark.parametrize("name", NAMES)
def test_unusable_spaces_are_refused(name):
    box = spaces.Box(-1.0, 1.0, (6,))
    with pytest.raises(CapabilityError, match="2 numbers"):
        make_agent(name).begin(Seat("X-v0", "agent", box, box, 0))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("random-walk", {"turn": 5}),
        ("rrt-walk", {"goal_bias": 9}),
        ("grid-q-learning", {"epsilon": -3}),
        ("grid-q-learning", {"learning_rate": 7}),
        ("grid-q-learning", {"gamma": "a"}),
    ],
)
def test_arguments_out_of_their_ranges_are_refused(name, arguments):
    with pytest.raises(ConfigurationError, match=next(iter(arguments))):
        make_agent(name, **arguments)


def test_d_star_lite_plans_around_every_wall_it_met():
    """On an unknown 3 x 3 grid with a wall in the middle column but for its last row."""
    walls = {((row, 0), (row, 1)) for row in (0, 1)}
    planner = _DStarLite((3, 3))
    planner.begin((0, 0), (0, 2))
    cell, taken, met = (0, 0), [(0, 0)], 0
    while cell != (0, 2):
        wanted = planner.choose(cell)
        if (cell, wanted) in walls:
            planner.blocked(cell, wanted)
            met += 1
        else:
            planner.moved(cell, wanted, False)
            cell = wanted
            taken.append(cell)
    assert met == 2
    assert len(taken) == 7  # the shortest: up two, right two, down two
    planner.begin((0, 0), (0, 2))
    assert planner.choose((0, 0)) == (1, 0)  # walls are kept for the next visit


def test_d_star_lite_retains_the_way_of_a_maze():
    env = gym.make("Maze-v0", visits=2, noise=0.0)
    observation, info = env.reset(seed=4)
    seat = Seat("Maze-v0", "agent", env.observation_space, env.action_space, 4)
    actor, over = make_agent("d-star-lite").begin(seat), False
    while not over:
        observation, _, terminated, truncated, info = env.step(actor.act(observation, info))
        over = terminated or truncated
    first, second = env.unwrapped.ratios
    assert second <= first
    assert second < 1.6
    assert np.isfinite(first)
