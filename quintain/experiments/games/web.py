"""Web page on which a person plays a repeated game against an agent, then guesses whether it was a machine.

Served by the standard library's HTTP server; the page loads nothing from other hosts. There are no accounts and no
encryption, so run it on one machine or in a trusted network. Finished matches are appended to a JSON-lines file.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import secrets
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from quintain.agents.agent import Seat
from quintain.agents.registry import as_agent
from quintain.envs.games import RepeatedGame
from quintain.errors import ConfigurationError, QuintainError

__all__ = ["GameServer"]

# Maximum number of unfinished matches kept in memory; beyond it the oldest are dropped.
_MOST_MATCHES = 200
_MAX_REQUEST_BYTES = 10_000

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'self' 'unsafe-inline'"><title>A game</title>
<style>body{font:18px/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}
button{font:inherit;padding:.5rem 1.2rem;margin:.3rem}li{margin:.2rem 0}#rules{white-space:pre-line}</style>
<h1>A game for two</h1><p id="rules"></p><p id="status" role="status"></p><div id="options"></div><ol id="history"></ol>
<script>
let id = null;
const by = name => document.getElementById(name);
async function post(path, data) {
  const reply = await fetch(path, {method: "POST", headers: {"Content-Type": "application/json"},
                                   body: JSON.stringify(data)});
  const found = await reply.json();
  if (!reply.ok) { by("status").textContent = found.error; throw new Error(found.error); }
  return found;
}
function offer(buttons) {
  by("options").replaceChildren(...buttons.map(([name, act]) => {
    const button = document.createElement("button");
    button.textContent = name;
    button.onclick = () => { for (const b of by("options").children) b.disabled = true; act(); };
    return button;
  }));
}
function show(state) {
  by("rules").textContent = state.rules;
  by("history").replaceChildren(...state.history.map(text => {
    const item = document.createElement("li"); item.textContent = text; return item;
  }));
  if (state.over) {
    by("status").textContent = "You earned " + state.score + ". Who was the other player?";
    offer([["A human", () => guess("human")], ["A machine", () => guess("machine")]]);
  } else {
    by("status").textContent = "Round " + (state.history.length + 1) + ": what do you choose?";
    offer(state.options.map((name, k) => [name, async () => show(await post("/move", {id, option: k}))]));
  }
}
async function guess(who) {
  const reply = await post("/guess", {id, guess: who});
  by("status").textContent = "Thank you. It was " + reply.answer + ".";
  offer([]);
}
post("/start", {}).then(state => { id = state.id; show(state); });
</script></html>
"""


class GameServer:
    """HTTP server for matches of a two-player repeated game between a person and one agent.

    Use as a context manager to serve in a background thread, or call :meth:`serve` to block.

    Args:
        opponent: An agent, its name, or anything else that :func:`~quintain.agents.registry.as_agent` accepts. Default:
            ``"tit-for-tat"``.
        env: Keyword arguments of :class:`~quintain.envs.games.RepeatedGame`; its defaults if ``None``.
        seat: The person's seat, 0 or 1. Default: 0.
        out: File to which finished matches are appended, one JSON line each; ``None`` stores nothing.
        host: Address to listen on. The default is reachable from this machine only.
        port: TCP port; 0 selects a free one, which :attr:`url` shows. Default: 0.
        seed: Seed of the first match; match ``i`` gets ``seed + i``. Default: 0.
        opponent_is: The answer shown after the guess: ``"a machine"``, or ``"a human"`` if ``opponent`` is a person.
            Default: ``"a machine"``.

    Raises:
        ConfigurationError: If the game does not have two players, the seat is not 0 or 1, or the port is not available.
    """

    def __init__(
        self,
        opponent: Any = "tit-for-tat",
        *,
        env: Mapping[str, Any] | None = None,
        seat: int = 0,
        out: str | Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 0,
        opponent_is: str = "a machine",
    ) -> None:
        self._env = {**(env or {}), "view": "both"}
        if RepeatedGame(**self._env).game.players != 2 or seat not in (0, 1):
            raise ConfigurationError(f"GameServer needs a two-player game and seat 0 or 1, got seat {seat!r}")
        self._agent, self._seat, self._seed = as_agent(opponent), seat, seed
        self._out = Path(out) if out is not None else None
        self._answer = opponent_is
        self._matches: dict[str, _WebMatch] = {}
        self._lock = threading.Lock()
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(self))
        except (OSError, OverflowError) as error:
            raise ConfigurationError(
                f"cannot listen on {host}, port {port}: {error}; port 0 selects a free one"
            ) from error
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """URL of the page."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/"

    def serve(self) -> None:
        """Serve until interrupted."""
        self._server.serve_forever()

    def __enter__(self) -> GameServer:
        self._thread = threading.Thread(target=self.serve, daemon=True, name="quintain-games-page")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        if self._thread is not None:
            self._thread.join()

    def answer(self, path: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Handle one POST request of the page.

        Args:
            path: ``"/start"``, ``"/move"`` or ``"/guess"``.
            data: The decoded JSON body.

        Returns:
            The JSON body of the response: the state of the match, or after ``"/guess"`` the true answer.

        Raises:
            ConfigurationError: If the match is unknown, or the request is not valid in its present state.
        """
        with self._lock:
            if path == "/start":
                while len(self._matches) >= _MOST_MATCHES:
                    self._matches.pop(next(iter(self._matches)))
                key = secrets.token_urlsafe(12)
                self._matches[key] = _WebMatch(RepeatedGame(**self._env), self._agent, self._seat, self._seed)
                self._seed += 1
                return {"id": key, **self._matches[key].state()}
            match = self._matches.get(str(data.get("id")))
            if match is None:
                raise ConfigurationError("the server no longer holds this match; reload the page")
            if path == "/move":
                return match.move(data.get("option"))
            return self._guess(match, str(data.get("id")), data.get("guess"))

    def _guess(self, match: _WebMatch, key: str, guess: Any) -> dict[str, Any]:
        if not match.over or guess not in ("human", "machine"):
            raise ConfigurationError("a guess must be 'human' or 'machine', after the last round")
        del self._matches[key]
        if self._out is not None:
            line = {**match.result(), "guess": guess, "answer": self._answer}
            with self._out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        return {"answer": self._answer}


