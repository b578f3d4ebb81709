"""The checks of a PettingZoo game, parallel or turn by turn (AEC): PettingZoo's own tests and ours, by name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from gymnasium import spaces

from quintain.envs.checks import (
    LONG_EPISODE,
    NotApplicable,
    different_seeds_differ,
    global_generators_untouched,
    instances_do_not_interfere,
    resets_without_a_seed_differ,
    same_seed_same_episode,
    takes_the_seeds_of_evaluate,
)
from quintain.envs.conventions import HOSTILE, ConventionAbsent
from quintain.envs.step_contract import check_flag, check_info_type, check_observation, check_reward
from quintain.envs.transcripts import MAX_STEPS, action_mask, copied, equal, is_member, sample
from quintain.errors import EnvironmentFault

__all__ = ["Game", "game_checks"]

#: Seeds of the matches of which every step is checked.
_SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Game:
    """The game under check.

    Attributes:
        kind: ``"parallel"`` or ``"aec"``: the registry that has the game.
        name: Id of the game in PettingZoo's registry.
        kwargs: Keyword arguments for ``pettingzoo.make``, beside the id.
    """

    kind: str
    name: str
    kwargs: Mapping[str, Any]

    def make(self) -> Any:
        """Make one game."""
        import pettingzoo

        return pettingzoo.make(self.kind, self.name, **self.kwargs)

    def made(self) -> AbstractContextManager[Any]:
        """Make one game that is closed at the end of a ``with`` block."""
        return contextlib.closing(self.make())

    def play(self, env: Any, seed: int | None, draws: int | None = None) -> Iterator[tuple[Any, ...]]:
        """Play one match with random legal actions, yielding copies of the results of every step."""
        rng = np.random.default_rng(seed if draws is None else draws)
        rounds = _parallel_rounds(env, seed, rng) if self.kind == "parallel" else _turns(env, seed, rng)
        return (copied(step) for step in islice(rounds, MAX_STEPS + 1))


def _action(env: Any, agent: str, observation: Any, info: Any, rng: np.random.Generator) -> Any:
    space = env.action_space(agent)
    return sample(space, rng, action_mask(None, space, observation, info))


def _parallel_rounds(env: Any, seed: int | None, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Yield the actions, the results of ``reset`` or ``step``, the agents that are left, and the actions as chosen."""
    observations, infos = env.reset(seed=seed)
    yield {}, observations, {}, {}, {}, infos, list(env.agents), {}
    while env.agents:
        actions = {a: _action(env, a, observations.get(a), infos.get(a), rng) for a in env.agents}
        chosen = copied(actions)
        observations, rewards, terminations, truncations, infos = env.step(actions)
        yield actions, observations, rewards, terminations, truncations, infos, list(env.agents), chosen


