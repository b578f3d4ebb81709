"""The items of the voxel simulator: stack sizes, tools, armour, food, fuel, and the blocks that they place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quintain.envs.minecraft.blocks import TOOL_CLASSES, Tool

__all__ = ["ARMOUR_SLOTS", "EQUIPMENT", "ITEMS", "ITEM_ID", "N_SLOTS", "SLOTS", "Item", "item_array"]

#: Slots of the inventory; slot 0 is the main hand.
SLOTS = 36
#: Equipment after the main hand, in MineDojo's order; these slots follow the 36.
ARMOUR_SLOTS = ("feet", "legs", "chest", "head", "off_hand")
EQUIPMENT = ("main_hand", *ARMOUR_SLOTS)
N_SLOTS = SLOTS + len(ARMOUR_SLOTS)


@dataclass(frozen=True, slots=True)
class Item:
    """What the simulator knows about one kind of item.

    Attributes:
        name: MineDojo's name.
        stack: Largest number in one slot.
        places: Key of the block that it places, or ``""``.
        tool: Class of tools that it belongs to, or ``""``.
        tier: 0 none, 1 wood or gold, 2 stone, 3 iron, 4 diamond.
        speed: Digging speed on blocks of its class; 1 is the bare hand.
        durability: Uses before it breaks, or -1.
        damage: Damage of a hit with it, in half hearts.
        armour: Armour points when worn.
        slot: Equipment slot: 0 main hand, 1 feet, 2 legs, 3 chest, 4 head, 5 off hand.
        food: Food points that eating it restores.
        saturation: Saturation that eating it restores.
        fuel: Ticks that it burns in a furnace; smelting one item takes 200.
    """

    name: str
    stack: int = 64
    places: str = ""
    tool: Tool | str = ""
    tier: int = 0
    speed: float = 1.0
    durability: int = -1
    damage: float = 1.0
    armour: int = 0
    slot: int = 0
    food: int = 0
    saturation: float = 0.0
    fuel: int = 0


#: Material -> tier, digging speed, durability, extra damage.
_MATERIALS = {
    "wooden": (1, 2.0, 59, 0.0), "stone": (2, 4.0, 131, 1.0), "iron": (3, 6.0, 250, 2.0),
    "golden": (1, 12.0, 32, 0.0), "diamond": (4, 8.0, 1561, 3.0),
}  # fmt: skip
#: Damage of axes, which follows no formula.
_AXES = {"wooden": 7.0, "stone": 9.0, "iron": 9.0, "golden": 7.0, "diamond": 9.0}
#: Material -> armour points and durability of boots, leggings, chestplate, helmet.
_ARMOUR = {
    "leather": ((1, 65), (2, 75), (3, 80), (1, 55)), "iron": ((2, 195), (5, 225), (6, 240), (2, 165)),
    "golden": ((1, 91), (3, 105), (5, 112), (2, 77)), "diamond": ((3, 429), (6, 495), (8, 528), (3, 363)),
}  # fmt: skip
_PIECES = ("boots", "leggings", "chestplate", "helmet")


def _block(name: str, key: str = "", fuel: int = 0) -> Item:
    return Item(name, places=key or name, fuel=fuel)


def _food(name: str, food: int, saturation: float) -> Item:
    return Item(name, food=food, saturation=saturation)


def _tools() -> list[Item]:
    made = []
    for material, (tier, speed, durability, extra) in _MATERIALS.items():
        fuel = 200 if material == "wooden" else 0
        for tool, damage in (("sword", 4 + extra), ("pickaxe", 2 + extra), ("axe", _AXES[material]),
                             ("shovel", 2.5 + extra), ("hoe", 1.0)):  # fmt: skip
            made.append(Item(f"{material}_{tool}", 1, "", tool, tier, speed, durability, damage, fuel=fuel))
    return made


def _armour() -> list[Item]:
    return [
        Item(f"{material}_{piece}", 1, armour=points, durability=durability, slot=slot)
        for material, pieces in _ARMOUR.items()
        for slot, (piece, (points, durability)) in enumerate(zip(_PIECES, pieces, strict=True), start=1)
    ]


_BLOCK_ITEMS = [
    *(_block(name) for name in (
        "stone", "grass", "dirt", "cobblestone", "sand", "gravel", "gold_ore", "iron_ore", "glass", "sandstone", "wool",
        "obsidian", "torch", "furnace", "cactus", "reeds", "pumpkin", "clay", "snow", "iron_block", "gold_block",
        "diamond_block", "redstone_block", "stonebrick", "hardened_clay", "tallgrass", "deadbush", "yellow_flower",
        "red_flower",
    )),
    _block("log", "log_oak", 300), _block("planks", fuel=300), _block("leaves", "leaves_oak"),
    _block("crafting_table", fuel=300), _block("sapling", fuel=100), _block("coal_block", fuel=16000),
]  # fmt: skip
_MATERIAL_ITEMS = [
    Item("stick", fuel=100), Item("coal", fuel=1600),
    *(Item(name) for name in (
        "iron_ingot", "gold_ingot", "diamond", "redstone", "iron_nugget", "gold_nugget", "flint", "feather", "leather",
        "wheat_seeds", "clay_ball", "brick", "sugar", "paper", "book", "arrow",
    )),
    Item("snowball", 16), Item("bowl", fuel=100), Item("bucket", 16), Item("water_bucket", 1),
    Item("lava_bucket", 1, fuel=20000), Item("milk_bucket", 1),
]  # fmt: skip
_FOODS = [
    _food("apple", 4, 2.4), _food("golden_apple", 4, 9.6), _food("beef", 3, 1.8), _food("cooked_beef", 8, 12.8),
    _food("porkchop", 3, 1.8), _food("cooked_porkchop", 8, 12.8), _food("mutton", 2, 1.2),
    _food("cooked_mutton", 6, 9.6), _food("chicken", 2, 1.2), _food("cooked_chicken", 6, 7.2),
    _food("rotten_flesh", 4, 0.8),
]  # fmt: skip
#: Items that can be made and carried, but neither placed nor used in this simulator.
_CARRIED = [
    *(Item(name, fuel=300) for name in ("chest", "bookshelf", "ladder", "trapdoor", "fence", "fence_gate", "jukebox",
                                        "noteblock")),
    Item("wooden_door", fuel=200), Item("sign", 16, fuel=200), Item("boat", 1, fuel=400), Item("bed", 1),
    Item("minecart", 1),
    *(Item(name) for name in ("painting", "item_frame", "cauldron", "iron_bars", "iron_door", "hopper", "rail",
                              "compass", "clock", "map")),
]  # fmt: skip

#: All items; the position in this list is the item's id.
ITEMS: tuple[Item, ...] = (
    Item("air"),
    *_BLOCK_ITEMS,
    *_MATERIAL_ITEMS,
    *_FOODS,
    *_tools(),
    *_armour(),
    Item("shears", 1, tool="shears", speed=5.0, durability=237),
    Item("flint_and_steel", 1, durability=64),
    Item("shield", 1, durability=336, slot=5),
    *_CARRIED,
)
#: Name of an item -> id.
ITEM_ID: dict[str, int] = {item.name: number for number, item in enumerate(ITEMS)}


def item_array(attribute: str, dtype: type) -> np.ndarray:
    """Return one attribute of every item by id, as an array for kernels; shape ``(len(ITEMS),)``."""
    return np.array([getattr(item, attribute) for item in ITEMS], dtype=dtype)


def tool_class(item: Item) -> int:
    """Return the number of an item's tool class; 0 for hoes too, which dig nothing faster."""
    return TOOL_CLASSES.index(item.tool) if item.tool in TOOL_CLASSES else 0
