"""What happens around the agent: terrain by depth, liquids, falling sand, animals, zombies, and pictures of it."""

import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("numba")

from quintain.envs.minecraft import pictures
from quintain.envs.minecraft.blocks import BLOCK_ID, BLOCKS
from quintain.envs.minecraft.kernels import mobs
from quintain.envs.minecraft.kernels import world as w
from quintain.envs.minecraft.simulator import Simulator
from quintain.envs.minecraft.tasks import find_task

FLOOR = 10


def name_at(world, x, y, z):
    return BLOCKS[world.blocks[x, z, y]].name


@pytest.fixture(scope="module")
def worlds():
    simulator = Simulator(8, find_task("harvest_1_log"), 64)
    simulator.begin(np.arange(8), np.arange(8))
    return simulator


def test_ores_lie_at_their_depths_and_every_world_has_diamonds(worlds):
    blocks = worlds.world.blocks
    for ore, highest in (("diamond_ore", 12), ("redstone_ore", 12), ("gold_ore", 16), ("iron_ore", 30)):
        found = np.argwhere(blocks == BLOCK_ID[ore])
        assert found[:, 3].min() >= 1
        assert found[:, 3].max() <= highest
        assert len(set(found[:, 0])) == 8
    assert (blocks[..., 0] == BLOCK_ID["bedrock"]).all()
    assert (np.argwhere(blocks == BLOCK_ID["lava"])[:, 3] <= 16).all()


def test_worlds_differ_and_have_several_biomes(worlds):
    assert len({worlds.world.blocks[e].tobytes() for e in range(8)}) == 8
    assert len(np.unique(worlds.world.biome)) >= 4
    plains = Simulator(1, find_task("approach_tree"))
    plains.begin(np.zeros(1, np.int64), np.zeros(1, np.int64))
    assert set(np.unique(plains.world.biome)) == {1}


def test_agents_begin_on_the_ground_and_the_light_map_is_right(worlds):
    opaque = np.array([block.opaque for block in BLOCKS])
    world = worlds.world
    tops = np.where(opaque[world.blocks], np.arange(w.HEIGHT), 0).max(axis=-1)
    np.testing.assert_array_equal(world.top, tops)
    for e in range(8):
        x, y, z = world.body[e, [w.X, w.Y, w.Z]].astype(int)
        assert opaque[world.blocks[e, x, z, y - 1]]
        assert not opaque[world.blocks[e, x, z, y : y + 2]].any()


def test_lava_flows_three_blocks_and_dries_up_without_its_source(arena):
    world = arena()
    world.body[w.X] = 30.5
    world.put("lava", x=8, z=8)
    world.put("stone", x=9, z=8)
    wake(world, 9, FLOOR, 8)
    world.act(times=120)
    assert name_at(world, 7, FLOOR, 8) == "flowing_lava"
    assert name_at(world, 5, FLOOR, 8) == "flowing_lava"
    assert name_at(world, 4, FLOOR, 8) == "air"
    world.blocks[8, 8, FLOOR] = 0
    wake(world, 8, FLOOR, 8)
    world.act(times=400)
    assert not np.isin(world.blocks, [BLOCK_ID[f"lava_{i}"] for i in (1, 2, 3)]).any()


def wake(world, x, y, z):
    """Make a cell air through the kernel, as digging does."""
    from quintain.envs.minecraft.kernels.changes import clear

    state = world.simulator.world
    clear(state.blocks[0], state.top[0], state.counts[0], state.queue[0], state.drops[0], state.random[:1], x, y, z)


def test_lava_and_water_make_stone(arena):
    world = arena()
    world.body[w.X] = 30.5
    world.put("lava", x=8, z=8)
    world.put("stone", x=9, z=8)
    world.put("water", x=10, z=8)
    wake(world, 9, FLOOR, 8)
    world.act(times=60)
    assert name_at(world, 8, FLOOR, 8) == "obsidian"


def test_sand_falls_and_flowers_break_when_their_ground_goes(arena):
    world = arena()
    world.put("dirt")
    world.put("sand", y=FLOOR + 1)
    world.put("sand", y=FLOOR + 2)
    wake(world, 16, FLOOR, 17)
    assert [name_at(world, 16, FLOOR + k, 17) for k in range(3)] == ["sand", "sand", "air"]
    world.put("dirt", z=19)
    world.put("red_flower", y=FLOOR + 1, z=19)
    wake(world, 16, FLOOR, 19)
    assert name_at(world, 16, FLOOR + 1, 19) == "air"
    assert world.dropped() == {"red_flower": 1}


