"""The result of an audit: one row for each question that was asked, with severity and the shortest reproduction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from quintain.json_text import to_json
from quintain.redaction import redact

__all__ = ["SEVERITIES", "AuditReport", "Row", "Severity", "Verdict"]

#: ``fault``: the environment breaks its contract. ``note``: something that users should know and that may be meant.
#: ``skip``: the question does not apply, or could not be asked.
Verdict = Literal["pass", "fault", "note", "skip"]
#: ``high``: results are wrong or not reproducible. ``medium``: some results are. ``low``: an inconvenience.
Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")


@dataclass(frozen=True)
class Row:
    """The answer to one question. Known secrets and passwords in URLs are masked in what it says.

    Attributes:
        question: What was asked, such as ``"seed honoured"``.
        verdict: The answer.
        detail: What was found.
        severity: How much it matters; of faults only.
        reproduction: The shortest Python program, or command, that shows a fault; else empty.
    """

    question: str
    verdict: Verdict
    detail: str = ""
    severity: Severity | None = None
    reproduction: str = ""

    def __post_init__(self) -> None:
        for name in ("detail", "reproduction"):
            object.__setattr__(self, name, redact(getattr(self, name)))


@dataclass
class AuditReport:
    """What an audit found.

    Attributes:
        target: What was audited, as it was named.
        kind: ``"gymnasium"``, ``"pettingzoo"``, ``"openenv"`` or ``"reasoning-gym"``.
        rows: The answers, in the order of the questions.
        facts: Versions of libraries, and figures such as the time of a step.
        cpu_s: CPU time of the audit in this process, in seconds.
    """

    target: str
    kind: str
    rows: list[Row] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    cpu_s: float = 0.0

    @property
    def faults(self) -> list[Row]:
        """The rows that are faults, the most severe ones first."""
        found = [row for row in self.rows if row.verdict == "fault"]
        return sorted(found, key=lambda row: SEVERITIES.index(row.severity or "low"))

    @property
    def ok(self) -> bool:
        """Whether there is no fault."""
        return not self.faults

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-able data."""
        rows = [{"question": row.question, "verdict": row.verdict, "severity": row.severity, "detail": row.detail,
                 "reproduction": row.reproduction} for row in self.rows]  # fmt: skip
        return {
            "target": self.target, "kind": self.kind, "ok": self.ok, "rows": rows, "facts": self.facts,
            "cpu_s": round(self.cpu_s, 2),
        }  # fmt: skip

    def to_json(self) -> str:
        """Return the report as one line of JSON."""
        return to_json(self.as_dict())

    def counts(self) -> Mapping[str, int]:
        """Return the number of rows by verdict."""
        return {
            verdict: sum(row.verdict == verdict for row in self.rows) for verdict in ("pass", "fault", "note", "skip")
        }

    def __str__(self) -> str:
        counts = ", ".join(f"{number} {verdict}" for verdict, number in self.counts().items())
        lines = [f"{self.target} ({self.kind}): {counts}"]
        for row in self.rows:
            severity = f" [{row.severity}]" if row.severity else ""
            lines.append(f"  {row.verdict:5} {row.question}{severity}" + (f": {row.detail}" if row.detail else ""))
        return "\n".join(lines)
