"""One seat of a repeated game as a Gymnasium environment; an opponent plays the other seats.

Environments import no agents. The opponent is given by name, and ``provider`` is the ``"module:function"`` that makes
opponents from names, an entry point like Gymnasium's own. The ids that Quintain registers set it to
``quintain.agents.games:opponent``; another package can set its own.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import gymnasium as gym
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import TimeLimit

from quintain.envs.games.repeated import RepeatedGame, View
from quintain.envs.vector import TextVectorEnv
from quintain.errors import ConfigurationError

__all__ = ["OpponentProvider", "RepeatedGameEnv", "make_vec"]

Mover = Callable[[Any, dict[str, Any]], Any]


class OpponentProvider(Protocol):
    """Makes the opponent called ``name``: a function (observation, info) -> action.

    A function that never draws random numbers may declare it with an attribute ``stochastic = False``.
    """

    def __call__(self, name: str, *, env_id: str, seat: str, spaces: tuple[Any, Any], seed: int) -> Mover:
        """Return a new opponent for one episode, or raise ``UnknownNameError``."""
        ...


class RepeatedGameEnv(gym.Env[Any, Any]):
    """A repeated game against a chosen opponent.

    Description:
        The agent takes ``seat`` of a :class:`~quintain.envs.games.RepeatedGame`; the opponent, new in each episode,
        plays every other seat.

    Observation:
        That of the seat, in the chosen view. ``view="flat"`` is the numeric vector alone, without the action mask: a
        plain ``Box``.

    Action:
        The index of an option, or its name in the text view.

    Reward:
        The seat's payoff of the round; see :class:`~quintain.envs.games.RepeatedGame`, also for illegal moves.

    Episode end:
        As in :class:`~quintain.envs.games.RepeatedGame`.

    Info:
        That of the seat, and ``opponent``: the opponent's name.

    Arguments:
        game: As for :class:`~quintain.envs.games.RepeatedGame`.
        rounds: Number of rounds, >= 1; with ``continuation`` the maximum number.
        opponent: Name of the opponent, or several names, of which each episode draws one uniformly;
            ``reset(options={"opponent": name})`` sets it for one episode.
        seat: Index of the agent's seat, from 0.
        provider: ``"module:function"``, an :class:`OpponentProvider`.
        view: ``"numeric"``, ``"both"``, ``"text"`` or ``"flat"``; see Observation.
        render_mode: As for :class:`~quintain.envs.games.RepeatedGame`.
        **arguments: Further arguments of :class:`~quintain.envs.games.RepeatedGame`.

    Determinism:
        ``reset(seed=s)`` determines the choice of opponent, its moves, the noise and the ending. If none of them is
        random, ``metadata["deterministic"]`` is true and the seed has no effect.

    Source:
        See :class:`~quintain.envs.games.RepeatedGame`.

    Version history:
        v0: first version.

    Raises:
        ConfigurationError: If the seat, the provider or an opponent does not exist.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi", "human"], "render_fps": 4}

    def __init__(
        self,
        game: Any = "prisoners_dilemma",
        rounds: int = 10,
        *,
        opponent: str | Sequence[str] = "tit-for-tat",
        seat: int = 0,
        provider: str = "",
        view: View | Literal["flat"] = "numeric",
        render_mode: str | None = None,
        **arguments: Any,
    ) -> None:
        self._flat = view == "flat"
        self.match = RepeatedGame(
            game, rounds, view="numeric" if view == "flat" else view, render_mode=render_mode, **arguments
        )
        if seat not in range(self.match.game.players):
            raise ConfigurationError(f"seat must be 0..{self.match.game.players - 1}, got {seat!r}")
        self.opponents = (opponent,) if isinstance(opponent, str) else tuple(opponent)
        if not self.opponents:
            raise ConfigurationError("give at least one opponent")
        self._provide = _load(provider)
        self.seat = self.match.possible_agents[seat]
        self.render_mode = render_mode
        own = self.match.observation_space(self.seat)
        self.observation_space = own["observation"] if self._flat else own  # type: ignore[index]
        self.action_space = self.match.action_space(self.seat)
        self._others: dict[str, Mover] = {}
        movers = [mover for name in self.opponents for mover in self._make_opponents(name, seed=0).values()]
        drawn = len(self.opponents) > 1 or any(getattr(mover, "stochastic", True) for mover in movers)
        by_chance = self.match.rules.noise > 0 or self.match.rules.continuation is not None
        self.metadata = {**type(self).metadata, "deterministic": not (drawn or by_chance)}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode against the chosen or a drawn opponent."""
        super().reset(seed=seed)
        match_seed, opponent_seed, pick = (int(k) for k in self.np_random.integers(2**53, size=3))
        chosen = (options or {}).get("opponent", self.opponents[pick % len(self.opponents)])
        self._others = self._make_opponents(chosen, opponent_seed)
        self._opponent = chosen
        self._observations, self._infos = self.match.reset(seed=match_seed)
        return self._result()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Play one round."""
        actions = {name: mover(self._observations[name], self._infos[name]) for name, mover in self._others.items()}
        actions[self.seat] = action
        self._observations, rewards, terminations, truncations, self._infos = self.match.step(actions)
        observation, info = self._result()
        return observation, float(rewards[self.seat]), terminations[self.seat], truncations[self.seat], info

    def render(self) -> Any:
        """Render the match; see :meth:`RepeatedGame.render`."""
        return self.match.render()

    def _result(self) -> tuple[Any, dict[str, Any]]:
        observation = self._observations[self.seat]
        info = self._infos[self.seat]
        info["opponent"] = self._opponent
        if isinstance(observation, str):
            return observation, info
        for part in ("observation", "action_mask"):  # shared and read-only; Gymnasium requires new objects in each step
            observation[part] = observation[part].copy()
        return (observation["observation"] if self._flat else observation), info

    def _make_opponents(self, name: str, seed: int) -> dict[str, Mover]:
        return {
            seat: self._provide(
                name,
                env_id=self.match.metadata["name"],
                seat=seat,
                spaces=(self.match.observation_space(seat), self.match.action_space(seat)),
                seed=seed,
            )
            for seat in self.match.possible_agents
            if seat != self.seat
        }


