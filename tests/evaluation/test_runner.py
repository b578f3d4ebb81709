import asyncio
import json
import threading
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from toy_envs import BatchParity, Coin, Frugal, Parity, Sum, Tidy, make_sum

import quintain
from quintain.agents import register_agent
from quintain.agents.scripted import FunctionAgent, OracleAgent, ScriptedAgent
from quintain.engines.scripted import ScriptedEngine
from quintain.errors import ConfigurationError, EngineError, QuintainError, SandboxError, UnknownNameError
from quintain.records import read_episodes
from tests.evaluation.runs import deterministic_fields, run_script


class Complicated(Exception):
    """Can be pickled, but not unpickled."""

    def __init__(self, expected, got):
        super().__init__(f"expected {expected}, got {got}")


def complicated():
    raise Complicated(1, 2)


def test_the_oracle_solves_every_episode():
    report = quintain.evaluate("Sum-v0", OracleAgent(), episodes=20)
    assert (report.success.estimate, report.success.n, report.errors) == (1.0, 20, 0)
    assert report.reward.estimate == 3.0
    assert report.metric("right").estimate == 3.0
    assert report.episodes[4].reward_terms == {"right": 3.0}
    assert [len(e.steps) for e in report.episodes] == [3] * 20


def test_results_do_not_depend_on_concurrency():
    runs = [quintain.evaluate("Sum-v0", Coin(), episodes=30, seed=5, concurrency=c) for c in (1, 7, 30)]
    assert deterministic_fields(runs[0]) == deterministic_fields(runs[1]) == deterministic_fields(runs[2])
    assert 0 < sum(e.reward for e in runs[0].episodes) < 90
    assert deterministic_fields(quintain.evaluate("Sum-v0", Coin(), episodes=30, seed=6)) != deterministic_fields(
        runs[0]
    )


def test_a_longer_run_starts_with_the_same_episodes():
    short = quintain.evaluate("Sum-v0", Coin(), episodes=10)
    assert deterministic_fields(quintain.evaluate("Sum-v0", Coin(), episodes=20))[:10] == deterministic_fields(short)


def test_worker_processes_give_the_same_results():
    inline = quintain.evaluate("Sum-v0", Coin(), episodes=12)
    spread = quintain.evaluate(make_sum, Coin(), episodes=12, executor="process", workers=2)
    assert deterministic_fields(spread) == deterministic_fields(inline)


def test_lambdas_and_local_functions_can_be_sent_to_worker_processes():
    inline = quintain.evaluate(lambda: Sum(), lambda observation: 0, episodes=4)
    spread = quintain.evaluate(lambda: Sum(), lambda observation: 0, episodes=4, executor="process", workers=2)
    assert deterministic_fields(spread) == deterministic_fields(inline)


def test_a_dying_worker_fails_only_its_unfinished_episode():
    report = quintain.evaluate(
        lambda_free_kill, Parity(), episodes=10, executor="process", workers=2, concurrency=2, seed=9
    )
    deadly = [e.index for e in report.episodes if e.seed % 5 == 0]
    assert len(deadly) == 3, "more than there are workers, so that somebody has to take their place"
    assert [e.index for e in report.episodes] == list(range(10))
    assert [e.index for e in report.episodes if e.outcome == "error"] == deadly
    assert {e.error["type"] for e in report.episodes if e.error} == {"WorkerDied"}
    assert {e.outcome for e in report.episodes if not e.error} == {"success"}


def test_workers_that_fail_to_start_end_the_run_without_error_episodes(tmp_path):
    out = tmp_path / "run"
    process = run_script(
        tmp_path,
        f"quintain.evaluate('CartPole-v1', 'random', episodes=3, executor='process', workers=2, out={str(out)!r})",
    )
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "3 parts of the run were not played" in errors
    assert 'if __name__ == "__main__"' in errors
    assert read_episodes(out) == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"env_kwargs": {"tasks": "lettters"}}, UnknownNameError, "did you mean 'letters'"),
        ({"env": complicated}, QuintainError, "Complicated: expected 1, got 2"),
    ],
)
def test_exceptions_of_workers_are_raised_in_the_parent(arguments, error, message):
    arguments = {"env": "CodeReason-v0"} | arguments
    with pytest.raises(error, match=message):
        quintain.evaluate(agent="oracle", episodes=2, executor="process", workers=1, **arguments)


def lambda_free_kill():
    return Sum(kill_on=0)


def test_agents_with_act_batch_get_batches():
    agent = BatchParity()
    report = quintain.evaluate("Sum-v0", agent, episodes=10, concurrency=4)
    assert report.success.estimate == 1.0
    assert max(agent.batches) == 4
    assert sum(agent.batches) == 30
    plain = quintain.evaluate("Sum-v0", Parity(), episodes=10)
    assert [e.returns for e in report.episodes] == [e.returns for e in plain.episodes]
    assert [[s["action"] for s in e.steps] for e in report.episodes] == [
        [s["action"] for s in e.steps] for e in plain.episodes
    ]


