"""The report page and its figures: contents and escaping."""

import re

import pytest

pytest.importorskip("matplotlib", reason="figures need matplotlib: pip install 'quintain[report]'")

from quintain.agents.games import LLMPlayer
from quintain.engines.engine import Reply
from quintain.engines.scripted import ScriptedEngine
from quintain.envs.games import load_game
from quintain.evaluation.statistics import rate
from quintain.experiments.games import figures
from quintain.experiments.games.audit import BiasDecomposition
from quintain.experiments.games.match import ScheduledMatch
from quintain.experiments.games.matches import play_matches
from quintain.experiments.games.report import write_games_report
from quintain.experiments.games.scores import compare_players
from quintain.experiments.games.sweep import sweep
from quintain.experiments.games.tournament import tournament

HOSTILE = "<script>alert(1)</script>\x1b[31m"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    first = LLMPlayer(ScriptedEngine(lambda r: Reply(r.choices[0], "choice", completion_tokens=1)))
    agents = {"model": first, "hostile": LLMPlayer(ScriptedEngine(HOSTILE), constrained=False)}
    players = ["model", "hostile"]
    matches = sweep(players, ["prisoners_dilemma", "ordinal_1_1"], opponents=["grim"], agents=agents)
    path = write_games_report(
        tmp_path_factory.mktemp("report") / "new" / "report.html",
        matches,
        players,
        title="A & B",
        result=tournament(["grim", "random", "tit-for-tat"], rounds=20),
        comparisons={"model - hostile": compare_players(matches, "model", "hostile")},
        decompositions={
            "model": BiasDecomposition(("J", "F"), rate(1, 2), rate(2, 2), rate(1, 2), None, "It is the letter (J).")
        },
    )
    return path.read_text()


def test_the_audit_is_shown_before_scores(page):
    assert page.index("position bias") < page.index("Metrics")
    assert "the study excluded such models" in page
    assert page.index("It is the letter (J).") < page.index("Metrics")


def test_the_page_contains_every_section(page):
    for part in ("A &amp; B", "Ordinal games by family", "GPT-4 (published)", "Paired differences", "Tournament"):
        assert part in page
    assert page.count("<details>") == 9  # one per pair and game, and the pairwise tests
    assert page.count("<svg") == 10  # curves, two heat maps, families; six of the tournament


def test_figures_use_the_colours_of_the_page(page):
    assert "var(--muted," in page
    assert "var(--c0," in page
    assert "#010203" not in page
    assert not re.search(r'id="patch_1">\s*<path[^>]*fill: #ffffff', page)  # no white background on a dark page


def test_a_sweep_has_no_empty_heading(tmp_path):
    matches = sweep(["grim"], ["ordinal_1_1"], opponents=["grim"], rounds=2)
    text = write_games_report(tmp_path / "page.html", matches, ["grim"]).read_text()
    assert "<h2>Metrics" not in text
    rounds = re.search(r"<h2>Cooperation over time.*?</svg>", text, re.DOTALL)[0]
    assert re.findall(r">(\d+(?:\.\d+)?)</text>", rounds)[:2] == ["1", "2"]


def test_model_output_is_escaped(page):
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page
    assert "default-src 'none'" in page
    assert not re.search(r"\b(src|href)=\"https?:", page)


def test_equal_matches_give_equal_figures():
    matches = play_matches([ScheduledMatch("prisoners_dilemma", ("grim", "joss"), k) for k in range(3)], {})
    assert figures.round_by_round(matches, "grim") == figures.round_by_round(matches, "grim")
    assert "joss" in figures.round_by_round(matches, "grim")


def test_the_folk_region_shows_equilibrium_and_points():
    svg = figures.folk_region_plot(load_game("prisoners_dilemma"), {"grim with itself": (8, 8)})
    assert "Nash equilibrium" in svg
    assert "grim with itself" in svg
