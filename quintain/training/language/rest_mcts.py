"""ReST-MCTS*: self-training of a policy and of a value model on the trees of a search that the value model guides.

Zhang et al. 2024 (arXiv 2406.03816). Each round searches every question with MCTS*, samples the trees in full, and
compares final answers alone with right ones. Verified solutions train the policy; the distance of each step to a
verified solution gives the values of partial solutions (:func:`~quintain.agents.search.labels.label_tree`), which
train the value model; both guide the next search.

Rivals: ReST-EM is a setting of :func:`~quintain.training.language.b_star.train_b_star`; best-of-n, beams and votes are
in :mod:`quintain.agents.search`.

Differences: a phase has a fixed number of optimiser steps; of a question at most ``max_solutions`` different solutions
are learned; the critic's self-judgement is replaced by the end of the model's turn or a marked answer, as in the
agent; Self-Rewarding, the paper's rival with preferences, is not implemented.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quintain.training.language.phased_training import PhasedTraining, train_in_phases
from quintain.training.language.rest_mcts_settings import ReSTMCTSSettings
from quintain.training.sources import Problems, Worlds
from quintain.training.trained import Trained

if TYPE_CHECKING:
    from quintain.training.language.value_model import ValueExample

__all__ = ["ReSTMCTSSettings", "train_rest_mcts"]


def train_rest_mcts(
    policy: Any,
    source: Worlds | Problems,
    settings: ReSTMCTSSettings | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    evaluation: Worlds | None = None,
    value_data: Sequence[ValueExample] = (),
    on_log: Callable[[Mapping[str, Any]], None] | None = None,
) -> Trained:
    """Train a language model and a value model on search trees.

    The engine's model is changed in place. A round whose trees hold no right answer changes nothing, and says so. Equal
    seeds and settings give equal weights, and so does a training that was killed and resumed.

    Args:
        policy: An engine that can train, or a chat agent with one.
        source: The environment, of which ``num_queries`` problems are searched in each round, or these problems. An
            episode must end with its first action.
        settings: Settings; ``None`` for the defaults.
        seed: Root seed of questions, searches and their order. Default: 0.
        out: Run folder: manifest, metrics, episodes with their trees, checkpoints, ``samples`` with the labelled
            prefixes of each round, the trained ``model``, and ``value.pt``, which
            :func:`~quintain.training.language.value_model.load_value_model` reads. ``None`` writes nothing.
        resume: Continue the training in ``out``. Default: false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        evaluation: Where the policy is measured, without search, every ``eval_every`` rounds, before the first and
            after the last. Default: nowhere.
        value_data: First data of the value model, such as those of
            :func:`~quintain.training.language.value_model.chain_examples`. Default: none; its first value is 0.5.
        on_log: Called with the metrics of each round.

    Returns:
        The trained policy. Its curve has one row per round: ``success`` of the searches, ``solved``, the share of trees
        with a right answer, ``tokens`` per question, numbers of ``solutions`` and ``prefixes`` that were learned, and
        of the value model before it learned from the round ``value/within``, the share of prefixes within 0.1 of their
        target, ``value/error``, the root of the mean squared error, and then its ``value/loss``.

    Raises:
        ConfigurationError: If the settings contradict each other, or policy and source do not fit together.
        EngineError: If all episodes of a round failed.
        CapabilityError: If the engine gives no access to weights and tokens.
        MissingDependencyError: Without the extra ``train``.
        RecordError: If the folder cannot be written, or holds another run.
    """
    settings = settings or ReSTMCTSSettings()

    def loop(training: PhasedTraining) -> None:
        from quintain.training.language.rest_mcts_loop import SearchTraining  # imports TRL

        SearchTraining(training, value_data).run()

    return train_in_phases(
        "rest-mcts", policy, source, settings, loop, phases=settings.iterations,
        described={"value_data": {"examples": len(value_data), "hash": _hash(value_data)}}, seed=seed, out=out,
        resume=resume, progress=progress, evaluation=evaluation, on_log=on_log,
    )  # fmt: skip


def _hash(value_data: Sequence[ValueExample]) -> str:
    """Return a hash of the data, so that a training is not resumed on others."""
    digest = hashlib.blake2b(digest_size=8)
    for question, steps, value in value_data:
        digest.update(repr((question, tuple(steps), float(value))).encode())
    return digest.hexdigest()
