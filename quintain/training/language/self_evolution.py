"""SELF: a model learns to judge and refine its answers, then trains itself on refined ones that it judges correct.

Lu et al. 2023 (arXiv 2310.00533). In the meta-skill stage a labeller gives feedback on the model's own answers, and
refines them; the model learns both, and the refined answers themselves:

    L_meta = -E[log p(f | q, r) + log p(r^ | q, r, f) + beta log p(r^ | q)]

In each round of self-evolution the model answers unlabelled questions, gives feedback, refines, judges the refined
answers anew, and learns those that it judges correct, while the meta-skills are rehearsed:

    L_self = -E_kept[log p(r^ | q)] + alpha L_meta

Right answers are never used: the loop reads questions alone. Where the environment knows whether an answer is right,
that is measured after the round's data are chosen and written.

Differences: the paper's losses and sizes are known from memory alone (unconfirmed); a phase has a fixed number of
optimiser steps, and losses are means over tokens; the questions that the labeller sees serve as lessons in making new
ones, by which the model makes its own from the second round on; there is no stopping rule, as in the paper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from quintain.training.language.phased_training import PhasedTraining, train_in_phases
from quintain.training.language.self_evolution_settings import SELFSettings
from quintain.training.sources import Problems, Worlds
from quintain.training.trained import Trained

__all__ = ["SELFSettings", "train_self"]


def train_self(
    policy: Any,
    source: Worlds | Problems,
    settings: SELFSettings | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    evaluation: Worlds | None = None,
    on_log: Callable[[Mapping[str, Any]], None] | None = None,
) -> Trained:
    """Train a language model on its own refined answers.

    The engine's model is changed in place. A round that keeps nothing rehearses the meta-skills alone; without
    rehearsal it changes nothing, and says so. Equal seeds and settings give equal weights, and so does a training that
    was killed and resumed.

    Args:
        policy: An engine that can train, or a chat agent with one.
        source: The environment, or problems of it, of which the questions alone are read.
        settings: Settings; ``None`` for the defaults.
        seed: Root seed of questions, replies and their order. Default: 0.
        out: Run folder: manifest, metrics, checkpoints, ``samples`` with one file of dialogues per round, and the
            trained ``model``. ``None`` writes nothing.
        resume: Continue the training in ``out``. Default: false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        evaluation: Where the policy is measured every ``eval_every`` phases, before the first and after the last.
            Default: nowhere.
        on_log: Called with the metrics of each phase.

    Returns:
        The trained policy; its curve has one row per phase with the number ``kept``, and of a round the number
        ``truncated`` of dialogues that did not fit the context window. A round on the environment's questions also has
        the metrics of :func:`~quintain.training.language.self_dialogue.evolution_metrics`; of questions that the model
        made, right answers are not known.

    Raises:
        ConfigurationError: If the settings contradict each other, or policy and source do not fit together.
        EngineError: If the engine fails.
        CapabilityError: If the engine gives no access to weights and tokens.
        MissingDependencyError: Without the extra ``train``.
        RecordError: If the folder cannot be written, or holds another run.
    """
    settings = settings or SELFSettings()

    def loop(training: PhasedTraining) -> None:
        from quintain.training.language.self_evolution_loop import SelfEvolution  # imports TRL

        SelfEvolution(training).run()

    return train_in_phases(
        "self", policy, source, settings, loop, phases=settings.iterations + 1, seed=seed, out=out, resume=resume,
        progress=progress, evaluation=evaluation, on_log=on_log,
    )  # fmt: skip
