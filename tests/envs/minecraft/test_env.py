"""The environments: contract, vectors, determinism, tasks by name, and errors that say what is near."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import quintain
from quintain.envs.minecraft.registry import IDS
from quintain.envs.minecraft.tasks import find_task
from quintain.errors import ConfigurationError, UnknownNameError

pytest.importorskip("numba")


def random_actions(n, *shape):
    return np.random.default_rng(n).integers(0, [3, 3, 4, 25, 25, 8, 244, 36], (*shape, 8))


#: Checks of the class rather than of the task, which one id passes for all.
OF_THE_CLASS = (
    "same seed same episode", "instances do not interfere", "global generators untouched", "spec survives json",
    "gymnasium check env", "takes the seeds of evaluate", "resets without a seed differ", "info adds up",
)  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("env_id", IDS)
def test_every_environment_check_passes(env_id):
    skip = () if env_id == "Minecraft/ApproachTree-v0" else OF_THE_CLASS
    assert quintain.check(env_id, {"observation": "flat", "voxel_size": None}, skip=skip).ok


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("observation", ["minedojo", "arrays"])
def test_the_checks_pass_with_every_observation(observation):
    skip = ["resets without a seed differ", "instances do not interfere", "info adds up", "different seeds differ"]
    assert quintain.check("Minecraft/Task-v0", {"observation": observation}, skip=skip).ok


def test_rays_and_a_larger_cube_are_in_the_space_too():
    size = {"xmin": -2, "ymin": -1, "zmin": -3, "xmax": 2, "ymax": 4, "zmax": 3}
    env = gym.make("Minecraft/Task-v0", rays="default", voxel_size=size).unwrapped
    observation, _ = env.reset(seed=0)
    assert observation["voxels"]["block_name"].shape == (5, 6, 7)
    assert observation["rays"]["block_name"].shape == (46,)
    for action in random_actions(0, 40):
        observation = env.step(action)[0]
        assert observation in env.observation_space


@pytest.mark.parametrize("num_envs", [1, 3])
def test_a_world_of_a_vector_is_the_world_of_a_single_environment(num_envs):
    single = gym.make("Minecraft/Task-v0", observation="arrays", rays="default", max_episode_steps=40)
    vector = gym.make_vec("Minecraft/Task-v0", num_envs=num_envs, rays="default", max_episode_steps=40)
    i = num_envs - 1
    observation, _ = single.reset(seed=7 + i)
    batch, info = vector.reset(seed=7)
    assert list(info["backend"]) == ["voxel"] * num_envs
    for actions in random_actions(num_envs, 100, num_envs):
        for name, part in observation.items():
            np.testing.assert_array_equal(part, batch[name][i])
        observation, reward, terminated, truncated, _ = single.step(actions[i])
        batch, rewards, terminations, truncations, info = vector.step(actions)
        assert (reward, terminated, truncated) == (rewards[i], terminations[i], truncations[i])
        if terminated or truncated:
            for name, part in observation.items():
                np.testing.assert_array_equal(part, info["final_obs"][name][i])
            observation, _ = single.reset()


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED])
def test_the_other_autoreset_modes(mode):
    vector = gym.make_vec("Minecraft/Task-v0", num_envs=2, autoreset_mode=mode, max_episode_steps=3)
    assert vector.metadata["autoreset_mode"] is mode
    vector.reset(seed=0)
    actions = np.tile([0, 0, 0, 12, 12, 0, 0, 0], (2, 1))
    ends = [vector.step(actions)[3].all() for _ in range(3)]
    assert ends == [False, False, True]
    if mode is AutoresetMode.DISABLED:
        with pytest.raises(RuntimeError, match=r"worlds \[0, 1\] were not reset"):
            vector.step(actions)
        vector.reset(options={"reset_mask": np.array([True, True])})
    else:
        _, _, terminated, truncated, _ = vector.step(actions)
        assert not terminated.any()
        assert not truncated.any()
    assert [vector.step(actions)[3].all() for _ in range(3)] == [False, False, True]


def test_invalid_rows_of_a_vector_do_nothing_and_cost_one():
    vector = gym.make_vec("Minecraft/Task-v0", num_envs=2)
    vector.reset(seed=0)
    actions = np.tile([0, 0, 0, 12, 12, 0, 0, 0], (2, 1))
    actions[1, 5] = 8
    _, rewards, _, _, info = vector.step(actions)
    assert rewards.tolist() == [0.0, -1.0]
    assert info["invalid_action"].tolist() == [False, True]
    with pytest.raises(ValueError, match=r"shape \(2, 8\)"):
        vector.step(actions[:1])


def test_one_world_for_all_episodes_and_a_size():
    env = gym.make("Minecraft/Task-v0", world_seed=5, world_size=32, observation="arrays", voxel_size=None).unwrapped
    first = [env.reset(seed=seed) and env.simulator.world.blocks.copy() for seed in (0, 1)]
    np.testing.assert_array_equal(*first)
    assert first[0].shape == (1, 32, 32, 48)


@pytest.mark.parametrize(
    ("task", "kind", "target", "quantity"),
    [
        ("harvest_1_log", "harvest", "log", 1),
        ("harvest_8_cobblestone_with_iron_pickaxe", "harvest", "cobblestone", 8),
        ("harvest_milk_with_empty_bucket_and_cow", "harvest", "milk_bucket", 1),
        ("harvest_1_log_plains", "harvest", "log", 1),
        ("harvest_1_iron_ingot_plains_with_furnace_and_fuel", "harvest", "iron_ingot", 1),
        ("combat_zombie_plains_iron_armors_diamond_sword_shield", "combat", "zombie", 1),
        ("combat_cow_extreme_hills_barehand", "combat", "cow", 1),
        ("techtree_from_barehand_to_wooden_pickaxe", "techtree", "wooden_pickaxe", 1),
    ],
)
def test_ids_of_minedojo(task, kind, target, quantity):
    found = find_task(task)
    assert (found.kind, found.target, found.quantity) == (kind, target, quantity)


@pytest.mark.parametrize(
    ("task", "error", "words"),
    [
        ("aproach_tree", UnknownNameError, "did you mean 'approach_tree'"),
        ("harvest_1_elytra", ConfigurationError, "has no item 'elytra'"),
        ("harvest_1_logg", ConfigurationError, "did you mean 'log'"),
        ("harvest_1_log_jungle", ConfigurationError, "no biome 'jungle'; it has ocean, plains"),
        ("combat_ghast_nether_barehand", ConfigurationError, "has no 'ghast'; it has cow"),
        ("techtree_from_barehand_to_archery", ConfigurationError, "no archery"),
        ("techtree_from_barehand_to_wooden_hoe", ConfigurationError, "nothing can be tilled"),
        ("creative:12", ConfigurationError, "no success test"),
        ("harvest_900_log", ConfigurationError, "1 to 64"),
    ],
)
def test_what_cannot_be_had_says_why(task, error, words):
    with pytest.raises(error, match=words):
        gym.make("Minecraft/Task-v0", task=task)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"backend": "minedojo", "observation": "flat"}, "has observation='minedojo' alone"),
        ({"timeout_s": 0}, "timeout_s must be"),
        ({"backend": "nether"}, "backend must be one of"),
        ({"observation": "pixels"}, "observation must be one of"),
        ({"voxel_size": {"xmin": 0}}, "voxel_size must have the integers"),
        ({"voxel_size": {"xmin": 2, "xmax": 1, "ymin": 0, "ymax": 0, "zmin": 0, "zmax": 0}}, "min <= max"),
        ({"rays": [[0.0, 0.0, -1.0]]}, "distances > 0"),
        ({"world_size": 48}, "world_size must be"),
        ({"initial_inventory": {"excalibur": 1}}, "unknown item 'excalibur'"),
        ({"initial_inventory": {"iron_pickaxe": 2}}, "must be 1 to 1"),
    ],
)
def test_bad_arguments_are_refused_when_the_environment_is_made(kwargs, words):
    with pytest.raises(ConfigurationError, match=words):
        gym.make("Minecraft/Task-v0", **kwargs)
