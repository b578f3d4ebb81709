"""A normal-form game played over and over by the same players, who move at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from quintain.envs.games.canonical import GameLike, load_game
from quintain.envs.games.rules import NO_MOVE, Rules, describe_game, describe_round, find_option
from quintain.errors import ConfigurationError
from quintain.spaces import UnicodeText

__all__ = ["RepeatedGame", "View"]

View = Literal["numeric", "both", "text"]

# Longest sentence about one player's part of a round: an option name and an amount.
_WORDS_PER_PLAYER = 160
_MAX_NAME = 60
_MAX_ACTION = 4096


class RepeatedGame(ParallelEnv):  # type: ignore[misc]  # PettingZoo is untyped at this border
    """A repeated normal-form game.

    Description:
        ``n`` players choose among their options at the same time, see what happened, and play again. The stage game is
        any payoff tensor; its number of rounds is fixed or random, hands may tremble, and histories may be private.

    Observation:
        ``view="numeric"``: ``Dict(observation, action_mask)``. ``observation`` is a float32 vector in [0, 1]: for each
        of the last ``memory`` rounds, latest first, one one-hot block per player (own move first, then the others in
        seat order from the next seat on; all zeros for rounds not yet played, illegal moves and hidden ones), then a
        flag for "no round played yet", then the share of rounds played (0 when the horizon is hidden or random).
        ``view="both"`` adds the key ``text``; ``view="text"`` is that text alone, with text actions.

    Action:
        The index of an option; option 0 is the cooperative or first one. In the text view, its name.

    Reward:
        The payoff of the cell. A move that is not an option makes the round void: it counts as played, nobody earns
        anything, and each offender loses the spread of its own payoffs (best minus worst).

    Episode end:
        ``terminated`` after the last round, fixed or random. ``truncated`` when ``max_cycles``, or the cap ``rounds``
        of a random horizon, cuts the game short.

    Info:
        ``round`` (rounds played), ``moves`` and ``payoffs`` of the last round (own first; ``-1`` and ``None`` where
        hidden or void; ``None`` before the first), ``reward_terms`` (``payoff``, ``penalty``), ``invalid_action``,
        ``parse_error``, ``task_id``, ``task_hash``, ``success`` (at the end: no illegal move, and at least what the
        seat could guarantee itself in pure strategies) and ``metrics`` (at the end: ``score``, ``normalised_score`` =
        score over rounds times the best cell, ``cooperation`` = share of option 0). ``reset`` adds ``rules``:
        everything a player may know about the game, as plain data from its own point of view.

    Arguments:
        See ``__init__``. All are plain data.

    Determinism:
        Trembles and random endings are drawn from the generator seeded by ``reset``. Nothing else is random.

    Source:
        Protocol of Akata et al., "Playing repeated games with Large Language Models", Nature Human Behaviour 9 (2025).

    Version history:
        v0: first version.
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
        unit: Literal["points", "dollars", "coins"] = "points",
        view: View = "numeric",
        memory: int = 1,
        max_cycles: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Set up the game.

        Args:
            game: Name, payoff tensors as nested lists, or a mapping with ``payoffs`` and perhaps ``options``.
            rounds: Number of rounds, >= 1; the most that are played when the end is random.
            game_args: Arguments of a named game, such as ``{"players": 5}`` for ``public_goods``.
            continuation: Probability that another round follows, or ``None`` for a fixed number of rounds.
            noise: Probability that a player's hand trembles.
            history: Whether players see each other's moves and payoffs.
            horizon: Whether players are told how long the game lasts.
            unit: What payoffs are called in text.
            view: What players observe and how they act.
            memory: Number of past rounds in the numeric observation, >= 1.
            max_cycles: Stop after so many rounds whatever the rules say (PettingZoo's convention), or ``None``.
            render_mode: ``"ansi"`` returns the table of moves as text, ``"human"`` prints it.

        Raises:
            ConfigurationError: If an argument is out of range or the game is not one.
        """
        self.game = load_game(game, **(game_args or {}))
        self.rules = Rules(rounds, continuation, noise, history, horizon, unit)
        if view not in ("numeric", "both", "text"):
            raise ConfigurationError(f"view must be 'numeric', 'both' or 'text', got {view!r}")
        if isinstance(memory, bool) or not isinstance(memory, int) or memory < 1:
            raise ConfigurationError(f"memory must be an integer >= 1, got {memory!r}")
        if max_cycles is not None and max_cycles < 1:
            raise ConfigurationError(f"max_cycles must be >= 1 or None, got {max_cycles!r}")
        if any(len(name) > _MAX_NAME for names in self.game.options for name in names):
            raise ConfigurationError(f"names of options may have at most {_MAX_NAME} characters")
        self.view, self.memory, self.max_cycles, self.render_mode = view, memory, max_cycles, render_mode

        players = self.game.players
        self.possible_agents = [f"player_{seat}" for seat in range(players)]
        self.agents: list[str] = []
        self.np_random, _ = seeding.np_random()
        self._orders = [[(seat + k) % players for k in range(players)] for seat in range(players)]
        self._spread = [float(np.ptp(self.game.payoffs[seat])) for seat in range(players)]
        self._texts = [describe_game(self.game, self.rules, seat) for seat in range(players)]
        self._nobody = dict.fromkeys(self.possible_agents, False)
        # Indices below these numbers are legal as they are; in the text view none is.
        self._sizes = [
            (agent, 0 if view == "text" else size)
            for agent, size in zip(self.possible_agents, self.game.shape, strict=True)
        ]
        self._task = (
            f"{self.game.name}/{self.rules.rounds if continuation is None else f'p{continuation:g}'}",
            self.rules.fingerprint(self.game),
        )
        self._cells: dict[tuple[int, ...], list[_SeatView]] = {}
        self._block = sum(self.game.shape)
        self._width = self._block * memory + 2
        self._shows_progress = horizon == "known" and continuation is None
        self._rounds, self._trembles = self.rules.rounds, noise > 0
        self._ends_plainly = continuation is None and max_cycles is None
        self._sees_last_round_only = view == "numeric" and memory == 1
        self._blank = [self._see_nothing(seat) for seat in range(players)]
        self._spaces = [self._make_spaces(seat) for seat in range(players)]
        self._clear()

    # -- spaces ------------------------------------------------------------------------------------------------------

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Return the observation space of a seat; always the same object."""
        return self._spaces[self.possible_agents.index(agent)][0]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Return the action space of a seat; always the same object."""
        return self._spaces[self.possible_agents.index(agent)][1]

    def _make_spaces(self, seat: int) -> tuple[spaces.Space[Any], spaces.Space[Any]]:
        size = self.game.shape[seat]
        length = len(self._texts[seat]) + 200 + self.rules.rounds * (80 + _WORDS_PER_PLAYER * self.game.players)
        text = UnicodeText(length)
        if self.view == "text":
            return text, UnicodeText(_MAX_ACTION)
        parts: dict[str, spaces.Space[Any]] = {
            "observation": spaces.Box(0.0, 1.0, (self._width,), np.float32),
            "action_mask": spaces.Box(0, 1, (size,), np.int8),
        }
        if self.view == "both":
            parts["text"] = text
        return spaces.Dict(parts), spaces.Discrete(size)

    # -- play --------------------------------------------------------------------------------------------------------

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Start a new match. ``options`` are accepted for the interface's sake and change nothing."""
        if seed is not None:
            self.np_random, _ = seeding.np_random(seed)
        self._clear()
        self.agents = self.possible_agents[:]
        observations, infos = {}, {}
        for seat, agent in enumerate(self.agents):
            observations[agent] = self._observe(self._blank[seat], 0.0)
            infos[agent] = self._blank[seat].info | {
                "reward_terms": {"payoff": 0.0, "penalty": 0.0},
                "metrics": {},
                "rules": self.rules_seen_by(seat),
            }
        return observations, infos

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Play one round. A missing or illegal action voids it; see the class."""
        agents = self.agents
        if not agents:
            return {}, {}, {}, {}, {}
        moves: list[int] = []
        problems: dict[str, str] = {}
        for agent, size in self._sizes:
            move = actions.get(agent)
            if type(move) is not int or not 0 <= move < size:
                move = self._read(move, agent, size, problems)
            moves.append(move)
        if self._trembles:
            self._tremble(moves)
        joint = tuple(moves)
        cell = self._cells.get(joint)
        if cell is None:
            cell = self._cells[joint] = [self._see(seat, joint) for seat in range(len(joint))]
        self.history.append(joint)
        played = len(self.history)
        rounds = self._rounds
        terminated, truncated = (played >= rounds, False) if self._ends_plainly else self._ending(played)

        progress = played / rounds if self._shows_progress else 0.0
        observations, rewards, infos = {}, {}, {}
        fast = self._sees_last_round_only
        for view in cell:
            # The hot loop: what a reader could change is made afresh; tuples and the read-only mask are shared.
            agent, reward, info, vector, mask = view
            if fast:
                vector = vector.copy()
                vector[-1] = progress
                observations[agent] = {"observation": vector, "action_mask": mask}
            else:
                observations[agent] = self._observe(view, progress)
            infos[agent] = info = info.copy()
            info["round"] = played
            info["reward_terms"] = {"payoff": reward, "penalty": 0.0}
            info["metrics"] = {}
            rewards[agent] = reward
        for agent, problem in problems.items():
            rewards[agent] += self._punish(agent, problem, infos[agent])
        terminations, truncations = self._nobody.copy(), self._nobody.copy()
        if terminated or truncated:
            terminations, truncations = dict.fromkeys(agents, terminated), dict.fromkeys(agents, truncated)
            self._conclude(infos)
            self.agents = []
        if self.render_mode == "human":
            self.render()
        return observations, rewards, terminations, truncations, infos

    def rules_seen_by(self, seat: int) -> dict[str, Any]:
        """Everything the player in ``seat`` may know before the first round, as fresh JSON-able data.

        Payoffs and option names are listed from its point of view: itself first, then the others in seat order.
        """
        known = self.rules.horizon == "known"
        return {
            "game": self.game.name,
            "seat": seat,
            "payoffs": self.game.seen_by(seat).tolist(),
            "options": [list(self.game.options[player]) for player in self._orders[seat]],
            "rounds": self.rules.rounds if known and self.rules.continuation is None else None,
            "continuation": self.rules.continuation if known else None,
            "noise": self.rules.noise,
            "history": self.rules.history,
            "unit": self.rules.unit,
        }

    def render(self) -> str | None:
        """Show the moves so far, one line per player: printed in ``"human"`` mode, otherwise returned."""
        lines = [f"{self.game.name}, round {len(self.history)}"]
        for seat, agent in enumerate(self.possible_agents):
            moves = " ".join("-" if m[seat] == NO_MOVE else self.game.options[seat][m[seat]] for m in self.history)
            lines.append(f"{agent}: {moves} | {self.totals[seat]:g}")
        if self.render_mode == "human":
            print("\n".join(lines))
            return None
        return "\n".join(lines)

    @property
    def totals(self) -> list[float]:
        """What each player has earned so far, penalties included."""
        return [
            sum(self._cells[joint][seat].reward for joint in self.history) - self._illegal[seat] * spread
            for seat, spread in enumerate(self._spread)
        ]

    # -- inside ------------------------------------------------------------------------------------------------------

    def _clear(self) -> None:
        self.history: list[tuple[int, ...]] = []
        self._illegal = [0] * self.game.players
        self._told: list[list[str]] = [[] for _ in self._illegal]

    def _read(self, action: Any, agent: str, size: int, problems: dict[str, str]) -> int:
        """Turn any object into a move, or into NO_MOVE and a note of what was wrong with it."""
        if self.view == "text":
            if not isinstance(action, str):
                problems[agent] = f"expected the name of an option, got {type(action).__name__}"
                return NO_MOVE
            move = find_option(action[:_MAX_ACTION], self.game.options[self.possible_agents.index(agent)])
            if move is None:
                problems[agent] = "the text does not name exactly one option"
                return NO_MOVE
            return move
        if isinstance(action, np.ndarray) and action.shape == ():
            action = action[()]
        if isinstance(action, (int, np.integer)) and not isinstance(action, bool) and 0 <= action < size:
            return int(action)
        problems[agent] = f"expected an option 0..{size - 1}, got {type(action).__name__}"
        return NO_MOVE

    def _punish(self, agent: str, problem: str, info: dict[str, Any]) -> float:
        """Note an illegal move in ``info`` and return its penalty."""
        seat = self.possible_agents.index(agent)
        self._illegal[seat] += 1
        info["reward_terms"]["penalty"] = -self._spread[seat]
        info.update({"parse_error": problem} if self.view == "text" else {"invalid_action": True})
        return -self._spread[seat]

    def _tremble(self, moves: list[int]) -> None:
        trembles = self.np_random.random(len(moves)) < self.rules.noise
        for seat in np.flatnonzero(trembles):
            if moves[seat] != NO_MOVE:
                shift = int(self.np_random.integers(1, self.game.shape[seat]))
                moves[seat] = (moves[seat] + shift) % self.game.shape[seat]

    def _ending(self, played: int) -> tuple[bool, bool]:
        random_end = self.rules.continuation is not None and self.np_random.random() >= self.rules.continuation
        if random_end or (self.rules.continuation is None and played >= self.rules.rounds):
            return True, False
        return False, played >= self.rules.rounds or (self.max_cycles is not None and played >= self.max_cycles)

    def _see(self, seat: int, joint: tuple[int, ...]) -> _SeatView:
        """What ``seat`` learns from a round in which ``joint`` was played."""
        order = self._orders[seat]
        void = NO_MOVE in joint
        earned = [0.0 if void else float(self.game.payoffs[(player, *joint)]) for player in order]
        moves, payoffs = [joint[player] for player in order], list[float | None](earned)
        if self.rules.history == "private":
            moves[1:], payoffs[1:] = [NO_MOVE] * len(moves[1:]), [None] * len(moves[1:])
        vector = np.zeros(self._width, np.float32)
        start = 0
        for player, move in zip(order, moves, strict=True):
            if move != NO_MOVE:
                vector[start + move] = 1.0
            start += self.game.shape[player]
        return self._seat_view(seat, vector, earned[0], tuple(moves), tuple(payoffs))

    def _see_nothing(self, seat: int) -> _SeatView:
        """What ``seat`` knows before the first round."""
        vector = np.zeros(self._width, np.float32)
        vector[-2] = 1.0
        return self._seat_view(seat, vector)

    def _seat_view(
        self,
        seat: int,
        vector: NDArray[np.float32],
        reward: float = 0.0,
        moves: tuple[int, ...] | None = None,
        payoffs: tuple[float | None, ...] | None = None,
    ) -> _SeatView:
        info = {
            "round": 0,
            "moves": moves,
            "payoffs": payoffs,
            "reward_terms": None,
            "invalid_action": False,
            "parse_error": None,
            "success": False,
            "metrics": None,
            "task_id": self._task[0],
            "task_hash": self._task[1],
        }
        mask = np.ones(self.game.shape[seat], np.int8)
        mask.setflags(write=False)
        return _SeatView(self.possible_agents[seat], reward, info, vector, mask)

    def _observe(self, view: _SeatView, progress: float) -> Any:
        if self.view == "text":
            return self._text(view.agent)
        vector = view.vector.copy()
        vector[-1] = progress
        if self.memory > 1:
            block, seat = self._block, self.possible_agents.index(view.agent)
            for back, joint in enumerate(self.history[-2 : -self.memory - 1 : -1], start=1):
                vector[back * block : (back + 1) * block] = self._cells[joint][seat].vector[:block]
        if self.view == "both":
            return {"observation": vector, "action_mask": view.mask, "text": self._text(view.agent)}
        return {"observation": vector, "action_mask": view.mask}

    def _text(self, agent: str) -> str:
        seat = self.possible_agents.index(agent)
        told = self._told[seat]
        options = [self.game.options[player] for player in self._orders[seat]]
        for number in range(len(told), len(self.history)):
            view = self._cells[self.history[number]][seat]
            told.append(describe_round(number + 1, view.info["moves"], view.info["payoffs"], options, self.rules.unit))
        ask = f"Now comes round {len(told) + 1}. Which option do you choose: {' or '.join(options[0])}?"
        return "\n".join([self._texts[seat], *told, ask])

    def _conclude(self, infos: dict[str, dict[str, Any]]) -> None:
        """Add what is only known at the end."""
        played, totals = len(self.history), self.totals
        for seat, info in enumerate(infos.values()):
            best = self.game.best_payoff(seat)
            info["success"] = not self._illegal[seat] and totals[seat] >= played * self.game.security_level(seat)
            info["metrics"] = {
                "score": totals[seat],
                "rounds": float(played),
                "cooperation": sum(joint[seat] == 0 for joint in self.history) / played,
                "illegal_moves": float(self._illegal[seat]),
            }
            if best > 0:
                info["metrics"]["normalised_score"] = totals[seat] / (played * best)


class _SeatView(NamedTuple):
    """What one seat learns from one joint move: made once, and copied whenever it is handed out."""

    agent: str
    reward: float
    info: dict[str, Any]
    vector: NDArray[np.float32]
    mask: NDArray[np.int8]
