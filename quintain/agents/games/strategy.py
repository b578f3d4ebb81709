"""Strategies as agents: a name in, an agent out that plays any seat of any repeated game."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from quintain.agents.agent import Action, Actor, Seat
from quintain.agents.games import adaptive, classic
from quintain.agents.games.machines import Machine, Traits
from quintain.arguments import argument_names, check_arguments
from quintain.errors import AgentError, CapabilityError, ConfigurationError, UnknownNameError

__all__ = ["StrategyAgent", "is_strategy", "machine", "opponent", "strategy", "strategy_arguments", "strategy_names"]

_MACHINES: dict[str, Callable[..., Machine]] = {
    make.__name__.removesuffix("_strategy").replace("_", "-"): make
    for make in (getattr(classic, name) for name in classic.__all__)
}
_ADAPTIVE: dict[str, type[Any]] = {
    "best-response": adaptive.BestResponse,
    "fictitious-play": adaptive.FictitiousPlay,
    "hedge": adaptive.Hedge,
    "q-learning": adaptive.QLearning,
    "regret-matching": adaptive.RegretMatching,
}
_AXELROD = "axelrod"


def strategy_names() -> list[str]:
    """Names that :func:`strategy` knows; ``"axelrod:NAME"`` reaches that library's strategies as well."""
    return sorted([*_MACHINES, *_ADAPTIVE])


def is_strategy(name: str) -> bool:
    """Whether ``name``, with or without arguments after a colon, names a strategy."""
    return name.partition(":")[0] in (*_MACHINES, *_ADAPTIVE, _AXELROD)


def strategy_arguments(name: str) -> tuple[str, ...]:
    """List the names of a strategy's own arguments, in the order in which they may follow a colon.

    Raises:
        UnknownNameError: If there is no such strategy.
    """
    if name in _ADAPTIVE:
        return argument_names(_ADAPTIVE[name], skip=2)
    if name not in _MACHINES:
        raise UnknownNameError("strategy", name, strategy_names())
    return argument_names(_MACHINES[name])


def strategy(name: str, **arguments: Any) -> StrategyAgent:
    """Make a strategy.

    Args:
        name: One of :func:`strategy_names`, such as ``"tit-for-tat"``. Numbers after a colon are its leading arguments:
            ``"naive-prober:0.2"``, ``"memory-one:1,0,0,1"``. ``"axelrod:Tit For Tat"`` plays the axelrod library's.
        **arguments: The strategy's own.

    Raises:
        UnknownNameError: If there is no such strategy.
        ConfigurationError: If an argument does not fit.
        MissingDependencyError: If axelrod is asked for and not installed.
    """
    base, _, rest = name.partition(":")
    if base == _AXELROD:
        from quintain.agents.games.axelrod_players import AxelrodSeat, find_player

        player = find_player(rest, arguments)
        return StrategyAgent(name, player.traits, lambda own, rng: AxelrodSeat(player, rng), arguments=arguments)
    if base in _ADAPTIVE:
        kind = _ADAPTIVE[base]
        positional = _numbers(name, rest)
        check_arguments(f"strategy {name!r}", kind, [None, None, *positional], arguments)
        return StrategyAgent(
            name, kind.traits, lambda own, rng: kind(own, rng, *positional, **arguments), arguments=arguments
        )
    made = machine(name, **arguments)
    return StrategyAgent(name, made.traits, lambda own, rng: _MachineSeat(made, rng), made, arguments)


def machine(name: str, **arguments: Any) -> Machine:
    """Make the finite-state machine of a classic strategy; see :func:`strategy`.

    Raises:
        UnknownNameError: If no machine has that name.
        ConfigurationError: If an argument does not fit.
    """
    base, _, rest = name.partition(":")
    if base not in _MACHINES:
        raise UnknownNameError("strategy", name, strategy_names())
    positional = _numbers(name, rest)
    check_arguments(f"strategy {name!r}", _MACHINES[base], positional, arguments)
    return _MACHINES[base](*positional, **arguments)


class _Opponent:
    """A seated strategy as a plain rule, which tells whether it draws random numbers."""

    def __init__(self, agent: StrategyAgent, seat: Seat) -> None:
        self.stochastic = agent.traits.stochastic
        self._act = agent.begin(seat).act

    def __call__(self, observation: Any, info: dict[str, Any]) -> Any:
        return self._act(observation, info)


def opponent(name: str, *, env_id: str, seat: str, spaces: tuple[Any, Any], seed: int) -> Callable[..., Any]:
    """Seat the strategy ``name`` and return its rule for choosing; the registered single-seat games call this."""
    return _Opponent(strategy(name), Seat(env_id, seat, *spaces, seed))


