"""``quintain audit`` finds planted faults, raises no alarm on sound targets, and writes a page and JSON."""

from __future__ import annotations

import json

import gymnasium as gym
import pytest

from quintain.errors import ConfigurationError, UnknownNameError
from quintain.serving.audit import audit, junk_answers, write_audit
from quintain.serving.audit.reasoning_gym import family_rows

from . import audit_worlds as worlds
from .scripted_server import ScriptedServer, seen

#: Each faulty environment, the question that finds its fault, and the severity.
FAULTS = {
    worlds.AcceptsEmptyAnswers: ("junk answers earn nothing", "high"),
    worlds.FindsTheAnswerAnywhere: ("junk answers earn nothing", "high"),
    worlds.BelievesWhatItIsTold: ("junk answers earn nothing", "high"),
    worlds.PaysForLength: ("junk answers earn nothing", "medium"),
    worlds.RefusesItsSolution: ("gold answer accepted", "high"),
    worlds.ScoresItsFailures: ("a failure is not a score", "high"),
    worlds.RaisesAgainstItsWord: ("hostile actions are survived", "medium"),
    worlds.LeavesItsRange: ("rewards in the declared range", "medium"),
    worlds.Keeps: ("memory does not grow", "medium"),
    worlds.CallsItsLimitTermination: ("truncation told from termination", "medium"),
    worlds.TellsTheLimitInInfoOnly: ("truncation told from termination", "medium"),
}
FAMILY_FAULTS = {
    worlds.IgnoresItsSeed: ("seed honoured", "high"),
    worlds.DrawsItemsAnew: ("same item on replay", "high"),
    worlds.SharesItsGenerator: ("instances independent", "high"),
    worlds.RefusesTheAnswer: ("gold answer accepted", "high"),
    worlds.GivesPartsForLists: ("junk answers earn nothing", "medium"),
    worlds.ScoresAboveOne: ("rewards in the declared range", "medium"),
    worlds.EvaluatesAnswers: ("hostile answers are survived", "medium"),
    worlds.ComputesForEver: ("hostile answers are survived", "high"),
}


@pytest.fixture
def registered():
    def register(cls, **arguments):
        name = f"Audited{cls.__name__}-v0"
        gym.register(name, entry_point=f"{cls.__module__}:{cls.__name__}", **arguments)
        return name

    yield register
    for name in [name for name in gym.registry if name.startswith("Audited")]:
        del gym.registry[name]


@pytest.mark.parametrize("cls", FAULTS, ids=lambda cls: cls.__name__)
def test_a_planted_fault_is_found(cls, registered):
    limit = {"max_episode_steps": 10} if cls is worlds.CallsItsLimitTermination else {}
    report = audit(registered(cls, **limit))
    found = {(row.question, row.severity): row for row in report.faults}
    assert FAULTS[cls] in found, str(report)
    assert found[FAULTS[cls]].reproduction
    assert not report.ok


@pytest.mark.parametrize("cls", [worlds.Quiz, worlds.PaysForForm, worlds.Walk], ids=lambda cls: cls.__name__)
def test_sound_environments_raise_no_alarm(cls, registered):
    report = audit(registered(cls, **({"max_episode_steps": 12} if cls is worlds.Walk else {})))
    assert report.ok, str(report)


@pytest.mark.parametrize(
    ("target", "kwargs"),
    [("FrozenLake-v1", {}), ("RepeatedGame-v0", {"rounds": 2, "view": "text"})],
)
def test_public_environments_raise_no_alarm(target, kwargs):
    report = audit(target, kwargs)
    assert report.ok, str(report)
    assert report.kind == "gymnasium"
    assert {row.verdict for row in report.rows} >= {"pass", "note"}


def family(cls):
    return lambda name, seed, size: cls(seed, size)


@pytest.mark.parametrize("cls", FAMILY_FAULTS, ids=lambda cls: cls.__name__)
def test_a_planted_fault_of_a_family_is_found(cls, monkeypatch):
    monkeypatch.setattr("quintain.serving.audit.reasoning_gym._CPU_S", 1)
    rows = list(family_rows("sums", family(cls)))
    faults = {(row.question, row.severity) for row in rows if row.verdict == "fault"}
    assert FAMILY_FAULTS[cls] in faults, rows
    assert all(row.reproduction for row in rows if row.verdict == "fault")


def test_sound_families_raise_no_alarm():
    for cls in (worlds.Family, worlds.HasNoAnswers):
        rows = list(family_rows("sums", family(cls)))
        assert not [row for row in rows if row.verdict == "fault"], rows
    assert [row.verdict for row in rows if row.question == "gold answer accepted"] == ["note"]


def test_a_family_of_the_library_is_audited():
    pytest.importorskip("reasoning_gym")
    report = audit("reasoning-gym:letter_counting")
    assert {row.question: row.verdict for row in report.rows}["gold answer accepted"] == "pass"
    with pytest.raises(UnknownNameError, match="chain_sum"):
        audit("reasoning-gym:chain_sums")
    with pytest.raises(ConfigurationError, match="defaults"):
        audit("reasoning-gym:chain_sum", {"size": 3})


def test_a_server_is_audited(started, stack):
    sound = audit(started("RepeatedGame-v0", {"rounds": 2, "view": "text"}).url)
    assert sound.ok, str(sound)
    assert sound.kind == "openenv"
    draws = iter(range(10**6))

    def ignores_the_seed(message):
        return [seen(f"draw {next(draws)}", done=message["type"] == "step")]

    server = ScriptedServer(ignores_the_seed)
    stack.callback(server.close)
    report = audit(server.url)
    assert next(row.question for row in report.faults if row.severity == "high") == "seed honoured"


def test_unknown_targets_are_errors():
    with pytest.raises(UnknownNameError, match="CartPole-v1"):
        audit("CartPole-v11")
    with pytest.raises(TypeError, match="is_slipery"):
        audit("FrozenLake-v1", {"is_slipery": 1})


def test_the_page_and_the_json_hold_every_row(registered, tmp_path):
    pytest.importorskip("jinja2")
    report = audit(registered(worlds.RefusesItsSolution))
    page = write_audit(report, tmp_path / "a")
    data = json.loads((tmp_path / "a" / "audit.json").read_text())
    text = page.read_text()
    assert data["ok"] is False
    assert [row["question"] for row in data["rows"]] == [row.question for row in report.rows]
    assert all(row.question in text for row in report.rows)
    assert "env.unwrapped.solution()" in text


def test_junk_repeats_the_question_and_nothing_else_that_is_right():
    junk = junk_answers("What is\n2 + 2?")
    assert junk["echo of the last line"] == "2 + 2?"
    assert "" in junk.values()


def test_the_command_prints_rows_and_fails_on_faults(registered, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from quintain.cli import app

    monkeypatch.chdir(tmp_path)
    words = ["audit", registered(worlds.AcceptsEmptyAnswers), "-o", "out"]
    run = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert run.exit_code == 1, run.output
    assert "pass   gold answer accepted" in run.output
    assert "fault  junk answers earn nothing [high]" in run.output
    assert "# junk answers earn nothing\nimport gymnasium" in run.output
    assert (tmp_path / "out" / "audit.html").is_file()
