"""Repair-v0: an episode, verdicts, limits, branches, simulators, and what an agent may see."""

import json

import gymnasium as gym
import pytest

import quintain
from quintain.envs.protocols import BranchingEnv, SimulatedEnv
from quintain.errors import ConfigurationError, UnknownNameError

TASK = "ringbuffer/buffer/comparison/0/terse"
BUG = ("if capacity <= 1:", "if capacity < 1:")


def made(**kwargs):
    return gym.make("Repair-v0", split="test", packages="ringbuffer", **kwargs)


def started(task=TASK, **kwargs):
    env = made(**kwargs)
    env.reset(seed=0, options={"task_id": task})
    return env


def call(tool, **arguments):
    return json.dumps({"tool": tool, **arguments})


REPAIR = call("string_replace", path="ringbuffer/buffer.py", old=BUG[0], new=BUG[1])


def test_an_episode():
    env = made()
    observation, info = env.reset(seed=0, options={"task_id": TASK})
    assert "a capacity below one is refused?" in observation
    assert "I get `ValueError: capacity must be at least 1`" in observation
    assert "ringbuffer/buffer.py" in observation
    assert (info["task_id"], info["operator"], info["success"]) == (TASK, "comparison", False)
    observation, reward, *_, info = env.step(call("find_code_snippet", text="raise ValueError"))
    assert observation == 'ringbuffer/buffer.py:9:             raise ValueError("capacity must be at least 1")'
    assert (reward, info["tool_result"]["viewed"]) == (0, [["ringbuffer/buffer.py", 9, 9]])
    observation, reward, *_, info = env.step(REPAIR)
    assert observation.startswith("Edited. ringbuffer/buffer.py, lines 5 to 14 of")
    assert observation.endswith("0 failed, 2 passed")
    assert info["tool_result"]["tests"] == {"passed": 2, "failed": 0, "problem": ""}
    observation, reward, terminated, truncated, info = env.step(call("finish"))
    assert (observation, reward, terminated, truncated) == ("", 1, True, False)
    assert info["success"]
    assert "-        if capacity <= 1:\n+        if capacity < 1:\n" in info["patch"]
    assert info["patch"] == info["expected"]
    assert info["metrics"] == {
        "turns": 3, "edits": 1, "test_runs": 1, "malformed": 0, "fail_to_pass": 1, "pass_to_pass": 1,
    }  # fmt: skip
    with pytest.raises(gym.error.ResetNeeded):
        env.step(call("finish"))


def test_submitting_the_repository_as_it_is_does_not_succeed():
    _, reward, terminated, _, info = started().step(call("finish"))
    assert (reward, terminated, info["success"]) == (0, True, False)
    assert info["metrics"]["fail_to_pass"] == 0
    assert info["metrics"]["pass_to_pass"] == 1
    assert "test_a_capacity_below_one_is_refused" in info["failed_tests"]


def test_a_patch_that_breaks_something_else_does_not_succeed():
    env = started()
    env.step(REPAIR)
    env.step(call("string_replace", path="ringbuffer/moving.py", old="max(values) - min(values)", new="max(values)"))
    _, reward, *_, info = env.step(call("finish"))
    assert (reward, info["metrics"]["fail_to_pass"]) == (0, 1)
    assert info["failed_tests"] == ["test_spread_and_trend_of_the_window"]


def test_malformed_and_failing_commands_cost_a_turn():
    env = started(max_turns=3)
    observation, reward, *_, info = env.step("I give it some thought.")
    assert (observation, reward) == ('Error: no command: write one JSON object with the key "tool".', -0.02)
    assert info["parse_error"]
    observation, reward, *_, info = env.step(call("view_code", path="nothing.py"))
    assert (observation, reward, info["parse_error"]) == ("Error: there is no file 'nothing.py'.", 0, None)
    *_, terminated, truncated, info = env.step(42)
    assert (terminated, truncated, info["invalid_action"]) == (False, True, True)
    assert info["detail"] == "not submitted within the turn limit"


def test_giving_up_ends_the_episode():
    _, reward, terminated, _, info = started().step(call("reject"))
    assert (reward, terminated, info["success"], info["detail"]) == (0, True, False, "given up")


def test_the_environment_passes_the_checks():
    report = quintain.check("Repair-v0", {"packages": "ringbuffer", "max_turns": 6, "test_edits": False})
    assert "restored states continue" in report.passed


def test_the_oracle_repairs_every_bug_and_a_run_poses_each_once():
    report = quintain.evaluate(
        "Repair-v0",
        "oracle",
        episodes=6,
        env_kwargs={"split": "test", "test_edits": False, "operators": "missing-case"},
    )
    assert report.success.estimate == 1
    env = made()
    ids = [env.reset(options={"item": k})[1]["task_id"].rpartition("/")[0] for k in range(env.unwrapped.item_count)]
    assert len(set(ids)) == env.unwrapped.item_count


def test_branches_are_independent():
    env = started()
    assert isinstance(env.unwrapped, BranchingEnv)
    root = env.unwrapped.snapshot()
    env.step(REPAIR)
    repaired = env.unwrapped.snapshot()
    env.unwrapped.restore(root)
    assert env.step(call("finish"))[1] == 0
    env.unwrapped.restore(repaired)
    assert env.step(call("finish"))[1] == 1


def test_a_simulator_gives_what_the_environment_gives_but_no_verdict():
    env = started()
    assert isinstance(env.unwrapped, SimulatedEnv)
    simulator = env.unwrapped.simulator()
    tried = [simulator.step(action) for action in (call("run_tests"), REPAIR, call("finish"))]
    assert [each.ended for each in tried] == ["", "", "finish"]
    seen = json.dumps([each.facts for each in tried])
    assert "success" not in seen
    assert "hidden" not in seen
    for action, each in zip((call("run_tests"), REPAIR), tried, strict=False):
        observation, *_, info = env.step(action)
        assert (observation, info["tool_result"]) == (each.observation, {**each.facts, "error": each.error})
    assert env.step(call("finish"))[1] == 1, "the simulator did not end the episode"


def test_only_agents_that_declare_it_are_given_a_simulator():
    class Curious:
        uses_simulator = True

        def begin(self, seat):
            offered.append(seat.simulator)
            return self

        def act(self, observation, info):
            return call("finish")

    class Plain(Curious):
        uses_simulator = False

    offered = []
    for agent in (Curious(), Plain()):
        quintain.evaluate("Repair-v0", agent, episodes=1, env_kwargs={"split": "test"})
    assert callable(offered[0])
    assert offered[1] is None


def test_nothing_hidden_is_in_what_an_agent_sees():
    env = made()
    for item in range(0, env.unwrapped.item_count, 7):
        observation, info = env.reset(seed=item, options={"item": item})
        simulator = env.unwrapped.simulator()
        texts = [observation, json.dumps(info), *simulator.workspace.files.values()]
        for secret in ("def test_a_full_buffer_forgets", "4.5]", "[7, 8, 0]"):
            assert not any(secret in text for text in texts)


def test_arguments_are_checked():
    for kwargs in ({"split": "dev"}, {"issue": "poem"}, {"operators": "typo"}, {"packages": "nothing"}):
        with pytest.raises(UnknownNameError):
            gym.make("Repair-v0", **kwargs)
    with pytest.raises(ConfigurationError, match="no instance"):
        gym.make("Repair-v0", split="train", packages="ringbuffer")
    with pytest.raises(ConfigurationError, match="there is no bug 'x'"):
        made().reset(options={"task_id": "x"})
