"""Formal statements of steps as a data set in the form of FormalStep (Liu et al. 2025), for provers to be tested on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from quintain.errors import RecordError
from quintain.files import write_atomically
from quintain.records import EpisodeRecord
from quintain.rewards.verification.evidence import StepState

__all__ = ["FormalStep", "formal_steps", "read_formal_steps", "write_formal_steps"]


@dataclass(frozen=True, slots=True)
class FormalStep:
    """One step; the first four columns are those of FormalStep.

    Attributes:
        problem_unique_id: Identifier of the problem.
        formal_statement: The statement; empty where there is none.
        state: Value of a :class:`~quintain.rewards.verification.evidence.StepState`.
        level: Level of the problem; empty if not known. Default: empty.
        step: Text of the step. Default: empty.
        proof: The proof; empty without one. Default: empty.
    """

    problem_unique_id: str
    formal_statement: str
    state: str
    level: str = ""
    step: str = ""
    proof: str = ""


def formal_steps(records: Iterable[EpisodeRecord]) -> Iterator[FormalStep]:
    """Yield the steps that agents verified in recorded episodes, each different one of a problem once.

    Args:
        records: Episodes, as :func:`~quintain.records.read_episodes` reads them.
    """
    for record in records:
        problem = str(record.info.get("task_id", record.index))
        seen = set()
        for decision in record.decisions:
            for found in _evidence(decision):
                row = FormalStep(
                    problem,
                    found.get("statement", ""),
                    found["state"],
                    step=found["step"],
                    proof=found.get("proof", "") if found["state"] == StepState.SUCCESS.value else "",
                )
                if row not in seen:
                    seen.add(row)
                    yield row


def _evidence(decision: Any) -> Iterator[dict[str, Any]]:
    for earlier in (*decision.get("history", ()), decision):
        for verified in earlier.get("facts", {}).get("verification", ()):
            yield from verified["steps"]


def write_formal_steps(path: str | os.PathLike[str], steps: Iterable[FormalStep]) -> int:
    """Write steps to a JSONL file, atomically; return their number."""
    lines = [json.dumps(asdict(step), ensure_ascii=False) for step in steps]
    write_atomically(Path(path), "".join(f"{line}\n" for line in lines))
    return len(lines)


def read_formal_steps(path: str | os.PathLike[str]) -> list[FormalStep]:
    """Read a JSONL file with these columns; others are left out, and all but the first three may be missing.

    Raises:
        RecordError: If a line is no object with these columns, or its state is none of the four.
    """
    states, steps = {state.value for state in StepState}, []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            values = {name: str(row[name] or "") for name in FormalStep.__dataclass_fields__ if name in row}
            step = FormalStep(**values)
        except (ValueError, TypeError) as error:
            raise RecordError(f"{os.fspath(path)!r}, line {number}: not a step of a data set: {error}") from error
        if step.state not in states:
            raise RecordError(f"{os.fspath(path)!r}, line {number}: unknown state {step.state!r}")
        steps.append(step)
    return steps
