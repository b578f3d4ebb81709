"""Nothing comes from nothing: crafting, placing, dropping; and masks that say exactly what is possible."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba")

from quintain.envs.minecraft.blocks import BLOCK_ID, BLOCKS
from quintain.envs.minecraft.items import ITEM_ID, ITEMS, SLOTS
from quintain.envs.minecraft.kernels import world as w
from quintain.envs.minecraft.recipes import CRAFTS, RECIPES

FLOOR = 10
STOCK = (
    ("log", 12), ("planks", 20), ("stick", 10), ("cobblestone", 30), ("coal", 4), ("iron_ore", 8), ("iron_ingot", 12),
    ("crafting_table", 1), ("furnace", 1), ("sand", 9), ("diamond", 5), ("wooden_pickaxe", 1), ("beef", 3),
    ("iron_helmet", 1), ("torch", 6), ("bucket", 2),
)  # fmt: skip


def workshop(arena):
    """An agent on bedrock, with a crafting table and a furnace in reach and a stock of materials."""
    world = arena(pitch=30.0).give(*STOCK)
    world.blocks[:, :, :FLOOR] = BLOCK_ID["bedrock"]
    for name, x in (("crafting_table", 14), ("furnace", 18)):
        world.put(name, x=x)
    world.count[[w.TABLES, w.FURNACES]] = 1
    return world


def totals(world):
    """Number of each item: carried, worn, dropped, or standing as the block that it places."""
    found = np.zeros(len(ITEMS), np.int64)
    np.add.at(found, world.slots[:, 0], world.slots[:, 1])
    rows = world.drops[world.drops[:, w.D_ITEM] > 0]
    np.add.at(found, rows[:, w.D_ITEM].astype(int), rows[:, w.D_COUNT].astype(int))
    blocks = np.bincount(world.blocks.ravel(), minlength=len(BLOCKS))
    for number, item in enumerate(ITEMS):
        if item.places:
            found[number] += blocks[BLOCK_ID[item.places]]
    found[0] = 0
    return found


ACTIONS = st.tuples(
    st.sampled_from(["none", "use", "drop", "attack", "craft", "craft", "equip", "place", "destroy"]),
    st.sampled_from([CRAFTS[number] for number in RECIPES] + ["cake", "anvil"]),
    st.integers(0, SLOTS - 1),
    st.integers(10, 14),
    st.integers(0, 2),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(ACTIONS, min_size=5, max_size=40))
def test_items_never_appear_from_nothing(arena, actions):
    world = workshop(arena)
    before = totals(world)
    for function, craft, slot, camera, walk in actions:
        world.act(function, craft=craft, slot=slot, pitch=camera, yaw=camera, walk=walk)
        after = totals(world)
        gained = {ITEMS[i].name: int(after[i] - before[i]) for i in np.flatnonzero(after > before)}
        if function == "craft" and not world.count[w.FAILED]:
            recipe = next(r for r in RECIPES.values() if r.makes == craft)
            assert gained == {craft: recipe.count}
            for name, number in recipe.needs.items():
                assert before[ITEM_ID[name]] - after[ITEM_ID[name]] >= number
        elif function == "attack":
            assert after.sum() <= before.sum()  # a block becomes what it drops
        elif function == "use" and gained:
            assert set(gained) <= {"bucket", "water_bucket", "lava_bucket"}
            assert after.sum() <= before.sum()
        else:
            assert not gained, (function, gained)
        check_slots(world)
        before = after


def check_slots(world):
    counted = np.zeros(len(ITEMS), np.int64)
    np.add.at(counted, world.slots[:SLOTS, 0], world.slots[:SLOTS, 1])
    counted[0] = 0
    np.testing.assert_array_equal(world.have, counted)
    for item, number, uses in world.slots:
        assert 0 <= number <= ITEMS[item].stack
        assert (number == 0) == (item == 0)
        assert uses >= 0


def test_from_a_log_to_a_wooden_pickaxe(arena):
    world = arena(pitch=45.0).give(("log", 3))
    world.act("craft", craft="planks", times=3)
    assert world.carried() == {"planks": 12}
    world.act("craft", craft="wooden_pickaxe")  # no table, no sticks
    assert world.count[w.FAILED]
    world.act("craft", craft="stick")
    world.act("craft", craft="crafting_table")
    assert world.carried() == {"planks": 6, "stick": 4, "crafting_table": 1}
    slot = int(np.flatnonzero(world.slots[:, 0] == ITEM_ID["crafting_table"])[0])
    world.act("place", slot=slot)
    assert world.carried() == {"planks": 6, "stick": 4}
    world.act("craft", craft="wooden_pickaxe")
    assert world.carried() == {"planks": 3, "stick": 2, "wooden_pickaxe": 1}


def test_one_coal_smelts_eight_and_planks_one_and_a_half(arena):
    world = workshop(arena)
    world.slots[:SLOTS] = 0
    world.have[:] = 0
    world.give(("iron_ore", 12), ("coal", 1), ("planks", 2))
    world.act("craft", craft="iron_ingot", times=3)
    assert world.carried() == {"iron_ore": 9, "iron_ingot": 3, "coal": 1}  # two planks burn first: three items
    world.act("craft", craft="iron_ingot", times=9)
    assert world.carried() == {"iron_ore": 1, "iron_ingot": 11}
    assert world.count[w.FAILED]  # the ninth finds no fuel


def test_an_ingredient_does_not_burn_as_its_own_fuel(arena):
    world = workshop(arena)
    world.slots[:SLOTS] = 0
    world.have[:] = 0
    world.give(("log", 1))
    world.act("craft", craft="coal")
    assert world.carried() == {"log": 1}
    world.give(("log", 2))
    world.have[ITEM_ID["log"]] = 2
    world.act("craft", craft="coal")
    assert world.carried() == {"coal": 1}


@pytest.mark.parametrize("steps", [0, 7, 25])
def test_masks_say_exactly_what_is_possible(arena, steps):
    world = workshop(arena)
    rng = np.random.default_rng(steps)
    for action in rng.integers(0, [3, 3, 4, 25, 25, 8, 244, 36], (steps, 8)):
        world.simulator.step(action[None], np.ones(1, np.bool_))
    world.act()
    mask = world.simulator.masks()[0].astype(bool)
    functions, crafts = mask[:8], mask[8:252]
    equip, place, destroy = mask[252:].reshape(3, SLOTS)
    assert functions[[0, 1, 3]].all()

    def possible(function, craft="", slot=0):
        trial = copy.copy(world)
        trial.simulator = copy.deepcopy(world.simulator)
        trial.act(function, craft=craft, slot=slot)
        return not trial.simulator.world.counts[0, w.FAILED]

    for name, allowed in zip(CRAFTS, crafts, strict=True):
        assert possible("craft", craft=name) == allowed, name
    for slot in range(SLOTS):
        assert possible("equip", slot=slot) == equip[slot]
        assert possible("destroy", slot=slot) == destroy[slot]
        assert place[slot] == bool(ITEMS[world.slots[slot, 0]].places)
        assert place[slot] or not possible("place", slot=slot)
    assert possible("drop") == functions[2]
    assert [crafts.any(), equip.any(), place.any(), destroy.any()] == functions[4:].tolist()


def test_eating_wearing_and_buckets(arena):
    world = arena(pitch=45.0).give(("beef", 2))
    world.body[w.FOOD_LEVEL] = 10
    world.act("use")
    assert world.body[w.FOOD_LEVEL] == 13
    assert world.carried() == {"beef": 1}
    world = arena().give(("dirt", 1), ("iron_helmet", 1))
    world.act("equip", slot=1)
    assert world.slots[SLOTS + 3, 0] == ITEM_ID["iron_helmet"]
    assert world.carried() == {"dirt": 1}
    world = arena(pitch=45.0).give(("bucket", 1))
    world.put("water", y=FLOOR - 1, z=18)
    world.act("use")
    assert world.carried() == {"water_bucket": 1}
    world.act("use")
    assert world.carried() == {"bucket": 1}
    assert BLOCKS[world.blocks[16, 18, FLOOR - 1]].name == "water"


def test_a_full_inventory_leaves_drops_on_the_ground(arena):
    world = arena(pitch=50.0)
    world.give(*[("diamond_block", 64)] * SLOTS)
    world.put("dirt")
    world.act("attack", times=30)
    assert world.dropped() == {"dirt": 1}
    world.act("destroy", slot=5)
    assert world.carried()["dirt"] == 1
