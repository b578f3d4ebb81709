"""The rollout trainer with SCoRe's returns of turns, and a divergence penalty of its own for each turn."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quintain.errors import ConfigurationError
from quintain.training.language.advantages import turn_advantages
from quintain.training.language.grpo_trainer import RolloutTrainer, TokenWeights
from quintain.training.language.rollouts import Rollout
from quintain.training.language.score import attempts_of, score_returns
from quintain.training.language.score_settings import SCoRESettings

__all__ = ["SCoRETrainer", "correction_advantages"]


def correction_advantages(
    rollouts: Sequence[Rollout], settings: SCoRESettings, stage: int
) -> list[NDArray[np.float64]]:
    """Return the advantage of each turn: SCoRe's returns less their baselines, for each turn apart.

    Args:
        rollouts: Episodes of two attempts; others have no advantage.
        settings: Settings with weights and baseline.
        stage: 1 or 2.

    Raises:
        ConfigurationError: If no valid episode has two attempts that were judged.
    """
    advantages = [np.zeros(len(rollout.rewards)) for rollout in rollouts]
    found = {k: attempts_of(rollout.record) for k, rollout in enumerate(rollouts) if rollout.valid}
    judged = {k: both for k, both in found.items() if both is not None}
    if found and not judged:
        raise ConfigurationError(
            "no episode has two attempts with a verdict: SCoRe learns in SelfCorrect-v0, or in an environment of two "
            "turns whose metrics 'first' and 'second' are the correctness of both attempts; a context that is full "
            "before the second attempt has the same effect"
        )
    shaped = []
    for k, both in judged.items():
        returns = score_returns(*both, stage=stage, alpha=settings.alpha, rewarded=settings.rewarded)
        shaped.append(dataclasses.replace(rollouts[k], rewards=returns, rest=0.0))
    of_turns = turn_advantages(
        shaped,
        credit="turn",
        baseline="batch" if settings.baseline == "critic" else settings.baseline,
        scale=settings.scale,
        gamma=settings.gamma if stage == 2 else 0.0,
    )
    for k, values in zip(judged, of_turns, strict=True):
        advantages[k] = values
    return advantages


class SCoRETrainer(RolloutTrainer):
    """Trains in two stages; the settings are :class:`~quintain.training.language.score_settings.SCoRESettings`."""

    _settings: SCoRESettings

    def __init__(self, model: Any, setup: Any, arguments: Any) -> None:
        self._settings = setup.settings
        self._logprobs_now: torch.Tensor | None = None
        super().__init__(model, setup, arguments)

    def _stage(self, iteration: int) -> int:
        return 1 if iteration < self._settings.stage1_iterations else 2

    def _advantages(self, rollouts: Sequence[Rollout], iteration: int) -> list[NDArray[np.float64]]:
        return correction_advantages(rollouts, self._settings, self._stage(iteration))

    def _own(self, rollouts: Sequence[Rollout]) -> list[int]:
        """Return which rollouts this process trains on: its own with two judged attempts."""
        return [k for k in super()._own(rollouts) if attempts_of(rollouts[k].record) is not None]

    def _has_reference(self) -> bool:
        return self._settings.beta > 0 or self._settings.beta2 > 0

    def _weigh_divergence(
        self, batch: dict[str, torch.Tensor], tensors: TokenWeights, turns: Sequence[int], iteration: int
    ) -> None:
        """Weigh the divergence of each turn: the first one counts more in stage I."""
        stage = self._stage(iteration)
        added = self._settings.beta2 if stage == 1 else 0.0
        weights = [np.where(np.arange(number) == 0, added, 0.0) + self._settings.beta for number in turns]
        batch["kl_weights"] = tensors(weights)["advantages"]
        batch["first_turn"] = tensors([(np.arange(number) == 0).astype(float) for number in turns])["advantages"]
        self._rows[iteration]["stage"] = float(stage)

    def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> Any:
        found = super()._get_per_token_logps_and_entropies(*args, **kwargs)
        if kwargs.get("compute_entropy"):  # in the loss alone
            self._logprobs_now = found[0]
        return found

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        """Return the policy's loss and the weighted divergence, both summed over tokens and with TRL's constant."""
        loss = super()._compute_loss(model, inputs)
        now, self._logprobs_now = self._logprobs_now, None
        if "kl_weights" not in inputs or now is None:
            return loss
        mask = inputs["completion_mask"] * inputs["tool_mask"]
        difference = inputs["ref_per_token_logps"] - now
        divergence = (torch.exp(difference) - difference - 1) * mask
        rows = self._rows_trained(inputs)
        for name, share in (("first", inputs["first_turn"]), ("second", 1 - inputs["first_turn"])):
            self._metrics["train"][f"kl/{name}"].append(float((divergence * share).sum().detach() / rows))
        return loss + (divergence * inputs["kl_weights"]).sum() / (rows * self.max_completion_length)
