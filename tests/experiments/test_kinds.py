"""The contract of experiments, for every registered kind, and loading of stored runs by kind."""

import inspect
import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from quintain.errors import ConfigurationError, QuintainError, RecordError, UnknownNameError
from quintain.evaluation.progress import SilentBar, progress_bar
from quintain.experiments.cell_work import CellWork
from quintain.experiments.experiment import Rescorable
from quintain.experiments.kinds import EXPERIMENTS, compare_runs, load_run, rescore_run, write_run_page
from quintain.experiments.runner import ExperimentRun
from quintain.experiments.store import Store
from quintain.records import EpisodeRecord, read_episodes, read_manifest

STORED = Path(__file__).parents[1] / "data" / "runs_0_1_0_before"


@pytest.mark.parametrize("kind", EXPERIMENTS)
def test_every_registered_kind_implements_the_contract(kind):
    found = EXPERIMENTS.load(kind)
    assert found.kind == kind
    assert list(inspect.signature(found.tabulate).parameters) == ["report"]
    assert list(inspect.signature(found.page).parameters) == ["report"]
    assert EXPERIMENTS.facts(kind).made_by


def test_only_runs_of_one_agent_can_be_rescored():
    assert [kind for kind in EXPERIMENTS if isinstance(EXPERIMENTS.load(kind), Rescorable)] == ["evaluate"]
    with pytest.raises(RecordError, match=r"made by quintain\.play, and only runs of quintain eval can be scored"):
        rescore_run(STORED / "play")
    assert rescore_run(STORED / "evaluate_control").changed == []


