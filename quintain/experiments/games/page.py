"""The page of a stored tournament, sweep or other run of matches, written from its records alone."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from quintain.errors import ConfigurationError, RecordError
from quintain.experiments.games.matches import load_matches
from quintain.experiments.games.report import write_games_report
from quintain.experiments.games.tournament import collect
from quintain.records import read_manifest

__all__ = ["write_run_page"]

_TITLES = {"sweep": "Sweep over ordinal games"}


def write_run_page(run: str | Path) -> Path:
    """Write ``report.html`` of a run of matches, finished or not.

    The ranking of a tournament is left out until every pair has met.

    Returns:
        Path of the page.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
        RecordError: If the folder holds no run of matches.
    """
    manifest = read_manifest(run)
    config = manifest.get("config", {})
    if "fixtures" not in config:
        raise RecordError(f"no tournament, sweep or other run of matches at {str(run)!r}")
    matches = load_matches(run)
    players = manifest.get("players") or list(dict.fromkeys(n for _, pair, _ in config["fixtures"] for n in pair))
    kind = manifest.get("kind", "")
    result = None
    if kind == "tournament":
        repetitions = 1 + max(repetition for _, _, repetition in config["fixtures"])
        with suppress(ConfigurationError):  # some pair has not met yet
            result = collect(players, matches, config["env_kwargs"]["rounds"], repetitions)
    title = _TITLES.get(kind, "Repeated games")
    return write_games_report(Path(run) / "report.html", matches, players, title=title, result=result)
