"""Any server that speaks the OpenAI protocol: hosted models, vLLM, llama.cpp, SGLang and others."""

from __future__ import annotations

import asyncio
import json
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

from quintain.arguments import check_number, nearest
from quintain.engines.address import split_address
from quintain.engines.choices import draw_choices, split_choices
from quintain.engines.engine import Engine, EngineCapability, Reply, Request
from quintain.engines.http import JSONClient, RetryPolicy, split_login
from quintain.engines.io_thread import LoopThread
from quintain.engines.openai_answers import read_replies
from quintain.engines.openai_models import list_models, refused
from quintain.engines.tool_calls import function_tools
from quintain.errors import ConfigurationError, EngineError
from quintain.messages import Message
from quintain.redaction import redact, redact_settings
from quintain.seeding import SeedStream

__all__ = ["OpenAIEngine"]

_BASE: frozenset[EngineCapability] = frozenset({"chat", "prompt", "logprobs", "top_logprobs", "stop", "seed", "tools"})
_VLLM: frozenset[EngineCapability] = _BASE | {"prefill", "choices", "stop_string"}
_MAX_STOPS = 4  # the protocol's limit; further stop strings are applied here
_MAX_TOP = {"chat": 20, "prompt": 5}  # the protocol's limits on top_logprobs
_REFUSALS = frozenset({400, 422})
_OPTIONAL = ("seed", "temperature", "top_p")
_UNSUPPORTED = re.compile(
    r"unsupported|not support|unknown|unrecogni[sz]ed|unexpected|extra_forbidden|extra (?:inputs|fields)|not permitted|"
    r"not allowed|cannot find field|deprecated|only the default",
    re.IGNORECASE,
)


