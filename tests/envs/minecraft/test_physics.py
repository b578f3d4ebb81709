"""Motion, digging times and damage, compared with values computed by hand from Minecraft's rules."""

import numpy as np
import pytest

pytest.importorskip("numba")

from quintain.envs.minecraft.kernels import world as w

FLOOR = 10
FORWARD, JUMP, SNEAK, SPRINT = 1, 1, 2, 3


def test_walking_and_sprinting_reach_the_speeds_of_the_client(arena):
    world = arena()
    world.act(walk=FORWARD, times=40)
    before = world.body[w.Z]
    world.act(walk=FORWARD, times=20)
    assert world.body[w.Z] - before == pytest.approx(4.317, abs=0.01)  # metres in a second
    world.act(walk=FORWARD, jump=SPRINT, times=40)
    before = world.body[w.Z]
    world.act(walk=FORWARD, jump=SPRINT, times=20)
    assert world.body[w.Z] - before == pytest.approx(5.612, abs=0.01)


def test_a_jump_rises_by_a_block_and_a_quarter(arena):
    world = arena()
    heights = []
    world.act(jump=JUMP)
    for _ in range(12):
        heights.append(world.body[w.Y] - FLOOR)
        world.act()
    assert max(heights) == pytest.approx(1.2522, abs=1e-3)
    assert world.body[w.Y] == FLOOR


def test_walls_stop_and_a_block_can_be_climbed_only_with_a_jump(arena):
    world = arena()
    for x in range(32):
        world.put("stone", x=x, z=18)
    world.act(walk=FORWARD, times=30)
    assert world.body[w.Z] == pytest.approx(18 - w.HALF, abs=1e-9)
    world.act(walk=FORWARD, jump=JUMP, times=12)
    assert world.body[w.Y] >= FLOOR + 1


def test_who_sneaks_does_not_fall_off_an_edge(arena):
    world = arena()
    world.blocks[:, 18:, :FLOOR] = 0
    world.act(walk=FORWARD, jump=SNEAK, times=120)
    assert world.body[w.Y] == FLOOR
    world.act(walk=FORWARD, times=30)
    assert world.body[w.Y] < FLOOR


def test_the_world_wraps_around(arena):
    world = arena()
    world.act(walk=FORWARD, times=400)
    assert world.body[w.Z] > 32 + 16
    assert world.body[w.Y] == FLOOR


@pytest.mark.parametrize(
    ("block", "tool", "ticks", "drop"),
    [
        ("dirt", "", 15, "dirt"),  # 0.5 x 30
        ("dirt", "wooden_shovel", 8, "dirt"),  # 0.5 x 30 / 2, rounded up
        ("stone", "", 150, ""),  # 1.5 x 100, and nothing is dropped
        ("stone", "wooden_pickaxe", 23, "cobblestone"),  # 1.5 x 30 / 2
        ("stone", "stone_pickaxe", 12, "cobblestone"),
        ("stone", "golden_pickaxe", 4, "cobblestone"),
        ("log_birch", "", 60, "log"),  # 2 x 30
        ("log_oak", "iron_axe", 10, "log"),
        ("iron_ore", "wooden_pickaxe", 150, ""),  # 3 x 100 / 2: too low a tier
        ("iron_ore", "stone_pickaxe", 23, "iron_ore"),
        ("diamond_ore", "stone_pickaxe", 75, ""),
        ("diamond_ore", "iron_pickaxe", 15, "diamond"),
        ("obsidian", "diamond_pickaxe", 188, "obsidian"),  # 50 x 30 / 8
        ("wool", "shears", 5, "wool"),
        ("tallgrass", "", 1, None),
    ],
)
def test_digging_takes_the_ticks_of_minecraft(arena, block, tool, ticks, drop):
    world = arena(pitch=50.0)
    if tool:
        world.give((tool, 1))
    world.put(block)
    world.act("attack", times=ticks - 1)
    if ticks > 1:
        assert world.blocks[16, 17, FLOOR] > 0
    world.act("attack")
    assert world.blocks[16, 17, FLOOR] == 0
    if drop is not None:
        world.act(times=12)
        dropped = world.carried() | world.dropped()
        dropped.pop(tool, None)
        assert set(dropped) == ({drop} if drop else set())


def test_digging_starts_again_after_a_pause_and_bedrock_never_breaks(arena):
    world = arena(pitch=50.0)
    world.put("dirt")
    world.act("attack", times=14)
    world.act()
    world.act("attack", times=14)
    assert world.blocks[16, 17, FLOOR] > 0
    world.put("bedrock")
    world.act("attack", times=200)
    assert world.blocks[16, 17, FLOOR] > 0