def test_batched_failures_are_errors():
    class Breaks(BatchParity):
        def act_batch(self, observations):
            raise RuntimeError("no more")

    report = quintain.evaluate("Sum-v0", Breaks(), episodes=5, concurrency=2, errors="record")
    assert report.outcomes["error"] == 5
    assert report.episodes[0].error["boundary"] == "agent"

    class Forgets(BatchParity):
        def act_batch(self, observations):
            return super().act_batch(observations)[1:]

    forgotten = quintain.evaluate("Sum-v0", Forgets(), episodes=5, concurrency=3, errors="record")
    assert forgotten.outcomes["error"] == 5
    assert forgotten.episodes[0].error["message"] == "expected 3 actions for as many observations, got 2"
    failed = quintain.evaluate("Sum-v0", BatchParity(), episodes=10, env_kwargs={"fail_on": 1})
    assert 0 < failed.errors < 10
    assert {e.error["boundary"] for e in failed.episodes if e.error} == {"env"}


@pytest.mark.parametrize("agent", [Parity(), BatchParity()], ids=["one by one", "batched"])
def test_recorded_observations_are_copied_from_an_environments_buffer(agent):
    report = quintain.evaluate(Frugal, agent, episodes=2, concurrency=1)
    assert [[step["observation"].tolist() for step in e.steps] for e in report.episodes] == [[[0], [1], [2]]] * 2
    assert [e.final_observation.tolist() for e in report.episodes] == [[3], [3]]


def test_nested_observations_and_actions_are_copied_when_recorded():
    class Nested(Frugal):
        def reset(self, **options):
            shown, info = super().reset(**options)
            return {"pair": (shown, "text")}, info

        def step(self, action):
            action *= 0  # as an environment does that clips in place
            shown, *rest = super().step(action)
            return {"pair": (shown, "text")}, *rest

    chosen = np.zeros(1)

    def act(observation):
        chosen[:] = observation["pair"][0] + 1
        return chosen

    steps = quintain.evaluate(Nested, act, episodes=1).episodes[0].steps
    assert [step["observation"]["pair"][0].tolist() for step in steps] == [[0], [1], [2]]
    assert [step["action"].tolist() for step in steps] == [[1.0], [2.0], [3.0]]


@pytest.mark.parametrize("agent", [Parity(), BatchParity()], ids=["one by one", "batched"])
@pytest.mark.parametrize("where", ["reset", "step"])
def test_a_configuration_error_in_an_environment_stops_the_run(agent, where, monkeypatch):
    def refuse(self, *_, **__):
        raise ConfigurationError("not like this")

    monkeypatch.setattr(Sum, where, refuse)
    with pytest.raises(ConfigurationError, match="not like this"):
        quintain.evaluate("Sum-v0", agent, episodes=2)


@pytest.mark.parametrize(
    ("error", "boundary"),
    [
        (EngineError("the server is gone", attempts=4), "engine"),
        (SandboxError("no sandbox"), "sandbox"),
        (RuntimeError("a bug"), "agent"),
        (TimeoutError("too slow"), "agent"),
    ],
)
def test_errors_are_classified_by_origin_and_have_no_score(error, boundary):
    def act(observation):
        if observation.sum() > 9:
            raise error
        return int(observation.sum()) % 2

    report = quintain.evaluate("Sum-v0", act, episodes=30)
    failed = [e for e in report.episodes if e.outcome == "error"]
    assert 0 < len(failed) < 30
    assert {e.error["boundary"] for e in failed} == {boundary}
    assert str(error) in failed[0].error["message"]
    assert (report.success.n, report.success.estimate) == (30 - len(failed), 1.0)
    assert report.reward.n == 30 - len(failed)


def test_error_records_have_a_traceback_except_for_quintains_own_errors():
    def broken(observation):
        return {}["missing"]

    def down(observation):
        raise EngineError("no route")

    (episode,) = quintain.evaluate("Sum-v0", broken, episodes=1, errors="record").episodes
    assert episode.error["message"] == "KeyError: 'missing'"
    assert 'return {}["missing"]' in episode.error["traceback"]
    assert "test_runner.py" in episode.error["traceback"]
    assert "traceback" not in quintain.evaluate("Sum-v0", down, episodes=1).episodes[0].error


def test_failures_of_the_environment_are_errors():
    report = quintain.evaluate("Sum-v0", OracleAgent(), episodes=10, env_kwargs={"fail_on": 1})
    assert {e.error["boundary"] for e in report.episodes if e.error} == {"env"}
    nan = quintain.evaluate("Sum-v0", OracleAgent(), episodes=2, env_kwargs={"nan": True}, errors="record")
    assert "finite reward" in nan.episodes[0].error["message"]


def test_an_exhausted_action_script_is_an_agent_error():
    report = quintain.evaluate("Sum-v0", ScriptedAgent([0, 1]), episodes=2, errors="record")
    assert report.errors == 2
    assert "asks for one more" in report.episodes[0].error["message"]
    assert quintain.evaluate("Sum-v0", ScriptedAgent([0, 1], cycle=True), episodes=2).errors == 0


