"""Comparison of trainings over seeds."""

import json
from functools import partial

import numpy as np
import pytest

from quintain.errors import ConfigurationError, RecordError
from quintain.evaluation.statistics import mean, paired_difference
from quintain.experiments.learning import compare_trainings
from quintain.experiments.learning_plot import draw_trainings
from quintain.experiments.learning_study import LearningStudy, finished
from quintain.experiments.study_tables import StudyTables

SETTINGS = {"beta": 0.0, "mask_environment": True, "optimizer": {"learning_rate": 1e-6}}


def training(folder, seed, rows, kind="train", **settings):
    folder.mkdir(parents=True)
    agent = {"name": "chat", "engine": {"engine": "transformers", "model": "nano"}}
    config = {"env": {"id": "Sum-v0"}, "agent": agent, "seed": seed, "method": "grpo", "settings": SETTINGS | settings}
    (folder / "run.json").write_text(json.dumps({"schema": 1, "kind": kind, "config": config}))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def runs(tmp_path):
    """Two conditions of three seeds, of which the masked ones end at 0.6, 0.7, 0.8 and the others at 0.5, 0.5, 0.6."""
    found = []
    for mask, ends in ((True, (0.6, 0.7, 0.8)), (False, (0.5, 0.5, 0.6))):
        for seed, end in enumerate(ends):
            rows = [
                {"step": 0, "eval/greedy": 0.25},
                {"step": 1, "reward": 0.3, "loss": 0.1},
                {"step": 2, "reward": 0.4, "loss": 0.1},
                {"step": 2, "eval/greedy": end},
            ]
            found.append(training(tmp_path / f"{mask}-{seed}", seed, rows, mask_environment=mask))
    return found


def test_trainings_that_differ_in_their_seed_are_one_condition_named_after_what_tells_them_apart(runs):
    found = compare_trainings(runs)
    assert [c.name for c in found.conditions] == ["mask_environment true", "mask_environment false"]
    assert [sorted(c.rows) for c in found.conditions] == [[0, 1, 2], [0, 1, 2]]
    assert found.metrics == ["eval/greedy"]


def test_means_over_seeds_have_the_interval_of_shares_and_differences_are_paired_by_seed(runs):
    found = compare_trainings(runs)
    last = found.ends()[1]
    assert (last.condition, last.metric, last.step) == ("mask_environment true", "eval/greedy", 2)
    expected = mean([0.6, 0.7, 0.8], bounds=(0.0, 1.0), unit="seeds")
    assert (last.value.estimate, last.value.low, last.value.high) == (expected.estimate, expected.low, expected.high)
    (difference,) = found.differences
    paired = paired_difference([0.6, 0.7, 0.8], [0.5, 0.5, 0.6], bounds=(0.0, 1.0), unit="seeds")
    assert difference.difference.estimate == pytest.approx(1 / 6)
    assert difference.difference.low == paired.low
    assert difference.p_holm == paired.p_value  # one comparison
    assert "eval/greedy" in found.headline()
    assert len(found.to_rows()) == 4


def test_a_condition_is_compared_at_the_last_step_that_all_have_reached(tmp_path):
    """A training that is still running does not make the others later ones."""
    runs = [
        training(tmp_path / str(seed), seed, [{"step": step, "eval/greedy": 0.1 * step} for step in range(1, last)])
        for seed, last in enumerate((6, 4))
    ]
    (condition,) = compare_trainings(runs).conditions
    assert condition.steps("eval/greedy") == [1, 2, 3]
    assert condition.name == "grpo"


def test_trainings_without_an_evaluation_are_compared_by_their_success_or_return(tmp_path):
    rows = [{"step": 1, "reward": 0.3, "success": 0.2}, {"step": 2, "reward": 0.4, "success": np.float64(0.3)}]
    found = compare_trainings({"a": [training(tmp_path / "a", 0, rows)], "b": [training(tmp_path / "b", 0, rows)]})
    assert found.metrics == ["success"]
    assert [c.name for c in found.conditions] == ["a", "b"]


def test_the_same_training_twice_another_kind_of_run_and_an_empty_training_are_refused(runs, tmp_path):
    same = training(tmp_path / "same", 0, [{"step": 1, "reward": 1.0}])
    with pytest.raises(ConfigurationError, match="both of seed 0"):
        compare_trainings([*runs, same])
    with pytest.raises(ConfigurationError, match="is not a training"):
        compare_trainings([training(tmp_path / "other", 0, [], kind="tournament"), runs[0]])
    with pytest.raises(RecordError, match="logged a step"):
        compare_trainings([training(tmp_path / "empty", 3, [])])


def test_the_command_prints_tables_and_writes_a_page(runs, tmp_path):
    from typer.testing import CliRunner

    from quintain.cli.app import app

    page = tmp_path / "curves.html"
    result = CliRunner().invoke(app, ["compare", *map(str, runs), "--page", str(page)], terminal_width=200)
    assert result.exit_code == 0, result.output
    for text in ("mask_environment true", "eval/greedy", "70.0%", "corrected for 1 comparison"):
        assert text in result.output
    html = page.read_text()
    assert html.count("<svg") >= 3  # accuracy, return, loss
    assert "Paired differences at the end" in html
    assert "mask_environment false" in html
    shown = json.loads(CliRunner().invoke(app, ["compare", *map(str, runs), "--json"]).output)
    assert shown["differences"][0]["difference"]["estimate"] == pytest.approx(1 / 6)


def test_a_study_trains_what_is_missing_and_reports_what_is_finished(tmp_path, capsys):
    trained, shown = [], []

    def train(name, folder, seed, resume):
        trained.append((name, seed, resume))
        folder.joinpath("model").mkdir(parents=True)

    def report(out, folders):
        shown.append({name: len(runs) for name, runs in finished(folders).items()})
        return StudyTables()

    study = LearningStudy(
        about="A study.", folder=str(tmp_path / "study"), report=report, smoke=("b c",),
        conditions=lambda out, smoke: {name: partial(train, name) for name in ("a", "b c")},
    )  # fmt: skip
    study.main(["--seeds", "2", "--only", "a"])
    study.main(["--seeds", "2"])
    study.main(["--report", "--seeds", "3"])
    study.main(["--smoke"])
    assert trained == [("a", 0, False), ("a", 1, False), ("b c", 0, False), ("b c", 1, False), ("b c", 0, False)]
    assert shown == [{"a": 2}, {"a": 2, "b c": 2}, {"a": 2, "b c": 2}, {"b c": 1}]
    assert (tmp_path / "study" / "b-c" / "seed-1" / "model").exists()
    assert (tmp_path / "study-smoke" / "results.json").exists()
    with pytest.raises(SystemExit):
        study.main(["--only", "d"])
    assert "there is no condition 'd'; choose from 'a', 'b c'" in capsys.readouterr().err


def test_the_picture_has_a_panel_for_each_metric_and_a_line_for_each_condition(runs, tmp_path):
    pytest.importorskip("matplotlib")
    found = compare_trainings({"masked": runs[:3], "unmasked": runs[3:]})
    picture = tmp_path / "curves.svg"
    draw_trainings(found, {"eval/greedy": "right", "reward": "reward"}, picture)
    text = picture.read_text()
    assert [text.count(f">{label}<") for label in ("right", "reward", "masked", "unmasked", "iteration")] == [
        1,
        1,
        1,
        1,
        2,
    ]
    again = tmp_path / "again.svg"
    draw_trainings(found, {"eval/greedy": "right", "reward": "reward"}, again)
    assert again.read_bytes() == picture.read_bytes()
