"""The test of the last round against the others, with numbers from a textbook."""

import math

import pytest

from quintain.experiments.games import ScheduledMatch, last_round_test, play_matches


def played(first_moves, rounds):
    """Return matches in which a scripted first player makes the given moves."""
    scripts = iter(first_moves)

    class Script:
        def begin(self, seat):
            moves = iter(next(scripts))
            return type("Actor", (), {"act": lambda self, observation, info: next(moves)})()

    fixtures = [ScheduledMatch("prisoners_dilemma", ("script", "grim"), k) for k in range(len(first_moves))]
    return play_matches(fixtures, {"script": Script()}, env={"rounds": rounds}, concurrency=1)


def test_the_statistic_equals_the_textbooks():
    matches = played([[0, 0, 0, 1]] * 6 + [[0, 0, 1, 1]] * 2 + [[0, 1, 0, 0]] * 4, rounds=4)
    found = last_round_test(matches, "script")
    assert found.counts.tolist() == [[30, 6], [4, 8]]
    # n (|ad - bc| - n/2)^2 over the product of the margins, with Yates' correction.
    expected = 48 * (abs(30 * 8 - 6 * 4) - 24) ** 2 / (36 * 12 * 34 * 14)
    assert found.statistic == pytest.approx(expected)
    assert found.p_value == pytest.approx(math.erfc(math.sqrt(expected / 2)))  # one degree of freedom
    assert (found.switched.estimate, found.switched.n) == (0.5, 12)
    assert "approximate" in found.note


def test_a_constant_player_has_no_test():
    found = last_round_test(played([[1, 1, 1]] * 3, rounds=3), "script")
    assert math.isnan(found.statistic)
    assert math.isnan(found.p_value)
    assert found.switched.estimate == 0
    assert "only one option was ever chosen" in found.note


def test_illegal_choices_are_left_out():
    found = last_round_test(played([[0, 9, 1], [0, 1, 9]], rounds=3), "script")
    assert found.counts.tolist() == [[2, 1], [0, 1]]
    assert found.switched.n == 0


def test_a_player_without_matches_is_refused():
    with pytest.raises(ValueError, match="needs matches, all with the same number of options"):
        last_round_test(played([[0, 1]], rounds=2), "nobody")


def test_an_option_that_was_chosen_once_counts():
    """Option 1 comes once, in the last of four rounds: the counts are [[6, 0], [1, 1]], 8 choices."""
    found = last_round_test(played([[0, 0, 0, 1], [0, 0, 0, 0]], rounds=4), "script")
    assert found.counts.tolist() == [[6, 0], [1, 1]]
    assert found.statistic == pytest.approx(8 * (6 - 4) ** 2 / (6 * 2 * 7 * 1))
    assert (found.switched.estimate, found.switched.n) == (0.5, 2)


def test_what_a_failed_match_counts_as_is_the_bad_end_of_every_share():
    from quintain.experiments.games.metrics import BOUNDS, METRICS, WORST

    assert set(WORST) == set(METRICS) - {"first settled prediction"}
    assert {name for name, value in WORST.items() if value == 1} == {"defection", "illegal moves"}
    assert set(WORST.values()) == {0.0, 1.0}
    assert set(BOUNDS.values()) == {(0.0, 1.0)}
    assert set(METRICS) - set(BOUNDS) == {"normalised score", "first settled prediction"}