class _WebMatch:
    """One match between a person and the agent."""

    def __init__(self, game: RepeatedGame, agent: Any, seat: int, seed: int) -> None:
        self._game, self._seat = game, seat
        self._own, self._other = game.possible_agents[seat], game.possible_agents[1 - seat]
        self._seed = seed
        self._observations, self._infos = game.reset(seed=seed)
        spaces = game.observation_space(self._other), game.action_space(self._other)
        self._actor = agent.begin(Seat("RepeatedGame-v0", self._other, *spaces, seed))
        self._history: list[str] = []

    @property
    def over(self) -> bool:
        return not self._game.agents

    def move(self, option: Any) -> dict[str, Any]:
        if self.over or type(option) is not int or option not in range(self._game.game.shape[self._seat]):
            raise ConfigurationError("the option does not exist, or the match is over")
        chosen = self._actor.act(self._observations[self._other], self._infos[self._other])
        if inspect.isawaitable(chosen):
            chosen = asyncio.run(_wait(chosen))
        self._observations, _, _, _, self._infos = self._game.step({self._own: option, self._other: chosen})
        self._history = self._observations[self._own]["text"].splitlines()[self._rules_lines() : -1]
        return self.state()

    def state(self) -> dict[str, Any]:
        text = self._observations[self._own]["text"].splitlines()
        return {
            "rules": "\n".join(text[: self._rules_lines()]),
            "history": self._history,
            "options": list(self._game.game.options[self._seat]),
            "over": self.over,
            "score": self._game.totals[self._seat],
        }

    def result(self) -> dict[str, Any]:
        return {
            "game": self._game.game.name,
            "seed": self._seed,
            "seat": self._seat,
            "moves": [list(joint) for joint in self._game.history],
            "scores": self._game.totals,
        }

    def _rules_lines(self) -> int:
        return len(self._observations[self._own]["text"].splitlines()) - len(self._game.history) - 1


async def _wait(awaitable: Any) -> Any:
    return await awaitable


def _handler(server: GameServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/"
            self._send(200 if found else 404, _PAGE if found else "not found", "text/html; charset=utf-8")

        def do_POST(self) -> None:
            try:
                length = int(self.headers.get("Content-Length", "0"))
                if self.path not in ("/start", "/move", "/guess") or not 0 <= length <= _MAX_REQUEST_BYTES:
                    raise ConfigurationError("unknown path, or request too large")
                if (
                    self.headers.get_content_type() != "application/json"
                ):  # a cross-site HTML form cannot send this type
                    raise ConfigurationError("Content-Type must be application/json")
                data = json.loads(self.rfile.read(length))
                if not isinstance(data, dict):
                    raise ConfigurationError("the request body must be a JSON object")
                self._send(200, json.dumps(server.answer(self.path, data)), "application/json")
            except (QuintainError, ValueError, RecursionError) as error:
                self._send(400, json.dumps({"error": str(error)}), "application/json")

        def _send(self, status: int, text: str, kind: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Do not log requests."""

    return Handler
