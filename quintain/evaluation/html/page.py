"""``write_report``: the page of a run, which needs nothing but the files that are written with it."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from quintain.errors import ConfigurationError, require
from quintain.evaluation.html.calibration import reliability_diagram, selective_curve
from quintain.evaluation.html.chunks import Chunks
from quintain.evaluation.html.frame import fill, markup, scale
from quintain.evaluation.html.plots import histogram, scatter
from quintain.evaluation.html.provenance import provenance
from quintain.evaluation.html.reproduce import reproduce
from quintain.evaluation.html.transcripts import preamble
from quintain.evaluation.html.videos import video_cards
from quintain.evaluation.report import Report
from quintain.evaluation.results import Results
from quintain.evaluation.summary import (
    Row,
    agreement_rows,
    calibration_rows,
    error_counts,
    metric_rows,
    repeat_rows,
    score_rows,
    split_constants,
    term_rows,
)
from quintain.files import write_atomically

__all__ = ["render", "write_report"]

#: Maximum number of tasks in the page's table and menu.
MAX_TASKS = 1000

_OUTCOMES = {
    "success": "the environment reported success",
    "failure": "ended without success",
    "parse_error": "an answer that could not be read",
    "invalid_action": "an action that is not allowed",
    "finished": "ended; the environment reports no success",
    "error": "an exception or infrastructure failure; not scored",
}


def write_report(run: Report | str | Path, path: str | Path | None = None) -> Path:
    """Write the page of a run.

    The page works offline. It contains the summary, plots, the configuration and every transcript; when the
    transcripts exceed 4 MB, they are kept in compressed files in a folder beside the page (``report_files``), which it
    loads on demand. Text from models is data and never markup: the content security policy allows no script but the
    page's own and those that it loads.

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
    report = run if isinstance(run, Report) else Report.open(run)
    if path is None:
        if report.path is None:
            raise ConfigurationError("this report has no run folder; give a file: path=...")
        path = report.path / "report.html"
    target = Path(path)
    require("jinja2", "report", "report.html")
    chunks = Chunks(target, preamble(report), report.manifest.get("texts"))
    page = _render(report, chunks)
    write_atomically(target, page)
    chunks.remove_stale()
    return target


def render(report: Report) -> str:
    """Return the page of a run as one HTML file with every transcript in it.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
    """
    return _render(report, Chunks(None, preamble(report), report.manifest.get("texts")))


def _render(report: Report, chunks: Chunks) -> str:
    with _no_cycle_collector():
        for episode, line in report.each():
            chunks.add(episode, line)
    index, transcripts = chunks.finish()
    results = report.results
    rows = {
        "scores": [*score_rows(report), *agreement_rows(report), *calibration_rows(report)],
        "terms": term_rows(report),
        "metrics": metric_rows(report),
        "repeats": repeat_rows(report),
    }
    constants: list[Row] = []
    for name in ("terms", "metrics"):
        rows[name], constant = split_constants(rows[name])
        constants += constant
    tasks = list(results.by_task.items())
    return fill(
        "report.html",
        script="report.js",
        loads=not transcripts and results.episodes > 0,
        report=results,
        provenance=provenance(report),
        reproduce=reproduce(report.manifest, results.episodes),
        rows=rows,
        constants=constants,
        paired=False,
        terms=list(results.terms),
        tasks=tasks[:MAX_TASKS],
        more_tasks=len(tasks[MAX_TASKS:]),
        term_scale=scale([row.interval for row in rows["terms"]]),
        outcomes=[(name, n, _OUTCOMES[name]) for name, n in results.outcomes.items() if n],
        meanings=_OUTCOMES,
        errors=error_counts(report),
        places=_places(error_counts(report)),
        videos=video_cards(report),
        plots=[markup(plot) for plot in _plots(results)],
        index=markup(index),
        transcripts=[(number, markup(text)) for number, text in transcripts],
    )


def _places(errors: Sequence[tuple[str, str, int]]) -> list[str]:
    """Say whose failures the errors were, as in "3 in the agent's code"."""
    counts: Counter[str] = Counter()
    for place, _, n in errors:
        counts[place] += n
    return [f"{n:,} {place if place.startswith('infra') else f'in the {place}'}" for place, n in counts.items()]


@contextmanager
def _no_cycle_collector() -> Iterator[None]:
    """Switch the cycle collector off: records hold no cycles, and it takes a third of the time of reading them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _plots(results: Results) -> list[str]:
    candidates: list[tuple[str, Sequence[float]]] = [
        (f"{'turns' if results.text else 'steps'} per episode", results.lengths),
        ("tokens generated per episode", results.tokens),
        ("return per episode", results.rewards),
    ]
    if results.model_seconds:
        candidates.append(("model time per episode (s)", results.model_seconds))
    elif not results.completion_tokens:  # beside a language model, an episode mostly waits for its turn in the batch
        candidates.append(("seconds per episode", results.seconds))
    plots = [histogram(values, label) for label, values in candidates if len(set(values)) > 1]
    if results.calibration is not None:
        plots += [reliability_diagram(results.calibration), selective_curve(results.calibration)]
    if results.is_control:
        plots.insert(0, scatter(results.rewards, "episode", "return"))
    return plots
