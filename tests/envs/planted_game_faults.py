"""Toy games with one fault each, if possible only after the first step."""

import numpy as np
import pettingzoo
from gymnasium import spaces


class Round(pettingzoo.ParallelEnv):
    """A game of two and eight rounds without a fault."""

    metadata = {"name": "round_v0", "render_modes": []}

    def __init__(self, render_mode=None):
        self.possible_agents, self.render_mode = ["a", "b"], render_mode
        self.observations = {agent: spaces.Box(0, 9, (1,), np.float32) for agent in "ab"}
        self.actions = {agent: spaces.Discrete(2) for agent in "ab"}

    def observation_space(self, agent):
        return self.observations[agent]

    def action_space(self, agent):
        return self.actions[agent]

    def reset(self, seed=None, options=None):
        if seed is not None or not hasattr(self, "rng"):
            self.rng = np.random.default_rng(seed)
        self.agents, self.t = ["a", "b"], 0
        return {agent: self.observe(agent) for agent in self.agents}, {agent: {} for agent in self.agents}

    def observe(self, agent):
        return np.array([self.rng.random()], np.float32)

    def step(self, actions):
        self.t += 1
        who, over = self.agents, self.t >= 8
        self.agents = [] if over else who
        observations = {agent: self.observe(agent) for agent in who}
        flags = [dict.fromkeys(who, over), dict.fromkeys(who, False)]
        result = (observations, dict.fromkeys(who, 1.0), *flags, {agent: {} for agent in who})
        return self.change(*result) if self.t == 4 else result

    def change(self, observations, rewards, terminations, truncations, infos):
        return observations, rewards, terminations, truncations, infos


class GameLeavesTheBounds(Round):
    def observe(self, agent):
        return super().observe(agent) + 100 * (self.t == 4)


class GameRewardsWithNaN(Round):
    def change(self, observations, rewards, *rest):
        return observations, rewards | {"a": np.nan}, *rest


class GameForgetsAReward(Round):
    def change(self, observations, rewards, *rest):
        return observations, {"a": 1.0}, *rest


class GameEndsWithAWord(Round):
    def change(self, observations, rewards, terminations, *rest):
        return observations, rewards, terminations | {"b": "no"}, *rest


class GameIgnoresTheSeedLater(Round):
    def observe(self, agent):
        return super().observe(agent) + np.random.default_rng().random(1).astype(np.float32) * (self.t > 3)


class GameRemembersEarlierMatches(Round):
    matches = 0

    def reset(self, **kwargs):
        self.matches += 1
        return super().reset(**kwargs)

    def observe(self, agent):
        return super().observe(agent) + np.float32(self.matches % 2 * (self.t > 3))


class GameDrawsFromNumpy(Round):
    def observe(self, agent):
        np.random.random()  # noqa: NPY002
        return super().observe(agent)


class GameKeepsAgentsThatAreOver(Round):
    def change(self, observations, rewards, terminations, *rest):
        return observations, rewards, terminations | {"b": True}, *rest


class GameReusesItsBuffer(Round):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.buffer = np.zeros(1, np.float32)

    def observe(self, agent):
        self.buffer[:] = super().observe(agent)
        return self.buffer


class GameChangesTheActions(Round):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.actions = {agent: spaces.Box(-1, 1, (2,), np.float32) for agent in "ab"}

    def step(self, actions):
        for action in actions.values():
            action *= 0.5
        return super().step(actions)


class GameSeedsEveryResetAlike(Round):
    def reset(self, seed=None, options=None):
        return super().reset(seed=7 if seed is None else seed)


class GameClaimsToBeDeterministic(Round):
    metadata = {**Round.metadata, "deterministic": True}


class GameSharesItsState(Round):
    shared = np.zeros(1, np.float32)

    def observe(self, agent):
        self.shared[:] = (self.shared + super().observe(agent)) % 2
        return self.shared.copy()

    def reset(self, **kwargs):
        self.shared[:] = 0
        return super().reset(**kwargs)


class GameTakesShortSeedsOnly(Round):
    def reset(self, seed=None, options=None):
        if seed is not None and seed >= 2**16:
            raise ValueError("seeds have 16 bits here")
        return super().reset(seed)


class GameHasNoInfo(Round):
    def change(self, *results):
        return *results[:4], dict.fromkeys(results[0])


class GameObservesAnotherShape(Round):
    def change(self, observations, *rest):
        return {agent: np.zeros(2, np.float32) for agent in observations}, *rest


class GameBringsAStranger(Round):
    def change(self, *results):
        self.agents = ["a", "b", "c"]
        return results


