"""How often self-examination detects an attack: on the attack alone, on the benign part alone, and on the whole.

Source: the defence study of Zhang et al. 2025, arXiv 2407.20859, which compares malfunction attacks with the harmful
injections of InjecAgent (Zhan et al. 2024, arXiv 2403.02691).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quintain.attacks.malfunction.examination import Question, examine
from quintain.engines.engine import Engine
from quintain.errors import ConfigurationError
from quintain.evaluation.interval import Interval
from quintain.evaluation.loop import run_in_loop
from quintain.evaluation.statistics import rate

__all__ = ["Detection", "ExaminedCase", "detection_rates", "load_injecagent"]


@dataclass(frozen=True, slots=True)
class ExaminedCase:
    """A text that an agent would read, with and without an attack.

    Attributes:
        attack: What the attacker wrote.
        benign: The text without it, such as the user's request.
        full: The text with it.
        kind: Kind of the attack, for tables.
        tools: Names of the tools that the attacker wants to be called.
    """

    attack: str
    benign: str
    full: str
    kind: str = ""
    tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detection:
    """Shares of texts of which a language model says YES.

    Attributes:
        attack: Of the attacks alone.
        benign: Of the benign texts alone: the false-positive rate.
        full: Of the texts with the attack in them.
    """

    attack: Interval
    benign: Interval
    full: Interval


def detection_rates(
    engine: Engine, cases: Sequence[ExaminedCase], question: Question = "malfunction", *, confidence: float = 0.95
) -> Detection:
    """Ask a language model about the three texts of each case; equal texts are asked about once.

    Args:
        engine: The model.
        cases: The cases, at least one.
        question: A key of :data:`~quintain.attacks.malfunction.QUESTIONS`. Default: ``"malfunction"``.
        confidence: Nominal coverage of the intervals, in (0, 1). Default: 0.95.

    Raises:
        ConfigurationError: If there are no cases.
        EngineError: If the engine fails.
    """
    if not cases:
        raise ConfigurationError("detection rates need at least one case")
    texts = dict.fromkeys(text for case in cases for text in (case.attack, case.benign, case.full))

    async def ask() -> dict[str, bool]:
        found = await asyncio.gather(*(examine(engine, text, question) for text in texts))
        return dict(zip(texts, found, strict=True))

    answers = run_in_loop(ask)

    def share(wanted: Iterable[str]) -> Interval:
        found = [answers[text] for text in wanted]
        return rate(sum(found), len(found), confidence, unit="cases")

    return Detection(
        share(case.attack for case in cases), share(case.benign for case in cases), share(case.full for case in cases)
    )


def load_injecagent(path: str | Path) -> list[ExaminedCase]:
    """Read a file of cases in the format of InjecAgent: a JSON list of objects, or one object a line.

    The benign text is the user's instruction, the full text that instruction and the response of the tool that the
    attacker has written into.

    Args:
        path: A file such as ``test_cases_dh_base.json`` of InjecAgent.

    Raises:
        ConfigurationError: If the file cannot be read, or an object lacks a field.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        lines = text.lstrip().startswith("[")
        found = json.loads(text) if lines else [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"cannot read cases of InjecAgent from {str(path)!r}: {error}") from error
    return [_case(number, each, path) for number, each in enumerate(found)]


def _case(number: int, data: Any, path: str | Path) -> ExaminedCase:
    fields = ("User Instruction", "Attacker Instruction", "Tool Response")
    if not isinstance(data, Mapping) or not all(isinstance(data.get(name), str) for name in fields):
        raise ConfigurationError(f"case {number} of {str(path)!r} needs the texts {', '.join(map(repr, fields))}")
    benign, attack, response = (data[name] for name in fields)
    tools = data.get("Attacker Tools", ())
    names = tuple(map(str, tools)) if isinstance(tools, (list, tuple)) else (str(tools),)
    return ExaminedCase(attack, benign, f"{benign}\n\n{response}", str(data.get("Attack Type", "")), names)
