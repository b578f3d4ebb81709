"""Changes of blocks and what follows from them: dropped items, falling sand, plants, flowing liquids."""

from __future__ import annotations

from quintain.envs.minecraft.kernels.compiled import compiled
from quintain.envs.minecraft.kernels.tables import (
    AIR,
    BARRIER,
    BLOCK_DROP,
    CACTUS,
    COBBLESTONE,
    CRAFTING_TABLE,
    DROP_CHANCE,
    DROP_COUNT,
    FURNACE,
    GRAVEL,
    I_APPLE,
    I_FLINT,
    LAVA,
    LEAVES_BIRCH,
    LEAVES_OAK,
    LIQUID,
    OBSIDIAN,
    OPAQUE,
    REPLACEABLE,
    SAND,
    SOLID,
    STACK,
    STONE,
    TALLGRASS,
    TORCH,
    WATER,
)
from quintain.envs.minecraft.kernels.world import (
    D_AGE,
    D_COUNT,
    D_ITEM,
    D_USES,
    DROP_ROWS,
    DVY,
    DX,
    DY,
    DZ,
    FURNACES,
    HEIGHT,
    QUEUE,
    QUEUE_HEAD,
    QUEUE_TAIL,
    TABLES,
    TICKS,
    TORCHES,
    Bytes,
    Floats,
    Ints,
    Words,
    block_at,
    draw,
    find_top,
    floor,
    uniform,
)


@compiled
def schedule(blocks: Bytes, count: Ints, queue: Ints, x: int, y: int, z: int) -> None:
    """Let the liquid of a cell, if there is one, flow after 5 ticks (water) or 30 ticks (lava)."""
    liquid = LIQUID[block_at(blocks, x, y, z)]
    if liquid == 0 or count[QUEUE_TAIL] - count[QUEUE_HEAD] >= QUEUE:
        return
    mask = blocks.shape[0] - 1
    at = count[QUEUE_TAIL] % QUEUE
    queue[at, 0] = ((x & mask) * 4096 + (z & mask)) * 64 + y
    queue[at, 1] = count[TICKS] + (5 if liquid == 1 else 30)
    count[QUEUE_TAIL] += 1


@compiled
def put(blocks: Bytes, tops: Bytes, count: Ints, queue: Ints, x: int, y: int, z: int, block: int) -> None:
    """Write a block; keep the height of light and the numbers of tables, furnaces and torches; wake liquids."""
    mask = blocks.shape[0] - 1
    i, k = x & mask, z & mask
    old = blocks[i, k, y]
    blocks[i, k, y] = block
    for column, special in ((TABLES, CRAFTING_TABLE), (FURNACES, FURNACE), (TORCHES, TORCH)):
        if old == special:
            count[column] -= 1
        if block == special:
            count[column] += 1
    if OPAQUE[block]:
        tops[i, k] = max(int(tops[i, k]), y)
    elif tops[i, k] == y:
        find_top(blocks, tops, i, k)
    schedule(blocks, count, queue, x, y, z)
    for dx, dy, dz in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)):
        schedule(blocks, count, queue, x + dx, y + dy, z + dz)


@compiled
def spill(
    count: Ints, drops: Floats, item: int, number: int, uses: int, x: float, y: float, z: float, delay: int
) -> None:
    """Drop a stack; it joins an equal one nearby, and where there is no room the oldest stack vanishes."""
    if item == 0 or number <= 0:
        return
    oldest = 0
    for k in range(drops.shape[0]):
        if drops[k, D_ITEM] == 0:
            oldest = k
            break
        near = abs(drops[k, DX] - x) < 1.0 and abs(drops[k, DY] - y) < 1.0 and abs(drops[k, DZ] - z) < 1.0
        if drops[k, D_ITEM] == item and STACK[item] > 1 and near and drops[k, D_COUNT] + number <= STACK[item]:
            drops[k, D_COUNT] += number
            return
        if drops[k, D_AGE] > drops[oldest, D_AGE]:
            oldest = k
    drops[oldest, D_ITEM], drops[oldest, D_COUNT], drops[oldest, D_USES] = item, number, uses
    drops[oldest, DX], drops[oldest, DY], drops[oldest, DZ] = x, y, z
    drops[oldest, DVY], drops[oldest, D_AGE] = 0.1, -delay
    count[DROP_ROWS] = max(count[DROP_ROWS], oldest + 1)


@compiled
def yield_drop(count: Ints, drops: Floats, random: Words, block: int, x: int, y: int, z: int) -> None:
    """Drop what a block gives when it is broken with a sufficient tool."""
    item, number = BLOCK_DROP[block], DROP_COUNT[block, 0]
    number += draw(random, DROP_COUNT[block, 1] - number + 1)
    if uniform(random) >= DROP_CHANCE[block]:
        item = 0
        if LEAVES_OAK <= block <= LEAVES_BIRCH and uniform(random) < 0.005:
            item = I_APPLE
    elif block == GRAVEL and uniform(random) < 0.1:
        item = I_FLINT
    spill(count, drops, item, number, 0, x + 0.5, y + 0.25, z + 0.5, 10)


@compiled
def clear(
    blocks: Bytes, tops: Bytes, count: Ints, queue: Ints, drops: Floats, random: Words, x: int, y: int, z: int
) -> None:
    """Make a cell air; what stood on it breaks, and sand and gravel above it fall."""
    put(blocks, tops, count, queue, x, y, z, AIR)
    level = y + 1
    while level < HEIGHT:
        above = block_at(blocks, x, level, z)
        if above == AIR or (SOLID[above] and above != CACTUS) or LIQUID[above] > 0:
            break
        put(blocks, tops, count, queue, x, level, z, AIR)
        yield_drop(count, drops, random, above, x, level, z)
        level += 1
    bottom = y
    while level < HEIGHT:
        above = block_at(blocks, x, level, z)
        if above != SAND and above != GRAVEL:
            break
        while bottom > 0 and REPLACEABLE[block_at(blocks, x, bottom - 1, z)]:
            bottom -= 1
        put(blocks, tops, count, queue, x, level, z, AIR)
        put(blocks, tops, count, queue, x, bottom, z, above)
        bottom += 1
        level += 1


