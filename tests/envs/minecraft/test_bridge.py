"""The protocol backend on the real bridge, and what happens when it is missing, dies, hangs or kicks.

Tests of the bridge itself need Node and ``quintain minecraft install``; without them they are skipped.
"""

import json
import os
import signal
import subprocess

import gymnasium as gym
import numpy as np
import pytest

import quintain
from quintain.agents.scripted import ScriptedAgent
from quintain.envs.minecraft.blocks import BLOCK_ID, BLOCKS
from quintain.envs.minecraft.items import ITEM_ID, ITEMS
from quintain.envs.minecraft.kernels import world as w
from quintain.envs.minecraft.protocol import install
from quintain.envs.minecraft.protocol.names import block_states, item_names, window_slot
from quintain.envs.minecraft.recipes import CRAFTS
from quintain.errors import ConfigurationError, MissingDependencyError, QuintainError

pytest.importorskip("numba")

NO_OP = np.array([0, 0, 0, 12, 12, 0, 0, 0])
SLIM = {"observation": "arrays", "voxel_size": None, "world_size": 32}


def bridge_is_here():
    try:
        install.find_bridge()
    except QuintainError:
        return False
    return True


needs_bridge = pytest.mark.skipif(
    not bridge_is_here(), reason="Node or the packages of the bridge are not installed: quintain minecraft install"
)


@pytest.fixture(scope="module")
def both():
    """The same task in a protocol world and in a voxel world."""
    made = [gym.make("Minecraft/Task-v0", backend=backend, **SLIM).unwrapped for backend in ("protocol", "voxel")]
    yield made
    for env in made:
        env.close()


def shown_blocks(env, reach=3):
    """Return what the client sees around it, and what is there."""
    body, blocks = env.simulator.world.body[0], env.simulator.world.blocks[0]
    x, y, z = (int(np.floor(body[at])) - reach for at in (w.X, w.Y, w.Z))
    side, mask = 2 * reach + 1, blocks.shape[0] - 1
    view = env.simulator.view(0, (x, y, z, side, side, side))
    cells = [(i, k, j) for i in range(x, x + side) for k in range(z, z + side) for j in range(y, y + side)]
    return view, view["blocks"], [int(blocks[i & mask, k & mask, j]) for i, k, j in cells]


@needs_bridge
def test_a_seed_gives_the_same_blocks_and_the_same_walk(both):
    """The client's physics and the compiled one agree within 0.001 blocks over 150 actions."""
    worlds = [env.simulator.world for env in both]
    assert [env.reset(seed=1)[1]["backend"] for env in both] == ["protocol", "voxel"]
    np.testing.assert_array_equal(worlds[0].blocks, worlds[1].blocks)
    generator, farthest = np.random.default_rng(0), 0.0
    for k in range(150):
        action = NO_OP.copy()
        action[:3] = (
            1 if k % 4 else generator.integers(3),
            generator.integers(3) if k % 3 == 0 else 0,
            (0, 1, 2, 3)[k % 4],
        )
        action[4] = generator.integers(25) if k % 15 == 0 else 12
        results = [env.step(action) for env in both]
        np.testing.assert_allclose(worlds[0].body[0, :3], worlds[1].body[0, :3], atol=1e-3)
        farthest = max(farthest, results[0][4]["metrics"]["distance"])
    assert farthest > 5
    _, seen, there = shown_blocks(both[0])
    assert seen == there


@needs_bridge
def test_digging_crafting_and_life_reach_the_client(both):
    env, _ = both
    env.reset(seed=2)
    world = env.simulator.world
    world.slots[0, 0] = ITEM_ID["log"], 3, 0
    world.have[0, ITEM_ID["log"]] = 3
    craft = NO_OP.copy()
    craft[5:7] = 4, CRAFTS.index("planks")
    env.step(craft)
    down, attack = NO_OP.copy(), NO_OP.copy()
    down[3], attack[5] = 18, 3
    env.step(down)
    for _ in range(60):
        info = env.step(attack)[4]
    assert info["metrics"]["blocks_mined"] > 0
    world.body[0, w.HP] = 7.0
    view, seen, there = shown_blocks(env)
    assert seen == there
    assert view["life"][:2] == [7.0, float(world.body[0, w.FOOD_LEVEL])]
    carried = {window_slot(k): (int(item), int(n)) for k, (item, n, _) in enumerate(world.slots[0]) if item}
    assert {slot: (item, n) for slot, item, n in view["slots"]} == carried
    assert (ITEM_ID["planks"], 4) in carried.values()
    mobs = {k for k in range(w.MOBS) if world.mobs[0, k, w.KIND]}
    assert {row for row, *_ in view["entities"] if row < w.MOBS} == mobs


