"""Tables of a study are printed, stored with their numbers, and read back."""

import math

import numpy as np
import pytest

from quintain.errors import RecordError
from quintain.evaluation.statistics import mean
from quintain.experiments.study_tables import StudyTable, StudyTables


def study():
    tables = StudyTables(facts={"matches": 7})
    rate = mean([0.0, 1.0, 1.0, 0.0, 1.0, 1.0], bounds=(0, 1), unit="seeds")
    tables.show(
        "Rates", ["player", "rate", "n", "p"], [["coin", rate, np.int64(6), 0.03125], ["none", None, 0, math.nan]]
    )
    return tables


def test_a_table_is_printed_with_title_cells_and_the_basis_of_its_intervals(capsys):
    study()
    shown = capsys.readouterr().out
    assert shown.splitlines()[1] == "Rates"
    assert "| player | rate | n | p |\n| --- | --- | --- | --- |\n| coin | 0.667 [" in shown
    assert shown.splitlines()[5].endswith(" | 6 | 0.0312 |")
    assert "| none |  | 0 |  |\n" in shown
    assert "Intervals: " in shown
    assert "6 seeds" in shown


def test_stored_tables_are_read_back_with_their_numbers(tmp_path):
    tables = study()
    tables.save(tmp_path / "results.json")
    found = StudyTables.load(tmp_path / "results.json")
    assert [table.to_markdown() for table in found.tables] == [table.to_markdown() for table in tables.tables]
    assert found.tables[0].rows[0] == tables.tables[0].rows[0]
    assert found.facts == {"matches": 7}
    assert {"command", "date", "versions"} == found.made.keys()
    assert "quintain" in found.made["versions"]


def test_rows_of_another_length_and_other_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="2 cells, the head 1"):
        StudyTable("t", ("a",), ((1, 2),))
    (tmp_path / "other.json").write_text("{}")
    for path in ("other.json", "missing.json"):
        with pytest.raises(RecordError, match="holds no tables of a study"):
            StudyTables.load(tmp_path / path)
