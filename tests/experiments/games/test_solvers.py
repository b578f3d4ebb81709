"""Equilibria and values against hand calculation, linear programming duality and nashpy."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from quintain.envs.games import NormalFormGame, bimatrix, load_game, ordinal_games
from quintain.errors import ConfigurationError
from quintain.experiments.games.solvers import (
    correlated_equilibrium,
    folk_region,
    infinitely_many,
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


def test_the_equilibrium_of_rock_paper_scissors_is_uniform():
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
        for recommended in range(game.shape[player]):
            gains = [
                (weights[recommended] * (payoffs[other] - payoffs[recommended])).sum()
                for other in range(game.shape[player])
            ]
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


def test_the_mixed_maximin_value_is_at_least_the_pure_one():
    for game in ordinal_games():
        assert minimax_value(game, 1)[0] >= game.security_level(1) - 1e-9


def test_the_folk_theorem_region_of_the_prisoners_dilemma():
    region = folk_region(load_game("prisoners_dilemma"))
    assert {tuple(p) for p in region.feasible} == {(0, 10), (10, 0), (8, 8)}  # (5, 5) lies on the edge
    assert region.minimax == pytest.approx((5, 5))
    corners = {tuple(np.round(p, 6)) for p in region.sustainable}
    assert corners == {(5, 5), (8, 8), (5, 8.75), (8.75, 5)}


def test_the_folk_region_of_a_zero_sum_game_is_a_point():
    region = folk_region(load_game("matching_pennies"))
    assert len(region.feasible) == 2
    assert region.sustainable == pytest.approx(np.zeros((1, 2)), abs=1e-6)


@pytest.mark.parametrize("name", ["prisoners_dilemma", "chicken", "stag_hunt", "battle_of_the_sexes"])
def test_the_corners_of_the_folk_region_are_distinct(name):
    region = folk_region(load_game(name))
    for corners in (region.feasible, region.sustainable):
        gaps = [np.abs(a - b).max() for a, b in combinations(corners, 2)]
        assert min(gaps) > 1e-6, corners


def test_a_corner_on_the_boundary_of_the_folk_region_is_listed_once():
    # Chicken: the hull is (0, 0), (4, 2), (2, 4); both players can guarantee 2, so (2, 2) replaces the first corner.
    corners = folk_region(bimatrix("chicken", np.array([[3.0, 2], [4, 0]]), np.array([[3.0, 4], [2, 0]]))).sustainable
    assert sorted(map(tuple, np.round(corners, 9))) == [(2, 2), (2, 4), (4, 2)]


def test_the_folk_region_of_a_segment_has_two_ends():
    # Identical payoffs 0, 1, 1 and 3: the hull is the diagonal, and each player can guarantee 1.
    payoffs = np.array([[3.0, 1.0], [1.0, 0.0]])
    corners = folk_region(bimatrix("common", payoffs, payoffs)).sustainable
    assert sorted(map(tuple, np.round(corners, 9))) == [(1, 1), (3, 3)]


def test_two_player_solvers_refuse_more_players():
    for solve in (nash_equilibria, folk_region):
        with pytest.raises(ConfigurationError, match="needs two"):
            solve(load_game("public_goods"))


PD = np.array([[3.0, 0.0], [5.0, 1.0]])
PENNIES = np.array([[1.0, -1.0], [-1.0, 1.0]])


def strategies(profiles):
    return [(*p.first.tolist(), *p.second.tolist()) for p in profiles]


def test_the_game_of_avis_et_al_has_eight_extreme_equilibria():
    """Reported for nashpy (issue 82), whose support enumeration finds five."""
    row = -np.array([[0, 0, 6, 0, 0], [0, 0, 3, 2, 1], [4, 3, 0, 0, 1]])
    column = -np.array([[3, 0, 2, 1, 0], [0, 2, 0, 0, 4], [4, 0, 2, 4, 4]])
    assert len(nash_equilibria(bimatrix("g", row, column))) == 8


def test_a_continuum_of_equilibria_is_listed_by_its_endpoints():
    row = np.array([[0, 2, -1], [0, -1, 2]])
    found = nash_equilibria(bimatrix("g", row, -row))
    assert strategies(found) == [(1 / 3, 2 / 3, 1, 0, 0), (2 / 3, 1 / 3, 1, 0, 0)]
    assert infinitely_many(found)
    assert not infinitely_many(nash_equilibria(load_game("chicken")))


def test_a_game_of_equal_payoffs_has_every_pure_profile_as_an_extreme_equilibrium():
    found = nash_equilibria(bimatrix("g", np.full((2, 3), 7.0), np.zeros((2, 3))))
    assert sorted(strategies(found)) == sorted((*x, *y) for x in np.eye(2).tolist() for y in np.eye(3).tolist())
    assert infinitely_many(found)


def vertices(replies):
    """Vertices other than 0 of {x >= 0: replies @ x <= 1}, from the definition: every choice of tight constraints."""
    size = len(replies[0])
    constraints = [([Fraction(-(i == k)) for i in range(size)], Fraction(0)) for k in range(size)]
    constraints += [(reply, Fraction(1)) for reply in replies]
    found = set()
    for tight in combinations(constraints, size):
        x = solved([list(line) for line, _ in tight], [bound for _, bound in tight])
        if x is not None and any(x) and all(dot(line, x) <= bound for line, bound in constraints):
            found.add(tuple(value / sum(x) for value in x))
    return found


def solved(matrix, right):
    size = len(matrix)
    rows = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    for c in range(size):
        pivot = next((i for i in range(c, size) if rows[i][c]), None)
        if pivot is None:
            return None
        rows[c], rows[pivot] = rows[pivot], rows[c]
        rows[c] = [value / rows[c][c] for value in rows[c]]
        for i in range(size):
            if i != c:
                rows[i] = [a - rows[i][c] * b for a, b in zip(rows[i], rows[c], strict=True)]
    return [row[-1] for row in rows]


def dot(left, right):
    return sum(a * b for a, b in zip(left, right, strict=True))


def equilibria_by_definition(row, column):
    row = [[Fraction(int(value) + 10) for value in line] for line in row]
    replies = [[Fraction(int(value) + 10) for value in line] for line in column.T]
    for x in vertices(replies):
        for y in vertices(row):
            first, second = [dot(line, y) for line in row], [dot(line, x) for line in replies]
            best_first = all(value == max(first) for value, p in zip(first, x, strict=True) if p)
            best_second = all(value == max(second) for value, p in zip(second, y, strict=True) if p)
            if best_first and best_second:
                yield tuple(map(float, (*x, *y)))


@pytest.mark.parametrize("shape", [(2, 2), (2, 3), (3, 2), (3, 3), (2, 4)])
def test_equilibria_of_degenerate_integer_games_are_complete(shape):
    """Compared with an exact enumeration of all choices of tight constraints, written from the definition."""
    rng = np.random.default_rng(3)
    for _ in range(40):
        row, column = rng.integers(-1, rng.integers(1, 5), size=(2, *shape))
        found = sorted(strategies(nash_equilibria(bimatrix("g", row, column))))
        assert np.allclose(found, sorted(equilibria_by_definition(row, column)))


def test_three_rays_on_one_face_span_no_edge():
    """A degenerate game of 3 x 4 options, in which pairs that are no edge would add an eighth equilibrium."""
    row = np.array([[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 0, 1]])
    column = np.array([[0, 1, 1, 1], [1, 0, 0, 1], [0, 1, 1, 0]])
    found = sorted(strategies(nash_equilibria(bimatrix("g", row, column))))
    assert len(found) == 7
    assert np.allclose(found, sorted(equilibria_by_definition(row, column)))


def test_equilibria_are_ordered_by_their_supports():
    """Both supports together first, then the first player's: of those with three options, (1, 2) before (2, 1)."""
    found = nash_equilibria(bimatrix("g", [[1, 0, 0], [0, 0, 1]], [[1, 0, 1], [0, 1, 0]]))
    assert strategies(found) == [
        (1, 0, 1, 0, 0), (0, 1, 0, 1, 0), (1, 0, 0.5, 0, 0.5), (0.5, 0.5, 0, 1, 0), (0.5, 0.5, 0.5, 0, 0.5),
    ]  # fmt: skip