def add_mob(world, kind, x, z):
    assert mobs.place_mob(world.mobs, kind, x, float(FLOOR), z, 0.0)


def test_a_cow_takes_three_blows_of_a_stone_sword_and_drops_beef(arena):
    world = arena(pitch=20.0).give(("stone_sword", 1))
    add_mob(world, w.COW, 16.5, 18.5)
    world.act("attack")
    assert world.mobs[0, w.MHP] == 5
    world.act("attack")  # within half a second a second blow does not count
    assert world.mobs[0, w.MHP] == 5
    for _ in range(60):
        if world.mobs[0, w.KIND] == 0:
            break
        world.mobs[0, [w.MX, w.MZ, w.MY]] = 16.5, 18.5, FLOOR
        world.act("attack")
    assert world.count[w.KILLS] == 1
    assert "beef" in world.dropped() | world.carried()


def test_shears_take_wool_once_and_a_bucket_milk(arena):
    world = arena(pitch=20.0).give(("shears", 1), ("bucket", 1))
    add_mob(world, w.SHEEP, 16.5, 18.3)
    world.act("use")
    world.act("use")
    assert 1 <= (world.dropped() | world.carried()).get("wool", 0) <= 3
    world = arena(pitch=20.0).give(("bucket", 1))
    add_mob(world, w.COW, 16.5, 18.3)
    world.act("use")
    assert world.carried() == {"milk_bucket": 1}


def test_a_zombie_comes_and_costs_three_and_burns_by_day(arena):
    world = arena()
    world.body[w.FOOD_LEVEL] = 17
    world.count[w.TIME] = 15000
    add_mob(world, w.ZOMBIE, 16.5, 24.5)
    for _ in range(200):
        world.act()
        if world.body[w.HP] < 20:
            break
    assert world.body[w.HP] == 17
    world.count[w.TIME] = 1000
    for _ in range(60):
        world.body[w.HP] = 20
        world.act(times=10)
    assert not (world.mobs[:, w.KIND] == w.ZOMBIE).any()


def test_zombies_come_only_at_night(worlds):
    for time, some in ((1000, False), (14000, True)):
        simulator = Simulator(4, find_task("survival"))
        simulator.begin(np.arange(4), np.arange(4))
        simulator.world.counts[:, w.TIME] = time
        idle = np.tile([0, 0, 0, 12, 12, 0, 0, 0], (4, 1))
        for _ in range(400):
            simulator.step(idle, np.ones(4, np.bool_))
        assert (simulator.world.mobs[..., w.KIND] == w.ZOMBIE).any() == some


def test_pictures_show_what_is_there(arena):
    world = arena()
    state = world.simulator.world
    for x in range(32):
        for y in range(FLOOR, FLOOR + 6):
            world.put("gold_block", x=x, y=y, z=20)
    state.counts[0, w.TIME] = 6000
    view = pictures.first_person(state, 0, 48, 64).astype(int)
    assert view.shape == (48, 64, 3)
    red, green, blue = view[20:28].reshape(-1, 3).mean(axis=0)
    assert red > green > 2 * blue  # gold
    world.body[w.PITCH] = -60.0
    sky = pictures.first_person(state, 0, 48, 64).astype(int)
    assert sky[..., 2].mean() > 200
    state.counts[0, w.TIME] = 18000
    assert pictures.first_person(state, 0, 48, 64).mean() < 0.4 * sky.mean()
    np.testing.assert_array_equal(pictures.first_person(state, 0, 8, 8), pictures.first_person(state, 0, 8, 8))


def test_rgb_is_in_the_observation_and_rendering_changes_nothing():
    env = gym.make("Minecraft/ApproachCow-v0", image_size=(24, 32), render_mode="rgb_array")
    observation, _ = env.reset(seed=4)
    assert observation["rgb"].shape == (3, 24, 32)
    assert observation in env.observation_space
    frame = env.render()
    assert frame.shape == (360, 640, 3)
    assert frame.dtype == np.uint8
    assert env.unwrapped.map(2).shape == (128, 128, 3)
    np.testing.assert_array_equal(frame, env.render())
