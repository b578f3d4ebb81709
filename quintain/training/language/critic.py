"""A critic: a model that predicts the return (sum of future rewards) before each token, and advantage estimates.

Proximal policy optimisation (PPO, Schulman et al. 2017, arXiv 1707.06347) compares an episode with what a critic
expected instead of with other episodes of its group. The critic is a copy of the policy's network with a linear head
that begins at 0. Advantages are generalised advantage estimates (GAE, Schulman et al. 2016, arXiv 1506.02438, equation
16) over the tokens that are trained on; the reward of a turn belongs to the turn's last token.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quintain.training.language.critic_settings import CriticSettings
from quintain.training.language.rollouts import Rollout
from quintain.training.language.sequences import NOT_WRITTEN

__all__ = ["Critic", "Estimates", "estimates"]


@dataclass(frozen=True, slots=True)
class Estimates:
    """Advantages and value targets of a batch, each of shape ``(rows, completion)``, 0 for untrained tokens.

    Attributes:
        advantages: Advantage of each token.
        returns: Value target before each token: the advantage plus the predicted value.
    """

    advantages: torch.Tensor
    returns: torch.Tensor


class Critic:
    """Predicts the return (sum of future rewards) before each token.

    Args:
        model: The policy's model, of ``transformers``; its network is copied.
        settings: Settings of the critic.
    """

    def __init__(self, model: Any, settings: CriticSettings) -> None:
        self._settings = settings
        self._trunk = copy.deepcopy(model.base_model).requires_grad_(True)
        self._head = torch.nn.Linear(model.config.hidden_size, 1, bias=True).to(model.device, torch.float32)
        with torch.no_grad():
            self._head.weight.zero_()
            self._head.bias.zero_()
        self._weights = [*self._trunk.parameters(), *self._head.parameters()]
        self._optimizer = torch.optim.AdamW(self._weights, lr=settings.learning_rate, weight_decay=0.0)

    def values(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the predicted return before each token of the completions, shape ``(rows, completion)``."""
        parts = torch.arange(len(batch["prompt_ids"])).split(self._settings.batch_size)
        with torch.no_grad():
            return torch.cat([self._values(batch, rows) for rows in parts])

    def fit(
        self, batch: Mapping[str, torch.Tensor], returns: torch.Tensor, generator: torch.Generator
    ) -> dict[str, float]:
        """Take the optimiser steps of one iteration towards the returns; return metrics of it.

        Args:
            batch: A token batch; see :func:`~quintain.training.language.batch.token_batch`.
            returns: Value targets, shape ``(rows, completion)``.
            generator: Generator that draws the minibatches.
        """
        trained = batch["tool_mask"] * batch["completion_mask"]
        losses = []
        for _ in range(self._settings.epochs):
            for rows in torch.randperm(len(returns), generator=generator).split(self._settings.batch_size):
                mask = trained[rows]
                if not mask.any():
                    continue
                error = (self._values(batch, rows) - returns[rows]) * mask
                loss = 0.5 * error.square().sum() / mask.sum()
                self._optimizer.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self._weights, 1.0)
                self._optimizer.step()
                losses.append(float(loss.detach()))
        return {"critic/loss": float(np.mean(losses))} if losses else {}

    def _values(self, batch: Mapping[str, torch.Tensor], rows: torch.Tensor) -> torch.Tensor:
        ids = torch.cat([batch["prompt_ids"][rows], batch["completion_ids"][rows]], dim=1)
        mask = torch.cat([batch["prompt_mask"][rows], batch["completion_mask"][rows]], dim=1)
        before = batch["prompt_ids"].size(1) - 1  # the position from which the first token is predicted
        hidden = self._trunk(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        predicted: torch.Tensor = self._head(hidden[:, before:-1].float())[..., 0]
        return predicted

    def state_dict(self) -> dict[str, Any]:
        """Return weights and optimiser, for a checkpoint."""
        return {
            "trunk": self._trunk.state_dict(),
            "head": self._head.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a checkpoint."""
        self._trunk.load_state_dict(state["trunk"])
        self._head.load_state_dict(state["head"])
        self._optimizer.load_state_dict(state["optimizer"])


def estimates(
    rollouts: Sequence[Rollout],
    batch: Mapping[str, torch.Tensor],
    values: torch.Tensor,
    *,
    gamma: float = 1.0,
    gae_lambda: float = 1.0,
) -> Estimates:
    """Return the generalised advantage estimates of a batch.

    Args:
        rollouts: The episodes of the batch, in its order.
        batch: The batch that :func:`~quintain.training.language.batch.token_batch` made of them.
        values: Predictions of the critic, shape ``(rows, completion)``.
        gamma: Discount factor from one turn to the next, in [0, 1]. Default: 1.
        gae_lambda: Weight of later differences, per token, in [0, 1]: 0 trusts the critic alone, 1 the rewards.
            Default: 1.
    """
    trained = (batch["tool_mask"] * batch["completion_mask"]).bool().cpu().numpy()
    predicted = values.double().cpu().numpy()
    advantages, returns = np.zeros(predicted.shape), np.zeros(predicted.shape)
    first = 0
    for rollout in rollouts:
        if not rollout.valid:
            continue
        places, turns = _places(rollout, trained, first)
        first += len(rollout.sequences)
        if not len(places):
            continue
        expected = predicted[tuple(places.T)]
        found = _gae(expected, _rewards(rollout, turns), turns, gamma, gae_lambda)
        advantages[tuple(places.T)], returns[tuple(places.T)] = found, found + expected
    as_tensor = batch["advantages"].new_tensor
    return Estimates(as_tensor(advantages), as_tensor(returns))


def _places(rollout: Rollout, trained: NDArray[Any], first: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return row, column and turn of the tokens of an episode that are trained on, in order."""
    places, turns = [], []
    for row, sequence in enumerate(rollout.sequences, start=first):
        written = np.array(sequence.turns[sequence.prompt_length :])
        columns = np.flatnonzero(trained[row, : len(written)])
        places.append(np.stack([np.full(len(columns), row), columns], axis=1))
        # What the environment writes belongs to the turn before it.
        turns.append(np.maximum.accumulate(np.where(written == NOT_WRITTEN, -1, written))[columns])
    if not places:
        return np.zeros((0, 2), dtype=int), np.zeros(0, dtype=int)
    return np.concatenate(places), np.concatenate(turns)


def _rewards(rollout: Rollout, turns: NDArray[Any]) -> NDArray[np.float64]:
    """Return the reward after each token; a turn without tokens is rewarded after the last token before it."""
    rewards = np.zeros(len(turns))
    for turn, reward in enumerate(rollout.rewards):
        before = np.flatnonzero(turns <= turn)
        if len(before):
            rewards[before[-1]] += reward
    rewards[-1] += rollout.rest
    return rewards


def _gae(
    values: NDArray[np.float64], rewards: NDArray[np.float64], turns: NDArray[Any], gamma: float, gae_lambda: float
) -> NDArray[np.float64]:
    """Return the advantages of consecutive tokens; after the last one nothing more is to come."""
    found = np.zeros(len(values))
    value, advantage, turn = 0.0, 0.0, turns[-1]
    for at in reversed(range(len(values))):
        discount = gamma ** int(turn - turns[at])
        advantage = rewards[at] + discount * value - values[at] + discount * gae_lambda * advantage
        found[at] = advantage
        value, turn = values[at], turns[at]
    return found
