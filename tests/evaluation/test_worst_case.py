"""If a run has infrastructure errors, every success rate is shown with the rate that counts them as failures."""

import io

import pytest
from rich.console import Console

import quintain
from quintain.cli.tables import print_report
from quintain.evaluation.compare import compare
from quintain.evaluation.html import write_report
from quintain.evaluation.report import Report
from quintain.evaluation.statistics import rate
from quintain.evaluation.summary import score_rows
from quintain.records import EpisodeRecord

ERROR = {"boundary": "engine", "type": "EngineError", "message": "down"}


def record(index, outcome, task="easy"):
    returns = {"agent": 1.0 if outcome == "success" else 0.0}
    info = {"task": task, "group": task}
    return EpisodeRecord(index, index, outcome, returns, info=info, error=ERROR if outcome == "error" else None)


MANIFEST = {"config": {"env": "Sum-v0"}, "facts": {"env": {"report_by": ["group"]}}}
# Easy: 3 of 4, without errors. Hard: 2 of 2 scored, 2 errors. Lost: errors alone.
SOLVED = ["success", "success", "success", "failure"]
MIXED = Report(
    [record(i, o) for i, o in enumerate(SOLVED)]
    + [record(4 + i, o, "hard") for i, o in enumerate(["success", "success", "error", "error"])]
    + [record(8, "error", "lost"), record(9, "error", "lost")],
    MANIFEST,
)
CLEAN = Report([record(i, o) for i, o in enumerate(SOLVED)], MANIFEST)
UNJUDGED = Report([record(0, "finished"), record(1, "error")], MANIFEST)


def terminal(report):
    out = io.StringIO()
    print_report(Console(file=out, width=200), report)
    return out.getvalue()


def test_the_worst_case_rate_counts_every_error_as_a_failure():
    assert (MIXED.success, MIXED.worst_case) == (rate(5, 6), rate(5, 10))
    assert CLEAN.worst_case == CLEAN.success
    assert UNJUDGED.worst_case.n == 0
    assert MIXED.by_task["lost"].worst_case == rate(0, 2)


def test_as_dict_has_the_worst_case_beside_each_rate():
    data = MIXED.to_dict()
    assert data["success"]["worst_case"] == rate(5, 10).to_dict()
    worst = {task: found["worst_case"] for task, found in data["by_task"].items()}
    assert worst == {"easy": None, "hard": rate(2, 4).to_dict(), "lost": rate(0, 2).to_dict()}
    assert CLEAN.to_dict()["success"]["worst_case"] is None


def test_the_text_report_shows_the_worst_case():
    assert f"success {rate(5, 6)} (worst case {rate(5, 10)}: errors counted as failures)" in str(MIXED)
    assert "worst case" not in str(CLEAN)
    assert "worst case" not in str(UNJUDGED)


def test_the_terminal_shows_the_worst_case_in_every_table_of_rates():
    text = terminal(MIXED)
    assert "4 errors counted as failures" in text
    tables = text.split("\n\n")
    scores, tasks, groups = (next(t for t in tables if start in t) for start in ("Sum-v0", "By task", "By group"))
    assert "success, worst case" in scores
    assert "50.0%" in scores
    for table in (tasks, groups):
        rows = {line.split()[0]: line for line in table.splitlines() if line.split()[:1] != ["By"] and line.strip()}
        assert "worst case" in table
        assert "50.0%" in rows["hard"]
        assert " 0.0%" in rows["lost"]
    assert "worst case" not in terminal(CLEAN)
    assert "worst case" not in terminal(UNJUDGED)


def test_the_page_shows_the_worst_case(tmp_path):
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    text = write_report(MIXED, tmp_path / "mixed.html").read_text(encoding="utf-8")
    assert "<h3>success, worst case</h3>" in text
    assert "4 errors counted as failures" in text
    assert ">worst case</button>" in text
    assert "worst case" not in write_report(CLEAN, tmp_path / "clean.html").read_text(encoding="utf-8")


def test_rows_without_errors_show_no_worst_case():
    assert [row.name for row in score_rows(CLEAN)] == ["success", "reward"]
    assert [row.name for row in score_rows(UNJUDGED)] == ["reward"]


def test_a_comparison_counts_errors_as_failures_too():
    other = Report([record(i, "failure", e.info["task"]) for i, e in enumerate(MIXED.episodes)], MANIFEST)
    found = compare(MIXED, other)
    assert (found.success.estimate, found.success.n) == (pytest.approx(5 / 6), 6)
    assert (found.worst_case.estimate, found.worst_case.n) == (0.5, 10)
    assert found.to_dict()["worst_case"]["estimate"] == 0.5
    assert "with errors counted as failures 0.5" in str(found)
    assert compare(CLEAN, CLEAN).worst_case is None
    assert compare(UNJUDGED, UNJUDGED).worst_case is None


def test_the_command_shows_both_rates_of_a_comparison(tmp_path):
    from typer.testing import CliRunner

    from quintain.cli.app import app

    def flaky(text):
        flaky.n += 1
        if flaky.n % 3 == 0:
            raise quintain.errors.EngineError("down")
        return "<<<0>>>"

    flaky.n = 0
    env = {"tasks": "letters", "code": False}
    quintain.evaluate("CodeReason-v0", flaky, episodes=6, concurrency=1, env_kwargs=env, out=tmp_path / "a")
    quintain.evaluate("CodeReason-v0", "oracle", episodes=6, env_kwargs=env, out=tmp_path / "b")
    shown = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b")])
    assert shown.exit_code == 0, shown.output
    assert "success, worst case" in shown.output
    assert "errors counted as failures" in shown.output
