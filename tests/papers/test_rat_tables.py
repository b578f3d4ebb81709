"""Tables of RAT's program: intervals over seeds, and p-values corrected for all comparisons."""

import re
import sys
from pathlib import Path

import pytest

from quintain.experiments.study_tables import StudyTables

COLUMNS = [("slide-handle", "opposite"), ("turn-lever", "opposite")]


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "papers" / "rat_targeted_attack"))
    yield __import__("tables")
    sys.modules.pop("tables", None)


def cell(attack, column, seed, share):
    played = {"0.15": {"stays": share, "reached": share, "victim": 1 - share}}
    return {"task": column[0], "scenario": column[1], "attack": attack, "epsilon": 0.15, "seed": seed,
            "played": played, "cpu_s": 2.0}  # fmt: skip


def found(rat, rival):
    return [
        cell(attack, column, seed, share)
        for attack, shares in (("rat", rat), ("sa-rl", rival))
        for column in COLUMNS
        for seed, share in enumerate(shares)
    ]


def test_no_cell_has_an_interval_of_width_zero(tables):
    study = tables.report(found([1.0] * 5, [0.0] * 5), COLUMNS)
    text = "".join(table.to_markdown() for table in study.tables)
    assert "| sa-rl | 0 [0, 43] | 0 [0, 43] |" in text
    assert "| rat | 100 [57, 100] | 100 [57, 100] |" in text
    ends = re.findall(r"\[(\S+), (\S+)\]", text)
    assert ends
    assert all(low != high for low, high in ends)


def test_every_seed_is_shown(tables):
    rows = tables.by_seed(found([0.9, 0.8, 0.95], [0.0, 0.25, 1.0])[::-1], COLUMNS, "stays")
    assert rows == [["sa-rl", "0, 25, 100", "0, 25, 100"], ["rat", "90, 80, 95", "90, 80, 95"]]


def test_advantages_are_corrected_for_their_number(tables):
    rows, compared = tables.advantages(found([0.9, 0.8, 0.95, 0.7, 0.9], [0.4, 0.3, 0.5, 0.6, 0.4]), COLUMNS)
    assert compared == 4  # two columns, at the last and at any step; the other rivals were not played
    (rival, first, second) = next(row for row in rows["stays"] if row[0] == "sa-rl")
    assert (rival, first) == ("sa-rl", second)
    assert re.fullmatch(r"41 \[9, 60\], p 0\.1", str(first))  # 0.025, four times
    assert [str(one) for one in next(row for row in rows["stays"] if row[0] == "random")[1:]] == ["-", "-"]


def test_cells_keep_estimate_ends_number_and_method(tables, tmp_path):
    tables.report(found([0.9, 0.8, 0.95, 0.7, 0.9], [0.4, 0.3, 0.5, 0.6, 0.4]), COLUMNS).save(tmp_path / "long.json")
    stored = StudyTables.load(tmp_path / "long.json")
    (rival,) = (row for row in stored.tables[0].rows if row[0] == "sa-rl")
    assert rival[1].interval.to_dict() == tables.over_seeds([0.4, 0.3, 0.5, 0.6, 0.4]).to_dict()
    assert rival[3] == 5  # seeds
    ahead = next(table for table in stored.tables if table.title.startswith("RAT's advantage at the last step"))
    (over,) = (row for row in ahead.rows if row[0] == "sa-rl")
    assert over[1].interval.estimate == pytest.approx(0.41)
    assert over[1].p_holm == pytest.approx(4 * over[1].interval.p_value)
