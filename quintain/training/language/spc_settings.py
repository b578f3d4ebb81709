"""Settings of SPC."""

from __future__ import annotations

from dataclasses import dataclass

from quintain.arguments import check_bool, check_number
from quintain.training.language.phase_settings import PhaseSettings

__all__ = ["SPCSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SPCSettings(PhaseSettings):
    """Settings of SPC beside those of :class:`~quintain.training.language.phase_settings.PhaseSettings`.

    Phase 0 is supervised, and each round is one more. Ablations are settings: ``right_steps=False`` collapses to a
    critic that calls everything incorrect, ``opponents=1`` plays against the last critic alone.

    Attributes:
        iterations: Rounds of the game, >= 0. Default: 2, as in the paper.
        lessons: First lessons of each seat, >= 1. Default: 500 (the paper has about 21,800 for the critic).
        games: Games of a round, >= 1, of which those about right steps are a half. Default: 500.
        opponents: Maximum number of the last critics against which the generator plays, an equal number of games each,
            >= 1. Default: 2: the last one and the one before, which is the easier opponent.
        right_steps: Whether the critic learns from its judgements of right steps, too, as many as of wrong ones
            in each round. Default: true.
        union: Whether a round trains on the games of all rounds so far. Default: true, as in the paper for the critic.
        epsilon: Clip range of the ratio, in (0, 1]. Default: 0.2.
        sft_weight: Weight of the supervised loss, >= 0; as many lessons as games are in the data. Default: 0.15.
        kl_weight: Weight of the divergence from the reference in the advantage, >= 0. Default: 0, as in the released
            trainer; the paper has 0.1.
        temperature: Sampling temperature of both seats, > 0. Default: 1.
        eval_steps: Steps with natural errors on which the critic is measured in every phase, greedily, >= 0.
            Default: 200.

    Raises:
        ConfigurationError: If a number is out of range.
    """

    iterations: int = 2
    lessons: int = 500
    games: int = 500
    opponents: int = 2
    right_steps: bool = True
    union: bool = True
    epsilon: float = 0.2
    sft_weight: float = 0.15
    kl_weight: float = 0.0
    temperature: float = 1.0
    eval_steps: int = 200

    def __post_init__(self) -> None:
        """Check the settings."""
        PhaseSettings.__post_init__(self)
        for name in ("iterations", "eval_steps"):
            check_number(name, getattr(self, name), low=0, integer=True)
        for name in ("lessons", "games", "opponents"):
            check_number(name, getattr(self, name), low=1, integer=True)
        for name in ("right_steps", "union"):
            check_bool(name, getattr(self, name))
        check_number("epsilon", self.epsilon, above=0, high=1)
        check_number("sft_weight", self.sft_weight, low=0)
        check_number("kl_weight", self.kl_weight, low=0)
        check_number("temperature", self.temperature, above=0)
