"""The server on the wire: seeds, endings, secrets, failures, limits, and stopping."""

from __future__ import annotations

import json
import socket
import threading

import gymnasium as gym
import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

import quintain  # noqa: F401  # registers the environments
from quintain.envs.transcripts import equal
from quintain.errors import ConfigurationError
from quintain.seeding import episode_seeds
from quintain.serving import Server, ServerSettings
from quintain.serving.json_spaces import from_json, space_of

from .waiting import eventually
from .worlds import SECRET, Misbehaving, Numbers


def test_a_text_environment_gives_the_rewards_that_it_gives_here(started, client):
    server = started("CodeReason-v0", {"tasks": "letters"})
    remote = client(server)
    local = gym.make("CodeReason-v0", tasks="letters", disable_env_checker=True)
    for seed in range(20):
        text, info = local.reset(seed=seed)
        action = local.unwrapped.solution() if seed % 2 else "no answer"
        first, last = remote.play(seed, action)
        assert first["observation"] == {"text": text, "truncated": False}
        assert first["reward"] is None
        assert first["metadata"]["task_id"] == info["task_id"]
        _, reward, terminated, truncated, info = local.step(action)
        assert (last["reward"], last["done"]) == (reward, terminated or truncated)
        assert last["metadata"]["success"] is info["success"] is bool(seed % 2)
        assert last["metadata"]["reward_terms"] == info["reward_terms"]


def test_numbers_keep_their_types_and_shapes(started, client):
    remote = client(started(Numbers))
    schema = httpx.get(remote_url(remote) + "/schema").json()
    space = space_of(schema["observation"]["properties"]["value"])
    assert space == Numbers.observation_space
    first, last = remote.play(5, [0.25], field="value")
    local = Numbers()
    assert equal(from_json(space, first["observation"]["value"]), local.reset(seed=5)[0])
    assert equal(from_json(space, last["observation"]["value"]), local.step([0.25])[0])
    assert (last["reward"], last["done"], last["observation"]["truncated"]) == (0.25, True, True)
    assert last["metadata"]["truncated"]
    assert not last["metadata"]["terminated"]


def remote_url(remote) -> str:
    host, port = remote.socket.remote_address[:2]
    return f"http://{host}:{port}"


def test_one_seat_of_a_game_has_its_opponent_inside(started, client):
    remote = client(started("RepeatedGame-v0", {"rounds": 3, "opponent": "grim", "view": "flat"}))
    rewards = [data["reward"] for data in remote.play(0, 1, 1, 1, field="value")[1:]]
    local = gym.make("RepeatedGame-v0", rounds=3, opponent="grim", view="flat")
    local.reset(seed=0)
    assert rewards == [local.step(1)[1] for _ in range(3)]
    # A move that does not exist is an outcome of this environment, with its own penalty.
    remote.ask("reset", seed=0)
    illegal = remote.ask("step", value=7)["data"]
    assert illegal["metadata"]["invalid_action"]


def test_what_models_send_as_json_is_taken_as_text(started, client):
    remote = client(started(Misbehaving))
    for sent, seen in [("héllo \ud800", "héllo \ud800"), (42, "42"), ([1, 2], "[1, 2]"), (None, "null")]:
        assert remote.play(0, sent)[1]["observation"]["text"] == seen
    assert remote.ask("step", answer=3)["data"]["observation"]["text"] == '{"answer": 3}'
    assert remote.ask("step", text="a", metadata={})["data"]["observation"]["text"] == "a"


def test_secrets_stay_on_the_server(started, client, caplog):
    caplog.set_level("INFO", logger="quintain.serving")
    remote = client(started(Misbehaving))
    frames = [json.dumps(remote.ask("reset", seed=0))]
    frames += [json.dumps(remote.ask("step", text=text)) for text in ("a", "win", "win")]
    remote.ask("reset")
    frames += [json.dumps(remote.ask("step", text="raise")), json.dumps(remote.ask("reset", item=3))]
    assert not [frame for frame in frames if SECRET in frame or "expected" in frame or "solution" in frame]
    assert SECRET in caplog.text  # the operator sees what failed
    with pytest.raises(ConfigurationError, match="right answers"):
        ServerSettings(info=("expected",))
    shown = client(started(Misbehaving, info=("extra",))).play(0, "a")[1]["metadata"]
    assert shown["extra"] == 0.5


@pytest.mark.parametrize("action", ["raise", "nan", "lost"])
def test_a_failure_is_an_error_frame_and_never_a_reward(started, client, action):
    server = started(Misbehaving)
    remote = client(server)
    remote.ask("reset", seed=0)
    answer = remote.ask("step", text=action)
    assert answer["type"] == "error"
    assert answer["data"].keys() == {"message", "code"}
    assert answer["data"]["code"] == "EXECUTION_ERROR"
    assert SECRET not in answer["data"]["message"]
    assert remote.code("step", text="a") == "EXECUTION_ERROR"  # the episode is over
    assert remote.play(0, "win")[1]["reward"] == 1.0  # and the session is not
    assert server.app.metrics.value("errors_total", code="EXECUTION_ERROR") == 2


