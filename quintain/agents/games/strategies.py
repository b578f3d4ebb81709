"""Strategies by name: the classic ones, those that learn within a match, and the axelrod library's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from quintain.agents.agent import Seat
from quintain.agents.games.game_info import GameRules
from quintain.agents.games.machines import Machine, Traits
from quintain.agents.games.strategy_agent import MachinePlayer, MatchPlayer, StrategyAgent
from quintain.arguments import argument_names, check_arguments
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.registry import Registry

__all__ = ["STRATEGIES", "is_strategy", "machine", "opponent", "strategy", "strategy_arguments", "strategy_names"]


class _StrategyRegistry(Registry[Machine | MatchPlayer, Traits]):
    def facts_of(self, target: Any) -> Traits:
        """Read what a class or function declares as its ``traits``."""
        return getattr(target, "traits", Traits())

    def unknown(self, name: str, also: str = "") -> UnknownNameError:
        """Return the error that says that there is no ``name``."""
        return UnknownNameError("strategy", name, strategy_names(), also)


#: Strategies by name; the facts are a strategy's traits with its default arguments. An entry is either a function that
#: returns a :class:`Machine`, or a class of :class:`MatchPlayer`, which is called with the player's own payoff tensor
#: and a generator, followed by the strategy's own arguments.
STRATEGIES: Registry[Machine | MatchPlayer, Traits] = _StrategyRegistry("strategy", Traits, "quintain.strategies")

_FOREVER = float("inf")
_AXELROD = "axelrod"


def _add_machine(name: str, memory: float, *, function: str = "", **traits: bool) -> None:
    function = function or name.replace("-", "_")
    STRATEGIES.add(name, f"quintain.agents.games.classic:{function}", memory=memory, **traits)


_add_machine("always-cooperate", 0, watches_others=False)
_add_machine("always-defect", 0, watches_others=False)
_add_machine("defect-once", 1, watches_others=False)
_add_machine("false-defector", 1, watches_others=False)
_add_machine("alternator", 1, watches_others=False)
_add_machine("tit-for-tat", 1)
_add_machine("suspicious-tit-for-tat", 1)
_add_machine("reverse-tit-for-tat", 1)
_add_machine("tit-for-two-tats", 2)
_add_machine("hard-tit-for-tat", 3)
_add_machine("grim", _FOREVER)
_add_machine("naive-prober", 1, stochastic=True)
_add_machine("joss", 1, stochastic=True)
_add_machine("win-stay-lose-shift", 1)
_add_machine("generous-tit-for-tat", 1, stochastic=True)
_add_machine("tester", _FOREVER)
_add_machine("zd-extort", 1, stochastic=True)
_add_machine("zd-generous", 1, stochastic=True)
_add_machine("memory-one", 1, function="memory_one_strategy", stochastic=True)
_add_machine("random", 0, function="random_strategy", stochastic=True, watches_others=False)


def _add_adaptive(name: str, class_name: str, memory: float = _FOREVER, *, stochastic: bool = False) -> None:
    target = f"quintain.agents.games.adaptive:{class_name}"
    STRATEGIES.add(name, target, memory=memory, stochastic=stochastic, two_options=False)


_add_adaptive("best-response", "BestResponse", 1)
_add_adaptive("fictitious-play", "FictitiousPlay")
_add_adaptive("hedge", "Hedge", stochastic=True)
_add_adaptive("q-learning", "QLearning", stochastic=True)
_add_adaptive("regret-matching", "RegretMatching", stochastic=True)


def strategy_names() -> list[str]:
    """List the registered strategies, sorted; ``"axelrod:NAME"`` names those of that library as well."""
    return sorted(STRATEGIES)


def is_strategy(name: str) -> bool:
    """Whether ``name``, with or without arguments after a colon, names a strategy."""
    base = name.partition(":")[0]
    return base in STRATEGIES or base == _AXELROD


def strategy_arguments(name: str) -> tuple[str, ...]:
    """List the names of a strategy's own arguments, in the order in which they may follow a colon.

    Raises:
        UnknownNameError: If there is no such strategy.
    """
    factory = _factory(name)
    return argument_names(factory, skip=2 if _is_class(factory) else 0)


def strategy(name: str, **arguments: Any) -> StrategyAgent:
    """Make a strategy.

    Args:
        name: One of :func:`strategy_names`, such as ``"tit-for-tat"``. Numbers after a colon are its leading arguments:
            ``"naive-prober:0.2"``, ``"memory-one:1,0,0,1"``. ``"axelrod:Tit For Tat"`` plays the axelrod library's.
        **arguments: The strategy's own arguments; see :func:`strategy_arguments`.

    Raises:
        UnknownNameError: If there is no such strategy.
        ConfigurationError: If an argument does not fit.
        MissingDependencyError: If the name is one of axelrod's, and that library is not installed.
    """
    base, _, rest = name.partition(":")
    if base == _AXELROD:
        from quintain.agents.games.axelrod_players import AxelrodPlayer, find_strategy

        found = find_strategy(rest, arguments)
        return StrategyAgent(name, found.traits, partial(AxelrodPlayer, found), arguments=arguments)
    factory = _factory(base)
    if _is_class(factory):
        positional = _numbers(name, rest)
        check_arguments("strategy", name, factory, [None, None, *positional], arguments)
        return StrategyAgent(
            name,
            STRATEGIES.facts(base),
            partial(_adaptive_player, factory, positional, arguments),
            arguments=arguments,
        )
    made = machine(name, **arguments)
    return StrategyAgent(name, made.traits, partial(_machine_player, made), made, arguments)


# Functions with a name, since environments that hold a strategy as opponent are pickled with it.
def _adaptive_player(
    factory: Callable[..., MatchPlayer], positional: list[float], arguments: dict[str, Any], rules: GameRules, rng: Any
) -> MatchPlayer:
    return factory(rules["payoffs"][0], rng, *positional, **arguments)


def _machine_player(made: Machine, rules: GameRules, rng: Any) -> MatchPlayer:
    return MachinePlayer(made, rng)


def machine(name: str, **arguments: Any) -> Machine:
    """Make the finite-state machine of a classic strategy; see :func:`strategy`.

    Raises:
        UnknownNameError: If no machine has that name.
        ConfigurationError: If an argument does not fit.
    """
    base, _, rest = name.partition(":")
    factory = _factory(base)
    if _is_class(factory):
        raise STRATEGIES.unknown(name, f" ({base} is not a finite-state machine)")
    positional = _numbers(name, rest)
    check_arguments("strategy", name, factory, positional, arguments)
    return factory(*positional, **arguments)  # type: ignore[no-any-return]  # a function that returns a machine


class _Opponent:
    """The function that :func:`opponent` returns; ``stochastic`` is that of the strategy's traits."""

    def __init__(self, agent: StrategyAgent, seat: Seat) -> None:
        self.stochastic = agent.traits.stochastic
        self._act = agent.begin(seat).act

    def __call__(self, observation: Any, info: dict[str, Any]) -> Any:
        return self._act(observation, info)


