"""A language model as formaliser and as prover for Lean 4. The prompts and their examples are our own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from quintain.arguments import check_number
from quintain.messages import Message, system, user
from quintain.rewards.verification.formaliser import Ask, Formalisation
from quintain.rewards.verification.statements import Statement

__all__ = ["ModelFormaliser", "ModelProofs"]

_FORMALISE = """\
You turn one step of a solution into a theorem of Lean 4 whose truth supports the step. Rules:
- Check every numerical operation of the step. Take what the question and the earlier steps say as hypotheses.
- Do not formalise later steps, and do not prove the theorem: end it with ":= by sorry".
- Use Lean 4 with Mathlib. Use the real numbers where there is a subtraction or a division.
- If the step asserts nothing that mathematics could check, reply with the single word False.

Question: Tom has 3 boxes of 4 pens and loses 2. How many pens are left?
Earlier steps: (none)
Step: In the boxes there are 3 * 4 = 12 pens.
Reply:
theorem step : (3 : ℝ) * 4 = 12 := by sorry

Question: Solve 2x + 3 = 11.
Earlier steps: Subtract 3 from both sides: 2x = 8.
Step: So x = 4.
Reply:
theorem step (x : ℝ) (h0 : 2 * x + 3 = 11) (h1 : 2 * x = 8) : x = 4 := by sorry

Question: Solve 2x + 3 = 11.
Earlier steps: (none)
Step: Let us start with the equation.
Reply:
False"""
_ASK = "Question: {question}\nEarlier steps: {previous}\nStep: {step}\nReply:"
_PROVE = """\
Prove this theorem of Lean 4. Reply with the tactics that follow "by" and nothing else. There is no sorry, and no axiom.

{statement}"""
_THEOREM = re.compile(r"theorem\b.*?:=\s*(?:by\s+)?sorry\b", re.DOTALL)
_FENCED = re.compile(r"```[^\n`]*\n(.*?)(?:```|$)", re.DOTALL)


class ModelFormaliser:
    """Asks a model for a theorem.

    A step needs no verification only if the whole reply is the word False: a theorem that contains it is a theorem.

    Args:
        attempts: Maximum number of attempts at a step, >= 1. Default: 3 (paper).
    """

    def __init__(self, attempts: int = 3) -> None:
        check_number("attempts", attempts, low=1, integer=True)
        self.attempts = attempts

    async def formalise(
        self, question: str, previous: Sequence[str], step: str, ask: Ask | None = None
    ) -> Formalisation:
        """Ask once; without a model, or once its budget is spent, there is no statement."""
        earlier = " ".join("".join(previous).split()) or "(none)"
        prompt = _ASK.format(question=question, previous=earlier, step=step.strip())
        messages: list[Message] = [system(_FORMALISE), user(prompt)]
        reply = None if ask is None else await ask(messages)
        if reply is None:
            return Formalisation(None, log="no model was left to ask\n")
        if reply.strip().strip("`.*\"'").casefold() == "false":
            return Formalisation(None, required=False)
        found = _THEOREM.search(reply)
        if found is None:
            return Formalisation(None, log=f"no theorem in the reply: {reply[:500]}\n")
        return Formalisation(Statement(found[0], "lean"))


class ModelProofs:
    """Asks a model for whole proofs.

    Args:
        samples: Number of proofs to ask for, >= 1; equal ones are checked once. Default: 16 (paper).
    """

    def __init__(self, samples: int = 16) -> None:
        check_number("samples", samples, low=1, integer=True)
        self.samples = samples

    async def write(self, statement: Statement, ask: Ask | None = None) -> Sequence[str]:
        """Return the proofs that the budget allows."""
        proofs: dict[str, None] = {}
        for _ in range(self.samples if ask is not None else 0):
            assert ask is not None
            reply = await ask([user(_PROVE.format(statement=statement.text))])
            if reply is None:
                break
            fenced = _FENCED.search(reply)
            proofs[re.sub(r"^\s*by\b", "", fenced[1] if fenced else reply).strip("\n")] = None
        return list(proofs)
