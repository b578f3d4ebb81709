"""Infrastructure errors are counted separately, and every rate is shown with its worst case."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from quintain.cli.robustness import _print_table
from quintain.evaluation.report import Report
from quintain.experiments.robustness.episodes import rows_of
from quintain.experiments.robustness.experiment import RobustnessExperiment
from quintain.records import EpisodeRecord

MANIFEST = {
    "config": {"agent": {"episodes": 4, "seeds": [0], "epsilons": [0.1], "norm": "linf", "space": "raw"}},
    "versions": {"quintain": "0"},
    "created": "2026-01-01T00:00:00+00:00",
}


def records(lost: dict[str, int], seeds: tuple[int, ...] = (0,)) -> list[EpisodeRecord]:
    """Return four records per cell and seed, half of them successes; the first ``lost`` of a cell are errors."""
    made = []
    for attack, epsilon in (("clean", 0.0), ("mad", 0.1)):
        for seed in seeds:
            for k in range(4):
                success = k % 2 == 1
                info = {
                    "victim": "mine", "attack": attack, "epsilon": epsilon, "repetition": seed, "success": success,
                    "attacker_success": not success, "metrics": {"length": 3, "distance": epsilon},
                }  # fmt: skip
                outcome: Any = "error" if k < lost.get(attack, 0) else "success" if success else "failure"
                error = {"boundary": "env", "message": "down"} if outcome == "error" else None
                made.append(
                    EpisodeRecord(len(made), 10 * seed + k, outcome, {"agent": float(k)}, info=info, error=error)
                )
    return made


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_rates_have_their_worst_case(seeds: tuple[int, ...]) -> None:
    clean, attacked = rows_of(records({"mad": 2}, seeds))
    assert (clean.errors, attacked.errors) == (0, 2 * len(seeds))
    assert clean.worst_success == clean.success
    assert (attacked.success.estimate, attacked.worst_success.estimate) == (0.5, 0.25)
    assert (attacked.attacker_success.estimate, attacked.worst_attacker_success.estimate) == (0.5, 0.75)
    assert attacked.reward.estimate == 2.5
    assert attacked.loss.estimate == 0  # of the pairs that are whole


def test_losses_pair_the_episodes_that_both_cells_have() -> None:
    clean, attacked = rows_of(records({"clean": 1, "mad": 2}))
    assert (clean.errors, attacked.errors, attacked.loss.n) == (1, 2, 2)
    assert attacked.loss.estimate == 0


@pytest.mark.parametrize("lost", [{}, {"mad": 1}])
def test_every_table_shows_the_worst_case_if_there_are_errors(
    lost: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("jinja2")
    report = Report(records(lost), MANIFEST)
    table = RobustnessExperiment.tabulate(report)
    _print_table(table)
    printed = "".join(capsys.readouterr())
    shown = [table.to_markdown(), printed, RobustnessExperiment.page(report)]
    assert [("worst case" in text.lower()) for text in shown] == [bool(lost)] * 3
    rows = list(csv.DictReader(io.StringIO(table.to_csv())))
    assert ("worst_success" in rows[0]) == ("errors" in table.to_dict()["rows"][0]) == bool(lost)
    if lost:
        assert float(rows[1]["worst_success"]) == 0.5
        assert rows[1]["errors"] == "1"
        widths = {line.count("|") for line in table.to_markdown().splitlines()}
        assert len(widths) == 1