@pytest.mark.parametrize(("scale", "shift"), [(1e-300, 0), (1e-12, 0), (0.1, 0.1), (1e300, 0), (1, 1e9), (1, -1e12)])
def test_equilibria_and_values_do_not_depend_on_the_unit(scale, shift):
    rng = np.random.default_rng(4)
    for _ in range(12):
        row, column = rng.integers(0, 4, size=(2, 3, 3)).astype(float)
        plain, other = bimatrix("g", row, column), bimatrix("g", row * scale + shift, column * scale + shift)
        assert np.allclose(strategies(nash_equilibria(other)), strategies(nash_equilibria(plain)))
        for seat in (0, 1):
            value, strategy = minimax_value(other, seat)
            assert value == pytest.approx(minimax_value(plain, seat)[0] * scale + shift, rel=1e-9, abs=1e-9 * scale)
            own = other.seen_by(seat)[0]
            assert (strategy @ own).min() == pytest.approx(value, rel=1e-9, abs=1e-9 * scale)
        for objective in ("welfare", "fairness"):
            weights = correlated_equilibrium(other, objective)
            assert weights.sum() == pytest.approx(1)
            gains = [(weights[a] * (row[b] - row[a])).sum() for a in range(3) for b in range(3)]
            assert max(gains) < 1e-7
            reached = [(weights * payoffs).sum() for payoffs in (row, column)]
            best = correlated_equilibrium(plain, objective)
            expected = [(best * payoffs).sum() for payoffs in (row, column)]
            goal = sum if objective == "welfare" else min
            assert goal(reached) == pytest.approx(goal(expected), abs=1e-6)


