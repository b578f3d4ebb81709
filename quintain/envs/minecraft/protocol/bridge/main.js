'use strict'
// The bridge between Quintain and a Minecraft server: one process with mineflayer clients ("bots") and, unless the
// address of another server is given, a flying-squid server of its own. It connects to a Unix socket, reads one JSON
// object a line, and answers each with one. Time passes for bots of the own server only in `tick` messages.
const net = require('net')
const { startServer } = require('./server')
const { Bot } = require('./bot')
const { RemoteBot } = require('./remote')

Error.stackTraceLimit = 3 // the parser of packets throws where a packet is not complete yet

const bots = []
let server = null
let joined = 0
let guest = null

const operations = {
  // Start a server. blocks, items and mobs: names in Minecraft, by our ids.
  async start (message) {
    server = await startServer(message)
    return { versions: versions() }
  },
  // Let a bot log in, perhaps in the place of one that has failed.
  async join ({ bot, timeout }) {
    bots[bot] = await Bot.join(server, `quintain${joined++}`, timeout)
    return {}
  },
  // Connect to a server somewhere else; begin an episode there; do one action.
  async connect (message) {
    guest = await RemoteBot.join(message)
    return { version: guest.client.version }
  },
  async begin (message) { return alive(await guest.begin(message)) },
  async act (message) { return alive(await guest.act(message)) },
  // Begin new worlds, one a row; see World in server.js.
  async reset ({ rows }) {
    await Promise.all(rows.map(row => attempt(bots[row.bot], bot => bot.begin(row))))
    return { rows: rows.map(row => bots[row.bot].state()) }
  },
  // Show the changes of the rows to their bots, then move each by one tick.
  async tick ({ rows }) {
    await Promise.all(rows.map(row => attempt(bots[row[0]], bot => bot.show(row[1]))))
    return { rows: rows.map(row => attempt(bots[row[0]], bot => bot.move(row[2])) && bots[row[0]].state()) }
  },
  // Return what a client knows: its inventory, life, mobs, and a box of blocks.
  async view ({ bot, changes, box }) {
    await bots[bot].show(changes)
    return bots[bot].view(box)
  },
  // End a client's connection from the side of the server.
  async kick ({ bot, reason }) {
    bots[bot].player.kick(reason)
    await bots[bot].closed
    return {}
  }
}

function alive (report) {
  if (guest.failure) throw new Error(guest.failure)
  return report
}

// Call work with a bot; what fails belongs to that bot alone.
function attempt (bot, work) {
  if (bot.failure) return bot
  const fail = error => { bot.failure = bot.failure || String(error && error.message ? error.message : error); return bot }
  try {
    const result = work(bot)
    return result && result.then ? result.catch(fail) : bot
  } catch (error) {
    return fail(error)
  }
}

function versions () {
  const found = { node: process.version }
  for (const name of ['mineflayer', 'flying-squid', 'minecraft-data']) found[name] = require(`${name}/package.json`).version
  return found
}

function listen (path) {
  const socket = net.createConnection(path)
  let pending = ''
  let queue = Promise.resolve()
  socket.setEncoding('utf8')
  socket.on('data', text => {
    const lines = (pending + text).split('\n')
    pending = lines.pop()
    for (const line of lines) queue = queue.then(() => answer(socket, line))
  })
  socket.on('close', () => process.exit(0))
  socket.on('error', () => process.exit(1))
}

async function answer (socket, line) {
  let reply
  try {
    const message = JSON.parse(line)
    reply = await operations[message.op](message)
  } catch (error) {
    reply = { error: String(error && error.stack ? error.stack : error) }
  }
  socket.write(JSON.stringify(reply) + '\n')
}

process.on('uncaughtException', error => { console.error(error); process.exit(2) })
listen(process.argv[2])
