"""What all pages share: the template with its content security policy, and the format of numbers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import Any

from quintain.errors import require
from quintain.evaluation.interval import number as write_number
from quintain.evaluation.statistics import Interval
from quintain.evaluation.visible import visible

__all__ = ["bounds", "csp_hash", "fill", "markup", "number", "place", "scale"]


_SHARED = "quintain.evaluation.html"


def fill(
    name: str,
    *,
    package: str = _SHARED,
    styles: Sequence[str] = (),
    script: str = "",
    loads: bool = False,
    **values: Any,
) -> str:
    """Render a template that extends ``frame.html``.

    Values are escaped and shown literally, except those from :func:`markup`. The content security policy allows no
    script except ``script``.

    Args:
        name: File name of the template.
        package: Package whose folder ``templates`` holds the template, its style sheets and its script; the template
            may extend and include those of ``quintain.evaluation.html``.
        styles: File names of style sheets in that folder, which follow ``report.css``.
        script: File name of the only script that may run; empty for none.
        loads: Whether this script may load others (``'strict-dynamic'``).
        values: Variables of the template.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
    """
    jinja2: Any = require("jinja2", "report", "report.html")
    loader = jinja2.ChoiceLoader([jinja2.PackageLoader(home) for home in dict.fromkeys((package, _SHARED))])
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": number, "bounds": bounds, "place": place}
    environment.finalize = lambda value: visible(value) if type(value) is str else value
    sheets = [(_SHARED, "report.css"), *((package, sheet) for sheet in styles)]
    style = "".join(_read(home, sheet) for home, sheet in sheets)
    code = _read(package, script) if script else ""
    page = environment.get_template(name).render(
        style=markup(style), script=markup(code), script_hash=csp_hash(code) if code else "", loads=loads, **values
    )
    return str(page)


def _read(package: str, name: str) -> str:
    return (resources.files(package) / "templates" / name).read_text(encoding="utf-8")


def markup(text: str) -> Any:
    """Mark text that this package made as HTML, so that it is not escaped."""
    from markupsafe import Markup

    return Markup(text)


def csp_hash(script: str) -> str:
    """Return the source expression that allows a script in a content security policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def scale(intervals: Sequence[Interval]) -> tuple[float, float]:
    """Return the smallest range that contains zero and all intervals; (0, 1) if that is a single point."""
    ends = [v for i in intervals for v in (i.estimate, i.low, i.high) if v == v]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    return (low, high) if low < high else (0.0, 1.0)


def place(value: float, scale: tuple[float, float]) -> str:
    """Return the position of a value on a scale, in percent of its length."""
    low, high = scale
    return f"{100 * (value - low) / (high - low):.2f}"


def number(value: float | None, kind: str = "mean", more: int = 0) -> str:
    """Format a mean, or a rate in percent, with ``more`` digits than usual; NaN and ``None`` as a dash."""
    return "–" if value is None or value != value else write_number(value, kind, more)


def bounds(interval: Interval, kind: str = "mean") -> str:
    """Format the ends of an interval; NaN as a dash."""
    if interval.low != interval.low:
        return "–"
    return interval.ends(lambda value, more: number(value, kind, more))
