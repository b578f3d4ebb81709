"""The list of models of an OpenAI-compatible server: whether the server answers, what it serves, whether it is vLLM."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quintain.engines.http import RetryPolicy, check_headers, proxy_errors
from quintain.errors import ConfigurationError, EngineError
from quintain.redaction import redact

__all__ = ["ModelList", "list_models", "refused"]

_TIMEOUT_S = 10.0  # of each request for the list
_PROBE_S = 60.0  # of a request for one token, for which a server may load a model


@dataclass(frozen=True, slots=True)
class ModelList:
    """What a server says of its models.

    Attributes:
        names: Names of the models; ``None`` where the server has no such list.
        is_vllm: Whether the server is vLLM, which is then the owner of every model.
    """

    names: tuple[str, ...] | None = None
    is_vllm: bool = False

    def has(self, model: str) -> bool:
        """Whether a model is listed, in any case of letters, or with a tag that the name leaves out."""
        listed = {name.lower() for name in self.names or ()}
        return model.lower() in listed or f"{model.lower()}:latest" in listed


def list_models(base_url: str, headers: Mapping[str, str], policy: RetryPolicy) -> ModelList:
    """Request the list of models.

    A server that is overloaded, or still loading its model, is asked again; one that cannot be reached is not.

    Args:
        base_url: Address of the API.
        headers: Headers of the request.
        policy: Number of attempts, and the pauses between them.

    Raises:
        EngineError: If the server cannot be reached, or fails in every attempt.
        ConfigurationError: If it refuses the key, or the proxy is unusable.
    """
    import httpx

    try:
        check_headers(headers)
    except EngineError:
        return ModelList()  # every request fails with this error
    problem, started, attempt = "", time.monotonic(), 0
    while attempt < policy.attempts:
        if attempt:
            pause = min(policy.backoff_s * 2 ** (attempt - 1), policy.backoff_max_s)
            if time.monotonic() - started + pause > policy.deadline_s:
                break
            time.sleep(pause)
        attempt += 1
        try:
            with proxy_errors():
                client = httpx.Client(headers=dict(headers), timeout=min(_TIMEOUT_S, policy.timeout_s))
            with client:
                response = client.get(f"{base_url}/models")
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            return ModelList()  # every request fails with this error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            problem = f"connection failed ({type(error).__name__}: {error})"
            break
        except httpx.HTTPError as error:
            problem = f"connection failed ({type(error).__name__}: {error})"
            continue
        if response.status_code in (408, 409, 429) or response.status_code >= 500:
            problem = f"status {response.status_code}"
            continue
        if response.status_code == 401:
            raise ConfigurationError(
                redact(f"GET {base_url}/models: status 401, the server refuses the key; set OPENAI_API_KEY or api_key")
            )
        return _read(response)
    raise EngineError(
        redact(
            f"GET {base_url}/models: {problem}; start the server, or correct its address: openai:NAME@http://host:port/v1"
            " (--engine openai --model NAME@http://host:port/v1)"
        ),
        attempts=attempt,
    )


def refused(url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> int:
    """Post a request, and return the status with which the server refused its model; 0 if it did not.

    A failure of another kind is no refusal: the requests that follow are tried again, and say what it was.

    Args:
        url: Address of the request.
        headers: Headers of the request.
        body: Body of the request, as it was sent.
    """
    import httpx

    try:
        with httpx.Client(headers=dict(headers), timeout=_PROBE_S) as client:
            response = client.post(url, json=dict(body))
    except httpx.HTTPError:
        return 0
    is_refusal = response.status_code == 404 or (response.status_code in (400, 422) and "model" in response.text)
    return response.status_code if is_refusal else 0


def _read(response: object) -> ModelList:
    try:
        entries = response.json()["data"]  # type: ignore[attr-defined]  # httpx is imported where it is used
        names = tuple(str(entry["id"]) for entry in entries)
    except (ValueError, KeyError, TypeError):
        return ModelList()
    return ModelList(names, bool(entries) and all(entry.get("owned_by") == "vllm" for entry in entries))
