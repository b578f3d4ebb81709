"""The worker thread of the vLLM engine, with a fake vLLM: failures of one request do not affect others."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from quintain.engines import Request
from quintain.errors import EngineError

pytest.importorskip("transformers")


class FakeVLLM:
    """Replies to every request at the next step; raises ``ValueError`` or ``RuntimeError`` at high temperatures."""

    def __init__(self, **arguments: Any) -> None:
        self.llm_engine = self.engine_core = self
        self.live: dict[str, Any] = {}
        self.aborted: list[str] = []

    def add_request(self, name: str, prompt: Any, params: Any) -> None:
        if params.temperature > 100:
            raise ValueError("too hot")
        if params.temperature > 50:
            raise RuntimeError("out of memory")
        self.live[name] = prompt["prompt_token_ids"]

    def abort_request(self, names: list[str]) -> None:
        self.aborted += [name for name in names if self.live.pop(name, None)]

    def has_unfinished_requests(self) -> bool:
        return bool(self.live)

    def step(self) -> list[Any]:
        done = [SimpleNamespace(text="fine", token_ids=[1], finish_reason="stop", stop_reason=None)]
        names, self.live = list(self.live), {}
        return [SimpleNamespace(finished=True, request_id=name, outputs=done) for name in names]

    def collective_rpc(self, method: str, args: tuple[str, ...]) -> None:
        from safetensors.torch import load_file

        assert method == "load_quintain_weights"
        loaded = load_file(args[0])
        if "refused" in loaded:
            raise KeyError("no such weight")
        self.weights = {name: float(value.sum()) for name, value in loaded.items()}

    def reset_prefix_cache(self) -> None:
        self.resets = getattr(self, "resets", 0) + 1

    def shutdown(self) -> None:
        self.live = {}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[FakeVLLM]:
    """Install the fake module; return the instances that were started."""
    made: list[FakeVLLM] = []

    def start(**arguments: Any) -> FakeVLLM:
        made.append(FakeVLLM(**arguments))
        return made[-1]

    fake = ModuleType("vllm")
    fake.LLM = start  # type: ignore[attr-defined]
    fake.SamplingParams = lambda **given: SimpleNamespace(**given)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", fake)
    return made


@pytest.fixture
def worker(started: list[FakeVLLM], tiny_folder: str) -> Iterator[Any]:
    from transformers import AutoTokenizer

    from quintain.engines.vllm_worker import Worker, start

    worker = Worker(start({}), {}, AutoTokenizer.from_pretrained(tiny_folder), 512)
    yield worker
    worker.close()


def ask(worker: Any, *requests: Request) -> list[Any]:
    async def all_of_them() -> list[Any]:
        futures = [asyncio.wrap_future(worker.submit(request)) for request in requests]
        return await asyncio.gather(*futures, return_exceptions=True)

    return asyncio.run(all_of_them())


GOOD = Request(prompt="count 1 2 3", max_tokens=4)


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        (Request(prompt="count", temperature=1000.0), "vLLM refuses the request: too hot"),
        (Request(prompt=7), "could not be tokenised"),  # type: ignore[arg-type]
    ],
)
def test_an_invalid_request_does_not_fail_the_others(
    worker: Any, started: list[FakeVLLM], odd: Request, message: str
) -> None:
    first, failure, second = ask(worker, GOOD, odd, GOOD)
    assert [reply[0].text for reply in (first, second)] == ["fine", "fine"]
    assert isinstance(failure, EngineError)
    assert message in str(failure)
    assert len(started) == 1


def test_a_vllm_crash_fails_live_requests_and_the_next_request_restarts_it(
    worker: Any, started: list[FakeVLLM]
) -> None:
    (failure,) = ask(worker, Request(prompt="count", temperature=60.0))
    assert isinstance(failure, EngineError)
    assert "out of memory" in str(failure)
    (reply,) = ask(worker, GOOD)
    assert (reply[0].text, len(started)) == ("fine", 2)


def test_weights_are_replaced_between_two_requests_and_kept_after_a_crash(worker: Any, started: list[FakeVLLM]) -> None:
    torch = pytest.importorskip("torch")
    from quintain.errors import ConfigurationError

    ask(worker, GOOD)
    worker.load_weights([("a", torch.ones(2))])
    assert (started[0].weights, started[0].resets) == ({"a": 2.0}, 1)
    worker.load_weights([("a", torch.ones(3))])
    with pytest.raises(ConfigurationError, match="vLLM refuses the weights"):
        worker.load_weights([("refused", torch.ones(3))])
    assert isinstance(ask(worker, Request(prompt="count", temperature=60.0))[0], EngineError)
    ask(worker, GOOD)
    assert (len(started), started[1].weights) == (2, {"a": 3.0})


def test_what_training_takes_is_returned(worker: Any, started: list[FakeVLLM]) -> None:
    """Prompt as the model read it, and log-probabilities of the reply."""
    done = [SimpleNamespace(text="fine", token_ids=[7], finish_reason="stop", stop_reason=None,
                            logprobs=[{7: SimpleNamespace(logprob=-0.5)}])]  # fmt: skip
    started[0].step = lambda: [  # type: ignore[method-assign]
        SimpleNamespace(finished=True, request_id=name, outputs=done) for name in started[0].live
    ]
    [[reply]] = ask(worker, Request(prompt="count 1 2 3", max_tokens=4, tokens=True))
    assert (reply.token_ids, reply.logprobs) == ((7,), (-0.5,))
    assert reply.prompt_token_ids is not None
    assert len(reply.prompt_token_ids) == reply.prompt_tokens


def test_variables_of_the_chat_template_reach_it(started: list[FakeVLLM], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from quintain.engines import vllm_engine
    from quintain.errors import ConfigurationError

    seen: list[dict[str, Any]] = []

    class Tokenizer:
        chat_template = "{{ enable_thinking }}"
        bos_token_id = eos_token_id = 0

        def apply_chat_template(self, messages: Any, **options: Any) -> str:
            seen.append(options)
            return "text"

        def __call__(self, text: str, **options: Any) -> dict[str, list[int]]:
            return {"input_ids": [1, 2]}

        def decode(self, tokens: Any, **options: Any) -> str:
            return "fine"

    fake = SimpleNamespace(AutoTokenizer=SimpleNamespace(from_pretrained=lambda folder: Tokenizer()))
    real = vllm_engine.require
    monkeypatch.setattr(
        vllm_engine, "require", lambda name, *rest: fake if name == "transformers" else real(name, *rest)
    )
    monkeypatch.setattr(vllm_engine.weights, "resolve", lambda model: "folder")
    monkeypatch.setattr(FakeVLLM, "model_config", SimpleNamespace(max_model_len=100), raising=False)
    engine = vllm_engine.VLLMEngine("m", chat_template_kwargs={"enable_thinking": False})
    try:
        asyncio.run(engine.complete(Request(messages=[{"role": "user", "content": "hi"}])))
        assert seen[-1]["enable_thinking"] is False
        assert engine.describe()["chat_template_kwargs"] == {"enable_thinking": False}
    finally:
        engine.close()
    with pytest.raises(ConfigurationError, match="has no variable 'thinking'"):
        vllm_engine.VLLMEngine("m", chat_template_kwargs={"thinking": False})
