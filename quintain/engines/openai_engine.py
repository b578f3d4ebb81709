"""Any server that speaks the OpenAI protocol: hosted models, vLLM, llama.cpp, SGLang and others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

from quintain.engines.choices import draw_choices, split_choices
from quintain.engines.engine import Engine, EngineCapability, Reply, Request
from quintain.engines.http import JSONClient, RetryPolicy, split_login
from quintain.engines.io_thread import LoopThread
from quintain.engines.openai_answers import read_replies
from quintain.errors import ConfigurationError, EngineError
from quintain.redaction import redact_settings
from quintain.seeding import SeedStream

__all__ = ["OpenAIEngine"]

_BASE: frozenset[EngineCapability] = frozenset({"chat", "prompt", "logprobs", "top_logprobs", "stop", "seed"})
_VLLM: frozenset[EngineCapability] = _BASE | {"prefill", "choices", "stop_string"}
_MAX_STOPS = 4  # the protocol's limit; further stop strings are applied here
_MAX_TOP = {"chat": 20, "prompt": 5}  # the protocol's limits on top_logprobs
_SURVEY_S = 3.0  # time-out of the request that detects the dialect


class OpenAIEngine(Engine):
    """A client of an OpenAI-compatible server.

    Messages go to ``/chat/completions``, raw prompts to ``/completions``. Where a server ignores ``n`` the missing
    replies are requested one by one (with seeds derived from the request's); where it ignores ``stop`` the client cuts
    the text. Token counts are the server's: a missing count is recorded as 0, and one count for several replies is
    divided evenly. The stop string that ended a reply is known only where the server reports it or the client cut the
    text.

    With ``dialect="vllm"`` the engine can also prefill replies, and score constrained choices by the log-probability of
    each whole choice after the prompt, as every other engine does. Whether equal seeds give equal replies depends on
    the server. The protocol limits ``top_logprobs`` to 20 for messages and 5 for prompts; where a server returns none,
    ``Reply.top_logprobs`` is ``None``.

    Args:
        model: Name of the model on the server.
        base_url: Address of the API, such as ``"http://localhost:8000/v1"``; ``None`` reads the environment variable
            ``OPENAI_BASE_URL``, else takes OpenAI's.
        api_key: Bearer token; empty for no authorisation; ``None`` reads the environment variable ``OPENAI_API_KEY``.
            White space around it is dropped. Never shown or recorded, in no encoding; neither are a user and password
            in ``base_url`` and secrets in ``extra_body``.
        dialect: ``"openai"`` for the common protocol, ``"vllm"`` for vLLM's extensions; ``"auto"`` reads the server's
            list of models to detect vLLM, and takes the common protocol if that fails.
        max_connections: Maximum number of concurrent requests, >= 1.
        attempts: Maximum number of attempts per request, >= 1. Refusals (4xx except 408, 409 and 429) are not retried.
        timeout_s: Read timeout per attempt, in seconds.
        deadline_s: Maximum time for all attempts of one request, in seconds.
        backoff_s: Pause before the second attempt, in seconds; it doubles each time.
        backoff_max_s: Maximum pause, in seconds, also where ``Retry-After`` is longer.
        extra_body: Additional fields of every request, such as ``{"reasoning_effort": "low"}``.
        token_field: Name of the field for ``max_tokens`` (``"max_completion_tokens"`` for some hosted models).

    Raises:
        ConfigurationError: If ``model`` is empty, or an option is out of range.
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
        address = (base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1").strip().rstrip("/")
        self.base_url, login = split_login(address)
        self._extra = dict(extra_body or {})
        self._token_field = token_field
        key = (os.environ.get("OPENAI_API_KEY", "") if api_key is None else api_key).strip()
        redact_settings({"api_key": key, "login": login, "extra_body": self._extra})  # learns the secrets
        authorization = f"Bearer {key}" if key else login
        headers = {"Content-Type": "application/json", **({"Authorization": authorization} if authorization else {})}
        self._dialect = dialect
        self._headers = headers
        policy = RetryPolicy(attempts, timeout_s, deadline_s, backoff_s, backoff_max_s)
        self._client = JSONClient(headers, key, policy, max_connections)
        self._thread = LoopThread("quintain-openai")

    @cached_property
    def dialect(self) -> Literal["openai", "vllm"]:
        """The server's dialect; ``"auto"`` is resolved by a request to the server when this is first read."""
        return _dialect_of(self.base_url, self._headers) if self._dialect == "auto" else self._dialect

    @property
    def capabilities(self) -> frozenset[EngineCapability]:  # type: ignore[override]  # read-only here
        """What requests may ask for; depends on the dialect."""
        return _VLLM if self.dialect == "vllm" else _BASE

    def describe(self) -> dict[str, Any]:
        """Return model, server and dialect."""
        facts = {"engine": self.name, "model": self.model, "base_url": self.base_url, "dialect": self.dialect}
        return {**facts, "extra_body": redact_settings(self._extra)} if self._extra else facts

    def close(self) -> None:
        """Cancel running requests and close the connections."""
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

    def _conversation(self, request: Request, prefill: str) -> dict[str, Any]:
        """Return the message fields, with the prefill where there is one."""
        messages = [{"role": m["role"], "content": _clean(m["content"])} for m in request.messages or ()]
        if not prefill:
            return {"messages": messages}
        messages.append({"role": "assistant", "content": _clean(prefill)})
        return {"messages": messages, "continue_final_message": True, "add_generation_prompt": False}

    # Constrained choices, from the log-probabilities that vLLM's server returns for given tokens ----------------------

    async def _choose(self, request: Request) -> list[Reply]:
        assert request.choices is not None
        prompt, *whole = await asyncio.gather(
            *(self._tokenise(request, request.prefill + choice) for choice in ("", *request.choices))
        )
        shared, branches = split_choices(prompt, whole)
        if shared == 0:
            raise EngineError("constrained choice needs a prompt of at least one token")
        scores = await self._score_labels(prompt[:shared], branches) or await self._score_texts(shared, whole)
        return draw_choices(request, len(prompt), branches, scores)

    async def _score_labels(self, prompt: list[int], branches: Sequence[Sequence[int]]) -> list[list[float]]:
        """Request the log-probabilities of choices of one token each: one prefill of the prompt, none if it is cached.

        Returns:
            For each choice, the log-probabilities of its tokens; empty where a choice has more than one token, or the
            server is too old for ``logprob_token_ids``.
        """
        if any(len(branch) != 1 for branch in branches):
            return []
        labels = [token for [token] in branches]
        wanted = {"logprobs": 1, "logprob_token_ids": labels, "return_tokens_as_token_ids": True}
        body = {"model": self.model, "prompt": prompt, "max_tokens": 1, "temperature": 0, **wanted}
        answer = await self._client.post(f"{self.base_url}/completions", body)
        try:
            found = answer["choices"][0]["logprobs"]["top_logprobs"][0]
            return [[float(found[f"token_id:{token}"])] for token in labels]
        except (KeyError, TypeError, ValueError, IndexError):
            return []

    async def _score_texts(self, shared: int, whole: Sequence[list[int]]) -> list[list[float]]:
        """Request the log-probability of every token of every prompt with its choice."""
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

    async def _tokenise(self, request: Request, prefill: str) -> list[int]:
        root = self.base_url.removesuffix("/v1")
        if request.messages is None:
            body: dict[str, Any] = {"prompt": _clean(f"{request.prompt}{prefill}")}
        else:
            body = self._conversation(request, prefill)
        answer = await self._client.post(f"{root}/tokenize", {"model": self.model, **body})
        tokens = answer.get("tokens")
        if not isinstance(tokens, list) or not all(isinstance(t, int) for t in tokens):
            raise EngineError(f"POST {root}/tokenize: no list of tokens in the answer; is it a vLLM server?")
        return tokens


def _dialect_of(base_url: str, headers: Mapping[str, str]) -> Literal["openai", "vllm"]:
    """Detect vLLM by the server's list of models, whose ``owned_by`` is then ``"vllm"``."""
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
