"""Counters of a server, in the text format of Prometheus, and its log: one JSON object a line."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

from quintain.redaction import redact

__all__ = ["LOGGER", "Metrics", "log_event"]

LOGGER = logging.getLogger("quintain.serving")

_HELP = {
    "sessions_opened_total": "Sessions that were opened.",
    "sessions_refused_total": "Connections that were refused, by reason.",
    "leases_expired_total": "Sessions that were ended because no message came.",
    "resets_total": "Episodes that were begun.",
    "steps_total": "Steps that were executed.",
    "episodes_total": "Episodes that reached their end, by ending.",
    "errors_total": "Error frames that were sent, by code.",
    "env_seconds_total": "Time spent waiting for resets and steps of environments, in seconds.",
}


class Metrics:
    """Counts what a server does.

    Example:
        >>> metrics = Metrics()
        >>> metrics.add("errors_total", code="EXECUTION_ERROR")
        >>> [line for line in metrics.text({}).splitlines() if line.startswith("quintain_errors")]
        ['quintain_errors_total{code="EXECUTION_ERROR"} 1']
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Increase a counter.

        Args:
            name: Its name, without the prefix ``quintain_``.
            amount: Increase, >= 0.
            labels: Its labels, such as ``code="EXECUTION_ERROR"``.
        """
        self._counts[name, tuple(labels.items())] += amount  # type: ignore[assignment]  # counters may be floats

    def value(self, name: str, **labels: str) -> float:
        """Return the present value of a counter."""
        return self._counts[name, tuple(labels.items())]

    def text(self, gauges: Mapping[str, float]) -> str:
        """Return all counters, and the given present values, in the text format of Prometheus."""
        lines = []
        for name, value in gauges.items():
            lines += [f"# TYPE quintain_{name} gauge", f"quintain_{name} {value:g}"]
        for name, text in _HELP.items():
            found = [(labels, value) for (own, labels), value in self._counts.items() if own == name]
            lines += [f"# HELP quintain_{name} {text}", f"# TYPE quintain_{name} counter"]
            for labels, value in found or [((), 0)]:
                shown = ",".join(f'{key}="{part}"' for key, part in labels)
                lines.append(f"quintain_{name}{{{shown}}} {value:g}" if shown else f"quintain_{name} {value:g}")
        return "\n".join(lines) + "\n"


def log_event(event: str, level: int = logging.INFO, **facts: Any) -> None:
    """Log one event as a JSON object; known secrets are masked.

    Args:
        event: What happened, such as ``"session opened"``.
        level: Level of the log record.
        facts: JSON-able facts.
    """
    if LOGGER.isEnabledFor(level):
        LOGGER.log(level, redact(json.dumps({"event": event, **facts}, default=str)))
