"""A world of another server, without one: deaths between two reports, and a world that does not arrive."""

import json
import shutil
import subprocess
import textwrap

import pytest

from quintain.envs.minecraft.protocol import install
from quintain.envs.minecraft.protocol.remote import RemoteSimulator
from quintain.envs.minecraft.tasks import find_task

pytest.importorskip("numba")

#: Stands in for mineflayer: a client at (0.5, 4, 0.5), whose columns arrive as ``client.columns`` says.
MINEFLAYER = """
const { EventEmitter } = require('events')
exports.createBot = () => {
  const at = { x: 0.5, y: 4, z: 0.5, clone: () => at, distanceTo: () => 0 }
  const client = Object.assign(new EventEmitter(), {
    columns: true, health: 20, food: 20, foodSaturation: 5, time: {}, inventory: { slots: [] }, entities: {},
    entity: { position: at, velocity: { x: 0, y: 0, z: 0 }, yaw: 0, pitch: 0, onGround: true },
    chat () {}, setQuickBarSlot () {}, setControlState () {}, async look () {},
    registry: { blocksByName: {}, itemsByName: {}, blocksByStateId: {} }
  })
  client.world = Object.assign(new EventEmitter(), { getBlockStateId: () => 0, getColumn: () => client.columns })
  process.nextTick(() => client.emit('spawn'))
  return client
}
"""
PLAY = """
const { RemoteBot } = require(process.argv[1])
const names = { blocks: [['air']], items: [], mobs: [] }
RemoteBot.join({ side: 32, height: 48, timeout: 1e4, names }).then(async bot => {
  global.setTimeout = call => setImmediate(call)  // nothing is waited for
  const act = { yaw: 0, pitch: 0, controls: {}, call: 'none', ticks: 1 }
  const died = [(await bot.begin({ commands: [] })).died, (await bot.act(act)).died]
  bot.client.emit('death')
  died.push((await bot.act(act)).died, (await bot.act(act)).died, (await bot.begin({ commands: [] })).died)
  bot.client.columns = undefined
  const error = await bot.begin({ commands: [] }).catch(error => error.message)
  console.log(JSON.stringify({ died, error }))
  process.exit(0)
})
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_the_client_keeps_a_death_in_mind_and_refuses_a_world_that_has_not_come(tmp_path):
    vector = "exports.Vec3 = class { constructor (x, y, z) { Object.assign(this, { x, y, z }) } }"
    for name, text in (("mineflayer", MINEFLAYER), ("vec3", vector), ("prismarine-block", "module.exports = () => 0")):
        folder = tmp_path / "node_modules" / name
        folder.mkdir(parents=True)
        (folder / "index.js").write_text(text)
    shutil.copy(install.SOURCES / "remote.js", tmp_path)
    command = ["node", "-e", textwrap.dedent(PLAY), str(tmp_path / "remote.js")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(done.stdout)
    assert found["died"] == [False, False, True, True, False]
    assert found["error"] == "the server has not sent the world around the client"


class Client:
    """A bridge whose client is well, and has died or not."""

    died = False

    def call(self, operation, **message):
        return {
            "low": 0, "changes": [], "body": [0.5, 4.0, 0.5, 0.0, 0.0, 0.0], "yaw": 0.0, "pitch": 0.0,
            "life": [20.0, 20.0, 5.0], "ground": True, "time": 0, "oxygen": 20, "slots": [], "mobs": [],
            "failed": False, "died": self.died,
        }  # fmt: skip

    def close(self):
        pass


def test_a_client_that_has_come_to_life_again_has_died():
    simulator = RemoteSimulator(find_task("harvest_1_dirt"), "localhost")
    simulator.bridge = Client()
    simulator._take(simulator.bridge.call("begin"))
    assert not simulator.is_dead(0)
    simulator.bridge.died = True
    simulator._take(simulator.bridge.call("act"))
    assert simulator.is_dead(0)
    assert simulator.facts(0)["death_cause"] == "unknown"
