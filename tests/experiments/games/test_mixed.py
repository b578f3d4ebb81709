"""The linear mixed model compared with hand-computed values."""

import numpy as np
import pytest

from quintain.errors import ConfigurationError
from quintain.experiments.games import ScheduledMatch, compare_players, mixed_effects, play_matches, sample_games

pytest.importorskip("statsmodels")


@pytest.fixture(scope="module")
def matches():
    fixtures = [
        ScheduledMatch(game, (player, opponent), repetition)
        for game in sample_games(10)
        for player in ("random", "tit-for-tat", "always-cooperate")
        for opponent in ("best-response", "alternator")
        for repetition in range(2)
    ]
    return play_matches(fixtures, {}, env={"rounds": 10})


def test_in_a_balanced_design_estimates_equal_differences_of_means(matches):
    found = mixed_effects(matches, ["random", "tit-for-tat", "always-cooperate"])
    assert set(found) == {"tit-for-tat", "always-cooperate"}
    for player, interval in found.items():
        paired = compare_players(matches, player, "random")
        assert interval.estimate == pytest.approx(paired.estimate, abs=1e-6)
        assert interval.low < interval.estimate < interval.high
        assert interval.n == len(matches)


def test_known_effects_are_recovered():
    """Synthetic values: the variance between cells is large, and the second player's payoff is 0.3 higher."""
    fixtures = [
        ScheduledMatch(game, (player, "grim")) for game in sample_games(40) for player in ("random", "alternator")
    ]
    played = play_matches(fixtures, {}, env={"rounds": 2})
    rng = np.random.default_rng(0)
    level = {fixture.game: rng.normal(0, 5) for fixture in fixtures}

    def made_up(match, seat):
        name = match.scheduled.agents[seat]
        return level[match.scheduled.game] + 0.3 * (name == "alternator") + rng.normal(0, 0.1)

    found = mixed_effects(played, ["random", "alternator"], made_up)["alternator"]
    assert found.low < 0.3 < found.high
    assert found.high - found.low < 0.15


def test_two_players_once_a_cell_have_the_paired_t_interval():
    """Restricted maximum likelihood divides squares by n - 1 as s^2 does, maximum likelihood by n."""
    fixtures = [
        ScheduledMatch(game, (player, "grim")) for game in sample_games(6) for player in ("random", "alternator")
    ]
    played = play_matches(fixtures, {}, env={"rounds": 2})
    differences = [0.5, 1.0, 2.0, -1.0, 0.0, 0.5]
    games = list(dict.fromkeys(fixture.game for fixture in fixtures))

    def made_up(match, seat):
        cell = games.index(match.scheduled.game)
        return 10.0 * cell + differences[cell] * (match.scheduled.agents[seat] == "alternator")

    found = mixed_effects(played, ["random", "alternator"], made_up)["alternator"]
    half = 2.5705818 * np.std(differences, ddof=1) / np.sqrt(6)
    assert (found.low, found.high) == pytest.approx((0.5 - half, 0.5 + half), rel=1e-4)
    assert found.note == ""
    without = mixed_effects(played, ["random", "alternator"], lambda match, seat: made_up(match, seat) % 10.0)
    assert "boundary" in without["alternator"].note  # cells do not differ: their variance is estimated as 0


def test_too_few_players_or_cells_are_refused(matches):
    for players in (["random"], ["random", "nobody"]):
        with pytest.raises(ConfigurationError, match="a mixed model needs at least two players"):
            mixed_effects(matches, players)
    with pytest.raises(ConfigurationError, match="in 0 cells"):
        mixed_effects(matches, ["random", "tit-for-tat"], lambda match, seat: None)
