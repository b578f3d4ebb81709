"""Text environments as data sets, reward functions and tools of TRL's trainers."""

import inspect

import gymnasium as gym
import pytest

import quintain
from quintain.errors import ConfigurationError
from quintain.spaces import UnicodeText
from quintain.training.language.trl_adapter import TextReward, ToolEnvironment, prompt_rows, tool_environment

LETTERS = {"tasks": "letters", "code": False}


class Countdown(gym.Env):
    """Say the next smaller number, three times; each right answer pays 1."""

    metadata = {"render_modes": []}
    observation_space = action_space = UnicodeText(100)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.number = int(self.np_random.integers(10, 20))
        self.left = 3
        return f"Count down from {self.number}", {}

    def step(self, action):
        self.number, self.left = self.number - 1, self.left - 1
        return f"{self.left} left", float(action.strip() == str(self.number)), self.left == 0, False, {}


class Broken(Countdown):
    def step(self, action):
        raise RuntimeError("the server is down")


def test_rows_are_the_episodes_of_evaluate():
    rows = prompt_rows("CodeReason-v0", 3, env_kwargs=LETTERS, system="Be brief.")
    report = quintain.evaluate("CodeReason-v0", "oracle", episodes=3, env_kwargs=LETTERS)
    assert [row["seed"] for row in rows] == [episode.seed for episode in report.episodes]
    for row, episode in zip(rows, report.episodes, strict=True):
        assert row["prompt"][0] == {"role": "system", "content": "Be brief."}
        assert row["prompt"][1] == {"role": "user", "content": episode.steps[0]["observation"]}


def test_the_reward_is_that_of_the_environment():
    report = quintain.evaluate("CodeReason-v0", "oracle", episodes=3, env_kwargs=LETTERS)
    right = [episode.steps[0]["action"] for episode in report.episodes]
    seeds = [episode.seed for episode in report.episodes]
    reward = TextReward("CodeReason-v0", LETTERS)
    assert reward(prompts=[], completions=right, seed=seeds) == [e.reward for e in report.episodes] == [1.1] * 3
    # In another order, as messages, beside a wrong and an unreadable reply.
    mixed = [[{"role": "assistant", "content": right[2]}], right[0], "<<<Count: 99, Positions: []>>>", "no idea"]
    found = reward(completions=mixed, seed=[seeds[2], seeds[1], seeds[0], seeds[0]])
    assert found[0] == 1.1
    assert found[3] < found[2] < 1.0  # a readable answer is worth a little
    assert found[1] < 1.0
    assert reward.__name__ == "CodeReason-v0"
    reward.close()


def test_a_failure_of_the_environment_is_no_reward():
    with pytest.raises(RuntimeError, match="the server is down"):
        TextReward(Broken)(completions=["9"], seed=[0])


def test_several_turns_are_tool_calls():
    make = tool_environment(Countdown)
    one, two = make(), make()
    (row,) = prompt_rows(Countdown, 1)
    start = int(row["prompt"][0]["content"].rpartition(" ")[2])
    assert one.reset(**row) == ""  # the prompt shows it
    assert two.reset().startswith("Count down from")
    assert [one.act(str(start - 1)), one.act("x"), one.act(str(start - 3))] == ["2 left", "1 left", "0 left"]
    assert one.act("more") == "The episode is over."
    assert (one.get_reward(), two.get_reward()) == (2.0, 0.0)
    one.reset(**row)
    assert one.get_reward() == 0.0


def test_the_environment_has_what_trl_asks_of_one():
    tools = [name for name, _ in inspect.getmembers(ToolEnvironment, inspect.isfunction) if not name.startswith("_")]
    assert tools == ["act", "get_reward", "reset"]
    transformers = pytest.importorskip("transformers")
    schema = transformers.utils.get_json_schema(ToolEnvironment.act)
    assert schema["function"]["parameters"]["required"] == ["action"]
    assert schema["function"]["parameters"]["properties"]["action"]["type"] == "string"


@pytest.mark.parametrize("make", [lambda env: prompt_rows(env, 1), TextReward, lambda env: tool_environment(env)()])
def test_environments_without_texts_are_refused(make):
    with pytest.raises(ConfigurationError, match="choose an environment of texts"):
        make("CartPole-v1")
    with pytest.raises(ConfigurationError, match="an environment each"):
        make(Countdown())


def test_texts_to_read_but_no_text_to_write_are_refused():
    class Buttons(Countdown):
        action_space = gym.spaces.Discrete(2)

    with pytest.raises(ConfigurationError, match=r"actions of Discrete\(2\)"):
        TextReward(Buttons)(completions=["1"], seed=[0])