def make_vec(
    num_envs: int = 1,
    *,
    autoreset_mode: str | AutoresetMode | None = None,
    max_episode_steps: int | None = None,
    **kwargs: Any,
) -> SyncVectorEnv | TextVectorEnv:
    """Make a vector of ``num_envs`` environments: the ``vector_entry_point`` of ``gym.make_vec``.

    Args:
        num_envs: Number of environments, >= 1. Default: 1.
        autoreset_mode: Behaviour after the last step of an episode, one of Gymnasium's modes; by default that of the
            class returned.
        max_episode_steps: Maximum number of rounds, after which an episode is truncated; by default no limit. Gymnasium
            hands over that of the registration.
        kwargs: Arguments of each environment.

    Returns:
        :class:`~quintain.envs.vector.TextVectorEnv` where ``view="text"``, otherwise Gymnasium's ``SyncVectorEnv``.
    """
    mode = {} if autoreset_mode is None else {"autoreset_mode": autoreset_mode}

    def make() -> gym.Env[Any, Any]:
        env: gym.Env[Any, Any] = RepeatedGameEnv(**kwargs)
        return env if max_episode_steps is None else TimeLimit(env, max_episode_steps)

    makers = [make] * num_envs
    return (TextVectorEnv if kwargs.get("view") == "text" else SyncVectorEnv)(makers, **mode)  # type: ignore[arg-type]


def _load(provider: str) -> OpponentProvider:
    module, _, function = provider.partition(":")
    if not (module and function):
        raise ConfigurationError(
            f"provider must be 'module:function', got {provider!r}; the registered ids fill it in, "
            "so make the environment with gymnasium.make"
        )
    found: Mapping[str, Any] = vars(importlib.import_module(module))
    if function not in found:
        raise ConfigurationError(f"module {module!r} has no opponent provider {function!r}")
    provide: OpponentProvider = found[function]
    return provide
