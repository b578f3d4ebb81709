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
from quintain.engines.engine import Request
from quintain.envs.critique import Critique, critic_observation, read_judgement
from quintain.errors import ConfigurationError
from quintain.training.language.asking import conversation
from quintain.training.language.phased_training import PhasedTraining, train_in_phases
from quintain.training.language.spc_settings import SPCSettings
from quintain.training.sources import Matches
from quintain.training.trained import Trained

__all__ = ["SPCSettings", "step_critic", "train_spc"]


def step_critic(
    critic: Trained | ChatAgent, *, rules: bool | None = None, problem: Callable[[str], str] | None = None
) -> Callable[[str, str, str], Any]:
    """Return a trained critic as one of :class:`~quintain.agents.search.critic_search.CriticSearchAgent`.

    Args:
        critic: What ``train_spc`` returned, or an agent; it answers greedily.
        rules: Whether its observations say what it is to do, as the argument ``rules`` of the game. Default: as it was
            trained, and the game's default, true, for an agent.
        problem: Reads the problem from a question. Default: the whole question.

    Returns:
        An ``async`` function of question, partial solution and step, whose result is ``None`` without a verdict.
    """
    facts, policy = (critic.facts, critic.policy) if isinstance(critic, Trained) else ({}, critic)
    agent: Any = policy
    asked = bool(facts.get("rules", True)) if rules is None else rules

    async def judge(question: str, partial: str, step: str) -> bool | None:
        text = critic_observation(problem(question) if problem else question, partial, step, rules=asked)
        sampling = agent.settings.sampling
        request = Request(messages=conversation(agent, text), max_tokens=sampling.max_tokens, temperature=0.0)
        return read_judgement((await agent.engine.complete(request)).text)

    return judge


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
