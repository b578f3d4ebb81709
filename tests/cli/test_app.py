import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from quintain.cli import app
from quintain.cli.commands import COMMANDS


def test_help_lists_every_command_with_examples(quintain):
    result = quintain("--help")
    assert result.code == 0
    assert all(name in result.out for name in COMMANDS)
    assert "quintain eval CodeReason-v0 --agent oracle" in result.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_text(quintain, name):
    result = quintain(name, "--help")
    assert result.code == 0
    assert "Usage:" in result.out


@pytest.mark.parametrize("width", [80, 90, 100])
def test_the_help_of_eval_fits_two_screens_and_shows_ten_options_first(width, tmp_path):
    shown = CliRunner().invoke(app, ["eval", "--help"], env={"COLUMNS": str(width), "TERM": "dumb"}).stdout
    assert len(shown.splitlines()) <= 2 * 40
    panels = re.split(r"╭─ (\w+) ─+╮", shown)
    assert panels[1::2] == ["Arguments", "Options", "Environment", "Agent", "Run", "Output"]
    first = re.findall(r"(--[\w-]+)  ", panels[4])
    assert first == [
        *("--agent", "--engine", "--model", "--tasks", "--env-arg", "--episodes", "--repeats", "--seed", "--out"),
        *("--resume", "--help"),
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_target_can_be_imported(name):
    module, _, attribute = COMMANDS[name].target.partition(":")
    target = getattr(importlib.import_module(module), attribute)
    assert callable(target)
    assert isinstance(target, typer.Typer) or target.__doc__


def test_a_mistyped_command_is_a_usage_error_with_a_suggestion(quintain):
    result = quintain("evla")
    assert result.code == 2
    assert "'eval'" in result.text


def test_version(quintain):
    import quintain as package

    assert quintain("--version").out == f"quintain {package.__version__}\n"


def test_debug_is_accepted_at_any_position_and_shows_the_traceback(quintain):
    from quintain.errors import RecordError

    assert quintain("view", "nowhere").exception.__class__ is SystemExit
    assert isinstance(quintain("view", "nowhere", "--debug").exception, RecordError)
    assert isinstance(quintain("--debug", "view", "nowhere").exception, RecordError)


def test_help_imports_nothing_heavy():
    heavy = "torch, transformers, matplotlib, scipy, sympy, mujoco, jinja2, httpx"
    code = (
        "import sys\nfrom quintain.cli import app\n"
        "try:\n    app(['--help'], prog_name='quintain')\nexcept SystemExit:\n    pass\n"
        f"print('loaded:', [m for m in '{heavy}'.split(', ') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("loaded: []\n")


def test_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "quintain.cli", "view", "nowhere"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: no run at 'nowhere'")
    assert "Traceback" not in done.stderr


def test_a_module_in_the_current_folder_is_found(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import gymnasium as gym\ngym.register('Mine-v0', 'gymnasium.envs.toy_text:CliffWalkingEnv')\n"
    )
    (tmp_path / "json.py").write_text("raise ImportError('shadows the standard library')\n")
    script = shutil.which("quintain", path=str(Path(sys.executable).parent))
    ran = subprocess.run([script, "check", "mine:Mine-v0"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert "shadows" not in ran.stderr
    assert "No module named 'mine'" not in ran.stdout + ran.stderr
    assert " passed, " in ran.stdout
