"""Coq: how statements are written, which proofs are tried, and what its checker reports."""

from __future__ import annotations

import re

from quintain.rewards.verification.assistants import AssistantBackend, Theorem
from quintain.rewards.verification.checker_process import Checked, CheckerLimits
from quintain.rewards.verification.expressions import Expression, Relation, Unreadable
from quintain.rewards.verification.statements import Language, Statement

__all__ = ["CoqDialect", "coq_backend"]

_THEOREM = re.compile(
    r"\s*(?:Theorem|Lemma)\s+[\w']+(?P<rest>.*?)\.\s*(?:Proof\.\s*)?(?:Admitted|admit)\.\s*", re.DOTALL
)
_SIGNS = {"=": "==", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class CoqDialect:
    """Theorems over the rational numbers, for the tactics of Coq's standard library."""

    language: Language = "coq"
    suffix = ".v"
    header = "Require Import QArith Lqa Field Psatz ZArith Lia.\nOpen Scope Q_scope.\n"
    portfolio: tuple[str, ...] = (
        "vm_compute; repeat split; reflexivity",
        "intros; lra",
        "intros; nra",
        "intros; lia",
        "intros; field",
    )
    refutations: tuple[str, ...] = ("intros; lra", "intros; discriminate", "intros; contradiction")
    restatement = "intros; assumption"
    falsehood = "False"
    true_goal = "True"
    true_goal_shown = "(1 + 1 == 2)"
    false_goal = "(1 + 1 == 3)"
    #: Gaps, axioms and commands; a proof is one sentence or several, and ends nothing.
    forbidden = re.compile(
        r"\b(?:Admitted|admit|give_up|Axiom|Axioms|Parameter|Parameters|Hypothesis|Variable|Variables|Conjecture|Qed|"
        r"Defined|Save|Abort|Theorem|Lemma|Definition|Fixpoint|Ltac|Ltac2|Notation|Module|Section|End|Require|Import|Load|"
        r"Declare|Extraction|Redirect|Set|Unset|Print|Check|Eval|Compute|bypass_check)\b|\(\*"
    )

    def render(self, statement: Statement) -> Theorem:
        """Write relations over the rational numbers."""
        names = sorted(frozenset[str]().union(*(r.names() for r in (*statement.hypotheses, *statement.goals))))
        binders = [f"({' '.join(names)} : Q)"] if names else []
        binders += [f"(h{k} : {_relation(given)})" for k, given in enumerate(statement.hypotheses)]
        return Theorem(" ".join(binders), " /\\ ".join(map(_relation, statement.goals)))

    def read(self, text: str) -> Theorem:
        """Read ``Theorem NAME BINDERS : GOAL. Proof. Admitted.``."""
        match = _THEOREM.fullmatch(text)
        depth = 0
        for at, mark in enumerate(match["rest"] if match else ""):
            depth += (mark in "([{") - (mark in ")]}")
            if mark == ":" and depth == 0 and match:
                return Theorem(match["rest"][:at].strip(), match["rest"][at + 1 :].strip())
        raise Unreadable("expected one theorem that ends with Admitted")

    def program(self, name: str, theorem: Theorem, proof: str | None) -> str:
        """Return the file."""
        body = "Admitted" if proof is None else f"{proof.strip().rstrip('.')}.\nQed"
        return (
            f"{self.header}Theorem {name} {theorem.binders} : {theorem.goal}.\nProof.\n{body}.\n"
            f"Print Assumptions {name}.\n"
        )

    def accepts(self, name: str, checked: Checked, *, gap: bool) -> bool:
        """Whether Coq passed the file, and the theorem itself is the only axiom, or there is none."""
        if checked.code != 0 or "Error:" in checked.output:
            return False
        if gap:
            return "Axioms:" in checked.output and f"{name} :" in checked.output
        return "Closed under the global context" in checked.output and "Axioms:" not in checked.output


def coq_backend(command: str = "coqc -q", wall_s: float = 60.0, memory_gb: float = 10.0) -> AssistantBackend:
    """Return the backend ``coq``.

    Args:
        command: The checker, with its arguments separated by spaces. Default: ``"coqc -q"``.
        wall_s: Wall time of one run, in seconds, > 0. Default: 60.
        memory_gb: Address space of one run, in GB, > 0. Default: 10.

    Raises:
        CapabilityError: If Coq is not installed or does not work.
    """
    return AssistantBackend(CoqDialect(), command.split(), limits=CheckerLimits(wall_s, memory_gb))


def _relation(relation: Relation) -> str:
    left, right = _expression(relation.left), _expression(relation.right)
    if relation.sign == "!=":
        return f"(~ {left} == {right})"
    if relation.sign == "≈":
        raise Unreadable("rounding is not expressed in Coq")
    return f"({left} {_SIGNS[relation.sign]} {right})"


def _expression(node: Expression) -> str:
    if node.kind == "number":
        return f"({node.value.numerator} # {node.value.denominator})"
    if node.kind == "name":
        return node.name
    if node.kind == "negative":
        return f"(- {_expression(node.parts[0])})"
    if node.kind == "^":
        exponent = node.parts[1].evaluate()
        if exponent.denominator != 1:
            raise Unreadable("an exponent must be an integer")
        return f"({_expression(node.parts[0])} ^ ({exponent})%Z)"
    return f"({_expression(node.parts[0])} {node.kind} {_expression(node.parts[1])})"
