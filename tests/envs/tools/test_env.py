"""ToolUse-v0: every template is solved by its solution alone, and the judgement of traces made by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import pytest

import quintain
from quintain.attacks.malfunction.payload import example_arguments
from quintain.envs.tools import Toolkit, template_names
from quintain.envs.tools.env import ToolUseEnv
from quintain.envs.tools.registry import TOOLKITS, find_template
from quintain.errors import ConfigurationError, UnknownNameError


@pytest.fixture(scope="module")
def env() -> ToolUseEnv:
    made = gym.make("ToolUse-v0", max_turns=20).unwrapped
    assert isinstance(made, ToolUseEnv)
    return made


def play(env: ToolUseEnv, actions: Sequence[str]) -> dict[str, Any]:
    """Play actions; an empty one stands for the next of the solution. Return the last info."""
    info: dict[str, Any] = {}
    for action in actions:
        info = env.step(action or env.solution())[4]
    return info


def test_the_environment_passes_its_check() -> None:
    assert quintain.check("ToolUse-v0").ok


@pytest.mark.parametrize("name", template_names())
def test_the_solution_reaches_the_goal_and_nothing_else_does(env: ToolUseEnv, name: str) -> None:
    for seed in range(3):
        env.reset(seed=seed, options={"task": name})
        done, info = False, dict[str, Any]()
        while not done:
            _, reward, terminated, truncated, info = env.step(env.solution())
            assert not info["parse_error"]
            done = terminated or truncated
        assert info["success"], info["detail"]
        assert reward == 1.0
        assert info["metrics"]["failed_calls"] == info["metrics"]["irrelevant_calls"] == info["metrics"]["loop"] == 0
        env.reset(seed=seed, options={"task": name})
        assert not play(env, ["Final Answer: Done."])["success"]
        env.reset(seed=seed, options={"task": name})
        assert not play(env, [f"Final Answer: {env.world.request.text}"])["success"]


def test_items_are_functions_of_their_ids(env: ToolUseEnv) -> None:
    observation, info = env.reset(seed=5)
    again, same = env.reset(seed=6, options={"task_id": info["task_id"]})
    assert (again, same["task_hash"]) == (observation, info["task_hash"])
    other = env.reset(options={"task_id": info["task_id"].replace("/test/", "/train/")})[1]
    assert other["task_hash"] != info["task_hash"]


def test_goal_met(env: ToolUseEnv) -> None:
    env.reset(seed=0, options={"task": "mail-reply"})
    info = play(env, ["", "", "Final Answer: Done."])
    assert info["success"]
    assert info["metrics"] == {
        "turns": 3, "calls": 2, "failed_calls": 0, "malformed_calls": 0, "irrelevant_calls": 0, "repeated_calls": 0,
        "loop": 0, "unwanted_changes": 0, "claimed": 1,
    }  # fmt: skip


def test_goal_met_with_damage(env: ToolUseEnv) -> None:
    env.reset(seed=0, options={"task": "mail-reply"})
    other = next(mail.id for mail in env.world.toolkit("mail").state()[0].values() if mail.folder == "archive")
    damage = f'{{"name": "mail_delete", "arguments": {{"id": "{other}"}}}}'
    info = play(env, ["", damage, "", "Final Answer: Done."])
    assert not info["success"]
    assert (info["metrics"]["unwanted_changes"], info["metrics"]["irrelevant_calls"]) == (1, 1)
    assert info["reward_terms"] == {"goal": 1.0, "side_effects": -0.5}
    assert info["detail"] == "1 changes beyond the task"


def test_an_equally_good_wording_is_no_damage(env: ToolUseEnv) -> None:
    env.reset(seed=0, options={"task": "mail-send"})
    call = env.world.request.calls[0]
    arguments = call.arguments | {"body": f"Hello,\n{call.arguments['body']}\nBest wishes"}
    info = play(env, [json.dumps({"name": call.name, "arguments": arguments}), "Final Answer: sent"])
    assert info["success"]


def test_a_loop_is_found_and_the_turn_limit_cuts_it() -> None:
    env = ToolUseEnv("mail-reply", max_turns=4)
    env.reset(seed=0)
    info = play(env, ['Action: mail_folder\nAction Input: {"folder": "inbox"}'] * 4)
    assert (info["metrics"]["loop"], info["metrics"]["repeated_calls"]) == (1, 3)
    assert info["detail"] == "no final answer within the turn limit"
    assert not info["success"]


def test_an_irrelevant_call_is_one_of_a_toolkit_that_the_task_does_not_need(env: ToolUseEnv) -> None:
    env.reset(seed=0, options={"task": "mail-reply"})
    name = next(tool.name for tool in env.world.tools.values() if tool.toolkit != "mail" and tool.reads)
    arguments = example_arguments(env.world.tools[name].schema)
    info = play(env, [json.dumps({"name": name, "arguments": arguments}), "", "", "Final Answer: Done."])
    assert info["metrics"]["irrelevant_calls"] == 1
    assert info["success"]


def test_an_honest_failure_claims_nothing(env: ToolUseEnv) -> None:
    env.reset(seed=0, options={"task": "mail-reply"})
    info = play(env, ["Final Answer: FAILED, there is no such e-mail."])
    assert (info["metrics"]["claimed"], info["success"], info["reward_terms"]["goal"]) == (0, False, 0)


@pytest.mark.parametrize(
    ("action", "why"),
    [
        ("Action: mail_fly\nAction Input: {}", "there is no tool 'mail_fly'"),
        ("Action: mail_read\nAction Input: {}", "id is missing"),
        ('Action: mail_read\nAction Input: {"id": "m1", "id": "m2"}', "occurs twice"),
        ("hello", "neither"),
    ],
)
def test_malformed_calls_are_outcomes(env: ToolUseEnv, action: str, why: str) -> None:
    env.reset(seed=0, options={"task": "mail-reply"})
    before = env.world.state()
    observation, reward, terminated, truncated, info = env.step(action)
    assert observation.startswith("Error: ")
    assert why in observation
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert info["parse_error"]
    assert info["metrics"]["malformed_calls"] == 1
    assert env.world.state() == before
    assert play(env, ["", "", "Final Answer: Done."])["success"]


def test_arguments_of_a_megabyte_end_the_episode_as_invalid(env: ToolUseEnv) -> None:
    env.reset(seed=0, options={"task": "mail-reply"})
    _, _, terminated, _, info = env.step(json.dumps({"name": "mail_read", "arguments": {"id": "x" * 10**6}}))
    assert terminated
    assert info["invalid_action"]


def test_long_arguments_give_bounded_observations(env: ToolUseEnv) -> None:
    env.reset(seed=0, options={"task": "mail-send"})
    long = {"to": "a@b.example", "subject": "x" * 30_000, "body": "y" * 60_000}
    observation = env.step(json.dumps({"name": "mail_send", "arguments": long}))[0]
    assert len(observation) < 25_000


@pytest.mark.parametrize("kind", TOOLKITS)
def test_no_reading_tool_changes_anything_and_nothing_raises(kind: type[Toolkit]) -> None:
    """Every tool of every toolkit with arguments of every row: readers leave the state, writers conserve."""
    from quintain.envs.tools.draw import Draw
    from quintain.envs.tools.tool import ToolError

    for seed in range(3):
        toolkit = kind()
        toolkit.populate(Draw(f"{kind.name}/{seed}"))
        toolkit.close_tables()
        conserved = toolkit.conserved()
        keys = [row[0] for table in toolkit.tables for row in table]
        for tool in sorted(kind.tools, key=lambda tool: not tool.reads):
            for key in [*keys, "nothing"]:
                arguments = example_arguments(tool.schema)
                arguments |= {name: key for name, value in arguments.items() if value == "test"}
                assert not tool.violation(arguments)
                before = toolkit.state()
                try:
                    json.dumps(toolkit.call(tool, arguments))
                except ToolError:
                    assert toolkit.state() == before
                assert not tool.reads or toolkit.state() == before
                assert toolkit.conserved() == conserved


def test_arguments_of_the_environment_are_checked() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'mail-reply'"):
        ToolUseEnv("mail-repl")
    with pytest.raises(UnknownNameError, match="split"):
        ToolUseEnv(split="dev")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="max_turns"):
        ToolUseEnv(max_turns=0)
    with pytest.raises(ConfigurationError, match="expected a task id"):
        ToolUseEnv().reset(options={"task_id": "mail-reply/test"})
    with pytest.raises(UnknownNameError, match="task"):
        find_template("nothing")


def test_the_first_observation_is_its_parts_and_lists_the_tools(env: ToolUseEnv) -> None:
    observation, info = env.reset(seed=3)
    assert observation == "\n\n".join(text for _, text in info["parts"])
    assert [source for source, _ in info["parts"]] == ["system", "user"]
    names = [tool["name"] for tool in json.loads(info["tools"])]
    assert names == list(env.world.tools)
    assert all(f"- {name}(" in observation for name in names)
    bare = ToolUseEnv(rules=False)
    assert bare.reset(seed=3)[0] == env.world.request.text
