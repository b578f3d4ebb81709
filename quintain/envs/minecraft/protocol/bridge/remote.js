'use strict'
// A mineflayer client of a server somewhere else. Time is the server's: a tick is waited for. The client moves, digs,
// places and crafts as mineflayer does, and everything that is reported is what the client knows.
const mineflayer = require('mineflayer')
const { Vec3 } = require('vec3')

const HANDS = ['hand', 'feet', 'legs', 'torso', 'head', 'off-hand']
const FRESH = 6 // distance, in blocks, after which all blocks around the client are read again

class RemoteBot {
  // Log in. names: of blocks (with properties), items and mobs, by our ids.
  static async join ({ host, port, username, version, auth, timeout, side, height, names }) {
    const bot = new RemoteBot()
    Object.assign(bot, { side, height, changes: [], died: false })
    const client = mineflayer.createBot({ host, port, username, version: version || false, auth, hideErrors: true, respawn: true })
    bot.client = client
    client.on('kicked', reason => { bot.failure = bot.failure || `kicked: ${JSON.stringify(reason)}` })
    client.on('error', error => { bot.failure = bot.failure || `client: ${error.message}` })
    client.on('death', () => { bot.died = true }) // it respawns at once, perhaps before the next report
    client.on('end', reason => { bot.failure = bot.failure || `connection lost: ${reason}` })
    await new Promise((resolve, reject) => {
      client.once('spawn', resolve)
      client.once('end', () => reject(new Error(bot.failure)))
      setTimeout(() => reject(new Error('login timed out')), timeout).unref()
    })
    bot.number(names)
    client.world.on('blockUpdate', (before, after) => after && bot.changes.push(after.position))
    client.setQuickBarSlot(0)
    return bot
  }

  // Our ids for the numbers of this version; names that it lacks are left out.
  number ({ blocks, items, mobs }) {
    const { registry } = this.client
    const Block = require('prismarine-block')(registry)
    this.states = new Map()
    blocks.forEach(([name, properties], id) => {
      const block = registry.blocksByName[name]
      if (!block) return
      if (properties) this.states.set(Block.fromProperties(block.id, properties, 0).stateId, id)
      else for (let state = block.minStateId; state <= block.maxStateId; state++) this.states.set(state, id)
    })
    this.stone = blocks.findIndex(([name]) => name === 'stone')
    this.items = items.map(name => registry.itemsByName[name] ? registry.itemsByName[name].id : -1)
    this.mobs = mobs
  }

  block (x, y, z) {
    const state = this.client.world.getBlockStateId(new Vec3(x, y, z))
    if (!state) return 0
    if (!this.states.has(state)) {
      const block = this.client.registry.blocksByStateId[state]
      this.states.set(state, block && block.boundingBox === 'block' ? this.stone : 0)
    }
    return this.states.get(state)
  }

  // Send commands, such as those of an operator that begin an episode, and report everything.
  async begin ({ commands }) {
    for (const command of commands) this.client.chat(command)
    await sleep(commands.length ? 1500 : 100)
    for (let i = 0; i < 100 && !this.surrounded(); i++) await sleep(100)
    if (!this.surrounded()) throw new Error(this.failure || 'the server has not sent the world around the client')
    this.died = false
    this.centre = null
    return this.report()
  }

  // Whether the client has the columns of all blocks that are reported.
  surrounded () {
    const { x, z } = this.client.entity.position
    const half = this.side / 2
    return [[-half, -half], [-half, half], [half, -half], [half, half], [0, 0]].every(([dx, dz]) =>
      this.client.world.getColumn(Math.floor((x + dx) / 16), Math.floor((z + dz) / 16)))
  }

  // Do one action: the view in degrees, controls, and a function with the name of its item or a slot.
  async act ({ yaw, pitch, controls, call, item, slot, table, ticks }) {
    const { client } = this
    await client.look(Math.PI - yaw * Math.PI / 180, -pitch * Math.PI / 180, true)
    for (const [name, on] of Object.entries(controls)) client.setControlState(name, on)
    if (call !== 'attack' && client.targetDigBlock) client.stopDigging()
    let failed = false
    const work = this.perform(call, item, slot, table).catch(() => { failed = true })
    if (call === 'craft' || call === 'equip') await Promise.race([work, sleep(3000)])
    await sleep(50 * ticks)
    return { ...this.report(), failed }
  }

