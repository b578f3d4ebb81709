"""Plays a served environment with OpenEnv's own client; run by the Python that ``scripts/openenv_venv.sh`` made."""

import json
import sys


def play(url: str, actions: list[str]) -> list[list[object]]:
    """Play one episode for each action, seeds from 0; return reward, end, and whether the same seed gave it again."""
    from openenv import GenericEnvClient

    rows: list[list[object]] = []
    with GenericEnvClient(base_url=url).sync() as env:
        for seed, action in enumerate(actions):
            first = env.reset(seed=seed).observation
            again = env.reset(seed=seed).observation
            result = env.step({"text": action})
            rows.append([result.reward, result.done, first == again, result.observation["truncated"]])
    return rows


if __name__ == "__main__":
    print(json.dumps(play(sys.argv[1], json.load(sys.stdin))))
