"""``quintain runs`` and ``quintain compare`` of many runs, and their page."""

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import quintain
from quintain.cli import app
from quintain.evaluation.manifest import agent_title
from quintain.experiments.run_list import list_runs

STORED = Path(__file__).parents[1] / "data" / "runs_0_1_0_before"
LETTERS = {"episodes": 8, "env_kwargs": {"tasks": "letters"}, "progress": False}


def call(*words, width=400):
    result = CliRunner().invoke(app, list(map(str, words)), env={"COLUMNS": str(width)})
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    top = tmp_path_factory.mktemp("study")
    for agent in ("oracle", "random"):
        quintain.evaluate("CodeReason-v0", agent, out=top / agent, **LETTERS)
    quintain.evaluate("CodeReason-v0", "oracle", out=top / "deep" / "again", **LETTERS)
    quintain.evaluate("CodeReason-v0", "oracle", out=top / "other-seed", **LETTERS | {"seed": 1})
    return top


def test_runs_of_every_kind_are_listed_with_their_figures():
    found = {run.path.name: run for run in list_runs(STORED)}
    assert set(found) == {path.parent.name for path in STORED.glob("*/run.json")}
    assert (found["evaluate_oracle"].quantity, found["evaluate_oracle"].score.estimate) == ("success", 1.0)
    assert found["evaluate_control"].quantity == "reward"
    assert found["robustness"].score is None
    assert "return" in found["robustness"].figure
    code, output = call("runs", STORED)
    assert code == 0, output
    for name in ("evaluate_oracle", "success 100.0%", "robustness", f"{len(found)} runs of"):
        assert name in output
    assert found["tournament"].agent == "grim, random: RandomAgent, tit-for-tat"
    assert found["robustness"].agent == ""  # its settings stand where other runs name agents


@pytest.mark.parametrize("width", [80, 100, 200])
def test_a_line_per_run_with_its_path_in_the_listed_folder(folder, width):
    code, output = call("runs", folder, width=width)
    assert code == 0, output
    lines = output.splitlines()
    assert max(map(len, lines)) <= width
    assert {line.split()[0] for line in lines[1:5]} == {"oracle", "random", "deep/again", "other-seed"}
    assert ("begun" in lines[0].split()) == (width > 80)
    assert ("more columns in a wider terminal: begun" in output) == (width == 80)


def test_an_agent_with_further_settings_is_named_by_its_own_name():
    """As in the runs of ``quintain potential``, whose agents answer with a number and a temperature."""
    inner = {"agent": "oracle", "through_code": False}
    assert agent_title({"answer": 0, "agent": inner}) == "oracle"
    assert agent_title({"agent": "mine.agents.Guesser"}) == "Guesser"
    assert agent_title({"player_0": {"name": "grim"}, "grim": {"name": "grim"}}) == "player_0: grim, grim"


def test_a_damaged_run_is_listed_with_the_reason(tmp_path):
    shutil.copytree(STORED / "evaluate_oracle", tmp_path / "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "episodes.jsonl").write_text("{}\n{}\n")
    found = {run.path.name: run for run in list_runs(tmp_path)}
    assert "damaged" in found["bad"].figure
    assert found["good"].score.estimate == 1.0


def test_a_folder_without_runs_is_refused(tmp_path):
    code, output = call("runs", tmp_path)
    assert code == 1
    assert "no run in" in " ".join(output.split())


def test_runs_that_posed_the_same_items_are_ranked(folder):
    ((title, board),) = list_runs(folder).leaderboards()
    assert title == "CodeReason-v0, seed 0"
    assert {s.name for s in board.standings} == {"oracle: oracle", "oracle: again", "random"}
    assert board.standings[-1].name == "random"


def test_the_list_is_exported(folder, tmp_path):
    code, output = call("runs", folder, "--json")
    assert code == 0, output
    assert {Path(row["run"]).name for row in json.loads(output)} == {"oracle", "random", "again", "other-seed"}
    code, output = call("runs", folder, "--csv", tmp_path / "list.csv")
    assert (tmp_path / "list.csv").read_text().startswith("run,kind,env,agent,")


def test_the_page_is_self_contained_and_complete(folder, tmp_path):
    pytest.importorskip("jinja2")
    call("view", folder / "oracle")
    code, output = call("runs", folder, "--page", folder / "board.html")
    assert code == 0, output
    page = (folder / "board.html").read_text()
    assert "script" not in page.lower().replace("script-src", "")
    assert not re.search(r'(src|href)="https?:', page)
    assert 'href="oracle/report.html"' in page
    assert "Holm" in page
    assert page.count("# python: ") == 3  # every ranked run can be reproduced
    for name in ("other-seed", "oracle: again", "range of ranks"):
        assert name in page


def test_compare_ranks_three_runs(folder, tmp_path):
    names = [folder / name for name in ("oracle", "random", "deep/again")]
    code, output = call("compare", *names, "--page", tmp_path / "page.html", "--csv", tmp_path / "table.csv")
    assert code == 0, output
    assert "p (Holm, of 3)" in output
    assert "1 to 2" in output
    assert "corrected for 3 comparisons" in " ".join(output.split())
    assert "Reproduce this run" in (tmp_path / "page.html").read_text()
    assert len((tmp_path / "table.csv").read_text().splitlines()) == 4
    code, output = call("compare", *names, "--json")
    assert [s["rank"] for s in json.loads(output)["standings"]] == [1, 1, 3]


def test_compare_refuses_one_run_and_runs_of_different_kinds(folder):
    code, output = call("compare", folder / "oracle")
    assert code == 2
    assert "two runs or more" in output
    code, output = call("compare", folder / "oracle", folder / "random", STORED / "tournament")
    assert code == 1
    assert "different kinds" in output


def test_compare_of_two_runs_is_exported(folder, tmp_path):
    code, output = call("compare", folder / "oracle", folder / "random", "--csv", tmp_path / "two.csv")
    assert code == 0, output
    assert (tmp_path / "two.csv").read_text().splitlines()[1].startswith("success,1.0,")