def test_a_backend_that_fails_in_a_reset_is_an_error_frame(started, client):
    remote = client(started(Misbehaving))
    assert remote.code("reset", item=4) == "EXECUTION_ERROR"
    assert remote.code("step", text="a") == "EXECUTION_ERROR"


def test_malformed_messages_are_answered_by_errors(started, client):
    remote = client(started(Misbehaving))
    assert remote.code("step", text="early") == "EXECUTION_ERROR"
    for raw, code in [
        ("{", "INVALID_JSON"), (b"\xff\xfe", "INVALID_JSON"), ("[" * 100_000, "INVALID_JSON"),
        ("[]", "UNKNOWN_TYPE"), ('{"type": "mcp"}', "UNKNOWN_TYPE"),
        ('{"type": "step", "data": 3}', "VALIDATION_ERROR"),
    ]:  # fmt: skip
        assert remote.ask_raw(raw)["data"]["code"] == code
    for data in ({"seed": -1}, {"seed": "1"}, {"seed": True}, {"episode_id": 3}, {"opponent": "os:system"}):
        assert remote.code("reset", **data) == "VALIDATION_ERROR"
    numbers = client(started(Numbers))
    numbers.ask("reset")
    for data in ({"value": [2.0]}, {"value": "x"}, {"value": [0.1, 0.2]}, {"action": 1}, {}):
        assert numbers.code("step", **data) == "VALIDATION_ERROR"
    assert numbers.ask("step", value=[1.0])["data"]["reward"] == 1.0  # nothing was executed before


def test_state_tells_the_episode_and_its_steps(started, client):
    remote = client(started(Misbehaving))
    remote.ask("reset", episode_id="mine")
    remote.ask("step", text="a")
    assert remote.ask("state") == {"type": "state", "data": {"episode_id": "mine", "step_count": 1}}


def test_sessions_are_limited_and_are_released_by_clients_that_vanish(started, client):
    server = started(Misbehaving, max_sessions=1)
    first = client(server)
    first.ask("reset")
    refused = client(server)
    assert refused.read()["data"]["code"] == "CAPACITY_REACHED"
    first.socket.socket.shutdown(socket.SHUT_RDWR)
    eventually(lambda: server.app.sessions == 0)
    assert client(server).ask("reset")["type"] == "observation"


def test_a_session_cannot_be_joined(started, client):
    server = started(Misbehaving)
    assert client(server, "/ws?session_id=1").read()["data"]["code"] == "SESSION_ERROR"
    one, two = client(server), client(server)
    one.ask("reset", seed=1)
    two.ask("reset", seed=1)
    assert one.ask("reset", seed=2) == two.ask("reset", seed=2)
    one.ask("step", text="a")
    assert two.ask("state")["data"]["step_count"] == 0


def test_a_lease_expires(started, client):
    server = started(Misbehaving, lease_s=0.05)
    remote = client(server)
    assert remote.read()["data"]["code"] == "SESSION_ERROR"
    with pytest.raises(ConnectionClosed):
        remote.read()
    eventually(lambda: server.app.sessions == 0)
    assert server.app.metrics.value("leases_expired_total") == 1


def test_a_step_that_hangs_ends_the_session_and_keeps_its_place_until_it_is_done(started, client):
    Misbehaving.release.clear()
    server = started(Misbehaving, step_timeout_s=0.1, max_sessions=2)
    remote = client(server)
    remote.ask("reset")
    assert "took longer" in remote.ask("step", text="wait")["data"]["message"]
    with pytest.raises(ConnectionClosed):
        remote.read()
    assert server.app.sessions == 1
    assert client(server).ask("reset")["type"] == "observation"
    Misbehaving.release.set()
    eventually(lambda: server.app.sessions == 1)


def test_an_environment_that_is_made_too_late_is_closed(started, client):
    release, closed = threading.Event(), threading.Event()

    class Late(Misbehaving):
        def __init__(self):
            super().__init__()
            release.wait(20)

        def close(self):
            closed.set()

    made = iter([Misbehaving, Late])
    server = started(lambda: next(made)(), step_timeout_s=0.05)
    assert client(server).read()["data"]["code"] == "FACTORY_ERROR"
    assert server.app.sessions == 1
    release.set()
    eventually(lambda: server.app.sessions == 0)
    assert closed.is_set()


def test_messages_that_are_too_large_close_the_session(started, client):
    server = started(Misbehaving, max_message_mb=0.01)
    remote = client(server)
    remote.ask("reset")
    with pytest.raises(ConnectionClosed):
        remote.ask("step", text="a" * 20_000)
    assert httpx.post(f"{server.url}/Misbehaving/tasks", content=b"x" * 70_000).status_code == 413


