"""Every table of a page with results is part of a table that a program stored."""

import re
from pathlib import Path

import pytest

from quintain.experiments.study_tables import StudyTables

ROOT = Path(__file__).parents[2]
#: Page and the folder of the tables stored for it.
PAGES = {"docs/papers/repeated_games.md": "papers/repeated_games/results"}


def tables_of(text):
    """Return the tables of a Markdown text: head and rows, each a list of cells."""
    blocks = re.findall(r"(?:^\|.*\|\n?)+", text, re.MULTILINE)
    tables = []
    for block in blocks:
        head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in block.strip().splitlines())
        tables.append((head, rows))
    return tables


def stored(folder):
    """Return head and rows of each stored table, as they are written."""
    files = sorted((ROOT / folder).glob("*.json"))
    return [(list(table.head), table.texts()) for file in files for table in StudyTables.load(file).tables]


def missing(head, rows, known):
    """Return the rows that are in no stored table with these columns; an empty list if some table has them all."""
    lacking = rows
    for names, lines in known:
        if set(head) <= set(names):
            places = [names.index(name) for name in head]
            projected = [[line[place] for place in places] for line in lines]
            here = [row for row in rows if row not in projected]
            lacking = here if len(here) <= len(lacking) else lacking
    return lacking


@pytest.mark.parametrize("page", PAGES)
def test_every_table_of_the_page_was_stored_by_a_program(page):
    known = stored(PAGES[page])
    assert known
    found = tables_of((ROOT / page).read_text(encoding="utf-8"))
    assert found
    for head, rows in found:
        assert not missing(head, rows, known), f"{head}: not among the stored results"


def test_a_changed_cell_a_changed_name_and_an_unknown_column_are_noticed():
    known = [(["a", "b", "c"], [["x", "1 [0, 2]", "7"], ["y", "2 [1, 3]", "8"]])]
    assert not missing(["a", "c"], [["y", "8"], ["x", "7"]], known)
    assert missing(["a", "c"], [["x", "8"]], known) == [["x", "8"]]
    assert missing(["a", "d"], [["x", "7"]], known) == [["x", "7"]]
    assert tables_of("text\n\n| a | b |\n|---|---|\n| x | 1 |\n\nmore | text\n") == [(["a", "b"], [["x", "1"]])]
