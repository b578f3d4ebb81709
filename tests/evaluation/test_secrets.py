"""Secrets do not appear in files of a run or in messages, in any encoding."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import quintain
from quintain.engines import Reply, Request, ScriptedEngine, make_engine
from quintain.evaluation.html import write_report
from quintain.redaction import add_secret, redact, redact_settings

SECRET = 'sk-PLANTED/4242"<é>'
ASCII = "sk-PLANTED-4242+/=a"

#: Encodings in which a server, a library or a file may show the secret.
FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "repr": repr,
    "bytes": lambda text: repr(text.encode()),
    "json": json.dumps,
    "json in json": lambda text: json.dumps(json.dumps(text)),
    "percent": lambda text: urllib.parse.quote(text, safe=""),
    "form": urllib.parse.quote_plus,
    "newline": lambda text: repr(f"Bearer {text}\n".encode()),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of a login": lambda text: base64.b64encode(f"bob:{text}".encode()).decode(),
    "base64 of a longer login": lambda text: base64.b64encode(f"alice:{text}".encode()).decode(),
}


@pytest.mark.parametrize("secret", [SECRET, ASCII])
@pytest.mark.parametrize("form", FORMS)
def test_a_known_secret_is_masked_in_every_encoding(form: str, secret: str) -> None:
    add_secret(f"{secret}\n")
    shown = redact(f"error: {FORMS[form](secret)}.")
    assert "***" in shown
    for part in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], urllib.parse.quote(secret, safe="")):
        assert part not in shown
    assert base64.b64encode(secret.encode()).decode()[4:-4] not in shown


def test_ordinary_words_are_not_masked() -> None:
    for key in ("EMPTY", "none", "x"):
        add_secret(key)
    kept = {"max_tokens": "many", "token_field": "max_completion_tokens", "keyboard": "qwerty-long", "x": "EMPTY none"}
    assert redact_settings(kept) == kept
    assert redact("the list is EMPTY, see https://host/v1?page=2") == "the list is EMPTY, see https://host/v1?page=2"


def planted(server: Any, how: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return an engine's description that contains the secret in one of the supported ways."""
    name = {"name": f"openai:m@{server.url}", "attempts": 1}
    host = server.url.partition("://")[2]
    if how == "environment":
        monkeypatch.setenv("OPENAI_API_KEY", f"{ASCII}\n")
    elif how == "another variable":
        monkeypatch.setenv("OTHER_API_KEY", ASCII)
    elif how == "option":
        name["api_key"] = ASCII
    elif how == "extra_body":
        name["extra_body"] = {"provider": {"api_key": ASCII, "order": ["a"]}}
    elif how == "header in extra_body":
        name["extra_body"] = {"headers": {"Authorization": f"Bearer {ASCII}", "x-api-key": ASCII}}
    elif how == "URL":
        name["name"] = "openai:m"
        name["base_url"] = f"http://bob:{urllib.parse.quote(ASCII, safe='')}@{host}"
    else:
        name["name"] = f"openai:m@http://bob:{urllib.parse.quote(ASCII, safe='')}@{host}"
    return name


WAYS = ["environment", "another variable", "option", "extra_body", "header in extra_body", "URL", "name"]


@pytest.mark.parametrize("executor", ["inline", "process"])
@pytest.mark.parametrize("how", WAYS)
def test_a_planted_secret_is_in_no_file_and_no_message(
    how: str, executor: str, fake_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    if executor == "process" and how not in ("environment", "URL"):
        pytest.skip("processes are slow to start; two ways show that they know the secrets too")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    coded = base64.b64encode(f"bob:{ASCII}".encode()).decode()
    leak = f"you sent {ASCII} as {urllib.parse.quote(ASCII, safe='')} and {coded}; so <<<1>>>"

    def reply(request: Request) -> Reply:
        return Reply(leak)

    def refuse(handler: Any) -> None:
        data = json.dumps({"error": {"message": leak}}).encode()
        handler.send_response(401)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    fake_server.engine = ScriptedEngine(reply)
    fake_server.faults = [refuse]  # the first episode is an error, the second one finishes
    engine = planted(fake_server, how, monkeypatch)
    report = quintain.evaluate(
        "CodeReason-v0", {"name": "all-text", "engine": engine}, episodes=2, out=tmp_path, executor=executor,
        env_kwargs={"tasks": "chain_sum"}, progress=False,
    )  # fmt: skip
    write_report(report)
    assert report.errors == 1
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert {"run.json", "episodes.jsonl", "report.html"} <= written.keys()
    assert "you sent ***" in written["episodes.jsonl"]
    written |= {"terminal": "".join(capsys.readouterr()), "report": repr(report.episodes) + repr(report.manifest)}
    for form in (ASCII, urllib.parse.quote(ASCII, safe=""), coded):
        assert [name for name, text in written.items() if form in text] == []


def test_credentials_in_a_url_are_sent_as_a_header(fake_server: Any) -> None:
    host = fake_server.url.partition("://")[2]
    engine = make_engine(f"openai:m@http://bob:p%40ss@{host}", api_key="")
    quintain.evaluate("CodeReason-v0", {"name": "all-text", "engine": engine}, episodes=1, progress=False)
    engine.close()
    assert fake_server.headers[-1]["Authorization"] == "Basic " + base64.b64encode(b"bob:p@ss").decode()
