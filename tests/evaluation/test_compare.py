import re

import pytest
from toy_envs import Coin, Parity

import quintain
from quintain.cli.tables import number as terminal_number
from quintain.errors import ConfigurationError, EngineError
from quintain.evaluation.compare import pair
from quintain.evaluation.html import write_comparison
from quintain.evaluation.html.frame import number as page_number
from quintain.evaluation.report import Report
from quintain.evaluation.summary import compared_rows

LETTERS = {"tasks": "letters"}


def test_compare_pairs_episodes_by_seed(tmp_path):
    quintain.evaluate("Sum-v0", Parity(), episodes=40, out=tmp_path / "a")
    coin = quintain.evaluate("Sum-v0", Coin(), episodes=40)
    result = quintain.compare(tmp_path / "a", coin)
    assert result.success.estimate == 1 - coin.success.estimate
    assert result.success.low > 0.5
    assert result.reward.estimate == pytest.approx(3 - coin.reward.estimate)
    assert (result.wins, result.losses, result.wins + result.ties) == (40 - coin.outcomes["success"], 0, 40)
    assert "excludes zero" in result.hint
    assert quintain.compare(coin, tmp_path / "a").success.estimate == -result.success.estimate


def test_comparing_a_run_with_itself_gives_no_difference():
    run = quintain.evaluate("Sum-v0", Coin(), episodes=20)
    result = quintain.compare(run, run)
    assert (result.success.estimate, result.ties) == (0.0, 20)
    assert -0.2 < result.success.low < 0 < result.success.high < 0.2
    assert "the same success in every pair" in result.hint


def test_a_small_sample_gives_a_note_on_statistical_power():
    def nearly(observation):
        return int(observation.sum()) % 2 if observation.sum() != 11 else 0

    runs = [quintain.evaluate("Sum-v0", agent, episodes=6, seed=13) for agent in (Parity(), nearly)]
    result = quintain.compare(*runs)
    assert (result.wins, result.losses, result.p_value) == (3, 0, 0.25)
    assert "too few decisive pairs" in result.hint


def test_an_inconclusive_difference_reports_the_required_number_of_pairs():
    result = quintain.compare(
        quintain.evaluate("Sum-v0", Coin(), episodes=25, seed=4),
        quintain.evaluate("Sum-v0", "random", episodes=25, seed=4),
    )
    assert result.p_value > 0.05
    assert re.search(r"Not significant with 25 pairs; roughly [\d,]+ would be needed", result.hint)


def test_different_environments_without_task_hashes_are_refused():
    one = quintain.evaluate("Sum-v0", "random", episodes=3)
    with pytest.raises(ConfigurationError, match="different environments: 'Sum-v0' and 'CartPole-v1'"):
        quintain.compare(one, quintain.evaluate("CartPole-v1", "random", episodes=3))


def test_pairs_with_an_error_are_left_out():
    def fails(observation):
        if observation.sum() > 9:
            raise EngineError("down")
        return int(observation.sum()) % 2

    whole = quintain.evaluate("Sum-v0", Parity(), episodes=30)
    holes = quintain.evaluate("Sum-v0", fails, episodes=30)
    result = quintain.compare(whole, holes)
    assert result.success.n == 30 - holes.errors
    assert result.left_out == 2 * holes.errors
    assert [len(report.episodes) for report in pair(whole, holes)] == [30 - holes.errors] * 2


def test_runs_without_common_seeds_are_refused():
    one, two = (quintain.evaluate("Sum-v0", Parity(), episodes=3, seed=s) for s in (0, 1))
    with pytest.raises(ConfigurationError, match="no seed occurs in both"):
        quintain.compare(one, two)


def test_different_tasks_under_one_seed_are_refused():
    one, two = (
        quintain.evaluate("CodeReason-v0", "random", episodes=3, env_kwargs={"tasks": t, "code": False})
        for t in ("letters", "number_multiply")
    )
    with pytest.raises(ConfigurationError, match="gave different tasks"):
        quintain.compare(one, two)


def test_stored_runs_are_compared_without_their_transcripts(tmp_path):
    """In memory there are never two whole runs, and the result is that of the loaded reports."""
    for name, agent in (("a", "oracle"), ("b", "random")):
        quintain.evaluate("CodeReason-v0", agent, episodes=6, env_kwargs=LETTERS, out=tmp_path / name)
    loaded = [Report.load(tmp_path / name) for name in "ab"]
    opened = [Report.open(tmp_path / name) for name in "ab"]
    assert quintain.compare(*opened).to_dict() == quintain.compare(*loaded).to_dict()
    assert quintain.compare(tmp_path / "a", tmp_path / "b").to_dict() == quintain.compare(*loaded).to_dict()
    assert compared_rows(quintain.compare(*opened), *opened) == compared_rows(quintain.compare(*loaded), *loaded)
    for one, other in zip(opened, loaded, strict=True):
        assert [e.reward for e in one.outline.episodes] == [e.reward for e in other.episodes]
        assert not any(e.steps or e.calls for e in one.outline.episodes)
        assert other.outline is other
    pytest.importorskip("jinja2")
    pages = [write_comparison(quintain.compare(*runs), *runs, tmp_path / "page.html").read_text()
             for runs in (opened, loaded)]  # fmt: skip
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("value", "kind", "shown"), [(-1e-5, "rate", "0.0%"), (-0.0, "mean", "0"), (-0.5, "rate", "-50.0%")]
)
def test_no_table_shows_a_negative_zero(value, kind, shown):
    assert terminal_number(value, kind) == page_number(value, kind) == shown
