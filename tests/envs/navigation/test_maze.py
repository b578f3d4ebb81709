"""Maze-v0: layouts and their drawings, motion among walls, visits, changes, arguments that are refused."""

import copy

import gymnasium as gym
import numpy as np
import pytest

import quintain
from quintain.envs.navigation.layouts import generate, move_goal, read_drawing, reroute
from quintain.envs.navigation.pictures import plot_trajectories
from quintain.errors import ConfigurationError

CORRIDOR = [
    "+--+--+--+",
    "|S       |",
    "+  +--+  +",
    "|       G|",
    "+--+--+--+",
]


def played(env, seed=0):
    _, info = env.reset(seed=seed)
    over, total = False, 0.0
    while not over:
        _, reward, terminated, truncated, info = env.step(env.unwrapped.solution())
        total, over = total + reward, terminated or truncated
    return info, total


@pytest.mark.filterwarnings("ignore")
def test_every_environment_check_passes():
    kwargs = {"size": 2, "visits": 2, "change": "wall", "one_way": 0.2, "slip": 0.1, "drift": [0.01, 0.0]}
    assert quintain.check("Maze-v0", kwargs).ok


@pytest.mark.parametrize(("openings", "one_way"), [(0.0, 0.0), (0.3, 0.0), (0.3, 0.5)])
def test_generated_mazes_can_be_solved_and_survive_their_drawing(openings, one_way):
    for seed in range(10):
        layout = generate(np.random.default_rng(seed), (4, 6), openings=openings, one_way=one_way)
        read = read_drawing(layout.draw())
        assert np.array_equal(read.walls, layout.walls)
        assert (read.start, read.goal) == (layout.start, layout.goal)
        assert len(layout.way()) == layout.shortest() + 1
        removed = round(openings * (2 * 24 - 10 - 23))
        assert np.count_nonzero(~layout.walls) + round(one_way * (23 + removed)) == 2 * (23 + removed)


def test_a_shortest_way_is_found_by_hand():
    layout = read_drawing(CORRIDOR)
    assert layout.start == (0.5, 1.5)
    assert layout.goal == (2.5, 0.5)
    assert layout.shortest() == 3
    assert layout.distances().tolist() == [[2, 1, 0], [3, 2, 1]]


def test_a_door_of_one_direction_stops_those_who_come_back():
    env = gym.make("Maze-v0", layout=["+--+--+--+", "|S >    G|", "+--+--+--+"], noise=0.0).unwrapped
    env.reset(seed=0)
    for _ in range(5):
        position = env.step(np.array([1.0, 0.0]))[0][:2]
    assert position[0] == pytest.approx(1.25)
    for _ in range(5):
        position = env.step(np.array([-1.0, 0.0]))[0][:2]
    assert position.tolist() == pytest.approx([1.05, 0.5])


def test_a_body_slides_along_a_wall():
    env = gym.make("Maze-v0", layout=CORRIDOR, noise=0.0).unwrapped
    env.reset(seed=0)
    for _ in range(10):  # up and to the right, at 0.09 and 0.12 cells a step
        position = env.step(np.array([0.6, 0.8]))[0][:2]
    assert position.tolist() == pytest.approx([0.5 + 10 * 0.09, 1.95])


def test_an_arrival_pays_and_the_next_step_returns_to_the_start():
    env = gym.make("Maze-v0", layout=CORRIDOR, noise=0.0, visits=2)
    info, total = played(env)
    assert total == 2.0
    assert info["success"]
    assert info["metrics"]["arrivals"] == 2.0
    assert info["metrics"]["ratio_1"] == info["metrics"]["ratio_2"] == pytest.approx(1.0, abs=0.16)


def test_a_wall_closes_on_the_way_that_was_taken():
    env = gym.make("Maze-v0", visits=2, change="wall", openings=0.5, noise=0.0)
    for seed in range(3):
        before = None
        env.reset(seed=seed)
        before = env.unwrapped.layout
        info, _ = played(env, seed)
        after = env.unwrapped.layout
        assert info["success"]
        closed = after.walls & ~before.walls
        assert closed.sum() == 2
        assert (before.walls & ~after.walls).sum() == 2


def test_no_wall_closes_without_a_detour():
    layout = read_drawing(["+--+--+", "|S   G|", "+--+--+"])
    assert reroute(layout, [(0, 0), (0, 1)], np.random.default_rng(0)) is None


