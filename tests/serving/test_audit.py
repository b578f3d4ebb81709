"""``quintain audit`` finds planted faults, raises no alarm on sound targets, and writes a page and JSON."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import types

import gymnasium as gym
import numpy as np
import pytest

from quintain.envs.transcripts import equal
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.serving.audit import audit, junk_answers, write_audit
from quintain.serving.audit.environments import Target
from quintain.serving.audit.programs import expression
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


def shown_by(program):
    """Return what a program prints, or the exception that ends it."""
    code = compile(program, "reproduction", "exec")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            exec(code, {})
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return printed.getvalue()


@pytest.mark.parametrize("cls", FAULTS, ids=lambda cls: cls.__name__)
def test_a_planted_fault_is_found(cls, registered):
    limit = {"max_episode_steps": 10} if cls is worlds.CallsItsLimitTermination else {}
    report = audit(registered(cls, **limit))
    found = {(row.question, row.severity): row for row in report.faults}
    assert FAULTS[cls] in found, str(report)
    assert not report.ok
    for row in report.faults:
        assert row.reproduction.startswith(("quintain check ", "quintain audit ")) or shown_by(row.reproduction)


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
    library = types.SimpleNamespace(create_dataset=family(cls))
    monkeypatch.setitem(sys.modules, "reasoning_gym", library)
    for row in rows:
        if row.verdict == "fault" and not row.reproduction.startswith("quintain audit "):
            assert compile(row.reproduction, "reproduction", "exec")
            printed = "" if cls is worlds.ComputesForEver else shown_by(row.reproduction)
            if row.question in ("seed honoured", "same item on replay", "instances independent"):
                one, two = printed.splitlines()
                assert one != two


def test_a_family_whose_items_take_for_ever_is_reported_and_not_waited_for(monkeypatch):
    class MakesItemsForEver(worlds.Family):
        def __getitem__(self, index):
            while True:
                pass

    monkeypatch.setattr("quintain.serving.audit.reasoning_gym._CPU_S", 1)
    (row,) = family_rows("sums", family(MakesItemsForEver))
    assert (row.question, row.verdict, row.severity) == ("items are made", "fault", "high")
    assert "more than 1 CPU seconds" in row.detail


def test_a_family_whose_items_cannot_be_made_is_reported():
    class Fails(worlds.Family):
        def __getitem__(self, index):
            raise KeyError("no words")

    (row,) = family_rows("sums", family(Fails))
    assert row.detail == "KeyError: 'no words'"


def test_parts_of_a_tenth_of_the_score_are_a_note():
    class GivesLittle(worlds.Family):
        def score_answer(self, answer, entry):
            return 1.0 if answer == entry["answer"] else 0.1

    rows = {row.question: row.verdict for row in family_rows("sums", family(GivesLittle))}
    assert rows["junk answers earn nothing"] == "note"


def test_a_game_whose_package_is_missing_is_an_error_and_no_fault(monkeypatch):
    monkeypatch.setitem(sys.modules, "pettingzoo.classic.chess.chess", None)
    with pytest.raises(ConfigurationError, match="cannot make 'classic/chess-v6'"):
        audit("classic/chess-v6")


def test_a_scorer_that_fails_on_a_long_answer_is_shown_by_a_short_program(monkeypatch):
    class Fails(worlds.Family):
        def score_answer(self, answer, entry):
            assert answer is None or len(answer) < 100_000, "too long"
            return super().score_answer(answer, entry)

    fault = next(row for row in family_rows("sums", family(Fails)) if row.verdict == "fault")
    assert "'A' * 100000" in fault.reproduction
    monkeypatch.setitem(sys.modules, "reasoning_gym", types.SimpleNamespace(create_dataset=family(Fails)))
    assert shown_by(fault.reproduction).startswith("AssertionError: too long")


@pytest.mark.parametrize(
    "value",
    ["", "it's", "\ud800" * 70, "ab" * 500, "a" * 60 + "b", b"\0" * 100, None, True, 10**30, -0.5, float("inf"), [], (),
     (1,), {"a": [np.int8(3)]}, np.float32(0.1), np.array([[1, 2]], np.uint8), np.array([np.inf], np.float32)],
    ids=lambda value: repr(value)[:20],
)  # fmt: skip
def test_values_are_written_as_code(value):
    found = eval(expression(value), {"np": np})
    assert type(found) is type(value)
    assert equal(found, value)


def test_secrets_are_in_no_part_of_an_audit(started, stack, tmp_path):
    from typer.testing import CliRunner

    from quintain.cli import app

    token, password = "a-token-of-the-server-5", "a-password-in-a-url-6"
    draws = iter(range(10**6))
    server = ScriptedServer(lambda message: [seen(f"draw {next(draws)} {token}", done=message["type"] == "step")])
    stack.callback(server.close)
    url = server.url.replace("http://", f"http://user:{password}@")
    words = ["audit", url, "--env-arg", f"auth_token={token}", "-o", str(tmp_path / "out")]
    run = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert run.exit_code == 1, run.output
    assert "auth_token='***'" in run.output or 'auth_token="***"' in run.output
    for text in (run.output, *((tmp_path / "out" / name).read_text() for name in ("audit.json", "audit.html"))):
        assert token not in text
        assert password not in text


def test_a_short_token_is_masked_by_its_name():
    target = Target("OpenEnv-v0", {"url": "http://h", "auth_token": "abc"})
    assert "abc" not in target.program() + target.command()


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
