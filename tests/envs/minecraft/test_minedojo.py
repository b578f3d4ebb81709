"""The adapter of MineDojo, on a stand-in with the recorded keys, shapes and dtypes of its observations."""

import sys
import types

import gymnasium as gym
import numpy as np
import pytest

from quintain.envs.minecraft.items import ITEM_ID
from quintain.errors import ConfigurationError, MissingDependencyError

pytest.importorskip("numba")

NO_OP = np.array([0, 0, 0, 12, 12, 0, 0, 0])


def full(n):
    return np.ones(n, np.float32)


def recorded(life=20.0, rgb=(160, 256), voxels=None, rays=0):
    """Return an observation as MineDojo 0.1 has it: names are strings with spaces, pictures are channel first."""
    slots = np.array(["air"] * 36, dtype=object)
    slots[:3] = "wooden pickaxe", "crafting table", "elytra"
    one, none = np.ones(1, np.float32), np.zeros(1, np.float32)
    change = {f"{way}_{what}_by_{how}": value for how in ("craft", "other") for way, n in (("inc", 1), ("dec", 4))
              for what, value in (("name", np.array(["air"] * n)), ("quantity", np.zeros(n, np.float32)))}  # fmt: skip
    numbers, kinds = ("quantity", "max_durability", "cur_durability"), ("explosion", "fire_damage", "magic_damage")
    found = {
        "rgb": np.full((3, *rgb), 7, np.uint8),
        "inventory": {"name": slots, "variant": np.zeros(36, np.int64), **{n: full(36) for n in numbers}},
        "equipment": {"name": slots[:6], "variant": np.zeros(6, np.int64), **{n: full(6) for n in numbers}},
        "life_stats": {
            "life": life * one, "armor": none, "food": 18 * one, "saturation": 5 * one, "xp": none, "oxygen": 300 * one,
            "is_sleeping": np.array(0),
        },
        "location_stats": {
            "pos": np.array([3.0, 64.0, 4.0], np.float32), "yaw": none, "pitch": none, "biome_id": np.array(1),
            "light_level": 15 * one, "sky_light_level": one, "sun_brightness": one, "rainfall": none,
            "temperature": one, "sea_level": 63 * one, "is_raining": np.array(0), "can_see_sky": np.array(1),
        },
        "nearby_tools": {"table": np.array(True), "furnace": np.array(False)},
        "damage_source": {
            **{f"damage_{n}": none for n in ("amount", "distance", "pitch", "yaw")}, "hunger_damage": none,
            **{f"is_{n}": np.array(False) for n in (*kinds, "projectile", "unblockable")},
        },
        "delta_inv": change,
        "masks": {
            "action_type": np.ones(8, bool), "action_arg": np.ones((8, 1), bool), "equip": np.zeros(36, bool),
            "place": np.zeros(36, bool), "destroy": np.ones(36, bool), "craft_smelt": np.zeros(244, bool),
        },
    }  # fmt: skip
    flags = (
        "is_collidable",
        "is_tool_not_required",
        "blocks_movement",
        "is_liquid",
        "is_solid",
        "can_burn",
        "blocks_light",
    )
    if voxels is not None:
        names = np.full(voxels, "stone", dtype=object)
        names[0, 0, 0] = "lit furnace"
        found["voxels"] = {
            "block_name": names, "block_meta": np.zeros(voxels, np.int64), "cos_look_vec_angle": np.zeros(voxels),
            **{flag: np.ones(voxels, bool) for flag in flags},
        }  # fmt: skip
    if rays:
        names = np.array(["log"] * rays, dtype=object)
        found["rays"] = {
            "block_name": names, "entity_name": np.array(["cow"] * rays), "harvest_level": np.zeros(rays),
            **{n: np.ones(rays, np.float32) for n in ("block_distance", "entity_distance", "ray_pitch", "ray_yaw")},
            "block_meta": np.zeros(rays, np.int64), **{flag: np.ones(rays, bool) for flag in flags},
            **{f"traced_block_{axis}": np.full(rays, k, np.int64) for k, axis in enumerate("xyz")},
        }  # fmt: skip
    return found


class Simulated:
    """The innermost environment: rewards 1 at the first tick of every action."""

    def __init__(self, **arguments):
        self.arguments, self.closed = arguments, False
        self.life, self.ends, self.rewards, self.broken = 20.0, False, [], None

    def observation(self):
        size = self.arguments.get("voxel_size")
        shape = None if size is None else tuple(size[f"{a}max"] - size[f"{a}min"] + 1 for a in "xyz")
        rays = len(self.arguments.get("lidar_rays", ()))
        return recorded(self.life, self.arguments["image_size"], shape, rays)

    def reset(self):
        return self.observation()

    def step(self, action):
        if self.broken:
            raise self.broken
        reward = self.rewards.pop(0) if self.rewards else 0.0
        return self.observation(), reward, self.ends, {}

    def close(self):
        self.closed = True


class NNActionSpaceWrapper:
    """MineDojo's wrapper of actions: two more ticks after functions 2 and 4 to 7, whose reward replaces the first."""

    def __init__(self, env):
        self.env = env

    def reset(self):
        return self.env.reset()

    def close(self):
        self.env.close()

    def step(self, action):
        assert action.shape == (8,)
        result = self.env.step(action)
        if action[5] == 2 or action[5] > 3:
            for _ in range(2):
                result = self.env.step(None)
        return result