class Turns(pettingzoo.AECEnv):
    """A turn-based game of two and six turns without a fault."""

    metadata = {"name": "turns_v0", "render_modes": [], "is_parallelizable": False}

    def __init__(self, render_mode=None):
        super().__init__()
        self.possible_agents, self.render_mode = ["a", "b"], render_mode
        self.observation_spaces = {agent: spaces.Box(0, 9, (1,), np.float32) for agent in "ab"}
        self.action_spaces = {agent: spaces.Discrete(2) for agent in "ab"}
        self.state = dict.fromkeys("ab", np.zeros(1, np.float32))

    def observation_space(self, agent):
        return self.observation_spaces[agent]

    def action_space(self, agent):
        return self.action_spaces[agent]

    def reset(self, seed=None, options=None):
        if seed is not None or not hasattr(self, "rng"):
            self.rng = np.random.default_rng(seed)
        self.agents, self.t, self.agent_selection = ["a", "b"], 0, "a"
        self.rewards, self._cumulative_rewards = dict.fromkeys("ab", 0.0), dict.fromkeys("ab", 0.0)
        self.terminations, self.truncations = dict.fromkeys("ab", False), dict.fromkeys("ab", False)
        self.infos = {agent: {} for agent in "ab"}
        self.draw()

    def draw(self):
        self.state = {agent: np.array([self.rng.random()], np.float32) for agent in "ab"}

    def observe(self, agent):
        return self.state[agent]

    def step(self, action):
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        self.t += 1
        self._cumulative_rewards[agent] = 0.0
        self.rewards = {other: float(other == agent) for other in self.agents}
        self.agent_selection = "b" if agent == "a" else "a"
        if self.t == 6:
            self.terminations = dict.fromkeys("ab", True)
        self.draw()
        self._accumulate_rewards()


class TurnsLeaveTheBounds(Turns):
    def observe(self, agent):
        return super().observe(agent) + 100 * (self.t == 4)


class TurnsRewardWithNaN(Turns):
    def _accumulate_rewards(self):
        super()._accumulate_rewards()
        self._cumulative_rewards["a"] += np.nan if self.t == 4 else 0


class TurnsEndWithAWord(Turns):
    def draw(self):
        super().draw()
        if self.t == 4:
            self.truncations["b"] = ""


class TurnsKeepAgentsThatAreOver(Turns):
    def _was_dead_step(self, action):
        self.agent_selection = "b" if self.agent_selection == "a" else "a"


class TurnsReuseTheirBuffer(Turns):
    def draw(self):
        for state in self.state.values():
            state[:] = self.rng.random()


class TurnsSeedEveryResetAlike(Turns):
    def reset(self, seed=None, options=None):
        super().reset(7 if seed is None else seed)


class TurnsIgnoreTheSeedLater(Turns):
    def observe(self, agent):
        return super().observe(agent) + np.random.default_rng().random(1).astype(np.float32) * (self.t > 3)


class TurnsRaiseForAnOddAction(Turns):
    """It declares that malformed actions are outcomes, and raises for some of them in one agent's turn."""

    def step(self, action):
        over = self.terminations[self.agent_selection] or self.truncations[self.agent_selection]
        if not over and self.agent_selection == "b":
            action + 1
        super().step(action)
        for agent, info in self.infos.items():
            self.infos[agent] = {**info, "invalid_action": action not in (0, 1, None)}


#: Each faulty game and the check that finds it, after the kind of game.
GAMES = {
    **dict.fromkeys(
        [
            GameLeavesTheBounds, GameRewardsWithNaN, GameForgetsAReward, GameEndsWithAWord,
            GameKeepsAgentsThatAreOver, GameReusesItsBuffer, GameChangesTheActions, GameHasNoInfo,
            GameObservesAnotherShape, GameBringsAStranger,
        ],
        "every step keeps the contract",
    ),
    GameIgnoresTheSeedLater: "same seed same match",
    GameRemembersEarlierMatches: "same seed same match",
    GameDrawsFromNumpy: "global generators untouched",
    GameSeedsEveryResetAlike: "resets without a seed differ",
    GameClaimsToBeDeterministic: "different seeds differ",
    GameSharesItsState: "instances do not interfere",
    GameTakesShortSeedsOnly: "takes the seeds of evaluate",
}  # fmt: skip

#: Each faulty turn-based game and the check that finds it.
TURN_BASED = {
    **dict.fromkeys(
        [
            TurnsLeaveTheBounds, TurnsRewardWithNaN, TurnsEndWithAWord, TurnsKeepAgentsThatAreOver,
            TurnsReuseTheirBuffer,
        ],
        "every step keeps the contract",
    ),
    TurnsSeedEveryResetAlike: "resets without a seed differ",
    TurnsIgnoreTheSeedLater: "same seed same match",
    TurnsRaiseForAnOddAction: "hostile actions are outcomes",
}  # fmt: skip
