"""TRL's ``GRPOTrainer`` with our rollouts and an advantage for each token."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from numpy.typing import NDArray
from trl import GRPOConfig, GRPOTrainer  # type: ignore[attr-defined]  # lazily exported

from quintain.agents.language.chat import ChatAgent
from quintain.errors import ConfigurationError, EngineError
from quintain.records import EpisodeRecord
from quintain.seeding import SeedStream
from quintain.training.folder import TrainingRun
from quintain.training.language.advantages import EPSILON, turn_advantages
from quintain.training.language.batch import token_batch
from quintain.training.language.critic import Critic, estimates
from quintain.training.language.critic_settings import CriticSettings
from quintain.training.language.grpo_settings import GRPOSettings
from quintain.training.language.measure import EvaluationPlan, measure
from quintain.training.language.policy import policy_weights
from quintain.training.language.rollouts import Rollout, play_rollouts
from quintain.training.language.trl_trainer import HeldModel, Processes
from quintain.training.sources import Matches, Problems, Worlds

__all__ = ["RolloutTrainer", "Setup", "TokenWeights", "check_processes", "raise_if_all_failed"]

#: Makes tensors of weights of turns: ``["advantages"]`` has the weight of each token, shape ``(rows, completion)``.
TokenWeights = Callable[[Sequence[NDArray[np.float64]]], dict[str, torch.Tensor]]

#: File of a checkpoint with the critic's weights and optimiser.
_CRITIC = "critic.pt"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a training works with.

    Attributes:
        agent: The agent that plays with the model.
        source: What is played: an environment, problems of it, or matches of a game.
        settings: Settings of the method.
        seeds: Seed stream of the training.
        run: The run that records it.
        held: The lock of the engine's model.
        evaluation: Where the policy is measured.
        critic: Predicts returns, where there is one. Default: ``None``.
        sampler: The same agent with the engine that plays for the model, where it is another one. Default: ``None``.
        processes: The processes that train together. Default: this one alone.
    """

    agent: ChatAgent
    source: Worlds | Problems | Matches
    settings: GRPOSettings
    seeds: SeedStream
    run: TrainingRun
    held: HeldModel
    evaluation: EvaluationPlan
    critic: Critic | None = None
    sampler: ChatAgent | None = None
    processes: Processes = field(default_factory=lambda: Processes(1, 0))


def _config(setup: Setup, arguments: Mapping[str, Any]) -> GRPOConfig:
    """Return TRL's configuration."""
    settings, number = setup.settings, setup.processes.number
    return GRPOConfig(
        **arguments,
        max_steps=settings.iterations * settings.optimizer_steps,
        per_device_train_batch_size=settings.episodes // settings.steps_per_generation // number,
        steps_per_generation=settings.steps_per_generation,
        gradient_accumulation_steps=1,
        num_generations=settings.num_generations if settings.num_generations > 1 else settings.episodes,
        num_iterations=settings.num_iterations,
        max_completion_length=setup.agent.settings.sampling.max_tokens,
        temperature=settings.temperature,
        epsilon=settings.epsilon,
        epsilon_high=settings.epsilon_high,
        beta=0.0,  # with another value TRL would load the reference policy from a path; see RolloutTrainer
        loss_type=settings.loss_type,
        scale_rewards="none",  # advantages are ours
        logging_steps=settings.optimizer_steps,
        log_completions=False,
        ddp_find_unused_parameters=False,
    )


def check_processes(settings: GRPOSettings, number: int) -> None:
    """Check that the episodes divide among processes.

    Raises:
        ConfigurationError: If they do not, or there is a critic, which one process trains.
    """
    if number == 1:
        return
    if settings.num_prompts % number or settings.episodes % (settings.steps_per_generation * number):
        raise ConfigurationError(
            f"{settings.num_prompts} groups in {settings.steps_per_generation} minibatches do not divide among "
            f"{number} processes: change num_prompts or steps_per_generation"
        )
    if settings.baseline == "critic":
        raise ConfigurationError("a critic is trained by one process: start one, or choose another baseline")


def _no_reward(completions: Sequence[Any], **_: Any) -> list[float]:
    raise AssertionError("rewards come from the environment")


