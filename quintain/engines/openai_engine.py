"""Any server that speaks the OpenAI protocol: hosted models, vLLM, llama.cpp, SGLang and others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

from quintain.engines.choices import draw_choices, shared_tokens
from quintain.engines.engine import Engine, EngineCapability, Reply, Request
from quintain.engines.http import JSONClient, RetryPolicy
from quintain.engines.io_thread import LoopThread
from quintain.engines.openai_answers import read_replies
from quintain.errors import ConfigurationError, EngineError
from quintain.seeding import SeedStream

__all__ = ["OpenAIEngine"]

_BASE: frozenset[EngineCapability] = frozenset({"chat", "prompt", "logprobs", "top_logprobs", "stop", "seed"})
_VLLM: frozenset[EngineCapability] = _BASE | {"prefill", "choices", "stop_string"}
_MAX_STOPS = 4  # the protocol's limit; further stop strings are applied here
_MAX_TOP = {"chat": 20, "prompt": 5}  # the protocol's limits on likeliest tokens
_SURVEY_S = 3.0  # to ask a server what it is


class OpenAIEngine(Engine):
    """Asks an OpenAI-compatible server.

    Messages go to ``/chat/completions``, raw prompts to ``/completions``. Where a server ignores ``n`` the missing
    replies are asked for one by one (with seeds derived from the request's); where it ignores ``stop`` the text is cut
    here. Token counts are the server's: a missing count is recorded as 0, and one count for several replies is shared
    out evenly. Which stop string ended a reply is known only where the server says so or the text was cut here.

    A server of ``dialect="vllm"`` can also prefill replies, and score constrained choices: it is asked for the
    log-probability of each whole choice after the prompt, as every other engine does it. How strictly a seed is
    honoured is the server's affair. Of ``top_logprobs`` the protocol gives 20 for messages and 5 for prompts at most; a
    server that gives none is served with ``None``.

    Args:
        model: The model's name on the server.
        base_url: Such as ``"http://localhost:8000/v1"``; ``None`` reads ``OPENAI_BASE_URL``, else OpenAI's.
        api_key: ``None`` reads ``OPENAI_API_KEY``; empty for no authorisation. Never shown or recorded.
        dialect: ``"openai"`` for the common protocol, ``"vllm"`` for its extensions; ``"auto"`` asks the server whether
            it is vLLM, and takes the common protocol where there is no answer.
        max_connections: Most requests in flight.
        attempts: Most tries per request. Refusals (4xx except 408, 409 and 429) are not tried again.
        timeout_s: Longest silence of the server within one try.
        deadline_s: Longest time for all tries of one request together.
        backoff_s: Pause before the second try; it doubles from try to try.
        backoff_max_s: Longest pause, also where ``Retry-After`` asks for more.
        extra_body: More fields for every request, such as ``{"reasoning_effort": "low"}``.
        token_field: Name of the field that limits a reply (``"max_completion_tokens"`` for some hosted models).

    Raises:
        ConfigurationError: If no model is named, or an option is out of range.
    """

    name = "openai"

    def __init__(
        self,
        model: str = "",
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        dialect: Literal["auto", "openai", "vllm"] = "auto",
        max_connections: int = 32,
        attempts: int = 6,
        timeout_s: float = 120.0,
        deadline_s: float = 600.0,
        backoff_s: float = 0.5,
        backoff_max_s: float = 30.0,
        extra_body: Mapping[str, Any] | None = None,
        token_field: str = "max_tokens",
    ) -> None:
        if not model:
            raise ConfigurationError("the openai engine needs a model: 'openai:MODEL@http://host:port/v1' or model=...")
        if dialect not in ("auto", "openai", "vllm"):
            raise ConfigurationError(f"dialect must be 'auto', 'openai' or 'vllm', got {dialect!r}")
        if max_connections < 1 or attempts < 1 or min(timeout_s, deadline_s) <= 0 or min(backoff_s, backoff_max_s) < 0:
            raise ConfigurationError("max_connections and attempts must be >= 1, time-outs > 0 and pauses >= 0")
        self.model = model
        self.base_url = (base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1").rstrip("/")
        self._extra = dict(extra_body or {})
        self._token_field = token_field
        key = os.environ.get("OPENAI_API_KEY") if api_key is None else api_key
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        self._dialect = dialect
        self._headers = headers
        policy = RetryPolicy(attempts, timeout_s, deadline_s, backoff_s, backoff_max_s)
        self._client = JSONClient(headers, key or None, policy, max_connections)
        self._thread = LoopThread("quintain-openai")

    @cached_property
    def dialect(self) -> Literal["openai", "vllm"]:
        """What the server speaks; with ``"auto"`` it is asked when this is first read."""
        return _dialect_of(self.base_url, self._headers) if self._dialect == "auto" else self._dialect

    @property
    def capabilities(self) -> frozenset[EngineCapability]:  # type: ignore[override]  # an engine's are not written to
        """What requests may ask for: it depends on the dialect."""
        return _VLLM if self.dialect == "vllm" else _BASE

    def describe(self) -> dict[str, Any]:
        """Return model, server and dialect."""
        facts = {"engine": self.name, "model": self.model, "base_url": self.base_url, "dialect": self.dialect}
        return {**facts, "extra_body": self._extra} if self._extra else facts

    def close(self) -> None:
        """Cancel what is running and close the connections."""
        self._thread.close(self._client.aclose())

    async def _generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        return await self._thread.run(self._serve_all(requests)) if requests else []

    async def _serve_all(self, requests: Sequence[Request]) -> list[list[Reply]]:
        tasks = [asyncio.ensure_future(self._serve(request)) for request in requests]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    async def _serve(self, request: Request) -> list[Reply]:
        if request.choices is not None:
            return await self._choose(request)
        replies = await self._ask(request)
        while len(replies) < request.n:
            seed = None if request.seed is None else SeedStream(request.seed, "reply", len(replies)).seed
            replies.extend(await self._ask(replace(request, n=1, seed=seed)))
        return replies[: request.n]

    async def _ask(self, request: Request) -> list[Reply]:
        chat = request.messages is not None
        url = f"{self.base_url}/{'chat/completions' if chat else 'completions'}"
        answer = await self._client.post(url, self._body(request))
        try:
            return read_replies(answer, request)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise EngineError(f"POST {url}: the answer does not follow the protocol ({error!r})"[:500]) from error

    def _body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            self._token_field: request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            **self._extra,
        }
        if request.n > 1:
            body["n"] = request.n
        if request.stop:
            body["stop"] = list(request.stop[:_MAX_STOPS])
        if request.seed is not None:
            body["seed"] = request.seed
        if request.messages is not None:
            body.update(self._conversation(request, request.prefill))
            if request.logprobs or request.top_logprobs:
                body["logprobs"] = True
            if request.top_logprobs:
                body["top_logprobs"] = min(request.top_logprobs, _MAX_TOP["chat"])
        else:
            body["prompt"] = _clean(f"{request.prompt}{request.prefill}")
            if request.logprobs or request.top_logprobs:
                body["logprobs"] = min(max(request.top_logprobs, 1), _MAX_TOP["prompt"])
        if request.logprobs and self.dialect == "vllm":
            body["return_token_ids"] = True
        return body

    def _conversation(self, request: Request, opening: str) -> dict[str, Any]:
        """Return the messages, with the beginning of the reply where there is one."""
        messages = [{"role": m["role"], "content": _clean(m["content"])} for m in request.messages or ()]
        if not opening:
            return {"messages": messages}
        messages.append({"role": "assistant", "content": _clean(opening)})
        return {"messages": messages, "continue_final_message": True, "add_generation_prompt": False}

    # Constrained choices: vLLM's server tells the log-probability of given tokens -------------------------------------

    async def _choose(self, request: Request) -> list[Reply]:
        assert request.choices is not None
        plain, *whole = await asyncio.gather(
            *(self._tokenise(request, request.prefill + choice) for choice in ("", *request.choices))
        )
        shared = shared_tokens(plain, whole)
        if shared == 0:
            raise EngineError("constrained choice needs a prompt of at least one token")
        branches = [tokens[shared:] for tokens in whole]
        scores = await self._score_labels(plain[:shared], branches) or await self._score_texts(shared, whole)
        return draw_choices(request, len(plain), branches, scores)

    async def _score_labels(self, prompt: list[int], branches: Sequence[Sequence[int]]) -> list[list[float]]:
        """Ask for the log-probabilities of choices of one token: the prompt is read once, or not at all if cached.

        Empty where the choices are longer, or the server is older than this request.
        """
        if any(len(branch) != 1 for branch in branches):
            return []
        labels = [token for [token] in branches]
        wanted = {"logprobs": 1, "logprob_token_ids": labels, "return_tokens_as_token_ids": True}
        body = {"model": self.model, "prompt": prompt, "max_tokens": 1, "temperature": 0, **wanted}
        answer = await self._client.post(f"{self.base_url}/completions", body)
        try:
            told = answer["choices"][0]["logprobs"]["top_logprobs"][0]
            return [[float(told[f"token_id:{token}"])] for token in labels]
        except (KeyError, TypeError, ValueError, IndexError):
            return []

    async def _score_texts(self, shared: int, whole: Sequence[list[int]]) -> list[list[float]]:
        """Ask for the log-probability of every token of every prompt with its choice."""
        answer = await self._client.post(
            f"{self.base_url}/completions",
            {"model": self.model, "prompt": whole, "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0},
        )
        try:
            entries = sorted(answer["choices"], key=lambda entry: entry["index"])
            return [
                [float(at[str(token)]["logprob"]) for at, token in _after(shared, entry["prompt_logprobs"], tokens)]
                for entry, tokens in zip(entries, whole, strict=True)
            ]
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise EngineError(f"the server did not score the choices ({error!r}); is it a vLLM server?") from error

    async def _tokenise(self, request: Request, opening: str) -> list[int]:
        root = self.base_url.removesuffix("/v1")
        if request.messages is None:
            body: dict[str, Any] = {"prompt": _clean(f"{request.prompt}{opening}")}
        else:
            body = self._conversation(request, opening)
        answer = await self._client.post(f"{root}/tokenize", {"model": self.model, **body})
        tokens = answer.get("tokens")
        if not isinstance(tokens, list) or not all(isinstance(t, int) for t in tokens):
            raise EngineError(f"POST {root}/tokenize: no list of tokens in the answer; is it a vLLM server?")
        return tokens


def _dialect_of(base_url: str, headers: Mapping[str, str]) -> Literal["openai", "vllm"]:
    """Ask a server for its models: vLLM says that they are its own."""
    import httpx

    try:
        listed = httpx.get(f"{base_url}/models", headers=headers, timeout=_SURVEY_S).json()["data"]
        return "vllm" if listed and all(entry["owned_by"] == "vllm" for entry in listed) else "openai"
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return "openai"


def _after(shared: int, rows: Sequence[Any], tokens: Sequence[int]) -> list[tuple[Any, int]]:
    if len(rows) != len(tokens):
        raise ValueError(f"{len(rows)} log-probabilities for {len(tokens)} tokens")
    return list(zip(rows[shared:], tokens[shared:], strict=True))


def _clean(text: str) -> str:
    """Replace lone surrogates, which JSON parsers reject."""
    return text.encode("utf-8", "replace").decode("utf-8")
