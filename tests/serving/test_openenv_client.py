"""OpenEnv's own client plays our server: rewards as in this process."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import gymnasium as gym
import pytest

import quintain  # noqa: F401  # registers the environments

ROOT = Path(__file__).parents[2]
PYTHON = Path(os.environ.get("QUINTAIN_OPENENV_PYTHON", ROOT / ".venv-openenv/bin/python"))


@pytest.mark.skipif(
    not PYTHON.is_file(), reason="needs OpenEnv in an environment of its own: sh scripts/openenv_venv.sh"
)
def test_openenv_s_client_gets_the_rewards_of_this_process_on_100_seeds(started):
    local = gym.make("CodeReason-v0", tasks="letters", disable_env_checker=True)
    actions, rewards = [], []
    for seed in range(100):
        local.reset(seed=seed)
        actions.append(local.unwrapped.solution() if seed % 3 else f"<<<{seed}>>>")
        rewards.append(local.step(actions[-1])[1])
    server = started("CodeReason-v0", {"tasks": "letters"})
    done = subprocess.run(
        [str(PYTHON.absolute()), str(Path(__file__).with_name("openenv_client.py")), server.url],
        input=json.dumps(actions), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    assert json.loads(done.stdout) == [[reward, True, True, False] for reward in rewards]
    assert len({*rewards}) > 1
