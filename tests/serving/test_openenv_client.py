"""The clients of OpenEnv and of verifiers play our server: rewards as in this process."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

import quintain  # noqa: F401  # registers the environments

ROOT = Path(__file__).parents[2]


def python_of(name: str) -> Path:
    """Return the Python of a peer's own environment, which ``scripts/NAME_venv.sh`` makes."""
    return Path(os.environ.get(f"QUINTAIN_{name.upper()}_PYTHON", ROOT / f".venv-{name}/bin/python"))


def needs(name: str) -> pytest.MarkDecorator:
    why = f"needs {name} in an environment of its own: sh scripts/{name}_venv.sh"
    return pytest.mark.skipif(not python_of(name).is_file(), reason=why)


@pytest.fixture
def played() -> tuple[list[str], list[float]]:
    """Return the replies and rewards of 100 seeds in this process."""
    local = gym.make("CodeReason-v0", tasks="letters", disable_env_checker=True)
    replies, rewards = [], []
    for seed in range(100):
        local.reset(seed=seed)
        replies.append(local.unwrapped.solution() if seed % 3 else f"<<<{seed}>>>")
        rewards.append(float(local.step(replies[-1])[1]))
    assert len({*rewards}) > 1
    return replies, rewards


def result_of(name: str, url: str, replies: list[str]) -> Any:
    """Run the program of a peer with its own Python."""
    done = subprocess.run(
        [str(python_of(name).absolute()), str(Path(__file__).with_name(f"{name}_client.py")), url],
        input=json.dumps(replies), capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


@needs("openenv")
def test_openenv_s_client_gets_the_rewards_of_this_process_on_100_seeds(started, played):
    replies, rewards = played
    found = result_of("openenv", started("CodeReason-v0", {"tasks": "letters"}).url, replies)
    assert found == [[reward, True, True, False] for reward in rewards]


@needs("verifiers")
def test_verifiers_gets_the_rewards_of_this_process_on_100_seeds(started, played):
    replies, rewards = played
    assert result_of("verifiers", started("CodeReason-v0", {"tasks": "letters"}).url, replies) == rewards
