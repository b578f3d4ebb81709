"""Matches of several seats: assignment of agents, records, and failures."""

import asyncio
import time

import numpy as np
import pettingzoo
import pytest
from gymnasium import spaces
from gymnasium.utils import EzPickle
from pettingzoo.utils.conversions import parallel_to_aec
from toy_envs import Tidy

import quintain
from quintain.agents import register_agent
from quintain.agents.scripted import ScriptedAgent
from quintain.envs.games import RepeatedGame
from quintain.errors import ConfigurationError, EngineError, RecordError
from quintain.evaluation.job import Job
from quintain.evaluation.match import play_match


class Matching(pettingzoo.ParallelEnv):
    """Three rounds; player_0 wins a point when the choices match, player_1 when they differ."""

    metadata = {"name": "matching_v0", "render_modes": []}

    def __init__(self):
        self.possible_agents = ["player_0", "player_1"]
        self.spaces = {a: (spaces.Box(0, 9, (1,), np.int64), spaces.Discrete(2)) for a in self.possible_agents}
        self.render_mode = None

    def observation_space(self, agent):
        return self.spaces[agent][0]

    def action_space(self, agent):
        return self.spaces[agent][1]

    def reset(self, seed=None, options=None):
        self.rng = np.random.default_rng(seed)
        self.agents, self.round = list(self.possible_agents), 0
        return self._show(), {a: {} for a in self.agents}

    def _show(self):
        digit = self.rng.integers(10, size=1)
        return dict.fromkeys(self.possible_agents, digit)

    def step(self, actions):
        match = actions["player_0"] == actions["player_1"]
        self.round += 1
        rewards = {"player_0": float(match), "player_1": float(not match)}
        over = self.round == 3
        infos = {a: {"reward_terms": {"point": rewards[a]}, "round": self.round} for a in self.agents}
        live = self.agents
        if over:
            self.agents = []
        return self._show(), rewards, dict.fromkeys(live, over), dict.fromkeys(live, False), infos


AGENTS = {"player_0": ScriptedAgent([0, 1, 0]), "player_1": ScriptedAgent([0, 0, 0])}


@pytest.mark.parametrize("make", [Matching, lambda: parallel_to_aec(Matching())], ids=["parallel", "aec"])
def test_a_match_gives_the_hand_computed_returns(make):
    report = quintain.play(make, AGENTS)
    (match,) = report.episodes
    assert match.error is None, match.error
    assert match.returns == {"player_0": 2.0, "player_1": 1.0}
    assert [(s["seat"], int(s["action"]), s["reward"]) for s in match.steps if s["seat"] == "player_0"] == [
        ("player_0", 0, 1.0),
        ("player_0", 1, 0.0),
        ("player_0", 0, 1.0),
    ]
    assert len(match.steps) == 6
    assert match.reward_terms == {"player_0/point": 2.0, "player_1/point": 1.0}
    assert match.outcome == "finished"
    assert set(match.info["seats"]) == {"player_0", "player_1"}
    assert report.success.n == 0
    assert report.returns["player_1"].estimate == 1.0


class FrugalMatching(Matching):
    """Returns the same array object as every observation."""

    shown = np.zeros(1, np.int64)

    def _show(self):
        self.shown[:] = self.rng.integers(10, size=1)
        return dict.fromkeys(self.possible_agents, self.shown)


@pytest.mark.parametrize("aec", [False, True])
def test_recorded_observations_are_copied_from_a_reused_buffer(aec):
    def seen(kind):
        report = quintain.play(parallel_to_aec(kind()) if aec else kind(), AGENTS, seed=2)
        return [step["observation"].tolist() for step in report.episodes[0].steps]

    assert seen(FrugalMatching) == seen(Matching)
    assert len({tuple(digit) for digit in seen(Matching)}) > 1


class Toll(pettingzoo.AECEnv):
    """A turn-based game of ``moves`` moves: the seed draws who moves first; each move takes a point from the other."""

    metadata = {"name": "toll_v0", "render_modes": []}

    def __init__(self, moves=2):
        super().__init__()
        self.possible_agents, self.moves, self.render_mode = ["a", "b"], moves, None

    def observation_space(self, agent):
        return spaces.Discrete(1)

    def action_space(self, agent):
        return spaces.Discrete(2)

    def observe(self, agent):
        return 0

    def reset(self, seed=None, options=None):
        self.agents, self.played = list(self.possible_agents), 0
        self.rewards, self._cumulative_rewards = dict.fromkeys(self.agents, 0), dict.fromkeys(self.agents, 0)
        self.terminations, self.truncations = dict.fromkeys(self.agents, False), dict.fromkeys(self.agents, False)
        self.infos = {agent: {} for agent in self.agents}
        self.agent_selection = self.agents[seed % 2]

    def step(self, action):
        mover = self.agent_selection
        if self.terminations[mover]:
            self._was_dead_step(action)
            return
        other = "b" if mover == "a" else "a"
        self._cumulative_rewards[mover] = 0
        self.rewards = {mover: 1, other: -1}
        self.played += 1
        self.terminations = dict.fromkeys(self.agents, self.played == self.moves)
        self.agent_selection = other
        self._accumulate_rewards()
        self.infos = {a: {"reward_terms": {"toll": float(self._cumulative_rewards[a])}} for a in self.agents}


