"""Transcripts of procedures: correct executions, executions with one mistake, and what a recogniser makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quintain.arguments import check_number
from quintain.envs.procedures.graph import Procedure
from quintain.errors import UnknownNameError

__all__ = ["MISTAKES", "Noise", "Transcript", "perform", "perform_wrongly"]

#: Kinds of mistakes: a step before its prerequisites; a step left out, which shows at the first step that needs it; a
#: step done again; a step of another procedure; a wrong step that is noticed and followed by the right one.
MISTAKES = ("order", "omission", "repetition", "foreign", "correction")


@dataclass(frozen=True, slots=True)
class Transcript:
    """An execution of a procedure.

    Attributes:
        procedure: Name of the procedure.
        steps: The steps, in order.
        mistake: Number of the first wrong step; ``None`` for a correct execution.
        kind: Kind of the mistake; empty for none.
    """

    procedure: str
    steps: tuple[str, ...]
    mistake: int | None = None
    kind: str = ""

    def trimmed(self) -> Transcript:
        """Return the transcript up to its first wrong step."""
        if self.mistake is None:
            return self
        return Transcript(self.procedure, self.steps[: self.mistake + 1], self.mistake, self.kind)


def perform(procedure: Procedure, rng: np.random.Generator, done: Sequence[str] = ()) -> Transcript:
    """Return a correct execution: at each point one of the admissible steps, drawn uniformly.

    Args:
        procedure: The procedure.
        rng: Source of randomness.
        done: Steps that have been done already, which begin the transcript.
    """
    return Transcript(procedure.name, _completed(procedure, list(done), rng))


def perform_wrongly(procedure: Procedure, kind: str, vocabulary: Sequence[str], rng: np.random.Generator) -> Transcript:
    """Return an execution with one mistake of a kind; what follows it is correct as far as it can be.

    Args:
        procedure: The procedure, of at least three steps.
        kind: One of :data:`MISTAKES`.
        vocabulary: All labels; one that is no step of the procedure can be a foreign step.
        rng: Source of randomness.

    Raises:
        UnknownNameError: If there is no such kind.
    """
    if kind not in MISTAKES:
        raise UnknownNameError("kind of mistake", kind, MISTAKES)
    right = perform(procedure, rng).steps
    if kind == "omission":
        return _omission(procedure, right, rng)
    foreign = [label for label in vocabulary if label not in procedure.prerequisites]
    while True:
        at = int(rng.integers(1, len(right)))
        done = list(right[:at])
        early = [step for step in right[at:] if procedure.fault(step, done) == "order"]
        choices = {"order": early, "repetition": done, "foreign": foreign, "correction": [*early, *foreign]}[kind]
        if choices:
            break
    wrong = choices[int(rng.integers(len(choices)))]
    if kind == "correction":  # the wrong step is undone, and the right one done
        return Transcript(procedure.name, (*done, wrong, *_completed(procedure, done, rng)[at:]), at, kind)
    rest = _completed(procedure, [*done, wrong], rng)
    return Transcript(procedure.name, rest, at, kind)


def _omission(procedure: Procedure, right: Sequence[str], rng: np.random.Generator) -> Transcript:
    left_out = right[int(rng.integers(len(right) - 1))]  # the last step is needed by no other
    steps = tuple(step for step in right if step != left_out)
    at = next(k for k, step in enumerate(steps) if left_out in procedure.prerequisites[step])
    return Transcript(procedure.name, steps, at, "omission")


def _completed(procedure: Procedure, done: list[str], rng: np.random.Generator) -> tuple[str, ...]:
    steps = list(done)
    while choices := procedure.admissible(steps):
        steps.append(choices[int(rng.integers(len(choices)))])
    return tuple(steps)


@dataclass(frozen=True, slots=True)
class Noise:
    """Errors of a step recogniser, as rates per step.

    Attributes:
        substitution: Probability that a step is recognised as another one, in [0, 1].
        insertion: Probability that a step that was not done is recognised before a step, in [0, 1].
        deletion: Probability that a step other than the last is not recognised, in [0, 1].
    """

    substitution: float = 0.0
    insertion: float = 0.0
    deletion: float = 0.0

    def __post_init__(self) -> None:
        for name in ("substitution", "insertion", "deletion"):
            check_number(name, getattr(self, name), low=0, high=1)

    def recognised(self, steps: Sequence[str], vocabulary: Sequence[str], rng: np.random.Generator) -> tuple[str, ...]:
        """Return the steps as they are recognised; the last one stands for the last step."""
        found = []
        for number, step in enumerate(steps):
            draws = rng.random(3)
            others = rng.integers(len(vocabulary), size=2)
            if draws[0] < self.insertion:
                found.append(vocabulary[int(others[0])])
            if number < len(steps) - 1 and draws[1] < self.deletion:
                continue
            if draws[2] < self.substitution:
                other = [label for label in vocabulary if label != step]
                step = other[int(others[1]) % len(other)]
            found.append(step)
        return tuple(found)
