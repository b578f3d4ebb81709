"""Verifiers of solutions by name, and the reward term made of one."""

from __future__ import annotations

import os
from typing import Any

from quintain.errors import ConfigurationError, UnknownNameError
from quintain.registry import NoFacts, Registry
from quintain.rewards.terms import InvalidReward, RewardTerm, Transition
from quintain.rewards.verification.aggregator import Aggregator
from quintain.rewards.verification.coq import coq_backend
from quintain.rewards.verification.exact import ExactBackend
from quintain.rewards.verification.formaliser import ArithmeticFormaliser
from quintain.rewards.verification.lean import lean_backend
from quintain.rewards.verification.model_formaliser import ModelFormaliser, ModelProofs
from quintain.rewards.verification.portfolio import Portfolio
from quintain.rewards.verification.scores import StateScore, proved_share
from quintain.rewards.verification.verifier import StepVerifier
from quintain.rewards.verification.z3_backend import Z3Backend

__all__ = ["VERIFIERS", "AggregatorLike", "arithmetic_verifier", "make_verifier", "safe_term"]

#: A score of states, the file of a trained one, or ``None`` for the share of statements that are proved.
AggregatorLike = StateScore | str | os.PathLike[str] | None

#: ``VERIFIERS.make(name, ...)`` returns a :class:`~quintain.rewards.verification.verifier.StepVerifier`. Other packages
#: list theirs under the entry-point group ``quintain.verifiers``.
VERIFIERS: Registry[StepVerifier, NoFacts] = Registry("verifier", NoFacts, group="quintain.verifiers")


def arithmetic_verifier(aggregator: AggregatorLike = None) -> StepVerifier:
    """Return a verifier that computes what the steps write down, exactly; it needs nothing else installed.

    Args:
        aggregator: A trained :class:`~quintain.rewards.verification.aggregator.Aggregator` or its file, or another
            score of states; ``None`` takes the share of statements that are proved. Default: ``None``.
    """
    return StepVerifier(ArithmeticFormaliser(), ExactBackend(), score=_score(aggregator))


def _score(aggregator: AggregatorLike) -> StateScore:
    if aggregator is None:
        return proved_share
    return aggregator if callable(aggregator) else Aggregator.load(aggregator)


def z3_verifier(aggregator: AggregatorLike = None, limit_s: float = 5.0) -> StepVerifier:
    """Return a verifier that computes, and asks the solver z3 about what it cannot decide so (extra ``z3``).

    Args:
        aggregator: As in :func:`arithmetic_verifier`.
        limit_s: Wall time of one question to the solver, in seconds, > 0. Default: 5.
    """
    return StepVerifier(
        ArithmeticFormaliser(), Portfolio([ExactBackend(), Z3Backend(limit_s)]), score=_score(aggregator)
    )


def coq_verifier(aggregator: AggregatorLike = None, command: str = "coqc -q") -> StepVerifier:
    """Return a verifier whose statements are proved by Coq, as the steps write them down.

    Args:
        aggregator: As in :func:`arithmetic_verifier`.
        command: See :func:`~quintain.rewards.verification.coq.coq_backend`.
    """
    return StepVerifier(ArithmeticFormaliser(), coq_backend(command), score=_score(aggregator))


def lean_verifier(
    aggregator: AggregatorLike = None,
    command: str = "lean",
    project: str | None = None,
    formaliser: str = "arithmetic",
    samples: int = 0,
) -> StepVerifier:
    """Return a verifier whose statements are proved by Lean 4.

    Args:
        aggregator: As in :func:`arithmetic_verifier`.
        command: See :func:`~quintain.rewards.verification.lean.lean_backend`.
        project: Folder of a Lean project with Mathlib; ``None`` for Lean alone.
        formaliser: ``"arithmetic"`` states what the steps write down; ``"model"`` asks the agent's model for theorems,
            as the paper does. Default: ``"arithmetic"``.
        samples: Number of proofs to ask the model for, >= 0 (paper: 16); 0 tries a portfolio of tactics. Default: 0.

    Raises:
        UnknownNameError: If there is no such formaliser.
    """
    if formaliser not in ("arithmetic", "model"):
        raise UnknownNameError("formaliser", formaliser, ("arithmetic", "model"))
    return StepVerifier(
        ModelFormaliser() if formaliser == "model" else ArithmeticFormaliser(),
        lean_backend(command, project),
        score=_score(aggregator),
        proofs=ModelProofs(samples) if samples else None,
    )


VERIFIERS.add("arithmetic", arithmetic_verifier)
VERIFIERS.add("z3", z3_verifier)
VERIFIERS.add("coq", coq_verifier)
VERIFIERS.add("lean", lean_verifier)


def make_verifier(verifier: str | StepVerifier = "arithmetic", **options: Any) -> StepVerifier:
    """Return a verifier, or make one by name.

    Args:
        verifier: A verifier, its name in :data:`VERIFIERS`, or your own ``"module:function"`` that makes one.
        options: Arguments of the function that makes it.

    Raises:
        UnknownNameError: If there is no verifier of that name.
        ConfigurationError: If a verifier that exists is given options.
    """
    if isinstance(verifier, str):
        return VERIFIERS.make(verifier, **options)
    if options:
        raise ConfigurationError(f"the verifier exists already; set {', '.join(options)} where it is made")
    return verifier


def safe_term(verifier: str | StepVerifier = "arithmetic", **options: Any) -> RewardTerm:
    """Make a reward term of a verifier: the score of each reply in view of its steps, in [0, 1].

    The observation is the question, the action the solution. A reply in which nothing is checked has 1/2 with the
    default score.

    Args:
        verifier: A verifier that asks no model; see :func:`make_verifier`.
        options: Arguments of the function that makes it.

    Returns:
        A term that raises :class:`~quintain.rewards.terms.InvalidReward` for actions that are no text, and where the
        time of the verifier ends.
    """
    made = make_verifier(verifier, **options)

    def term(step: Transition) -> float:
        if not isinstance(step.action, str):
            raise InvalidReward(f"only text can be verified, got {type(step.action).__name__}")
        found = made.verify_now(str(step.observation), step.action)
        if found.timed_out:
            raise InvalidReward("the verification of the steps took too long")
        return found.score

    return term
