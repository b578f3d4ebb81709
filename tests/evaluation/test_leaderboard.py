"""Many runs: ranks with their uncertainty, paired differences with Holm's correction."""

import json

import numpy as np
import pytest

import quintain
from quintain.errors import ConfigurationError
from quintain.evaluation.report import Report
from quintain.evaluation.significance import holm, sign_test
from quintain.records import EpisodeRecord


def run(name, flags, start=0, judged=True):
    """Return a report; of each item whether it was solved, or None for an error."""
    episodes = []
    for k, flag in enumerate(flags, start=start):
        error = {"boundary": "engine", "type": "EngineError", "message": "down"} if flag is None else None
        outcome = "error" if flag is None else ("success" if flag else "failure") if judged else "finished"
        reward = float(flag or 0)
        info = {"task": "t", "task_hash": f"item {k}"}
        episodes.append(EpisodeRecord(k, k, outcome, {"agent": reward}, info=info, error=error))
    return Report(episodes, {"config": {"env": "X-v0", "agent": {"name": name}}})


STRONG, MIDDLE, WEAK = [True] * 38 + [False] * 2, [True] * 20 + [False] * 20, [True] * 16 + [False] * 24


def test_ranks_and_their_ranges_by_hand():
    board = quintain.leaderboard([run("weak", WEAK), run("strong", STRONG), run("middle", MIDDLE)])
    assert [(s.name, s.rank, s.best, s.worst) for s in board.standings] == [
        ("strong", 1, 1, 1), ("middle", 2, 2, 3), ("weak", 3, 2, 3),
    ]  # fmt: skip
    # Strong solves 18 more than middle and 22 more than weak, and middle 4 more than weak; none solves fewer.
    p_values = [sign_test(18, 0), sign_test(22, 0), sign_test(4, 0)]
    assert [d.p_holm for d in board.differences] == pytest.approx(holm(p_values))
    assert [(d.first, d.second) for d in board.differences] == [
        ("strong", "middle"), ("strong", "weak"), ("middle", "weak"),
    ]  # fmt: skip
    assert board.differences[0].difference.estimate == pytest.approx(18 / 40)
    assert "3 comparisons" in board.note


def test_equal_runs_share_a_rank_and_none_is_excluded():
    board = quintain.leaderboard([run("a", MIDDLE), run("b", MIDDLE), run("c", MIDDLE)])
    assert [(s.rank, s.best, s.worst) for s in board.standings] == [(1, 1, 3)] * 3


def test_only_items_that_all_runs_scored_are_compared():
    partly = [None, None, *MIDDLE[2:]]
    board = quintain.leaderboard([run("a", MIDDLE), run("b", partly), run("c", WEAK[5:], start=5)])
    assert board.items == 35
    by_name = {s.name: s for s in board.standings}
    assert (by_name["a"].left_out, by_name["b"].left_out, by_name["c"].left_out) == (5, 5, 0)
    assert (by_name["a"].errors, by_name["b"].errors) == (0, 2)


def test_without_success_returns_are_compared():
    rng = np.random.default_rng(0)
    base = rng.normal(10, 1, 30)
    runs = [run(name, list(base + shift), judged=False) for name, shift in (("low", 0.0), ("high", 2.0))]
    board = quintain.leaderboard(runs)
    assert (board.quantity, board.kind, board.standings[0].name) == ("reward", "mean", "high")
    assert board.differences[0].difference.estimate == pytest.approx(2.0)


def test_runs_that_cannot_be_compared_are_refused():
    with pytest.raises(ConfigurationError, match="at least two"):
        quintain.leaderboard([run("a", MIDDLE)])
    with pytest.raises(ConfigurationError, match="no seed occurs in both"):
        quintain.leaderboard([run("a", MIDDLE), run("b", MIDDLE), run("c", MIDDLE, start=100)])
    with pytest.raises(ConfigurationError, match="a name of its own"):
        quintain.leaderboard([run("a", MIDDLE), run("b", MIDDLE)], names=["x", "x"])
    with pytest.raises(ConfigurationError, match="no item that all runs scored"):
        quintain.leaderboard([run("a", [True, None, True]), run("b", [None, True, True]), run("c", [True, True, None])])


def test_runs_of_one_agent_get_names_of_their_own():
    board = quintain.leaderboard([run("a", STRONG), run("a", WEAK)])
    assert [s.name for s in board.standings] == ["a (1)", "a (2)"]


def test_runs_with_repeats_are_ranked_by_item():
    options = {"episodes": 12, "env_kwargs": {"tasks": "letters"}, "progress": False}
    runs = [
        quintain.evaluate("CodeReason-v0", agent, repeats=k, **options) for agent, k in (("oracle", 2), ("random", 3))
    ]
    board = quintain.leaderboard(runs)
    assert board.items == 12
    assert board.differences[0].difference.n == 12
    assert [s.name for s in board.standings] == ["oracle", "random"]


def test_a_leaderboard_is_json_able_and_a_table():
    board = quintain.leaderboard([run("a", MIDDLE), run("b", WEAK)])
    data = json.loads(json.dumps(board.to_dict(), allow_nan=False))
    assert data["standings"][0]["rank_range"] == [1, 2]
    assert data["comparisons"] == 1
    assert "a" in board._repr_html_()
    assert board.to_csv().splitlines()[0].startswith("rank,rank_low,rank_high,name,success,success_low")
