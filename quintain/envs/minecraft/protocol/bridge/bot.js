'use strict'
// A mineflayer client of the server in this process, moved by the client's own physics one tick at a time.
const mineflayer = require('mineflayer')
const { Physics, PlayerState } = require('prismarine-physics')
const { Vec3 } = require('vec3')
const { World } = require('./server')

const OFF = ['bed', 'title', 'book', 'boss_bar', 'breath', 'chat', 'chest', 'command_block', 'craft', 'creative',
  'enchantment_table', 'explosion', 'fishing', 'furnace', 'rain', 'resource_pack', 'scoreboard', 'team', 'sound',
  'spawn_point', 'tablist', 'time', 'villager', 'anvil', 'place_entity', 'particle', 'physics', 'digging', 'place_block',
  'generic_place', 'ray_trace']
const FIRST_ENTITY = 100000 // ids of mobs and dropped items, which flying-squid does not know

class Bot {
  // Log in, and wait until server and client know each other.
  static async join (serv, username, timeout) {
    const bot = new Bot()
    const joined = new Promise(resolve => serv.on('newPlayer', player => {
      player.once('spawned', () => player.username === username && resolve(player))
    }))
    const client = mineflayer.createBot({
      host: '127.0.0.1', port: serv.listeningPort, username, auth: 'offline', version: serv.registry.version.minecraftVersion,
      hideErrors: true, logErrors: false, respawn: false, keepAlive: false, checkTimeoutInterval: 1e9,
      plugins: Object.fromEntries(OFF.map(name => [name, false]))
    })
    bot.client = client
    bot.closed = new Promise(resolve => client.once('end', resolve))
    client.on('kicked', reason => { bot.failure = bot.failure || `kicked: ${reason}` })
    client.on('error', error => { bot.failure = bot.failure || `client: ${error.message}` })
    client.on('end', reason => { bot.failure = bot.failure || `connection lost: ${reason}` })
    client.once('inject_allowed', () => client._client.on('position', packet => bot.placed(packet)))
    const late = new Promise((resolve, reject) => setTimeout(() => reject(new Error('login timed out')), timeout).unref())
    bot.player = await Promise.race([joined, late])
    bot.serv = serv
    bot.entities = new Map() // our row -> entity of the protocol
    await Promise.race([bot.synchronise(), late])
    bot.world = { getBlock: blocksOf(client) }
    bot.physics = Physics(client.registry, bot.world)
    return bot
  }

  // The server says where the client is.
  placed ({ x, y, z, yaw, pitch, teleportId }) {
    this.client.entity.position.set(x, y, z)
    this.client.entity.velocity.set(0, 0, 0)
    this.client._client.write('teleport_confirm', { teleportId })
    this.client._client.write('position_look', { x, y, z, yaw, pitch, onGround: false })
  }

  // Wait until the client has read all that the server has written.
  synchronise () {
    this.clock = (this.clock || 0) + 1
    const expected = this.clock
    return new Promise((resolve, reject) => {
      const listener = packet => {
        if (packet.age[1] !== expected && Number(packet.age) !== expected) return
        this.client._client.removeListener('update_time', listener)
        resolve()
      }
      this.client._client.on('update_time', listener)
      this.closed.then(() => reject(new Error('connection lost')))
      this.player._client.write('update_time', { age: [0, expected], time: [0, this.time || 0] })
    })
  }

  // Begin in a new world.
  async begin (row) {
    const { player } = this
    for (const key of Object.keys(player.loadedChunks)) player._client.write('unload_chunk', unloaded(key))
    player.loadedChunks = {}
    this.remove([...this.entities.keys()])
    this.place = new World(this.serv, player, row)
    const [x, y, z] = row.position
    player.position = new Vec3(x, y, z)
    player.lastPositionChunkUpdated = player.position
    this.place.surround(x, z)
    player.sendSelfPosition()
    this.shown(row.changes)
    await this.synchronise()
    const { entity } = this.client
    entity.yaw = entity.pitch = 0
    entity.onGround = false
    this.client.jumpTicks = 0
    this.client.jumpQueued = false
    this.controls = {}
    this.body = new PlayerState(this.client, this.controls)
    this.moved = false
  }

  // Show what has changed: blocks, inventory, life, mobs and dropped items, and wait for the client where it matters.
  async show (changes) {
    if (!changes) return
    this.shown(changes)
    if (changes.blocks || changes.velocity) await this.synchronise()
  }

  shown ({ blocks, slots, life, rows, gone, velocity, time }) {
    const { player, serv } = this
    if (time !== undefined) {
      this.time = time % 24000
      player._client.write('update_time', { age: [0, this.clock || 0], time: [0, this.time] })
    }
    for (const [x, y, z, block] of blocks || []) this.place.set(x, y, z, block)
    for (const [slot, item, count, damage] of slots || []) this.put(slot, item, count, damage)
    if (life) {
      [player.health, player.food, player.foodSaturation] = life
      player._client.write('update_health', { health: life[0], food: life[1], foodSaturation: life[2] })
    }
    if (gone) this.remove(gone)
    for (const row of rows || []) this.display(row, serv.tables)
    if (velocity) Object.assign(this.body.vel, { x: velocity[0], y: velocity[1], z: velocity[2] })
  }