@needs_bridge
def test_falls_and_lava_hurt_the_client(both):
    env, _ = both
    env.reset(seed=3)
    world = env.simulator.world
    x, y, z = (int(np.floor(world.body[0, at])) for at in (w.X, w.Y, w.Z))
    world.blocks[0, x & 31, z & 31, y - 1] = BLOCK_ID["lava"]
    world.blocks[0, x & 31, z & 31, y] = BLOCK_ID["lava"]
    for _ in range(3):
        *_, info = env.step(NO_OP)
    view, _, _ = shown_blocks(env)
    assert view["life"][0] == 16.0 == info["metrics"]["health"]
    world.body[0, w.HP] = 4.0
    assert any(env.step(NO_OP)[2] for _ in range(30))
    assert not shown_blocks(env)[0]["alive"]
    env.reset(seed=4)
    assert shown_blocks(env)[0]["alive"]


@needs_bridge
def test_a_client_that_is_kicked_truncates_its_episode_alone():
    envs = gym.make_vec("Minecraft/Task-v0", num_envs=2, backend="protocol", voxel_size=None, world_size=32)
    try:
        envs.reset(seed=0)
        envs.unwrapped.simulator._ask("kick", bot=1, reason="go away")
        actions = np.stack([NO_OP, NO_OP])
        _, rewards, terminated, truncated, info = envs.step(actions)
        assert truncated.tolist() == [False, True]
        assert not terminated.any()
        assert rewards.tolist() == [0.0, 0.0]
        assert info["final_info"]["backend_error"][0] == ""
        assert "go away" in info["final_info"]["backend_error"][1]
        _, _, _, truncated, info = envs.step(actions)  # it has joined again
        assert not truncated.any()
        assert list(info["backend_error"]) == ["", ""]
    finally:
        envs.close()


@needs_bridge
@pytest.mark.parametrize(("number", "words"), [(signal.SIGKILL, "died during 'tick'"), (signal.SIGSTOP, "within 1 s")])
def test_a_bridge_that_dies_or_hangs_truncates_and_starts_again(number, words):
    env = gym.make("Minecraft/Task-v0", backend="protocol", **SLIM).unwrapped
    try:
        env.reset(seed=0)
        env.simulator.bridge.timeout_s = 1.0
        os.kill(env.simulator.bridge.process.pid, number)
        _, reward, terminated, truncated, info = env.step(NO_OP)
        assert (reward, terminated, truncated, info["success"]) == (0.0, False, True, False)
        assert words in info["backend_error"]
        env.reset(seed=0)
        assert "backend_error" not in env.step(NO_OP)[4]
    finally:
        env.close()


OTHER_SERVER = """
const serv = require('flying-squid').createMCServer({
  motd: 'other', host: '127.0.0.1', port: 0, version: '1.16.5', 'max-players': 5, 'online-mode': false, logging: false,
  noConsoleOutput: true, gameMode: 0, difficulty: 1, generation: { name: 'superflat', options: {} }, kickTimeout: 1e9,
  plugins: {}, modpe: false, 'view-distance': 3, 'player-list-text': { header: { text: '' }, footer: { text: '' } },
  'everybody-op': true, 'max-entities': 100
})
serv.waitForReady(60000).then(() => console.log('PORT' + serv.listeningPort))
"""


