"""TRL's ``GRPOTrainer`` with our rollouts and an advantage for each token."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import datasets
import numpy as np
import torch
from numpy.typing import NDArray
from trl import GRPOConfig, GRPOTrainer  # type: ignore[attr-defined]  # lazily exported

from quintain.agents.language.chat import ChatAgent
from quintain.errors import ConfigurationError, EngineError
from quintain.seeding import SeedStream
from quintain.training.folder import TrainingRun
from quintain.training.language.advantages import turn_advantages
from quintain.training.language.batch import token_batch
from quintain.training.language.grpo_settings import GRPOSettings
from quintain.training.language.measure import Measured, measure
from quintain.training.language.rollouts import Rollout, play_rollouts
from quintain.training.language.trl_trainer import HeldModel
from quintain.training.sources import Problems, Worlds

__all__ = ["RolloutTrainer", "make_trainer"]


def make_trainer(
    model: Any,
    agent: ChatAgent,
    source: Worlds | Problems,
    settings: GRPOSettings,
    seeds: SeedStream,
    run: TrainingRun,
    held: HeldModel,
    measured: Measured,
    arguments: Mapping[str, Any],
) -> RolloutTrainer:
    """Return a trainer that is ready to train.

    Args:
        model: The model, perhaps with adapters.
        agent: The agent that plays with it.
        source: What is played.
        settings: Settings of the method.
        seeds: Seed stream of the training.
        run: The run that records it.
        held: The lock of the engine's model.
        measured: Where the policy is measured.
        arguments: Arguments of transformers that do not depend on the method.
    """
    config = GRPOConfig(
        **arguments,
        max_steps=settings.iterations * settings.optimizer_steps,
        per_device_train_batch_size=settings.episodes // settings.steps_per_generation,
        steps_per_generation=settings.steps_per_generation,
        gradient_accumulation_steps=1,
        num_generations=settings.num_generations if settings.num_generations > 1 else settings.episodes,
        num_iterations=settings.num_iterations,
        max_completion_length=agent.settings.sampling.max_tokens,
        temperature=settings.temperature,
        epsilon=settings.epsilon,
        epsilon_high=settings.epsilon_high,
        beta=0.0,  # with another value TRL would load the reference policy from a path; see RolloutTrainer
        loss_type=settings.loss_type,
        scale_rewards="none",  # advantages are ours
        logging_steps=settings.optimizer_steps,
        log_completions=False,
    )
    rows = [{"prompt": [{"role": "user", "content": ""}]}] * settings.episodes  # TRL wants a data set
    engine: Any = agent.engine
    if config.world_size > 1:
        raise ConfigurationError("training in several processes is not supported yet: start one process")
    trainer = RolloutTrainer(
        model=model,
        processing_class=engine.tokenizer,
        reward_funcs=_no_reward,
        train_dataset=datasets.Dataset.from_list(rows),
        args=config,
    )
    trainer.begin(agent, source, settings, seeds, run, held, measured)
    return trainer


def _no_reward(completions: Sequence[Any], **_: Any) -> list[float]:
    raise AssertionError("rewards come from the environment")


class RolloutTrainer(GRPOTrainer):
    """Plays a batch of episodes where TRL would complete a batch of prompts."""

    def begin(
        self,
        agent: ChatAgent,
        source: Worlds | Problems,
        settings: GRPOSettings,
        seeds: SeedStream,
        run: TrainingRun,
        held: HeldModel,
        measured: Measured,
    ) -> None:
        """Take what :func:`make_trainer` was given."""
        self._agent, self._source, self._settings, self._seeds = agent, source, settings, seeds
        self._run, self._held, self._measured = run, held, measured
        self._rows: dict[int, dict[str, float]] = {}
        self._warned = False
        self._frozen: Any = None
        if settings.beta and settings.lora is None:
            self._frozen = copy.deepcopy(self.model).eval().requires_grad_(False)

    def row_of(self, step: int) -> dict[str, float]:
        """Return the metrics of the episodes of a step, from 1."""
        return self._rows.pop(step - 1, {})

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        """Play the episodes of an iteration; return them as tensors."""
        settings = self._settings
        iteration = self.state.global_step // settings.optimizer_steps
        self.beta = 0.0
        training, model = self.model.training, self.accelerator.unwrap_model(self.model)
        model.eval()
        if self._measured.due(iteration):
            self._run.drop_evaluation(iteration)  # of a training that was killed after it
            with self._held.playing():
                found = measure(self._agent, self._measured, self._seeds.child("evaluation"))
            self._run.log({"step": iteration, **found})
        with self._held.playing():  # the evaluation's cache is dropped: a resumed training has none
            rollouts, played = self._play(iteration)
        model.train(training)
        torch.manual_seed(self._seeds.child("minibatches")[iteration])
        advantages = turn_advantages(
            rollouts,
            credit=settings.credit,
            baseline=settings.baseline,
            scale=settings.scale,
            gamma=settings.gamma,
        )
        self._rows[iteration] = _metrics(played, advantages, rollouts)
        if not self._rows[iteration]["signal"] and not self._warned:
            self._warned = True
            warnings.warn(
                f"all episodes of each group of iteration {iteration} have the same return, so there is no gradient; "
                "choose problems that the policy solves sometimes",
                stacklevel=2,
            )
        batch = token_batch(
            rollouts,
            advantages,
            pad_token_id=self.processing_class.pad_token_id or 0,
            multiple=settings.steps_per_generation,
            mask_environment=settings.mask_environment,
            device=self.accelerator.device,
        )
        if settings.temperature != 1.0 or not settings.mask_environment:
            batch["old_per_token_logps"] = self._logprobs(self.model, batch)
        if settings.beta:
            self.beta = settings.beta
            batch["ref_per_token_logps"] = self._reference(batch)
        return batch

    def _play(self, iteration: int) -> tuple[list[Rollout], list[Rollout]]:
        """Return the episodes to learn from, and all that were played."""
        settings, size = self._settings, self._settings.num_prompts
        rounds = 1 + settings.dynamic_sampling
        kept: list[Rollout] = []
        played: list[Rollout] = []
        for number in range(rounds):
            first = (iteration * rounds + number) * size
            new = play_rollouts(
                self._source,
                self._agent,
                groups=range(first, first + size),
                group_size=settings.num_generations,
                seeds=self._seeds.child("problems"),
                first_index=first * settings.num_generations,
                concurrency=settings.concurrency,
                sink=self._run.add_episode,
            )
            played += new
            kept += new if rounds == 1 else _with_signal(new)
            if len({r.group for r in kept}) >= size:
                break
        _raise_if_all_failed(played)
        groups = list(dict.fromkeys(r.group for r in kept))[:size]
        return [r for r in kept if r.group in set(groups)], played

    def _prepare_inputs(self, generation_batch: Any) -> dict[str, Any]:
        """Return the next minibatch, without the columns that are padding in all of its rows."""
        inputs = dict(super()._prepare_inputs(generation_batch))
        prompt, completion = inputs["prompt_mask"].any(0), inputs["completion_mask"].any(0)
        for name, value in inputs.items():
            if name.startswith("prompt_"):
                inputs[name] = value[:, prompt]
            elif isinstance(value, torch.Tensor) and value.dim() == 2:
                inputs[name] = value[:, completion]
        return inputs

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        """Return TRL's loss; where it is a mean over rows, those that only fill the batch up do not count."""
        loss: torch.Tensor = super()._compute_loss(model, inputs)  # type: ignore[no-untyped-call]
        trained = (inputs["completion_mask"] * inputs["tool_mask"]).any(1)
        if self.loss_type in ("grpo", "dr_grpo"):
            loss = loss * (len(trained) / trained.sum().clamp(min=1))
        return loss

    def _logprobs(self, model: Any, batch: Mapping[str, Any]) -> torch.Tensor:
        ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
        mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
        width = batch["completion_ids"].size(1)
        with torch.no_grad():
            found, *_ = self._get_per_token_logps_and_entropies(
                model, ids, mask, width, batch_size=self.args.per_device_train_batch_size
            )
        return found

    def _reference(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Return the log-probabilities under the start policy."""
        if self._frozen is not None:
            return self._logprobs(self._frozen, batch)
        with self.accelerator.unwrap_model(self.model).disable_adapter():
            return self._logprobs(self.model, batch)


def _with_signal(rollouts: Sequence[Rollout]) -> list[Rollout]:
    returns: dict[int, set[float]] = {}
    for rollout in rollouts:
        if rollout.valid:
            returns.setdefault(rollout.group, set()).add(rollout.record.reward)
    return [r for r in rollouts if len(returns.get(r.group, ())) > 1]


def _raise_if_all_failed(rollouts: Sequence[Rollout]) -> None:
    if rollouts and not any(r.valid for r in rollouts):
        error = rollouts[0].record.error or {}
        raise EngineError(
            f"all {len(rollouts)} episodes of an iteration failed, the first with {error.get('type')} in the "
            f"{error.get('boundary')}: {error.get('message')}"
        )


def _metrics(
    played: Sequence[Rollout], advantages: Sequence[NDArray[np.float64]], rollouts: Sequence[Rollout]
) -> dict[str, float]:
    """Return what the episodes of an iteration were like."""
    valid = [r.record for r in played if r.valid]
    judged = [r for r in valid if r.outcome != "finished"]
    groups: dict[int, bool] = {}
    for rollout, advantage in zip(rollouts, advantages, strict=True):
        if rollout.valid:
            groups[rollout.group] = groups.get(rollout.group, False) or bool(np.any(advantage))
    terms = {name for record in valid for name in record.reward_terms}
    row = {
        "reward": _mean(r.reward for r in valid),
        "reward_std": float(np.std([r.reward for r in valid])) if valid else float("nan"),
        "turns": _mean(len(r.steps) for r in valid),
        "completion_tokens": _mean(r.completion_tokens for r in valid),
        "truncated": _mean(r.truncated for r in valid),
        "errors": float(len(played) - len(valid)),
        "signal": _mean(groups.values()) if groups else 0.0,
        "joined": _mean(len(r.sequences) == 1 for r in played if r.sequences),
        **{f"reward/{name}": _mean(r.reward_terms.get(name, 0.0) for r in valid) for name in sorted(terms)},
    }
    return row | ({"success": _mean(r.outcome == "success" for r in judged)} if judged else {})


def _mean(values: Any) -> float:
    listed = list(chain(values))
    return float(np.mean(listed)) if listed else float("nan")
