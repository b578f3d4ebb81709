"""``quintain robustness`` with language agents: leaderboard, resuming, JSON, and options that do not fit."""

import csv
from pathlib import Path

import pytest

WORDS = ("robustness", "susceptible", "--agent-arg", "obey=1", "--env-arg", "tasks=mail-reply", "-n", 6, "-o", "run")


def test_language_agents_are_attacked_by_the_same_command(quintain):
    words = (*WORDS, "-a", "loop,function", "-g", "repeat-limit", "--guard-arg", "limit=2", "--surface", "user,system")
    result = quintain(*words)
    assert result.code == 0, result.text
    assert "susceptible behind repeat-limit" in result.text
    rows = list(csv.DictReader(Path("run/leaderboard.csv").read_text().splitlines()))
    assert len(rows) == 2 * (1 + 2 * 2)
    assert {(row["attack"], row["surface"]) for row in rows if row["guard"] == "none"} == {
        ("clean", ""), ("loop", "user"), ("loop", "system"), ("function", "user"), ("function", "system"),
    }  # fmt: skip
    loop = next(row for row in rows if (row["guard"], row["attack"]) == ("none", "loop"))
    assert float(loop["net"]) == 1.0
    assert Path("run/breakdown.csv").read_text().startswith("agent,guard,attack")
    lines = Path("run/episodes.jsonl").read_bytes()
    assert quintain(*words).code == 1
    again = quintain(*words, "--resume", "--json")
    assert again.code == 0, again.text
    assert again.json["rows"][0]["failure"]["n"] == 6
    assert Path("run/episodes.jsonl").read_bytes() == lines
    pytest.importorskip("jinja2")
    assert "quintain robustness susceptible" in Path("run/report.html").read_text()
    assert quintain("view", "run", "--confidence", 0.5).code == 0
    assert "Intervals: 50%" in Path("run/report.html").read_text()


def test_a_model_plays_and_guards_ask_it(quintain):
    result = quintain(
        "robustness", "react", "--engine", "scripted:Final Answer: Done.", "--agent-arg", "stop=[]", "-n", 2,
        "-a", "loop", "-g", "self-examination", "--guard-engine", "scripted:YES", "--env-arg", "tasks=mail-reply",
        "-o", "run", "--json",
    )  # fmt: skip
    assert result.code == 0, result.text
    assert [row["detected"]["estimate"] for row in result.json["rows"]] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("robustness", "susceptible", "-e", "0.1"), "an option of policies"),
        (("robustness", "slide-handle", "--surface", "tool"), "an option of language agents"),
        (("robustness", "susceptible", "slide-handle"), "one run for each"),
        (("robustness", "susceptible", "-a", "mad"), "unknown language attack 'mad'"),
        (("robustness", "susceptible", "-a", "paraphrase", "--surface", "tool"), "takes the surfaces user"),
        (("robustness", "susceptible", "--model", "x"), "asks a language model"),
    ],
)
def test_options_of_the_other_kind_are_refused(quintain, words, message):
    result = quintain(*words, "-o", "run")
    assert result.code != 0
    assert message in result.text
    assert not Path("run").exists()
