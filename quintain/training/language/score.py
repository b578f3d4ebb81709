"""SCoRe: reinforcement learning that teaches a model to correct its own first answer, without feedback.

Kumar et al. 2024 (arXiv 2409.12917). An episode has two attempts at one question, as in ``SelfCorrect-v0``, with
correctness r1 and r2 in {0, 1}. Trained on both rewards alone, a model learns to give its best first answer and to
repeat it. SCoRe prevents this in two stages:

- Stage I rewards the second attempt and keeps the first one where it was, by a strong divergence penalty (eq. 3).
- Stage II rewards both (eq. 4), the second one with a bonus for progress, r2 + alpha (r2 - r1), which is not credited
  to the first attempt: otherwise the policy would learn to fail first.

Returns of the turns (gamma = 0):

========  =========  ========================
stage     turn 1     turn 2
========  =========  ========================
I         0          r2
II        r1         r2 + alpha (r2 - r1)
========  =========  ========================

Advantages are returns less their mean over the batch, for each turn apart, since they live on different scales. The
divergence is that from the policy before stage I, in both stages.

Differences: the learner is REINFORCE only in the first optimiser step of an iteration: by default there are four, with
ratios clipped at ``epsilon`` = 0.2, and ``steps_per_generation=1`` is REINFORCE throughout. One optimiser goes through
both stages; the checkpoint that counts is the last one, not that of the highest reward; first attempts of the start
policy as further contexts of the second turn are not implemented.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from quintain.engines.engine import Engine
from quintain.records import EpisodeRecord
from quintain.training.language.grpo import train_on_rollouts
from quintain.training.language.score_settings import Rewarded, SCoRESettings
from quintain.training.sources import Problems, Worlds
from quintain.training.trained import Trained

__all__ = ["CORRECTION_METRICS", "SCoRESettings", "attempts_of", "score_returns", "train_score"]

#: Metrics of ``SelfCorrect-v0`` that are measured during training: shares of all questions.
CORRECTION_METRICS = ("first", "second", "fixed", "broken", "changed")


def score_returns(
    first: float, second: float, *, stage: int, alpha: float = 10.0, rewarded: Rewarded = "both"
) -> tuple[float, float]:
    """Return what the first and the second turn are credited with.

    Args:
        first: Correctness r1 of the first attempt, in [0, 1].
        second: Correctness r2 of the second one, in [0, 1].
        stage: 1 or 2.
        alpha: Weight of the bonus, >= 0. Default: 10.
        rewarded: Which attempts are rewarded in stage II; the bonus belongs to the second one. Default: both.

    Example:
        >>> [score_returns(r1, r2, stage=2) for r1, r2 in ((0, 1), (1, 1), (1, 0), (0, 0))]
        [(0.0, 11.0), (1.0, 1.0), (1.0, -10.0), (0.0, 0.0)]
        >>> score_returns(1, 1, stage=1)
        (0.0, 1.0)
    """
    if stage == 1:
        return 0.0, float(second)
    shaped = second + alpha * (second - first)
    return float(first) if rewarded != "second" else 0.0, float(shaped) if rewarded != "first" else 0.0


def attempts_of(record: EpisodeRecord) -> tuple[float, float] | None:
    """Return the correctness of both attempts; ``None`` of an episode without two attempts that were judged."""
    metrics = record.info.get("metrics") or {}
    if len(record.steps) != 2 or not {"first", "second"} <= metrics.keys():
        return None
    return float(metrics["first"]), float(metrics["second"])


def train_score(
    policy: Any,
    source: Worlds | Problems,
    settings: SCoRESettings | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    evaluation: Worlds | None = None,
    sampler: Engine | None = None,
    on_log: Callable[[Mapping[str, Any]], None] | None = None,
) -> Trained:
    """Train a language model to correct itself.

    The engine's model is changed in place. An episode that an infrastructure failure ended, or that has not two judged
    attempts, is in no baseline and has no gradient. The rest is as in
    :func:`~quintain.training.language.grpo.train_grpo`.

    Args:
        policy: An engine that can train, or a chat agent with one.
        source: ``SelfCorrect-v0``, or another environment of two turns whose metrics ``first`` and ``second`` are the
            correctness of both attempts.
        settings: Settings; ``None`` for the defaults.
        seed: Root seed of environments, replies and minibatches. Default: 0.
        out: Run folder. ``None`` writes nothing.
        resume: Continue the training in ``out``. Default: false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        evaluation: Where the policy is measured every ``eval_every`` iterations: accuracy of the second attempt,
            sampled, greedy and pass@k, and :data:`CORRECTION_METRICS`, sampled and greedy. Default: nowhere.
        sampler: Engine that plays for the model. Default: the policy's own engine.
        on_log: Called with the metrics of each iteration.

    Returns:
        The trained policy; its curve has one row per iteration, with the divergence ``kl/first`` of the first turn and
        ``kl/second`` of the second one from the start policy, in nats per reply.

    Raises:
        ConfigurationError: If the settings contradict each other, or no episode of an iteration has two attempts.
        CapabilityError: If the engine gives no access to weights and tokens.
        MissingDependencyError: Without the extra ``train``.
        RecordError: If the folder cannot be written, or holds another run.
    """
    return train_on_rollouts(
        "score", policy, source, settings or SCoRESettings(), seed=seed, out=out, resume=resume, progress=progress,
        evaluation=evaluation, sampler=sampler, on_log=on_log,
        trainer_class="quintain.training.language.score_trainer:SCoRETrainer", metrics=CORRECTION_METRICS,
    )  # fmt: skip