def test_the_token_and_pages_of_browsers(started, client):
    server = started(Misbehaving, auth_token="secret-token-1")
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "secret-token-1"}):
        with pytest.raises(InvalidStatus, match="401"):
            client(server, **headers)
        assert httpx.get(f"{server.url}/schema", headers=headers).status_code == 401
        assert httpx.get(f"{server.url}/health", headers=headers).status_code == 200
    right = {"Authorization": "Bearer secret-token-1"}
    assert client(server, **right).ask("reset")["type"] == "observation"
    assert httpx.get(f"{server.url}/metrics", headers=right).status_code == 200
    with pytest.raises(InvalidStatus, match="403"):
        client(server, **right, Origin="http://evil.example")


def test_a_token_is_ascii_and_is_not_shown():
    for token in ("пароль-сервера", "clé-du-serveur"):
        with pytest.raises(ConfigurationError, match="auth_token must be ASCII") as error:
            ServerSettings(auth_token=token)
        assert token not in str(error.value)
    assert "secret-token-1" not in repr(ServerSettings(auth_token="secret-token-1"))


def test_other_machines_need_a_token():
    with pytest.raises(ConfigurationError, match="QUINTAIN_SERVE_TOKEN"):
        ServerSettings(host="0.0.0.0")
    assert ServerSettings(host="0.0.0.0", auth_token="x").host == "0.0.0.0"
    assert ServerSettings(host="::1").port == 8000


@pytest.mark.parametrize(
    "wrong", [{"port": 70000}, {"max_sessions": 0}, {"lease_s": 0}, {"drain_s": -1}, {"tasks": -1}]
)
def test_settings_are_checked(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        ServerSettings(**wrong)


def test_http_tells_health_schemas_tasks_and_metrics(started, client):
    server = started("CodeReason-v0", {"tasks": "letters", "split": "train"}, tasks=5, seed=3)
    get, post = (lambda path: httpx.get(server.url + path)), (lambda path, **j: httpx.post(server.url + path, json=j))
    assert get("/health").json() == {"status": "healthy"}
    assert get("/metadata").json()["name"] == "CodeReason-v0"
    schema = get("/schema").json()
    assert schema["action"]["required"] == ["text"]
    assert get("/list_environments").json() == ["CodeReason-v0"]
    assert get("/CodeReason-v0/splits").json() == [{"name": "train", "type": "train"}]
    assert post("/CodeReason-v0/num_tasks", split="train").json() == {"num_tasks": 5}
    tasks = post("/CodeReason-v0/task_range", split="train", start=1, stop=None).json()["tasks"]
    assert [task["seed"] for task in tasks] == [episode_seeds(3)[i] for i in range(1, 5)]
    assert client(server).ask("reset", **tasks[0])["type"] == "observation"
    assert post("/CodeReason-v0/task", split="train", index=9).status_code == 400
    assert post("/CodeReason-v0/tasks", split="test").status_code == 400
    assert get("/nothing").status_code == 404
    assert "quintain_resets_total 1\n" in get("/metrics").text


def test_items_of_a_data_set_are_tasks(started, client):
    rows = [{"question": f"{i}?", "answer": str(i)} for i in range(4)]
    server = started("QuestionAnswering-v0", {"tasks": rows})
    url = f"{server.url}/QuestionAnswering-v0"
    assert httpx.post(f"{url}/num_tasks", json={"split": "test"}).json() == {"num_tasks": 4}
    task = httpx.post(f"{url}/task", json={"split": "test", "index": 2}).json()["task"]
    remote = client(server)
    assert "2?" in remote.ask("reset", **task)["data"]["observation"]["text"]
    last = remote.ask("step", text="2")["data"]
    assert last["reward"] == 1.0
    assert "expected" not in json.dumps(last)


def test_stopping_lets_episodes_finish_and_ends_idle_sessions(client, stack):
    server = stack.enter_context(Server(Misbehaving, None, ServerSettings(port=0, drain_s=20)))
    playing, idle = client(server), client(server)
    playing.ask("reset")
    idle.ask("state")
    server._server.should_exit = True
    with pytest.raises(ConnectionClosed):
        idle.read()
    assert httpx.get(f"{server.url}/health").status_code == 503
    assert client(server).read()["data"]["code"] == "CAPACITY_REACHED"
    assert playing.ask("step", text="a")["data"]["reward"] == 1.0
    assert playing.ask("step", text="win")["data"]["done"]
    with pytest.raises(ConnectionClosed):
        playing.read()
    server.stop()
    assert server.app.sessions == 0


def test_an_environment_that_cannot_be_made_fails_before_the_server_starts(started, client):
    with pytest.raises(RuntimeError):
        started(Misbehaving, {"fails": True})
    made = iter([Misbehaving()])
    remote = client(started(lambda: next(made)))
    assert remote.read()["data"]["code"] == "FACTORY_ERROR"


def test_a_port_in_use_is_a_configuration_error(started):
    port = int(started(Misbehaving).url.rpartition(":")[2])
    with pytest.raises(ConfigurationError, match="port in use"):
        started(Misbehaving, port=port)
