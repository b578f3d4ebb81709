"""A run of which every episode fails in the user's own code raises the first exception, unless it is told not to."""

import asyncio

import pytest

import quintain
from quintain.errors import AgentError, EngineError, EnvironmentFault, QuintainError
from quintain.records import read_episodes


def divides(observation):
    return 1 / 0


def test_an_agent_that_always_fails_raises_with_its_first_exception_as_cause():
    with pytest.raises(AgentError, match=r"all 3 episodes failed in the agent's code: ZeroDivisionError") as raised:
        quintain.evaluate("Sum-v0", divides, episodes=3)
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    last = raised.traceback[-1]  # pytest shows the cause below; Python's own display ends in the user's line
    assert last.name == "raise_if_all_failed"
    frames = []
    trace = raised.value.__cause__.__traceback__
    while trace is not None:
        frames.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert frames[-1] == "divides"


def test_the_failures_are_kept_as_records_where_that_is_asked_for():
    report = quintain.evaluate("Sum-v0", divides, episodes=3, errors="record")
    assert (report.errors, len(report.scored)) == (3, 0)


def test_an_agent_that_sometimes_fails_does_not_raise():
    def moody(observation):
        return int(observation.sum()) % 2 if observation[0] else 1 / 0

    assert 0 < quintain.evaluate("Sum-v0", moody, episodes=40).errors < 40


def test_the_records_stay_in_the_folder_and_a_resumed_run_raises_again(tmp_path):
    run = {"episodes": 3, "out": tmp_path / "run", "progress": False}
    with pytest.raises(AgentError, match="the records are in"):
        quintain.evaluate("Sum-v0", divides, **run)
    assert [e.error["type"] for e in read_episodes(tmp_path / "run")] == ["ZeroDivisionError"] * 3
    with pytest.raises(AgentError) as raised:
        quintain.evaluate("Sum-v0", divides, resume=True, **run)
    assert "in divides" in str(raised.value.__cause__)  # the recorded traceback, since nothing was played


def test_a_dead_server_is_a_record():
    def down(observation):
        raise EngineError("no route")

    assert quintain.evaluate("Sum-v0", down, episodes=3).errors == 3


def test_an_environment_that_always_fails_raises():
    with pytest.raises(EnvironmentFault, match=r"environment\'s reset or step: .*finite reward"):
        quintain.evaluate("Sum-v0", "random", episodes=2, env_kwargs={"nan": True})


def test_the_cause_is_there_inside_a_running_event_loop_too():
    async def notebook():
        return quintain.evaluate("Sum-v0", divides, episodes=2)

    with pytest.raises(AgentError) as raised:
        asyncio.run(notebook())
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_worker_processes_send_the_traceback():
    with pytest.raises(AgentError) as raised:
        quintain.evaluate("CartPole-v1", divides, episodes=2, executor="process", workers=1)
    assert "ZeroDivisionError" in str(raised.value.__cause__)


def test_matches_raise_as_episodes_do():
    game, agents = "PrisonersDilemma-v0", {"player_0": divides, "player_1": divides}
    with pytest.raises(QuintainError, match="agent's code") as raised:
        quintain.play(game, agents, episodes=2)
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert quintain.play(game, agents, episodes=2, errors="record").errors == 2


def test_other_values_are_refused():
    with pytest.raises(ValueError, match="'raise' or 'record', got 'ignore'"):
        quintain.evaluate("Sum-v0", divides, episodes=1, errors="ignore")
