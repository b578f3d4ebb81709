"""``evaluate`` and ``check`` take ids, specs, classes, functions and environments, and name what is wrong."""

import threading

import gymnasium as gym
import pytest
from gymnasium import spaces

import quintain
from quintain.envs.making import unknown_environment
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.evaluation.report import Report


class Digit(gym.Env):
    """Shows a digit for two steps; counts how often it was closed and what ran at the same time."""

    metadata = {"render_modes": []}
    observation_space = spaces.Discrete(10)
    action_space = spaces.Discrete(2)

    def __init__(self, bonus=0.0):
        self.bonus = bonus
        self.closed = self.resets = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.resets += 1
        self.left = 2
        return int(self.np_random.integers(10)), {}

    def step(self, action):
        self.left -= 1
        return int(self.np_random.integers(10)), 1.0 + self.bonus, self.left == 0, False, {}

    def close(self):
        self.closed += 1


class CannotBeCopied(Digit):
    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


def returns(report):
    return [episode.returns["agent"] for episode in report.episodes]


def test_an_environment_plays_every_episode_itself_and_stays_open():
    env = Digit(bonus=0.5)
    report = quintain.evaluate(env, "random", episodes=6, concurrency=4)
    assert returns(report) == [3.0] * 6
    assert env.resets == 6
    assert env.closed == 0
    env.close()
    assert env.closed == 1


def test_an_environment_gives_the_episodes_of_its_id_for_agents_that_act_on_batches_too():
    class Batched:
        def begin(self, seat):
            raise AssertionError("act_batch serves every seat")

        def act_batch(self, observations):
            return (observations[:, 2] > 0).astype(int)

    env = gym.make("CartPole-v1")
    by_instance = quintain.evaluate(env, Batched(), episodes=5)
    by_id = quintain.evaluate("CartPole-v1", Batched(), episodes=5)
    assert returns(by_instance) == returns(by_id)
    assert not any(episode.error for episode in by_instance.episodes)
    env.reset()  # still open
    env.close()


def test_a_wrapper_that_counts_sees_all_episodes():
    env = gym.wrappers.RecordEpisodeStatistics(gym.make("CartPole-v1"))
    quintain.evaluate(env, "random", episodes=7)
    assert env.episode_count == 7


def test_an_environment_is_not_sent_to_other_processes():
    with pytest.raises(ConfigurationError, match="give its id, its class or a function that makes a new Digit"):
        quintain.evaluate(Digit(), "random", episodes=2, executor="process")


def test_the_settings_of_an_environment_are_recorded(tmp_path):
    env = gym.wrappers.TimeLimit(gym.make("FrozenLake-v1", is_slippery=False), 7)
    quintain.evaluate(env, "random", episodes=2, out=tmp_path / "spec")
    described = Report.load(tmp_path / "spec").manifest["config"]["env"]
    assert described["id"] == "FrozenLake-v1"
    assert described["instance"] is True
    assert described["kwargs"]["is_slippery"] is False
    assert described["max_episode_steps"] == 7
    with pytest.warns(UserWarning, match="describes its environment only by class Digit"):
        quintain.evaluate(gym.wrappers.TransformReward(Digit(), abs), "random", episodes=2, out=tmp_path / "class")
    described = Report.load(tmp_path / "class").manifest["config"]["env"]
    assert described["made_by"]["function"].endswith("Digit")
    assert described["wrappers"][0]["function"].endswith("TransformReward")
    assert described["wrappers"][0]["arguments"]["func"].startswith("<built-in function abs")
    assert described["observation_space"] == "Discrete(10)"


def test_a_class_is_made_anew_with_its_arguments():
    report = quintain.evaluate(Digit, "random", episodes=5, concurrency=3, env_kwargs={"bonus": 1.0})
    assert returns(report) == [4.0] * 5


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (42, "cannot make an environment of int"),
        (lambda: 42, "returned int, which is not a Gymnasium environment"),
        (lambda: gym.make_vec("CartPole-v1", num_envs=2), "returned CartPoleVectorEnv"),
    ],
)
def test_what_is_no_environment_is_refused(source, message):
    for run in (quintain.check, lambda env: quintain.evaluate(env, "random", episodes=1)):
        with pytest.raises(ConfigurationError, match=message):
            run(source)


def test_vectors_and_games_are_named():
    with pytest.raises(ConfigurationError, match="a vector environment holds many environments"):
        quintain.evaluate(gym.make_vec("CartPole-v1", num_envs=2), "random", episodes=1)
    import pettingzoo

    game = pettingzoo.make("parallel", "RepeatedGame-v0", game="prisoners_dilemma")
    with pytest.raises(ConfigurationError, match=r"play it with quintain\.play"):
        quintain.evaluate(game, "random", episodes=1)


@pytest.mark.parametrize(
    "source",
    [Digit, lambda: Digit(bonus=2.0), Digit(), gym.make("CartPole-v1"), gym.spec("CartPole-v1")],
    ids=["class", "function", "environment", "registered environment", "spec"],
)
def test_check_takes_whatever_an_environment_is_made_from(source):
    report = quintain.check(source)
    assert {"gymnasium check env", "same seed same episode", "instances do not interfere"} <= set(report.passed)
    if isinstance(source, Digit):
        assert source.closed == source.resets == 0
        assert report.skipped["spec survives json"] == "not registered, so there is no spec"
        assert report.env_id == "Digit"


def test_check_asks_for_a_class_where_an_environment_cannot_be_copied():
    with pytest.raises(ConfigurationError, match=r"cannot be copied.*give its class or a function"):
        quintain.check(CannotBeCopied())
    assert quintain.check(CannotBeCopied).ok


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1", "FrozenLake-v1", "minigrid:MiniGrid-Empty-5x5-v0"])
def test_environments_of_others_do_not_fail_for_what_only_quintain_knows(env_id):
    report = quintain.check(env_id)
    assert report.ok
    assert "info adds up" in report.notes  # a note, and no failure


def test_an_unknown_id_says_which_module_to_name(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "registers_nothing.py").write_text("")
    for run in (quintain.check, lambda env: quintain.evaluate(env, "random", episodes=1)):
        with pytest.raises(UnknownNameError, match="did you mean 'CartPole-v") as raised:
            run("CartPol-v1")
        assert "name the module as well: my_module:CartPol-v1" in str(raised.value)
        with pytest.raises(UnknownNameError, match="name the module as well: my_module:GridWorld-v0") as raised:
            run("GridWorld-v0")
        assert "did you mean" not in str(raised.value)
        with pytest.raises(ConfigurationError, match="needs module 'no_such_module', which is neither installed"):
            run("no_such_module:GridWorld-v0")
        with pytest.raises(UnknownNameError, match="module 'registers_nothing' was imported and registers no"):
            run("registers_nothing:GridWorld-v0")


def test_ids_of_known_packages_name_the_package(monkeypatch):
    known = ["Ant-v5", "CartPole-v1"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert str(unknown_environment("ALE/Pong-v5", known)) == (
        "unknown environment 'ALE/Pong-v5'; module ale_py registers it: run pip install 'quintain[atari]', then write "
        "ale_py:ALE/Pong-v5"
    )
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert str(unknown_environment("MiniGrid-Empty-8x8-v0", known)) == (
        "unknown environment 'MiniGrid-Empty-8x8-v0'; module minigrid registers it: write "
        "minigrid:MiniGrid-Empty-8x8-v0"
    )
