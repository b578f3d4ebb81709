"""``quintain eval --repeats --limit --items``."""

import json

import pytest
from typer.testing import CliRunner

from quintain.cli import app
from quintain.records import read_episodes

RUN = ["eval", "CodeReason-v0", "-a", "random", "--tasks", "letters", "--no-report", "--json"]


def call(*words):
    return CliRunner().invoke(app, [*RUN, *words])


def test_repeats_limit_and_items_choose_the_episodes(tmp_path):
    result = call("-n", "9", "--repeats", "2", "--limit", "3", "-o", str(tmp_path / "a"))
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["episodes"] == 6
    result = call("-n", "9", "--items", "1,4-5", "-o", str(tmp_path / "b"))
    assert result.exit_code == 0, result.output
    assert [e.item for e in read_episodes(tmp_path / "b")] == [1, 4, 5]
    name = read_episodes(tmp_path / "b")[1].info["task_id"]
    result = call("-n", "9", "--items", name, "-o", str(tmp_path / "c"))
    assert [e.item for e in read_episodes(tmp_path / "c")] == [4]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--items", "5-2"], "ends before it begins"),
        (["--items", ","], "name at least one item"),
        (["--items", "nosuch"], "unknown item among the first 100 'nosuch'"),
        (["--repeats", "0"], "--repeats"),
    ],
)
def test_bad_items_are_refused(tmp_path, words, message):
    result = call(*words, "-o", str(tmp_path / "a"))
    assert result.exit_code != 0
    assert message in " ".join(result.output.replace("│", " ").split())
