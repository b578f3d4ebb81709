"""Scores of a reply from the distributions of its tokens, higher is better; none of them asks the model again.

Formulas: Kang et al. 2025, arXiv 2502.18581, section 3, each averaged over the generated tokens. Log-probabilities and
distributions are the model's, before temperature and top-p.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from quintain.agents.reasoning.candidate import Candidate
from quintain.engines.request import EngineCapability, Reply
from quintain.engines.token_statistics import TokenStatistics

__all__ = ["TOKEN_SCORES", "TokenScore", "share_of_first", "token_probability"]


@dataclass(frozen=True, slots=True)
class TokenScore:
    """A score of the tokens of a reply.

    Attributes:
        of: Computes it. A reply without tokens has no score: the result is then minus infinity.
        needs: What the engine must return.
        formula: In words, for listings.
    """

    of: Callable[[Candidate], float]
    needs: EngineCapability
    formula: str


def _mean(values: tuple[float, ...]) -> float:
    return math.fsum(values) / len(values) if values else -math.inf


def _statistics(candidate: Candidate) -> TokenStatistics:
    return candidate.statistics or TokenStatistics((), (), ())


def _perplexity(candidate: Candidate) -> float:
    return -math.exp(-_mean(candidate.logprobs)) if candidate.logprobs else -math.inf


def _entropy(candidate: Candidate) -> float:
    entropy = _statistics(candidate).entropy
    return -_mean(entropy) if entropy else -math.inf


def _distributional_perplexity(candidate: Candidate) -> float:
    entropy = _statistics(candidate).entropy
    return -_mean(tuple(map(math.exp, entropy))) if entropy else -math.inf


#: Scores of tokens by name, as the option ``score`` of methods spells them.
TOKEN_SCORES: dict[str, TokenScore] = {
    "self-certainty": TokenScore(
        lambda c: _mean(_statistics(c).self_certainty), "token_statistics", "mean KL(uniform || p)"
    ),
    "log-probability": TokenScore(lambda c: _mean(c.logprobs), "logprobs", "mean log p(token)"),
    "perplexity": TokenScore(_perplexity, "logprobs", "minus exp(-mean log p(token))"),
    "entropy": TokenScore(_entropy, "token_statistics", "minus mean entropy of p"),
    "gini": TokenScore(lambda c: _mean(_statistics(c).gini), "token_statistics", "mean sum of p squared"),
    "distributional-perplexity": TokenScore(
        _distributional_perplexity, "token_statistics", "minus mean exp(entropy of p)"
    ),
}


def token_probability(candidate: Candidate, aggregate: str) -> float:
    """Aggregate the probabilities of the tokens of a reply, as soft self-consistency does (Wang et al. 2024).

    Args:
        candidate: With log-probabilities; without tokens the result is 0.
        aggregate: ``"mean"``, ``"min"`` or ``"product"`` of the probabilities.
    """
    if not candidate.logprobs:
        return 0.0
    if aggregate == "product":
        return math.exp(math.fsum(candidate.logprobs))
    probabilities = tuple(map(math.exp, candidate.logprobs))
    return min(probabilities) if aggregate == "min" else _mean(probabilities)


def share_of_first(reply: Reply, first: str) -> float:
    """Return the probability of the first of two choices, over both.

    Args:
        reply: The reply to a request with two choices.
        first: The first of them; where the engine reports no probabilities, the result is whether it was drawn.
    """
    if reply.choice_logprobs is None:
        return float(reply.text == first)
    one, other = reply.choice_logprobs
    return 1 / (1 + math.exp(min(other - one, 700.0)))
