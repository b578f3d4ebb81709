"""The reward of CodeReason-v0: 1 for a correct answer, +-0.1 for its format, -0.1 for more than six turns."""

import gymnasium as gym
import pytest

import quintain  # noqa: F401 - registers the environment
from quintain.errors import ConfigurationError

HINT = "```\nno language\n```"  # costs a turn, and runs nothing


@pytest.fixture
def env():
    made = gym.make("CodeReason-v0", tasks="letters", max_turns=20, disable_env_checker=True)
    made.reset(seed=0)
    yield made
    made.close()


def end(env, turns, reply):
    """Take ``turns`` turns, of which ``reply`` is the last."""
    for _ in range(turns - 1):
        _, reward, terminated, truncated, info = env.step(HINT)
        assert (reward, terminated, truncated) == (0.0, False, False)
        assert info["reward_terms"] == {"correctness": 0.0, "format": 0.0, "efficiency": 0.0}
    return env.step(env.unwrapped.solution() if reply is None else reply)


@pytest.mark.parametrize("turns", [1, 5, 6, 7, 8])
def test_more_than_six_turns_have_a_single_penalty_of_0_1(env, turns):
    _, reward, terminated, _, info = end(env, turns, None)
    assert terminated
    assert info["success"]
    late = -0.1 if turns > 6 else 0.0
    assert info["reward_terms"] == {"correctness": 1.0, "format": 0.1, "efficiency": late}
    assert reward == pytest.approx(1.1 + late)


@pytest.mark.parametrize(("turns", "late"), [(1, 0.0), (7, -0.1)])
def test_a_wrong_answer_keeps_the_format_reward(env, turns, late):
    _, reward, _, _, info = end(env, turns, "<<<nothing of the kind>>>")
    assert info["reward_terms"] == {"correctness": 0.0, "format": 0.1, "efficiency": late}
    assert reward == pytest.approx(0.1 + late)


@pytest.mark.parametrize(("turns", "late"), [(1, 0.0), (6, 0.0), (7, -0.1)])
@pytest.mark.parametrize("reply", ["I do not know.", None.__class__, 3])
def test_no_answer_has_a_penalty_of_0_1(env, turns, late, reply):
    _, reward, terminated, _, info = end(env, turns, reply)
    assert terminated
    assert info["reward_terms"] == {"correctness": 0.0, "format": -0.1, "efficiency": late}
    assert reward == pytest.approx(-0.1 + late)


def test_the_turn_limit_truncates_an_episode_without_answer():
    env = gym.make("CodeReason-v0", tasks="letters", max_turns=7, max_code_calls=1, disable_env_checker=True)
    env.reset(seed=0)
    _, reward, terminated, truncated, info = end(env, 7, HINT)
    assert (terminated, truncated) == (True, False)  # the last reply had no form that could be read
    assert reward == pytest.approx(-0.2)
    assert info["metrics"]["turns"] == 7
    env.close()


def test_an_open_episode_is_not_strictly_right(env):
    assert env.step(HINT)[4]["metrics"]["strict"] == 0.0
    assert end(env, 1, "<<<nothing of the kind>>>")[4]["metrics"]["strict"] == 0.0


def test_blocks_may_be_left_unexecuted_altogether():
    with gym.make("CodeReason-v0", tasks="letters", max_code_calls=0, disable_env_checker=True) as env:
        env.reset(seed=0)
        observation, _, terminated, _, info = env.step("```python\nprint(6 * 7)\n```")
        assert not terminated
        assert "42" not in observation
        assert info["metrics"]["code_calls"] == 0.0


@pytest.mark.parametrize("name", ["max_turns", "max_code_calls", "max_output_chars"])
@pytest.mark.parametrize("value", [-1, 2.5, "3", None, True])
def test_limits_that_are_no_whole_numbers_are_refused(name, value):
    with pytest.raises(ConfigurationError, match=f"{name} must be an integer >= "):
        gym.make("CodeReason-v0", tasks="letters", **{name: value})
