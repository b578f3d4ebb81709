"""``write_report``: the page of a run, one HTML file without external resources."""

from __future__ import annotations

from pathlib import Path

from quintain.errors import ConfigurationError
from quintain.evaluation.html.frame import fill, markup, scale
from quintain.evaluation.html.plots import histogram
from quintain.evaluation.html.provenance import provenance
from quintain.evaluation.html.transcripts import embed, episode_data, index_data, preamble
from quintain.evaluation.report import Report
from quintain.evaluation.summary import error_counts, metric_rows, score_rows, term_rows
from quintain.files import write_atomically

__all__ = ["render", "write_report"]

_OUTCOMES = {
    "success": "the environment reported success",
    "failure": "ended without success",
    "parse_error": "an answer that could not be read",
    "invalid_action": "an action that is not allowed",
    "finished": "ended; the environment does not judge",
    "error": "infrastructure failed: not scored",
}


def write_report(run: Report | str | Path, path: str | Path | None = None) -> Path:
    """Write the page of a run.

    The page is a single file that works offline. It contains the summary, plots, the configuration and every
    transcript. Text from models is data and never markup: the content security policy allows no script but the page's
    own.

    Args:
        run: A report, or a run folder.
        path: The file; by default ``report.html`` in the run folder.

    Returns:
        Path of the page.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
        ConfigurationError: If the report has no folder and no path is given.
        RecordError: If there is no run.
    """
    report = run if isinstance(run, Report) else Report.load(run)
    if path is None:
        if report.path is None:
            raise ConfigurationError("this report has no run folder; give a file: path=...")
        path = report.path / "report.html"
    target = Path(path)
    page = render(report)
    write_atomically(target, page)
    return target


def render(report: Report) -> str:
    """Return the page of a run as HTML.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
    """
    start = preamble(report)
    indices = [index_data(e, start) for e in report.episodes]
    rows = {"scores": score_rows(report), "terms": term_rows(report), "metrics": metric_rows(report)}
    return fill(
        "report.html",
        script="report.js",
        report=report,
        provenance=provenance(report),
        rows=rows,
        term_scale=scale([row.interval for row in rows["terms"]]),
        outcomes=[(name, n, _OUTCOMES[name]) for name, n in report.outcomes.items() if n],
        meanings=_OUTCOMES,
        errors=error_counts(report),
        plots=[markup(plot) for plot in _plots(report)],
        index=markup(embed({"preamble": start, "episodes": indices})),
        transcripts=[(e.index, markup(embed(episode_data(e)))) for e in report.episodes],
    )


def _plots(report: Report) -> list[str]:
    scored = report.scored
    unit = "turns" if any(isinstance(step["observation"], str) for e in scored[:1] for step in e.steps[:1]) else "steps"
    candidates: list[tuple[str, list[float]]] = [
        (f"{unit} per episode", [float(len(e.steps)) for e in scored]),
        ("tokens generated per episode", [float(e.completion_tokens) for e in scored]),
        ("return per episode", [e.reward for e in scored]),
        ("seconds per episode", [e.wall_s for e in scored]),
    ]
    return [histogram(values, label) for label, values in candidates if len(set(values)) > 1]