class Outer(NNActionSpaceWrapper):
    """A wrapper above it, as MineDojo has one."""

    def step(self, action):
        return self.env.step(action)


@pytest.fixture
def minedojo(monkeypatch):
    """A module ``minedojo``; ``made`` lists the innermost environments."""
    module = types.ModuleType("minedojo")
    module.made = []

    def make(task_id, *, cam_interval=15, **arguments):
        assert cam_interval == 15
        module.made.append(Simulated(task_id=task_id, **arguments))
        return Outer(NNActionSpaceWrapper(module.made[-1]))

    module.make = make
    monkeypatch.setitem(sys.modules, "minedojo", module)
    return module


def test_observations_are_members_of_the_same_space(minedojo):
    env = gym.make("Minecraft/Task-v0", backend="minedojo", task="harvest_1_milk", image_size=32, rays="default")
    observation, info = env.reset(seed=0)
    assert observation in env.observation_space
    voxel = gym.make("Minecraft/Task-v0", image_size=32, rays="default")
    assert voxel.observation_space.spaces.keys() == env.observation_space.spaces.keys()
    for group, part in voxel.observation_space.spaces.items():
        assert getattr(part, "spaces", {}).keys() == getattr(env.observation_space[group], "spaces", {}).keys()
    assert voxel.action_space == env.action_space
    names = observation["inventory"]["name"]
    assert names[:4].tolist() == [ITEM_ID["wooden_pickaxe"], ITEM_ID["crafting_table"], len(ITEM_ID), ITEM_ID["air"]]
    assert (observation["rays"]["traced_block"] == [0, 1, 2]).all()
    assert (info["backend"], info["task_id"], info["death_cause"]) == ("minedojo", "harvest_1_milk", "")
    (world,) = minedojo.made
    assert world.arguments["voxel_size"] == {"xmin": -1, "ymin": -1, "zmin": -1, "xmax": 1, "ymax": 1, "zmax": 1}
    assert world.arguments["fast_reset"] is False


def test_rewards_of_hidden_ticks_are_added_up(minedojo):
    env = gym.make("Minecraft/Task-v0", backend="minedojo")
    env.reset(seed=0)
    world = minedojo.made[0]
    world.rewards = [1.0, 0.0, 0.5]
    place = NO_OP.copy()
    place[5] = 6
    assert env.step(place)[1] == 1.5
    world.rewards = [2.0]
    assert env.step(NO_OP)[1] == 2.0
    _, reward, _, _, info = env.step("fly")
    assert reward == -1.0
    assert info["invalid_action"]


def test_success_and_death_terminate_and_failures_truncate(minedojo):
    env = gym.make("Minecraft/Task-v0", backend="minedojo")
    env.reset(seed=0)
    world = minedojo.made[0]
    world.ends = True
    _, _, terminated, truncated, info = env.step(NO_OP)
    assert (terminated, truncated, info["success"]) == (True, False, True)
    world.life = 0.0
    _, _, terminated, truncated, info = env.step(NO_OP)
    assert (terminated, truncated, info["success"], info["death_cause"]) == (True, False, False, "unknown")
    env.reset(seed=0)
    world.broken = ConnectionError("the Java process is gone")
    _, reward, terminated, truncated, info = env.step(NO_OP)
    assert (reward, terminated, truncated, info["success"]) == (0.0, False, True, False)
    assert "the Java process is gone" in info["backend_error"]
    assert world.closed
    env.reset(seed=0)
    assert len(minedojo.made) == 2


def test_a_seed_is_the_seed_of_the_world(minedojo):
    env = gym.make("Minecraft/Task-v0", backend="minedojo")
    env.reset(seed=0)
    env.reset(seed=0)
    assert len(minedojo.made) == 1
    env.reset(seed=1)
    assert len(minedojo.made) == 2
    assert minedojo.made[0].closed
    seeds = [world.arguments["world_seed"] for world in minedojo.made]
    assert seeds[0] != seeds[1]
    fixed = gym.make("Minecraft/Task-v0", backend="minedojo", world_seed=5)
    fixed.reset(seed=0)
    fixed.reset(seed=1)
    assert [world.arguments["world_seed"] for world in minedojo.made[2:]] == [5]


def test_pictures_masks_and_what_it_lacks(minedojo):
    env = gym.make("Minecraft/Task-v0", backend="minedojo", render_mode="rgb_array")
    env.reset(seed=0)
    assert env.render().shape == (160, 256, 3)
    assert env.unwrapped.action_masks().shape == (348,)
    with pytest.raises(ConfigurationError, match="no map"):
        env.unwrapped.map()
    env.close()
    assert minedojo.made[0].closed
    with pytest.raises(ConfigurationError, match="'approach_tree' is not one of MineDojo's"):
        gym.make("Minecraft/ApproachTree-v0", backend="minedojo")
    with pytest.raises(ConfigurationError, match="single environments alone"):
        gym.make_vec("Minecraft/Task-v0", num_envs=2, backend="minedojo")


def test_without_minedojo_the_error_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "minedojo", None)
    with pytest.raises(MissingDependencyError, match="minedojo is not installed"):
        gym.make("Minecraft/Task-v0", backend="minedojo")
