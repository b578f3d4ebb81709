"""An OpenAI-compatible HTTP server on a real socket, with fault injection; an engine generates the replies."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from quintain.engines import Reply, Request


def scripted_reply(request: Request) -> str | list[str]:
    if request.choices is not None:
        return [request.choices[((request.seed or 0) + i) % len(request.choices)] for i in range(request.n)]
    return [f"one two three\nfour five six {(request.seed or 0) + i}" for i in range(request.n)]


class FakeServer:
    """An OpenAI-compatible server whose replies an engine generates.

    ``faults`` is a queue of functions of the handler, each of which answers one request in place of the engine.
    """

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.faults: list[Callable[[BaseHTTPRequestHandler], None]] = []
        self.seen: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.ignores: set[str] = set()  # request fields that the server pretends not to know
        self.owner: str | None = None  # of the listed model; None for a server that lists none
        self.list_status = 200  # of the list of models
        self.edit: Callable[[dict[str, Any]], Any] = lambda answer: answer
        self.live = self.peak = 0
        self.delay_s = 0.0
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server._lock:
                    server.seen.append({"path": self.path, **body})
                    server.headers.append(dict(self.headers))
                    fault = server.faults.pop(0) if server.faults else None
                    server.live += 1
                    server.peak = max(server.peak, server.live)
                try:
                    if server.delay_s:
                        time.sleep(server.delay_s)
                    if fault is not None:
                        fault(self)
                    else:
                        send(self, 200, json.dumps(server.edit(server.answer(self.path, body))))
                finally:
                    with server._lock:
                        server.live -= 1

            def do_GET(self) -> None:
                if server.list_status != 200:
                    send(self, server.list_status, "{}")
                elif server.owner is None or self.path != "/v1/models":
                    send(self, 404, "{}")
                else:
                    send(self, 200, json.dumps({"data": [{"id": "tiny", "owned_by": server.owner}]}))

            def log_message(self, *args: Any) -> None:
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        body = {name: value for name, value in body.items() if name not in self.ignores}
        if path.endswith("/tokenize"):
            return {"tokens": self.tokenize(body)}
        if "logprob_token_ids" in body:
            return {"choices": [self.labelled(body["prompt"], body["logprob_token_ids"])]}
        if "prompt_logprobs" in body:
            return {"choices": [self.scored(i, tokens) for i, tokens in enumerate(body["prompt"])]}
        chat = path.endswith("/chat/completions")
        messages = body.get("messages") or []
        prefill = ""
        if chat and body.get("continue_final_message"):
            prefill = messages[-1]["content"]
            messages = messages[:-1]
        structured = body.get("structured_outputs") or {}
        request = Request(
            messages=messages if chat else None,
            prompt=None if chat else self.text(body["prompt"]),
            n=body.get("n", 1),
            max_tokens=body.get("max_tokens", 16),
            temperature=body.get("temperature", 1.0),
            top_p=body.get("top_p", 1.0),
            stop=tuple(body.get("stop") or ()),
            seed=body.get("seed"),
            logprobs=bool(body.get("logprobs")) and "logprobs" in self.engine.capabilities,
            top_logprobs=body.get("top_logprobs", 0) if "top_logprobs" in self.engine.capabilities else 0,
            choices=tuple(structured["choice"]) if "choice" in structured else None,
            prefill=prefill,
        )
        replies = asyncio.run(self.engine.generate([request]))[0]
        return {
            "id": "fake-1",
            "object": "chat.completion" if chat else "text_completion",
            "model": body["model"],
            "choices": [self.choice(i, reply, chat) for i, reply in enumerate(replies)],
            "usage": {
                "prompt_tokens": replies[0].prompt_tokens,
                "completion_tokens": sum(r.completion_tokens for r in replies),
            },
        }

    def text(self, prompt: str | list[int]) -> str:
        return prompt if isinstance(prompt, str) else str(self.engine.tokenizer.decode(prompt))

    def tokenize(self, body: dict[str, Any]) -> list[int]:
        tokenizer = self.engine.tokenizer
        if "prompt" in body:
            return list(tokenizer(body["prompt"])["input_ids"])
        continued = body.get("continue_final_message", False)
        messages = body["messages"][:-1] if continued else body["messages"]
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        text += body["messages"][-1]["content"] if continued else ""
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    def scored(self, index: int, tokens: list[int]) -> dict[str, Any]:
        import torch

        with self.engine.exclusive(), torch.inference_mode():
            logprobs = self.engine.model(torch.tensor([tokens])).logits[0].log_softmax(-1)
        rows = [None] + [{str(t): {"logprob": float(logprobs[i, t]), "rank": 1}} for i, t in enumerate(tokens[1:])]
        return {"index": index, "text": "", "finish_reason": "length", "prompt_logprobs": rows}

    def labelled(self, prompt: list[int], labels: list[int]) -> dict[str, Any]:
        import torch

        with self.engine.exclusive(), torch.inference_mode():
            logprobs = self.engine.model(torch.tensor([prompt])).logits[0, -1].log_softmax(-1)
        top = {f"token_id:{label}": float(logprobs[label]) for label in labels}
        return {"index": 0, "text": "", "finish_reason": "length", "logprobs": {"top_logprobs": [top]}}

    def choice(self, index: int, reply: Reply, chat: bool) -> dict[str, Any]:
        finish = "length" if reply.finish_reason == "length" else "stop"
        tokens = [f"token_id:{t}" for t in reply.token_ids or ()]
        logprobs: dict[str, Any] | None = None
        if reply.top_logprobs is not None:
            tops = [[{"token": text, "logprob": p} for text, p in place] for place in reply.top_logprobs]
            logprobs = {"content": [{**top[0], "top_logprobs": top} for top in tops]}
        elif reply.logprobs is not None and chat:
            pairs = zip(tokens, reply.logprobs, strict=True)
            logprobs = {"content": [{"token": t, "logprob": p, "top_logprobs": []} for t, p in pairs]}
        elif reply.logprobs is not None:
            logprobs = {"tokens": tokens, "token_logprobs": list(reply.logprobs)}
        body = {"message": {"role": "assistant", "content": reply.text}} if chat else {"text": reply.text}
        return {"index": index, **body, "finish_reason": finish, "stop_reason": reply.stop_string, "logprobs": logprobs}


def send(handler: BaseHTTPRequestHandler, status: int, body: str, **headers: str) -> None:
    data = body.encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(data)
