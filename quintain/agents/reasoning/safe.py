"""The agent ``safe``: best-of-n by formal verification of steps, fused with a prospective score.

Source: Liu et al. 2025, arXiv 2506.04592.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Unpack

from quintain.agents.reasoning.agent import OPTIONS, ReasoningOptions, SelfFeedbackAgent
from quintain.agents.reasoning.evaluations import make_score
from quintain.agents.reasoning.feedback import Evaluate
from quintain.agents.reasoning.selections import Best
from quintain.agents.reasoning.verification import AnswerShare, Fuse, StepVerification, VerifiesSteps, load_verifier
from quintain.arguments import check_number
from quintain.engines.engine import Engine

__all__ = ["SafeAgent"]


class SafeAgent(SelfFeedbackAgent):
    """Safe: sample ``n`` replies, try to prove each of their steps, and take the best in view of both kinds of score.

    The retrospective score says how well the steps are proved, the prospective one how likely the reply is right at
    all: score = retrospective^alpha * prospective^(1 - alpha). The record holds for every step its state, its formal
    statement and its proof.

    Differences from the paper: steps are checked by exact arithmetic in place of Lean, the score of their states is not
    learned unless ``aggregator`` names a trained one, and the prospective score is the share of replies that agree in
    place of a process reward model.

    Args:
        engine: The language model, or its name.
        n: Number of candidates, >= 1. Default: 5 (paper).
        verifier: A verifier, or its name: see :func:`~quintain.rewards.verification.registry.make_verifier`. Default:
            ``"arithmetic"``.
        verifier_args: Arguments of a verifier that is made by name, such as ``{"command": "lake env lean"}``. Default:
            none.
        aggregator: File of a trained :class:`~quintain.rewards.verification.aggregator.Aggregator`; ``None`` takes the
            share of statements that are proved.
        prospective: ``"agreement"``, the share of replies with the same answer; a score of
            :data:`~quintain.agents.reasoning.evaluations.SCORES` or a reward model that lies in [0, 1]; or ``None`` for
            none. Default: ``"agreement"``.
        alpha: Weight of the retrospective score, in [0, 1]. Default: 0.5 (that of the paper is not known).
        fusion: ``"geometric"``, ``"product"``, ``"sum"``, ``"min"`` or ``"max"``. Default: ``"geometric"`` (paper).
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`; temperature 0.5 by default (paper).

    Raises:
        UnknownNameError: If there is no such verifier, score or fusion.
    """

    keywords = OPTIONS

    def __init__(
        self,
        engine: Engine | str,
        n: int = 5,
        verifier: str | VerifiesSteps = "arithmetic",
        verifier_args: Mapping[str, Any] | None = None,
        aggregator: str | os.PathLike[str] | None = None,
        prospective: str | Callable[[str, str], Any] | None = "agreement",
        alpha: float = 0.5,
        fusion: str = "geometric",
        **options: Unpack[ReasoningOptions],
    ) -> None:
        check_number("alpha", alpha, low=0, high=1)
        options.setdefault("temperature", 0.5)
        scored: dict[str, Any] = dict(verifier_args or {})
        scored |= {} if aggregator is None else {"aggregator": os.fspath(aggregator)}
        evaluate = StepVerification(load_verifier(verifier, scored), _prospective(prospective), Fuse(alpha, fusion))
        super().__init__(engine, evaluate=evaluate, update=Best(), n=n, **options)
        self._safe = {"verifier": verifier if isinstance(verifier, str) else type(verifier).__name__, **scored}
        self._safe |= {"prospective": getattr(prospective, "__name__", prospective)}

    def describe(self) -> dict[str, Any]:
        """Return JSON-able settings, for the run's manifest."""
        return {**super().describe(), "safe": self._safe}


def _prospective(score: str | Callable[[str, str], Any] | None) -> Evaluate | None:
    if score is None:
        return None
    return AnswerShare() if score == "agreement" else make_score(score)
