"""MineDojo's list of 244 craft arguments, and the recipes of those that the simulator supports.

The order is MineDojo's: 54 made by hand, 170 at a crafting table, 20 in a furnace, each alphabetical. Arguments without
a recipe here stay in the action space and are always masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quintain.envs.minecraft.items import ITEM_ID

__all__ = ["BY_HAND", "CRAFTS", "IN_FURNACE", "RECIPES", "Recipe"]


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


BY_HAND = _names(
    """blaze_powder book brick_block carpet carrot_on_a_stick chest_minecart clay crafting_table dye end_bricks
    end_rod ender_eye flint_and_steel furnace_minecart glowstone gold_nugget heavy_weighted_pressure_plate
    hopper_minecart iron_nugget iron_trapdoor leather lever light_weighted_pressure_plate lit_pumpkin magma
    magma_cream melon_seeds mossy_cobblestone nether_brick planks pumpkin_seeds purpur_block purpur_pillar
    quartz_block red_nether_brick red_sandstone redstone_torch sandstone shears slime_ball snow stick
    sticky_piston stone_button stone_pressure_plate stonebrick sugar tnt_minecart torch trapped_chest wheat
    wooden_button wooden_pressure_plate wool"""
)
_AT_TABLE = _names(
    """acacia_boat acacia_door acacia_fence acacia_fence_gate acacia_stairs activator_rail anvil armor_stand
    arrow banner beacon bed beetroot_soup birch_boat birch_door birch_fence birch_fence_gate birch_stairs boat
    bone_block bookshelf bow bowl bread brewing_stand brick_stairs bucket cake cauldron chest clock coal_block
    cobblestone_wall comparator compass cookie dark_oak_boat dark_oak_door dark_oak_fence dark_oak_fence_gate
    dark_oak_stairs daylight_detector detector_rail diamond_axe diamond_block diamond_boots diamond_chestplate
    diamond_helmet diamond_hoe diamond_leggings diamond_pickaxe diamond_shovel diamond_sword dispenser dropper
    emerald_block enchanting_table end_crystal ender_chest fence fence_gate fermented_spider_eye fire_charge
    fishing_rod flower_pot furnace glass_bottle glass_pane gold_block golden_apple golden_axe golden_boots
    golden_carrot golden_chestplate golden_helmet golden_hoe golden_leggings golden_pickaxe golden_rail
    golden_shovel golden_sword hay_block hopper iron_axe iron_bars iron_block iron_boots iron_chestplate
    iron_door iron_helmet iron_hoe iron_leggings iron_pickaxe iron_shovel iron_sword item_frame jukebox
    jungle_boat jungle_door jungle_fence jungle_fence_gate jungle_stairs ladder lapis_block lead leather_boots
    leather_chestplate leather_helmet leather_leggings map melon_block minecart mushroom_stew nether_brick_fence
    nether_brick_stairs nether_wart_block noteblock oak_stairs observer painting paper piston prismarine
    pumpkin_pie purple_shulker_box purpur_slab purpur_stairs quartz_stairs rabbit_stew rail red_sandstone_stairs
    redstone_block redstone_lamp repeater sandstone_stairs sea_lantern shield sign slime snow_layer
    speckled_melon spectral_arrow spruce_boat spruce_door spruce_fence spruce_fence_gate spruce_stairs
    stained_glass stained_glass_pane stained_hardened_clay stone_axe stone_brick_stairs stone_hoe stone_pickaxe
    stone_shovel stone_slab stone_slab2 stone_stairs stone_sword tnt trapdoor tripwire_hook wooden_axe
    wooden_door wooden_hoe wooden_pickaxe wooden_shovel wooden_slab wooden_sword writable_book"""
)
IN_FURNACE = _names(
    """baked_potato brick chorus_fruit_popped coal cooked_beef cooked_chicken cooked_fish cooked_mutton
    cooked_porkchop cooked_rabbit diamond emerald glass gold_ingot hardened_clay iron_ingot netherbrick quartz
    redstone stone"""
)
#: Craft arguments of the action space by number.
CRAFTS: tuple[str, ...] = BY_HAND + _AT_TABLE + IN_FURNACE


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one craft argument is made.

    Attributes:
        makes: Name of the item.
        count: Number made at once.
        needs: Ingredients by name.
        place: ``"hand"``, ``"table"`` or ``"furnace"``: what must be near.
    """

    makes: str
    count: int
    needs: Mapping[str, int]
    place: str


