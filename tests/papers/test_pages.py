"""Every table of a page with results is part of a table that a program stored, or marked as of an earlier version."""

import re
from pathlib import Path

import pytest

from quintain.cli.papers import load_papers
from quintain.experiments.study_tables import StudyTables

ROOT = Path(__file__).parents[2]
#: Page and the folder of the tables stored for it.
PAGES = {paper.page: f"papers/{paper.key}/results" for paper in load_papers() if paper.page} | {
    f"docs/results/{name}.md": "docs/results/data"
    for name in ("audit", "deception", "defences", "malfunction", "robustness")
}
#: How the heading of a section ends whose tables are of a version that stored none.
EARLIER = "(earlier version)"


def tables_of(text):
    """Return the tables of a Markdown text that are not of an earlier version: head and rows, each a list of cells."""
    sections = re.split(r"^(?=#)", text, flags=re.MULTILINE)
    present = "".join(part for part in sections if not part.splitlines()[:1] or EARLIER not in part.splitlines()[0])
    blocks = re.findall(r"(?:^\|.*\|\n?)+", present, re.MULTILINE)
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
    text, known = (ROOT / page).read_text(encoding="utf-8"), stored(PAGES[page])
    found = tables_of(text)
    assert found or EARLIER in text
    for head, rows in found:
        assert not missing(head, rows, known), f"{head}: not among the stored results"


@pytest.mark.parametrize("page", PAGES)
def test_every_page_ends_with_what_is_not_reproduced(page):
    headings = re.findall(r"^## (.*)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[-1] == "Not reproduced"


def test_stored_commands_name_no_folder_of_a_machine():
    for folder in dict.fromkeys(PAGES.values()):
        for file in sorted((ROOT / folder).glob("*.json")):
            command = StudyTables.load(file).made["command"]
            assert not re.search(r"--out|(^|[ =])/", command), f"{file.name}: {command}"


def test_a_section_of_an_earlier_version_is_passed_over():
    text = f"# Page\n\n## One {EARLIER}\n\n| a |\n|---|\n| 1 |\n\n## Two\n\n| b |\n|---|\n| 2 |\n"
    assert tables_of(text) == [(["b"], [["2"]])]


def test_a_changed_cell_a_changed_name_and_an_unknown_column_are_noticed():
    known = [(["a", "b", "c"], [["x", "1 [0, 2]", "7"], ["y", "2 [1, 3]", "8"]])]
    assert not missing(["a", "c"], [["y", "8"], ["x", "7"]], known)
    assert missing(["a", "c"], [["x", "8"]], known) == [["x", "8"]]
    assert missing(["a", "d"], [["x", "7"]], known) == [["x", "7"]]
    assert tables_of("text\n\n| a | b |\n|---|---|\n| x | 1 |\n\nmore | text\n") == [(["a", "b"], [["x", "1"]])]


def test_what_an_attack_adds_is_counted_from_the_clean_row_behind_the_same_guard():
    stored_tables = StudyTables.load(ROOT / "docs/results/data/malfunction.json").tables
    table = next(table for table in stored_tables if "Defences" in table.title)
    failure, net = (table.head.index(name) for name in ("failure", "net of clean"))
    rows = {row[0]: row for row in table.rows}
    pairs = {"loop in the request": "clean", "function in mail": "mail clean"}
    for guard in {name.partition(":")[0] for name in rows}:
        for attacked, clean in pairs.items():
            after, before = rows[f"{guard}: {attacked}"], rows[f"{guard}: {clean}"]
            added = after[failure].interval.estimate - before[failure].interval.estimate
            assert after[net].interval.estimate == pytest.approx(added)
