"""Updates that choose among the candidates and write no new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quintain.agents.reasoning.candidate import Candidate
from quintain.agents.reasoning.feedback import Outcome, Signal
from quintain.agents.reasoning.turn import Turn
from quintain.agents.reasoning.votes import best, borda_weights, first_of, mean_votes, tally, winner

__all__ = ["Best", "Borda", "First", "Known", "Majority", "WeightedVote"]


def _answers(candidates: Sequence[Candidate]) -> list[str | None]:
    return [candidate.answer for candidate in candidates]


@dataclass(frozen=True)
class First:
    """Take the first candidate that has an answer."""

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate], signal: Signal) -> Outcome:
        """Choose it."""
        return Outcome(candidates, best(_answers(candidates), [0.0] * len(candidates)))


@dataclass(frozen=True)
class Majority:
    """Take the most frequent answer, of several the one seen first (Wang et al. 2023, arXiv 2203.11171)."""

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate], signal: Signal) -> Outcome:
        """Count the votes."""
        answers = _answers(candidates)
        votes = tally(answers)
        return Outcome(candidates, first_of(answers, winner(votes)), votes)


@dataclass(frozen=True)
class Best:
    """Take the candidate with the highest value; those without an answer are masked."""

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate], signal: Signal) -> Outcome:
        """Choose it."""
        return Outcome(candidates, best(_answers(candidates), signal.values))


@dataclass(frozen=True)
class Borda:
    """Vote with weights by rank; see :func:`~quintain.agents.reasoning.votes.borda_weights`.

    Attributes:
        p: Exponent of the votes; 0 is majority voting.
    """

    p: float

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate], signal: Signal) -> Outcome:
        """Count the votes."""
        answers = _answers(candidates)
        votes = tally(answers, borda_weights(signal.values, self.p))
        return Outcome(candidates, first_of(answers, winner(votes)), votes)


@dataclass(frozen=True)
class WeightedVote:
    """Vote with the values themselves: their sum per answer, or their mean, which ignores how many support it.

    Attributes:
        mean: Whether the values of an answer are averaged. Default: false.
    """

    mean: bool = False

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate], signal: Signal) -> Outcome:
        """Count the votes."""
        answers = _answers(candidates)
        votes = (mean_votes if self.mean else tally)(answers, signal.values)
        return Outcome(candidates, first_of(answers, winner(votes)), votes)


@dataclass(frozen=True)
class Known:
    """Take a candidate with the right answer where there is one: the upper bound of every selection.

    Where several answers are right, it knows only the one that the environment names.
    """

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate], signal: Signal) -> Outcome:
        """Compare with the environment's solution."""
        answers = _answers(candidates)
        right = None if turn.solution is None else turn.read(str(turn.solution()))
        turn.facts["right"] = right is not None and right in answers
        return Outcome(candidates, first_of(answers, right))