_COUNTED: dict[str, tuple[int, dict[str, int]]] = {
    "book": (1, {"paper": 3, "leather": 1}), "clay": (1, {"clay_ball": 4}), "crafting_table": (1, {"planks": 4}),
    "flint_and_steel": (1, {"iron_ingot": 1, "flint": 1}), "gold_nugget": (9, {"gold_ingot": 1}),
    "iron_nugget": (9, {"iron_ingot": 1}), "planks": (4, {"log": 1}), "sandstone": (1, {"sand": 4}),
    "shears": (1, {"iron_ingot": 2}), "snow": (1, {"snowball": 4}), "stick": (4, {"planks": 2}),
    "stonebrick": (4, {"stone": 4}), "sugar": (1, {"reeds": 1}), "torch": (4, {"coal": 1, "stick": 1}),
    "arrow": (4, {"flint": 1, "stick": 1, "feather": 1}), "bed": (1, {"wool": 3, "planks": 3}),
    "boat": (1, {"planks": 5}), "bookshelf": (1, {"planks": 6, "book": 3}), "bowl": (4, {"planks": 3}),
    "bucket": (1, {"iron_ingot": 3}), "cauldron": (1, {"iron_ingot": 7}), "chest": (1, {"planks": 8}),
    "clock": (1, {"gold_ingot": 4, "redstone": 1}), "compass": (1, {"iron_ingot": 4, "redstone": 1}),
    "coal_block": (1, {"coal": 9}), "diamond_block": (1, {"diamond": 9}), "gold_block": (1, {"gold_ingot": 9}),
    "iron_block": (1, {"iron_ingot": 9}), "redstone_block": (1, {"redstone": 9}),
    "fence": (3, {"planks": 4, "stick": 2}), "fence_gate": (1, {"planks": 2, "stick": 4}),
    "furnace": (1, {"cobblestone": 8}), "golden_apple": (1, {"gold_ingot": 8, "apple": 1}),
    "hopper": (1, {"iron_ingot": 5, "chest": 1}), "iron_bars": (16, {"iron_ingot": 6}),
    "iron_door": (3, {"iron_ingot": 6}), "item_frame": (1, {"stick": 8, "leather": 1}),
    "jukebox": (1, {"planks": 8, "diamond": 1}), "ladder": (3, {"stick": 7}), "map": (1, {"paper": 8, "compass": 1}),
    "minecart": (1, {"iron_ingot": 5}), "noteblock": (1, {"planks": 8, "redstone": 1}),
    "painting": (1, {"stick": 8, "wool": 1}), "paper": (3, {"reeds": 3}), "rail": (16, {"iron_ingot": 6, "stick": 1}),
    "shield": (1, {"planks": 6, "iron_ingot": 1}), "sign": (3, {"planks": 6, "stick": 1}),
    "trapdoor": (2, {"planks": 6}), "wooden_door": (3, {"planks": 6}),
    "brick": (1, {"clay_ball": 1}), "coal": (1, {"log": 1}), "cooked_beef": (1, {"beef": 1}),
    "cooked_chicken": (1, {"chicken": 1}), "cooked_mutton": (1, {"mutton": 1}),
    "cooked_porkchop": (1, {"porkchop": 1}), "glass": (1, {"sand": 1}), "gold_ingot": (1, {"gold_ore": 1}),
    "hardened_clay": (1, {"clay": 1}), "iron_ingot": (1, {"iron_ore": 1}), "stone": (1, {"cobblestone": 1}),
}  # fmt: skip
_TOOL_COSTS = {"sword": (2, 1), "pickaxe": (3, 2), "axe": (3, 2), "shovel": (1, 2), "hoe": (2, 2)}
_ARMOUR_COSTS = {"boots": 4, "leggings": 7, "chestplate": 8, "helmet": 5}
_MATERIALS = {
    "wooden": "planks", "stone": "cobblestone", "iron": "iron_ingot", "golden": "gold_ingot", "diamond": "diamond",
    "leather": "leather",
}  # fmt: skip


def _ingredients(name: str) -> tuple[int, dict[str, int]] | None:
    if name in _COUNTED:
        return _COUNTED[name]
    material, _, piece = name.partition("_")
    if name in ITEM_ID and material in _MATERIALS and piece in _TOOL_COSTS:
        heads, sticks = _TOOL_COSTS[piece]
        return 1, {_MATERIALS[material]: heads, "stick": sticks}
    if name in ITEM_ID and material in _MATERIALS and piece in _ARMOUR_COSTS:
        return 1, {_MATERIALS[material]: _ARMOUR_COSTS[piece]}
    return None


def _recipes() -> dict[int, Recipe]:
    found = {}
    for number, name in enumerate(CRAFTS):
        known = _ingredients(name)
        if known is not None:
            furnace = number >= len(BY_HAND) + len(_AT_TABLE)
            place = "furnace" if furnace else "hand" if number < len(BY_HAND) else "table"
            found[number] = Recipe(name, known[0], known[1], place)
    return found


#: Craft argument -> recipe, for the arguments that the simulator supports.
RECIPES: dict[int, Recipe] = _recipes()