@pytest.mark.parametrize("moves", [1, 2])
def test_rewards_of_seats_that_have_not_acted_are_counted(moves):
    pushes = ScriptedAgent([0], cycle=True)
    report = quintain.play(Toll(moves), {"b": pushes, "a": pushes}, episodes=8, seed=1)
    first = {e.seed % 2 for e in report.episodes}
    assert first == {0, 1}, "the seeds let only one seat begin"
    for match in report.episodes:
        assert match.error is None, match.error
        mover, other = ("a", "b") if match.seed % 2 == 0 else ("b", "a")
        expected = {mover: 1.0, other: -1.0} if moves == 1 else {mover: 0.0, other: 0.0}
        assert match.returns == expected
        assert list(match.returns) == ["a", "b"]  # the order of the game's seats, not of turns or arguments
        assert match.reward == expected["a"]
        assert {f"{seat}/toll": value for seat, value in match.returns.items()} == match.reward_terms


def test_matches_do_not_depend_on_concurrency():
    agents = {"player_0": "random", "player_1": "random"}
    one = quintain.play(Matching(), agents, episodes=12, seed=3)
    many = quintain.play(Matching, agents, episodes=12, seed=3, concurrency=5)
    assert [e.returns for e in one.episodes] == [e.returns for e in many.episodes]
    assert len({tuple(e.returns.values()) for e in one.episodes}) > 1
    first, second = ([int(s["action"]) for e in one.episodes for s in e.steps if s["seat"] == seat] for seat in agents)
    assert first != second  # each seat has its own generator


def test_an_error_names_the_seat_that_raised():
    def raises(observation):
        raise RuntimeError("I resign")

    report = quintain.play(Matching(), {"player_0": "random", "player_1": raises}, errors="record")
    assert report.errors == 1
    error = report.episodes[0].error
    assert (error["boundary"], error["seat"]) == ("agent", "player_1")
    assert "I resign" in error["message"]


def test_agents_that_wait_wait_together():
    live = []

    async def waits(observation):
        live.append(1)
        await asyncio.sleep(0)
        seen = len(live)
        await asyncio.sleep(0)
        live.pop()
        return seen - 1  # 1 if the other seat waits too

    (match,) = quintain.play(Matching(), {"player_0": waits, "player_1": waits}).episodes
    assert [step["action"] for step in match.steps] == [1] * 6
    (match,) = quintain.play(Matching(), {"player_0": waits, "player_1": lambda o: 1}).episodes
    assert [step["action"] for step in match.steps] == [0, 1] * 3


@pytest.mark.filterwarnings("error")
def test_when_a_seat_raises_the_others_that_were_asked_in_vain_leave_no_warning():
    async def waits(observation):
        return 0

    def raises(observation):
        raise RuntimeError("I resign")

    report = quintain.play(Matching(), {"player_0": waits, "player_1": raises}, errors="record")
    assert report.episodes[0].error["seat"] == "player_1"


def test_a_match_between_agents_that_never_wait_lets_other_tasks_run():
    ticks = []

    async def both():
        async def tick():
            while True:
                ticks.append(1)
                await asyncio.sleep(0)

        other = asyncio.create_task(tick())
        await play_match(Matching(), "matching_v0", {"player_0": AGENTS["player_0"], "player_1": Slow()}, Job(0, 0))
        other.cancel()

    asyncio.run(both())
    assert ticks


class Slow:
    """Takes longer for an action than a match may hold up other tasks."""

    def begin(self, seat):
        return self

    def act(self, observation, info):
        time.sleep(0.03)
        return 0


def test_a_run_of_matches_can_be_resumed(tmp_path):
    agents = {"player_0": "random", "player_1": "random"}
    quintain.play(Matching(), agents, episodes=3, out=tmp_path / "run")
    whole = quintain.play(Matching(), agents, episodes=6, out=tmp_path / "run", resume=True)
    assert [e.returns for e in whole.episodes] == [
        e.returns for e in quintain.play(Matching(), agents, episodes=6).episodes
    ]


@pytest.fixture
def registered():
    if "Toll-v0" not in pettingzoo.aec_registry:
        pettingzoo.register("aec", "Toll-v0", Toll)
        pettingzoo.register("parallel", "Matching-v0", Matching)


def test_a_registered_game_can_be_given_by_id(registered):
    agents = {"player_0": "random", "player_1": "tit-for-tat"}
    kwargs = {"game": "stag_hunt", "rounds": 4}
    by_id = quintain.play("RepeatedGame-v0", agents, episodes=6, env_kwargs=kwargs, concurrency=3)
    by_hand = quintain.play(pettingzoo.make("parallel", "RepeatedGame-v0", **kwargs), agents, episodes=6)
    assert [e.returns for e in by_id.episodes] == [e.returns for e in by_hand.episodes]
    assert (by_id.manifest["config"]["env"], by_id.manifest["config"]["env_kwargs"]) == ("RepeatedGame-v0", kwargs)
    in_turns = quintain.play("Toll-v0", {"a": lambda o: 0, "b": lambda o: 0}, env_kwargs={"moves": 4})
    assert len(in_turns.episodes[0].steps) == 4
    with pytest.raises(Exception, match="'Tolll-v0' not found"):
        quintain.play("Tolll-v0", {})


