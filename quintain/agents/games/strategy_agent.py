"""Game-theoretic strategies as agents, which play any seat of any repeated game."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces

from quintain.agents.agent import Action, Actor, Seat
from quintain.agents.games.game_info import GameRules
from quintain.agents.games.machines import Machine, Traits
from quintain.errors import CapabilityError

__all__ = ["MachinePlayer", "MatchPlayer", "StrategyAgent"]


class MatchPlayer(Protocol):
    """Plays one seat of one match in terms of option indices."""

    def choose(self) -> int:
        """Return the option of the next round."""
        ...

    def learn(self, moves: Sequence[int]) -> None:
        """Take in a finished round.

        Args:
            moves: The executed option of every player, own first.
        """
        ...


class StrategyAgent:
    """An agent that follows a game-theoretic strategy.

    Its actions are option indices in numeric views and option names in text views. It reads the executed moves from
    ``info["moves"]`` and the payoffs from ``info["rules"]``, as the repeated games provide them.

    Args:
        name: Name of the strategy, for messages and manifest.
        traits: Its properties, checked against the game at the first move.
        make_player: Makes the player of one match from the rules, as the player sees them, and its generator.
        machine: The finite-state machine that the strategy is, if it is one; then option indices are played by a
            faster actor.
        arguments: JSON-able arguments of the strategy, for the run's manifest.
    """

    def __init__(
        self,
        name: str,
        traits: Traits,
        make_player: Callable[[GameRules, np.random.Generator], MatchPlayer],
        machine: Machine | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.arguments = dict(arguments or {})
        self.traits = traits
        self.machine = machine
        self.make_player = make_player

    def begin(self, seat: Seat) -> Actor:
        """Return an actor.

        Raises:
            CapabilityError: If the actions are neither discrete nor text. Whether the game fits is checked at the
                first move; :meth:`check_rules` checks earlier.
        """
        if not isinstance(seat.action_space, (spaces.Discrete, spaces.Text)):
            raise CapabilityError(f"{self.name} plays discrete and text action spaces, not {seat.action_space}")
        if self.machine is not None and isinstance(seat.action_space, spaces.Discrete):
            return _MachineActor(self.machine, seat)
        return _StrategyActor(self, seat)

    def check_rules(self, rules: GameRules) -> None:
        """Check that the strategy can play a game.

        Args:
            rules: The rules as one player sees them, as in ``info["rules"]``.

        Raises:
            CapabilityError: If it cannot; the message says why.
        """
        _check_rules(rules, self.name, self.traits)
        self.make_player(rules, np.random.default_rng(0))

    def describe(self) -> dict[str, Any]:
        """Return the name and the arguments, for the run's manifest."""
        return {"agent": "strategy", "name": self.name, **self.arguments}


class MachinePlayer:
    """A finite-state machine as a :class:`MatchPlayer`.

    Args:
        machine: The machine, which starts in state 0.
        rng: Generator of the drawn moves.
    """

    def __init__(self, machine: Machine, rng: np.random.Generator) -> None:
        self._machine, self._rng, self._state = machine, rng, 0

    def choose(self) -> int:
        """Return the state's option, drawn where its probability is neither 0 nor 1."""
        p = self._machine.cooperate[self._state]
        return 0 if p == 1.0 or (p > 0.0 and self._rng.random() < p) else 1

    def learn(self, moves: Sequence[int]) -> None:
        """Go on to the next state."""
        self._state = self._machine.after(self._state, moves)


class _StrategyActor:
    """Plays any :class:`MatchPlayer`: reads moves from ``info``, and turns option indices into actions."""

    def __init__(self, agent: StrategyAgent, seat: Seat) -> None:
        self._agent, self._seat = agent, seat
        self._player: MatchPlayer | None = None
        self._names: list[str] = []

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        if self._player is None:
            rules = _read_rules(info, self._agent.name, self._agent.traits)
            self._names = rules["options"][0]
            self._player = self._agent.make_player(rules, self._seat.generator())
        moves = info["moves"]
        # Machines define their reaction to a void round; other players do not see it.
        if moves is not None and (self._agent.machine is not None or min(moves) >= 0):
            self._player.learn(moves)
        option = self._player.choose()
        return self._names[option] if isinstance(self._seat.action_space, spaces.Text) else option


class _MachineActor:
    """Plays a machine with option indices: equal to :class:`_StrategyActor` with tables looked up, for speed."""

    def __init__(self, machine: Machine, seat: Seat) -> None:
        self._machine = machine
        # State -> its move (None where drawn), and the next state by the pair of moves, own first.
        self._certain = [0 if p == 1.0 else 1 if p == 0.0 else None for p in machine.cooperate]
        self._following = [dict(zip(_PAIRS, states, strict=True)) for states in machine.following]
        self._draws = _Uniforms(seat)
        self._state = 0

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        try:
            self._state = self._following[self._state][info["moves"]]
        except KeyError:
            self._handle_other_moves(info)
        move = self._certain[self._state]
        return move if move is not None else int(next(self._draws) >= self._machine.cooperate[self._state])

    def _handle_other_moves(self, info: dict[str, Any]) -> None:
        """Handle all but a plain pair of moves: the first turn, several opponents, a hidden or void round."""
        moves = info.get("moves")
        if moves is None:
            _read_rules(info, self._machine.name, self._machine.traits)
        else:
            self._state = self._machine.after(self._state, moves)


# Pairs of moves in the order in which a machine lists its successors.
_PAIRS = [(0, 0), (0, 1), (1, 0), (1, 1)]


class _Uniforms:
    """The seat's uniform random numbers, drawn in blocks; deterministic strategies draw none.

    Unlike a generator function it can be copied, and with it the environment whose opponent draws.
    """

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._rng: np.random.Generator | None = None
        self._block: list[float] = []

    def __next__(self) -> float:
        if not self._block:
            self._rng = self._rng or self._seat.generator()
            self._block = self._rng.random(64).tolist()[::-1]
        return self._block.pop()


def _read_rules(info: dict[str, Any], name: str, traits: Traits) -> GameRules:
    rules: GameRules | None = info.get("rules")
    if not isinstance(rules, dict) or "moves" not in info:
        raise CapabilityError(f"{name} plays repeated games, whose info has 'moves' and 'rules'; got {sorted(info)!r}")
    _check_rules(rules, name, traits)
    return rules


def _check_rules(rules: GameRules, name: str, traits: Traits) -> None:
    if rules["history"] == "private" and traits.watches_others:
        raise CapabilityError(
            f"{name} reacts to the others' moves, which a private history hides; use history='public'"
        )
    if traits.two_options and {len(names) for names in rules["options"]} != {2}:
        raise CapabilityError(
            f"{name} plays games in which everyone has two options, not {rules['game']}; "
            "use fictitious-play, hedge, regret-matching or q-learning"
        )
