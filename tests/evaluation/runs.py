"""A run in a process of its own, and what of a run does not depend on timing."""

import subprocess
import sys
import textwrap
from pathlib import Path


def deterministic_fields(report):
    """Return the fields of a report that do not depend on timing."""
    return [(e.index, e.seed, e.outcome, e.returns, e.to_line().split('"wall_s"')[0]) for e in report.episodes]


def run_script(path: Path, body: str) -> subprocess.Popen[str]:
    """Start a program that knows ``Sum-v0``, ``Coin`` and ``Parity``; its source is written to folder ``path``."""
    script = path / "script.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import asyncio, quintain, gymnasium as gym\n"
        "from toy_envs import Coin, Parity\n"
        "gym.register('Sum-v0', entry_point='toy_envs:Sum')\n" + textwrap.dedent(body)
    )
    return subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