def _turns(env: Any, seed: int | None, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Yield the agent that is to act, the results of ``last``, and the action that it takes then."""
    env.reset(seed=seed)
    while env.agents:
        agent = env.agent_selection
        observation, reward, terminated, truncated, info = env.last()
        action = None if terminated or truncated else _action(env, agent, observation, info, rng)
        yield agent, observation, reward, terminated, truncated, info, action
        env.step(action)


def every_step_keeps_the_contract(game: Game) -> None:
    """In every step of several matches the results of every agent are there, valid and new."""
    check = _check_round if game.kind == "parallel" else _check_turn
    remarks: list[str] = []
    with game.made() as env:
        for seed in _SEEDS:
            rng = np.random.default_rng(seed)
            steps = _parallel_rounds(env, seed, rng) if game.kind == "parallel" else _turns(env, seed, rng)
            acting: list[str] = []
            leaving = ""  # the agent of a turn-based game that is over and takes its last, empty step
            kept: dict[str, tuple[Any, Any]] = {}
            for number, step in enumerate(islice(steps, MAX_STEPS + 1)):
                where = f"seed {seed}, step {number}"
                for name, (value, before) in kept.items():
                    if not equal(value, before):
                        raise EnvironmentFault(
                            f"{where}: the step changed {name} of the step before; agents and records keep it, so "
                            "leave it as it is and return a new object"
                        )
                if leaving and leaving in env.agents:
                    raise EnvironmentFault(f"{where}: agent {leaving!r} was over, and is still in env.agents")
                remarks += check(env, step, acting, where)
                acting = list(env.agents)
                chosen = step[6] if game.kind == "aec" else {}
                leaving = step[0] if game.kind == "aec" and (step[3] or step[4]) else ""
                kept = {"the observation": (step[1], copied(step[1])), "the action": (chosen, copied(chosen))}
    if any(remarks):
        raise ConventionAbsent(next(filter(None, remarks)))


def _check_round(env: Any, step: tuple[Any, ...], acting: list[str], where: str) -> Iterator[str]:
    """Check one result of a parallel game; ``acting`` are the agents that acted, none after the reset."""
    actions, observations, rewards, terminations, truncations, infos, agents, chosen = step
    for agent, action in actions.items():
        if not equal(action, chosen[agent]):
            raise EnvironmentFault(
                f"{where}: the game changed the action of {agent!r} from {chosen[agent]} to {action}"
            )
    parts = {"observations": observations, "infos": infos}
    if acting:
        parts |= {"rewards": rewards, "terminations": terminations, "truncations": truncations}
    for name, part in parts.items():
        if not isinstance(part, Mapping):
            raise EnvironmentFault(f"{where}: {name} are not a dictionary by agent: {str(part)[:80]}")
        missing = [agent for agent in (acting or agents) if agent not in part]
        if missing:
            raise EnvironmentFault(f"{where}: {name} has no entry of {missing}, which acted")
    unknown = set(agents) - set(getattr(env, "possible_agents", agents))
    if unknown:
        raise EnvironmentFault(f"{where}: agents {sorted(map(str, unknown))} are not in possible_agents")
    for agent in acting or agents:
        of_agent = f"{where}, agent {agent!r}"
        check_observation(observations[agent], env.observation_space(agent), of_agent)
        check_info_type(infos[agent], of_agent)
        if acting:
            check_reward(rewards[agent], of_agent)
            yield check_flag("terminated", terminations[agent], of_agent)
            yield check_flag("truncated", truncations[agent], of_agent)
            if (terminations[agent] or truncations[agent]) and agent in agents:
                raise EnvironmentFault(f"{of_agent}: the agent is over, and still in env.agents")


def _check_turn(env: Any, step: tuple[Any, ...], acting: list[str], where: str) -> Iterator[str]:
    """Check what the agent that is to act sees; an agent that is over may see anything."""
    agent, observation, reward, terminated, truncated, info, _ = step
    of_agent = f"{where}, agent {agent!r}"
    if agent not in getattr(env, "possible_agents", [agent]):
        raise EnvironmentFault(f"{of_agent}: it is not in possible_agents")
    check_reward(reward, of_agent)
    yield check_flag("terminated", terminated, of_agent)
    yield check_flag("truncated", truncated, of_agent)
    check_info_type(info, of_agent)
    if not (terminated or truncated):
        check_observation(observation, env.observation_space(agent), of_agent)


def hostile_actions_are_outcomes(game: Game) -> None:
    """Malformed actions do not raise and are no success, whichever agent's turn it is in a turn-based game.

    A game whose ``info`` has ``invalid_action`` declares that it follows the convention.
    """
    declared, turns = False, dict[Any, tuple[int, int]]()
    for seed in _SEEDS:
        with game.made() as env:
            for number, step in enumerate(islice(_turns(env, seed, np.random.default_rng(seed)), MAX_STEPS)):
                declared |= "invalid_action" in step[5]
                if not (step[3] or step[4]):
                    turns.setdefault(step[0], (seed, number))  # the agent's first turn
    for seed, number in turns.values():
        for action in HOSTILE:
            with game.made() as env:
                rng = np.random.default_rng(seed)
                next(islice(_turns(env, seed, rng), number, None))
                _check_hostile(env, action, rng, EnvironmentFault if declared else ConventionAbsent)


def _check_hostile(env: Any, action: Any, rng: np.random.Generator, complaint: type[Exception]) -> None:
    """Take a malformed action in the turn of an agent, and go on until the agent sees what became of it."""
    agent = env.agent_selection
    shown, invalid = f"agent {agent!r}, action {repr(action)[:40]}", not is_member(action, env.action_space(agent))
    try:
        env.step(action)
        for _ in range(MAX_STEPS):
            if not env.agents or env.agent_selection == agent:
                break
            observation, _, terminated, truncated, info = env.last()
            over = terminated or truncated
            env.step(None if over else _action(env, env.agent_selection, observation, info, rng))
        seen = env.last()[4] if agent in env.agents else None
    except Exception as error:
        raise complaint(f"{shown} raised {type(error).__name__}: {error}") from error
    if not invalid or seen is None:
        return
    if seen.get("success"):
        raise EnvironmentFault(f"{shown} counts as success")
    if not (seen.get("invalid_action") or seen.get("parse_error")):
        raise complaint(f"{shown} is not a member of the space, but neither invalid_action nor parse_error is set")


def matches_end(game: Game) -> None:
    """Some match ends."""
    with game.made() as env:
        for seed, limit in ((0, MAX_STEPS), (1, MAX_STEPS), (2, LONG_EPISODE)):
            rng = np.random.default_rng(seed)
            steps = _parallel_rounds(env, seed, rng) if game.kind == "parallel" else _turns(env, seed, rng)
            for _ in islice(steps, limit):
                pass
            if not env.agents:
                return
    raise ConventionAbsent(
        f"no match ended within {LONG_EPISODE} steps: limit the matches of a run, or it may never end"
    )


def pettingzoo_api_test(game: Game) -> None:
    """PettingZoo's own test of the interface passes."""
    from pettingzoo.test import api_test, parallel_api_test

    with game.made() as env:
        if game.kind == "parallel":
            parallel_api_test(env, num_cycles=200)
            return
        for agent in env.possible_agents:
            space = env.observation_space(agent)
            if isinstance(space, spaces.Dict) and "observation" in space.spaces:
                space = space["observation"]
            if not isinstance(space, (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)):
                raise NotApplicable(
                    f"PettingZoo's api_test needs observations that are arrays; here they are in {space}"
                )
        api_test(env, num_cycles=200)


def pettingzoo_seed_test(game: Game) -> None:
    """PettingZoo's own test of seeds passes."""
    from pettingzoo.test import parallel_seed_test, seed_test

    (parallel_seed_test if game.kind == "parallel" else seed_test)(game.make, num_cycles=50)


def game_checks(kind: str, name: str, kwargs: Mapping[str, Any]) -> dict[str, Callable[[], None]]:
    """Return the checks of a game, by name.

    Args:
        kind: ``"parallel"`` or ``"aec"``: the registry that has the game.
        name: Id of the game in PettingZoo's registry.
        kwargs: Keyword arguments for ``pettingzoo.make``, beside the id.
    """
    game = Game(kind, name, kwargs)
    checks: dict[str, Callable[[Game], None]] = {
        f"pettingzoo {kind} api": pettingzoo_api_test,
        f"pettingzoo {kind} seeds": pettingzoo_seed_test,
        f"{kind} every step keeps the contract": every_step_keeps_the_contract,
        f"{kind} matches end": matches_end,
        f"{kind} same seed same match": same_seed_same_episode,
        f"{kind} different seeds differ": different_seeds_differ,
        f"{kind} resets without a seed differ": resets_without_a_seed_differ,
        f"{kind} takes the seeds of evaluate": takes_the_seeds_of_evaluate,
        f"{kind} instances do not interfere": instances_do_not_interfere,
        f"{kind} global generators untouched": global_generators_untouched,
    }
    if kind == "aec":
        checks["aec hostile actions are outcomes"] = hostile_actions_are_outcomes
    return {title: partial(run, game) for title, run in checks.items()}