def test_an_unknown_kind_raises_an_error_with_its_name(tmp_path):
    run = shutil.copytree(STORED / "play", tmp_path / "run")
    manifest = read_manifest(run) | {"kind": "robustnes"}
    (run / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(UnknownNameError, match="unknown kind of run 'robustnes'; did you mean 'robustness'"):
        write_run_page(run)


def test_runs_of_different_kinds_are_not_compared():
    one, two = load_run(STORED / "evaluate_control"), load_run(STORED / "play")
    with pytest.raises(ConfigurationError, match=r"one was made by quintain eval, the other by quintain\.play"):
        compare_runs(one, two)


def test_the_recorded_confidence_level_is_the_default():
    assert load_run(STORED / "robustness").confidence == read_manifest(STORED / "robustness")["confidence"]
    assert load_run(STORED / "robustness", 0.5).confidence == 0.5


class Squares:
    """An experiment of two cells of three episodes; returns are the squared index plus the prepared offset."""

    kind = "squares"

    def __init__(self, fails=frozenset()):
        self.prepared, self.played, self.fails = [], [], fails

    def check(self):
        pass

    def describe(self):
        return {"env": "none", "env_kwargs": {}, "agent": {}, "seed": 0, "cells": 2}

    def metadata(self):
        return {"note": "a test"}

    def cells(self):
        return [SquaresCell(self, number) for number in range(2)]

    @classmethod
    def tabulate(cls, report):
        return sum(record.reward for record in report.episodes)

    @classmethod
    def page(cls, report):
        return f"<p>{cls.tabulate(report)}</p>"


class SquaresCell:
    def __init__(self, experiment, number):
        self.experiment, self.title = experiment, f"cell {number}"
        self.number, self.indices = number, range(3 * number, 3 * number + 3)

    def prepare(self, store):
        self.offset(store)

    def offset(self, store):
        def compute():
            self.experiment.prepared.append(self.number)
            return self.number

        return store.obtain(
            f"made/{self.number}", compute, lambda value, path: _write(path, str(value)), lambda p: int(p.read_text())
        )

    def play(self, indices, store, sink):
        for index in indices:
            self.experiment.played.append(index)
            if index in self.experiment.fails:
                sink(EpisodeRecord(index, index, "error", {}, error={"boundary": "env", "type": "X", "message": "x"}))
            else:
                sink(EpisodeRecord(index, index, "finished", {"agent": float(index**2 + self.offset(store))}))


def _write(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def play(experiment, out, **options):
    with ExperimentRun(experiment, out=out, progress=False, **options) as run:
        run.play()
        run.write_page()
        return experiment.tabulate(run.report())


def test_a_resumed_experiment_plays_only_the_missing_episodes(tmp_path):
    whole = play(Squares(), tmp_path / "whole")
    assert whole == 0 + 1 + 4 + 9 + 16 + 25 + 3

    class Stop(Exception):
        pass

    def stop(record):
        if record.index == 3:
            raise Stop

    experiment = Squares()
    with pytest.raises(Stop):
        play(experiment, tmp_path / "run", on_episode=stop)
    assert (experiment.prepared, experiment.played) == ([0, 1], [0, 1, 2, 3])
    again = Squares()
    assert play(again, tmp_path / "run", resume=True) == whole
    assert (again.prepared, again.played) == ([], [4, 5])
    assert (tmp_path / "run" / "report.html").read_text() == "<p>58.0</p>"
    manifest = read_manifest(tmp_path / "run")
    assert (manifest["kind"], manifest["note"], manifest["config"]["cells"]) == ("squares", "a test", 2)


def test_failed_episodes_are_repeated_only_with_retry_errors(tmp_path):
    play(Squares(fails={1, 4}), tmp_path)
    kept, retried = Squares(), Squares()
    play(kept, tmp_path, resume=True)
    assert kept.played == []
    play(retried, tmp_path, resume=True, retry_errors=True)
    assert retried.played == [1, 4]
    assert all(record.outcome == "finished" for record in read_episodes(tmp_path))


def test_without_a_folder_prepared_values_are_kept_in_memory():
    experiment = Squares()
    assert play(experiment, None) == 58
    assert experiment.prepared == [0, 1]
    with progress_bar(0, show=False) as bar:
        store = Store(None, bar)
        values = iter([1, 2])
        assert [store.obtain("x", lambda: next(values), _write, _write) for _ in range(2)] == [1, 1]


class Deadly(Squares):
    """The process exits at the first attempt of episode 4."""

    def __init__(self, marker):
        super().__init__()
        self.marker = marker

    def cells(self):
        return [DeadlyCell(self, number) for number in range(2)]


class DeadlyCell(SquaresCell):
    def play(self, indices, store, sink):
        for index in indices:
            if index == 4 and not self.experiment.marker.exists():
                self.experiment.marker.touch()
                os._exit(3)
            super().play([index], store, sink)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_worker_processes_give_the_same_records_and_report_cells_in_order(tmp_path, workers):
    whole = play(Squares(), tmp_path / "inline")
    cells, experiment = [], Squares()
    with ExperimentRun(experiment, out=tmp_path / "run", progress=False, executor="process", workers=workers) as run:
        run.play(lambda cell: cells.append((cell.title, len(run.report().episodes) >= 3 * (cell.number + 1))))
    assert experiment.tabulate(run.report()) == whole
    assert cells == [("cell 0", True), ("cell 1", True)]
    assert experiment.played == [], "everything was played elsewhere"
    lines = [sorted((f / "episodes.jsonl").read_text().splitlines()) for f in (tmp_path / "inline", tmp_path / "run")]
    assert lines[0] == lines[1]
    assert not list((tmp_path / "run").rglob("*.lock"))


def test_a_dying_worker_loses_only_its_unfinished_episodes_with_a_warning(tmp_path):
    out, experiment = tmp_path / "run", Deadly(tmp_path / "marker")
    with (
        pytest.warns(RuntimeWarning, match=r"died with exit code 3 and left 2 episodes of 'cell 1'"),
        pytest.raises(QuintainError, match=r"2 episodes were not played.*resume=True"),
    ):
        play(experiment, out, executor="process", workers=2)
    assert sorted(record.index for record in read_episodes(out)) == [0, 1, 2, 3]
    assert play(experiment, out, resume=True, executor="process", workers=2) == 58


def test_work_that_cannot_be_pickled_is_refused(tmp_path):
    experiment = Squares()
    experiment.lock = threading.Lock()
    with pytest.raises(ConfigurationError, match="cannot be sent to another process"):
        play(experiment, tmp_path / "run", executor="process")
    assert play(experiment, tmp_path / "other") == 58


def test_cells_are_divided_if_they_are_fewer_than_workers():
    def divided(workers):
        return CellWork((), {0: range(5), 3: [7, 9]}, Store(None, SilentBar())).parts(workers)

    assert divided(1) == divided(2) == [(0, range(5)), (3, [7, 9])]
    assert divided(4) == [(0, range(3)), (0, range(3, 5)), (3, [7]), (3, [9])]
    assert [len(indices) for _, indices in divided(9)] == [1, 1, 1, 1, 1, 1, 1]