def test_payoffs_equal_up_to_rounding_are_ties():
    """0.1 + 0.2 and 0.3 are one payoff: player 0 is indifferent, so both options are in equilibria."""
    row = np.array([[0.1 + 0.2, 0.0], [0.3, 0.0]])
    assert len(nash_equilibria(bimatrix("g", row, [[1, 0], [1, 0]]))) == 2


@pytest.mark.parametrize("scale", [1e-300, 1e-10, 1.0, 1e15, 1e300, 1.7e308])
def test_matching_pennies_is_solved_in_every_unit(scale):
    game = bimatrix("g", PENNIES * scale, -PENNIES * scale)
    assert minimax_value(game, 0)[0] == pytest.approx(0, abs=1e-12 * scale)
    assert minimax_value(game, 0)[1] == pytest.approx([0.5, 0.5])
    assert correlated_equilibrium(game) == pytest.approx(np.full((2, 2), 0.25))
    assert strategies(nash_equilibria(game)) == [(0.5, 0.5, 0.5, 0.5)]
    region = folk_region(game)
    assert region.feasible / scale == pytest.approx(np.array([[-1, 1], [1, -1]]))
    assert region.sustainable / scale == pytest.approx(np.zeros_like(region.sustainable), abs=1e-6)


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_the_folk_region_does_not_depend_on_the_unit(scale):
    region = folk_region(bimatrix("pd", PD * scale, PD.T * scale))
    assert {tuple(p) for p in region.feasible / scale} == {(1, 1), (5, 0), (3, 3), (0, 5)}
    corners = {tuple(np.round(p, 6)) for p in region.sustainable / scale}
    assert corners == {(1, 1), (3, 3), (1, round(13 / 3, 6)), (round(13 / 3, 6), 1)}


def test_players_with_different_payoff_units_are_solved_correctly():
    game = bimatrix("g", PD, PD.T * 1e-12)
    assert correlated_equilibrium(game) == pytest.approx(np.array([[0, 0], [0, 1]]), abs=1e-6)


def test_a_failed_linear_program_raises_an_error_with_the_payoffs(monkeypatch):
    from scipy import optimize

    failed = optimize.OptimizeResult(status=4, message="numerical difficulties", x=None)
    monkeypatch.setattr(optimize, "linprog", lambda *_, **__: failed)
    for solve in (lambda game: minimax_value(game, 0), correlated_equilibrium, folk_region):
        with pytest.raises(ConfigurationError, match=r"numerical difficulties.*payoffs, from -1.0 to 1.0"):
            solve(load_game("matching_pennies"))


def test_an_unknown_objective_is_refused():
    with pytest.raises(ConfigurationError, match="welfare"):
        correlated_equilibrium(load_game("chicken"), "sum")
