"""Plays a served environment with verifiers' OpenEnv environment; for the Python of ``scripts/verifiers_venv.sh``."""

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from types import SimpleNamespace


class Player:
    """A model that gives one reply, behind the interface that verifiers hands to an environment."""

    def __init__(self, reply: str) -> None:
        self.reply = reply
        self.rewards: dict[str, float] = {}
        self.seen = ""

    @asynccontextmanager
    async def interaction(self, task: object):
        """Yield the conversation of one episode."""
        trace = SimpleNamespace(record_reward=self.rewards.__setitem__, stop=lambda why: None)

        async def turn(text: str) -> SimpleNamespace:
            self.seen = text
            return SimpleNamespace(terminated=False, last_reply=self.reply)

        yield SimpleNamespace(turn=turn, trace=trace)


async def play(url: str, replies: list[str]) -> list[float]:
    """Return the reward of every reply; seeds count from 0."""
    from verifiers.v1.tasksets.openenv import OpenEnvConfig, OpenEnvEnv, OpenEnvTaskset

    taskset = OpenEnvTaskset(OpenEnvConfig(base_url=url, resets=[{"seed": seed} for seed in range(len(replies))]))
    rewards = []
    for task, reply in zip(taskset.load(), replies, strict=True):
        player = Player(reply)
        await OpenEnvEnv.run(SimpleNamespace(), task, SimpleNamespace(player=player))
        rewards.append(player.rewards["openenv_reward"])
    return rewards


if __name__ == "__main__":
    print(json.dumps(asyncio.run(play(sys.argv[1], json.load(sys.stdin)))))
