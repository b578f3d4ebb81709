"""Figures of tournaments: one order, one look a player, numbers and names where a reader looks for them."""

import re

import pytest

pytest.importorskip("matplotlib", reason="figures need matplotlib: pip install 'quintain[report]'")

from quintain.experiments.games import figures, tournament_figures
from quintain.experiments.games.match import ScheduledMatch
from quintain.experiments.games.matches import play_matches
from quintain.experiments.games.plotting import looks
from quintain.experiments.games.report import games_page
from quintain.experiments.games.tournament import tournament

PLAYERS = ["always-cooperate", "tit-for-tat", "always-defect"]
RANKED = ["always-defect", "tit-for-tat", "always-cooperate"]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return tournament(PLAYERS, rounds=10, repetitions=2, out=tmp_path_factory.mktemp("run") / "run")


def texts(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def in_order(svg, names):
    """Names in the order of their first appearance."""
    return list(dict.fromkeys(text for text in texts(svg) if text in names))


def test_all_figures_show_players_in_the_order_of_the_ranking(result):
    for draw in ("payoff_boxes", "outcome_bars", "tournament_matrix", "cooperation_matrix", "invasion_matrix",
                 "replicator_plot"):  # fmt: skip
        assert in_order(getattr(tournament_figures, draw)(result), PLAYERS) == RANKED, draw
    page = games_page(result.played, PLAYERS, result=result)
    curve = page[page.index("Cooperation over time") :]
    assert in_order(curve[: curve.index("</svg>")], PLAYERS) == RANKED


def test_a_player_has_one_colour_in_all_figures(result):
    page = games_page(result.played, PLAYERS, result=result)
    style = looks(RANKED)
    assert len({look["color"] for look in style.values()}) == 3
    curve = figures.cooperation_over_time(result.played, RANKED)
    for svg in (curve, tournament_figures.replicator_plot(result)):
        assert svg in page
        lines = re.findall(r'<path d="[^"]*" clip-path[^>]*stroke: (var\(--c\d)', svg)
        assert lines == ["var(--c0", "var(--c1", "var(--c2"]  # the ranking's order
    boxes = re.findall(r"fill: (var\(--c\d)", tournament_figures.payoff_boxes(result))
    assert boxes == ["var(--c0", "var(--c1", "var(--c2"] * 2


def test_more_players_than_colours_differ_in_lines_and_markers():
    style = looks([f"p{k}" for k in range(25)])
    assert len({tuple(look.values()) for look in style.values()}) == 25


def test_matrices_name_their_axes_and_hold_numbers(result):
    found = texts(tournament_figures.tournament_matrix(result))
    assert {"row player", "column player", "mean payoff per round"} <= set(found)
    assert {"5.00", "1.40", "0.90", "3.00", "0.00"} <= set(found)
    assert "0.10" in texts(tournament_figures.cooperation_matrix(result))


def test_long_titles_are_wrapped(result):
    svg = tournament_figures.invasion_matrix(result)
    inches = float(re.search(r'<svg[^>]* width="([\d.]+)pt"', svg)[1]) / 72
    found = texts(svg)
    assert max(map(len, found)) <= 14 * inches
    assert " ".join(found).count("Fixation probability of one row player among") == 1


def test_curves_over_games_without_named_options_say_which_option_is_counted():
    matches = play_matches([ScheduledMatch(f"ordinal_1_{k}", ("grim", "joss")) for k in (1, 2)], {}, env={"rounds": 3})
    assert "share of the first option" in texts(figures.cooperation_over_time(matches, ["grim"]))
    page = games_page(matches, ["grim"])
    assert "tragic</th>" not in page  # no game of that family was played


def test_a_heat_map_of_50_rounds_is_legible():
    matches = play_matches([ScheduledMatch("prisoners_dilemma", ("grim", "joss"))], {}, env={"rounds": 50})
    svg = figures.round_by_round(matches, "grim")
    assert float(re.search(r'<svg[^>]* width="([\d.]+)pt"', svg)[1]) <= 420  # no page has to scale it down
    assert {"round", "opponent", "1", "10", "20", "50", "share of cooperate"} <= set(texts(svg))
    assert "11" not in texts(svg)
    few = play_matches([ScheduledMatch("prisoners_dilemma", ("grim", "joss"))], {}, env={"rounds": 5})
    assert {"1", "2", "3", "4", "5", "100"} <= set(texts(figures.round_by_round(few, "grim")))


def test_identical_columns_are_one_and_matches_are_grouped(result):
    page = games_page(result.played, PLAYERS, result=result)
    assert "defection = preferred option" in page
    assert page.count('<span class="dim">2 matches</span>') == 6
    assert "Holm, of 3" in page
