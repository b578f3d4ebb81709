"""Intervals and tests of players' scores: what depends on each other is a cluster."""

import pytest

from quintain.experiments.games import metrics
from quintain.experiments.games.match import ScheduledMatch
from quintain.experiments.games.matches import play_matches
from quintain.experiments.games.report import games_page
from quintain.experiments.games.scores import compare_players, score_by_family, t_test_players
from quintain.experiments.games.sweep import sample_games, sweep
from quintain.experiments.games.tournament import tournament


def test_matches_of_one_game_are_a_cluster_of_family_scores():
    matches = sweep(["always-cooperate"], sample_games(36), opponents=["best-response"], rounds=2)
    scores = score_by_family(matches, "always-cooperate")
    assert (scores["all"].n, scores["all"].unit) == (2 * scores["all"].clusters, "games")
    assert 0 <= scores["P"].low < scores["P"].high <= 1


def test_players_are_compared_over_games():
    players = ["always-cooperate", "random"]
    matches = sweep(players, sample_games(12), opponents=["best-response"], rounds=6)
    found, test = compare_players(matches, *players), t_test_players(matches, *players)
    assert (found.n, found.clusters, found.unit, test.df) == (24, 12, "games", 11)
    assert found.p_value == pytest.approx(test.p_value, rel=0.2)  # games have equal numbers of matches
    assert test.cohens_d == pytest.approx(test.t / 12**0.5)
    page = games_page(matches, players, comparisons={"one": found, "two": found}, tests={"one": test})
    assert "p (Holm, of 2)" in page
    assert "BF10" in page
    assert "Student t, 12 games (24 values)" in page


def test_conditions_can_be_clusters_of_metrics():
    matches = play_matches([ScheduledMatch("prisoners_dilemma", ("random", "grim"), k) for k in range(8)], {})
    found = metrics.summarise(matches, "random", cluster=lambda m: m.scheduled.repetition % 4, unit="conditions")
    assert (found["defection"].n, found["defection"].clusters, found["defection"].unit) == (8, 4, "conditions")
    assert metrics.summarise(matches, "random")["defection"].clusters is None


def test_deterministic_repetitions_have_no_interval():
    ranking = tournament(["grim", "always-defect"], rounds=4, repetitions=3).ranking()
    assert all("all 3 repetitions are equal" in interval.note for _, interval in ranking)
