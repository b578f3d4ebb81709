"""Engines for the contract suite: a tiny random model, SmolLM2, and a local HTTP server with fault injection."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from fake_server import FakeServer, scripted_reply

from quintain.engines import Engine, ReplayEngine, Reply, Request, ScriptedEngine, make_engine
from quintain.records import EpisodeRecord
from tests.engines.openai_client import KEY, REQUEST

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


@pytest.fixture
def engine(tiny_folder: str) -> Iterator[Any]:
    """An engine of its own for each test, with batches of four."""
    made = make_engine("transformers", model=tiny_folder, max_batch=4, prefix_rows=4)
    yield made
    made.close()


@pytest.fixture
def ask(fake_server: Any) -> Iterator[Callable[..., Any]]:
    """Return a function that sends one request; options go to the engine."""
    engines = []

    def run(request: Request = REQUEST, **options: Any) -> Any:
        options = {"backoff_s": 0.01, "timeout_s": 0.3, "api_key": KEY, **options}
        engine = make_engine(f"openai:model-x@{fake_server.url}", **options)
        engines.append(engine)
        return asyncio.run(engine.generate([request]))[0]

    yield run
    for engine in engines:
        engine.close()


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
    """An engine under test. Requests go through :meth:`ask`, which records them first for the replay engine."""

    def __init__(self, name: str, engine: Engine, recorder: Engine | None = None, folder: Any = None) -> None:
        self.name = name
        self.engine = engine
        self._recorder = recorder
        self._folder = folder

    def can(self, capability: str) -> bool:
        """Return whether requests may use ``capability``; a replay has those of the engine it was recorded with."""
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
    """Write a run folder with one episode that has these model calls."""
    calls = [
        {"key": request.key, "replies": [reply.to_dict() for reply in batch]}
        for request, batch in zip(requests, replies, strict=True)
    ]
    (folder / "episodes.jsonl").write_text(EpisodeRecord(0, 0, "finished", {}, calls=calls).to_line() + "\n")


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