@pytest.fixture
def other_server(tmp_path):
    """A flying-squid server in a process of its own, in the place of a genuine one; its address."""
    node, packages = install.find_bridge()
    environment = os.environ | {"NODE_PATH": str(packages / "node_modules")}
    process = subprocess.Popen(
        [node, "-e", OTHER_SERVER], cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    try:
        line = next(line for line in process.stdout if b"PORT" in line)
        yield process, f"127.0.0.1:{int(line.split(b'PORT')[1])}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@needs_bridge
def test_a_server_somewhere_else(other_server):
    process, server = other_server
    env = gym.make("Minecraft/Task-v0", task="harvest_1_dirt", backend="protocol", server=server, observation="arrays")
    try:
        observation, info = env.reset(seed=0)
        assert observation in env.observation_space
        world, success = env.unwrapped.simulator.world, False
        start = world.body[0, [w.X, w.Z]].copy()
        assert world.blocks[0, 0, 0].tolist().count(BLOCK_ID["grass"]) == 1  # a flat world
        walk, down, attack = NO_OP.copy(), NO_OP.copy(), NO_OP.copy()
        walk[0], down[3], attack[5] = 1, 18, 3
        for action in [walk] * 10 + [down] + [attack] * 60 + [NO_OP] * 20:
            observation, _, success, _, info = env.step(action)
            assert observation in env.observation_space
            if success:
                break
        assert success
        assert info["backend"] == "protocol"
        assert np.hypot(*(world.body[0, [w.X, w.Z]] - start)) > 1.0
        assert world.have[0, ITEM_ID["dirt"]] == 1
        env.reset(seed=0)
        process.kill()
        process.wait()
        failures = [env.step(NO_OP)[4].get("backend_error", "") for _ in range(20)]
        assert "the bridge failed" in failures[-1]
    finally:
        env.close()


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"server": "localhost:0"}, "must be 'host:port'"),
        ({"server": "localhost", "world_size": 32}, "has no world_size"),
        ({"server": "localhost", "backend": "voxel"}, "needs backend='protocol'"),
        ({"server": "localhost", "task": "combat_cow_plains_barehand"}, "is not known on another server"),
        ({"server_commands": ["/kill"]}, "needs server"),
    ],
)
def test_what_another_server_cannot_do_is_refused(kwargs, words):
    with pytest.raises(ConfigurationError, match=words):
        gym.make("Minecraft/Task-v0", **{"backend": "protocol", **kwargs})


class Broken(gym.Env):
    """Ends with a failure of its backend."""

    observation_space = gym.spaces.Discrete(2)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {"success": False}

    def step(self, action):
        return 0, 0.0, False, True, {"success": False, "backend_error": "the bridge died during 'tick'"}


def test_evaluate_counts_a_failed_backend_as_an_error():
    report = quintain.evaluate(Broken, ScriptedAgent([0]), episodes=3, errors="record")
    assert report.errors == 3
    assert report.success.n == 0
    assert report.episodes[0].error == {
        "boundary": "env", "type": "BackendError", "message": "the bridge died during 'tick'",
    }  # fmt: skip


def test_without_node_or_packages_the_error_says_what_to_run(monkeypatch, tmp_path):
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path))
    monkeypatch.setattr(install, "find_node", lambda: "node")
    with pytest.raises(MissingDependencyError, match="run: quintain minecraft install"):
        gym.make("Minecraft/Task-v0", backend="protocol")
    monkeypatch.undo()
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    with pytest.raises(MissingDependencyError, match="install Node"):
        install.install_bridge()


def test_npm_installs_from_the_lock_file_once(monkeypatch, tmp_path):
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path))
    monkeypatch.setattr(install, "find_node", lambda: "node")
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\necho "$@" >> calls\n')
    npm.chmod(0o755)
    monkeypatch.setattr(install.shutil, "which", lambda name: str(npm))
    folder = install.install_bridge()
    assert install.install_bridge() == folder == install.installed_folder()
    (call,) = (folder / "calls").read_text().splitlines()
    assert call.startswith("ci ")
    assert "--ignore-scripts" in call
    assert (folder / "package-lock.json").read_bytes() == (install.SOURCES / "package-lock.json").read_bytes()


def test_a_failing_npm_is_an_error_with_its_words(monkeypatch, tmp_path):
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path))
    monkeypatch.setattr(install, "find_node", lambda: "node")
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no network >&2\nexit 3\n")
    npm.chmod(0o755)
    monkeypatch.setattr(install.shutil, "which", lambda name: str(npm))
    with pytest.raises(QuintainError, match="no network"):
        install.install_bridge()
    assert install.installed_folder() is None


def test_the_lock_file_pins_every_package_and_names_no_host():
    lock = json.loads((install.SOURCES / "package-lock.json").read_text())
    direct = lock["packages"][""]["dependencies"]
    assert direct == json.loads((install.SOURCES / "package.json").read_text())["dependencies"]
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert len(packages) > 100
    assert all("integrity" in entry and "resolved" not in entry for entry in packages.values())


def test_every_block_and_item_has_one_name_of_its_own():
    states = [(name, json.dumps(properties)) for name, properties in block_states()]
    assert len(set(states)) == len(states) == len(BLOCKS)
    assert len(set(item_names())) == len(ITEMS)
    assert sorted(window_slot(k) for k in range(41)) == [*range(5, 46)]
