"""What a scorer returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of scoring one reply.

    Attributes:
        value: Share of the full score, in [0, 1]; 1 counts as success. ``None`` if the reply was not judged, as after a
            malformed verdict of a judge.
        answer: What was taken as the answer; ``None`` if the reply has none.
        detail: Why the value is below 1; empty for none. Default: ``""``.
        malformed: Whether the reply has no answer of the required form, which is the outcome ``parse_error``. Default:
            false.
        info: Further facts, added to the ``info`` of the step.
    """

    value: float | None
    answer: str | None = None
    detail: str = ""
    malformed: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)
