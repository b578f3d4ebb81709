"""The names of Minecraft 1.16.5 for the blocks, items and mobs of the simulator, which have those of 1.11.2."""

from __future__ import annotations

from quintain.envs.minecraft.blocks import BLOCKS, Block
from quintain.envs.minecraft.items import ITEMS
from quintain.envs.minecraft.tasks import MOBS

__all__ = ["VERSION", "block_states", "item_names", "mob_names", "window_slot"]

#: The version of the protocol that the own server speaks.
VERSION = "1.16.5"
#: Names that changed with 1.13, of blocks and of items.
_RENAMED = {
    "log": "oak_log", "log_oak": "oak_log", "log_spruce": "spruce_log", "log_birch": "birch_log",
    "leaves": "oak_leaves", "leaves_oak": "oak_leaves", "leaves_spruce": "spruce_leaves",
    "leaves_birch": "birch_leaves", "planks": "oak_planks", "sapling": "oak_sapling", "grass": "grass_block",
    "tallgrass": "grass", "deadbush": "dead_bush", "yellow_flower": "dandelion", "red_flower": "poppy",
    "wool": "white_wool", "reeds": "sugar_cane", "stonebrick": "stone_bricks", "hardened_clay": "terracotta",
    "snow": "snow_block", "trapdoor": "oak_trapdoor", "fence": "oak_fence", "fence_gate": "oak_fence_gate",
    "noteblock": "note_block", "wooden_door": "oak_door", "sign": "oak_sign", "boat": "oak_boat", "bed": "white_bed",
}  # fmt: skip


def block_states() -> list[tuple[str, dict[str, int] | None]]:
    """Return name and properties of every block, by its id."""
    return [_state(block) for block in BLOCKS]


def _state(block: Block) -> tuple[str, dict[str, int] | None]:
    if block.liquid:
        return ("water" if block.liquid == 1 else "lava"), {"level": block.meta}
    return _RENAMED.get(block.key, block.key), None


def item_names() -> list[str]:
    """Return the name of every item, by its id; ``"air"`` for none."""
    return [_RENAMED.get(item.name, item.name) for item in ITEMS]


def mob_names() -> list[str]:
    """Return the name of every mob, by its number; ``""`` for none."""
    return ["", *MOBS]


def window_slot(slot: int) -> int:
    """Return the slot of the client's inventory window: 0 to 8 is its hot bar; 36 to 40 are feet to head, off hand.

    Example:
        >>> [window_slot(k) for k in (0, 8, 9, 35, 36, 39, 40)]
        [36, 44, 9, 35, 8, 5, 45]
    """
    if slot < 9:
        return 36 + slot
    return slot if slot < 36 else 44 - slot if slot < 40 else 45