def test_agent_functions_may_take_info():
    assert quintain.evaluate("Sum-v0", lambda o: int(o.sum()) % 2, episodes=3).success.estimate == 1
    assert quintain.evaluate("Sum-v0", lambda o, info: int(o.sum()) % 2, episodes=3).success.estimate == 1

    async def act(observation):
        await asyncio.sleep(0)
        return int(observation.sum()) % 2

    assert quintain.evaluate("Sum-v0", act, episodes=3).success.estimate == 1
    assert isinstance(quintain.as_agent(act), FunctionAgent)


def test_episodes_without_success_flag_have_outcome_finished():
    report = quintain.evaluate("CartPole-v1", "random", episodes=5)
    assert report.outcomes["finished"] == 5
    assert report.success.n == 0
    assert report.reward.estimate > 5


def test_evaluate_works_inside_a_running_event_loop():
    async def notebook():
        return quintain.evaluate("Sum-v0", OracleAgent(), episodes=3)

    assert asyncio.run(notebook()).success.estimate == 1.0


def test_a_run_closes_only_the_agents_and_engines_that_it_made(monkeypatch):
    monkeypatch.setattr(Tidy, "closed", 0)
    register_agent("tidy", "toy_envs:Tidy")
    register_agent("tidy-model", "toy_envs:Tidy", needs_engine=True)
    closed = []
    monkeypatch.setattr(ScriptedEngine, "close", lambda self: closed.append(self))
    quintain.evaluate("Sum-v0", "tidy", episodes=2)
    assert Tidy.closed == 1
    quintain.evaluate("Sum-v0", Tidy(ScriptedEngine(["x"])), episodes=2)
    assert (Tidy.closed, closed) == (1, [])
    mine = ScriptedEngine(["x"])
    quintain.evaluate("Sum-v0", {"name": "tidy-model", "engine": mine}, episodes=2)
    assert (Tidy.closed, closed) == (2, [])
    made = {"name": "tidy-model", "engine": {"name": "scripted", "script": "x"}}
    with pytest.raises(UnknownNameError, match="letters"):
        quintain.evaluate("CodeReason-v0", made, episodes=2, env_kwargs={"tasks": "leters"})
    assert (Tidy.closed, len(closed)) == (3, 1)


def test_a_run_makes_and_closes_at_most_one_environment_per_live_episode():
    open_now, most = [], []

    class Counted(Sum):
        def __init__(self):
            super().__init__()
            open_now.append(self)
            most.append(len(open_now))

        def close(self):
            open_now.remove(self)

    quintain.evaluate(Counted, Coin(), episodes=10, concurrency=4)
    assert (open_now, max(most)) == ([], 4)


def test_configuration_errors_stop_the_run():
    with pytest.raises(UnknownNameError, match="did you mean 'oracle'"):
        quintain.evaluate("Sum-v0", "orakle", episodes=3)
    with pytest.raises(UnknownNameError, match="did you mean 'letters'"):
        quintain.evaluate("CodeReason-v0", "oracle", episodes=3, env_kwargs={"tasks": "leters"})
    with pytest.raises(UnknownNameError, match=r"did you mean 'Sum-v0'\? If a module of yours registers it"):
        quintain.evaluate("Summ-v0", "oracle", episodes=3)
    with pytest.raises(ConfigurationError, match="asks no language model"):
        quintain.evaluate("Sum-v0", {"name": "random", "engine": "scripted"}, episodes=3)
    with pytest.raises(ConfigurationError, match=r"'random'.*unexpected keyword"):
        quintain.evaluate("Sum-v0", {"name": "random", "temprature": 1}, episodes=3)
    with pytest.raises(ConfigurationError, match="cannot make an agent"):
        quintain.evaluate("Sum-v0", 42, episodes=3)


LOCKED = partial(lambda observation, lock: 0, lock=threading.Lock())  # locks cannot be pickled


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"episodes": 0}, "episodes must be"),
        ({"concurrency": 0}, "concurrency must be"),
        ({"seed": -1}, "seed must be"),
        ({"confidence": 95}, "confidence must be a number in"),
        ({"executor": "cloud"}, "unknown executor 'cloud'"),
        ({"resume": True}, "need the folder"),
        ({"retry_errors": True, "out": "x"}, "resume=True"),
        ({"executor": "process", "agent": LOCKED}, "cannot be sent"),
    ],
)
def test_invalid_arguments_raise_errors_with_a_remedy(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    agent = arguments.pop("agent", "random")
    with pytest.raises(ValueError, match=message):
        quintain.evaluate("Sum-v0", agent, **arguments)


def test_the_manifest_describes_the_run(tmp_path):
    quintain.evaluate("CodeReason-v0", "oracle", episodes=2, out=tmp_path / "run", env_kwargs={"tasks": "letters"})
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    assert manifest["config"]["env"] == "CodeReason-v0"
    assert manifest["config"]["env_kwargs"] == {"tasks": "letters"}
    assert manifest["config"]["agent"] == {"name": "oracle"}
    assert manifest["versions"]["gymnasium"] == gym.__version__
    assert manifest["facts"]["env"]["sandbox"]["level"] in ("A", "B", "C")
    assert all(e.info["task_hash"] for e in read_episodes(tmp_path / "run"))