def test_a_moved_goal_can_be_reached():
    layout = read_drawing(CORRIDOR)
    moved = move_goal(layout, np.random.default_rng(0))
    assert moved.goal != layout.goal
    assert moved.shortest() >= layout.shortest() / 2


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"layout": ["+--+--+", "|S |G |", "+--+--+"]}, "cannot be solved"),
        ({"layout": ["+--+--+", "|S   x|", "+--+--+"]}, "one 'S' and one 'G'"),
        ({"layout": ["+--+", "|S   G|", "+--+--+"]}, "2 \\* rows"),
        ({"goal": [1.5, 1.02], "layout": CORRIDOR}, "lies in a wall"),
        ({"goal": [7.0, 0.5]}, "goal must be in"),
        ({"layout": ["+--+--+--+", "|S  S   G|", "+--+--+--+"]}, "one 'S' and one 'G'"),
        ({"layout": CORRIDOR, "size": 5, "one_way": 0.5}, "leave out size, one_way"),
        ({"goal": [1, 1, 1]}, "goal must be two numbers"),
        ({"goal": [float("nan"), 1]}, "goal must be a finite number"),
        ({"size": 1}, "size must be an integer"),
        ({"size": 5.5}, "size must be an integer"),
        ({"size": "abc"}, "size must be an integer"),
        ({"visits": 1.5}, "visits must be an integer"),
        ({"maze_seed": -1}, "maze_seed must be an integer"),
        ({"change": "wall", "visits": 1}, "more visits than change_after"),
        ({"drift": 0.1}, "drift must be two numbers"),
        ({"drift": ["a", 1]}, "drift must be a finite number"),
        ({"change": "door"}, "change must be"),
        ({"drift": [0.6, 0.0]}, "drift must be"),
    ],
)
def test_what_cannot_work_is_refused(kwargs, message):
    with pytest.raises(ConfigurationError, match=message):
        gym.make("Maze-v0", **kwargs)


def test_the_hash_tells_the_maze_and_the_metrics_its_change():
    env = gym.make("Maze-v0", size=3)
    hashes = [env.reset(seed=seed)[1]["task_hash"] for seed in (0, 1, 0)]
    assert hashes[0] == hashes[2] != hashes[1]
    drawn = gym.make("Maze-v0", layout=CORRIDOR)
    assert drawn.reset(seed=0)[1]["task_hash"] == drawn.reset(seed=1)[1]["task_hash"] != hashes[0]
    assert drawn.reset(seed=0)[1]["task_id"] == "maze/2x3"
    changing = gym.make("Maze-v0", size=3, openings=0.5, visits=2, change="wall", noise=0.0)
    _, info = changing.reset(seed=0)
    assert info["metrics"]["changed"] == 0.0
    last, _ = played(changing)
    assert last["metrics"]["changed"] == 1.0
    assert last["task_hash"] == info["task_hash"]


@pytest.mark.parametrize("name", ["Maze-v0", "KeyDoor-v0"])
def test_a_step_beyond_the_end_is_refused(name):
    env = gym.make(name, size=2, noise=0.0).unwrapped
    played(env)
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.zeros(2))
    env.reset(seed=0)
    assert not env.step(np.zeros(2))[2]


def test_a_copy_continues_as_the_original():
    env = gym.make("Maze-v0", slip=0.2).unwrapped
    env.reset(seed=3)
    copied = copy.deepcopy(env)
    for _ in range(30):
        assert np.array_equal(env.step(np.array([0.5, 1.0]))[0], copied.step(np.array([0.5, 1.0]))[0])


def test_pictures_show_walls_path_and_goal():
    env = gym.make("Maze-v0", layout=CORRIDOR, render_mode="rgb_array", noise=0.0)
    env.reset(seed=0)
    env.step(np.array([1.0, 0.0]))
    image = env.render()
    assert image.shape == (96, 144, 3)
    assert image[72, 120].tolist() == [52, 168, 83]  # the goal, bottom right
    assert image[47, 72].tolist() == [40, 44, 52]  # the wall in the middle
    plot = plot_trajectories(env.unwrapped.layout, [np.array(env.unwrapped.path)], title="One", marks=[(0.5, 0.5)])
    assert plot.count("<polyline") == 1
    assert ">One<" in plot
