"""QuestionAnswering-v0 with ``code=True``: programs of replies run in the sandbox."""

import gymnasium as gym
import pytest

import quintain
from quintain.errors import ConfigurationError

ROWS = [{"question": "17 * 23?", "answer": "391"}, {"question": "2 ** 20?", "answer": "1048576"}]
PROGRAM = "```python\nx = 17 * 23\nprint(x)\n```"


@pytest.fixture
def env():
    with gym.make("QuestionAnswering-v0", tasks=ROWS, code=True, scorer="number", max_turns=3) as env:
        yield env


def test_a_program_runs_and_the_next_reply_is_scored(env):
    question, info = env.reset(seed=0, options={"item": 0})
    assert "```python" in question
    assert question.endswith("\n\n17 * 23?")
    assert info["metrics"] == {"turns": 0, "code_calls": 0, "code_errors": 0}
    observation, reward, terminated, truncated, info = env.step(PROGRAM)
    assert (observation.splitlines()[-1], reward, terminated, truncated) == ("391", 0, False, False)
    assert info["execution"]["stdout"] == "391\n"
    assert env.step("```python\nprint(x + 1)\n```")[0].endswith("392")  # variables persist
    observation, reward, terminated, truncated, info = env.step("It is <<<391>>>.")
    assert (observation, reward, terminated, truncated) == ("", 1, True, False)
    assert info["success"]
    assert info["metrics"] == {"turns": 3, "code_calls": 2, "code_errors": 0}


def test_an_episode_is_truncated_at_the_turn_limit(env):
    env.reset(seed=0, options={"item": 0})
    env.step(PROGRAM)
    env.step("```python\n1 / 0\n```")
    _, reward, terminated, truncated, info = env.step(PROGRAM)
    assert (reward, terminated, truncated, info["success"]) == (0, False, True, False)
    assert info["detail"] == "no answer within the turn limit"
    assert info["metrics"] == {"turns": 3, "code_calls": 2, "code_errors": 1}


def test_a_block_without_a_language_is_answered_with_a_hint(env):
    env.reset(seed=0, options={"item": 0})
    observation, _, terminated, _, _ = env.step("```\nprint(391)\n```")
    assert not terminated
    assert observation.startswith("(not run: the block names no language")


def test_without_code_a_program_is_part_of_the_reply():
    with gym.make("QuestionAnswering-v0", tasks=ROWS) as env:
        assert env.reset(seed=0, options={"item": 0})[0] == "17 * 23?"
        _, _, terminated, _, info = env.step(f"{PROGRAM}\nAnswer: 391")
        assert (terminated, info["success"], "metrics" in info) == (True, True, False)


@pytest.mark.parametrize(
    ("agent", "replies"), [("code-interpreter", [PROGRAM, "<<<391>>>"]), ("all-code", ["```python\nprint(391)\n```"])]
)
def test_agents_that_write_programs_answer_questions_of_a_file(tmp_path, agent, replies):
    from quintain.engines import ScriptedEngine

    path = tmp_path / "qa.csv"
    path.write_text("question,answer\n17 * 23?,391\n")
    settings = {"tasks": str(path), "scorer": "number"}
    made = {"name": agent, "engine": ScriptedEngine(replies)}
    report = quintain.evaluate("QuestionAnswering-v0", made, env_kwargs=settings, out=tmp_path / "run")
    assert (report.success.estimate, report.errors) == (1, 0)
    assert report.episodes[0].info["metrics"]["code_calls"] == 1
    assert report.manifest["config"]["env_kwargs"]["code"] is True
    assert "sandbox" in report.manifest["facts"]["env"]
    again = quintain.rescore(tmp_path / "run", env_kwargs={"scorer": "contains"})
    assert (again.after.success.estimate, again.changed) == (1, [])


def test_the_environment_passes_the_checks():
    quintain.check("QuestionAnswering-v0", {"tasks": ROWS, "code": True})


def test_limits_are_checked():
    for name, value in (("max_turns", 0), ("max_code_calls", -1)):
        with pytest.raises(ConfigurationError, match=f"{name} must be an integer"):
            gym.make("QuestionAnswering-v0", tasks=ROWS, code=True, **{name: value})
