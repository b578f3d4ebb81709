"""Evaluations: no signal at all, scores of tokens or steps, self-evaluation by question, and reward models."""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from quintain.agents.reasoning.candidate import Candidate
from quintain.agents.reasoning.confidence import TOKEN_SCORES, share_of_first, token_probability
from quintain.agents.reasoning.feedback import Evaluate, Signal, SignalKind
from quintain.agents.reasoning.turn import Turn
from quintain.agents.reasoning.verification import StepVerification, load_verifier
from quintain.engines.engine import Engine
from quintain.engines.request import EngineCapability
from quintain.errors import AgentError, ConfigurationError, UnknownNameError
from quintain.registry import load_attribute

__all__ = ["SCORES", "Agreement", "PTrue", "RewardModel", "TokenProbability", "TokenScores", "make_score"]

#: Scores by name, as the option ``score`` of methods spells them.
SCORES = (*TOKEN_SCORES, "p-true", "safe", "reward-model")

_VERDICTS = ("True", "False")
_VERDICT_TOKENS = 8  # more than any tokenizer takes for one of them


@dataclass(frozen=True)
class Agreement:
    """Sampling alone: the signal is how often each answer occurs, which the vote counts.

    Attributes:
        kind: Kind of the signal, for the record. Default: ``"scalar"``.
        needs: Capabilities that the engine must have. Default: none.
    """

    kind: SignalKind = "scalar"
    needs: frozenset[EngineCapability] = frozenset()

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate]) -> Signal:
        """Return an empty signal."""
        return Signal(self.kind)


@dataclass(frozen=True)
class TokenScores:
    """A score of the tokens that were sampled anyway.

    Attributes:
        score: A key of :data:`~quintain.agents.reasoning.confidence.TOKEN_SCORES`.
        kind: Kind of the signal, for the record. Default: ``"contrastive"``.
    """

    score: str
    kind: SignalKind = "contrastive"

    @property
    def needs(self) -> frozenset[EngineCapability]:
        """The numbers that the engine returns with each token."""
        return frozenset({TOKEN_SCORES[self.score].needs})

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate]) -> Signal:
        """Score each candidate."""
        return Signal(self.kind, self.score, tuple(map(TOKEN_SCORES[self.score].of, candidates)))


@dataclass(frozen=True)
class TokenProbability:
    """The joint probability of a candidate's tokens, as soft self-consistency scores it (Wang et al. 2024).

    Attributes:
        aggregate: ``"mean"``, ``"min"`` or ``"product"`` of the tokens' probabilities. Default: ``"mean"``.
        kind: Kind of the signal, for the record. Default: ``"contrastive"``.
        needs: Capabilities that the engine must have. Default: log-probabilities.
    """

    aggregate: str = "mean"
    kind: SignalKind = "contrastive"
    needs: frozenset[EngineCapability] = frozenset({"logprobs"})

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate]) -> Signal:
        """Score each candidate."""
        values = tuple(token_probability(candidate, self.aggregate) for candidate in candidates)
        return Signal(self.kind, f"{self.aggregate}-probability", values)


@dataclass(frozen=True)
class PTrue:
    """P(True): the probability that a model gives to "True" when asked whether the answer is right.

    Source: Kadavath et al. 2022, arXiv 2207.05221. Equal candidates are asked about once, and one for which the budget
    has no request left gets minus infinity.

    Attributes:
        judge: Another model than the agent's; ``None`` asks the agent's own. Default: ``None``.
        kind: Kind of the signal, for the record. Default: ``"scalar"``.
        needs: Capabilities that the engine must have. Default: constrained choice.
    """

    judge: Engine | None = None
    kind: SignalKind = "scalar"
    needs: frozenset[EngineCapability] = frozenset({"choices"})

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate]) -> Signal:
        """Ask about each different candidate, in one batch."""
        texts = list(dict.fromkeys(candidate.text for candidate in candidates))
        questions = [
            f"Question:\n{turn.observation}\n\nProposed answer:\n{text}\n\nIs the proposed answer right? "
            "Reply with True or False."
            for text in texts
        ]
        replies = await turn.ask(
            questions, choices=_VERDICTS, max_tokens=_VERDICT_TOKENS, temperature=1, engine=self.judge
        )
        values = {
            text: share_of_first(found[0], _VERDICTS[0]) if found else -math.inf
            for text, found in zip(texts, replies, strict=True)
        }
        return Signal(self.kind, "p-true", tuple(values[candidate.text] for candidate in candidates))


@dataclass(frozen=True)
class RewardModel:
    """A reward model: any function of question and reply.

    Attributes:
        model: Returns a number, higher is better, for the observation and the text of a candidate; may be ``async``.
        kind: Kind of the signal, for the record. Default: ``"external"``.
        needs: Capabilities that the engine must have. Default: none.
    """

    model: Callable[[str, str], float | Awaitable[float]]
    kind: SignalKind = "external"
    needs: frozenset[EngineCapability] = field(default=frozenset())

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate]) -> Signal:
        """Score each candidate.

        Raises:
            AgentError: If the model returns anything but a finite number.
        """
        values = []
        for candidate in candidates:
            value: Any = self.model(turn.observation, candidate.text)
            if inspect.isawaitable(value):
                value = await value
            if isinstance(value, bool) or not _is_finite(value):
                raise AgentError(f"the reward model must return a finite number, and returned {value!r}")
            values.append(float(value))
        return Signal(self.kind, "reward-model", tuple(values))


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except (TypeError, OverflowError):
        return False


def make_score(
    score: str | Callable[[str, str], Any], reward_model: str | Callable[[str, str], Any] | None = None
) -> Evaluate:
    """Make the evaluation of an option ``score``.

    Args:
        score: One of :data:`SCORES`; or a reward model, as a function or as ``"module:function"``.
        reward_model: The function of ``"reward-model"``, or its ``"module:function"``.

    Raises:
        UnknownNameError: If there is no such score.
        ConfigurationError: If a reward model is missing, or is given to another score.
    """
    named = isinstance(score, str)
    if (not named or ":" in str(score)) and reward_model is None:
        score, reward_model = "reward-model", score
    if score not in SCORES:
        raise UnknownNameError("score", str(score), SCORES)
    if (score == "reward-model") != (reward_model is not None):
        raise ConfigurationError(
            f"score={score!r} and reward_model={reward_model!r} do not fit: give reward_model='module:function' with "
            "score='reward-model', and with no other"
        )
    if reward_model is not None:
        model = load_attribute(reward_model) if isinstance(reward_model, str) else reward_model
        if not callable(model):
            raise ConfigurationError(f"reward_model must be a function of question and reply, got {reward_model!r}")
        return RewardModel(model)
    if score == "safe":
        return StepVerification(load_verifier("arithmetic", {}))
    return PTrue() if score == "p-true" else TokenScores(str(score))