class OpenAIEngine(Engine):
    """A client of an OpenAI-compatible server.

    Messages go to ``/chat/completions``, raw prompts to ``/completions``. Where a server ignores ``n`` the missing
    replies are requested one by one (with seeds derived from the request's); where it ignores ``stop`` the client cuts
    the text. A server that refuses ``n``, ``seed``, ``temperature`` or ``top_p`` as unsupported is asked without the
    field from then on, with a warning. Token counts are the server's: a missing count is recorded as 0, and one count
    for several replies is divided evenly. The stop string that ended a reply is known only where the server reports it
    or the client cut the text.

    With ``dialect="vllm"`` the engine can also prefill replies, and score constrained choices by the log-probability of
    each whole choice after the prompt, as every other engine does. Whether equal seeds give equal replies depends on
    the server. The protocol limits ``top_logprobs`` to 20 for messages and 5 for prompts; where a server returns none,
    ``Reply.top_logprobs`` is ``None``.

    Args:
        model: Name of the model on the server; ``"NAME@ADDRESS"`` gives the address as well.
        base_url: Address of the API, such as ``"http://localhost:8000/v1"``; ``None`` reads the environment variable
            ``OPENAI_BASE_URL``, else takes OpenAI's.
        api_key: Bearer token; empty for no authorisation; ``None`` reads the environment variable ``OPENAI_API_KEY``.
            White space around it is dropped. Never shown or recorded, in no encoding; neither are a user and password
            in ``base_url`` and secrets in ``extra_body``.
        dialect: ``"openai"`` for the common protocol, ``"vllm"`` for vLLM's extensions; ``"auto"`` reads the server's
            list of models to detect vLLM, and takes the common protocol where there is no such list. A server that is
            overloaded is asked again, and then refused. Default: ``"auto"``.
        max_connections: Maximum number of concurrent requests, >= 1. Default: 32.
        attempts: Maximum number of attempts per request, >= 1. Refusals (4xx except 408, 409 and 429) are not retried.
            Default: 6.
        timeout_s: Maximum time to connect, and to send a request, in seconds. The answer may take until ``deadline_s``,
            since a server says nothing while it generates. Default: 120.
        deadline_s: Maximum time for all attempts of one request, in seconds. Default: 600.
        backoff_s: Pause before the second attempt, in seconds; it doubles each time. Default: 0.5.
        backoff_max_s: Maximum pause, in seconds, also where ``Retry-After`` is longer. Default: 30.
        extra_body: Fields of every request, such as ``{"reasoning_effort": "low"}``; they replace the request's own,
            and ``None`` leaves a field out, as in ``{"seed": None}``.
        chat_template_kwargs: Variables of the model's chat template, such as ``{"enable_thinking": False}``; sent with
            messages to servers that read this field, as vLLM's and SGLang's do. Default: none.
        token_field: Name of the field for ``max_tokens`` (``"max_completion_tokens"`` for some hosted models). Default:
            ``"max_tokens"``.
        reasoning_field: Name of the field in which the assistant's messages send back what the model thought in earlier
            turns, such as ``"reasoning_content"`` for servers that want it; empty sends none, as most do.

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
        chat_template_kwargs: Mapping[str, Any] | None = None,
        token_field: str = "max_tokens",
        reasoning_field: str = "",
    ) -> None:
        self.model, named = split_address(model)
        if not self.model:
            raise ConfigurationError("the openai engine needs a model: 'openai:MODEL@http://host:port/v1' or model=...")
        if named and base_url is not None:
            raise ConfigurationError(f"model={model!r} and base_url={base_url!r} both give an address")
        if dialect not in ("auto", "openai", "vllm"):
            raise ConfigurationError(f"dialect must be 'auto', 'openai' or 'vllm', got {dialect!r}")
        for name, count in (("max_connections", max_connections), ("attempts", attempts)):
            check_number(name, count, low=1, integer=True)
        for name, seconds in (("timeout_s", timeout_s), ("deadline_s", deadline_s)):
            check_number(name, seconds, above=0)
        for name, seconds in (("backoff_s", backoff_s), ("backoff_max_s", backoff_max_s)):
            check_number(name, seconds, low=0)
        for name, fields in (("extra_body", extra_body), ("chat_template_kwargs", chat_template_kwargs)):
            if fields is not None and not isinstance(fields, Mapping):
                raise ConfigurationError(f"{name} must be a mapping of names to values, got {fields!r}")
        address = (
            (named or base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1").strip().rstrip("/")
        )
        self.base_url, login = split_login(address)
        self._extra = dict(extra_body or {})
        self._template = {"chat_template_kwargs": dict(chat_template_kwargs)} if chat_template_kwargs else {}
        self._token_field = token_field
        self._reasoning_field = reasoning_field
        self._left_out: set[str] = set()
        key = (os.environ.get("OPENAI_API_KEY", "") if api_key is None else api_key).strip()
        redact_settings({"api_key": key, "login": login, "extra_body": self._extra})  # learns the secrets
        authorization = f"Bearer {key}" if key else login
        headers = {"Content-Type": "application/json", **({"Authorization": authorization} if authorization else {})}
        self._dialect = dialect
        self._headers = headers
        self._policy = RetryPolicy(attempts, timeout_s, deadline_s, backoff_s, backoff_max_s)
        self._client = JSONClient(headers, key, self._policy, max_connections)
        self._thread = LoopThread("quintain-openai")

    @cached_property
    def dialect(self) -> Literal["openai", "vllm"]:
        """The server's dialect; ``"auto"`` is resolved by a request to the server when this is first read.

        Raises:
            EngineError: If the server does not respond: a guess could differ from that of the next run.
        """
        if self._dialect != "auto":
            return self._dialect
        return "vllm" if list_models(self.base_url, self._headers, self._policy).is_vllm else "openai"

    @property
    def capabilities(self) -> frozenset[EngineCapability]:  # type: ignore[override]  # read-only here
        """What requests may ask for; depends on the dialect."""
        capabilities = _VLLM if self.dialect == "vllm" else _BASE
        return capabilities | {"reasoning"} if self._reasoning_field else capabilities

    @property
    def left_out(self) -> tuple[str, ...]:
        """Names of the fields that requests leave out: the server refused them, or ``extra_body`` says ``None``."""
        return tuple(sorted(self._left_out | {name for name, value in self._extra.items() if value is None}))

    def describe(self) -> dict[str, Any]:
        """Return model, server and dialect, and what requests add and leave out."""
        facts: dict[str, Any] = {
            "engine": self.name,
            "model": self.model,
            "base_url": self.base_url,
            "dialect": self.dialect,
        }
        if self._reasoning_field:
            facts["reasoning_field"] = self._reasoning_field
        facts |= self._template
        return {**facts, "extra_body": redact_settings(self._extra)} if self._extra else facts

    def check_available(self) -> None:
        """Check that the server answers and serves the model.

        A model that the server does not list is asked for one token, since some servers take any name.

        Raises:
            EngineError: If the server cannot be reached, or fails.
            ConfigurationError: If it refuses the key or the model.
        """
        listed = list_models(self.base_url, self._headers, self._policy)
        if listed.names is None or listed.has(self.model):
            return
        body = {"model": self.model, "messages": [{"role": "user", "content": "Hello"}], self._token_field: 1}
        if refusal := refused(f"{self.base_url}/chat/completions", self._headers, body | self._extra):
            shown = ", ".join(listed.names[:12]) + (", ..." if len(listed.names) > 12 else "")
            raise ConfigurationError(
                redact(
                    f"{self.base_url} does not serve model {self.model!r}{nearest(self.model, listed.names)}; "
                    f"it lists: {shown or 'none'} (status {refusal})"
                )
            )

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
        times: list[float] = []
        answer = await self._post(url, request, times)
        try:
            replies = read_replies(answer, request)
            return [replace(reply, seconds=times[-1] / len(replies)) for reply in replies]
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            said = redact(f"the answer does not follow the protocol ({error!r}): {json.dumps(answer)}")
            raise EngineError(f"POST {url}: {said}"[:600]) from error

    async def _post(self, url: str, request: Request, times: list[float]) -> dict[str, Any]:
        """Post a request; leave out, from then on, the fields that the server does not know."""
        while True:
            body = self._body(request)
            try:
                return await self._client.post(url, body, times)
            except EngineError as error:
                if error.status not in _REFUSALS:
                    raise
                unknown = {name for name in _refused_fields(str(error)) if name in body}
                if unknown:
                    self._leave_out(unknown)
                elif "max_tokens" in body and "max_completion_tokens" in str(error):
                    self._token_field = "max_completion_tokens"
                elif "n" in body:
                    answer = await self._client.post(url, {k: v for k, v in body.items() if k != "n"}, times)
                    self._left_out.add("n")  # it was n: from now on replies are requested one by one
                    return answer
                else:
                    raise

    def _leave_out(self, fields: set[str]) -> None:
        if new := fields - self._left_out:
            self._left_out |= new
            names = ", ".join(sorted(new))
            warnings.warn(f"{self.base_url} refuses {names}: requests leave it out from now on", stacklevel=2)

    def _body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            self._token_field: request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
        }
        if request.n > 1:
            body["n"] = request.n
        if request.stop:
            body["stop"] = list(request.stop[:_MAX_STOPS])
        if request.seed is not None:
            body["seed"] = request.seed
        if request.messages is not None:
            body.update(self._conversation(request, request.prefill))
            if request.tools:
                body["tools"] = function_tools(request.tools)
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
        body |= self._extra
        left_out = self.left_out
        return {name: value for name, value in body.items() if name not in left_out}

    def _conversation(self, request: Request, prefill: str) -> dict[str, Any]:
        """Return the message fields, with the prefill where there is one."""
        messages = [self._message(message) for message in request.messages or ()]
        if not prefill:
            return {"messages": messages, **self._template}
        messages.append({"role": "assistant", "content": _clean(prefill)})
        return {"messages": messages, **self._template, "continue_final_message": True, "add_generation_prompt": False}

    def _message(self, message: Message) -> dict[str, Any]:
        sent: dict[str, Any] = {"role": message["role"], "content": _clean(message["content"])}
        if "tool_call_id" in message:
            sent["tool_call_id"] = message["tool_call_id"]
        if "tool_calls" in message:
            sent["tool_calls"] = json.loads(message["tool_calls"])
        return sent | ({self._reasoning_field: _clean(message["reasoning"])} if message.get("reasoning") else {})

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


def _refused_fields(text: str) -> set[str]:
    """Return the optional fields that a refusal names as unsupported, not those whose value it finds out of range."""
    if not _UNSUPPORTED.search(text):
        return set()
    return {name for name in _OPTIONAL if re.search(rf"(?<![\w.]){name}(?!\w)", text)}


def _after(shared: int, rows: Sequence[Any], tokens: Sequence[int]) -> list[tuple[Any, int]]:
    if len(rows) != len(tokens):
        raise ValueError(f"{len(rows)} log-probabilities for {len(tokens)} tokens")
    return list(zip(rows[shared:], tokens[shared:], strict=True))


def _clean(text: str) -> str:
    """Replace lone surrogates, which JSON parsers reject."""
    return text.encode("utf-8", "replace").decode("utf-8")
