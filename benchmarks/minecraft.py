"""Speed of the voxel simulator in CPU seconds: vectors, single environments, resets, pictures.

    python benchmarks/minecraft.py                               # about two CPU minutes, compilation apart
    quintain minecraft install                                   # for the row of the protocol backend
    python benchmarks/minecraft.py --peers VENV/bin/python       # beside Crafter, in a virtual environment of its own

Random actions over the whole action space, one thread, resets included in vectors. A step is one action: one tick, or
three after drop, craft, equip, place and destroy, as in MineDojo; 2.25 ticks on average. The best of three rounds
counts, since other work on the machine can only slow it down.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from collections.abc import Callable

import gymnasium as gym
import numpy as np

import quintain  # noqa: F401  # registers the environments

CUBE = {"xmin": -4, "ymin": -4, "zmin": -4, "xmax": 4, "ymax": 4, "zmax": 4}
CRAFTER = """
import time, crafter, numpy as np
env = crafter.Env(); env.reset()
start, done = time.process_time(), 0
while time.process_time() - start < 5:
    if env.step(int(np.random.randint(17)))[2]:
        env.reset()
    done += 1
print(done / (time.process_time() - start))
"""


def rate(work: Callable[[], int], at_least_s: float = 2.0) -> float:
    """Units of work per CPU second, the best of three rounds."""
    work()
    rounds = []
    for _ in range(3):
        done, start = 0, time.process_time()
        while (spent := time.process_time() - start) < at_least_s:
            done += work()
        rounds.append(done / spent)
    return max(rounds)


def vector(num_envs: int, **kwargs: object) -> float:
    """Steps of a vector environment."""
    envs = gym.make_vec("Minecraft/Task-v0", num_envs=num_envs, max_episode_steps=2000, **kwargs)
    envs.reset(seed=0)
    actions = np.random.default_rng(0).integers(0, envs.single_action_space.nvec, (100, num_envs, 8))

    def work() -> int:
        for batch in actions:
            envs.step(batch)
        return len(actions) * num_envs

    return rate(work)


def kernel(num_envs: int) -> float:
    """Steps of the kernel alone, without observations."""
    simulator = gym.make_vec("Minecraft/Task-v0", num_envs=num_envs).unwrapped.simulator
    simulator.begin(np.arange(num_envs), np.arange(num_envs))
    actions = np.random.default_rng(0).integers(0, [3, 3, 4, 25, 25, 8, 244, 36], (100, num_envs, 8))
    active = np.ones(num_envs, np.bool_)

    def work() -> int:
        for batch in actions:
            simulator.step(batch, active)
        return len(actions) * num_envs

    return rate(work)


def single(observation: str) -> float:
    """Steps of one environment, without wrappers."""
    env = gym.make("Minecraft/Task-v0", observation=observation).unwrapped
    env.reset(seed=0)
    actions = np.random.default_rng(0).integers(0, env.action_space.nvec, (500, 8))

    def work() -> int:
        for action in actions:
            if env.step(action)[2]:
                env.reset()
        return len(actions)

    return rate(work)


def resets() -> float:
    """New worlds."""
    simulator = gym.make_vec("Minecraft/Task-v0", num_envs=64).unwrapped.simulator
    seeds = iter(range(10**9))

    def work() -> int:
        simulator.begin(np.arange(64), np.array([next(seeds) for _ in range(64)]))
        return 64

    return rate(work)


def protocol(num_envs: int) -> float | None:
    """Steps of clients over Minecraft's protocol, the CPU time of Node included; ``None`` without the bridge."""
    from quintain.envs.minecraft.protocol.install import installed_folder

    if installed_folder() is None:
        return None
    envs = gym.make_vec("Minecraft/Task-v0", num_envs=num_envs, max_episode_steps=2000, backend="protocol")
    envs.reset(seed=0)
    bridge = envs.unwrapped.simulator.bridge
    actions = np.random.default_rng(0).integers(0, envs.single_action_space.nvec, (100, num_envs, 8))
    rounds = []
    for _ in range(4):
        start = time.process_time() + bridge.cpu_s()
        for batch in actions:
            envs.step(batch)
        rounds.append(len(actions) * num_envs / (time.process_time() + bridge.cpu_s() - start))
    envs.close()
    return max(rounds[1:])  # Node compiles in the first


def pictures() -> float:
    """First-person pictures of 64 x 64 pixels, at the starts of several worlds."""
    from quintain.envs.minecraft.pictures import first_person

    simulator = gym.make_vec("Minecraft/Task-v0", num_envs=16).unwrapped.simulator
    simulator.begin(np.arange(16), np.arange(16))
    return rate(lambda: len([first_person(simulator.world, e, 64, 64) for e in range(16)]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", help="Python of a virtual environment with crafter and numba")
    given = parser.parse_args()
    rows = {
        "64 worlds, no observation": (kernel(64), None),
        "64 worlds, 3x3x3 voxels": (vector(64), 300_000),
        "64 worlds, 9x9x9 voxels and 46 rays": (vector(64, voxel_size=CUBE, rays="default"), 50_000),
        "64 worlds, one vector of floats": (vector(64, observation="flat"), None),
        "one world, MineDojo's dictionary": (single("minedojo"), 10_000),
        "one world, arrays": (single("arrays"), None),
        "new worlds": (resets(), 1_000),
        "pictures, 64x64": (pictures(), 1_000),
    }
    if (clients := protocol(8)) is not None:
        rows["8 clients over the protocol, with Node"] = (clients, 500)
    if given.peers:
        done = subprocess.run([given.peers, "-c", CRAFTER], capture_output=True, text=True, check=True)
        rows["Crafter, one world with its picture"] = (float(done.stdout.split()[-1]), None)
    print(f"{'per CPU second, one thread':40} {'measured':>10} {'bar':>9}")
    for name, (value, bar) in rows.items():
        print(f"{name:40} {value:10,.0f} {f'{bar:9,}' if bar else '':>9}")


if __name__ == "__main__":
    main()
