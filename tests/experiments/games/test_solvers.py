"""Equilibria and values against hand calculation, linear programming duality and nashpy."""

import numpy as np
import pytest

from quintain.envs.games import NormalFormGame, bimatrix, load_game, ordinal_games
from quintain.errors import ConfigurationError
from quintain.experiments.games.solvers import (
    correlated_equilibrium,
    folk_region,
    minimax_value,
    nash_equilibria,
    pure_nash,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("prisoners_dilemma", [(1, 1)]),
        ("battle_of_the_sexes", [(0, 0), (1, 1)]),
        ("stag_hunt", [(0, 0), (1, 1)]),
        ("chicken", [(0, 1), (1, 0)]),
        ("deadlock", [(1, 1)]),
        ("matching_pennies", []),
        ("rock_paper_scissors", []),
        ("public_goods", [(1, 1, 1, 1)]),
    ],
)
def test_pure_equilibria_of_the_named_games(name, expected):
    assert pure_nash(load_game(name)) == expected


def test_the_mixed_equilibrium_of_the_battle_of_the_sexes():
    *_, mixed = nash_equilibria(load_game("battle_of_the_sexes"))
    assert mixed.first == pytest.approx([10 / 17, 7 / 17])
    assert mixed.second == pytest.approx([7 / 17, 10 / 17])
    assert mixed.payoffs(load_game("battle_of_the_sexes")) == pytest.approx([70 / 17, 70 / 17])


def test_rock_paper_scissors_is_played_uniformly():
    (only,) = nash_equilibria(load_game("rock_paper_scissors"))
    assert only.first == pytest.approx([1 / 3] * 3)
    assert only.second == pytest.approx([1 / 3] * 3)


def test_every_ordinal_game_has_an_odd_number_of_equilibria_that_contains_the_pure_ones():
    """Strict ordinal games are nondegenerate, so Wilson's oddness theorem holds."""
    for game in ordinal_games():
        found = nash_equilibria(game)
        assert len(found) % 2 == 1
        pure = [(int(p.first.argmax()), int(p.second.argmax())) for p in found if p.first.max() > 0.999]
        assert sorted(pure) == sorted(pure_nash(game))


def test_equilibria_agree_with_nashpy():
    nashpy = pytest.importorskip("nashpy", reason="nashpy is not installed; run: pip install nashpy")
    rng = np.random.default_rng(0)
    games = [*ordinal_games(), *(bimatrix("r", *rng.normal(size=(2, 3, 3))) for _ in range(20))]
    games += [bimatrix("r", *rng.normal(size=(2, 2, 4))) for _ in range(10)]
    for game in games:  # its support enumeration drops some equilibria to rounding, so compare with the vertices
        theirs = [np.concatenate(pair) for pair in nashpy.Game(*game.payoffs).vertex_enumeration()]
        ours = [np.concatenate([p.first, p.second]) for p in nash_equilibria(game)]
        assert len(ours) == len(theirs)
        assert all(any(np.allclose(a, b) for b in theirs) for a in ours)


def test_chicken_has_a_correlated_equilibrium_better_than_any_nash():
    """Aumann's example: 6/6, 2/7, 7/2, 0/0 reaches welfare 10.5 with weights 1/2, 1/4, 1/4."""
    game = bimatrix("aumann", [[6, 2], [7, 0]], [[6, 7], [2, 0]])
    chosen = correlated_equilibrium(game)
    assert chosen == pytest.approx(np.array([[0.5, 0.25], [0.25, 0.0]]))


def test_the_fair_correlated_equilibrium_of_the_battle_of_the_sexes_shares_equally():
    game = load_game("battle_of_the_sexes")
    chosen = correlated_equilibrium(game, "fairness")
    assert (chosen * game.payoffs).sum(axis=(1, 2)) == pytest.approx([8.5, 8.5])


def test_correlated_equilibria_obey_their_constraints_with_three_players():
    game = NormalFormGame("random", np.random.default_rng(1).normal(size=(3, 2, 3, 2)))
    chosen = correlated_equilibrium(game)
    assert chosen.sum() == pytest.approx(1)
    for player in range(3):
        weights, payoffs = np.moveaxis(chosen, player, 0), np.moveaxis(game.payoffs[player], player, 0)
        for told in range(game.shape[player]):
            gains = [(weights[told] * (payoffs[other] - payoffs[told])).sum() for other in range(game.shape[player])]
            assert max(gains) <= 1e-9


@pytest.mark.parametrize(
    ("name", "seat", "value"),
    [
        ("prisoners_dilemma", 0, 5),
        ("prisoners_dilemma", 1, 5),
        ("battle_of_the_sexes", 0, 70 / 17),
        ("matching_pennies", 0, 0),
        ("matching_pennies", 1, 0),
        ("rock_paper_scissors", 0, 0),
        ("public_goods", 2, 10),
    ],
)
def test_minimax_values(name, seat, value):
    found, strategy = minimax_value(load_game(name), seat)
    assert found == pytest.approx(value)
    assert strategy.sum() == pytest.approx(1)


def test_a_guarantee_in_mixed_strategies_is_at_least_the_pure_one():
    for game in ordinal_games():
        assert minimax_value(game, 1)[0] >= game.security_level(1) - 1e-9


def test_the_folk_theorem_region_of_the_prisoners_dilemma():
    region = folk_region(load_game("prisoners_dilemma"))
    assert {tuple(p) for p in region.feasible} == {(0, 10), (10, 0), (8, 8)}  # (5, 5) lies on the edge
    assert region.minimax == pytest.approx((5, 5))
    corners = {tuple(np.round(p, 6)) for p in region.sustainable}
    assert corners == {(5, 5), (8, 8), (5, 8.75), (8.75, 5)}


def test_the_folk_region_of_a_zero_sum_game_is_its_value():
    region = folk_region(load_game("matching_pennies"))
    assert len(region.feasible) == 2
    assert region.sustainable == pytest.approx(np.zeros_like(region.sustainable), abs=1e-6)
    assert len(region.sustainable) >= 1


def test_two_player_solvers_refuse_more_players():
    for solve in (nash_equilibria, folk_region):
        with pytest.raises(ConfigurationError, match="needs two"):
            solve(load_game("public_goods"))
