"""B-STaR: self-training on a model's own right answers, with temperature and threshold chosen anew in each iteration.

Zeng et al. 2024 (arXiv 2412.17256). An iteration samples answers to training queries, keeps those whose reward is above
a threshold, and imitates them. Before it, a few queries are answered at every temperature of a grid, and temperature
and threshold are set to those with the highest balance score: enough different right answers, and few wrong ones among
what is kept (:mod:`~quintain.training.language.b_star_selection`). Optimiser and learning-rate schedule run on.

Older methods are settings of the same loop (:data:`SELF_TRAINING`): STaR (Zelikman et al. 2022, arXiv 2203.14465,
without rationalisation) and ReST-EM (Singh et al. 2023, arXiv 2312.06585) train the start policy anew in each
iteration, iterative rejection-sampling fine-tuning (RFT; Yuan et al. 2023, arXiv 2308.01825) goes on with its weights
and restarts the schedule, online RFT restarts nothing, and all have a fixed temperature and threshold.

Differences: the reference solution is not added to the samples; there is no supervised loss but that on the samples;
the balance score is that of at least ``target`` samples of a query, even where the cap is lower; queries without a kept
sample count 0 in it, unless ``count_unanswered`` is false.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from quintain.records import EpisodeRecord
from quintain.training.language.b_star_settings import SELF_TRAINING, BStarSettings
from quintain.training.language.phased_training import PhasedTraining, train_in_phases
from quintain.training.sources import Problems, Worlds
from quintain.training.trained import Trained

__all__ = ["SELF_TRAINING", "BStarSettings", "train_b_star"]

#: Scores the steps of an episode's answer, such as those of a process reward model.
StepScores = Callable[[EpisodeRecord], Sequence[float]]


def train_b_star(
    policy: Any,
    source: Worlds | Problems,
    settings: BStarSettings | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    evaluation: Worlds | None = None,
    step_scores: StepScores | None = None,
    on_log: Callable[[Mapping[str, Any]], None] | None = None,
) -> Trained:
    """Train a language model on its own selected answers.

    The engine's model is changed in place. An episode that an infrastructure failure ended is no sample. An iteration
    that keeps nothing changes nothing, and says so. Equal seeds and settings give equal weights, and so does a training
    that was killed and resumed.

    Args:
        policy: An engine that can train, or a chat agent with one.
        source: The environment, of which ``num_queries`` problems are the training queries, or these problems.
        settings: Settings; ``None`` for the defaults.
        seed: Root seed of queries, answers and their order. Default: 0.
        out: Run folder: manifest, metrics, episodes with tokens, checkpoints, ``samples`` with one file of samples per
            iteration, and the trained ``model``. ``None`` writes nothing.
        resume: Continue the training in ``out``. Default: false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        evaluation: Where the policy is measured every ``eval_every`` iterations, before the first and after the last.
            Default: nowhere.
        step_scores: Scores of the steps of an answer, whose smallest is the process part of the reward. Default: the
            reward is the outcome alone.
        on_log: Called with the metrics of each iteration.

    Returns:
        The trained policy; its curve has one row per iteration with the chosen ``temperature``, ``threshold``, ``cap``
        and ``balance``, the number ``kept``, of the samples ``pass@K``, ``pass@K-S`` and ``reward@K-S``, and of the
        kept ones ``diversity``.

    Raises:
        ConfigurationError: If the settings contradict each other, or policy and source do not fit together.
        EngineError: If all episodes of an iteration failed.
        CapabilityError: If the engine gives no access to weights and tokens.
        MissingDependencyError: Without the extra ``train``.
        RecordError: If the folder cannot be written, or holds another run.
    """
    settings = settings or BStarSettings()

    def loop(training: PhasedTraining) -> None:
        from quintain.training.language.b_star_loop import SelfTraining  # imports TRL

        SelfTraining(training, step_scores).run()

    return train_in_phases(
        "b-star", policy, source, settings, loop, phases=settings.iterations,
        described={"process": step_scores is not None}, seed=seed, out=out, resume=resume, progress=progress,
        evaluation=evaluation, on_log=on_log,
    )  # fmt: skip
