"""The kinds of run, by the name that a manifest holds, and what can be done with a stored run of any kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quintain.errors import ConfigurationError, RecordError
from quintain.evaluation.compare import Comparison, compare
from quintain.evaluation.leaderboard import Leaderboard, leaderboard
from quintain.evaluation.report import Report
from quintain.evaluation.rescore import Rescored
from quintain.experiments.experiment import Rescorable, RunKind, WritesPage
from quintain.files import write_atomically
from quintain.records import read_manifest
from quintain.registry import Registry

__all__ = [
    "EXPERIMENTS",
    "KindFacts",
    "compare_runs",
    "kind_of",
    "load_run",
    "rank_runs",
    "rescore_run",
    "write_run_page",
]

#: Kind of the runs whose manifest has none.
_DEFAULT = "evaluate"


@dataclass(frozen=True, slots=True)
class KindFacts:
    """Facts about a kind of run.

    Attributes:
        made_by: The command or function that makes such runs, for messages.
    """

    made_by: str = "another package"


#: Every kind of run; the entries are classes that satisfy :class:`~quintain.experiments.experiment.RunKind`.
EXPERIMENTS: Registry[RunKind, KindFacts] = Registry("kind of run", KindFacts, group="quintain.experiments")

EXPERIMENTS.add("evaluate", "quintain.experiments.single:EvaluateRun", made_by="quintain eval")
EXPERIMENTS.add("play", "quintain.experiments.single:PlayRun", made_by="quintain.play")
EXPERIMENTS.add("matches", "quintain.experiments.games.matches:MatchesExperiment", made_by="play_matches")
EXPERIMENTS.add("sweep", "quintain.experiments.games.sweep:SweepExperiment", made_by="quintain games sweep")
EXPERIMENTS.add(
    "tournament", "quintain.experiments.games.tournament:TournamentExperiment", made_by="quintain tournament"
)
EXPERIMENTS.add(
    "robustness", "quintain.experiments.robustness.experiment:RobustnessExperiment", made_by="quintain robustness"
)
EXPERIMENTS.add(
    "questionnaire",
    "quintain.experiments.questionnaire.experiment:QuestionnaireExperiment",
    made_by="quintain questionnaire",
)
EXPERIMENTS.add(
    "malfunction", "quintain.experiments.malfunction.experiment:MalfunctionExperiment", made_by="quintain robustness"
)
EXPERIMENTS.add("train", "quintain.experiments.training:TrainRun", made_by="quintain train")
EXPERIMENTS.add("reward-design", "quintain.experiments.reward_design:RewardDesignRun", made_by="quintain reward design")


def kind_of(manifest: Mapping[str, Any]) -> str:
    """Return the kind of run that a manifest describes.

    Raises:
        UnknownNameError: If no package that is installed knows the kind.
    """
    kind = str(manifest.get("kind", _DEFAULT))
    if kind not in EXPERIMENTS:
        raise EXPERIMENTS.unknown(kind)
    return kind


def load_run(run: str | Path, confidence: float | None = None) -> Report:
    """Read a stored run of any kind.

    Args:
        run: Folder that any kind of run wrote.
        confidence: Nominal coverage of the intervals, in (0, 1); ``None`` takes the run's own, else 0.95.

    Raises:
        RecordError: If there is no run.
    """
    return Report.load(run, confidence or read_manifest(run).get("confidence", 0.95))


def write_run_page(run: str | Path, path: str | Path | None = None, *, confidence: float | None = None) -> Path:
    """Write the page of a stored run, finished or not.

    Args:
        run: Folder that any kind of run wrote.
        path: The page's path; ``None`` means ``report.html`` in the run folder.
        confidence: Nominal coverage of the intervals, in (0, 1); ``None`` takes the run's own, else 0.95.

    Returns:
        Path of the page.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
        RecordError: If there is no run.
        UnknownNameError: If its kind is unknown.
    """
    target = Path(run) / "report.html" if path is None else Path(path)
    manifest = read_manifest(run)
    kind = EXPERIMENTS.load(kind_of(manifest))
    if isinstance(kind, WritesPage):
        kind.write_page(Report.open(run, confidence or manifest.get("confidence", 0.95)), target)
    else:
        write_atomically(target, kind.page(load_run(run, confidence)))
    return target


def rescore_run(run: str | Path, **options: Any) -> Rescored:
    """Score a stored run again without the agents, where its kind can be.

    Args:
        run: Folder that any kind of run wrote.
        options: Options of :func:`quintain.rescore`, with its defaults.

    Raises:
        RecordError: If there is no run, or runs of its kind cannot be scored again.
        UnknownNameError: If its kind is unknown.
    """
    kind = _DEFAULT if Path(run).is_file() else kind_of(Report.load(run).manifest)
    found = EXPERIMENTS.load(kind)
    if not isinstance(found, Rescorable):
        able = [EXPERIMENTS.facts(name).made_by for name in EXPERIMENTS if _can_rescore(name)]
        raise RecordError(
            f"{str(run)!r} was made by {EXPERIMENTS.facts(kind).made_by}, and only runs of {', '.join(able)} can be "
            "scored again; quintain view shows it"
        )
    return found.rescore(run, **options)


def _can_rescore(kind: str) -> bool:
    return isinstance(EXPERIMENTS.load(kind), Rescorable)


def compare_runs(first: Report, second: Report, *, confidence: float = 0.95, seed: int = 0) -> Comparison:
    """Compare two stored runs of one kind, episode by episode. See :func:`quintain.compare`.

    Raises:
        ConfigurationError: If the runs are of different kinds, or their episodes cannot be paired.
        UnknownNameError: If their kind is unknown.
    """
    _check_one_kind([first, second])
    return compare(first, second, confidence=confidence, seed=seed)


def rank_runs(runs: Sequence[str | Path], *, confidence: float = 0.95, seed: int = 0) -> Leaderboard:
    """Rank stored runs of one kind. See :func:`quintain.leaderboard`.

    Raises:
        ConfigurationError: If the runs are of different kinds, or their episodes cannot be paired.
        RecordError: If there is no run in one of the folders.
        UnknownNameError: If their kind is unknown.
    """
    reports = [Report.open(run, confidence) for run in runs]
    _check_one_kind(reports)
    return leaderboard(reports, names=list(map(str, runs)), confidence=confidence, seed=seed)


def _check_one_kind(reports: Sequence[Report]) -> None:
    made = list(dict.fromkeys(EXPERIMENTS.facts(kind_of(report.manifest)).made_by for report in reports))
    if len(made) > 1:
        raise ConfigurationError(f"the runs are of different kinds: one was made by {made[0]}, the other by {made[1]}")
