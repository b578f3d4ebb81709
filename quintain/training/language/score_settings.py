"""Settings of SCoRe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from quintain.arguments import check_number
from quintain.errors import ConfigurationError
from quintain.training.language.advantages import Credit
from quintain.training.language.grpo_settings import GRPOSettings, LossType, PolicyBaseline

__all__ = ["Rewarded", "SCoRESettings"]

#: Which attempts are rewarded in stage II.
Rewarded = Literal["both", "first", "second"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SCoRESettings(GRPOSettings):
    """Settings of SCoRe beside those of :class:`~quintain.training.language.grpo_settings.GRPOSettings`.

    A turn's advantage is its return less the mean of that turn over the batch, and the loss is summed over the turn's
    tokens, with the divergence from the start policy in it. With ``steps_per_generation=1`` this is REINFORCE; the
    default is four clipped steps to a batch. Ablations are settings:

    - plain multi-turn reinforcement learning: ``stage1_iterations=0, alpha=0``
    - without stage I: ``stage1_iterations=0``
    - without the bonus: ``alpha=0``
    - without multi-turn training: ``stage1_iterations=0, rewarded="first"``
    - only the second attempt (eq. 1 on it alone): ``stage1_iterations=0, alpha=0, rewarded="second"``
    - the bonus credited to the first attempt, too: ``gamma`` above 0

    Attributes:
        stage1_iterations: Iterations of stage I, the first ones of ``iterations``, >= 0. Default: 40, of 100; the paper
            does not say how its steps divide.
        alpha: Weight of the bonus r2 - r1 of the second attempt in stage II, >= 0. Default: 10, as in the paper.
        beta: Weight of the divergence of both turns in both stages, >= 0. Default: 0.01, as in the paper.
        beta2: Weight of the divergence of the first turn that is added in stage I, >= 0. Default: 0.1, the paper's for
            MATH; 0.25 for programs.
        rewarded: Which attempts are rewarded in stage II: ``"both"``, ``"first"`` or ``"second"``. Default: ``"both"``.
        gamma: Discount factor by which the first turn is credited with the second one's return in stage II, in [0, 1].
            Default: 0, as in the paper.
        num_prompts: Questions of an iteration, >= 1. Default: 128.
        num_generations: Episodes of each question, >= 1. Default: 1.
        credit: Always ``"turn"``.
        baseline: What a turn's return is compared with: the mean of the same turn in the ``"batch"``, in the
            ``"group"``, or of the group's others (``"leave-one-out"``). Default: ``"batch"``; the paper does not say.
        scale: As in GRPO, for each turn apart. Default: ``"none"``.
        loss_type: Always ``"dr_grpo"``, which sums over the tokens of a turn, up to a constant.

    Raises:
        ConfigurationError: If a number is out of range, or a setting is not one of its values.
    """

    stage1_iterations: int = 40
    alpha: float = 10.0
    beta: float = 0.01
    beta2: float = 0.1
    rewarded: Rewarded = "both"
    gamma: float = 0.0
    num_prompts: int = 128
    num_generations: int = 1
    credit: Credit = "turn"
    baseline: PolicyBaseline = "batch"
    scale: Literal["group", "batch", "none"] = "none"
    loss_type: LossType = "dr_grpo"

    def __post_init__(self) -> None:
        """Check the settings."""
        GRPOSettings.__post_init__(self)
        check_number("stage1_iterations", self.stage1_iterations, low=0, integer=True)
        check_number("alpha", self.alpha, low=0)
        check_number("beta2", self.beta2, low=0)
        if self.stage1_iterations > self.iterations:
            raise ConfigurationError(
                f"stage I is a part of the {self.iterations} iterations, and stage1_iterations is "
                f"{self.stage1_iterations}"
            )
        if self.rewarded not in get_args(Rewarded):
            known = ", ".join(map(repr, get_args(Rewarded)))
            raise ConfigurationError(f"rewarded must be one of {known}, got {self.rewarded!r}")
        if self.credit != "turn" or self.loss_type != "dr_grpo" or self.baseline in ("none", "critic"):
            raise ConfigurationError(
                "SCoRe credits turns, sums over their tokens and compares returns with those of other episodes: leave "
                f"credit and loss_type alone and choose another baseline than {self.baseline!r}"
            )
