"""Tables of a tournament: wins, outcomes of rounds, pairwise tests, and how they are exported."""

import csv
import io
import math

import numpy as np
import pytest

from quintain.evaluation.significance import holm
from quintain.experiments.games.tournament import tournament

PLAYERS = ["always-cooperate", "always-defect", "tit-for-tat"]


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("recorded", [False, True], ids=["vectorised", "recorded"])
def test_wins_and_outcomes_of_rounds(tmp_path, recorded):
    result = tournament(PLAYERS, rounds=10, repetitions=2, out=tmp_path / "run" if recorded else None)
    place = {name: k for k, name in enumerate(result.names)}
    assert result.wins[place["always-defect"]].tolist() == [2, 2]  # against both others, not against itself
    assert result.wins[place["tit-for-tat"]].tolist() == [0, 0]

    def cells(row, column):
        return result.cells[place[row], place[column]].tolist()

    assert cells("tit-for-tat", "always-defect") == pytest.approx([0, 0.1, 0, 0.9])
    assert cells("always-defect", "tit-for-tat") == pytest.approx([0, 0, 0.1, 0.9])
    assert cells("always-cooperate", "tit-for-tat") == [1, 0, 0, 0]


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_both_ways_of_playing_have_one_meaning_of_cells(tmp_path, noise):
    options = {"rounds": 20, "repetitions": 3, "noise": noise}
    for result in (tournament(PLAYERS, **options), tournament(PLAYERS, out=tmp_path / str(noise), **options)):
        assert np.allclose(result.cells.sum(axis=-1), 1)
        assert np.allclose(result.cells[..., :2].sum(axis=-1), result.cooperation)
        # CD of a row against a column is DC of the column against the row.
        assert np.allclose(result.cells[..., 1], result.cells[..., 2].T)


def test_the_ranking_as_csv(tmp_path):
    result = tournament(PLAYERS, rounds=10, repetitions=2)
    rows = read(result.to_csv(tmp_path / "ranking.csv"))
    assert (tmp_path / "ranking.csv").read_text() == result.to_csv()
    assert [row["player"] for row in rows] == ["always-defect", "tit-for-tat", "always-cooperate"]
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    first, second, _ = rows
    assert float(first["payoff"]) == pytest.approx((1 + 1.4 + 5) / 3)
    assert first["payoff_low"] == ""  # all repetitions are equal: no interval
    assert float(first["wins"]) == 2
    assert float(second["CC"]) == pytest.approx((1 + 1 + 0) / 3)
    assert float(second["CD"]) == pytest.approx(0.1 / 3)
    assert float(second["cooperation"]) == pytest.approx((1 + 1 + 0.1) / 3)


def test_pairwise_tests_are_corrected_by_holm():
    result = tournament(["tit-for-tat", "random", "joss"], rounds=30, repetitions=8)
    tests = result.pairwise()
    place = {name: k for k, name in enumerate(result.names)}
    assert len(tests) == 3
    for test in tests:
        gap = result.scores[place[test.first]] - result.scores[place[test.second]]
        assert test.difference.estimate == pytest.approx(gap.mean())
        assert test.difference.estimate >= 0  # the first is the better one
    assert [test.p_holm for test in tests] == holm([test.difference.p_value for test in tests])
    rows = read(result.pairwise().to_csv())
    assert float(rows[0]["p_holm"]) == tests[0].p_holm
    assert {"first", "second", "difference", "difference_low", "difference_high", "p", "p_holm"} == set(rows[0])


def test_copies_of_a_deterministic_match_are_no_evidence():
    tests = tournament(PLAYERS, rounds=10, repetitions=10).pairwise()
    assert all(math.isnan(test.p_holm) and math.isnan(test.difference.p_value) for test in tests)
    assert tests[0].difference.estimate > 0


def test_games_with_more_options_have_no_cells(tmp_path):
    result = tournament(["hedge", "fictitious-play"], "rock_paper_scissors", rounds=5, repetitions=2)
    assert result.cells.size == 0
    assert "CC" not in read(result.to_csv())[0]
