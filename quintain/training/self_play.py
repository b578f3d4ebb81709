"""Self-play: tabular learners that play matches against each other and learn after every match."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pettingzoo import ParallelEnv

from quintain.agents.agent import Actor, Agent, Seat
from quintain.agents.games.learners import TabularLearner
from quintain.agents.registry import as_agent
from quintain.arguments import check_number
from quintain.errors import ConfigurationError
from quintain.evaluation.manifest import describe_agent
from quintain.evaluation.match import open_game, seats_of
from quintain.files import save_arrays
from quintain.seeding import SeedStream
from quintain.training.folder import TrainingRun
from quintain.training.sources import Matches
from quintain.training.trained import Trained

__all__ = ["Players", "SelfPlaySettings", "train_self_play"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfPlaySettings:
    """Settings of self-play; those of learning belong to the learners.

    Attributes:
        episodes: Number of matches, >= 1. Default: 1,000.

    Raises:
        ConfigurationError: If the number is below 1.
    """

    episodes: int = 1000

    def __post_init__(self) -> None:
        """Check the number."""
        check_number("episodes", self.episodes, low=1, integer=True)


class Players:
    """One agent that plays every seat of a game as that seat's player does.

    Args:
        players: The players by seat.

    Attributes:
        players: The players by seat.
    """

    def __init__(self, players: Mapping[str, Agent]) -> None:
        self.players = dict(players)

    def begin(self, seat: Seat) -> Actor:
        """Return the actor of the seat's player.

        Raises:
            ConfigurationError: If no player has learned this seat.
        """
        if seat.name not in self.players:
            raise ConfigurationError(f"no player of seat {seat.name!r}; there are {', '.join(self.players)}")
        return self.players[seat.name].begin(seat)

    def describe(self) -> dict[str, Any]:
        """Return the descriptions of the players, for a run's manifest."""
        return {seat: describe_agent(player) for seat, player in self.players.items()}


def train_self_play(
    policy: TabularLearner | Mapping[str, TabularLearner] | Trained,
    source: Matches,
    settings: SelfPlaySettings | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    on_log: Callable[[Mapping[str, Any]], None] | None = None,
) -> Trained:
    """Train tabular learners in repeated matches, against each other or against opponents that do not change.

    The learners are changed in place. Equal seeds give equal matches and tables, and so does a training that was killed
    and resumed.

    Args:
        policy: The learner of each seat without an opponent; one learner alone learns from all of these seats. What
            this function returned is trained on.
        source: A repeated game with a numeric view, such as ``Matches("RepeatedGame-v0")``, and the opponents: agents
            whose ``act`` is not a coroutine.
        settings: Settings; ``None`` for the defaults.
        seed: Root seed of the matches. Default: 0.
        out: Run folder: manifest, metrics, checkpoints, and ``tables.npz`` with each seat's table, which
            :func:`quintain.files.load_arrays` reads; the matches are not recorded. ``None`` writes nothing.
        resume: Continue the training in ``out``. Default: false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        on_log: Called with the metrics of each match.

    Returns:
        An agent that plays each seat as its learner does (:class:`Players`). Its curve has a row per match: each seat's
        mean reward per round, as ``"reward/SEAT"``.

    Raises:
        ConfigurationError: If some seat has no player, or more than one.
        RecordError: If the folder cannot be written, or holds another run.
    """
    settings = settings or SelfPlaySettings()
    with ExitStack() as stack:
        game = open_game(source.game, source.env_kwargs, stack)
        if not isinstance(game, ParallelEnv):
            raise ConfigurationError("self-play takes a parallel game, in which all seats act at once")
        learners = _learners(policy, source, seats_of(game))
        seated = {s: learners[s] if s in learners else as_agent(source.opponents[s]) for s in seats_of(game)}
        run = stack.enter_context(TrainingRun(
            "self-play", env=source.env, env_kwargs=source.env_kwargs, policy=Players(learners), seed=seed,
            settings=asdict(settings) | source.describe(), steps=settings.episodes, out=out, resume=resume,
            progress=progress, on_log=on_log,
        ))  # fmt: skip
        done, state = run.restore()
        for seat, found in (state or {}).items():
            learners[seat].__dict__.update(found)
        seeds, every = SeedStream(seed, "self-play"), max(1, settings.episodes // 10)
        for episode in range(done, settings.episodes):
            earned = _match(game, seated, learners, seeds[episode])
            run.log({"step": episode + 1} | {f"reward/{seat}": value for seat, value in earned.items()})
            if (episode + 1) % every == 0 or episode + 1 == settings.episodes:
                run.show(episode + 1, **earned)
                run.save(episode + 1, {seat: copy.deepcopy(learner.__dict__) for seat, learner in learners.items()})
        if out is not None:
            tables = {seat: learner.table for seat, learner in learners.items()}
            save_arrays(Path(out) / "tables.npz", tables, describe_agent(Players(learners)))
        facts = {"method": "self-play", "seed": seed, "episodes": settings.episodes, "seats": list(seated)}
        return Trained(Players(learners), facts, tuple(run.curve))


def _learners(policy: Any, source: Matches, seats: list[str]) -> dict[str, TabularLearner]:
    """Return the learner of each seat without an opponent."""
    if isinstance(policy, Trained):
        policy = policy.policy.players if isinstance(policy.policy, Players) else policy.policy
    free = [seat for seat in seats if seat not in source.opponents]
    players = dict.fromkeys(free, policy) if isinstance(policy, TabularLearner) else policy
    if not isinstance(players, Mapping) or not all(isinstance(player, TabularLearner) for player in players.values()):
        raise ConfigurationError(
            f"self-play trains tabular learners, such as QLearner(), by seat, and not {policy!r}; others are opponents"
        )
    if set(players) != set(free) or set(source.opponents) - set(seats) or not players:
        raise ConfigurationError(
            f"expected a learner or an opponent for each of {', '.join(seats)}, and one learner at least; got learners "
            f"for {', '.join(players) or 'none'} and opponents for {', '.join(source.opponents) or 'none'}"
        )
    return {seat: players[seat] for seat in free}


def _match(
    game: ParallelEnv[str, Any, Any], seated: Mapping[str, Agent], learners: Mapping[str, TabularLearner], seed: int
) -> dict[str, float]:
    """Play a match, let the learners learn from it, and return each seat's mean reward per round."""
    observations, infos = game.reset(seed=seed)
    actors = {
        seat: player.begin(Seat("RepeatedGame-v0", seat, game.observation_space(seat), game.action_space(seat), seed))
        for seat, player in seated.items()
    }
    states: dict[str, list[int]] = {seat: [] for seat in learners}
    options: dict[str, list[int]] = {seat: [] for seat in learners}
    rewards: dict[str, list[float]] = {seat: [] for seat in seated}
    while game.agents:
        actions: dict[str, Any] = {seat: actor.act(observations[seat], infos[seat]) for seat, actor in actors.items()}
        for seat, learner in learners.items():
            states[seat].append(learner.state(infos[seat]["moves"]))
            options[seat].append(int(actions[seat]))
        observations, earned, _, _, infos = game.step(actions)
        for seat in seated:
            rewards[seat].append(earned[seat])
    for seat, learner in learners.items():
        learner.learn(states[seat], options[seat], rewards[seat])
    return {seat: float(np.mean(rewards[seat])) for seat in seated}
