"""SPC: a critic of steps learns from games against a generator of wrong steps, which learns from them, too.

Chen et al. 2025 (arXiv 2504.19162). Both seats of ``Critique-v0`` begin as copies of one model, and learn from lessons.
In each round they play; what a seat wins is the reward of its reply. Then each is trained anew from where the lessons
left it, on the games of all rounds so far and on lessons (:mod:`~quintain.training.language.spc_loss`). The generator
plays against the last critics, among them an easier one, so that games have winners on both sides.

Differences: games are about sums, of which a checker (or rollouts of a scripted solver, an argument of the environment)
knows whether a corrupted step is an error; first lessons are scripted; a phase has a fixed number of optimiser
steps; critics are measured on steps with natural slips, by greedy replies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from quintain.agents.language.chat import ChatAgent
from quintain.agents.search.critic_search import Verdict
from quintain.engines.engine import Request
from quintain.envs.critique import Critique, critic_observation, read_judgement
from quintain.errors import ConfigurationError
from quintain.training.language.asking import conversation
from quintain.training.language.phased_training import PhasedTraining, train_in_phases
from quintain.training.language.spc_settings import SPCSettings
from quintain.training.sources import Matches
from quintain.training.trained import Trained

__all__ = ["SPCSettings", "StepCritic", "train_spc"]


class StepCritic:
    """A trained critic, as :class:`~quintain.agents.search.critic_search.CriticSearchAgent` asks one.

    Args:
        critic: What ``train_spc`` returned, or an agent; it answers greedily.
        rules: Whether its observations say what it is to do, as the argument ``rules`` of the game. Default: as it was
            trained, and the game's default, true, for an agent.
        problem: Reads the problem from a question. Default: the whole question.
    """

    def __init__(
        self,
        critic: Trained | ChatAgent,
        *,
        rules: bool | None = None,
        problem: Callable[[str], str] | None = None,
    ) -> None:
        facts, agent = (critic.facts, critic.policy) if isinstance(critic, Trained) else ({}, critic)
        self.rules = bool(facts.get("rules", True)) if rules is None else rules
        self._critic, self._problem = critic, problem
        self._agent: Any = agent

    async def __call__(self, question: str, partial: str, step: str) -> Verdict:
        """Judge a step.

        Args:
            question: The question.
            partial: The steps before, one a line.
            step: The step.
        """
        problem = self._problem(question) if self._problem else question
        text = critic_observation(problem, partial, step, rules=self.rules)
        limit = self._agent.settings.sampling.max_tokens
        request = Request(messages=conversation(self._agent, text), max_tokens=limit, temperature=0.0)
        reply = await self._agent.engine.complete(request)
        return Verdict(read_judgement(reply.text), reply.completion_tokens)

    def describe(self) -> dict[str, Any]:
        """Return what the critic is, for a run's manifest."""
        return {**self._critic.describe(), "rules": self.rules}


def train_spc(
    policy: Any,
    source: Matches,
    settings: SPCSettings | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    on_log: Callable[[Mapping[str, Any]], None] | None = None,
) -> Trained:
    """Train a critic, and a generator of wrong steps, by playing ``Critique-v0``.

    The engine's model becomes the critic. A copy of it in an engine of its own becomes the generator. Equal seeds and
    settings give equal weights, and so does a training that was killed and resumed.

    Args:
        policy: An engine that can train, or a chat agent with one.
        source: ``Matches("Critique-v0")``, perhaps with other arguments of the game.
        settings: Settings; ``None`` for the defaults.
        seed: Root seed of lessons, games and their order. Default: 0.
        out: Run folder: manifest, metrics, matches with tokens, checkpoints, the trained critic as ``model`` and the
            generator as ``sneaky``. ``None`` writes nothing.
        resume: Continue the training in ``out``. Default: false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        on_log: Called with the metrics of each phase.

    Returns:
        The trained critic, with the game's argument ``rules`` among its facts. Its curve has one row per phase: of a
        round ``valid``, the share of corruptions that are errors, ``win/critic-K``, the share of valid ones that
        deceive critic K, and the numbers of games that each seat learned from. A second row has ``eval/NAME``, the
        metrics of :func:`~quintain.envs.critique.judgements.critic_metrics` on natural errors, after the phase.

    Raises:
        ConfigurationError: If the source is another game or gives a seat to an opponent, or settings contradict each
            other.
        EngineError: If all matches of a round failed.
        CapabilityError: If the engine gives no access to weights and tokens.
        MissingDependencyError: Without the extra ``train``.
        RecordError: If the folder cannot be written, or holds another run.
    """
    settings = settings or SPCSettings()
    if not isinstance(source, Matches) or source.opponents or source.game != "Critique-v0":
        raise ConfigurationError("SPC plays both seats of its game: give Matches('Critique-v0') without opponents")
    if settings.eval_every:
        raise ConfigurationError("SPC measures its critic by eval_steps: leave eval_every at 0")

    rules = Critique(**source.env_kwargs).describe()["rules"]

    def loop(training: PhasedTraining) -> None:
        from quintain.training.language.spc_loop import train_seats  # imports TRL

        train_seats(training)

    trained = train_in_phases(
        "spc", policy, source, settings, loop, phases=settings.iterations + 1, seed=seed, out=out, resume=resume,
        progress=progress, evaluation=None, on_log=on_log,
    )  # fmt: skip
    return replace(trained, facts={**trained.facts, "rules": rules})