def test_a_wooden_pickaxe_breaks_with_its_sixtieth_use(arena):
    world = arena(pitch=50.0).give(("wooden_pickaxe", 1))
    for use in range(60):
        assert world.carried().get("wooden_pickaxe") == 1, use
        world.put("stone")
        world.act("attack", times=30)
    assert "wooden_pickaxe" not in world.carried()


@pytest.mark.parametrize(("height", "life"), [(3, 20), (4, 19), (10, 13), (23, 0)])
def test_a_fall_costs_its_height_less_three(arena, height, life):
    world = arena()
    world.body[w.FOOD_LEVEL] = 17  # too hungry to heal
    world.body[w.Y] = FLOOR + height
    world.act(times=60)
    assert world.body[w.HP] == life


def test_water_breaks_a_fall(arena):
    world = arena()
    world.put("water", z=16)
    world.body[w.Y] = FLOOR + 20
    world.act(times=40)
    assert world.body[w.HP] == 20


def test_lava_costs_four_every_half_second_and_sets_on_fire(arena):
    world = arena()
    world.put("lava", z=16)
    world.body[w.FOOD_LEVEL] = 17  # too hungry to heal
    lives = []
    for _ in range(21):
        world.act()
        lives.append(world.body[w.HP])
    assert lives[0] == 16
    assert lives[9] == 16
    assert lives[10] == 12
    assert lives[20] == 8
    world.blocks[16, 16, FLOOR] = 0
    world.act(times=100)
    assert 0 < world.body[w.HP] < 8  # still on fire: 1 every second


def test_fire_goes_out_in_water(arena):
    world = arena()
    world.count[w.FIRE] = 200
    world.put("water", z=16)
    world.act()
    assert world.count[w.FIRE] == 0
    assert world.body[w.HP] == 20


def test_air_lasts_fifteen_seconds_then_two_a_second(arena):
    world = arena()
    world.blocks[:, :, FLOOR : FLOOR + 4] = 1
    world.body[w.FOOD_LEVEL] = 17  # too hungry to heal
    world.act(times=319)
    assert world.body[w.HP] == 20
    world.act()
    assert world.body[w.HP] == 18
    world.act(times=20)
    assert world.body[w.HP] == 16


def test_starving_stops_at_one(arena):
    world = arena()
    world.body[[w.FOOD_LEVEL, w.SATURATION_LEVEL, w.HP]] = 0.0, 0.0, 3.0
    world.act(times=80)
    assert world.body[w.HP] == 2
    world.act(times=400)
    assert world.body[w.HP] == 1


def test_the_well_fed_heal_and_grow_hungry(arena):
    world = arena()
    world.body[[w.FOOD_LEVEL, w.SATURATION_LEVEL, w.HP]] = 18.0, 0.0, 10.0
    world.act(times=80)
    assert world.body[w.HP] == 11
    world.act()
    assert world.body[w.FOOD_LEVEL] == 17  # healing one half heart exhausts by 6: more than one food point


def test_armour_reduces_damage(arena):
    bare, clad = arena(), arena()
    for slot, piece in enumerate(("boots", "leggings", "chestplate", "helmet")):
        clad.slots[36 + slot, :2] = clad_item(f"iron_{piece}"), 1
    for world in (bare, clad):
        world.put("lava", z=16)
        world.act()
    assert bare.body[w.HP] == 16
    # 15 points: 4 x (1 - max(3, 15 - 2) / 25) = 4 x 0.48
    assert clad.body[w.HP] == pytest.approx(20 - 4 * 0.48)


def clad_item(name):
    from quintain.envs.minecraft.items import ITEM_ID

    return ITEM_ID[name]


def test_cactus_hurts_and_suffocation_too(arena):
    world = arena()
    world.put("cactus")
    world.act(walk=FORWARD, times=20)
    assert world.body[w.HP] < 20
    world = arena()
    world.put("stone", y=FLOOR + 1, z=16)
    world.act()
    assert world.body[w.HP] == 19


def test_positions_are_numbers_whatever_happens(arena):
    world = arena()
    rng = np.random.default_rng(0)
    for action in rng.integers(0, [3, 3, 4, 25, 25, 8, 244, 36], (300, 8)):
        world.simulator.step(action[None], np.ones(1, np.bool_))
    assert np.isfinite(world.body).all()
