"""``quintain serve``: from the command to a server that answers and stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import httpx
import pytest

pytest.importorskip("uvicorn")


def test_the_command_serves_until_it_is_stopped(tmp_path):
    words = [sys.executable, "-m", "quintain.cli", "serve", "RepeatedGame-v0", "--env-arg", "rounds=2", "--port", "0"]
    path = os.pathsep.join(filter(None, (os.getcwd(), os.environ.get("PYTHONPATH", ""))))
    with subprocess.Popen(
        words, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        try:
            assert process.stderr is not None
            event = json.loads(process.stderr.readline())
            assert event["event"] == "listening"
            assert httpx.get(f"{event['url']}/health").json() == {"status": "healthy"}
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.kill()


@pytest.fixture
def served(monkeypatch):
    calls = []
    monkeypatch.setattr("quintain.serving.serve", lambda *arguments: calls.append(arguments))
    return calls


def test_options_become_settings(quintain, served, monkeypatch):
    monkeypatch.setenv("QUINTAIN_SERVE_TOKEN", "a-token-of-mine")
    result = quintain(
        "serve", "CodeReason-v0", "--env-arg", "tasks=letters", "--host", "0.0.0.0", "--lease", 5, "--info", "detail2",
        "--allow-option", "task_id",
    )  # fmt: skip
    assert result.code == 0, result.text
    ((env, kwargs, settings),) = served
    assert (env, kwargs) == ("CodeReason-v0", {"tasks": "letters"})
    assert (settings.host, settings.lease_s, settings.auth_token) == ("0.0.0.0", 5.0, "a-token-of-mine")
    assert (settings.info, settings.options) == (("detail2",), ("task_id",))


def test_a_function_makes_the_environment(quintain, served, tmp_path, monkeypatch):
    (tmp_path / "mine_for_serve.py").write_text("def attacked():\n    return 3\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert quintain("serve", "mine_for_serve:attacked").code == 0
    assert served[0][0]() == 3


def test_mistakes_are_messages(quintain, monkeypatch):
    monkeypatch.delenv("QUINTAIN_SERVE_TOKEN", raising=False)
    assert "QUINTAIN_SERVE_TOKEN" in quintain("serve", "CodeReason-v0", "--host", "0.0.0.0").text
    assert "did you mean" in quintain("serve", "CodeReson-v0", "--port", 0).text
