"""The state of E worlds as arrays, and the elementary reads and writes of one of them.

Worlds are tori: x and z wrap around at the side S, a power of two, so there is no border to run into. Positions do not
wrap; every read of a block does.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from quintain.envs.minecraft.items import N_SLOTS
from quintain.envs.minecraft.kernels.compiled import compiled
from quintain.envs.minecraft.kernels.tables import BARRIER, N_ITEMS, OPAQUE

#: Height of every world, in blocks; layer 0 is bedrock.
HEIGHT = 48
#: Highest layer of still water.
SEA_LEVEL = 21
#: Highest layer of lava in caves.
LAVA_LEVEL = 6
#: Animals and zombies, dropped stacks, and pending updates of liquids that a world holds at most.
MOBS, DROPS, QUEUE = 20, 32, 512
#: Half of the agent's width, its height, and the height of its eye, in blocks.
HALF, TALL, EYE = 0.3, 1.8, 1.62
#: Farthest block that it reaches, and farthest mob, in blocks.
REACH, MOB_REACH = 4.5, 3.0

# Columns of World.body.
X, Y, Z, VX, VY, VZ, YAW, PITCH, HP, FOOD_LEVEL, SATURATION_LEVEL, EXHAUSTION, FALL, DIG, LAST_DAMAGE = range(15)
DAMAGE_TAKEN, DAMAGE_YAW, DAMAGE_DISTANCE, HUNGER_DAMAGE, START_X, START_Z = range(15, 21)
N_BODY = 21
# Columns of World.counts.
ON_GROUND, OXYGEN, FIRE, HURT_TIMER, FOOD_TIMER, DIG_X, DIG_Y, DIG_Z, DIG_DELAY, TIME, DEAD, HEAD_IN = range(12)
FEET_IN, TABLES, FURNACES, NEAR_TABLE, NEAR_FURNACE, BURN, XP, QUEUE_HEAD, QUEUE_TAIL, TICKS = range(12, 22)
DAMAGE_CAUSE, FIRE_DAMAGE, FAILED, PLACED, MINED, BROKEN, TORCHES, PROGRESS = range(22, 30)
#: Kills by kind of mob: cow, sheep, pig, chicken, zombie.
KILLS = 30
#: Rows of World.drops that may be in use.
DROP_ROWS = 35
N_COUNT = 36
# Columns of World.mobs.
KIND, MX, MY, MZ, MVX, MVY, MVZ, MYAW, MHP, MHURT, MTIMER, MGOAL, MFLEE, MSHORN, MFIRE = range(15)
N_MOB = 15
# Columns of World.drops.
D_ITEM, D_COUNT, D_USES, DX, DY, DZ, DVY, D_AGE = range(8)
N_DROP = 8
# Kinds of mobs; 0 is an empty row.
COW, SHEEP, PIG, CHICKEN, ZOMBIE = 1, 2, 3, 4, 5
#: Causes of damage and death.
CAUSES = ("", "fall", "lava", "fire", "drowning", "starvation", "suffocation", "cactus", "zombie")
C_FALL, C_LAVA, C_FIRE, C_DROWN, C_STARVE, C_WALL, C_CACTUS, C_ZOMBIE = range(1, 9)


Bytes: TypeAlias = NDArray[np.uint8]
Words: TypeAlias = NDArray[np.uint64]
Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


class World(NamedTuple):
    """E worlds of side S, as structure of arrays.

    Attributes:
        blocks: Block ids, shape ``(E, S, S, HEIGHT)``, indexed x, z, y.
        biome: Biome ids, shape ``(E, S, S)``.
        top: Height of the highest block that blocks light, shape ``(E, S, S)``.
        body: Continuous state of the agent, shape ``(E, N_BODY)``.
        counts: Integer state of the agent and of the world, shape ``(E, N_COUNT)``.
        slots: Item, number, uses of each slot, shape ``(E, N_SLOTS, 3)``.
        have: Number of each item in the 36 slots, shape ``(E, N_ITEMS)``.
        gained: Number of each item when the episode began, shape ``(E, N_ITEMS)``.
        used: Whether each item was used in the episode, shape ``(E, N_ITEMS)``.
        mobs: Mobs, shape ``(E, MOBS, N_MOB)``.
        drops: Dropped stacks, shape ``(E, DROPS, N_DROP)``.
        queue: Pending updates of liquids: packed cell and tick, shape ``(E, QUEUE, 2)``.
        random: State of each world's random generator, shape ``(E,)``.
    """

    blocks: NDArray[np.uint8]
    biome: NDArray[np.uint8]
    top: NDArray[np.uint8]
    body: NDArray[np.float64]
    counts: NDArray[np.int64]
    slots: NDArray[np.int64]
    have: NDArray[np.int64]
    gained: NDArray[np.int64]
    used: NDArray[np.bool_]
    mobs: NDArray[np.float64]
    drops: NDArray[np.float64]
    queue: NDArray[np.int64]
    random: NDArray[np.uint64]


def empty_world(num_envs: int, side: int) -> World:
    """Allocate the state of ``num_envs`` worlds of ``side`` blocks, all zero."""
    cells = (num_envs, side, side)
    return World(
        np.zeros((*cells, HEIGHT), np.uint8),
        np.zeros(cells, np.uint8),
        np.zeros(cells, np.uint8),
        np.zeros((num_envs, N_BODY)),
        np.zeros((num_envs, N_COUNT), np.int64),
        np.zeros((num_envs, N_SLOTS, 3), np.int64),
        np.zeros((num_envs, N_ITEMS), np.int64),
        np.zeros((num_envs, N_ITEMS), np.int64),
        np.zeros((num_envs, N_ITEMS), np.bool_),
        np.zeros((num_envs, MOBS, N_MOB)),
        np.zeros((num_envs, DROPS, N_DROP)),
        np.zeros((num_envs, QUEUE, 2), np.int64),
        np.zeros(num_envs, np.uint64),
    )


@compiled
def uniform(random: Words) -> float:
    """Draw from [0, 1) with the splitmix64 generator."""
    z = random[0] + np.uint64(0x9E3779B97F4A7C15)
    random[0] = z
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return float(z >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@compiled
def draw(random: Words, n: int) -> int:
    """Draw an integer from 0 to n - 1."""
    return int(uniform(random) * n)


@compiled
def floor(value: float) -> int:
    """Round down to an integer."""
    whole = int(value)
    return whole - 1 if value < whole else whole


@compiled
def block_at(blocks: Bytes, x: int, y: int, z: int) -> int:
    """Read a block; air above the world, a barrier below it."""
    if y >= HEIGHT:
        return 0
    if y < 0:
        return BARRIER
    mask = blocks.shape[0] - 1
    return int(blocks[x & mask, z & mask, y])


@compiled
def wrapped(side: float, delta: float) -> float:
    """Return the shortest difference of two coordinates on a torus of ``side`` blocks."""
    return float(delta - side * np.floor(delta / side + 0.5))


@compiled
def find_top(blocks: Bytes, top: Bytes, x: int, z: int) -> None:
    """Find the highest opaque block of a column again; ``x`` and ``z`` lie in the world."""
    y = HEIGHT - 1
    while y > 0 and not OPAQUE[blocks[x, z, y]]:
        y -= 1
    top[x, z] = y
