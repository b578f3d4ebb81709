"""Blocks, items and recipes as arrays, which kernels hold as constants."""

from __future__ import annotations

import numpy as np

from quintain.envs.minecraft.blocks import BLOCK_ID, BLOCKS, TOOL_CLASSES, block_array
from quintain.envs.minecraft.items import ITEM_ID, ITEMS, item_array, tool_class
from quintain.envs.minecraft.recipes import CRAFTS, RECIPES

HARDNESS = block_array("hardness", np.float64)
BLOCK_TOOL = np.array([TOOL_CLASSES.index(block.tool) for block in BLOCKS], np.int64)
BLOCK_TIER = block_array("tier", np.int64)
BLOCK_DROP = np.array([ITEM_ID[block.drop] if block.drop else 0 for block in BLOCKS], np.int64)
DROP_COUNT = np.array([block.count for block in BLOCKS], np.int64)
DROP_CHANCE = block_array("chance", np.float64)
SOLID = block_array("solid", np.bool_)
OPAQUE = block_array("opaque", np.bool_)
LIQUID = block_array("liquid", np.int64)
REPLACEABLE = block_array("replaceable", np.bool_)

STACK = item_array("stack", np.int64)
PLACES = np.array([BLOCK_ID[item.places] if item.places else -1 for item in ITEMS], np.int64)
TOOL = np.array([tool_class(item) for item in ITEMS], np.int64)
TIER = item_array("tier", np.int64)
SPEED = item_array("speed", np.float64)
DURABILITY = item_array("durability", np.int64)
DAMAGE = item_array("damage", np.float64)
ARMOUR = item_array("armour", np.int64)
EQUIP_SLOT = item_array("slot", np.int64)
FOOD = item_array("food", np.int64)
SATURATION = item_array("saturation", np.float64)
FUEL = item_array("fuel", np.int64)
IS_HOE = np.array([item.tool == "hoe" for item in ITEMS], np.bool_)

N_ITEMS = len(ITEMS)
N_BLOCKS = len(BLOCKS)
N_CRAFTS = len(CRAFTS)

#: Rows of supported recipes: craft argument, item, number made, place (0 hand, 1 table, 2 furnace), then up to three
#: ingredients as (item, count) pairs; an ingredient of count 0 is none.
RECIPE_ROWS = np.zeros((len(RECIPES), 10), np.int64)
for _row, (_number, _recipe) in enumerate(sorted(RECIPES.items())):
    RECIPE_ROWS[_row, :4] = (
        _number,
        ITEM_ID[_recipe.makes],
        _recipe.count,
        ("hand", "table", "furnace").index(_recipe.place),
    )
    for _k, (_name, _count) in enumerate(_recipe.needs.items()):
        RECIPE_ROWS[_row, 4 + 2 * _k : 6 + 2 * _k] = ITEM_ID[_name], _count
#: Craft argument -> row of ``RECIPE_ROWS``, or -1.
RECIPE_OF = np.full(N_CRAFTS, -1, np.int64)
RECIPE_OF[RECIPE_ROWS[:, 0]] = np.arange(len(RECIPE_ROWS))
#: Fuels in the order in which a furnace takes them: what smelts least first.
FUEL_ORDER = np.array(sorted(np.flatnonzero(FUEL), key=lambda item: (FUEL[item], item)), np.int64)

AIR = BLOCK_ID["air"]
WATER = BLOCK_ID["water"]
LAVA = BLOCK_ID["lava"]
BEDROCK = BLOCK_ID["bedrock"]
STONE = BLOCK_ID["stone"]
COBBLESTONE = BLOCK_ID["cobblestone"]
OBSIDIAN = BLOCK_ID["obsidian"]
SANDSTONE = BLOCK_ID["sandstone"]
COAL_ORE = BLOCK_ID["coal_ore"]
IRON_ORE = BLOCK_ID["iron_ore"]
GOLD_ORE = BLOCK_ID["gold_ore"]
REDSTONE_ORE = BLOCK_ID["redstone_ore"]
DIAMOND_ORE = BLOCK_ID["diamond_ore"]
FURNACE = BLOCK_ID["furnace"]
GRASS = BLOCK_ID["grass"]
DIRT = BLOCK_ID["dirt"]
SAND = BLOCK_ID["sand"]
GRAVEL = BLOCK_ID["gravel"]
CLAY = BLOCK_ID["clay"]
SNOW = BLOCK_ID["snow"]
LOG_OAK = BLOCK_ID["log_oak"]
LOG_SPRUCE = BLOCK_ID["log_spruce"]
LOG_BIRCH = BLOCK_ID["log_birch"]
CRAFTING_TABLE = BLOCK_ID["crafting_table"]
PUMPKIN = BLOCK_ID["pumpkin"]
LEAVES_OAK = BLOCK_ID["leaves_oak"]
LEAVES_BIRCH = BLOCK_ID["leaves_birch"]
ICE = BLOCK_ID["ice"]
CACTUS = BLOCK_ID["cactus"]
TALLGRASS = BLOCK_ID["tallgrass"]
DEADBUSH = BLOCK_ID["deadbush"]
YELLOW_FLOWER = BLOCK_ID["yellow_flower"]
RED_FLOWER = BLOCK_ID["red_flower"]
SAPLING = BLOCK_ID["sapling"]
REEDS = BLOCK_ID["reeds"]
TORCH = BLOCK_ID["torch"]
BARRIER = BLOCK_ID["barrier"]

I_APPLE = ITEM_ID["apple"]
I_FLINT = ITEM_ID["flint"]
I_WOOL = ITEM_ID["wool"]
I_LEAVES = ITEM_ID["leaves"]
I_TALLGRASS = ITEM_ID["tallgrass"]
I_SHEARS = ITEM_ID["shears"]
I_BUCKET = ITEM_ID["bucket"]
I_WATER_BUCKET = ITEM_ID["water_bucket"]
I_LAVA_BUCKET = ITEM_ID["lava_bucket"]
I_MILK_BUCKET = ITEM_ID["milk_bucket"]
I_SHIELD = ITEM_ID["shield"]