class Pickled(Matching, EzPickle):
    """Stores its constructor arguments with ``EzPickle``, as PettingZoo's games do."""

    def __init__(self, bonus=0, note=None):
        EzPickle.__init__(self, bonus, note=note)
        super().__init__()


PD = {"game": "prisoners_dilemma", "rounds": 3}


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (lambda: RepeatedGame(**PD), lambda: RepeatedGame("matching_pennies", 3)),
        (lambda: RepeatedGame(**PD), lambda: RepeatedGame(PD["game"], 4)),
        (lambda: parallel_to_aec(RepeatedGame(**PD)), lambda: parallel_to_aec(RepeatedGame(PD["game"], 4))),
        (lambda: Pickled(1, note=object()), lambda: Pickled(2, note=object())),
    ],
    ids=["game", "rounds", "aec", "arguments"],
)
def test_a_run_is_not_resumed_with_another_game(tmp_path, first, other):
    agents = {"player_0": "random", "player_1": "random"}
    quintain.play(first(), agents, out=tmp_path / "run")
    assert len(quintain.play(first(), agents, episodes=2, out=tmp_path / "run", resume=True).episodes) == 2
    for game in (other, other()):
        with pytest.raises(RecordError, match="another configuration"):
            quintain.play(game, agents, episodes=3, out=tmp_path / "run", resume=True)


def test_only_failed_matches_are_retried(tmp_path):
    works, played = False, []

    def moody(observation):
        if not works and observation[0] > 7:
            raise EngineError("down")
        return 0

    agents = {"player_0": moody, "player_1": "random"}
    first = quintain.play(Matching, agents, episodes=10, out=tmp_path / "run")
    failed = [e.index for e in first.episodes if e.outcome == "error"]
    assert 0 < len(failed) < 10
    works = True
    arguments = {"episodes": 10, "out": tmp_path / "run", "resume": True}
    assert quintain.play(Matching, agents, **arguments).errors == len(failed)
    again = quintain.play(Matching, agents, **arguments, retry_errors=True, on_episode=lambda e: played.append(e.index))
    assert (played, again.errors, len(again.episodes)) == (failed, 0, 10)


def test_play_closes_only_the_games_and_agents_that_it_made(monkeypatch):
    made, closed = [], []

    class Counted(Matching):
        def __init__(self):
            super().__init__()
            made.append(self)

        def close(self):
            closed.append(self)

    monkeypatch.setattr(Tidy, "closed", 0)
    register_agent("tidy", "toy_envs:Tidy")
    mine = Counted()
    quintain.play(mine, {"player_0": "tidy", "player_1": Tidy()}, episodes=3)
    assert (Tidy.closed, closed) == (1, [])
    made.clear()

    async def waits(observation):
        await asyncio.sleep(0)
        return 0

    quintain.play(Counted, {"player_0": "tidy", "player_1": waits}, episodes=8, concurrency=3)
    assert len(made) == 3
    assert (Tidy.closed, sorted(map(id, closed))) == (2, sorted(map(id, made)))


def test_the_example_of_the_docstring():
    game = pettingzoo.make("parallel", "RepeatedGame-v0", game="prisoners_dilemma", rounds=10)
    report = quintain.play(game, {"player_0": "tit-for-tat", "player_1": lambda observation: 1}, seed=0)
    assert report.errors == 0, report.episodes[0].error
    moves = [s["action"] for s in report.episodes[0].steps if s["seat"] == "player_0"]
    assert [int(m) for m in moves] == [0] + [1] * 9  # cooperates once, then answers defection with defection


@pytest.mark.parametrize(
    ("agents", "message"),
    [
        ({"player_0": "random"}, "missing \\['player_1'\\]"),
        ({"player_0": "random", "player_1": "random", "player_2": "random"}, "no such seat \\['player_2'\\]"),
        ({"player_0": "random", "player_1": "tit-for-tatt"}, "unknown"),
    ],
)
def test_wrong_seat_names_raise_configuration_error(agents, message):
    with pytest.raises(ConfigurationError, match=message):
        quintain.play(Matching(), agents)


def test_concurrent_matches_need_separate_game_objects():
    with pytest.raises(ConfigurationError, match="give its id or a function"):
        quintain.play(Matching(), AGENTS, concurrency=2)
    with pytest.raises(ConfigurationError, match="episodes must be"):
        quintain.play(Matching(), AGENTS, episodes=0)
    with pytest.raises(ConfigurationError, match="env_kwargs go with a game's id"):
        quintain.play(Matching(), AGENTS, env_kwargs={"rounds": 3})