@compiled
def incoming(blocks: Bytes, x: int, y: int, z: int, source: int, most: int) -> int:
    """Return the level that a flowing cell gets from its neighbours; above ``most`` it dries up."""
    above = block_at(blocks, x, y + 1, z)
    if source <= above <= source + most:
        return 1
    best = most + 1
    for dx, dz in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        block = block_at(blocks, x + dx, y, z + dz)
        if source <= block <= source + most:
            best = min(best, block - source + 1)
    return best


@compiled
def meets(blocks: Bytes, x: int, y: int, z: int, liquid: int) -> bool:
    """Whether a liquid touches a cell from the sides or from above."""
    for dx, dy, dz in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, -1)):
        if LIQUID[block_at(blocks, x + dx, y + dy, z + dz)] == liquid:
            return True
    return False


@compiled
def flow_into(
    blocks: Bytes, tops: Bytes, count: Ints, queue: Ints, drops: Floats, random: Words, x: int, y: int, z: int, new: int
) -> None:
    """Let a liquid of a certain level enter a cell, unless it is blocked or as full already."""
    old = block_at(blocks, x, y, z)
    if old == BARRIER or (not REPLACEABLE[old] and (SOLID[old] or (old == TORCH and LIQUID[new] == 0))):
        return
    if LIQUID[old] == LIQUID[new] and old <= new:
        return
    if LIQUID[old] > 0 and LIQUID[old] != LIQUID[new]:
        stone = STONE if LIQUID[new] == 2 else OBSIDIAN if old == LAVA else COBBLESTONE
        put(blocks, tops, count, queue, x, y, z, stone)
        return
    if old != AIR and LIQUID[old] == 0 and old != TALLGRASS:
        yield_drop(count, drops, random, old, x, y, z)
    put(blocks, tops, count, queue, x, y, z, new)


@compiled
def flow_cell(
    blocks: Bytes, tops: Bytes, count: Ints, queue: Ints, drops: Floats, random: Words, x: int, y: int, z: int
) -> None:
    """Update one cell of liquid: harden where lava meets water, dry up or spread."""
    block = block_at(blocks, x, y, z)
    liquid = LIQUID[block]
    if liquid == 0:
        return
    source, most = (WATER, 7) if liquid == 1 else (LAVA, 3)
    if liquid == 2 and meets(blocks, x, y, z, 1):
        put(blocks, tops, count, queue, x, y, z, OBSIDIAN if block == LAVA else COBBLESTONE)
        return
    level = block - source
    if level > 0:
        wanted = incoming(blocks, x, y, z, source, most)
        if wanted != level:
            put(blocks, tops, count, queue, x, y, z, source + wanted if wanted <= most else AIR)
            return
    below = block_at(blocks, x, y - 1, z)
    if y > 0 and not SOLID[below] and LIQUID[below] != liquid:
        flow_into(blocks, tops, count, queue, drops, random, x, y - 1, z, source + 1)
    elif level < most and (level == 0 or SOLID[below] or below == source):
        for dx, dz in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            flow_into(blocks, tops, count, queue, drops, random, x + dx, y, z + dz, source + level + 1)


@compiled
def flow(blocks: Bytes, tops: Bytes, count: Ints, queue: Ints, drops: Floats, random: Words) -> None:
    """Update at most eight cells of liquid whose time has come; the others wait for the next tick."""
    waiting = min(count[QUEUE_TAIL] - count[QUEUE_HEAD], 32)
    done = 0
    for _ in range(waiting):
        at = count[QUEUE_HEAD] % QUEUE
        cell, due = queue[at, 0], queue[at, 1]
        count[QUEUE_HEAD] += 1
        if due > count[TICKS] or done == 8:
            end = count[QUEUE_TAIL] % QUEUE
            queue[end, 0], queue[end, 1] = cell, due
            count[QUEUE_TAIL] += 1
            continue
        done += 1
        x, z, y = cell // (64 * 4096), cell // 64 % 4096, cell % 64
        flow_cell(blocks, tops, count, queue, drops, random, x, y, z)


@compiled
def fall_drops(blocks: Bytes, count: Ints, drops: Floats) -> None:
    """Let dropped stacks fall and age; lava and five minutes destroy them."""
    rows = count[DROP_ROWS]
    count[DROP_ROWS] = 0
    for k in range(rows):
        if drops[k, D_ITEM] == 0:
            continue
        count[DROP_ROWS] = k + 1
        drops[k, D_AGE] += 1.0
        x, z = floor(drops[k, DX]), floor(drops[k, DZ])
        block = block_at(blocks, x, floor(drops[k, DY]), z)
        if drops[k, D_AGE] > 6000.0 or LIQUID[block] == 2:
            drops[k, D_ITEM] = 0.0
            continue
        drops[k, DVY] = max(drops[k, DVY] - 0.04, -0.9) if LIQUID[block] == 0 else -0.02
        y = drops[k, DY] + drops[k, DVY]
        if drops[k, DVY] < 0 and SOLID[block_at(blocks, x, floor(y), z)]:
            y = max(floor(y) + 1.0, min(drops[k, DY], floor(y) + 1.0))
            drops[k, DVY] = 0.0
        drops[k, DY] = y
