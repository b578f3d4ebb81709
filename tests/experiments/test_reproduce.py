"""Every page of every kind says how its run can be reproduced."""

import re
import shutil
from html import unescape
from pathlib import Path

import pytest
from typer.testing import CliRunner

import quintain
from quintain.cli import app
from quintain.evaluation.html import write_comparison, write_report
from quintain.evaluation.report import Report
from quintain.experiments.kinds import EXPERIMENTS, write_run_page
from quintain.records import read_manifest

pytest.importorskip("jinja2")
STORED = {path.parent.name: path.parent for path in (Path(__file__).parents[1] / "data").glob("runs_*/*/run.json")}


def blocks(page):
    return [unescape(block) for block in re.findall(r'<pre class="command"[^>]*><code>(.*?)</code>', page, re.S)]


@pytest.mark.parametrize("name", sorted(STORED))
def test_pages_of_stored_runs_have_versions_seed_and_date(name, tmp_path):
    run = Path(shutil.copytree(STORED[name], tmp_path / name))
    page = write_run_page(run).read_text()
    assert "Reproduce this run" in page
    (block,) = blocks(page)
    manifest = read_manifest(run)
    for fact in (
        f"# python: {manifest['platform']['python']}",
        f"numpy {manifest['versions']['numpy']}",
        f"# date: {manifest['created'][:10]}",
        "# seed: ",
        manifest["platform"]["system"],
    ):
        assert fact in block


def test_the_stored_kinds_are_all_kinds():
    assert {read_manifest(run).get("kind", "evaluate") for run in STORED.values()} == set(EXPERIMENTS)


COMMANDS = {
    "eval": "eval CartPole-v1 -a random -n 2 --max-steps 4",
    "tournament": "tournament --players grim,random --rounds 3 --repetitions 2",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_runs_of_commands_show_the_command_as_it_was_given(name, tmp_path):
    words = [*COMMANDS[name].split(), "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    (block,) = blocks((tmp_path / "run" / "report.html").read_text())
    assert block.splitlines()[-1] == " ".join(["quintain", *words])
    assert read_manifest(tmp_path / "run")["command"] == " ".join(["quintain", *words])


def test_a_program_that_follows_a_command_is_not_taken_for_it(tmp_path):
    CliRunner().invoke(app, ["agents"])
    assert "command" not in quintain.evaluate("CartPole-v1", "random", episodes=1).manifest


def test_keys_are_masked(tmp_path):
    words = ["eval", "CodeReason-v0", "-a", "all-text", "--engine", "scripted:<<<1>>>", "-n", "1", "--tasks", "letters"]
    words += ["--agent-arg", "prompt=x", "--out", str(tmp_path / "run"), "--reset-option", "api_key=abc123"]
    CliRunner().invoke(app, words)
    command = read_manifest(tmp_path / "run")["command"]
    assert "api_key=***" in command
    assert "abc123" not in command


def test_the_command_of_a_run_from_python_repeats_it(tmp_path):
    run = quintain.evaluate(
        "CodeReason-v0", "random", episodes=3, repeats=2, seed=4, max_steps=2, env_kwargs={"tasks": "letters"},
        out=tmp_path / "a",
    )  # fmt: skip
    (block,) = blocks(write_report(run).read_text())
    command = block.splitlines()[-1]
    assert command.startswith("quintain eval CodeReason-v0 --agent random --tasks letters --episodes 3 --repeats 2")
    result = CliRunner().invoke(app, [*command.split()[1:], "--out", str(tmp_path / "b"), "--no-report"])
    assert result.exit_code == 0, result.output
    again = Report.load(tmp_path / "b")
    assert [[s["action"] for s in e.steps] for e in again.episodes] == [
        [s["action"] for s in e.steps] for e in run.episodes
    ]


def test_runs_of_objects_show_their_configuration(tmp_path):
    run = quintain.evaluate("CartPole-v1", lambda observation: 0, episodes=2, out=tmp_path / "run")
    (block,) = blocks(write_report(run).read_text())
    assert "# made from Python by quintain.evaluate with" in block
    assert '#   env = "CartPole-v1"' in block
    assert "#   episodes = 2" in block


def test_a_comparison_has_both_runs(tmp_path):
    runs = [
        quintain.evaluate("CartPole-v1", "random", episodes=2, env_kwargs={"sutton_barto_reward": flag})
        for flag in (True, False)
    ]
    page = write_comparison(quintain.compare(*runs), *runs, tmp_path / "page.html").read_text()
    first, second = blocks(page)
    assert "sutton_barto_reward=true" in first
    assert "sutton_barto_reward=false" in second
