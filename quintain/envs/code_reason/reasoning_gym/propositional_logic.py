"""Propositional logic: draw a conclusion from premises. Our own generator and verifier.

The library leaves open what counts as a conclusion; here it has to need more than one premise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from operator import and_
from typing import Any, ClassVar, TypeAlias

import numpy as np

from quintain.envs.text.draws import choose, randint, shuffled
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["PropositionalLogic"]

#: A variable's name, ["¬", f], or [connective, f, g].
Formula: TypeAlias = Any

_BINDING = {"↔": 1, "→": 2, "∨": 3, "∧": 4}
_TOKEN = re.compile(r"\s*(<->|<=>|->|=>|[A-Z](?![A-Za-z])|[()¬~!∧&∨|→↔])")
_SAME = {"<->": "↔", "<=>": "↔", "->": "→", "=>": "→", "~": "¬", "!": "¬", "&": "∧", "|": "∨"}
_MAX_TOKENS = 120


@dataclass(frozen=True)
class PropositionalLogic(Task[Formula]):
    """A formula is right if it follows from the premises together, but from no single one of them.

    This rules out tautologies and repeated premises. Connectives may be written ¬ ∧ ∨ → ↔ or ~ & | -> <->; ¬ binds
    tightest, then ∧, ∨, → (to the right), ↔.

    Attributes:
        variables: Number of variables, in [2, 6]. Default: 4.
        premises: Number of premises, in [2, 6]. Default: 3.
    """

    LEVELS: ClassVar = {"easy": {"variables": 3, "premises": 2}, "hard": {"variables": 5, "premises": 5}}

    variables: int = 4
    premises: int = 3

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.variables <= 6, "variables in [2, 6]")
        expect(2 <= self.premises <= 6, "premises in [2, 6]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Draw premises that can all be true until a simple formula is a conclusion."""
        names = "PQRSTU"[: self.variables]
        while True:
            premises = [_draw(rng, names, randint(rng, 1, 2)) for _ in range(self.premises)]
            data = {"variables": names, "premises": premises}
            if reduce(and_, (_table(premise, names) for premise in premises)):
                conclusion = _conclude(data)
                if conclusion is not None:
                    break
        listed = "\n".join(f"{i}. {_write(premise)}" for i, premise in enumerate(premises, 1))
        prompt = (
            f"Given these premises:\n{listed}\n"
            "Give a conclusion: a formula that follows from all premises together, but from no single one of them "
            "(so it is neither a tautology nor a premise said again). Use the premises' variables, brackets, and ¬ "
            "(not), ∧ (and), ∨ (or), → (implies), ↔ (if and only if). Write it as <<<formula>>>."
        )
        return Problem(prompt, _write(conclusion), data)

    def parse(self, text: str) -> Formula:
        """Read a formula."""
        return _parse(text)

    def render(self, value: Formula) -> str:
        """Write a formula with brackets around every pair but the outermost."""
        return _write(value)

    def check(self, problem: Problem, value: Formula) -> str:
        """Decide by truth tables."""
        return _complaint(problem.data, value)

    def solve(self, problem: Problem) -> str:
        """Try literals, then pairs of literals."""
        return _write(_conclude(problem.data))


def _draw(rng: np.random.Generator, names: str, depth: int) -> Formula:
    if depth == 0:
        name = choose(rng, names)
        return ["¬", name] if rng.random() < 0.3 else name
    left, right = _draw(rng, names, depth - 1), _draw(rng, names, 0)
    return [choose(rng, list(_BINDING)), *shuffled(rng, [left, right])]


def _table(formula: Formula, names: str) -> int:
    """Give a formula's truth table: bit w is its value in world w, where bit i of w is the value of variable i."""
    everywhere = (1 << (1 << len(names))) - 1
    if isinstance(formula, str):
        i = names.index(formula)
        return sum(1 << world for world in range(1 << len(names)) if world >> i & 1)
    if formula[0] == "¬":
        return everywhere & ~_table(formula[1], names)
    a, b = _table(formula[1], names), _table(formula[2], names)
    return everywhere & {"∧": a & b, "∨": a | b, "→": ~a | b, "↔": ~(a ^ b)}[formula[0]]


def _variables(formula: Formula) -> set[str]:
    return {formula} if isinstance(formula, str) else set().union(*map(_variables, formula[1:]))


def _complaint(data: Mapping[str, Any], formula: Formula) -> str:
    if not _variables(formula) <= set(data["variables"]):
        return f"the variables are {', '.join(data['variables'])}"
    names = data["variables"]
    return _judge(_table(formula, names), [_table(premise, names) for premise in data["premises"]])


def _judge(conclusion: int, premises: Sequence[int]) -> str:
    if reduce(and_, premises) & ~conclusion:
        return "it does not follow from the premises"
    for i, premise in enumerate(premises, 1):
        if not premise & ~conclusion:
            return f"it follows from premise {i} alone"
    return ""


def _conclude(data: Mapping[str, Any]) -> Formula | None:
    names = data["variables"]
    premises = [_table(premise, names) for premise in data["premises"]]
    candidates = ((formula, table) for formula, table in _candidates(names) if not _judge(table, premises))
    return next(candidates, (None, 0))[0]


@cache
def _candidates(names: str) -> list[tuple[Formula, int]]:
    """List literals and pairs of literals with their truth tables."""
    literals: list[Formula] = [item for name in names for item in (name, ["¬", name])]
    pairs = [[c, a, b] for c in ("∧", "→", "↔", "∨") for a in literals for b in literals if a != b]
    return [(formula, _table(formula, names)) for formula in (*literals, *pairs)]


def _write(formula: Formula, *, outermost: bool = True) -> str:
    if isinstance(formula, str):
        return formula
    if formula[0] == "¬":
        return "¬" + _write(formula[1], outermost=False)
    text = f"{_write(formula[1], outermost=False)} {formula[0]} {_write(formula[2], outermost=False)}"
    return text if outermost else f"({text})"


def _parse(text: str) -> Formula:
    """Read a formula with two stacks, so that no depth of brackets is a depth of recursion; the result is bounded."""
    tokens: list[str] = []
    position = 0
    text = text.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or len(tokens) >= _MAX_TOKENS:
            raise Malformed("expected a formula of variables, brackets and ¬ ∧ ∨ → ↔")
        tokens.append(_SAME.get(match[1], match[1]))
        position = match.end()
    formulas: list[Formula] = []
    waiting: list[str] = []

    def apply(until: int) -> None:
        while waiting and waiting[-1] != "(" and (_BINDING.get(waiting[-1], 9) > until):
            connective = waiting.pop()
            if connective == "¬":
                formulas.append(["¬", formulas.pop()])
            else:
                right = formulas.pop()
                formulas.append([connective, formulas.pop(), right])

    wants_operand = True
    for token in tokens:
        if wants_operand != (token.isalpha() or token in "(¬"):
            raise Malformed("expected connectives between formulas")
        if token.isalpha():
            formulas.append(token)
            wants_operand = False
        elif token in "(¬":
            waiting.append(token)
        elif token == ")":
            apply(0)
            if not waiting:
                raise Malformed("expected balanced brackets")
            waiting.pop()
        else:
            # → binds to the right: an equal connective before it waits.
            apply(_BINDING[token] if token == "→" else _BINDING[token] - 1)
            waiting.append(token)
            wants_operand = True
    if wants_operand or "(" in waiting:
        raise Malformed("expected a complete formula")
    apply(0)
    return formulas[0]
