"""``OpenEnv-v0``: our servers play as their environments do, and other servers' faults are errors, never outcomes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

import quintain
from quintain.envs.transcripts import episode, equal, same
from quintain.errors import ConfigurationError
from quintain.seeding import episode_seeds
from quintain.serving import RefusedError, ServerError, connect
from quintain.spaces import UnicodeText

from .scripted_server import SCHEMA, TEXT, ScriptedServer, seen
from .waiting import eventually
from .worlds import Misbehaving, Numbers


@pytest.fixture
def scripted(stack):
    """Start a scripted server and connect to it; the environment has the server as ``server``."""

    def start(answers, schema=SCHEMA, **arguments):
        server = ScriptedServer(answers, schema)
        stack.callback(server.close)
        env = connect(server.url, timeout_s=5, retries=0, **arguments)
        stack.callback(env.close)
        env.server = server
        return env

    return start


def after_reset(frames):
    """Answer a reset with an observation, and a step with ``frames``."""
    return lambda message: [seen("first")] if message["type"] == "reset" else frames


def test_rewards_equal_those_of_this_process_on_100_seeds(started):
    local = gym.make("CodeReason-v0", tasks="letters", disable_env_checker=True)
    remote = connect(started("CodeReason-v0", {"tasks": "letters"}).url)
    assert remote.observation_space == local.observation_space
    assert remote.action_space == local.action_space
    for seed in range(100):
        text, info = local.reset(seed=seed)
        assert remote.reset(seed=seed)[0] == text
        action = local.unwrapped.solution() if seed % 2 else f"<<<{seed}>>>"
        *result, info = local.step(action)
        *there, remote_info = remote.step(action)
        assert there == result
        assert {name: info[name] for name in remote_info} == remote_info
    remote.close()


def test_episodes_of_numbers_are_equal(started):
    local = Numbers()
    remote = connect(started(Numbers).url)
    assert remote.observation_space == local.observation_space
    draw = np.random.default_rng(0)
    for seed in range(5):
        action = draw.uniform(-1, 1, 1).astype(np.float32)
        assert equal(remote.reset(seed=seed)[0], local.reset(seed=seed)[0])
        assert equal(remote.step(action)[:4], local.step(action)[:4])
    remote.close()


@pytest.mark.parametrize(
    ("env", "kwargs"),
    [("RepeatedGame-v0", {"view": "text"}), ("RepeatedGame-v0", {"opponent": "random"})],
)
def test_check_passes_on_a_served_environment(started, env, kwargs):
    url = started(env, kwargs | {"rounds": 2}).url
    check_env(connect(url).unwrapped, skip_render_check=True)
    report = quintain.check("OpenEnv-v0", {"url": url}, raise_on_failure=False)
    assert report.ok, str(report)


def test_it_is_evaluated_vectorised_and_made_again_from_its_spec(started):
    server = started("CodeReason-v0", {"tasks": "letters"})
    actions = [f"<<<{n}>>>" for n in range(3)]
    report = quintain.evaluate(
        "OpenEnv-v0", lambda text: actions[0], env_kwargs={"url": server.url}, episodes=4, concurrency=2
    )
    local = quintain.evaluate("CodeReason-v0", lambda text: actions[0], env_kwargs={"tasks": "letters"}, episodes=4)
    assert report.errors == 0
    assert [e.reward for e in report.episodes] == [e.reward for e in local.episodes]
    assert [e.info["task_id"] for e in report.episodes] == [e.info["task_id"] for e in local.episodes]
    vector = gym.make_vec("OpenEnv-v0", num_envs=3, url=server.url)
    texts, _ = vector.reset(seed=7)
    assert texts == tuple(connect(server.url).reset(seed=seed)[0] for seed in (7, 8, 9))
    assert vector.step(actions)[1].shape == (3,)
    vector.close()


def test_numbers_are_vectorised_as_arrays(started):
    vector = gym.make_vec("OpenEnv-v0", num_envs=2, url=started(Numbers).url)
    observations, _ = vector.reset(seed=0)
    assert observations["box"].shape == (2, 2, 2)
    vector.close()


def test_tasks_of_a_split_are_items(started):
    rows = [{"question": f"{i}?", "answer": str(i)} for i in range(3)]
    url = started("QuestionAnswering-v0", {"tasks": rows}).url
    report = quintain.evaluate("OpenEnv-v0", lambda text: "1", env_kwargs={"url": url, "split": "test"})
    assert [episode.reward for episode in report.episodes] == [0.0, 1.0, 0.0]
    sent = []
    env = connect(url, split="test")
    ask = env.unwrapped._connection.ask
    env.unwrapped._connection.ask = lambda kind, data: sent.append(data) or ask(kind, data)
    for seed in (5, 6):
        assert "2?" in env.reset(seed=seed, options={"item": 2})[0]
    assert [(data["seed"], data["item"]) for data in sent] == [(5, 2), (6, 2)]
    env.close()
    with pytest.raises(ConfigurationError, match="no item 3"):
        connect(url, split="test").reset(options={"item": 3})
    with pytest.raises(ServerError, match="400"):
        connect(url, split="train")


def test_tasks_that_are_seeds_pose_the_episodes_of_these_seeds(started):
    url = started("CodeReason-v0", {"tasks": "letters"}, tasks=3, seed=3).url
    env = connect(url, split="test")
    local = gym.make("CodeReason-v0", tasks="letters", disable_env_checker=True)
    for item in range(3):
        expected = local.reset(seed=int(episode_seeds(3)[item]))[0]
        assert env.reset(seed=99, options={"item": item})[0] == expected
    env.close()


def test_an_action_that_cannot_be_executed_is_an_outcome(started):
    env = connect(started(Misbehaving).url)
    first, _ = env.reset(seed=0)
    for action in (None, 3, b"bytes", object()):
        observation, reward, terminated, truncated, info = env.step(action)
        assert (observation, reward, terminated, truncated) == (first, 0.0, False, False)
        assert info["invalid_action"]
        assert info["parse_error"]
    assert env.step("win")[1:3] == (1.0, True)
    numbers = connect(started(Numbers).url)
    numbers.reset(seed=0)
    for wrong in ([5.0], "x", float("nan"), None, object()):
        assert numbers.step(wrong)[4]["invalid_action"]
    assert numbers.step(np.array([0.5], dtype=np.float32))[1] == 0.5


def test_a_failure_on_the_server_is_an_error_and_the_next_episode_is_played(started):
    env = connect(started(Misbehaving).url)
    env.reset(seed=0)
    with pytest.raises(ServerError, match=r"EXECUTION_ERROR.*KeyError"):
        env.step("raise")
    with pytest.raises(gym.error.ResetNeeded):
        env.step("a")
    env.reset(seed=0)
    assert env.step("cut")[2:4] == (False, True)
    kwargs = {"url": env.unwrapped._connection.url}
    for agent in (lambda text: "raise", lambda text: "lost"):
        report = quintain.evaluate("OpenEnv-v0", agent, env_kwargs=kwargs, episodes=2, errors="record")
        assert [episode.outcome for episode in report.episodes] == ["error", "error"]


def test_a_lost_connection_is_opened_again_by_the_next_reset(started):
    server = started(Misbehaving, lease_s=0.05)
    env = connect(server.url, retries=2)
    env.reset(seed=0)
    eventually(lambda: server.app.sessions == 0)
    with pytest.raises(ServerError, match=r"SESSION_ERROR.*lease has expired"):
        env.step("a")
    assert env.reset(seed=0)[0] == Misbehaving().reset(seed=0)[0]


def test_a_full_server_is_an_error(started):
    server = started(Misbehaving, max_sessions=1)
    one, two = connect(server.url), connect(server.url, retries=0)
    one.reset(seed=0)
    with pytest.raises(ServerError, match="CAPACITY_REACHED"):
        two.reset(seed=0)


def test_the_token_is_sent_and_not_shown(started):
    server = started(Misbehaving, auth_token="a-secret-token-7")
    assert connect(server.url, auth_token="a-secret-token-7").reset(seed=0)
    with pytest.raises(ServerError, match="401"):
        connect(server.url)
    with pytest.raises(ServerError, match="401") as error:
        connect(server.url, auth_token="another-token-8")
    assert "another-token-8" not in str(error.value)


@pytest.mark.parametrize(
    "frame",
    [
        seen(reward=float("nan")), seen(reward="1"), seen(reward=[1]), seen(done="yes"), seen(done=None),
        "no json", "[]", "{}", b"\xff", '{"type": "observation", "data": []}', '{"type": "state", "data": {}}',
        '{"type": "observation", "data": {"observation": {"text": 3}, "done": false}}',
        '{"type": "observation", "data": {"observation": null, "done": false}}',
        seen(metadata=3), "[" * 100_000, seen("a" * 1_000_001),
    ],
    ids=lambda frame: str(frame[:30]),
)  # fmt: skip
def test_malformed_answers_are_errors(scripted, frame):
    env = scripted(after_reset([frame]))
    env.reset(seed=0)
    with pytest.raises(ServerError):
        env.step("a")
    assert env.reset(seed=1)[0] == "first"  # over a new connection


def test_a_server_that_closes_within_a_frame_or_never_answers_is_an_error(scripted):
    env = scripted(after_reset(None))
    env.reset(seed=0)
    with pytest.raises(ServerError, match="connection was lost"):
        env.step("a")
    assert env.reset(seed=0)[0] == "first"
    silent = scripted(after_reset([]))
    silent.reset(seed=0)
    silent.unwrapped._connection._timeout_s = 0.1
    with pytest.raises(ServerError, match=r"no answer within 0\.1 s"):
        silent.step("a")


def test_a_late_or_second_answer_is_never_taken_for_another_one(scripted):
    env = scripted(lambda message: [seen("one"), seen("two", 1.0, True)])
    env.reset(seed=0)
    env.unwrapped._connection._socket.ping().wait(5)  # the second frame has arrived
    with pytest.raises(ServerError, match="answers nothing"):
        env.step("a")


def test_an_answer_to_another_step_is_an_error(started, monkeypatch):
    env = connect(started(Misbehaving).url)
    env.reset(seed=0)
    env.step("a")
    env.unwrapped._steps = 0  # as if this side had missed an answer
    with pytest.raises(ServerError, match="answer to step 1, got that to 2"):
        env.step("a")


def test_answers_that_are_too_large_are_errors(scripted):
    env = scripted(after_reset([seen("a" * 50_000)]), max_message_mb=0.01)
    env.reset(seed=0)
    with pytest.raises(ServerError, match="connection was lost"):
        env.step("a")


def test_a_server_that_contradicts_its_schema_is_an_error(scripted):
    exact = {"type": "integer", "minimum": 0, "maximum": 2, "x-gymnasium": {"space": "Discrete", "dtype": "int64"}}
    schema = {side: {"properties": {"value": exact}} for side in ("action", "observation")}
    for value in (3, "a", None, 1.5):
        data = {"observation": {"value": value}, "reward": None, "done": False, "metadata": {"step": 0}}
        env = scripted(lambda message, data=data: [json.dumps({"type": "observation", "data": data})], schema)
        assert env.observation_space == spaces.Discrete(3)
        with pytest.raises(ServerError):
            env.reset(seed=0)


@pytest.mark.parametrize(
    "schema",
    ["<html>", [], {}, {"action": 3, "observation": 4}, {"action": TEXT},
     {side: {"properties": {"v": {"x-gymnasium": {"space": "Box"}}}} for side in ("action", "observation")}],
    ids=str,
)  # fmt: skip
def test_schemas_that_cannot_be_used_are_errors(scripted, schema):
    with pytest.raises(ServerError, match="schema"):
        scripted(after_reset([]), schema)


def test_an_episode_that_ends_with_its_reset_is_an_error(scripted):
    env = scripted(lambda message: [seen(done=True)])
    with pytest.raises(ServerError, match="ended with its reset"):
        env.reset(seed=0)


def test_a_server_without_rewards_and_with_its_own_error_codes(scripted):
    frames: Iterator[list[str]] = iter(
        [
            [seen("one", None, False, metadata={"truncated": True})],
            ['{"type": "error", "data": {"message": "too short", "code": "VALIDATION_ERROR"}}'],
            [seen("two", True, True, metadata={"truncated": True})],
        ]
    )
    env = scripted(lambda message: [seen("first")] if message["type"] == "reset" else next(frames))
    env.reset(seed=5)
    assert env.server.messages[0]["data"] == {"seed": 5}
    assert env.step("a")[:4] == ("one", 0.0, False, False)
    assert env.step("a")[4]["invalid_action"]
    *result, info = env.step("a")
    assert result == ["two", 1.0, False, True]
    assert info["metadata"] == {"truncated": True}


@pytest.mark.parametrize(
    ("fields", "space", "action", "sent"),
    [
        ({"guess": {"type": "string", "maxLength": 5}}, UnicodeText(5), "crane", {"guess": "crane"}),
        ({"id": {"type": "integer", "minimum": 1, "maximum": 3}}, spaces.Discrete(3, start=1), 2, {"id": 2}),
        ({"go": {"type": "boolean"}, "metadata": {}}, spaces.Discrete(2), 1, {"go": True}),
        ({"x": {"type": "integer"}, "y": {}}, UnicodeText(100_000), '{"x": 1, "y": 2}', {"x": 1, "y": 2}),
        ({}, UnicodeText(100_000), "{}", {}),
    ],
)
def test_spaces_of_other_servers(scripted, fields, space, action, sent):
    schema = {"action": {"properties": fields}, "observation": {"properties": {"a": {}, "b": {}, "metadata": {}}}}
    frame = json.dumps({"type": "observation", "data": {"observation": {"a": 1, "b": "é"}, "reward": 0, "done": False}})
    env = scripted(lambda message: [frame], schema)
    assert env.action_space == space
    assert env.reset(seed=0)[0] == '{"a": 1, "b": "é"}'
    assert env.step(action)[4]["invalid_action"] is False
    assert env.server.messages[-1] == {"type": "step", "data": sent}
    assert env.step("no action")[4]["invalid_action"] or isinstance(space, UnicodeText)


def test_seeds_are_drawn_from_the_generator_where_none_is_given(scripted):
    env = scripted(after_reset([]))
    for _ in range(2):
        env.reset(seed=3)
        env.reset()
        env.reset()
    sent = [message["data"]["seed"] for message in env.server.messages]
    assert sent[:3] == sent[3:]
    assert len({*sent[:3]}) == 3
    same(*([("seed", seed) for seed in half] for half in (sent[:3], sent[3:])), "seeds")


def test_addresses_that_cannot_work(started):
    with pytest.raises(ConfigurationError, match="http"):
        connect("localhost:8000")
    with pytest.raises(ServerError, match="no answer at /schema"):
        connect("http://127.0.0.1:1")
    assert issubclass(RefusedError, ServerError)
    remote = connect(started(Misbehaving).url.replace("http", "ws"))
    assert len(episode(remote, 0, lambda env, rng: "win")) == 2
