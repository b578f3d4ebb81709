"""Methods that sample in parallel and choose: voting, best-of-n, and what lies between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from quintain.agents.reasoning.agent import OPTIONS, ReasoningOptions, SelfFeedbackAgent
from quintain.agents.reasoning.evaluations import Agreement, TokenProbability, make_score
from quintain.agents.reasoning.selections import Best, Borda, First, Known, Majority, WeightedVote
from quintain.arguments import check_number
from quintain.engines.engine import Engine
from quintain.errors import UnknownNameError

__all__ = [
    "BestOfNAgent",
    "BordaAgent",
    "FirstAnswerAgent",
    "OracleOfNAgent",
    "SelfConsistencyAgent",
    "SoftSelfConsistencyAgent",
    "WeightedVoteAgent",
]

#: A score by name, or a reward model as a function or ``"module:function"``.
Score = str | Callable[[str, str], Any]


class SelfConsistencyAgent(SelfFeedbackAgent):
    """Self-consistency: sample ``n`` replies and take the most frequent answer (Wang et al. 2023, arXiv 2203.11171).

    Args:
        engine: The language model, or its name.
        n: Number of candidates, >= 1. Default: 8.
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`.
    """

    keywords = OPTIONS

    def __init__(self, engine: Engine | str, n: int = 8, **options: Unpack[ReasoningOptions]) -> None:
        super().__init__(engine, evaluate=Agreement(), update=Majority(), n=n, **options)


class FirstAnswerAgent(SelfFeedbackAgent):
    """Take the first of ``n`` replies that has an answer: what sampling alone gives, the baseline of selection.

    Args:
        engine: The language model, or its name.
        n: Number of candidates, >= 1. Default: 8.
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`.
    """

    keywords = OPTIONS

    def __init__(self, engine: Engine | str, n: int = 8, **options: Unpack[ReasoningOptions]) -> None:
        super().__init__(engine, evaluate=Agreement(), update=First(), n=n, **options)


class BestOfNAgent(SelfFeedbackAgent):
    """Best-of-n: sample ``n`` replies and take the one with the highest score (Kang et al. 2025, arXiv 2502.18581).

    Args:
        engine: The language model, or its name.
        n: Number of candidates, >= 1. Default: 8.
        score: One of :data:`~quintain.agents.reasoning.evaluations.SCORES`, or a reward model: a function of question
            and reply, or its ``"module:function"``. Default: ``"self-certainty"``.
        reward_model: The reward model, with ``score="reward-model"``. Default: none.
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`.
    """

    keywords = OPTIONS

    def __init__(
        self,
        engine: Engine | str,
        n: int = 8,
        score: Score = "self-certainty",
        reward_model: Score | None = None,
        **options: Unpack[ReasoningOptions],
    ) -> None:
        super().__init__(engine, evaluate=make_score(score, reward_model), update=Best(), n=n, **options)


class BordaAgent(SelfFeedbackAgent):
    """Borda voting: each of ``n`` replies casts votes for its answer by the rank of its score.

    Source: Kang et al. 2025, arXiv 2502.18581, section 4. With ``p=0`` it is self-consistency.

    Args:
        engine: The language model, or its name.
        n: Number of candidates, >= 1. Default: 8.
        p: Exponent of the votes, in [0, 100]; the paper suggests 0.3 for n <= 16 and 1.2 for n >= 32. Default: 0.3.
        score: As in :class:`BestOfNAgent`. Default: ``"self-certainty"``.
        reward_model: As in :class:`BestOfNAgent`. Default: none.
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`.
    """

    keywords = OPTIONS

    def __init__(
        self,
        engine: Engine | str,
        n: int = 8,
        p: float = 0.3,
        score: Score = "self-certainty",
        reward_model: Score | None = None,
        **options: Unpack[ReasoningOptions],
    ) -> None:
        check_number("p", p, low=0, high=100, hint="for a limit of large p use best-of-n")
        super().__init__(engine, evaluate=make_score(score, reward_model), update=Borda(p), n=n, **options)


class WeightedVoteAgent(SelfFeedbackAgent):
    """Vote with the scores themselves, summed or averaged over the replies that give an answer.

    These are rivals of Borda voting in Kang et al. 2025, arXiv 2502.18581: sums come close to it, means are far worse.

    Args:
        engine: The language model, or its name.
        n: Number of candidates, >= 1. Default: 8.
        mean: Whether scores are averaged. Default: false.
        score: As in :class:`BestOfNAgent`. Default: ``"self-certainty"``.
        reward_model: As in :class:`BestOfNAgent`. Default: none.
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`.
    """

    keywords = OPTIONS

    def __init__(
        self,
        engine: Engine | str,
        n: int = 8,
        mean: bool = False,
        score: Score = "self-certainty",
        reward_model: Score | None = None,
        **options: Unpack[ReasoningOptions],
    ) -> None:
        super().__init__(engine, evaluate=make_score(score, reward_model), update=WeightedVote(mean), n=n, **options)


class SoftSelfConsistencyAgent(SelfFeedbackAgent):
    """Soft self-consistency: score replies by the joint probability of their tokens.

    Source: Wang et al. 2024, arXiv 2402.13212.

    Args:
        engine: The language model, or its name.
        n: Number of candidates, >= 1. Default: 8.
        aggregate: ``"mean"``, ``"min"`` or ``"product"`` of the tokens' probabilities. Default: ``"mean"``.
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`.

    Raises:
        UnknownNameError: If there is no such aggregate.
    """

    keywords = OPTIONS

    def __init__(
        self, engine: Engine | str, n: int = 8, aggregate: str = "mean", **options: Unpack[ReasoningOptions]
    ) -> None:
        if aggregate not in ("mean", "min", "product"):
            raise UnknownNameError("aggregate", aggregate, ("mean", "min", "product"))
        super().__init__(engine, evaluate=TokenProbability(aggregate), update=Best(), n=n, **options)


class OracleOfNAgent(SelfFeedbackAgent):
    """Sample ``n`` replies and take one with the right answer, if there is one: the upper bound of every selection.

    It is given right answers, and the run's manifest says so.

    Args:
        engine: The language model, or its name.
        n: Number of candidates, >= 1. Default: 8.
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`.
    """

    keywords = OPTIONS
    uses_solution = True

    def __init__(self, engine: Engine | str, n: int = 8, **options: Unpack[ReasoningOptions]) -> None:
        super().__init__(engine, evaluate=Agreement(), update=Known(), n=n, **options)