  put (slot, item, count, damage) {
    const Item = require('prismarine-item')(this.serv.registry)
    const made = item ? new Item(this.serv.tables.items[item], count) : null
    if (made && damage) made.durabilityUsed = damage
    this.player.inventory.updateSlot(slot, made)
  }

  // Show a mob or a dropped item: spawn it, or move it where it is now.
  display ([row, kind, x, y, z, yaw, count], tables) {
    const write = (name, packet) => this.player._client.write(name, packet)
    const entityId = FIRST_ENTITY + row
    const turned = Math.round(yaw * 256 / 360) << 24 >> 24
    if (this.entities.get(row) === kind) {
      write('entity_teleport', { entityId, x, y, z, yaw: turned, pitch: 0, onGround: true })
      return
    }
    if (this.entities.has(row)) this.remove([row])
    this.entities.set(row, kind)
    const common = { entityId, x, y, z, yaw: turned, pitch: 0, velocityX: 0, velocityY: 0, velocityZ: 0, velocity: { x: 0, y: 0, z: 0 } }
    const uuid = `00000000-0000-4000-8000-${String(entityId).padStart(12, '0')}`
    if (kind > 0) {
      write('spawn_entity_living', { ...common, entityUUID: uuid, type: tables.mobs[kind], headPitch: 0 })
    } else {
      write('spawn_entity', { ...common, objectUUID: uuid, type: tables.item, objectData: 1 })
      const value = { present: true, itemId: tables.items[-kind], itemCount: count }
      write('entity_metadata', { entityId, metadata: [{ key: 7, type: 6, value }] })
    }
  }

  remove (rows) {
    if (!rows.length) return
    this.player._client.write('entity_destroy', { entityIds: rows.map(row => FIRST_ENTITY + row) })
    for (const row of rows) this.entities.delete(row)
  }

  // Move by one tick. keys: forward, strafe (1 left), third (1 jump, 2 sneak, 3 sprint), yaw and pitch in degrees as
  // Minecraft has them, and whether this tick ends a step, when the client reports its position.
  move ([forward, strafe, third, yaw, pitch, last]) {
    const { client, controls, body } = this
    const set = (name, value) => { controls[name] = value }
    set('forward', forward > 0)
    set('back', forward < 0)
    set('left', strafe > 0)
    set('right', strafe < 0)
    set('jump', third === 1)
    set('sneak', third === 2)
    set('sprint', third === 3)
    body.yaw = Math.PI - yaw * Math.PI / 180
    body.pitch = -pitch * Math.PI / 180
    const { x, y, z } = body.pos
    this.physics.simulatePlayer(body, this.world).apply(client)
    client.entity.yaw = body.yaw
    client.entity.pitch = body.pitch
    this.moved = this.moved || body.pos.x !== x || body.pos.y !== y || body.pos.z !== z || this.yaw !== yaw || this.pitch !== pitch
    if (last && this.moved) this.report(yaw, pitch)
  }

  report (yaw, pitch) {
    const { pos, onGround } = this.body
    this.moved = false
    this.yaw = yaw
    this.pitch = pitch
    this.client._client.write('position_look', { x: pos.x, y: pos.y, z: pos.z, yaw, pitch, onGround })
    this.place.surround(pos.x, pos.z)
  }

  state () {
    if (this.failure) return { error: this.failure }
    const { pos, vel, onGround } = this.body
    return [pos.x, pos.y, pos.z, vel.x, vel.y, vel.z, onGround ? 1 : 0]
  }

  // What the client knows. box: x0, y0, z0, and sizes.
  async view ([x0, y0, z0, sx, sy, sz]) {
    await this.synchronise()
    const { client } = this
    const blocks = []
    const at = new Vec3(0, 0, 0)
    for (let x = x0; x < x0 + sx; x++) {
      for (let z = z0; z < z0 + sz; z++) {
        for (let y = y0; y < y0 + sy; y++) blocks.push(client.world.getBlockStateId(at.set(x, y, z)))
      }
    }
    return {
      blocks: blocks.map(state => this.serv.tables.states.indexOf(state)),
      slots: client.inventory.slots.filter(Boolean).map(item => [item.slot, this.serv.tables.items.indexOf(item.type), item.count]),
      life: [client.health, client.food, client.foodSaturation],
      alive: client.isAlive,
      entities: Object.values(client.entities).filter(entity => entity.id >= FIRST_ENTITY)
        .map(entity => [entity.id - FIRST_ENTITY, entity.name, entity.position.x, entity.position.y, entity.position.z]),
      server: [this.player.position.x, this.player.position.y, this.player.position.z]
    }
  }
}

// Read the client's blocks for its physics: one object for each state is kept.
function blocksOf (client) {
  const Block = require('prismarine-block')(client.registry)
  const known = []
  return position => {
    const at = new Vec3(Math.floor(position.x), Math.floor(position.y), Math.floor(position.z))
    const column = client.world.getColumn(at.x >> 4, at.z >> 4)
    if (!column) return null
    const state = column.getBlockStateId({ x: at.x & 15, y: at.y, z: at.z & 15 })
    if (!known[state]) known[state] = Block.fromStateId(state, 0)
    const block = Object.create(known[state])
    block.position = at
    return block
  }
}

function unloaded (key) {
  const [chunkX, chunkZ] = key.split(',').map(Number)
  return { chunkX, chunkZ }
}

module.exports = { Bot }
