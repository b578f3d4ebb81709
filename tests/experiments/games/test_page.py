"""The page of a stored run of matches; the command-line tests check that it equals the one written by the run."""

import pytest

pytest.importorskip("matplotlib", reason="figures need matplotlib: pip install 'quintain[report]'")

from quintain.errors import RecordError
from quintain.experiments.games import ScheduledMatch, play_matches, tournament, write_run_page


def test_a_tournament_is_ranked_once_every_pair_has_finished(tmp_path):
    tournament(["grim", "joss"], rounds=3, repetitions=1, out=tmp_path)
    assert "Tournament" in write_run_page(tmp_path).read_text()
    records = tmp_path / "episodes.jsonl"
    finished = records.read_text().splitlines()  # in the order in which the matches ended
    records.write_text(next(line for line in finished if "joss" not in line) + "\n")
    page = write_run_page(tmp_path).read_text()
    assert "Tournament" not in page
    assert "grim – grim" in page


def test_plain_matches_show_all_players(tmp_path):
    play_matches([ScheduledMatch("prisoners_dilemma", ("grim", "joss"))], {}, env={"rounds": 3}, out=tmp_path)
    page = write_run_page(tmp_path).read_text()
    assert "prisoners_dilemma: grim – joss" in page
    assert "<td>grim</td>" in page
    assert "<td>joss</td>" in page


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(RecordError, match="no tournament"):
        write_run_page(tmp_path)
