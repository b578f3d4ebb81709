"""A person plays a repeated game against an agent: the matches, and the record of each, whatever shows them."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from quintain.agents.agent import Seat
from quintain.agents.registry import as_agent
from quintain.envs.games import RepeatedGame
from quintain.errors import ConfigurationError
from quintain.evaluation.manifest import describe_agent
from quintain.seeding import SeedStream

__all__ = ["PERSON_SCHEMA", "Order", "PersonMatch", "Study"]

Order = Literal["listed", "reversed", "shuffled"]

#: Version of the lines of a file of people's matches; lines without one are of version 0.1.0.
PERSON_SCHEMA = 2
_PARTICIPANT = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass
class Study:
    """Matches of people against one opponent under one condition.

    Attributes:
        opponent: An agent, its name, or anything else that :func:`~quintain.agents.registry.as_agent` accepts.
        env: Keyword arguments of :class:`~quintain.envs.games.RepeatedGame`.
        seat: The person's seat, 0 or 1. Default: 0.
        seed: Seed of the first match; match ``i`` gets ``seed + i``. Default: 0.
        out: File to which finished matches are appended, one JSON line each; ``None`` stores nothing.
        order: Order in which options are shown: as the game lists them, reversed, or drawn anew for each match.
            Default: ``"listed"``.
        condition: Name of the condition in the records; if empty, opponent and settings. Default: empty.
        consent: Text to which a participant must agree before the first match; empty asks nothing. Default: empty.
        opponent_is: The answer shown after the guess. Default: ``"a machine"``.

    Raises:
        ConfigurationError: If the game does not have two players, or the seat, the order or the file is not valid.
    """

    opponent: Any = "tit-for-tat"
    env: Mapping[str, Any] | None = None
    seat: int = 0
    seed: int = 0
    out: str | Path | None = None
    order: Order = "listed"
    condition: str = ""
    consent: str = ""
    opponent_is: str = "a machine"

    def __post_init__(self) -> None:
        self.settings = {**(self.env or {}), "view": "both"}
        game = RepeatedGame(**self.settings)
        if game.game.players != 2 or self.seat not in (0, 1):
            raise ConfigurationError(f"a person plays a two-player game in seat 0 or 1, got seat {self.seat!r}")
        if self.order not in get_args(Order):
            raise ConfigurationError(f"order must be one of {get_args(Order)}, got {self.order!r}")
        if self.out is not None and not Path(self.out).resolve().parent.is_dir():
            raise ConfigurationError(f"the folder of {str(self.out)!r} does not exist; make it first")
        self.agent = as_agent(self.opponent)
        self.opponent_name = _name_of(self.opponent)
        rules = game.rules
        self.known_settings = {
            "rounds": rules.rounds, "continuation": rules.continuation, "noise": rules.noise, "history": rules.history,
            "horizon": rules.horizon, "unit": rules.unit,
        }  # fmt: skip
        if not self.condition:
            self.condition = f"{self.opponent_name}, {game.game.name}, {rules.rounds} rounds"
            extra = {k: v for k, v in self.known_settings.items() if k in ("continuation", "noise") and v}
            self.condition += "".join(f", {name} {value:g}" for name, value in extra.items())
        self._agreed: dict[str, str] = {}  # participant -> when they agreed
        self._played: dict[str, int] = {}

    def start(self, participant: str = "", agrees: bool = False, *, interface: str = "browser") -> PersonMatch:
        """Start a match.

        Args:
            participant: Anonymous id of the person, 1 to 40 letters, digits, ``_`` and ``-``; empty draws a new one.
            agrees: Whether the person has agreed to the text of :attr:`consent`.
            interface: What shows the match, for the record: ``"browser"`` or ``"terminal"``.

        Raises:
            ConfigurationError: If the id is not valid, or consent is needed and was not given.
        """
        participant = participant or f"p-{secrets.token_hex(4)}"
        if not _PARTICIPANT.fullmatch(participant):
            raise ConfigurationError(
                f"a participant's id has 1 to 40 letters, digits, _ and -, got {participant[:60]!r}"
            )
        if self.consent and participant not in self._agreed:
            if not agrees:
                raise ConfigurationError("the participant has not agreed to the text; show it and ask")
            self._agreed[participant] = _now()
        number = self._played[participant] = self._played.get(participant, -1) + 1
        match = PersonMatch(self, participant, number, self.seed, interface)
        self.seed += 1
        return match

    def finish(self, match: PersonMatch, guess: str) -> None:
        """Store a finished match.

        Args:
            match: A match of this study, played to its end.
            guess: What the person takes the opponent for: ``"human"`` or ``"machine"``.

        Raises:
            ConfigurationError: If the match is not over, or the guess is neither of them.
        """
        if not match.over or guess not in ("human", "machine"):
            raise ConfigurationError("a guess must be 'human' or 'machine', after the last round")
        if self.out is None:
            return
        with Path(self.out).open("a", encoding="utf-8") as file:
            file.write(json.dumps({**self._facts(match.participant), **match.result(), "guess": guess}) + "\n")

    def _facts(self, participant: str) -> dict[str, Any]:
        consent = None
        if self.consent:
            digest = hashlib.sha256(self.consent.encode()).hexdigest()
            consent = {"text_sha256": digest, "agreed": self._agreed[participant]}
        return {
            "schema": PERSON_SCHEMA, "condition": self.condition, "participant": participant, "consent": consent,
            "opponent": self.opponent_name, "opponent_settings": describe_agent(self.agent),
            "settings": self.known_settings, "order": self.order, "answer": self.opponent_is,
        }  # fmt: skip


class PersonMatch:
    """One match between a person and the agent of a study. The clock runs from :meth:`shown` to :meth:`move`."""

    def __init__(self, study: Study, participant: str, number: int, seed: int, interface: str) -> None:
        self.participant = participant
        self._game, self._seat, self._seed = RepeatedGame(**study.settings), study.seat, seed
        self._number, self._interface, self._started = number, interface, _now()
        self._own, self._other = (self._game.possible_agents[k] for k in (study.seat, 1 - study.seat))
        self._observations, self._infos = self._game.reset(seed=seed)
        spaces = self._game.observation_space(self._other), self._game.action_space(self._other)
        self._actor = study.agent.begin(Seat("RepeatedGame-v0", self._other, *spaces, seed))
        self._history: list[str] = []
        count = self._game.game.shape[study.seat]
        self._order = list(range(count))
        if study.order == "reversed":
            self._order.reverse()
        elif study.order == "shuffled":
            SeedStream(seed, "option order").generator().shuffle(self._order)
        self._clock: Callable[[], float] = time.monotonic
        self._shown_at: float = self._clock()
        self._times: list[float] = []

    @property
    def over(self) -> bool:
        """Whether the last round has been played."""
        return not self._game.agents

    def shown(self) -> None:
        """Start the clock of a response: the options are before the person now."""
        self._shown_at = self._clock()

    def move(self, option: Any) -> dict[str, Any]:
        """Play a round.

        Args:
            option: Index of the person's option, in the game's own numbering.

        Returns:
            The new :meth:`state`.

        Raises:
            ConfigurationError: If the option does not exist, or the match is over.
        """
        if self.over or type(option) is not int or option not in range(self._game.game.shape[self._seat]):
            raise ConfigurationError("the option does not exist, or the match is over")
        self._times.append(round(self._clock() - self._shown_at, 3))
        chosen = self._actor.act(self._observations[self._other], self._infos[self._other])
        if inspect.isawaitable(chosen):
            chosen = asyncio.run(_wait(chosen))
        self._observations, _, _, _, self._infos = self._game.step({self._own: option, self._other: chosen})
        self._history = self._observations[self._own]["text"].splitlines()[self._rules_lines() : -1]
        self.shown()
        return self.state()

    def state(self) -> dict[str, Any]:
        """Return what a page or a terminal shows: rules, payoffs, moves, score, progress; plain data."""
        text = self._observations[self._own]["text"].splitlines()
        game, rules = self._game.game, self._game.rules
        told = rules.horizon == "known" and rules.continuation is None
        mine, other = game.options[self._seat], game.options[1 - self._seat]
        totals, sees_other = self._game.totals, rules.history == "public"
        return {
            "rules": "\n".join(text[: self._rules_lines()]),
            "history": self._history,
            "options": list(mine),
            "order": self._order,
            "others": list(other),
            "payoffs": [[self._cell(k, j) for j in range(len(other))] for k in range(len(mine))],
            "over": self.over,
            "score": totals[self._seat],
            "other_score": totals[1 - self._seat] if sees_other else None,
            "round": len(self._game.history) + (not self.over),
            "rounds": rules.rounds if told else None,
            "unit": rules.unit,
            "match": self._number,
            "participant": self.participant,
        }

    def _cell(self, own: int, other: int) -> list[float]:
        """Return the payoffs of person and opponent."""
        joint = (own, other) if self._seat == 0 else (other, own)
        return [float(self._game.game.payoffs[seat][joint]) for seat in (self._seat, 1 - self._seat)]

    def result(self) -> dict[str, Any]:
        """Return the match's part of its record."""
        return {
            "game": self._game.game.name,
            "options": list(self._game.game.options[self._seat]),
            "option_order": self._order,
            "seed": self._seed,
            "seat": self._seat,
            "match": self._number,
            "interface": self._interface,
            "started": self._started,
            "moves": [list(joint) for joint in self._game.history],
            "scores": self._game.totals,
            "response_s": self._times,
        }

    def _rules_lines(self) -> int:
        return len(self._observations[self._own]["text"].splitlines()) - len(self._game.history) - 1


async def _wait(awaitable: Any) -> Any:
    return await awaitable


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _name_of(opponent: Any) -> str:
    if isinstance(opponent, Mapping):
        return str(opponent.get("name", "agent"))
    return opponent if isinstance(opponent, str) else type(opponent).__name__
