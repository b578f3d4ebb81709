"""What CodeReason-v0 does before, between and after episodes, and its documented limits."""

import inspect
import random

import gymnasium as gym
import pytest

from quintain.envs.code_reason.env import CodeReasonEnv
from quintain.seeding import SeedStream
from tests.envs.code_reason.playing import code


@pytest.fixture
def env():
    env = CodeReasonEnv(tasks="letters")
    yield env
    env.close()


def test_limits_without_arguments():
    """The paper's 8 code calls, a turn more for the answer, and 10 s of CPU time instead of its 60 s."""
    parameters = inspect.signature(CodeReasonEnv).parameters
    named = ("max_turns", "max_code_calls", "timeout_s", "memory_mb", "max_output_chars")
    assert [parameters[name].default for name in named] == [9, 8, 10, 512, 4000]


def test_texts_have_at_most_100_000_characters(env):
    assert env.observation_space.max_length == env.action_space.max_length == 100_000


def test_a_step_before_the_first_episode_is_refused(env):
    with pytest.raises(gym.error.ResetNeeded):
        env.step("<<<1>>>")


def test_closing_ends_the_interpreter(env):
    env.reset(seed=0)
    assert env.step(code("x = 7; print(x)"))[0].endswith("7")
    env.close()
    assert "NameError" in env.step(code("print(x)"))[0]


def test_a_new_interpreter_is_seeded_from_the_item_and_the_number_of_the_block(env):
    _, info = env.reset(seed=0)
    env.step(code("import os; os._exit(1)"))  # the second block starts a new interpreter
    for number in (2, 1):
        seed = SeedStream(0, info["task_hash"], number).seed
        shown = env.step(code("import random; print(random.random())"))[0]
        assert float(shown.split()[-1]) == random.Random(seed).random()
        env.reset(options={"task_id": info["task_id"]})


def test_code_calls_are_counted_one_by_one(env):
    env.reset(seed=0)
    for calls in (1, 2, 3):
        assert env.step(code("print(1)"))[4]["metrics"]["code_calls"] == calls
