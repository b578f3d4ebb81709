"""Concurrent episodes share no environment object, and reused buffers do not change recorded episodes."""

import gymnasium as gym
import numpy as np
import pettingzoo
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from pettingzoo.utils.conversions import parallel_to_aec
from toy_envs import BatchParity, Parity, Sum

import quintain
from quintain.agents.policies import MLP, Layer, Policy
from quintain.attacks import attack
from quintain.envs.sharing import check_distinct, own
from quintain.envs.vector import TextVectorEnv
from quintain.errors import ConfigurationError
from quintain.training.control.episodes import play_episodes
from quintain.training.control.rows import EnvRows

AGENTS = [Parity(), BatchParity()]


class Reuse(gym.Env):
    """Episodes of two steps; returns one info dict, which it modifies in place at three levels of nesting."""

    observation_space, action_space = spaces.Box(0, 9, (1,), np.float32), spaces.Discrete(2)

    def __init__(self):
        self.info = {"draw": 0.0, "metrics": {"draw": 0.0}, "list": [0.0], "array": np.zeros(1), "set": set()}

    def _draw(self):
        draw = float(self.np_random.random())
        self.info["draw"] = self.info["metrics"]["draw"] = self.info["list"][0] = self.info["array"][0] = draw
        self.info["set"].clear()
        self.info["set"].add(draw)
        return np.zeros(1, np.float32), self.info

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 2
        return self._draw()

    def step(self, action):
        self.left -= 1
        observation, info = self._draw()
        return observation, 1.0, self.left == 0, False, info


def expected_value(seed):
    """Return the value in the last info of an episode."""
    env = Reuse()
    env.reset(seed=seed)
    env.step(0)
    return env.step(0)[-1]["draw"]


def values_of(info):
    return {info["draw"], info["metrics"]["draw"], info["list"][0], float(info["array"][0]), *info["set"]}


def wrapped(env):
    return gym.wrappers.TimeLimit(env, 100)


def slowly(observation):
    async def act():
        import asyncio

        await asyncio.sleep(0)
        return int(observation.sum()) % 2

    return act()


@pytest.mark.parametrize("wrap", [lambda env: env, wrapped], ids=["bare", "in a new wrapper"])
@pytest.mark.parametrize("agent", [slowly, BatchParity()], ids=["one by one", "batched"])
def test_one_environment_object_for_concurrent_episodes_is_refused(agent, wrap):
    env = Sum()
    with pytest.raises(ConfigurationError, match=r"returned the same Sum twice.*`lambda: Sum\(...\)`"):
        quintain.evaluate(lambda: wrap(env), agent, episodes=8, progress=False)
    alone = quintain.evaluate(lambda: wrap(env), agent, episodes=8, concurrency=1, progress=False)
    each = quintain.evaluate(lambda: wrap(Sum()), agent, episodes=8, progress=False)
    assert [e.returns["agent"] for e in alone.episodes] == [e.returns["agent"] for e in each.episodes] == [3.0] * 8


@pytest.mark.parametrize(
    "run",
    [
        lambda make: EnvRows(make, 2, [1, 2]).close(),
        lambda make: TextVectorEnv([make] * 2).close(),
        lambda make: play_episodes(make, POLICY, [1, 2]),
        lambda make: play_episodes(make, POLICY, [1, 2], wrap=lambda venv: venv),
        lambda make: attack(SyncVectorEnv([make] * 2), "random", POLICY, epsilon=0.1).close(),
    ],
    ids=["EnvRows", "TextVectorEnv", "play_episodes", "play_episodes, wrapped", "an attacked vector"],
)
def test_every_function_that_makes_several_environments_refuses_a_shared_one(run):
    env = Reuse()
    run(Reuse)
    with pytest.raises(ConfigurationError, match="the same Reuse twice"):
        run(lambda: env)


@pytest.mark.parametrize("convert", [lambda game: game, parallel_to_aec], ids=["parallel", "turns"])
def test_concurrent_matches_need_a_game_each(convert):
    class Wait(pettingzoo.ParallelEnv):
        metadata, possible_agents, render_mode = {"name": "wait_v0"}, ["a"], None

        def observation_space(self, agent):
            return spaces.Box(0, 9, (1,), np.int64)

        action_space = observation_space

        def reset(self, seed=None, options=None):
            self.agents, self.left = ["a"], 3
            return {"a": np.zeros(1, np.int64)}, {"a": {}}

        def step(self, actions):
            self.left -= 1
            self.agents = ["a"] * (self.left > 0)
            return {"a": np.zeros(1, np.int64)}, {"a": 1.0}, {"a": not self.left}, {"a": False}, {"a": {}}

    game = Wait()
    with pytest.raises(ConfigurationError, match="the same Wait twice"):
        quintain.play(lambda: convert(game), {"a": slowly}, episodes=4, concurrency=2, progress=False)
    report = quintain.play(lambda: convert(Wait()), {"a": slowly}, episodes=4, concurrency=2, progress=False)
    assert [e.returns for e in report.episodes] == [{"a": 3.0}] * 4


