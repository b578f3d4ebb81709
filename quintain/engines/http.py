"""JSON over HTTP to an unreliable server: time-outs, bounded retries with exponential backoff, errors with context."""

from __future__ import annotations

import asyncio
import base64
import email.utils
import json
import random
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quintain.errors import ConfigurationError, EngineError
from quintain.redaction import MASK, add_secret, redact

if TYPE_CHECKING:
    import httpx

__all__ = ["JSONClient", "RetryPolicy", "split_login"]

_RETRIED = frozenset({408, 409, 429})  # and every 5xx
_SHOWN = 400  # characters of a server's answer that an error quotes


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to retry a request.

    Attributes:
        attempts: Maximum number of attempts, the first one included, >= 1.
        timeout_s: Read timeout per attempt, in seconds.
        deadline_s: Maximum time for all attempts of one request, in seconds.
        backoff_s: Pause before the second attempt, in seconds; it doubles each time, and a random jitter shortens it by
            up to a half.
        backoff_max_s: Maximum pause, in seconds, also where the server's ``Retry-After`` is longer.
    """

    attempts: int = 6
    timeout_s: float = 120.0
    deadline_s: float = 600.0
    backoff_s: float = 0.5
    backoff_max_s: float = 30.0


class JSONClient:
    """Posts JSON objects. Belongs to one event loop.

    Args:
        headers: Sent with every request.
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

    async def post(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the server's JSON object.

        Raises:
            EngineError: If the server refuses the request, or fails until the attempts or the time are used up.
        """
        async with self._free:  # held during retries, so that a failing server gets no further requests
            return await self._post(url, body)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _post(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        start = time.monotonic()
        attempt = 0
        while True:
            attempt += 1
            left = self._policy.deadline_s - (time.monotonic() - start)
            try:
                async with asyncio.timeout(left):
                    return await self._attempt(url, body)
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
            limits = httpx.Limits(max_connections=self._max_concurrency)
            self._client = httpx.AsyncClient(headers=self._headers, timeout=self._policy.timeout_s, limits=limits)
        try:
            response = await self._client.post(url, content=json.dumps(body).encode())
        except httpx.TimeoutException as error:
            raise _Retry(f"no answer within {self._policy.timeout_s:g} s ({type(error).__name__})") from error
        except httpx.TransportError as error:
            raise _Retry(f"connection failed ({type(error).__name__}: {error})") from error
        status = response.status_code
        if status in _RETRIED or status >= 500:
            raise _Retry(f"status {status}: {response.text}", status, _retry_after(response.headers.get("retry-after")))
        if not 200 <= status < 300:
            raise EngineError(f"POST {url}: status {status}: {self._clean(response.text)}", status=status)
        try:
            answer = response.json()
        except ValueError as error:
            raise _Retry(f"the answer is not JSON ({error}): {response.text}", status) from error
        if not isinstance(answer, dict):
            raise _Retry(f"the answer is not a JSON object: {response.text}", status)
        return answer

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
