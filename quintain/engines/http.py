"""JSON over HTTP to an unreliable server: time-outs, bounded retries with exponential backoff, errors with context."""

from __future__ import annotations

import asyncio
import base64
import email.utils
import json
import random
import re
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quintain.errors import ConfigurationError, ContextOverflowError, EngineError
from quintain.redaction import MASK, add_secret, redact

if TYPE_CHECKING:
    import httpx

__all__ = ["JSONClient", "RetryPolicy", "check_headers", "proxy_errors", "split_login"]

_RETRIED = frozenset({408, 409, 429})  # and every 5xx
_MAX_UNAUTHORISED = 10  # refusals of the key in a row that end the run
_SHOWN = 400  # characters of a server's answer that an error quotes


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to retry a request.

    Attributes:
        attempts: Maximum number of attempts, the first one included, >= 1. Default: 6.
        timeout_s: Maximum time to connect, and to send a request, in seconds. The answer may take until ``deadline_s``,
            since a server says nothing while it generates. Default: 120.
        deadline_s: Maximum time for all attempts of one request, in seconds. Default: 600.
        backoff_s: Pause before the second attempt, in seconds; it doubles each time, and a random jitter shortens it by
            up to a half. Default: 0.5.
        backoff_max_s: Maximum pause, in seconds, also where the server's ``Retry-After`` is longer. Default: 30.
    """

    attempts: int = 6
    timeout_s: float = 120.0
    deadline_s: float = 600.0
    backoff_s: float = 0.5
    backoff_max_s: float = 30.0


class JSONClient:
    """Posts JSON objects. Belongs to one event loop.

    Args:
        headers: Headers of every request.
        secret: Text to mask in errors besides the known secrets, such as a short API key; empty for none.
        policy: Number of attempts, delays and timeouts of a request.
        max_connections: Maximum number of concurrent requests, >= 1.
    """

    def __init__(self, headers: Mapping[str, str], secret: str, policy: RetryPolicy, max_connections: int) -> None:
        self._headers = dict(headers)
        self._secret = secret
        self._policy = policy
        self._free = asyncio.Semaphore(max_connections)
        self._max_concurrency = max_connections
        self._jitter = random.Random(0)
        self._client: httpx.AsyncClient | None = None
        self._unauthorised = 0

    async def post(self, url: str, body: Mapping[str, Any], times: list[float] | None = None) -> dict[str, Any]:
        """Return the server's JSON object.

        Args:
            url: Address with scheme and path, such as ``http://127.0.0.1:8000/v1/completions``.
            body: What is sent, as JSON.
            times: The duration of the attempt that succeeded is appended to it, in seconds.

        Raises:
            EngineError: If the server refuses the request, or fails until the attempts or the time are used up.
            ConfigurationError: If the server refused the key ten times in a row, or the proxy is unusable.
        """
        async with self._free:  # held during retries, so that a failing server gets no further requests
            return await self._post(url, body, [] if times is None else times)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _post(self, url: str, body: Mapping[str, Any], times: list[float]) -> dict[str, Any]:
        start = time.monotonic()
        attempt = 0
        while True:
            attempt += 1
            sent = time.monotonic()
            try:
                async with asyncio.timeout(self._policy.deadline_s - (sent - start)):
                    answer = await self._attempt(url, body)
                    times.append(time.monotonic() - sent)
                    return answer
            except _Retry as failure:
                problem, status = failure.problem, failure.status
                pause = self._pause(attempt, failure.retry_after_s)
            except TimeoutError:
                problem, status = "no answer in time", None
                pause = self._policy.deadline_s
            out_of_time = time.monotonic() - start + pause >= self._policy.deadline_s
            if attempt >= self._policy.attempts or out_of_time:
                why = "time is up" if out_of_time else "giving up"
                raise EngineError(
                    f"POST {url}: {self._clean(problem)}; {why} after {attempt} attempts",
                    attempts=attempt,
                    status=status,
                )
            await asyncio.sleep(pause)

    async def _attempt(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        import httpx

        if self._client is None:
            check_headers(self._headers)
            limits = httpx.Limits(max_connections=self._max_concurrency)
            timeout = httpx.Timeout(self._policy.timeout_s, read=None)
            with proxy_errors():
                self._client = httpx.AsyncClient(headers=self._headers, timeout=timeout, limits=limits)
        try:
            response = await self._client.post(url, content=json.dumps(body).encode())
        except httpx.TimeoutException as error:
            raise _Retry(f"no connection within {self._policy.timeout_s:g} s ({type(error).__name__})") from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise EngineError(f"POST {url}: {self._clean(f'{type(error).__name__}: {error}')}") from error
        except httpx.HTTPError as error:  # a broken connection, or a body that cannot be decoded
            raise _Retry(f"connection failed ({type(error).__name__}: {error})") from error
        status = response.status_code
        self._count_unauthorised(url, status, response.text)
        if status in _RETRIED or status >= 500:
            raise _Retry(f"status {status}: {response.text}", status, _retry_after(response.headers.get("retry-after")))
        if 300 <= status < 400:
            where = response.headers.get("location", "nowhere")
            raise EngineError(f"POST {url}: status {status}: redirected to {self._clean(where)}", status=status)
        if not 200 <= status < 300:
            _raise_overflow(response.text)
            raise EngineError(f"POST {url}: status {status}: {self._clean(response.text)}", status=status)
        try:
            answer = response.json()
        except ValueError as error:
            raise _Retry(f"the answer is not JSON ({error}): {response.text}", status) from error
        if not isinstance(answer, dict):
            raise _Retry(f"the answer is not a JSON object: {response.text}", status)
        if answer.get("error") and not answer.get("choices"):  # routers report a provider's failure with status 200
            _raise_overflow(response.text)
            code = _code(answer["error"])
            if code is not None and 400 <= code < 500 and code not in _RETRIED:
                raise EngineError(f"POST {url}: status 200 with error: {self._clean(response.text)}", status=code)
            raise _Retry(f"status 200 with error: {response.text}", code)
        return answer

    def _count_unauthorised(self, url: str, status: int, text: str) -> None:
        """End the run where no request can succeed, instead of recording as many errors as there are episodes."""
        self._unauthorised = self._unauthorised + 1 if status in (401, 403) else 0
        if self._unauthorised >= _MAX_UNAUTHORISED:
            raise ConfigurationError(
                f"POST {url}: status {status}, {self._unauthorised} times in a row; check the key (OPENAI_API_KEY) and "
                f"the address: {self._clean(text)}"
            )

    def _pause(self, attempt: int, retry_after_s: float | None) -> float:
        pause: float = self._policy.backoff_s * 2 ** (attempt - 1) * (1 - self._jitter.random() / 2)
        if retry_after_s is not None:
            pause = max(pause, retry_after_s)
        return min(pause, self._policy.backoff_max_s)

    def _clean(self, text: str) -> str:
        text = redact(text)
        if self._secret:
            text = text.replace(self._secret, MASK)
        return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def split_login(url: str) -> tuple[str, str]:
    """Return a URL without its user and password, and the ``Authorization`` header that stands for them, or ``""``."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        raise ConfigurationError(f"the server's address cannot be read: {error}") from None
    login, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, ""
    user, _, password = login.partition(":")
    plain = f"{urllib.parse.unquote(user)}:{urllib.parse.unquote(password)}"
    for secret in (password, login, plain):
        add_secret(secret)
    coded = base64.b64encode(plain.encode()).decode()
    return urllib.parse.urlunsplit(parts._replace(netloc=host)), f"Basic {coded}"


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse headers that cannot be sent.

    Raises:
        EngineError: Naming the header, without its value.
    """
    for name, value in headers.items():
        if not value.isascii() or not value.isprintable():
            raise EngineError(f"the header {name} (the API key?) holds characters that HTTP cannot carry")


@contextmanager
def proxy_errors() -> Iterator[None]:
    """Turn what httpx raises for a proxy that it cannot use into errors that say what to do.

    Raises:
        ConfigurationError: If it is a SOCKS proxy and ``socksio`` is not installed, or its address cannot be read.
    """
    try:
        yield
    except ImportError as error:
        raise ConfigurationError(
            "the environment names a SOCKS proxy (ALL_PROXY or HTTPS_PROXY), which needs socksio: pip install socksio"
        ) from error
    except ValueError as error:
        raise ConfigurationError(redact(f"the proxy of the environment (HTTP_PROXY) is unusable: {error}")) from error


_OVERFLOW = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum (?:context|model|sequence) length|"
    r"max(?:imum)?_?(?:model|seq)_?len|"
    r"available context size|context (?:window|length|limit)[^.]{0,60}(?:exceed|overflow|too long|larger|longer)|"
    r"exceeds?[^.]{0,60}context (?:window|length|size|limit)|prompt is too long|input is too long|"
    r"input length and .?max_tokens.? exceed|`inputs` (?:tokens \+|must have less)|too many (?:prompt|input) tokens|"
    r"input token count[^.]{0,40}exceeds",
    re.IGNORECASE,
)
_LIMIT = (
    r"n_ctx\D{1,4}(\d+)", r"(?:context|sequence|model)[ _]length (?:is|of)\D{0,6}(\d+)",
    r"(\d+) maximum", r"limit\D{1,12}(\d+)",
)  # fmt: skip
_PROMPT = (
    r"n_prompt_tokens\D{1,4}(\d+)", r"resulted in (\d+)", r"requested (\d+)", r"has (\d+) input tokens",
    r"too long: (\d+)", r"\((\d+) in the messages", r"(?:contains|with|count) (?:at least )?\(?(\d+)",
)  # fmt: skip


def _raise_overflow(text: str) -> None:
    """Raise a ContextOverflowError if a refusal says that the prompt is too long; missing counts are 0."""
    if _OVERFLOW.search(text):
        raise ContextOverflowError(_first_number(_PROMPT, text), _first_number(_LIMIT, text))


def _first_number(patterns: Sequence[str], text: str) -> int:
    found = (re.search(pattern, text, re.IGNORECASE) for pattern in patterns)
    return next((int(match[1]) for match in found if match), 0)


def _code(error: Any) -> int | None:
    """Return the status code of an error object, where it has one."""
    code = error.get("code", error.get("status")) if isinstance(error, dict) else None
    try:
        return int(code) if code is not None else None
    except (TypeError, ValueError):
        return None


class _Retry(Exception):
    """One attempt failed, and another may succeed."""

    def __init__(self, problem: str, status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.status = status
        self.retry_after_s = retry_after_s


def _retry_after(value: str | None) -> float | None:
    """Read a Retry-After header: seconds or an HTTP date; ``None`` if absent or unreadable."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
