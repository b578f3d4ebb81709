"""Repeated normal-form games: the same players choose simultaneously in every round."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from pettingzoo import ParallelEnv

from quintain.envs.games.canonical import GameLike, load_game
from quintain.envs.games.rules import NO_MOVE, Rules, RulesInfo, Unit
from quintain.envs.games.seat_interface import SeatInterface, View
from quintain.envs.games.seat_view import Observer, SeatView
from quintain.envs.games.words import TextView
from quintain.errors import ConfigurationError
from quintain.numerals import exact_number

__all__ = ["RepeatedGame", "View"]

#: Maximum length of an option's name, in characters.
MAX_NAME_CHARS = 60


class RepeatedGame(ParallelEnv):  # type: ignore[misc]  # PettingZoo has no type hints here
    """A repeated normal-form game.

    Description:
        In every round all players choose one of their options simultaneously; then moves and payoffs are revealed. The
        stage game is any payoff tensor for n >= 2 players; the number of rounds is fixed or random, moves may be
        replaced by noise ("trembling hand"), and histories may be private.

    Observation:
        ``view="numeric"``: ``Dict(observation, action_mask)``. ``observation`` is a float32 vector in [0, 1]: for each
        of the last ``memory`` rounds, latest first, one one-hot block per player (own move first, then the others in
        seat order from the next seat on; all zeros for rounds not yet played, illegal moves and hidden ones), then a
        flag for "no round played yet", then the share of rounds played (0 when the horizon is hidden or random).
        Arrays are read-only and shared between steps: copy one before changing it.
        ``view="both"`` adds the key ``text``; ``view="text"`` is that text alone, with text actions.

    Action:
        The index of an option; option 0 is the cooperative or first one. In the text view, its name.

    Reward:
        The player's payoff for the joint move, in units of the payoff tensor. A move that is not an option makes the
        round void: it counts as played, all payoffs are 0, and each player with an illegal move gets a penalty, minus
        its payoff range (maximum minus minimum).

    Episode end:
        ``terminated`` after the last round, fixed or random. ``truncated`` when ``max_cycles``, or the cap ``rounds``
        of a random horizon, cuts the game short.

    Info:
        One dictionary per player. In every step:

        - ``round``: number of rounds played so far.
        - ``moves``: option indices of the last round, the player's own first, then the others in seat order; ``-1``
          for a move that is hidden or illegal. ``None`` before the first round.
        - ``payoffs``: payoffs of the last round in the same order, in units of the payoff tensor; ``None`` for one that
          is hidden, and for all in a void round. ``None`` before the first round.
        - ``reward_terms``: ``payoff`` and ``penalty``, which add up to the reward.
        - ``parse_error``: in the text view, why the player's action is no option; else ``None``. ``invalid_action``: in
          the other views, whether it is no option.
        - ``task_id``, ``task_hash``: name and length of the game, and a hash of payoffs and rules.
        - ``success``: at the end, whether the player made no illegal move and scored at least its maximin value in pure
          strategies times the number of rounds; before, false.
        - ``metrics``: at the end, ``score`` (sum of rewards), ``rounds``, ``illegal_moves`` (number of the player's
          illegal moves), ``cooperation`` (share of rounds in which the player chose option 0, in [0, 1]) and, where the
          player's maximum payoff is positive, ``normalised_score`` (score divided by rounds times maximum payoff, at
          most 1). Before, empty.

        ``reset`` adds ``rules``, a :class:`~quintain.envs.games.rules.RulesInfo`: everything a player may know about
        the game before the first round, from its own point of view.

    Arguments:
        game: Name of a game, payoff tensors as nested lists, or a mapping with ``payoffs`` and optionally
            ``options``; see :func:`~quintain.envs.games.load_game`.
        rounds: Number of rounds, >= 1; with ``continuation`` the maximum number.
        game_args: Arguments of a named game, such as ``{"players": 5}`` for ``public_goods``.
        continuation: Probability in [0, 1) that another round follows, or ``None`` for a fixed number of rounds.
        noise: Probability in [0, 1] that a player's move is replaced by another of its options, drawn uniformly.
        history: ``"public"``: players see all moves and payoffs. ``"private"``: only their own.
        horizon: ``"known"``: observations and ``rules`` contain the number of rounds or the continuation
            probability. ``"hidden"``: they do not.
        unit: Name of the unit in which texts state payoffs, such as ``"points"``; it does not change the numbers.
        view: Kind of observations and actions; see Observation and Action.
        memory: Number of past rounds that the numeric observation contains, >= 1.
        max_cycles: Truncate the match after this number of rounds (PettingZoo's convention), or ``None``.
        render_mode: ``"ansi"``: ``render`` returns the moves as text. ``"human"``: every step prints them.

    Determinism:
        Noise and random endings are drawn from the generator seeded by ``reset``. Nothing else is random.

    Source:
        Protocol of Akata et al., "Playing repeated games with Large Language Models", Nature Human Behaviour 9 (2025).

    Version history:
        v0: first version.

    Raises:
        ConfigurationError: If an argument is out of range or ``game`` does not describe a game.
    """

    metadata: dict[str, Any] = {
        "name": "RepeatedGame-v0",
        "render_modes": ["ansi", "human"],
        "render_fps": 4,
        "is_parallelizable": True,
    }

    def __init__(
        self,
        game: GameLike = "prisoners_dilemma",
        rounds: int = 10,
        *,
        game_args: Mapping[str, Any] | None = None,
        continuation: float | None = None,
        noise: float = 0.0,
        history: Literal["public", "private"] = "public",
        horizon: Literal["known", "hidden"] = "known",
        unit: Unit = "points",
        view: View = "numeric",
        memory: int = 1,
        max_cycles: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        self.game = load_game(game, **(game_args or {}))
        self.rules = Rules(rounds, continuation, noise, history, horizon, unit)
        if view not in ("numeric", "both", "text"):
            raise ConfigurationError(f"view must be 'numeric', 'both' or 'text', got {view!r}")
        if isinstance(memory, bool) or not isinstance(memory, int) or memory < 1:
            raise ConfigurationError(f"memory must be an integer >= 1, got {memory!r}")
        if max_cycles is not None and (
            isinstance(max_cycles, bool) or not isinstance(max_cycles, int) or max_cycles < 1
        ):
            raise ConfigurationError(f"max_cycles must be an integer >= 1 or None, got {max_cycles!r}")
        if any(len(name) > MAX_NAME_CHARS for names in self.game.options for name in names):
            raise ConfigurationError(f"names of options may have at most {MAX_NAME_CHARS} characters")
        self.view, self.memory, self.max_cycles, self.render_mode = view, memory, max_cycles, render_mode
        self.metadata = {**type(self).metadata, "deterministic": not noise and continuation is None}

        players = range(self.game.players)
        self.possible_agents = [f"player_{seat}" for seat in players]
        self.agents: list[str] = []
        self.np_random, _ = seeding.np_random()
        task = (
            f"{self.game.name}/{rounds if continuation is None else f'p{continuation:g}'}",
            self.rules.fingerprint(self.game),
        )
        self._observers = [Observer(self.game, self.rules, seat, memory, task) for seat in players]
        self._interfaces = [
            SeatInterface(
                view, memory, self._observers[seat], TextView(self.game, self.rules, seat), self.game.options[seat]
            )
            for seat in players
        ]
        self._spread = [float(np.ptp(self.game.payoffs[seat])) for seat in players]
        self._all_false = dict.fromkeys(self.possible_agents, False)
        # Cache: joint move (tuple of int, all legal) -> one SeatView per player.
        self._direct: dict[tuple[int, ...], list[SeatView]] = {}
        self._shows_progress = horizon == "known" and continuation is None
        self._fixed_length = continuation is None and max_cycles is None
        self._sees_last_round_only = view == "numeric" and memory == 1
        self._clear()

    # -- spaces ------------------------------------------------------------------------------------------------------

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Return the observation space of a seat; always the same object."""
        return self._interfaces[self.possible_agents.index(agent)].observation_space

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Return the action space of a seat; always the same object."""
        return self._interfaces[self.possible_agents.index(agent)].action_space

    # -- play --------------------------------------------------------------------------------------------------------

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Start a new match. ``options`` are ignored."""
        if seed is not None:
            self.np_random, _ = seeding.np_random(seed)
        self._clear()
        self.agents = self.possible_agents[:]
        observations, infos = {}, {}
        for seat, agent in enumerate(self.agents):
            blank = self._observers[seat].blank
            observations[agent] = self._interfaces[seat].observe(blank, 0.0, self.history)
            infos[agent] = blank.info | {
                "reward_terms": {"payoff": 0.0, "penalty": 0.0},
                "metrics": {},
                "rules": self.rules_seen_by(seat),
            }
        return observations, infos

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Play one round. A missing or illegal action makes it void; see the class."""
        agents = self.agents
        if not agents:
            return {}, {}, {}, {}, {}
        # This is a hot path. Joint moves that were parsed before are looked up; others take the slow path.
        joint: tuple[Any, ...] = tuple(map(actions.get, self.possible_agents))
        problems = None
        for move in joint:
            if type(move) is not int:
                cell = None
                break
        else:
            cell = self._direct.get(joint)
        if cell is None:
            joint, cell, problems = self._resolve(joint)
        self.history.append(joint)
        played, rounds = len(self.history), self.rules.rounds
        terminated, truncated = (played >= rounds, False) if self._fixed_length else self._ending(played)

        progress = played / rounds if self._shows_progress else 0.0
        observations, rewards, infos = {}, {}, {}
        plain = self._sees_last_round_only
        for view in cell:
            # Mutable values are new objects in each step; tuples and read-only arrays are shared.
            agent, reward = view.agent, view.reward
            if plain:
                vector = view.frames.get(progress)
                if vector is None:
                    vector = view.frame(progress)
                observations[agent] = {"observation": vector, "action_mask": view.mask}
            else:
                interface = self._interfaces[self.possible_agents.index(agent)]
                observations[agent] = interface.observe(view, progress, self.history)
            infos[agent] = info = view.info.copy()
            info["round"] = played
            info["reward_terms"] = {"payoff": reward, "penalty": 0.0}
            info["metrics"] = {}
            rewards[agent] = reward
        if problems:
            for agent, problem in problems.items():
                rewards[agent] += self._punish(agent, problem, infos[agent])
        if terminated or truncated:
            terminations, truncations = dict.fromkeys(agents, terminated), dict.fromkeys(agents, truncated)
            self._conclude(infos)
            self.agents = []
        else:
            terminations, truncations = self._all_false.copy(), self._all_false.copy()
        if self.render_mode == "human":
            self.render()
        return observations, rewards, terminations, truncations, infos

    def rules_seen_by(self, seat: int) -> RulesInfo:
        """Return the rules that the player in ``seat`` may know before the first round, as new JSON-able data."""
        known = self.rules.horizon == "known"
        return {
            "game": self.game.name,
            "seat": seat,
            "payoffs": self._observers[seat].payoffs.tolist(),
            "options": [list(self.game.options[player]) for player in self._observers[seat].order],
            "rounds": self.rules.rounds if known and self.rules.continuation is None else None,
            "continuation": self.rules.continuation if known else None,
            "noise": self.rules.noise,
            "history": self.rules.history,
            "unit": self.rules.unit,
        }

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts for a run's manifest: a fingerprint of game and rules, and the observation's form."""
        return {"rules": self.rules.fingerprint(self.game), "view": self.view, "memory": self.memory}

    def render(self) -> str | None:
        """Print the moves so far, one line per player, in mode ``"human"``; otherwise return them as text."""
        lines = [f"{self.game.name}, round {len(self.history)}"]
        for seat, agent in enumerate(self.possible_agents):
            moves = " ".join("-" if m[seat] == NO_MOVE else self.game.options[seat][m[seat]] for m in self.history)
            lines.append(f"{agent}: {moves} | {exact_number(self.totals[seat])}")
        if self.render_mode == "human":
            print("\n".join(lines))
            return None
        return "\n".join(lines)

    @property
    def totals(self) -> list[float]:
        """Sum of each player's rewards so far, penalties included."""
        return self._totals(Counter(self.history))

    # -- helpers -----------------------------------------------------------------------------------------------------

    def _clear(self) -> None:
        self.history: list[tuple[int, ...]] = []
        self._illegal = [0] * self.game.players
        for interface in self._interfaces:
            interface.reset()

    def _resolve(self, actions: Sequence[Any]) -> tuple[tuple[int, ...], list[SeatView], dict[str, str]]:
        """Parse arbitrary actions: the joint move after noise, each seat's view of it, and error messages by agent."""
        parsed = [interface.parse(action) for interface, action in zip(self._interfaces, actions, strict=True)]
        moves = [move for move, _ in parsed]
        problems = {agent: error for agent, (_, error) in zip(self.possible_agents, parsed, strict=True) if error}
        can_be_looked_up = not problems and self.view != "text" and not self.rules.noise
        if self.rules.noise:
            self.rules.tremble(moves, self.game.shape, self.np_random)
        joint = tuple(moves)
        cell = [observer.view(joint) for observer in self._observers]
        if can_be_looked_up:
            self._direct[joint] = cell
        return joint, cell, problems

    def _punish(self, agent: str, problem: str, info: dict[str, Any]) -> float:
        """Record an illegal move in ``info`` and return its penalty, a negative reward."""
        seat = self.possible_agents.index(agent)
        self._illegal[seat] += 1
        info["reward_terms"]["penalty"] = -self._spread[seat]
        info.update({"parse_error": problem} if self.view == "text" else {"invalid_action": True})
        return -self._spread[seat]

    def _ending(self, played: int) -> tuple[bool, bool]:
        terminated, truncated = self.rules.ending(played, self.np_random)
        return terminated, truncated or (not terminated and self.max_cycles is not None and played >= self.max_cycles)

    def _totals(self, played: Mapping[tuple[int, ...], int]) -> list[float]:
        earned = [sum(observer.view(joint).reward * n for joint, n in played.items()) for observer in self._observers]
        return [e - n * spread for e, n, spread in zip(earned, self._illegal, self._spread, strict=True)]

    def _conclude(self, infos: dict[str, dict[str, Any]]) -> None:
        """Add success and metrics of the match to the last infos."""
        rounds, played = len(self.history), Counter(self.history)
        for seat, (info, score) in enumerate(zip(infos.values(), self._totals(played), strict=True)):
            observer, illegal = self._observers[seat], self._illegal[seat]
            level = rounds * observer.security_level
            # Sums of floats differ from products: six times 0.1 is not 0.6.
            info["success"] = not illegal and (score >= level or math.isclose(score, level, rel_tol=1e-9))
            info["metrics"] = {
                "score": score,
                "rounds": float(rounds),
                "cooperation": sum(n for joint, n in played.items() if joint[seat] == 0) / rounds,
                "illegal_moves": float(illegal),
            }
            if observer.best_payoff > 0:
                info["metrics"]["normalised_score"] = score / (rounds * observer.best_payoff)
