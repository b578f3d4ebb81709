"""Four habits of searching for an expression: a teacher that shows them, and counters that find them.

Gandhi et al. 2025 (arXiv 2503.01307) prime language models with traces that show some of four behaviours, then train
them by reinforcement learning on Countdown: verification, backtracking, subgoal setting and backward chaining. Their
teacher is a language model and their counter another one. Here both are written for the miniature task
``mini_countdown``, so that what a trace shows is known exactly.

========================  ==============================================================  ====================
behaviour                 as it is written                                                counted
========================  ==============================================================  ====================
verification              ``(3+4)*2=7*2=14 vs 25 no``                                     ``vs``
backtracking              another attempt, on a line of its own                           attempts - 1
subgoal setting           ``aim 18: (3*6)+7=18+7=25``                                     ``aim``
backward chaining         ``25-7=18: (3*6)+7=18+7=25``                                    equation before ``:``
========================  ==============================================================  ====================
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from quintain.envs.code_reason.miniature._expressions import Expression, expressions

__all__ = ["BEHAVIOURS", "KINDS", "TraceStyle", "count_behaviours", "countdown_of", "write_trace"]

#: The four behaviours.
BEHAVIOURS = ("verification", "backtracking", "subgoal", "backward")


@dataclass(frozen=True, slots=True)
class TraceStyle:
    """Which behaviours a trace shows.

    Attributes:
        verification: Whether each attempt is compared with the target.
        backtracking: Whether a failed attempt is followed by another one.
        subgoal: Whether attempts aim at an intermediate value first.
        backward: Whether attempts begin with an equation from the target back.
        give_up: Probability of stopping after each failed attempt, in [0, 1].
        attempts: Maximum number of attempts, >= 1.
        max_value: Maximum value that is written, >= 1.
    """

    verification: bool = False
    backtracking: bool = False
    subgoal: bool = False
    backward: bool = False
    give_up: float = 0.3
    attempts: int = 12
    max_value: int = 60


#: The kinds of priming of the paper; ``"all_strategies"`` shows one of the two ways to plan in each attempt.
KINDS: Mapping[str, TraceStyle] = {
    "all_strategies": TraceStyle(verification=True, backtracking=True, subgoal=True, backward=True),
    "only_backtracking": TraceStyle(backtracking=True),
    "backtracking_verification": TraceStyle(backtracking=True, verification=True),
    "backtracking_backward": TraceStyle(backtracking=True, backward=True),
    "backtracking_subgoal": TraceStyle(backtracking=True, subgoal=True),
    "negative_control": TraceStyle(),
}


def write_trace(rng: np.random.Generator, numbers: Sequence[int], target: int, style: TraceStyle) -> str:
    """Return a search for an expression, and the last attempt as the answer, right or wrong.

    Without backtracking it is one attempt. Values are tried at most once, in random order.

    Args:
        rng: Generator of the attempts.
        numbers: The numbers, each of which an expression uses once.
        target: The value that the expression must have.
        style: What the trace shows.
    """
    lines: list[str] = []
    answer = ""
    for attempt in _attempts(rng, numbers, style.max_value)[: style.attempts if style.backtracking else 1]:
        found = attempt.value == target
        parts = [*_plan(rng, attempt, target, style), attempt.worked]
        if style.verification:
            parts.append(f"vs {target} {'yes' if found else 'no'}")
        lines.append(" ".join(parts))
        answer = attempt.text
        if found or rng.random() < style.give_up:
            break
    return "\n".join([*lines, f"<<<{answer}>>>"])


def countdown_of(question: str) -> tuple[list[int], int]:
    r"""Return the numbers and the target of a question of ``mini_countdown``.

    Example:
        >>> countdown_of("3 4 7 to 25\n<<<expression>>>")
        ([3, 4, 7], 25)
    """
    numbers, target = question.split("\n")[0].split(" to ")
    return [int(number) for number in numbers.split()], int(target)


def _attempts(rng: np.random.Generator, numbers: Sequence[int], max_value: int) -> list[Expression]:
    """Return one expression for each value that the numbers can make, in random order."""
    every = expressions(numbers, max_value)
    by_value = {every[k].value: every[k] for k in rng.permutation(len(every)).tolist()}
    shuffled = list(by_value.values())
    return [shuffled[k] for k in rng.permutation(len(shuffled)).tolist()]


def _plan(rng: np.random.Generator, attempt: Expression, target: int, style: TraceStyle) -> list[str]:
    """Return what the attempt is planned by: the value that its first operator would have to make, if there is one."""
    if not (style.subgoal or style.backward):
        return []
    operator, last = re.fullmatch(r"\d+([-+*/])(\d+)=\d+", attempt.steps[-1]).groups()  # type: ignore[union-attr]
    needed, equation = _backwards(target, operator, int(last))
    if needed is None or needed > style.max_value:
        return []
    backward = style.backward and (not style.subgoal or rng.random() < 0.5)
    return [f"{equation}:"] if backward else [f"aim {needed}:"]


def _backwards(target: int, operator: str, last: int) -> tuple[int | None, str]:
    """Return what must come before ``operator last`` to make the target, and the equation that says so."""
    undone = {"+": "-", "-": "+", "*": "/", "/": "*"}[operator]
    needed = {
        "-": target - last if target >= last else None,
        "+": target + last,
        "/": target // last if last and target % last == 0 else None,
        "*": target * last,
    }[undone]
    return needed, f"{target}{undone}{last}={needed}"


_EQUATION = r"\d+[-+*/]\d+=\d+"
_BACKWARD = re.compile(rf"^{_EQUATION}:")
_SUBGOAL = re.compile(r"\baim \d+")
_VERDICT = re.compile(r"\bvs \d+")
#: A line that tries something: with an equation that is no plan.
_ATTEMPT = re.compile(rf"(?:^|[: =]){_EQUATION}(?![\d:])")


def count_behaviours(reply: str) -> dict[str, int]:
    r"""Return how often each behaviour is shown in a reply, whatever else it holds.

    Example:
        >>> count_behaviours("aim 18: (3*4)+7=12+7=19 vs 25 no\n(7*4)-3=28-3=25 vs 25 yes\n<<<(7*4)-3>>>")
        {'verification': 2, 'backtracking': 1, 'subgoal': 1, 'backward': 0}
    """
    lines = [line for line in reply.split("\n") if not line.startswith("<<<")]
    attempts = sum(_ATTEMPT.search(line) is not None for line in lines)
    return {
        "verification": sum(len(_VERDICT.findall(line)) for line in lines),
        "backtracking": max(0, attempts - 1),
        "subgoal": sum(len(_SUBGOAL.findall(line)) for line in lines),
        "backward": sum(_BACKWARD.search(line) is not None for line in lines),
    }
