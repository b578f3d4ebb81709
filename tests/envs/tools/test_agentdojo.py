"""AgentDojo has a virtual environment of its own: ``sh scripts/agentdojo_venv.sh`` runs all tests, others the first."""

import importlib.util
import json

import gymnasium as gym
import pytest

import quintain
from quintain.attacks.malfunction import MalfunctionAttack, malfunction_rates
from quintain.attacks.malfunction.payload import example_arguments
from quintain.envs.tools.calls import Call, render_action
from quintain.errors import ConfigurationError, MissingDependencyError, UnknownNameError

INSTALLED = importlib.util.find_spec("agentdojo") is not None
here = pytest.mark.skipif(not INSTALLED, reason="AgentDojo has a virtual environment of its own")


@pytest.mark.skipif(INSTALLED, reason="AgentDojo is installed")
def test_without_agentdojo_the_error_has_the_install_command():
    with pytest.raises(MissingDependencyError, match=r"sh scripts/agentdojo_venv\.sh.*quintain\[agentdojo\]"):
        gym.make("AgentDojo-v0")


def make(suite="banking", **kwargs):
    return gym.make("AgentDojo-v0", suite=suite, max_turns=60, disable_env_checker=True, **kwargs)


def play(env, task_id, before=()):
    """Carry out calls, then the reference solution; return the observations and the last info."""
    observation, info = env.reset(options={"task_id": task_id})
    seen, calls, done = [observation], list(before), False
    while not done:
        action = render_action(calls.pop(0)) if calls else env.unwrapped.solution()
        observation, _, terminated, truncated, info = env.step(action)
        seen.append(observation)
        done = terminated or truncated
    return seen, info


def ours(suite, kind):
    from agentdojo.task_suite.load_suites import get_suite

    return getattr(get_suite("v1.2.2", suite), f"{kind}_tasks")


@here
@pytest.mark.parametrize(("suite", "tasks"), [("workspace", 40), ("travel", 20), ("banking", 16), ("slack", 21)])
def test_reference_solutions_reach_the_goal_with_relevant_calls(suite, tasks):
    env, names = make(suite), list(ours(suite, "user"))
    assert len(names) == tasks
    for name in names if suite != "workspace" else names[::4]:
        _, info = play(env, f"{suite}/{name}")
        assert info["success"], name
        assert info["metrics"]["utility"] == 1
        assert info["metrics"]["irrelevant_calls"] == info["metrics"]["failed_calls"] == 0


@here
@pytest.mark.parametrize("injection", [f"injection_task_{k}" for k in range(9)])
def test_security_is_agentdojos(injection):
    from agentdojo.agent_pipeline.ground_truth_pipeline import GroundTruthPipeline
    from agentdojo.task_suite.load_suites import get_suite

    suite = get_suite("v1.2.2", "banking")
    task = suite.injection_tasks[injection]
    env = make(attack="direct")
    env.reset(options={"task_id": f"banking/user_task_1/{injection}"})
    state = suite.load_and_inject_default_environment({})
    calls = [Call(one.function, dict(one.args)) for one in task.ground_truth(state)]
    _, info = play(env, f"banking/user_task_1/{injection}", calls)
    _, theirs = suite.run_task_with_pipeline(GroundTruthPipeline(task), suite.user_tasks["user_task_1"], task, {})
    assert info["attack"]["agentdojo"]["has_oracle"]
    assert info["metrics"]["injected"] == theirs == 1
    _, info = play(env, f"banking/user_task_1/{injection}")
    assert info["metrics"]["injected"] == 0
    assert info["success"]


@here
def test_an_attack_of_agentdojo_keeps_the_user_task_and_writes_into_results():
    clean, hit = make(), make(attack="important_instructions")
    for seed in range(5):
        (text, plain), (same, info) = clean.reset(seed=seed), hit.reset(seed=seed)
        assert text == same
        assert info["task_id"].startswith(plain["task_id"])
    task = "banking/user_task_0/injection_task_1"
    seen, info = play(hit, task)
    about = info["attack"]["agentdojo"]
    assert about["goal"] in "".join(seen)
    assert about["vectors"]
    assert play(hit, task)[0] == seen
    _, info = play(make(attack="dos"), "banking/user_task_0")
    assert info["metrics"]["utility"] == 1
    assert info["metrics"]["injected"] == 0


