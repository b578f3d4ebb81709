"""Interquartile means, and results over several training seeds."""

import json
import math

import numpy as np
import pytest

import quintain
from quintain.errors import ConfigurationError
from quintain.evaluation.aggregate import aggregate
from quintain.evaluation.html import write_report
from quintain.evaluation.report import Report
from quintain.evaluation.statistics import mean
from quintain.evaluation.summary import score_rows
from quintain.records import EpisodeRecord


def report(returns, env="CartPole-v1"):
    episodes = [
        EpisodeRecord(i, i, "finished", {"agent": float(r)}, [{"observation": [0.0], "action": 0, "reward": float(r)}])
        for i, r in enumerate(returns)
    ]
    return Report(episodes, {"config": {"env": env}})


def test_a_run_shows_iqm_and_standard_deviation():
    rows = {row.name: row.interval for row in score_rows(report([1, 2, 3, 100]))}
    assert rows["reward, IQM"].estimate == 2.5
    assert rows["reward, std"].estimate == pytest.approx(np.std([1, 2, 3, 100], ddof=1))
    assert rows["reward, IQM"].low < 2.5 < rows["reward, IQM"].high
    assert "Student t, 4 values" in rows["reward, IQM"].remarks
    assert rows["reward, std"].remarks == "no interval of a standard deviation from fewer than 5 values"
    assert list({row.name for row in score_rows(report([0, 1, 1, 0]))}) == ["reward"]  # a verdict


def test_training_seeds_are_what_varies():
    found = aggregate([report([10] * 50), report([20] * 50), report([30] * 50), report([1000] * 50)])
    assert [run.score for run in found.runs] == [10, 20, 30, 1000]
    assert found.intervals["IQM"].estimate == 25
    assert found.intervals["mean"].estimate == 265
    assert found.intervals["IQM"].n == 4
    assert "4 training seeds" in found.intervals["IQM"].remarks
    assert "read the interval with care" in found.intervals["IQM"].note
    assert found.intervals["mean"] == mean([10, 20, 30, 1000], unit="training seeds")


def test_different_environments_need_ranges():
    runs = [report([20], "A-v0"), report([40], "A-v0"), report([-100], "B-v0"), report([0], "B-v0")]
    with pytest.raises(ConfigurationError, match="returns of different scales"):
        aggregate(runs)
    found = aggregate(runs, ranges={"A-v0": (0, 40), "B-v0": (-200, 0)})
    assert [run.score for run in found.runs] == [0.5, 1, 0.5, 1]
    assert found.intervals["optimality gap"].estimate == 0.25
    # Within either environment the two scores differ by 0.5: both means have the variance 1/16.
    half = 4.3026527 * math.sqrt(2 / 16) / 2
    assert found.intervals["mean"].low == pytest.approx(0.75 - half)
    assert found.intervals["optimality gap"].high == pytest.approx(0.25 + half)
    with pytest.raises(ConfigurationError, match="no range for B-v0"):
        aggregate(runs, ranges={"A-v0": (0, 40)})
    with pytest.raises(ConfigurationError, match="is empty"):
        aggregate(runs, ranges={"A-v0": (40, 40), "B-v0": (-200, 0)})


def test_a_run_without_scores_is_named():
    broken = Report([EpisodeRecord(0, 0, "error", {})], {"config": {"env": "A-v0"}})
    with pytest.raises(ConfigurationError, match="has no scored episode"):
        aggregate([broken, report([1])])


def test_the_page_plots_returns_by_episode(tmp_path):
    run = quintain.evaluate("CartPole-v1", "random", episodes=12, out=tmp_path)
    page = write_report(tmp_path).read_text()
    assert 'aria-label="return by episode, 12 values' in page
    assert page.count("<circle") == 12
    assert "reward, IQM" in page
    assert json.loads(json.dumps(run.to_dict()))["reward_iqm"]["method"] == "yuen"


def test_the_command(tmp_path):
    from typer.testing import CliRunner

    from quintain.cli import app

    for seed in (0, 1):
        quintain.evaluate("CartPole-v1", "random", episodes=4, seed=seed, out=tmp_path / f"seed{seed}")
    folders = [str(tmp_path / "seed0"), str(tmp_path / "seed1")]
    shown = CliRunner().invoke(app, ["aggregate", *folders], env={"COLUMNS": "160", "TERM": "dumb"})
    assert shown.exit_code == 0, shown.output
    assert "IQM" in shown.output
    assert "2 training seeds" in shown.output
    data = json.loads(CliRunner().invoke(app, ["aggregate", *folders, "--json"]).stdout)
    assert data["intervals"]["mean"]["n"] == 2
    wrong = CliRunner().invoke(app, ["aggregate", *folders, "--range", "CartPole-v1=20"])
    assert wrong.exit_code == 2
