"""Tables of a study are printed, stored with their numbers, and read back."""

import math

import numpy as np
import pytest

from quintain.errors import RecordError
from quintain.evaluation.statistics import mean
from quintain.experiments.study_tables import Percent, StudyTable, StudyTables, command_line


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


def test_shares_in_per_cent_keep_their_numbers(tmp_path):
    found = mean([0.4, 0.2, 0.6, 0.1, 0.7], bounds=(0, 1), unit="seeds")
    tables = StudyTables()
    cells = [Percent(found), Percent(found, 0.0384), Percent(mean([])), Percent(mean([0.25]))]
    tables.show("Shares", ["a", "b", "c", "d"], [cells])
    low, high = (f"{100 * end:.0f}" for end in (found.low, found.high))
    assert tables.tables[0].texts() == [[f"40 [{low}, {high}]", f"40 [{low}, {high}], p 0.038", "-", "25"]]
    assert tables.tables[0].basis == "logit t, 5 seeds"
    tables.save(tmp_path / "results.json")
    (read,) = StudyTables.load(tmp_path / "results.json").tables
    assert read.texts() == tables.tables[0].texts()
    first, second, *_ = read.rows[0]
    assert (first.interval.estimate, first.interval.method, first.interval.n) == (0.4, "logit t", 5)
    assert second.p_holm == 0.0384


def test_the_stored_command_names_no_place_of_the_machine(tmp_path, monkeypatch):
    program = "/home/me/papers/rat_targeted_attack/run.py"
    for arguments in (
        ["--out", "/data/x"],
        ["--out=/data/x"],
        ["--figure", "docs/rat.svg", "--workers", "8", "--report"],
    ):
        assert command_line([program, *arguments, "--seeds", "3"]) == (
            "python papers/rat_targeted_attack/run.py --seeds 3"
        )
    assert command_line(["run.py", "--settings", "clip 0.4", "/home/me/m.zip"]) == (
        "python run.py --settings 'clip 0.4' m.zip"
    )
    monkeypatch.setattr("sys.argv", [program, "--out", str(tmp_path)])
    study().save(tmp_path / "results.json")
    assert StudyTables.load(tmp_path / "results.json").made["command"] == "python papers/rat_targeted_attack/run.py"
    assert str(tmp_path) not in (tmp_path / "results.json").read_text()


def test_rows_of_another_length_and_other_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="2 cells, the head 1"):
        StudyTable("t", ("a",), ((1, 2),))
    (tmp_path / "other.json").write_text("{}")
    for path in ("other.json", "missing.json"):
        with pytest.raises(RecordError, match="holds no tables of a study"):
            StudyTables.load(tmp_path / path)