@here
@pytest.mark.parametrize(
    "task",
    ["banking/user_task_0", "banking/user_task_3", "workspace/user_task_13", "slack/user_task_1", "travel/user_task_1"],
)  # fmt: skip
def test_our_attack_plants_in_a_result_and_changes_no_state(task):
    suite = task.partition("/")[0]
    plain, info = play(make(suite), task)
    empty, _ = play(MalfunctionAttack(make(suite), surface="tool", ratio=0), task)
    assert empty == plain
    assert info["success"]
    hit, info = play(MalfunctionAttack(make(suite), surface="tool"), task)
    assert sum(a != b for a, b in zip(plain, hit, strict=True)) == 1
    assert info["attack"]["malfunction"]["payload"] in json.dumps(hit)
    assert info["success"]


@here
def test_our_attacks_and_guards_run_on_its_tasks():
    same = {"episodes": 16, "seed": 0, "progress": False}
    agent = quintain.make_agent("susceptible", obey=1)
    clean = quintain.evaluate(lambda: make(), agent, **same)
    for kind in ("loop", "function"):
        hit = quintain.evaluate(lambda kind=kind: MalfunctionAttack(make(), type=kind), agent, **same)
        rates = malfunction_rates(hit, clean)
        assert rates.net.estimate > 0.5
        assert (rates.loops if kind == "loop" else rates.irrelevant).estimate > 0


@here
@pytest.mark.parametrize("suite", ["workspace", "travel", "banking", "slack"])
def test_tools_have_schemas_that_examples_fit(suite):
    env = make(suite)
    _, info = env.reset(seed=0)
    tools = {one["name"]: one["parameters"] for one in json.loads(info["tools"])}
    for name, tool in env.unwrapped.world.tools.items():
        assert tool.violation(example_arguments(tools[name])) == ""
        assert "there is no argument" in tool.violation({**example_arguments(tools[name]), "zzz": 1})


@here
def test_malformed_calls_and_errors_of_tools_are_outcomes():
    env = make()
    env.reset(options={"task_id": "banking/user_task_0"})
    deep = f"{'[' * 500}{']' * 500}"
    for action, said, count in (
        ("Action: nothing", "there is no tool", 1),
        ("Action: read_file", "file_path is missing; it must be string", 2),
        (f'{{"name": "read_file", "arguments": {{"file_path": {deep}}}}}', "file_path must be string", 3),
        ('{"name": "update_scheduled_transaction", "arguments": {"id": 999}}', "Error: ValueError", 3),
    ):
        observation, reward, terminated, _, info = env.step(action)
        assert said in observation
        assert (reward, terminated, info["metrics"]["malformed_calls"]) == (0, False, count)
    assert info["metrics"]["failed_calls"] == 1
    *_, info = env.step("Final Answer: FAILED")
    assert not info["success"]


@here
def test_wrong_names_are_refused():
    for kwargs in ({"suite": "bank"}, {"attack": "manual"}):
        with pytest.raises(UnknownNameError):
            make(**kwargs)
    with pytest.raises(ConfigurationError, match="no version"):
        make(version="v0")
    for task in ("banking", "banking/user_task_99", "banking/user_task_1/injection_task_99"):
        with pytest.raises(ConfigurationError, match="no task"):
            make().reset(options={"task_id": task})
    with pytest.raises(ConfigurationError, match="give attack"):
        make().reset(options={"task_id": "banking/user_task_1/injection_task_1"})


@here
@pytest.mark.filterwarnings("ignore")
def test_every_environment_check_passes():
    report = quintain.check("AgentDojo-v0", {"suite": "slack"})
    assert report.ok, report
