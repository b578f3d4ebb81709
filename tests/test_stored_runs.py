"""Runs written by an earlier version can be read, shown, rescored, compared, replayed and resumed."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from quintain import evaluate, play
from quintain.agents import make_agent
from quintain.cli import app
from quintain.engines import ReplayEngine
from quintain.envs.code_reason.env import CODE_PROTOCOL
from quintain.evaluation import compare, rescore
from quintain.evaluation.report import Report
from quintain.experiments.games import load_matches
from quintain.experiments.robustness import load_robustness
from quintain.records import iter_episodes, read_episodes, read_manifest

STORED = Path(__file__).parent / "data" / "runs_0_1_0_before"
EVALUATIONS = {
    "evaluate_control": ("finished", 3),
    "evaluate_language_model": ("parse_error", 3),
    "evaluate_oracle": ("success", 3),
}
KINDS = {"matches": 2, "play": 2, "robustness": 4, "sweep": 4, "tournament": 6} | {
    name: count for name, (_, count) in EVALUATIONS.items()
}
LETTERS = {"episodes": 3, "seed": 1, "env_kwargs": {"tasks": "letters"}}


@pytest.fixture
def stored(tmp_path):
    """Copy a stored run, so that the original is not modified."""

    def copy(kind: str) -> Path:
        return Path(shutil.copytree(STORED / kind, tmp_path / kind))

    return copy


def test_every_stored_run_is_tested():
    assert {path.parent.name for path in STORED.glob("*/run.json")} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_stored_records_round_trip_as_json(kind):
    lines = (STORED / kind / "episodes.jsonl").read_text().splitlines()
    assert [json.loads(record.to_line()) for record in iter_episodes(STORED / kind)] == list(map(json.loads, lines))
    assert len(read_episodes(STORED / kind)) == len(lines) == KINDS[kind]
    assert read_manifest(STORED / kind)["versions"]["quintain"] == "0.1.0"


@pytest.mark.parametrize("kind", KINDS)
def test_view_writes_the_page_of_a_stored_run(stored, kind):
    pytest.importorskip("jinja2")
    run = stored(kind)
    result = CliRunner().invoke(app, ["view", str(run)])
    assert result.exit_code == 0, result.output
    page = (run / "report.html").read_text()
    assert page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>")
    assert CliRunner().invoke(app, ["view", str(run), "--episode", "0"]).exit_code == 0


@pytest.mark.parametrize(("kind", "outcome"), [(kind, outcome) for kind, (outcome, _) in EVALUATIONS.items()])
def test_stored_evaluations_are_reported_and_rescored_unchanged(kind, outcome):
    report = Report.load(STORED / kind)
    assert {episode.outcome for episode in report.episodes} == {outcome}
    again = rescore(STORED / kind)
    assert again.changed == again.drifted == []
    assert again.after.reward == report.reward


def test_stored_evaluations_can_be_compared():
    result = compare(STORED / "evaluate_oracle", STORED / "evaluate_language_model")
    assert (result.wins, result.losses, result.ties, result.left_out) == (3, 0, 0, 0)
    assert result.success.estimate == 1.0


def test_stored_actions_can_be_replayed():
    replayed = evaluate("CodeReason-v0", make_agent("replay", run=STORED / "evaluate_oracle"), **LETTERS)
    assert [e.returns for e in replayed.episodes] == [e.returns for e in read_episodes(STORED / "evaluate_oracle")]


@pytest.fixture
def earlier_rules(monkeypatch):
    """Let the first observation have the wording of the stored runs, which did not say what can be imported."""
    monkeypatch.setattr("quintain.envs.code_reason.env.CODE_PROTOCOL", CODE_PROTOCOL.replace("{imports} ", ""))


@pytest.mark.usefixtures("earlier_rules")
def test_stored_language_model_replies_can_be_replayed():
    engine = ReplayEngine(STORED / "evaluate_language_model")
    replayed = evaluate("CodeReason-v0", {"name": "all-text", "engine": engine}, **LETTERS)
    before = read_episodes(STORED / "evaluate_language_model")
    assert replayed.errors == 0
    for now, then in zip(replayed.episodes, before, strict=True):  # the stored run does not say what was asked
        assert [(call["key"], call["replies"]) for call in now.calls] == [(c["key"], c["replies"]) for c in then.calls]
    assert [e.steps for e in replayed.episodes] == [e.steps for e in before]


@pytest.mark.usefixtures("earlier_rules")
def test_a_stored_evaluation_resumes_to_the_same_results(stored):
    for kind, env, agent, options in (
        ("evaluate_oracle", "CodeReason-v0", "oracle", LETTERS),
        ("evaluate_control", "CartPole-v1", "random", {"episodes": 3, "seed": 1}),
    ):
        run = stored(kind)
        lines = (run / "episodes.jsonl").read_text().splitlines(keepends=True)
        (run / "episodes.jsonl").write_text(lines[0] + lines[1][:40])
        report = evaluate(env, agent, out=run, resume=True, **options)
        assert [e.returns for e in report.episodes] == [e.returns for e in read_episodes(STORED / kind)]
        assert [e.steps for e in read_episodes(run)] == [e.steps for e in read_episodes(STORED / kind)]


def test_a_stored_run_of_matches_can_be_resumed(stored):
    run = stored("play")
    agents = {"player_0": "tit-for-tat", "player_1": "random"}
    options = {"env_kwargs": {"rounds": 3}, "seed": 1, "out": run, "resume": True}
    before = read_episodes(STORED / "play")
    report = play("PrisonersDilemma-v0", agents, episodes=2, **options)
    assert [e.returns for e in report.episodes] == [e.returns for e in before]
    assert len(play("PrisonersDilemma-v0", agents, episodes=3, **options).episodes) == 3


def test_stored_matches_and_robustness_tables_can_be_loaded():
    for kind in ("matches", "sweep", "tournament"):
        assert len(load_matches(STORED / kind)) == KINDS[kind]
    table = load_robustness(STORED / "robustness")
    assert [row.attack for row in table.rows] == ["clean", "random"]
    # Intervals follow today's rules; the estimates and counts are those that were written then.
    then, now = (
        list(csv.DictReader(io.StringIO(text)))
        for text in ((STORED / "robustness" / "leaderboard.csv").read_text(), table.to_csv())
    )
    kept = [name for name in then[0] if not name.endswith(("_low", "_high"))]
    assert [[row[name] for name in kept] for row in then] == [[row[name] for name in kept] for row in now]