  async perform (call, item, slot, table) {
    const { client } = this
    const held = slot === undefined ? null : client.inventory.slots[windowSlot(slot)]
    if (call === 'attack') return this.attack()
    if (call === 'use') return client.activateItem()
    if (call === 'drop') return client.heldItem && client.toss(client.heldItem.type, null, 1)
    if (call === 'equip') return client.equip(held, HANDS[item])
    if (call === 'destroy') return client.tossStack(held)
    if (call === 'place') {
      await client.equip(held, 'hand')
      const target = client.blockAtCursor(4.5)
      return client.placeBlock(target, FACES[target.face])
    }
    if (call === 'craft') {
      const near = table ? client.findBlock({ matching: client.registry.blocksByName.crafting_table.id, maxDistance: 4.5 }) : null
      const [recipe] = client.recipesFor(this.items[item], null, 1, near)
      return client.craft(recipe, 1, near)
    }
  }

  async attack () {
    const { client } = this
    const entity = client.entityAtCursor(3)
    if (entity) return client.attack(entity)
    const block = client.blockAtCursor(4.5)
    if (!block) return
    if (client.targetDigBlock && client.targetDigBlock.position.equals(block.position)) return
    client.dig(block, 'ignore').catch(() => {})
  }

  // All that the client knows: blocks as changes, or all of them after it has gone far.
  report () {
    const { client } = this
    const { position, velocity, yaw, pitch, onGround } = client.entity
    const found = {
      body: [position.x, position.y, position.z, velocity.x, velocity.y, velocity.z],
      yaw: ((180 - yaw * 180 / Math.PI + 180) % 360 + 360) % 360 - 180,
      pitch: -pitch * 180 / Math.PI,
      ground: onGround,
      died: this.died,
      life: [client.health, client.food, client.foodSaturation].map(value => Number.isFinite(value) ? value : 0),
      oxygen: client.oxygenLevel ?? 20,
      time: client.time.timeOfDay ?? 0,
      slots: client.inventory.slots.filter(Boolean).map(item => [item.slot, this.items.indexOf(item.type), item.count, item.durabilityUsed || 0])
        .filter(([, item]) => item > 0),
      mobs: Object.values(client.entities).map(entity => [this.mobs.indexOf(entity.name || '-'), entity])
        .filter(([kind, entity]) => kind > 0 && entity.position.distanceTo(position) < this.side / 2)
        .map(([kind, { position: at, yaw: turn }]) => [kind, at.x, at.y, at.z, 180 - turn * 180 / Math.PI])
    }
    const low = Math.floor(position.y / 16) * 16 - 16
    if (!this.centre || this.low !== low || this.centre.distanceTo(position) > FRESH) {
      Object.assign(this, { centre: position.clone(), low, changes: [] })
      Object.assign(found, this.surroundings(position))
    }
    found.low = low
    found.changes = this.changes.map(({ x, y, z }) => [x, y, z, this.block(x, y, z)])
    this.changes = []
    return found
  }

  surroundings ({ x, z }) {
    const [x0, z0] = [Math.floor(x) - this.side / 2, Math.floor(z) - this.side / 2]
    const blocks = Buffer.alloc(this.side * this.side * this.height)
    let at = 0
    for (let i = x0; i < x0 + this.side; i++) {
      for (let k = z0; k < z0 + this.side; k++) {
        for (let y = this.low; y < this.low + this.height; y++) blocks[at++] = this.block(i, y, k)
      }
    }
    return { corner: [x0, z0], blocks: blocks.toString('base64') }
  }
}

const FACES = [new Vec3(0, -1, 0), new Vec3(0, 1, 0), new Vec3(0, 0, -1), new Vec3(0, 0, 1), new Vec3(-1, 0, 0), new Vec3(1, 0, 0)]

// The slot of the client's inventory window for one of ours, as window_slot in names.py.
function windowSlot (slot) { return slot < 9 ? 36 + slot : slot < 36 ? slot : slot < 40 ? 44 - slot : 45 }

function sleep (ms) { return new Promise(resolve => setTimeout(resolve, ms)) }

module.exports = { RemoteBot }
