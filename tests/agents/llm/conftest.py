"""Engines for the contract suite: a tiny random model, the embedded one, and a local HTTP server that can misbehave."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from quintain.agents.llm import Engine, ReplayEngine, Reply, Request, ScriptedEngine, make_engine

TEMPLATE = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}<assistant>"
SENTENCES = [
    "the quick brown fox jumps over the lazy dog",
    "a model reads tokens, writes tokens and stops",
    "count 1 2 3 4 5 and say yes or no",
    "user asks and assistant answers in one line",
]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A random Llama of two layers with a small byte-level tokenizer, saved as a model folder."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    import tokenizers

    torch.set_num_threads(1)
    torch.manual_seed(0)
    raw = tokenizers.ByteLevelBPETokenizer()
    raw.train_from_iterator(SENTENCES, vocab_size=400, special_tokens=["<end>"], show_progress=False)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=raw._tokenizer, eos_token="<end>")
    tokenizer.chat_template = TEMPLATE
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        eos_token_id=tokenizer.eos_token_id,
        initializer_range=0.3,  # wide, so that the next-token distribution is far from uniform
    )
    folder = tmp_path_factory.mktemp("tiny")
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def tiny_engine(tiny_folder: str) -> Iterator[Engine]:
    engine = make_engine("transformers", model=tiny_folder, max_batch=8)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def smol_engine() -> Iterator[Engine]:
    pytest.importorskip("torch")
    engine = make_engine("transformers")
    yield engine
    engine.close()


def scripted_reply(request: Request) -> str | list[str]:
    if request.choices is not None:
        return [request.choices[((request.seed or 0) + i) % len(request.choices)] for i in range(request.n)]
    return [f"one two three\nfour five six {(request.seed or 0) + i}" for i in range(request.n)]


class FakeServer:
    """An OpenAI-compatible server over an engine, on a real socket.

    ``faults`` is a queue of misbehaviours, one per request, served before any honest answer: an HTTP status with
    headers and body, or a function of the handler.
    """

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.faults: list[Callable[[BaseHTTPRequestHandler], None]] = []
        self.seen: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.ignores: set[str] = set()  # request fields that the server pretends not to know
        self.owner: str | None = None  # of the listed model; None for a server that lists none
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
                if server.owner is None or self.path != "/v1/models":
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
        told = {f"token_id:{label}": float(logprobs[label]) for label in labels}
        return {"index": 0, "text": "", "finish_reason": "length", "logprobs": {"top_logprobs": [told]}}

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


@pytest.fixture
def fake_server() -> Iterator[FakeServer]:
    """A server over a scripted engine."""
    server = FakeServer(ScriptedEngine(scripted_reply))
    yield server
    server.close()


@pytest.fixture(scope="session")
def tiny_server(tiny_engine: Engine) -> Iterator[FakeServer]:
    server = FakeServer(tiny_engine)
    yield server
    server.close()


@pytest.fixture(scope="session")
def vllm_engine() -> Iterator[Engine]:
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("vllm is not installed")
    engine = make_engine("vllm", max_model_len=1024)
    yield engine
    engine.close()


ENGINES = [
    "scripted",
    "replay",
    "tiny",
    "openai",
    pytest.param("smollm2", marks=pytest.mark.llm),
    pytest.param("vllm", marks=[pytest.mark.llm, pytest.mark.slow]),
    pytest.param("vllm-server", marks=[pytest.mark.llm, pytest.mark.slow]),
]


class Subject:
    """An engine under the contract. Tests ask through it, so that a replay can be recorded first."""

    def __init__(self, name: str, engine: Engine, recorder: Engine | None = None, folder: Any = None) -> None:
        self.name = name
        self.engine = engine
        self._recorder = recorder
        self._folder = folder

    def can(self, capability: str) -> bool:
        """Whether requests may ask for ``capability``; a replay can do what was recorded."""
        return capability in (self._recorder or self.engine).capabilities

    async def ask(self, requests: Sequence[Request]) -> list[list[Reply]]:
        if self._recorder is not None:
            replies = await self._recorder.generate(requests)
            write_run(self._folder, requests, replies)
            self.engine = ReplayEngine(self._folder)
        return await self.engine.generate(requests)

    def run(self, *requests: Request) -> list[list[Reply]]:
        return asyncio.run(self.ask(requests))


def write_run(folder: Any, requests: Sequence[Request], replies: Sequence[Sequence[Reply]]) -> None:
    """Write a run folder of one episode that made these calls."""
    calls = [
        {"key": request.key, "replies": [reply.to_dict() for reply in batch]}
        for request, batch in zip(requests, replies, strict=True)
    ]
    (folder / "episodes.jsonl").write_text(json.dumps({"episode": 0, "calls": calls}) + "\n")


@pytest.fixture(params=ENGINES)
def subject(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Subject]:
    name = request.param
    if name == "scripted":
        yield Subject(name, ScriptedEngine(scripted_reply))
    elif name == "replay":
        scripted = ScriptedEngine(scripted_reply)
        write_run(tmp_path, [Request(prompt="x")], [[Reply("y")]])
        yield Subject(name, ReplayEngine(tmp_path), scripted, tmp_path)
    elif name == "tiny":
        yield Subject(name, request.getfixturevalue("tiny_engine"))
    elif name == "smollm2":
        yield Subject(name, request.getfixturevalue("smol_engine"))
    elif name == "vllm":
        yield Subject(name, request.getfixturevalue("vllm_engine"))
    elif name == "vllm-server":  # scripts/test_vllm.sh starts one
        url = os.environ.get("QUINTAIN_VLLM_SERVER")
        if not url:
            pytest.skip("QUINTAIN_VLLM_SERVER is not set")
        engine = make_engine(f"openai:smol@{url}", dialect="vllm")
        yield Subject(name, engine)
        engine.close()
    else:
        server = request.getfixturevalue("tiny_server")
        engine = make_engine(f"openai:tiny@{server.url}", dialect="vllm", backoff_s=0.01)
        yield Subject(name, engine)
        engine.close()