def test_factories_that_alternate_between_two_environments_are_detected():
    envs = [Sum(), Sum()]
    check_distinct(envs)
    with pytest.raises(ConfigurationError):
        check_distinct([*envs, wrapped(envs[0])])


@pytest.mark.parametrize("agent", AGENTS, ids=["one by one", "batched"])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_reused_info_dict_does_not_change_finished_episodes(agent, concurrency):
    report = quintain.evaluate(Reuse, agent, episodes=6, concurrency=concurrency, progress=False)
    assert [values_of(e.info) for e in report.episodes] == [{expected_value(e.seed)} for e in report.episodes]


POLICY = Policy(
    MLP([Layer(np.zeros((2, 1)), np.zeros(2), "identity")]), Reuse.observation_space, Reuse.action_space,
    head="categorical",
)  # fmt: skip


@pytest.mark.parametrize("wrap", [None, lambda venv: venv], ids=["plain", "wrapped"])
def test_training_copies_the_infos_of_finished_episodes(wrap):
    episodes = play_episodes(Reuse, POLICY, [3, 4, 5], wrap=wrap)
    for episode in episodes:
        assert values_of({**episode.info, "set": set()}) == {expected_value(episode.seed)}
    rows = EnvRows(Reuse, 1, [3, 4, 5], wrap=wrap)
    rows.reset()
    seen = [rows.step(np.zeros((1, 1))) for _ in range(4)]
    assert [values_of(seen[i].infos[0]) for i in (1, 3)] == [{expected_value(3)}, {expected_value(4)}]


def test_final_info_is_that_of_the_finished_episode():
    vector = TextVectorEnv([Reuse], AutoresetMode.SAME_STEP)
    vector.reset(seed=7)
    vector.step([0])
    final = vector.step([0])[-1]["final_info"]
    assert (final["draw"][0], final["list"][0][0], final["metrics"]["draw"][0]) == (expected_value(7),) * 3
    assert isinstance(SyncVectorEnv([Reuse]).reset(seed=7)[1], dict)


def test_a_games_reused_info_dict_does_not_change_finished_matches():
    class Game(pettingzoo.ParallelEnv):
        metadata, possible_agents, render_mode = {"name": "game_v0"}, ["a"], None

        def observation_space(self, agent):
            return spaces.Discrete(2)

        action_space = observation_space

        def __init__(self):
            self.info = {"metrics": {"draw": 0.0}}

        def reset(self, seed=None, options=None):
            self.info["metrics"]["draw"], self.agents = float(seed), ["a"]
            return {"a": 0}, {"a": self.info}

        def step(self, actions):
            self.agents = []
            return {"a": 0}, {"a": 1.0}, {"a": True}, {"a": False}, {"a": self.info}

    report = quintain.play(Game(), {"a": "random"}, episodes=3, progress=False)
    assert [e.info["seats"]["a"]["metrics"]["draw"] for e in report.episodes] == [e.seed for e in report.episodes]


@pytest.mark.parametrize("convert", [lambda game: game, parallel_to_aec], ids=["parallel", "turns"])
def test_the_info_of_a_seat_that_is_over_stays_as_it_was(convert):
    class Game(pettingzoo.ParallelEnv):
        """Seat "a" ends after a round, seat "b" after three; both share one info, which the game rewrites."""

        metadata, possible_agents, render_mode = {"name": "game_v0", "is_parallelizable": True}, ["a", "b"], None

        def observation_space(self, agent):
            return spaces.Discrete(2)

        action_space = observation_space

        def reset(self, seed=None, options=None):
            self.info, self.agents = {"metrics": {"round": 0}}, ["a", "b"]
            return dict.fromkeys(self.agents, 0), dict.fromkeys(self.agents, self.info)

        def step(self, actions):
            self.info["metrics"]["round"] += 1
            played, live = self.info["metrics"]["round"], self.agents
            over = {seat: played == (1 if seat == "a" else 3) for seat in live}
            self.agents = [seat for seat in live if not over[seat]]
            return (
                dict.fromkeys(live, 0),
                dict.fromkeys(live, 1.0),
                over,
                dict.fromkeys(live, False),
                dict.fromkeys(live, self.info),
            )

    (match,) = quintain.play(lambda: convert(Game()), {"a": "random", "b": "random"}, progress=False).episodes
    assert match.error is None
    assert {seat: info["metrics"]["round"] for seat, info in match.info["seats"].items()} == {"a": 1, "b": 3}
    assert match.returns == {"a": 1.0, "b": 3.0}


def test_own_copies_everything_that_can_be_copied():
    lock = __import__("threading").Lock()
    kept = {"lock": lock, "array": np.zeros(2), "deep": [{"x": [1]}]}
    copied = own(kept)
    kept["array"][0], kept["deep"][0]["x"][0] = 9, 9
    assert (copied["lock"], copied["array"].tolist(), copied["deep"]) == (lock, [0, 0], [{"x": [1]}])


def test_invalid_games_raise_specific_errors():
    class Odd(pettingzoo.ParallelEnv):
        metadata = {"name": "odd_v0"}

    for game in (Odd(), Odd):
        with pytest.raises(ConfigurationError, match="Odd has no possible_agents"):
            quintain.play(game, {"a": "random"})
