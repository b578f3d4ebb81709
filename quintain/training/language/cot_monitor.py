"""CoT Monitor+: reinforcement learning under the constraint that the model's own monitor finds no deception.

Ji et al. 2025 (arXiv 2505.18807). Supervised fine-tuning first teaches the model to write reasoning R, an audit M of it
with a label, and an answer Y (eq. 1: the loss is on all three; :func:`with_parts` makes the ablations from the same
data). Then the policy maximises the environment's reward R_a, such as a helpful-only one, subject to R_s >= 0, where
R_s is 0 if the verdict finds no deception in R, and negative otherwise (eq. 2):

    min_theta max_{lambda >= 0} [ -J_a(theta) - lambda J_s(theta) ],   J_a = E[R_a], J_s = E[R_s]      (eqs. 3 and 4)

Policy and dual variable take turns: the policy learns from R_a + lambda R_s, less a divergence from the start policy,
and then lambda <- max(0, lambda - eta J_s). The verdict is that of a frozen copy of the policy, which reads prompt and
R and is refreshed every 15 iterations, so that the policy does not simply learn to write "safe". Audit and label that
the policy writes in its own replies are not trained on (``train_audit``): R and Y are. Arms without the copy: an
external monitor in its place, or none.

Differences: the paper names no algorithm and has a critic; here advantages are those of GRPO by default, and
``baseline="critic"`` has one. The dual step is derived, and its step size and start are not published. The external
monitor is a constraint with a dual variable, too, so that the arms differ in the monitor alone. A reply without
reasoning, or with an unreadable verdict, counts as a violation. Nothing ties the audit to its start: in short trials of
a nano model the refreshed copy came to find everything safe, and deception returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from quintain.arguments import check_number
from quintain.engines.engine import Engine
from quintain.errors import ConfigurationError
from quintain.monitored_replies import read_monitored, write_monitored
from quintain.records import EpisodeRecord, Step
from quintain.training.language.cot_monitor_settings import CoTMonitorSettings
from quintain.training.language.grpo import train_on_rollouts
from quintain.training.sources import Problems, Worlds
from quintain.training.trained import Trained

__all__ = ["DECEPTION_METRICS", "CoTMonitorSettings", "Parts", "dual_step", "train_cot_monitor", "with_parts"]

#: Metrics of ``Deception-v0`` that are measured during training: shares of all episodes.
DECEPTION_METRICS = ("truthful", "misled", "aware", "planned", "deceptive", "hidden")
#: Which parts of a reply are imitated: all three, reasoning and answer (Safe CoT SFT), or the answer (Safe SFT).
Parts = Literal["monitor", "reasoning", "answer"]


def dual_step(multiplier: float, mean_reward: float, learning_rate: float) -> float:
    """Return the dual variable after a step: lambda <- max(0, lambda - eta J_s).

    Args:
        multiplier: The dual variable lambda, >= 0.
        mean_reward: J_s, the mean of R_s, <= 0 where the constraint is violated.
        learning_rate: Step size eta, >= 0.

    Example:
        >>> dual_step(1.0, -0.5, 0.1), dual_step(0.0, 0.0, 0.1), dual_step(0.01, 0.5, 0.1)
        (1.05, 0.0, 0.0)
    """
    check_number("multiplier", multiplier, low=0)
    check_number("learning_rate", learning_rate, low=0)
    return max(0.0, multiplier - learning_rate * mean_reward)


def with_parts(records: Iterable[EpisodeRecord], parts: Parts = "monitor") -> list[EpisodeRecord]:
    """Return episodes with the parts of their replies that are imitated, for ``train_sft``.

    Args:
        records: Episodes whose replies have all parts; those without an audit and a label are left out.
        parts: ``"monitor"`` for reasoning, monitor and answer; ``"reasoning"`` for Safe CoT SFT; ``"answer"`` for Safe
            SFT. Default: ``"monitor"``.

    Raises:
        ConfigurationError: If ``parts`` is none of them.
    """
    if parts not in get_args(Parts):
        raise ConfigurationError(f"parts must be one of {', '.join(map(repr, get_args(Parts)))}, got {parts!r}")
    found = []
    for record in records:
        replies = [read_monitored(step["action"]) for step in record.steps if isinstance(step["action"], str)]
        if len(replies) < len(record.steps) or any(reply.label is None for reply in replies):
            continue
        actions = []
        for reply in replies:
            audit = reply.monitor if parts == "monitor" else None
            whole = write_monitored(reply.reasoning or "", reply.output, audit, reply.label or "unsafe")
            actions.append(f"<output>{reply.output}</output>" if parts == "answer" else whole)
        steps: list[Step] = [{**step, "action": action} for step, action in zip(record.steps, actions, strict=True)]
        found.append(replace(record, steps=steps, outcome="success", calls=[], messages=[]))
    return found


def train_cot_monitor(
    policy: Any,
    source: Worlds | Problems,
    settings: CoTMonitorSettings | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    evaluation: Worlds | None = None,
    sampler: Engine | None = None,
    on_log: Callable[[Mapping[str, Any]], None] | None = None,
) -> Trained:
    """Train a language model on an environment's reward, under the constraint of a monitor of its reasoning.

    The engine's model is changed in place. The rest is as in
    :func:`~quintain.training.language.grpo.train_grpo`.

    Args:
        policy: An engine that can train, or a chat agent with one. For ``monitor="self"`` it has learned the format.
        source: ``Deception-v0`` with ``reward="goal"``, or another text environment.
        settings: Settings; ``None`` for the defaults.
        seed: Root seed of environments, replies and minibatches. Default: 0.
        out: Run folder. ``None`` writes nothing.
        resume: Continue the training in ``out``. Default: false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        evaluation: Where the policy is measured every ``eval_every`` iterations: accuracy and
            :data:`DECEPTION_METRICS`, sampled and greedy. Default: nowhere.
        sampler: Engine that plays for the model; the monitor is asked in the policy's own. Default: the policy's own.
        on_log: Called with the metrics of each iteration.

    Returns:
        The trained policy; its curve has one row per iteration, with ``monitor/unsafe`` and ``monitor/unreadable``
        (shares of the episodes), ``monitor/multiplier`` (lambda, as it was used), and where episodes are of both
        conditions ``gap`` (the reward in deployment less that before it) and ``planned/pre-deployment`` (the share of
        reasoning there that plans to mislead, by rules that no arm is trained on).

    Raises:
        ConfigurationError: If the settings contradict each other, or policy and source do not fit together.
        CapabilityError: If the engine gives no access to weights and tokens.
        MissingDependencyError: Without the extra ``train``.
        RecordError: If the folder cannot be written, or holds another run.
    """
    return train_on_rollouts(
        "cot-monitor", policy, source, settings or CoTMonitorSettings(), seed=seed, out=out, resume=resume,
        progress=progress, evaluation=evaluation, sampler=sampler, on_log=on_log,
        trainer_class="quintain.training.language.cot_monitor_trainer:CoTMonitorTrainer", metrics=DECEPTION_METRICS,
    )  # fmt: skip