class StrategyAgent:
    """An agent that follows a strategy of game theory.

    It plays numeric views with option indices and text views with option names. It reads the executed moves from
    ``info["moves"]`` and the payoffs from ``info["rules"]``, as the repeated games provide them.

    Args:
        name: Name of the strategy.
        traits: Its properties.
        sit: Makes the player of one match from its payoff tensor and generator.
        machine: The finite-state machine behind it, if it is one.
        arguments: What else it was made with, for the run's record.
    """

    def __init__(
        self,
        name: str,
        traits: Traits,
        sit: Callable[[Any, np.random.Generator], adaptive.Adaptive],
        machine: Machine | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.arguments = dict(arguments or {})
        self.traits = traits
        self.machine = machine
        self.sit = sit

    def begin(self, seat: Seat) -> Actor:
        """Sit down.

        Raises:
            CapabilityError: If the actions are neither discrete nor text. Whether the game fits is seen at the first
                move.
        """
        if not isinstance(seat.action_space, (spaces.Discrete, spaces.Text)):
            raise CapabilityError(f"{self.name} plays discrete and text action spaces, not {seat.action_space}")
        if self.machine is not None and isinstance(seat.action_space, spaces.Discrete):
            return _MachineActor(self.machine, seat)
        return _StrategyActor(self, seat)

    def describe(self) -> dict[str, Any]:
        """Return the name and the arguments, for the run's record."""
        return {"agent": "strategy", "name": self.name, **self.arguments}


class _MachineSeat:
    """A machine behind the interface of the adaptive strategies."""

    def __init__(self, machine: Machine, rng: np.random.Generator) -> None:
        self._machine, self._rng, self._state = machine, rng, 0

    def choose(self) -> int:
        p = self._machine.cooperate[self._state]
        return 0 if p == 1.0 or (p > 0.0 and self._rng.random() < p) else 1

    def learn(self, moves: Sequence[int]) -> None:
        self._state = self._machine.after(self._state, moves)


class _StrategyActor:
    """Translates between what the environment says and what a player takes."""

    def __init__(self, agent: StrategyAgent, seat: Seat) -> None:
        self._agent, self._seat = agent, seat
        self._player: adaptive.Adaptive | None = None
        self._names: list[str] = []

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        if self._player is None:
            rules = _read_rules(info, self._agent.name, self._agent.traits)
            self._names = rules["options"][0]
            self._player = self._agent.sit(rules["payoffs"][0], self._seat.generator())
        moves = info["moves"]
        # A machine knows what to make of a void round; to the others it teaches nothing.
        if moves is not None and (self._agent.machine is not None or min(moves) >= 0):
            self._player.learn(moves)
        option = self._player.choose()
        return self._names[option] if isinstance(self._seat.action_space, spaces.Text) else option


class _MachineActor:
    """The same for a machine and option indices, written out for speed."""

    def __init__(self, machine: Machine, seat: Seat) -> None:
        self._machine = machine
        # State -> its move (None where drawn), and the next state by the pair of moves, own first.
        self._certain = [0 if p == 1.0 else 1 if p == 0.0 else None for p in machine.cooperate]
        self._following = [dict(zip(_PAIRS, states, strict=True)) for states in machine.following]
        self._draws = _uniforms(seat)
        self._state = 0

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        try:
            self._state = self._following[self._state][info["moves"]]
        except KeyError:
            self._settle(info)
        move = self._certain[self._state]
        return move if move is not None else int(next(self._draws) >= self._machine.cooperate[self._state])

    def _settle(self, info: dict[str, Any]) -> None:
        """Take in what is not a plain pair of moves: the first turn, several others, a hidden or a void round."""
        moves = info.get("moves")
        if moves is None:
            _read_rules(info, self._machine.name, self._machine.traits)
        else:
            self._state = self._machine.after(self._state, moves)


# Pairs of moves in the order in which a machine lists its successors.
_PAIRS = [(0, 0), (0, 1), (1, 0), (1, 1)]


def _uniforms(seat: Seat) -> Iterator[float]:
    """The seat's uniform numbers one by one, drawn in blocks; most strategies never ask for one."""
    rng = seat.generator()
    while True:
        yield from rng.random(64).tolist()


def _read_rules(info: dict[str, Any], name: str, traits: Traits) -> dict[str, Any]:
    rules = info.get("rules")
    if not isinstance(rules, dict) or "moves" not in info:
        raise CapabilityError(f"{name} plays repeated games, whose info has 'moves' and 'rules'; got {sorted(info)!r}")
    if rules["history"] == "private" and traits.watches_others:
        raise AgentError(f"{name} reacts to the others' moves, which a private history hides; use history='public'")
    sizes = {len(names) for names in rules["options"]}
    if traits.two_options and sizes != {2}:
        raise AgentError(
            f"{name} plays games in which everyone has two options, not {rules['game']}; "
            "use fictitious-play, hedge, regret-matching or q-learning"
        )
    return rules


def _numbers(name: str, rest: str) -> list[float]:
    if not rest:
        return []
    try:
        return [float(part) for part in rest.split(",")]
    except ValueError:
        raise ConfigurationError(f"{name!r}: expected numbers after the colon, as in 'naive-prober:0.2'") from None