class RolloutTrainer(GRPOTrainer):
    """Plays a batch of episodes where TRL would complete a batch of prompts.

    Args:
        model: The model, perhaps with adapters.
        setup: What the training works with.
        arguments: Arguments of transformers that do not depend on the method.
    """

    def __init__(self, model: Any, setup: Setup, arguments: Mapping[str, Any]) -> None:
        engine: Any = setup.agent.engine
        rows = [{"prompt": [{"role": "user", "content": ""}]}] * setup.settings.episodes  # TRL wants a data set
        super().__init__(
            model=model,
            processing_class=engine.tokenizer,
            reward_funcs=_no_reward,
            train_dataset=datasets.Dataset.from_list(rows),
            args=_config(setup, arguments),
        )
        self._setup = setup
        self._rows: dict[int, dict[str, float]] = {}
        self._warned = False
        self._frozen: Any = None
        if self._has_reference() and setup.settings.lora is None:
            self._frozen = copy.deepcopy(self.model).eval().requires_grad_(False)

    def row_of(self, step: int) -> dict[str, float]:
        """Return the metrics of the episodes of a step, from 1."""
        return self._rows.pop(step - 1, {})

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        """Play the episodes of an iteration; return them as tensors."""
        setup, settings = self._setup, self._setup.settings
        iteration = self.state.global_step // settings.optimizer_steps
        self.beta = 0.0
        training, model = self.model.training, self.accelerator.unwrap_model(self.model)
        model.eval()
        if setup.sampler is not None:
            setup.sampler.engine.load_weights(policy_weights(model))
        if setup.evaluation.due(iteration) and setup.processes.first:
            setup.run.drop_evaluation(iteration)  # of a training that was killed after it
            with setup.held.playing():
                found = measure(setup.sampler or setup.agent, setup.evaluation, setup.seeds.child("evaluation"))
            setup.run.log({"step": iteration, **found})
        with setup.held.playing():  # the evaluation's cache is dropped: a resumed training has none
            rollouts, played = self._play(iteration)
        model.train(training)
        torch.manual_seed(setup.seeds.child("minibatches")[iteration])
        advantages = self._advantages(rollouts, iteration)
        own = self._own(rollouts)
        tensors = partial(
            token_batch,
            [rollouts[k] for k in own],
            pad_token_id=self.processing_class.pad_token_id or 0,
            multiple=settings.steps_per_generation,
            at_least=max(1, *setup.processes.gather([sum(len(rollouts[k].sequences) for k in own)])),
            mask_environment=settings.mask_environment,
            device=self.accelerator.device,
        )
        batch = tensors([advantages[k] for k in own])
        if setup.processes.number > 1:
            batch["num_items_in_batch"] = self.accelerator.reduce(batch["num_items_in_batch"], "sum")
        self._rows[iteration] = _metrics(played, advantages, rollouts)
        if setup.critic is not None:
            self._rows[iteration] |= self._ask_critic(setup.critic, rollouts, batch, iteration)
        elif not self._rows[iteration]["signal"] and not self._warned:
            self._warned = True
            warnings.warn(
                f"all episodes of each group of iteration {iteration} have the same return, so there is no gradient; "
                "choose problems that the policy solves sometimes",
                stacklevel=2,
            )
        if settings.temperature != 1.0 or not settings.mask_environment:
            batch["old_per_token_logps"] = self._logprobs(self.model, batch)
        if self._has_reference():
            batch["ref_per_token_logps"] = self._reference(batch)
            self._weigh_divergence(batch, tensors, [len(rollouts[k].rewards) for k in own], iteration)
        return batch

    def _advantages(self, rollouts: Sequence[Rollout], iteration: int) -> list[NDArray[np.float64]]:
        """Return the advantage of each turn; with a critic, which compares no episodes, the rewards from it on."""
        settings = self._setup.settings
        critic = settings.baseline == "critic"
        return turn_advantages(
            rollouts,
            credit=settings.credit,
            baseline="none" if settings.baseline == "critic" else settings.baseline,
            scale="none" if critic else settings.scale,
            gamma=settings.gamma,
        )

    def _has_reference(self) -> bool:
        """Whether the policy is compared with the start policy."""
        return self._setup.settings.beta > 0

    def _weigh_divergence(
        self, batch: dict[str, torch.Tensor], tensors: TokenWeights, turns: Sequence[int], iteration: int
    ) -> None:
        """Set how much the divergence from the start policy counts: here that of all tokens alike."""
        self.beta = self._setup.settings.beta

    def _ask_critic(
        self, critic: Critic, rollouts: Sequence[Rollout], batch: dict[str, torch.Tensor], iteration: int
    ) -> dict[str, float]:
        """Put the critic's advantages into the batch, let it learn from the returns, and return metrics of it."""
        settings = self._setup.settings
        chosen = settings.critic or CriticSettings()
        values = critic.values(batch)
        found = estimates(rollouts, batch, values, gamma=settings.gamma, gae_lambda=chosen.gae_lambda)
        trained = (batch["tool_mask"] * batch["completion_mask"]).bool()
        advantages = found.advantages
        if settings.scale == "batch" and int(trained.sum()) > 1:
            spread = advantages[trained].std() + EPSILON
            advantages = torch.where(trained, (advantages - advantages[trained].mean()) / spread, 0.0)
        batch["advantages"] = advantages
        generator = torch.Generator().manual_seed(self._setup.seeds.child("critic")[iteration])
        metrics = critic.fit(batch, found.returns, generator)
        spread = found.returns[trained].var(unbiased=False)
        error = (found.returns - values)[trained].var(unbiased=False)
        # Without a spread there is nothing to explain.
        return metrics | ({"critic/explained_variance": float(1 - error / spread)} if spread > 0 else {})

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)
        if self._setup.critic is not None:
            torch.save(self._setup.critic.state_dict(), Path(output_dir) / _CRITIC)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[no-untyped-call]
        if checkpoint is not None and self._setup.critic is not None:
            self._setup.critic.load_state_dict(torch.load(Path(checkpoint) / _CRITIC, weights_only=True))

    def _play(self, iteration: int) -> tuple[list[Rollout], list[Rollout]]:
        """Return the episodes to learn from, and all that were played."""
        setup, settings = self._setup, self._setup.settings
        size = settings.num_prompts
        rounds = 1 + settings.dynamic_sampling
        kept: list[Rollout] = []
        played: list[Rollout] = []
        for number in range(rounds):
            first = (iteration * rounds + number) * size
            mine = play_rollouts(
                setup.source,
                setup.sampler or setup.agent,
                groups=setup.processes.share(range(first, first + size)),
                group_size=settings.num_generations,
                seeds=setup.seeds.child("problems"),
                concurrency=settings.concurrency,
                sink=setup.run.add_episode,
            )
            new = sorted(setup.processes.gather(mine), key=lambda r: (r.group, r.record.index))
            self._write_others(new, mine)
            played += new
            kept += new if rounds == 1 else _with_signal(new)
            wanted = size * len({r.seat for r in new})  # each seat of a match has its groups
            if len({r.group for r in kept}) >= wanted:
                break
        raise_if_all_failed([rollout.record for rollout in played])
        groups = list(dict.fromkeys(r.group for r in kept))[:wanted]
        return [r for r in kept if r.group in set(groups)], played

    def _own(self, rollouts: Sequence[Rollout]) -> list[int]:
        """Return which rollouts this process trains on: whole groups, every n-th of them."""
        groups = set(self._setup.processes.share(list(dict.fromkeys(r.group for r in rollouts))))
        return [k for k, rollout in enumerate(rollouts) if rollout.group in groups]

    def _write_others(self, every: Sequence[Rollout], mine: Sequence[Rollout]) -> None:
        """Write the episodes that other processes played."""
        if self._setup.processes.number > 1 and self._setup.processes.first:
            written = {rollout.record.index for rollout in mine}
            for rollout in every:
                if rollout.record.index not in written:
                    written.add(rollout.record.index)
                    self._setup.run.add_episode(rollout.record)

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
        if self.loss_type in ("grpo", "dr_grpo"):
            loss = loss * (len(inputs["tool_mask"]) / self._rows_trained(inputs))
        return loss

    def _rows_trained(self, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the number of rows that are trained on; of several processes, their mean."""
        number = (inputs["completion_mask"] * inputs["tool_mask"]).any(1).sum().float()
        if self.accelerator.num_processes > 1:  # gradients are averaged over processes, rows over all of them
            number = self.accelerator.reduce(number, "mean")
        return number.clamp(min=1 / self.accelerator.num_processes)

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
            returns.setdefault(rollout.group, set()).add(rollout.total)
    return [r for r in rollouts if len(returns.get(r.group, ())) > 1]


def raise_if_all_failed(records: Sequence[EpisodeRecord]) -> None:
    """Raise an error if there are episodes and infrastructure failures ended all of them.

    Raises:
        EngineError: With the failure of the first.
    """
    if records and all(record.outcome == "error" for record in records):
        error = records[0].error or {}
        raise EngineError(
            f"all {len(records)} episodes of an iteration failed, the first with {error.get('type')} in the "
            f"{error.get('boundary')}: {error.get('message')}"
        )


def _metrics(
    played: Sequence[Rollout], advantages: Sequence[NDArray[np.float64]], rollouts: Sequence[Rollout]
) -> dict[str, float]:
    """Return what the episodes of an iteration were like."""
    learned = [r for r in played if r.valid]
    valid = [r.record for r in learned]
    judged = [r for r in valid if r.outcome != "finished"]
    groups: dict[int, bool] = {}
    for rollout, advantage in zip(rollouts, advantages, strict=True):
        if rollout.valid:
            groups[rollout.group] = groups.get(rollout.group, False) or bool(np.any(advantage))
    terms = {name for record in valid for name in record.reward_terms}
    counted = [record.info.get("metrics") or {} for record in valid]
    row = {
        "reward": _mean(r.total for r in learned),
        "reward_std": float(np.std([r.total for r in learned])) if learned else float("nan"),
        "turns": _mean(len(r.rewards) for r in learned),
        "completion_tokens": _mean(r.completion_tokens for r in valid),
        "truncated": _mean(r.truncated for r in valid),
        "errors": float(len(played) - len(valid)),
        "signal": _mean(groups.values()) if groups else 0.0,
        "joined": _mean(len(r.sequences) == 1 for r in played if r.sequences),
        **{f"reward/{name}": _mean(r.reward_terms.get(name, 0.0) for r in valid) for name in sorted(terms)},
        **{f"metrics/{name}": _mean(c[name] for c in counted if name in c) for name in sorted(set().union(*counted))},
    }
    return row | ({"success": _mean(r.outcome == "success" for r in judged)} if judged else {})


def _mean(values: Any) -> float:
    listed = list(chain(values))
    return float(np.mean(listed)) if listed else float("nan")
