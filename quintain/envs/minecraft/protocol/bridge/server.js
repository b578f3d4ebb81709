'use strict'
// A flying-squid server in this process, with what it lacks: worlds that Quintain's generator made, one for each player,
// and players, mobs and dropped items whose state is set from outside. Its own clocks stand still.
const squid = require('flying-squid')
const { Vec3 } = require('vec3')

async function startServer ({ version, blocks, items, mobs }) {
  const serv = squid.createMCServer({
    motd: 'Quintain', host: '127.0.0.1', port: 0, version, 'max-players': 64, 'online-mode': false, logging: false,
    noConsoleOutput: true, gameMode: 0, difficulty: 2, generation: { name: 'empty', options: {} }, kickTimeout: 1e9,
    plugins: {}, modpe: false, 'view-distance': 2, 'player-list-text': { header: { text: '' }, footer: { text: '' } },
    'everybody-op': false, 'max-entities': 1000, keepAlive: false
  })
  // The players' chunks are sent by World below, whenever Quintain says so.
  serv.on('newPlayer', player => {
    player.findSpawnPoint = async () => { player.spawnPoint = new Vec3(0, 64, 0) }
    player.worldSendInitialChunks = async () => {}
    player.worldSendRestOfChunks = async () => {}
    player.save = async () => {}
    // Each player is in a world of its own.
    player.updateAndSpawn = () => {}
    player._writeOthersNearby = () => {}
    player._writeNearby = () => {}
    player._writeOthers = () => {}
  })
  await serv.waitForReady(30000)
  serv.stopTickInterval()
  serv.tables = tables(serv.registry, blocks, items, mobs)
  return serv
}

// Numbers of Minecraft for our ids.
function tables (registry, blocks, items, mobs) {
  const Block = require('prismarine-block')(registry)
  const known = (table, name) => {
    if (!table[name]) throw new Error(`version ${registry.version.minecraftVersion} has no ${name}`)
    return table[name]
  }
  const states = blocks.map(([name, properties]) => {
    const block = known(registry.blocksByName, name)
    return properties ? Block.fromProperties(block.id, properties, 0).stateId : block.defaultState
  })
  return {
    states,
    items: items.map(name => name === 'air' ? -1 : known(registry.itemsByName, name).id),
    mobs: mobs.map(name => name && known(registry.entitiesByName, name).id),
    item: registry.entitiesByName.item.id
  }
}

// The blocks of a periodic world of side x side x height, as Quintain has them, and the columns that a player has.
class World {
  constructor (serv, player, { blocks, side, height }) {
    this.serv = serv
    this.player = player
    this.side = side
    this.height = height
    this.blocks = Buffer.from(blocks, 'base64') // index (x * side + z) * height + y
    this.Chunk = require('prismarine-chunk')(serv.registry)
    this.templates = new Map() // columns of one period
  }

  index (x, y, z) {
    const mask = this.side - 1
    return ((x & mask) * this.side + (z & mask)) * this.height + y
  }

  column (chunkX, chunkZ) {
    const chunks = this.side / 16
    const key = ((chunkX % chunks) + chunks) % chunks * 1000 + ((chunkZ % chunks) + chunks) % chunks
    if (!this.templates.has(key)) this.templates.set(key, this.make(chunkX, chunkZ))
    return this.templates.get(key)
  }

  make (chunkX, chunkZ) {
    const chunk = new this.Chunk()
    const position = new Vec3(0, 0, 0)
    for (position.x = 0; position.x < 16; position.x++) {
      for (position.z = 0; position.z < 16; position.z++) {
        const base = this.index(chunkX * 16 + position.x, 0, chunkZ * 16 + position.z)
        for (position.y = 0; position.y < this.height; position.y++) {
          const block = this.blocks[base + position.y]
          if (block) chunk.setBlockStateId(position, this.serv.tables.states[block])
        }
      }
    }
    return chunk
  }

  // Send the columns around a position that the player lacks, and take those away that are far.
  surround (x, z, view = 2) {
    const { player } = this
    const cx = Math.floor(x / 16)
    const cz = Math.floor(z / 16)
    if (this.centre === cx * 65536 + cz) return
    this.centre = cx * 65536 + cz
    player._client.write('update_view_position', { chunkX: cx, chunkZ: cz })
    for (const key of Object.keys(player.loadedChunks)) {
      const [i, k] = key.split(',').map(Number)
      if (Math.abs(i - cx) > view + 1 || Math.abs(k - cz) > view + 1) this.forget(i, k)
    }
    for (let i = cx - view; i <= cx + view; i++) {
      for (let k = cz - view; k <= cz + view; k++) {
        if (player.loadedChunks[`${i},${k}`]) continue
        player.loadedChunks[`${i},${k}`] = 1
        player.sendChunk(i, k, this.column(i, k))
      }
    }
  }

  forget (chunkX, chunkZ) {
    delete this.player.loadedChunks[`${chunkX},${chunkZ}`]
    this.player._client.write('unload_chunk', { chunkX, chunkZ })
  }

  // Change a block, in every copy of the period that the player has.
  set (x, y, z, block) {
    const { player, side } = this
    this.blocks[this.index(x, y, z)] = block
    const type = this.serv.tables.states[block]
    this.column(x >> 4, z >> 4).setBlockStateId(new Vec3(x & 15, y, z & 15), type)
    for (const key of Object.keys(player.loadedChunks)) {
      const [i, k] = key.split(',').map(Number)
      const dx = i * 16 - (x & -16)
      const dz = k * 16 - (z & -16)
      if (dx % side || dz % side) continue
      player._client.write('block_change', { location: { x: x + dx, y, z: z + dz }, type })
    }
  }
}

module.exports = { startServer, World }
