"""The rollout trainer with the reward of a monitor, its dual variable, and a frozen copy of the policy that judges."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from quintain.evaluation.loop import run_in_loop
from quintain.evaluation.requests import requests_of
from quintain.monitored_replies import Label, MonitoredReply, read_monitored
from quintain.rewards.self_monitor import Audited, Monitor, SelfMonitor, make_monitor, monitor_reward
from quintain.training.language.cot_monitor import dual_step
from quintain.training.language.cot_monitor_settings import CoTMonitorSettings
from quintain.training.language.grpo_trainer import RolloutTrainer
from quintain.training.language.rollouts import Rollout
from quintain.training.language.sequences import NOT_WRITTEN, TokenSequence

__all__ = ["CoTMonitorTrainer", "condition_metrics", "without_audit"]

#: Audit and label of a reply, in what a policy wrote.
_AUDIT = re.compile(r"</think>\s*(<monitor>.*?)(?=<output>|\Z)", re.DOTALL | re.IGNORECASE)
#: File of a checkpoint with the dual variable and the monitor's weights.
_STATE = "monitor.pt"


class CoTMonitorTrainer(RolloutTrainer):
    """Adds lambda R_s to the reward of the last turn.

    The settings are :class:`~quintain.training.language.cot_monitor_settings.CoTMonitorSettings`.
    """

    def __init__(self, model: Any, setup: Any, arguments: Any) -> None:
        self._settings: CoTMonitorSettings = setup.settings
        self._multiplier = self._settings.multiplier
        self._copy: dict[str, torch.Tensor] = {}
        self._judged: dict[int, dict[str, float]] = {}
        self._monitor: Monitor | None = None
        if self._settings.monitor == "self":
            self._monitor = SelfMonitor(setup.agent.engine, self._settings.monitor_tokens)
        elif self._settings.monitor == "external":
            self._monitor = make_monitor(self._settings.external)
        super().__init__(model, setup, arguments)

    def row_of(self, step: int) -> dict[str, float]:
        """Return the metrics of the episodes of a step, from 1, with those of the monitor."""
        return super().row_of(step) | self._judged.pop(step - 1, {})

    def _play(self, iteration: int) -> tuple[list[Rollout], list[Rollout]]:
        """Return the episodes to learn from, with the reward of the monitor, and all that were played."""
        kept, played = super()._play(iteration)
        if not self._settings.train_audit:
            decode = self._setup.agent.engine.tokenizer.decode  # type: ignore[attr-defined]
            kept = [replace(r, sequences=[without_audit(s, decode) for s in r.sequences]) for r in kept]
        self._judged[iteration] = condition_metrics(played)
        if self._monitor is None:
            return kept, played
        if self._settings.monitor == "self" and iteration % self._settings.refresh_every == 0:
            self._copy = {name: weight.detach().clone() for name, weight in self._trained()}
        labels = self._verdicts(self._monitor, kept)
        paid = [monitor_reward(label, self._settings.penalty) for label in labels]
        valid = [k for k, rollout in enumerate(kept) if rollout.valid and rollout.rewards]
        mean = float(np.mean([paid[k] for k in valid])) if valid else 0.0
        self._judged[iteration] |= {
            "monitor/unsafe": float(np.mean([labels[k] == "unsafe" for k in valid])) if valid else 0.0,
            "monitor/unreadable": float(np.mean([labels[k] is None for k in valid])) if valid else 0.0,
            "monitor/reward": mean,
            "monitor/multiplier": self._multiplier,
        }
        added = dict.fromkeys(valid, self._multiplier)
        self._multiplier = dual_step(self._multiplier, mean, self._settings.multiplier_lr)
        return [
            replace(rollout, rewards=(*rollout.rewards[:-1], rollout.rewards[-1] + added[k] * paid[k]))
            if k in added else rollout
            for k, rollout in enumerate(kept)
        ], played  # fmt: skip

    def _verdicts(self, monitor: Monitor, rollouts: Sequence[Rollout]) -> list[Label | None]:
        """Return the verdict on each episode; processes share the work."""
        processes = self._setup.processes
        mine = list(processes.share(range(len(rollouts))))
        audited = [_audited(rollouts[k]) for k in mine]
        with self._copy_in_place():
            found = run_in_loop(lambda: _ask(monitor, audited))
        by_number = dict(processes.gather(list(zip(mine, found, strict=True))))
        return [by_number[k] for k in range(len(rollouts))]

    @contextmanager
    def _copy_in_place(self) -> Iterator[None]:
        """Let the engine generate with the weights of the frozen copy, if there is one."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        if not self._copy:
            return
        engine: Any = self._setup.agent.engine
        with engine.exclusive():  # which drops what was cached of other weights
            for name, weight in self._trained():
                weight.data, self._copy[name] = self._copy[name], weight.data

    def _trained(self) -> list[tuple[str, torch.nn.Parameter]]:
        model = self.accelerator.unwrap_model(self.model)
        return [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)
        torch.save({"multiplier": self._multiplier, "copy": self._copy}, Path(output_dir) / _STATE)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None:
            state = torch.load(Path(checkpoint) / _STATE, weights_only=True, map_location=self.accelerator.device)
            self._multiplier, self._copy = state["multiplier"], state["copy"]


