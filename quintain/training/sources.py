"""What trainers learn from: worlds to play in, chosen problems of a world, or recorded episodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym

from quintain.agents.registry import as_agent
from quintain.envs.making import EnvLike, is_instance, make_env
from quintain.errors import ConfigurationError
from quintain.evaluation.manifest import describe_agent
from quintain.records import EpisodeRecord, read_episodes
from quintain.seeding import SeedStream

__all__ = ["Draw", "Matches", "Problems", "Records", "Worlds"]


@dataclass(frozen=True, slots=True)
class Draw:
    """The beginning of an episode.

    Attributes:
        seed: Seed of the environment's ``reset``.
        reset_options: ``options`` of ``reset``, as ``{"task_id": ...}``; ``None`` for none.
    """

    seed: int
    reset_options: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Worlds:
    """An environment to play in, with as many episodes as a trainer wants.

    Attributes:
        env: Id, spec, class or factory of the environment. A factory may wrap it, in an attack or another reward.
        env_kwargs: Arguments for an id, spec or class. Default: none.

    Raises:
        ConfigurationError: If ``env`` is an environment that is made already: training plays many at once.
    """

    env: EnvLike
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the environment."""
        if is_instance(self.env):
            raise ConfigurationError(
                "training plays many episodes at once: give an environment's id, class or factory instead of an "
                "environment"
            )

    def make(self) -> gym.Env[Any, Any]:
        """Make an environment."""
        return make_env(self.env, self.env_kwargs)

    def draw(self, seeds: SeedStream, number: int) -> Draw:
        """Return the beginning of episode ``number``, which depends on the seeds and the number alone."""
        return Draw(seeds[number])

    def describe(self) -> dict[str, Any]:
        """Return what a training depends on beside environment and arguments: nothing."""
        return {}


@dataclass(frozen=True, slots=True)
class Matches:
    """A game of several seats. Language models need one whose observations and actions are texts.

    The policy takes every seat that has no opponent, and learns from each of them. Rollouts of a group are those of one
    seat in matches that begin alike.

    Attributes:
        game: Id in PettingZoo's registry, or a function that makes a game, parallel or turn by turn.
        opponents: What plays the other seats, by seat: an agent, or what
            :func:`~quintain.agents.registry.as_agent` takes. Default: none, self-play.
        env_kwargs: Arguments for an id. Default: none.
    """

    game: str | Callable[[], Any]
    opponents: Mapping[str, Any] = field(default_factory=dict)
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def env(self) -> str | Callable[[], Any]:
        """The game."""
        return self.game

    def draw(self, seeds: SeedStream, number: int) -> Draw:
        """Return the beginning of match ``number``, which depends on the seeds and the number alone."""
        return Draw(seeds[number])

    def describe(self) -> dict[str, Any]:
        """Return what a training depends on beside game and arguments: the opponents."""
        return {"opponents": {seat: describe_agent(as_agent(opponent)) for seat, opponent in self.opponents.items()}}


@dataclass(frozen=True, slots=True)
class Problems:
    """Chosen problems of an environment, in a given order; after the last one, the first comes again.

    Attributes:
        worlds: The environment that poses the problems.
        draws: The problems, at least one, such as those of a stage of a curriculum.

    Raises:
        ConfigurationError: If there are no problems.
    """

    worlds: Worlds
    draws: Sequence[Draw]

    def __post_init__(self) -> None:
        """Check that there are problems."""
        if not self.draws:
            raise ConfigurationError("there are no problems to train on")

    @property
    def env(self) -> EnvLike:
        """The environment."""
        return self.worlds.env

    @property
    def env_kwargs(self) -> Mapping[str, Any]:
        """Its arguments."""
        return self.worlds.env_kwargs

    def draw(self, seeds: SeedStream, number: int) -> Draw:
        """Return the beginning of episode ``number``."""
        return self.draws[number % len(self.draws)]

    def describe(self) -> dict[str, Any]:
        """Return what a training depends on beside environment and arguments: the problems and their order."""
        return {"problems": [asdict(draw) for draw in self.draws]}


@dataclass(frozen=True, slots=True)
class Records:
    """Recorded episodes.

    Attributes:
        runs: Run folders, or ``episodes.jsonl`` files.
        outcomes: Outcomes of the episodes that are taken; ``("success",)`` is rejection sampling. Default: those only.

    Raises:
        ConfigurationError: If there are no runs.
    """

    runs: Sequence[str | Path]
    outcomes: tuple[str, ...] = ("success",)

    def __post_init__(self) -> None:
        """Check that there are runs."""
        if not self.runs:
            raise ConfigurationError("there are no runs to train on")

    def episodes(self) -> Iterator[EpisodeRecord]:
        """Iterate over the episodes that are taken, run by run, in the order of their numbers.

        That order does not depend on which episode ended first; of an episode that was run again, the last record
        counts.

        Raises:
            RecordError: If there is no run, or a line of it is damaged.
        """
        for run in self.runs:
            yield from (record for record in read_episodes(run) if record.outcome in self.outcomes)
