"""Lean 4: how statements are written, which proofs are tried, and what its checker reports."""

from __future__ import annotations

import os
import re
from pathlib import Path

from quintain.rewards.verification.assistants import AssistantBackend, Theorem
from quintain.rewards.verification.checker_process import Checked, CheckerLimits
from quintain.rewards.verification.expressions import Expression, Relation, Unreadable
from quintain.rewards.verification.statements import Language, Statement

__all__ = ["LeanDialect", "lean_backend"]

_GAP = re.compile(r"declaration uses '?`?sorry")
_AXIOMS = re.compile(r"'(?P<name>\w+)' (?:depends on axioms: \[(?P<axioms>[^\]]*)\]|does not depend on any axioms)")
_USUAL = {"propext", "Classical.choice", "Quot.sound"}
_THEOREM = re.compile(r"\s*theorem\s+[\w.']+(?P<rest>.*):=\s*(?:by\s+)?sorry\s*", re.DOTALL)
_SIGNS = {"=": "=", "!=": "≠", "<": "<", "<=": "≤", ">": ">", ">=": "≥"}


class LeanDialect:
    """Theorems over the rational numbers, with Mathlib or without.

    Args:
        mathlib: Whether Mathlib is imported; without it only closed statements have a chance.
    """

    language: Language = "lean"
    suffix = ".lean"
    restatement = "assumption"
    falsehood = "False"
    true_goal = "True"
    true_goal_shown = "(1 : Nat) + 1 = 2"
    false_goal = "(1 : Nat) + 1 = 3"
    #: Gaps, axioms, compilers as proofs, commands, options and meta programs.
    forbidden = re.compile(
        r"\b(?:sorry|admit|axiom|native_decide|ofReduceBool|unsafe|implemented_by|extern|macro|syntax|elab|notation|"
        r"run_cmd|run_tac|run_elab|initialize|set_option|open|import|theorem|lemma|def|abbrev|instance|namespace|section|"
        r"end|IO|opaque|attribute|deriving|structure|inductive|class|mutual|universe|variable|eval|csimp|by_elab|include_str|dbg_trace|stop)\b|#|@\[|--|/-"
    )

    def __init__(self, mathlib: bool = False) -> None:
        self.header = "import Mathlib\n" if mathlib else ""
        richer = ("norm_num", "linarith", "nlinarith", "field_simp; ring", "norm_num at *; linarith") if mathlib else ()
        self.portfolio = ("decide", "omega", "simp_all", *richer)
        self.refutations = ("simp_all", "omega", "contradiction", *(("linarith", "norm_num at *") if mathlib else ()))

    def render(self, statement: Statement) -> Theorem:
        """Write relations over the rational numbers."""
        names = sorted(frozenset[str]().union(*(r.names() for r in (*statement.hypotheses, *statement.goals))))
        binders = [f"({' '.join(names)} : Rat)"] if names else []
        binders += [f"(h{k} : {_relation(given)})" for k, given in enumerate(statement.hypotheses)]
        return Theorem(" ".join(binders), " ∧ ".join(map(_relation, statement.goals)))

    def read(self, text: str) -> Theorem:
        """Read ``theorem NAME BINDERS : GOAL := by sorry``."""
        match = _THEOREM.fullmatch(text)
        if match is None:
            raise Unreadable("expected one theorem that ends with := by sorry")
        depth = 0
        for at, mark in enumerate(match["rest"]):
            depth += (mark in "([{⟨") - (mark in ")]}⟩")
            if mark == ":" and depth == 0:
                return Theorem(match["rest"][:at].strip(), match["rest"][at + 1 :].strip())
        raise Unreadable("the theorem has no goal")

    def program(self, name: str, theorem: Theorem, proof: str | None) -> str:
        """Return the file."""
        body = "  sorry" if proof is None else "\n".join(f"  {line}" for line in proof.splitlines())
        return f"{self.header}theorem {name} {theorem.binders} : {theorem.goal} := by\n{body}\n#print axioms {name}\n"

    def accepts(self, name: str, checked: Checked, *, gap: bool) -> bool:
        """Whether Lean passed the file with one gap, or with none and the usual axioms alone."""
        gaps = len(_GAP.findall(checked.output))
        if checked.code != 0 or "error:" in checked.output or gaps != int(gap):
            return False
        reports = [match for match in _AXIOMS.finditer(checked.output) if match["name"] == name]
        if len(reports) != 1:
            return False
        axioms = {axiom.strip() for axiom in (reports[0]["axioms"] or "").split(",") if axiom.strip()}
        return gap or axioms <= _USUAL


def lean_backend(
    command: str = "lean", project: str | os.PathLike[str] | None = None, wall_s: float = 60.0, memory_gb: float = 10.0
) -> AssistantBackend:
    """Return the backend ``lean``.

    Args:
        command: The checker, with its arguments separated by spaces, such as ``"lake env lean"``. Default: ``"lean"``.
        project: Folder of a Lean project that has Mathlib; ``None`` for Lean alone. Default: ``None``.
        wall_s: Wall time of one run, in seconds, > 0. Default: 60 (paper).
        memory_gb: Address space of one run, in GB, > 0. Default: 10 (paper).

    Raises:
        CapabilityError: If Lean is not installed or does not work.
    """
    folder = None if project is None else Path(project)
    limits = CheckerLimits(wall_s, memory_gb)
    return AssistantBackend(LeanDialect(mathlib=folder is not None), command.split(), folder=folder, limits=limits)


def _relation(relation: Relation) -> str:
    if relation.sign == "≈":
        raise Unreadable("rounding is not expressed in Lean")
    return f"{_expression(relation.left)} {_SIGNS[relation.sign]} {_expression(relation.right)}"


def _expression(node: Expression) -> str:
    if node.kind == "number":
        numerator, denominator = node.value.numerator, node.value.denominator
        return f"({numerator} : Rat)" if denominator == 1 else f"(({numerator} : Rat) / {denominator})"
    if node.kind == "name":
        return node.name
    if node.kind == "negative":
        return f"(-{_expression(node.parts[0])})"
    if node.kind == "^":
        exponent = node.parts[1].evaluate()
        if exponent.denominator != 1 or exponent < 0:
            raise Unreadable("an exponent must be a natural number")
        return f"({_expression(node.parts[0])} ^ {exponent})"
    return f"({_expression(node.parts[0])} {node.kind} {_expression(node.parts[1])})"