def without_audit(sequence: TokenSequence, decode: Callable[[list[int]], str]) -> TokenSequence:
    """Return a sequence in which audit and label of the last reply are not trained on.

    Args:
        sequence: The tokens of an episode, of which those of the last turn are a reply.
        decode: Returns the text of tokens.
    """
    last = max(sequence.turns, default=NOT_WRITTEN)
    written = [k for k, turn in enumerate(sequence.turns) if turn == last != NOT_WRITTEN]
    texts = [decode([sequence.token_ids[k]]) for k in written]
    found = _AUDIT.search("".join(texts))
    if found is None:
        return sequence
    ends = np.cumsum([len(text) for text in texts])
    inside = (ends > found.start(1)) & (ends - [len(text) for text in texts] < found.end(1))
    masked = {k for k, within in zip(written, inside, strict=True) if within}
    return replace(
        sequence,
        turns=tuple(NOT_WRITTEN if k in masked else turn for k, turn in enumerate(sequence.turns)),
        logprobs=tuple(0.0 if k in masked else value for k, value in enumerate(sequence.logprobs)),
    )


async def _ask(monitor: Monitor, audited: Sequence[Audited]) -> list[Label | None]:
    return await monitor(audited)


def _audited(rollout: Rollout) -> Audited:
    """Return the last reply of an episode as the model wrote it; without one there is nothing to audit."""
    record = rollout.record
    if not rollout.valid or not record.calls:
        return Audited((), MonitoredReply(None))
    request = requests_of(record)[-1]
    messages = () if request is None else request.messages or ()
    return Audited(tuple(messages), read_monitored(record.calls[-1]["replies"][0]["text"]))


def condition_metrics(rollouts: Sequence[Rollout]) -> dict[str, float]:
    """Return how the conditions of ``Deception-v0`` differ; nothing where episodes are not of both of them."""
    returns: dict[str, list[float]] = {"deployment": [], "pre-deployment": []}
    planned = []
    for rollout in rollouts:
        condition = rollout.record.info.get("condition")
        if rollout.valid and condition in returns:
            returns[condition].append(rollout.total)
            if condition == "pre-deployment":
                planned.append(float((rollout.record.info.get("metrics") or {}).get("planned", 0.0)))
    if not all(returns.values()):
        return {}
    means = {condition: float(np.mean(values)) for condition, values in returns.items()}
    return {
        "gap": means["deployment"] - means["pre-deployment"],
        "planned/pre-deployment": float(np.mean(planned)),
        **{f"reward/{condition}": value for condition, value in means.items()},
    }
