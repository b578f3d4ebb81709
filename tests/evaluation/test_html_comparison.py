"""The page that compares two runs: pairs, statistics, and rendering in a browser."""

import pytest
from test_html import EVIL, Page
from test_html_browser import BROWSER, RUN, browse, walk
from test_html_scale import record, stored
from typer.testing import CliRunner

import quintain
from quintain.cli.app import app
from quintain.errors import ConfigurationError
from quintain.evaluation.html import chunks, write_comparison
from quintain.evaluation.report import Report

ATTACK = f'<img src=x onerror="{RUN}"></script><script>{RUN}</script>'


def runs(text="", n=40):
    a = [record(i, f"first {text}") for i in range(n)]  # success, failure, parse error, error, ...
    b = [record(i, f"second {text}") for i in range(n)]
    for each in b:
        each.outcome, each.error = (
            ("error", {"boundary": "env", "message": "x"}) if each.index % 8 == 1 else ("failure", None)
        )
        each.returns = {"agent": 0.5}
    return Report(a, {"config": {"env": "E", "agent": {"name": "one"}}}), Report(b, {"config": {"env": "E"}})


def page_of(a, b, path):
    return Page(write_comparison(quintain.compare(a, b), a, b, path).read_text(encoding="utf-8"))


def test_the_page_contains_both_transcripts_of_every_pair(tmp_path):
    a, b = runs(EVIL)
    page = page_of(a, b, tmp_path / "page.html")
    rows = page.data("index")["episodes"]
    assert [row["i"] for row in rows] == list(range(40))
    for row, first, second in zip(rows, a.episodes, b.episodes, strict=True):
        sides = page.data(f"e{row['i']}")["sides"]
        assert [side["steps"][0]["action"] for side in sides] == [e.steps[0]["action"] for e in (first, second)]
        assert (row["outcome"], row["other"]["outcome"]) == (first.outcome, second.outcome)
        failed = "error" in (first.outcome, second.outcome)
        expected = "left out" if failed else "A better" if first.outcome == "success" else "tie"
        assert row["pair"] == expected
        assert row["ahead"] == (None if failed else first.reward - second.reward)


def test_the_page_shows_the_statistics_of_the_comparison(tmp_path):
    a, b = runs()
    found = quintain.compare(a, b)
    text = write_comparison(found, a, b, tmp_path / "page.html").read_text(encoding="utf-8")
    assert found.hint in text
    assert "success, worst case" in text
    assert f"A higher in {found.wins} pairs, B higher in {found.losses}, {found.ties} ties" in text
    assert f"<b>{found.wins}</b>" in text


def test_episodes_without_a_partner_are_not_shown(tmp_path):
    a, b = runs()
    page = page_of(Report(a.episodes[:12], a.manifest), Report(b.episodes[5:], b.manifest), tmp_path / "page.html")
    assert [row["i"] for row in page.data("index")["episodes"]] == list(range(5, 12))


@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
@pytest.mark.parametrize("inline", [True, False], ids=["in the page", "in files beside it"])
def test_a_browser_shows_both_sides(tmp_path, monkeypatch, inline):
    monkeypatch.setattr(chunks, "MAX_INLINE", 10**9 if inline else 0)
    a, b = runs(ATTACK)
    a.episodes[7].steps[0]["action"] += " lone"
    b.episodes[9].steps[0]["action"] += " lone"
    result = walk(browse(write_comparison(quintain.compare(a, b), a, b, tmp_path / "page.html"), tmp_path / "profile"))
    assert result["seen"] == [f"Episode {i}" for i in range(40)]
    for i, text in enumerate(result["texts"]):
        assert f"word{i:04d} first {ATTACK}" in text
        assert f"word{i:04d} second {ATTACK}" in text
    assert result["found"] == [2, 0, 40]
    assert result["filtered"] == f"{result['expected']} of 40 episodes"
    assert (result["foreign"], result["ran"]) == (0, "")


def test_the_compare_command_writes_the_page(tmp_path):
    a, b = (stored(tmp_path / name, report.episodes) for name, report in zip("ab", runs(), strict=True))
    shown = CliRunner().invoke(app, ["compare", str(a), str(b), "--page", str(tmp_path / "both.html")])
    assert shown.exit_code == 0, shown.output
    assert "both.html" in shown.output
    assert "success, worst case" in shown.output
    assert len(Page((tmp_path / "both.html").read_text()).data("index")["episodes"]) == 40


def test_runs_that_cannot_be_paired_raise_and_write_no_page(tmp_path):
    a, _ = runs()
    other = Report([record(i + 100) for i in range(3)], a.manifest)
    with pytest.raises(ConfigurationError, match="no seed occurs in both"):
        page_of(a, other, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []
