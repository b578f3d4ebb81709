"""``quintain methods``: the two tables of the survey, from declared facts; the how-to shows the same."""

import json
from pathlib import Path

from quintain.agents.reasoning import METHODS
from quintain.cli.methods import markdown_tables

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "test-time.md"


def test_every_method_is_in_both_tables(quintain):
    out = quintain("methods").out
    assert all(out.count(f"  {name} ") >= 1 for name in METHODS)
    assert set(json.loads(quintain("methods", "--json").out)) == set(METHODS)
    work, ways = markdown_tables().split("\n\n")
    assert all(f"| {name} |" in work and name in ways for name in METHODS)


def test_the_how_to_holds_the_tables_as_the_command_prints_them():
    assert HOW_TO.read_text(encoding="utf-8").endswith(markdown_tables()), "quintain methods --markdown prints them"
