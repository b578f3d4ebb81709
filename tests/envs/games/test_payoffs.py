"""Normal-form games: the named ones and the 144 ordinal ones."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

from quintain.envs.games import (
    FAMILIES,
    GAME_IDS,
    GAMES,
    NormalFormGame,
    bimatrix,
    game_names,
    load_game,
    ordinal_game,
    ordinal_games,
)
from quintain.errors import ConfigurationError, UnknownNameError


def test_player_1s_payoffs_are_transposed_in_its_view():
    seen = load_game("battle_of_the_sexes").seen_by(1)
    assert seen[0].tolist() == [[7, 0], [0, 10]]
    own_defects_alone = load_game("prisoners_dilemma").seen_by(1)[:, 1, 0]
    assert own_defects_alone.tolist() == [10, 0]


def test_each_of_three_players_sees_the_others_in_cyclic_order():
    game = NormalFormGame("three", np.arange(24.0).reshape(3, 2, 2, 2))
    seen = game.seen_by(2)
    for mine, zero, one in product((0, 1), repeat=3):
        assert seen[:, mine, zero, one].tolist() == game.payoffs[[2, 0, 1], zero, one, mine].tolist()


@pytest.mark.parametrize(
    ("payoffs", "message"),
    [
        ([[[1, 2], [3, 4]]], "shape"),
        ([[[1, 2], [3, float("nan")]], [[1, 2], [3, 4]]], "finite"),
        ([[[1, 2], [3]], [[1, 2], [3, 4]]], "rectangular"),
        ([[["a", 2], [3, 4]], [[1, 2], [3, 4]]], "rectangular"),
        ([[[1], [3]], [[1], [3]]], "two options"),
        (3, "shape"),
    ],
)
def test_malformed_payoffs_are_refused_with_the_reason(payoffs, message):
    with pytest.raises(ConfigurationError, match=message):
        load_game(payoffs)


def test_matrices_of_different_shape_are_refused():
    with pytest.raises(ConfigurationError, match="one shape"):
        bimatrix("odd", np.zeros((2, 2)), np.zeros((2, 3)))


def test_a_misspelt_game_raises_an_error_with_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean 'stag_hunt'"):
        load_game("stag_hutn")


def test_games_round_trip_through_plain_data():
    for name in game_names():
        game = load_game(name)
        assert load_game(game.to_dict()).fingerprint == game.fingerprint


def test_every_named_game_has_an_id():
    assert sorted(GAME_IDS.values()) == sorted(game_names(ordinal=False))


def test_a_third_party_game_can_be_made_by_name(monkeypatch):
    monkeypatch.setattr(GAMES, "_entries", dict(GAMES._entries))
    GAMES.add("their_game", lambda stake=2: bimatrix("their_game", [[stake, 0], [0, 1]], [[1, 0], [0, 1]]))
    assert "their_game" in game_names(ordinal=False)
    assert load_game("their-game:7").payoffs.max() == 7


def test_free_riding_in_public_goods_is_dominant_and_lowers_welfare():
    game = load_game("public_goods", players=4, multiplier=1.6, endowment=10)
    assert game.payoffs[:, 0, 0, 0, 0].tolist() == [16.0] * 4
    assert game.payoffs[:, 1, 0, 0, 0].tolist() == [22.0, 12.0, 12.0, 12.0]
    assert game.is_symmetric


def test_numbers_after_a_colon_are_arguments_and_stay_in_the_name():
    game = load_game("battle_of_the_sexes:8,9")
    assert game.payoffs.tolist() == [[[8, 0], [0, 9]], [[9, 0], [0, 8]]]
    assert game.name == "battle_of_the_sexes:8,9"
    assert load_game("battle_of_the_sexes:10,7").fingerprint == load_game("battle_of_the_sexes").fingerprint
    assert load_game("public_goods:3,2.5").shape == (2, 2, 2)


@pytest.mark.parametrize(
    "name",
    ["battle_of_the_sexes:a", "battle_of_the_sexes:1,2,3", "battle_of_the_sexes:nan", "stag_hunt:1", "chicken:,"],
)
def test_arguments_that_a_game_does_not_take_are_refused(name):
    with pytest.raises(ConfigurationError):
        load_game(name)


@pytest.mark.parametrize("arguments", [{"players": 1}, {"levels": 1}, {"players": 30}, {"colour": 3}])
def test_public_goods_refuses_invalid_arguments(arguments):
    with pytest.raises(ConfigurationError):
        load_game("public_goods", **arguments)


def test_ordinal_payoffs_are_permutations_of_one_to_four():
    games = ordinal_games()
    assert len({game.payoffs.tobytes() for game in games}) == 144
    assert all(sorted(matrix.ravel()) == [1, 2, 3, 4] for game in games for matrix in game.payoffs)


def test_ordinal_families_have_the_published_sizes():
    assert Counter(game.family for game in ordinal_games()) == {
        "W": 36, "B": 44, "U": 19, "C": 18, "S": 12, "P": 7, "T": 8,
    }  # fmt: skip
    assert set(FAMILIES) == set("WBUCSPT")


def test_ordinal_games_are_closed_under_swapping_the_players():
    """Swapping roles and renaming options maps the set onto itself, family by family."""
    by_payoffs = {game.payoffs.tobytes(): game for game in ordinal_games()}
    for game in ordinal_games():
        swapped = game.payoffs[::-1].transpose(0, 2, 1)
        renamed = [swapped[:, ::i, ::j] for i, j in product((1, -1), repeat=2)]
        found = [by_payoffs[g] for r in renamed if (g := np.ascontiguousarray(r).tobytes()) in by_payoffs]
        assert [partner.family for partner in found] == [game.family]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("stag_hunt", (7, 6)), ("chicken", (1, 12)), ("deadlock", (5, 8))],
)
def test_canonical_games_equal_their_ordinal_counterparts(name, numbers):
    assert load_game(name).payoffs.tolist() == ordinal_game(*numbers).payoffs.tolist()


def test_ordinal_numbers_out_of_range_are_refused():
    with pytest.raises(ConfigurationError, match=r"1\.\.12"):
        load_game("ordinal_13_1")
