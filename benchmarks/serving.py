"""Measure serving: CPU time of an episode over the wire beyond the local one, many sessions at once, and a soak.

Server and client run in this process, so that its CPU time is that of both sides. Rounds are interleaved, and the
overhead is taken within a round. A soak plays many episodes in one session after another and looks for growth.

    python benchmarks/serving.py
    python benchmarks/serving.py --episodes 200 --soak 10000
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import gymnasium as gym

import quintain  # noqa: F401  # registers the environments
from quintain.serving import Server, ServerSettings, connect

ENV, KWARGS, REPLY = "CodeReason-v0", {"tasks": "letters"}, "<<<Count: 1, Positions: [1]>>>"
BAR_MS, SESSIONS = 3.0, 64
#: Sessions of a soak: each plays its share of the episodes and is closed.
SOAK_SESSIONS = 20


@contextmanager
def plain_client(url: str) -> Iterator[Callable[[int], float]]:
    """Yield a function that plays one episode over a WebSocket with nothing around it."""
    from websockets.sync.client import connect as open_socket

    with open_socket(url.replace("http", "ws") + "/ws", compression=None) as socket:

        def ask(kind: str, **data: Any) -> dict[str, Any]:
            socket.send(json.dumps({"type": kind, "data": data}))
            found: dict[str, Any] = json.loads(socket.recv())["data"]
            return found

        def play(seed: int) -> float:
            ask("reset", seed=seed)
            return float(ask("step", text=REPLY)["reward"])

        yield play


def env_player(env: gym.Env[Any, Any]) -> Callable[[int], float]:
    def play(seed: int) -> float:
        env.reset(seed=seed)
        return float(env.step(REPLY)[1])

    return play


def cpu_ms(play: Callable[[int], float], episodes: int) -> float:
    start = time.process_time()
    for seed in range(episodes):
        play(seed)
    return (time.process_time() - start) / episodes * 1000


def one_turn(url: str, episodes: int, rounds: int) -> dict[str, list[float]]:
    """Return the CPU time per episode of every round, in ms, by client."""
    local, remote = gym.make(ENV, disable_env_checker=True, **KWARGS), connect(url)
    with plain_client(url) as plain:
        players = {"local": env_player(local), "plain client": plain, "OpenEnv-v0": env_player(remote)}
        rewards = {name: [play(seed) for seed in range(10)] for name, play in players.items()}
        assert len({*map(tuple, rewards.values())}) == 1, rewards
        times: dict[str, list[float]] = {name: [] for name in players}
        for _ in range(rounds):
            for name, play in players.items():
                times[name].append(cpu_ms(play, episodes))
    remote.close()
    return times


def at_once(url: str, sessions: int, episodes: int) -> tuple[list[str], float]:
    """Play in many sessions at once; return the errors, and episodes per second of wall-clock time."""
    errors: list[str] = []
    ready = threading.Barrier(sessions + 1)

    def play() -> None:
        try:
            env = connect(url, retries=0)
            env.reset(seed=0)
            ready.wait()
            player = env_player(env)
            for seed in range(episodes):
                player(seed)
            env.close()
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
            ready.abort()

    threads = [threading.Thread(target=play) for _ in range(sessions)]
    for thread in threads:
        thread.start()
    with suppress(threading.BrokenBarrierError):
        ready.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    return errors, sessions * episodes / (time.perf_counter() - start)


def soak(url: str, episodes: int) -> list[tuple[float, int, int]]:
    """Play session after session; return memory in MiB, objects and threads after each."""
    rows = []
    for _ in range(SOAK_SESSIONS):
        env = connect(url)
        play = env_player(env)
        for seed in range(episodes // SOAK_SESSIONS):
            play(seed)
        env.close()
        time.sleep(0.05)  # the server closes the session in its own thread
        gc.collect()
        rows.append((_memory_mb(), len(gc.get_objects()), threading.active_count()))
    return rows


def _memory_mb() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=200, help="episodes per round and client")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--soak", type=int, default=2000, help="episodes of the soak")
    options = parser.parse_args()
    with Server(ENV, KWARGS, ServerSettings(port=0, max_sessions=SESSIONS)) as server:
        times = one_turn(server.url, options.episodes, options.rounds)
        print("| one-turn episode | CPU ms | beyond local, CPU ms | bar | met |\n| --- | ---: | ---: | --- | --- |")
        for name, found in times.items():
            beyond = statistics.median(b - a for a, b in zip(times["local"], found, strict=True))
            bar = "| |" if name == "local" else f"<= {BAR_MS:g} | {'yes' if beyond <= BAR_MS else 'no'} |"
            print(f"| {name} | {statistics.median(found):.2f} | {beyond:.2f} | {bar}")
        errors, rate = at_once(server.url, SESSIONS, 20)
        shown = f"{len(errors)} errors, {rate:.0f} episodes/s {errors[:1]}"
        print(f"\n{SESSIONS} sessions at once, 20 episodes each: {shown}")
        rows = soak(server.url, options.soak)
        settled = rows[len(rows) // 4 :]
        grown = settled[-1][0] - settled[0][0]
        print(
            f"soak, {options.soak} episodes in {SOAK_SESSIONS} sessions: memory {settled[0][0]:.1f} -> "
            f"{settled[-1][0]:.1f} MiB ({grown:+.2f}), objects {settled[0][1]} -> {settled[-1][1]}, "
            f"threads {settled[0][2]} -> {settled[-1][2]}; load {os.getloadavg()[0]:.1f}"
        )


if __name__ == "__main__":
    main()
