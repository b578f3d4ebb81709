"""``write_report``: a run as one page of HTML, with nothing to load and nothing that a transcript could run."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from quintain.errors import ConfigurationError, require
from quintain.evaluation.html.plots import histogram
from quintain.evaluation.html.provenance import provenance
from quintain.evaluation.html.summary import error_counts, metric_rows, score_rows, term_rows
from quintain.evaluation.html.text import visible
from quintain.evaluation.html.transcripts import embed, episode_data, index_data, preamble
from quintain.evaluation.report import Report
from quintain.evaluation.statistics import Interval

__all__ = ["render", "write_report"]

_OUTCOMES = {
    "success": "solved",
    "failure": "ended without success",
    "parse_error": "an answer that could not be read",
    "invalid_action": "an action that is not allowed",
    "finished": "ended; the environment does not judge",
    "error": "infrastructure failed: not scored",
}


def write_report(run: Report | str | Path, path: str | Path | None = None) -> Path:
    """Write the page of a run.

    The page is a single file that works offline and in any folder. It holds the summary, plots, how the run was made,
    and every transcript. Text from models is data in it, never markup: a strict content security policy lets no script
    run but the page's own.

    Args:
        run: A report, or a run folder.
        path: Where to; by default ``report.html`` in the run folder.

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
            raise ConfigurationError("this report has no run folder; say where to write it: path=...")
        path = report.path / "report.html"
    target = Path(path)
    page = render(report)
    # Written aside and renamed, so that nobody ever opens half a page.
    handle, temporary = tempfile.mkstemp(prefix=".report-", suffix=".html", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(page)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return target


def render(report: Report) -> str:
    """Return the page as text.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
    """
    jinja2: Any = require("jinja2", "report", "report.html")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("quintain.evaluation.html"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"number": _number, "bounds": _bounds, "place": _place}
    # Whatever is printed is shown literally; what is marked as markup is our own.
    environment.finalize = lambda value: visible(value) if type(value) is str else value
    files = resources.files("quintain.evaluation.html") / "templates"
    script = files.joinpath("report.js").read_text(encoding="utf-8")
    start = preamble(report)
    indices = [index_data(e, start) for e in report.episodes]
    rows = {"scores": score_rows(report), "terms": term_rows(report), "metrics": metric_rows(report)}
    return str(
        environment.get_template("report.html").render(
            report=report,
            provenance=provenance(report),
            rows=rows,
            term_scale=_scale([row.interval for row in rows["terms"]]),
            outcomes=[(name, n, _OUTCOMES[name]) for name, n in report.outcomes.items() if n],
            meanings=_OUTCOMES,
            errors=error_counts(report),
            plots=[_markup(plot) for plot in _plots(report)],
            style=_markup(files.joinpath("report.css").read_text(encoding="utf-8")),
            script=_markup(script),
            script_hash=_csp_hash(script),
            index=_markup(embed({"preamble": start, "episodes": indices})),
            transcripts=[(e.index, _markup(embed(episode_data(e)))) for e in report.episodes],
        )
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


def _scale(intervals: Sequence[Interval]) -> tuple[float, float]:
    """Return a range that holds zero and every interval."""
    ends = [v for i in intervals for v in (i.estimate, i.low, i.high) if v == v]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    return (low, high) if low < high else (0.0, 1.0)


def _place(value: float, scale: tuple[float, float]) -> str:
    """Return where on a scale a value stands, in percent."""
    low, high = scale
    return f"{100 * (value - low) / (high - low):.2f}"


def _number(value: float | None, kind: str = "mean") -> str:
    if value is None or value != value:
        return "–"
    if kind == "rate":
        return f"{100 * value:.1f}%"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _bounds(interval: Interval, kind: str = "mean") -> str:
    if interval.low != interval.low:
        return "–"
    return f"[{_number(interval.low, kind)}, {_number(interval.high, kind)}]"


def _csp_hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _markup(text: str) -> Any:
    """Mark text as markup of our own making, which autoescaping leaves as it is."""
    from markupsafe import Markup

    return Markup(text)
