"""Settings of SELF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from quintain.arguments import check_bool, check_number
from quintain.errors import ConfigurationError
from quintain.training.language.phase_settings import PhaseSettings

__all__ = ["Filter", "SELFSettings", "Schedule"]

#: Which refined answers are kept: those with a positive verdict, every one, or half of them at random.
Filter = Literal["verdict", "none", "random"]
#: What a round trains: the start policy, on all data so far; or the last model, on the round's data.
Schedule = Literal["restart", "continual"]
_TERMS = ("feedback", "refinement", "direct")


@dataclass(frozen=True, slots=True, kw_only=True)
class SELFSettings(PhaseSettings):
    """Settings of SELF beside those of :class:`~quintain.training.language.phase_settings.PhaseSettings`.

    Phase 0 is the meta-skill stage, and each round is one more. Baselines and ablations are settings:

    - answers of the labeller alone (D_QA): ``iterations=0, terms=("direct",)``
    - the meta-skills alone: ``iterations=0``
    - without self-filtering: ``filter="none"``; with verdicts that say nothing: ``filter="random"``
    - plain self-training on first answers: ``refine=False, filter="none"``
    - without rehearsal of the meta-skills: ``schedule="continual", rehearsal=False``

    Attributes:
        iterations: Rounds of self-evolution (T), >= 0. Default: 3, as in the paper.
        num_seeds: Questions of the meta-skill stage, which the labeller answers, >= 1. Default: 600; the paper has
            about 3,500 (unconfirmed).
        num_queries: Unlabelled questions of a round, >= 1. Default: 500; the paper has 4,000 to 10,000 (unconfirmed).
        labeller: ``"module:function"`` that returns feedback and a refined answer to a question and an answer.
            Default: :func:`~quintain.training.language.labellers.label_sum`, for sums.
        self_instruct: Whether the model makes the questions itself from the second round on, in place of new ones of
            the environment. Default: true, as in the paper.
        filter: Which refined answers are kept: ``"verdict"``, ``"none"`` or ``"random"``. Default: ``"verdict"``.
        refine: Whether refined answers are learned, in place of first ones. Default: true.
        schedule: ``"restart"`` trains the start policy on all data so far; ``"continual"`` the last model on the
            round's. Default: ``"restart"``, as in the paper.
        rehearsal: Whether the meta-skills are learned in every round. Default: true.
        terms: Parts of the meta-skill loss, of ``"feedback"``, ``"refinement"`` and ``"direct"``. Default: all.
        beta: Weight of direct answers in the meta-skill loss, >= 0. Default: 1 (the paper's is unknown).
        alpha: Weight of the meta-skill loss in a round, >= 0. Default: 1 (the paper's is unknown).
        temperature: Sampling temperature of everything that the model writes for its training, > 0. Default: 0.7
            (unconfirmed).
        feedback_prompt: User message that asks for feedback. Default: our own words.
        refine_prompt: User message that asks for a refined answer. Default: our own words.
        question_prompt: User message that asks for a new question. Default: our own words.

    Raises:
        ConfigurationError: If a number is out of range, or a setting is not one of its values.
    """

    iterations: int = 3
    num_seeds: int = 600
    num_queries: int = 500
    labeller: str = "quintain.training.language.labellers:label_sum"
    self_instruct: bool = True
    filter: Filter = "verdict"
    refine: bool = True
    schedule: Schedule = "restart"
    rehearsal: bool = True
    terms: tuple[str, ...] = _TERMS
    beta: float = 1.0
    alpha: float = 1.0
    temperature: float = 0.7
    feedback_prompt: str = "Check this answer step by step. End with 'verdict: correct' or 'verdict: incorrect'."
    refine_prompt: str = "Write the whole answer again, corrected where the feedback says so."
    question_prompt: str = "Write a new question of the same kind."

    def __post_init__(self) -> None:
        """Check the settings."""
        PhaseSettings.__post_init__(self)
        check_number("iterations", self.iterations, low=0, integer=True)
        for name in ("num_seeds", "num_queries"):
            check_number(name, getattr(self, name), low=1, integer=True)
        for name in ("self_instruct", "refine", "rehearsal"):
            check_bool(name, getattr(self, name))
        check_number("beta", self.beta, low=0)
        check_number("alpha", self.alpha, low=0)
        check_number("temperature", self.temperature, above=0)
        for name, known in (("filter", get_args(Filter)), ("schedule", get_args(Schedule))):
            if getattr(self, name) not in known:
                raise ConfigurationError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        if not self.terms or not set(self.terms) <= set(_TERMS):
            raise ConfigurationError(f"terms must be some of {', '.join(_TERMS)}, got {self.terms!r}")
