"""The blocks of the voxel simulator: MineDojo's 1.11.2 names, hardness, tools, drops and light.

Hardness, effective tools and drops are those of Minecraft 1.11 as the ``minecraft-data`` package lists them; a test
compares the two where that package is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = ["BARRIER", "BLOCKS", "BLOCK_ID", "FLUID_LEVELS", "TOOL_CLASSES", "Block", "block_array"]

Tool = Literal["", "pickaxe", "axe", "shovel", "sword", "shears"]
#: Tool classes by number, as kernels use them; 0 is no tool.
TOOL_CLASSES: tuple[Tool, ...] = ("", "pickaxe", "axe", "shovel", "sword", "shears")


@dataclass(frozen=True, slots=True)
class Block:
    """What the simulator knows about one kind of block.

    Attributes:
        key: Unique key within the simulator.
        name: MineDojo's name, which variants share.
        hardness: Seconds of digging are hardness x 1.5 with the right tool at speed 1; -1 means unbreakable.
        tool: Class of tools that digs it faster, or ``""``.
        tier: Lowest tier of pickaxe that yields a drop: 0 bare hand, 1 wood or gold, 2 stone, 3 iron, 4 diamond. A
            shovel is needed where ``tool`` is ``"shovel"``.
        drop: Name of the item that it drops, or ``""``.
        count: Smallest and largest number of items dropped.
        chance: Probability of a drop.
        meta: MineDojo's block metadata.
        solid: Whether it blocks movement.
        opaque: Whether it blocks light and sight.
        liquid: 0 none, 1 water, 2 lava.
        replaceable: Whether placing a block or a flowing liquid removes it.
        burns: Whether fire can consume it.
    """

    key: str
    name: str
    hardness: float
    tool: Tool = ""
    tier: int = 0
    drop: str = ""
    count: tuple[int, int] = (1, 1)
    chance: float = 1.0
    meta: int = 0
    solid: bool = True
    opaque: bool = True
    liquid: int = 0
    replaceable: bool = False
    burns: bool = False


def _rock(key: str, hardness: float, tier: int = 1, drop: str | None = None, most: int = 1, least: int = 1) -> Block:
    return Block(key, key, hardness, "pickaxe", tier, key if drop is None else drop, (least, most))


def _soil(key: str, hardness: float, drop: str | None = None, count: int = 1, tier: int = 0) -> Block:
    return Block(key, key, hardness, "shovel", tier, key if drop is None else drop, (count, count))


def _wood(key: str, hardness: float, name: str = "", meta: int = 0) -> Block:
    return Block(key, name or key, hardness, "axe", 0, name or key, meta=meta, burns=True)


def _leaves(key: str, meta: int) -> Block:
    return Block(key, "leaves", 0.2, "shears", 0, "sapling", chance=0.05, meta=meta, burns=True)


def _plant(key: str, drop: str | None = None, chance: float = 1.0, most: int = 1, replaceable: bool = False) -> Block:
    return Block(
        key, key, 0.0, "", 0, key if drop is None else drop, (1, most), chance, 0, False, False, 0, replaceable
    )


def _liquid(key: str, name: str, liquid: int, meta: int) -> Block:
    return Block(key, name, -1.0, meta=meta, solid=False, opaque=False, liquid=liquid, replaceable=True)


#: Distance that a liquid flows from its source, in blocks: water, lava.
FLUID_LEVELS = {1: 7, 2: 3}

_WATER = [_liquid("water", "water", 1, 0), *(_liquid(f"water_{i}", "flowing_water", 1, i) for i in range(1, 8))]
_LAVA = [_liquid("lava", "lava", 2, 0), *(_liquid(f"lava_{i}", "flowing_lava", 2, 2 * i) for i in range(1, 4))]

#: All blocks; the position in this list is the block's id. Sources and levels of a liquid follow each other.
BLOCKS: tuple[Block, ...] = (
    Block("air", "air", -1.0, solid=False, opaque=False, replaceable=True),
    *_WATER,
    *_LAVA,
    Block("bedrock", "bedrock", -1.0),
    _rock("stone", 1.5, drop="cobblestone"),
    _rock("cobblestone", 2.0),
    _rock("stonebrick", 1.5),
    _rock("obsidian", 50.0, 4),
    _rock("sandstone", 0.8),
    _rock("coal_ore", 3.0, 1, "coal"),
    _rock("iron_ore", 3.0, 2),
    _rock("gold_ore", 3.0, 3),
    _rock("redstone_ore", 3.0, 3, "redstone", 5, 4),
    _rock("diamond_ore", 3.0, 3, "diamond"),
    _rock("furnace", 3.5),
    _rock("coal_block", 5.0),
    _rock("iron_block", 5.0, 2),
    _rock("gold_block", 3.0, 3),
    _rock("diamond_block", 5.0, 3),
    _rock("redstone_block", 5.0),
    _rock("hardened_clay", 1.25),
    _soil("grass", 0.6, "dirt"),
    _soil("dirt", 0.5),
    _soil("sand", 0.5),
    _soil("gravel", 0.6),
    _soil("clay", 0.6, "clay_ball", 4),
    _soil("snow", 0.2, "snowball", 4, tier=1),
    _wood("log_oak", 2.0, "log"),
    _wood("log_spruce", 2.0, "log", 1),
    _wood("log_birch", 2.0, "log", 2),
    _wood("planks", 2.0),
    _wood("crafting_table", 2.5),
    _wood("pumpkin", 1.0),
    _leaves("leaves_oak", 0),
    _leaves("leaves_spruce", 1),
    _leaves("leaves_birch", 2),
    Block("wool", "wool", 0.8, "shears", 0, "wool", burns=True),
    Block("glass", "glass", 0.3, opaque=False),
    Block("ice", "ice", 0.5, "pickaxe", opaque=False),
    Block("cactus", "cactus", 0.4, "", 0, "cactus", opaque=False),
    _plant("tallgrass", "wheat_seeds", 0.125, replaceable=True),
    _plant("deadbush", "stick", 0.67, 2, replaceable=True),
    _plant("yellow_flower"),
    _plant("red_flower"),
    _plant("sapling"),
    _plant("reeds"),
    _plant("torch"),
    Block("barrier", "barrier", -1.0, opaque=False),
)
#: Key of a block -> id.
BLOCK_ID: dict[str, int] = {block.key: number for number, block in enumerate(BLOCKS)}
#: What is above and below the world; never inside it.
BARRIER = BLOCK_ID["barrier"]


def block_array(attribute: str, dtype: type) -> np.ndarray:
    """Return one attribute of every block by id, as an array for kernels; shape ``(len(BLOCKS),)``."""
    return np.array([getattr(block, attribute) for block in BLOCKS], dtype=dtype)