def opponent(name: str, *, env_id: str, seat: str, spaces: tuple[Any, Any], seed: int) -> Callable[..., Any]:
    """Return a function ``f(observation, info) -> action`` that plays one seat of one match by a strategy.

    The single-seat forms of the repeated games, which may not import agents, find it by name.

    Args:
        name: Name of the strategy; see :func:`strategy`.
        env_id: Id of the environment, for the :class:`~quintain.agents.agent.Seat`.
        seat: Name of the seat, which decides its random stream: ``"player_1"``.
        spaces: Observation space and action space of the seat.
        seed: Seed of the match, in [0, 2**53).
    """
    return _Opponent(strategy(name), Seat(env_id, seat, *spaces, seed))


def _factory(name: str) -> Callable[..., Any]:
    """Load an entry; unlike elsewhere, what follows a colon is arguments and not an attribute of a module."""
    if name not in STRATEGIES:
        raise STRATEGIES.unknown(name)
    return STRATEGIES.load(name)  # type: ignore[no-any-return]  # entries are callables


def _is_class(factory: Callable[..., Any]) -> bool:
    """Whether an entry is a class of match players rather than a function that returns a machine."""
    return isinstance(factory, type)


def _numbers(name: str, rest: str) -> list[float]:
    if not rest:
        return []
    try:
        return [float(part) for part in rest.split(",")]
    except ValueError:
        raise ConfigurationError(f"{name!r}: expected numbers after the colon, as in 'naive-prober:0.2'") from None
