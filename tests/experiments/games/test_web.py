"""The web page for human players: over HTTP, and in a headless browser if one is installed."""

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from quintain.agents.games import LLMPlayer
from quintain.agents.human import HumanAgent
from quintain.engines.engine import Reply
from quintain.engines.scripted import ScriptedEngine
from quintain.envs.games import RepeatedGame
from quintain.errors import ConfigurationError
from quintain.evaluation import play
from quintain.experiments.games.web import GameServer


def post(server, path, data, kind="application/json"):
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    request = urllib.request.Request(server.url.rstrip("/") + path, body, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)


def test_a_match_can_be_played_over_http(tmp_path):
    with GameServer("tit-for-tat", env={"rounds": 3}, out=tmp_path / "people.jsonl") as server:
        state = post(server, "/start", {})
        assert "There are 3 rounds." in state["rules"]
        key = state["id"]
        for option in (1, 1, 0):
            state = post(server, "/move", {"id": key, "option": option})
        assert state["over"]
        assert state["score"] == 15
        assert len(state["history"]) == 3
        assert post(server, "/guess", {"id": key, "guess": "human"}) == {"answer": "a machine"}
    (line,) = (tmp_path / "people.jsonl").read_text().splitlines()
    assert json.loads(line)["moves"] == [[1, 0], [1, 1], [0, 1]]
    assert json.loads(line)["guess"] == "human"


def test_the_opponents_move_is_hidden_until_both_have_chosen():
    with GameServer("always-defect", env={"rounds": 2}) as server:
        assert "chose" not in json.dumps(post(server, "/start", {})["history"])


def test_a_language_model_can_be_the_opponent():
    engine = ScriptedEngine(lambda r: Reply(r.choices[-1], "choice", completion_tokens=1))
    with GameServer(LLMPlayer(engine, order="first"), env={"rounds": 1}, seat=1) as server:
        key = post(server, "/start", {})["id"]
        assert "the other player chose defect" in post(server, "/move", {"id": key, "option": 0})["history"][0]


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/move", {"id": "unknown", "option": 0}),
        ("/move", {"id": "KEY", "option": 7}),
        ("/move", {"id": "KEY", "option": "0"}),
        ("/guess", {"id": "KEY", "guess": "human"}),
        ("/other", {}),
        ("/start", b"[1"),
        ("/start", b"[]"),
        ("/start", b"1" * 20_000),
    ],
)
def test_invalid_requests_are_refused_and_change_nothing(path, data):
    with GameServer(env={"rounds": 2}) as server:
        key = post(server, "/start", {})["id"]
        if isinstance(data, dict) and data.get("id") == "KEY":
            data = data | {"id": key}
        with pytest.raises(urllib.error.HTTPError) as caught:
            post(server, path, data)
        assert caught.value.code == 400
        assert len(post(server, "/move", {"id": key, "option": 0})["history"]) == 1


def test_cross_site_forms_are_refused():
    with GameServer() as server, pytest.raises(urllib.error.HTTPError):
        post(server, "/start", {}, kind="text/plain")


def test_games_for_more_than_two_are_refused():
    with pytest.raises(ConfigurationError):
        GameServer(env={"game": "public_goods"})


def test_a_human_can_play_in_the_terminal():
    lines, shown = iter(["7", "1", "0"]), []
    human = HumanAgent(read=lambda prompt: next(lines), write=shown.append)
    env = RepeatedGame(rounds=2, view="both")
    assert play(env, {"player_0": human, "player_1": "tit-for-tat"}).errors == 0
    assert env.history == [(1, 0), (0, 1)]
    assert any("enter a number" in text for text in shown)


class Browser:
    """Headless Chromium over its debugging pipe: JSON messages ended by a zero byte, on descriptors 3 and 4."""

    def __init__(self, path, profile):
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()

        def wire():
            os.dup2(to_read, 3)
            os.dup2(to_write, 4)

        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"]
        high = [os.dup(fd) if fd in (3, 4) else fd for fd in (to_read, to_write)]
        to_read, to_write = high
        self._process = subprocess.Popen(
            [path, *flags, f"--user-data-dir={profile}", "about:blank"], preexec_fn=wire, close_fds=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._number, self._buffer, self._session = 0, b"", None

    def call(self, method, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._buffer:
                self._buffer += os.read(self._read, 65536)
            text, _, self._buffer = self._buffer.partition(b"\0")
            reply = json.loads(text)
            if reply.get("id") == self._number:
                return reply["result"]

    def open(self, url):
        target = self.call("Target.createTarget", url=url)["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def wait_for(self, expression, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.call("Runtime.evaluate", expression=expression)["result"].get("value")
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"never true: {expression}")

    def close(self):
        self._process.kill()
        self._process.wait()


@pytest.fixture
def browser(tmp_path):
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine; run: apt-get install chromium")
    made = Browser(path, tmp_path / "profile")
    yield made
    made.close()


def click(browser, number):
    browser.call("Runtime.evaluate", expression=f"document.querySelectorAll('#options button')[{number}].click()")


def test_a_human_can_play_guess_and_play_again_in_a_browser(browser, tmp_path):
    status = "document.getElementById('status').textContent"
    options = {"out": tmp_path / "people.jsonl", "consent": "We record your choices.", "order": "reversed"}
    with GameServer("tit-for-tat", env={"rounds": 2}, **options) as server:
        browser.open(server.url)
        browser.wait_for("document.getElementById('consent').textContent == 'We record your choices.'")
        assert browser.wait_for("document.getElementById('game').hidden") is True
        browser.call("Runtime.evaluate", expression="document.getElementById('agree').click()")
        for number in (1, 2):
            browser.wait_for(f"{status} == 'Round {number} of 2: what do you choose?'")
            click(browser, 0)  # defect, which stands first
        browser.wait_for(f"{status}.startsWith('You earned 15')")
        assert browser.wait_for("document.querySelectorAll('#history li').length") == 2
        cells = browser.wait_for("[...document.querySelectorAll('#payoffs td')].map(e => e.textContent).join(';')")
        assert cells == "10, 0;5, 5;8, 8;0, 10"
        assert browser.wait_for("document.getElementById('score').textContent") == "You 15The other player 5"
        assert browser.wait_for("document.getElementById('progress').value") == 2
        click(browser, 1)
        browser.wait_for(f"{status} == 'Thank you. It was a machine.'")
        click(browser, 0)  # play again
        for number in (1, 2):
            browser.wait_for(f"{status} == 'Round {number} of 2: what do you choose?'")
            click(browser, 1)
        browser.wait_for(f"{status}.startsWith('You earned 16')")
        click(browser, 0)
        browser.wait_for(f"{status} == 'Thank you. It was a machine.'")
    lines = [json.loads(line) for line in (tmp_path / "people.jsonl").read_text().splitlines()]
    assert [line["guess"] for line in lines] == ["machine", "human"]
    assert [line["match"] for line in lines] == [0, 1]
    assert len({line["participant"] for line in lines}) == 1
