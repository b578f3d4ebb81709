"""The exceptions of Quintain, one class per kind of failure.

The kinds are: configuration, missing library, engine (the server of a language model), sandbox, environment, agent,
records on disk. A failure at one of the four run-time boundaries (``engine``, ``sandbox``, ``env``, ``agent``) gives an
episode the outcome ``error``, which is counted apart and never scored. What a model writes leads to an outcome, not an
exception.
"""

from __future__ import annotations

import copyreg
import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType
from typing import Any, Literal

__all__ = [
    "AgentError",
    "Boundary",
    "BudgetExceededError",
    "CapabilityError",
    "ConfigurationError",
    "ContextOverflowError",
    "EngineError",
    "EnvironmentFault",
    "MissingDependencyError",
    "QuintainError",
    "RecordError",
    "RepeatedItemsWarning",
    "SandboxError",
    "SandboxUnavailable",
    "TaskError",
    "UnknownNameError",
    "require",
]

#: Where a failure at run time happened.
Boundary = Literal["engine", "sandbox", "env", "agent"]


class QuintainError(Exception):
    """Base of every exception that Quintain raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle message and attributes, since the arguments of ``__init__`` may differ from them."""
        made = super().__reduce__()
        assert isinstance(made, tuple)
        kind, arguments, *state = made
        return copyreg.__newobj__, (kind, *arguments), *state  # type: ignore[attr-defined]  # missing in typeshed


class ConfigurationError(QuintainError, ValueError):
    """An argument or a combination of arguments cannot work."""


class UnknownNameError(ConfigurationError):
    """A name is not registered; ``suggestions`` holds the nearest ones."""

    def __init__(self, kind: str, name: object, known: Iterable[str], also: str = "") -> None:
        """Compose "unknown task 'leters'; did you mean 'letters'?", or end with ``also``, a list of all names."""
        self.kind = kind
        self.name = name
        self.known = sorted(known)
        self.suggestions = difflib.get_close_matches(str(name), self.known, n=3, cutoff=0.5)
        if self.suggestions:
            hint = f"; did you mean {' or '.join(map(repr, self.suggestions))}?"
            also = also.removeprefix(".")
        elif also:
            hint = ""
        else:
            shown = ", ".join(self.known[:12]) + (", ..." if len(self.known) > 12 else "")
            hint = f"; known: {shown}" if self.known else "; none is registered"
        super().__init__(f"unknown {kind} {name!r}{hint}{also}")


class CapabilityError(ConfigurationError):
    """An agent, engine, policy or back-end lacks an ability that the run needs. Raised before the run starts."""


class MissingDependencyError(QuintainError, ImportError):
    """An optional library is not installed; the message gives the command that installs it."""

    def __init__(self, module: str, extra: str, purpose: str = "", remedy: str = "") -> None:
        """Compose "mujoco is not installed; run: pip install 'quintain[mujoco]'", or name another ``remedy``."""
        self.module = module
        self.extra = extra
        why = f" (needed for {purpose})" if purpose else ""
        command = remedy or f"pip install 'quintain[{extra}]'"
        super().__init__(f"{module} is not installed{why}; run: {command}", name=module)


class BudgetExceededError(QuintainError):
    """A declared limit was reached; ``limit`` and ``value`` hold the numbers."""

    def __init__(self, what: str, limit: float, value: float) -> None:
        """Compose "tokens: limit 1000, reached 1024"."""
        self.what = what
        self.limit = limit
        self.value = value
        super().__init__(f"{what}: limit {limit:g}, reached {value:g}")


class EngineError(QuintainError):
    """A language-model provider failed after a bounded number of attempts."""

    def __init__(self, message: str, *, attempts: int = 1, status: int | None = None) -> None:
        """Keep the number of attempts and, for HTTP, the last status code."""
        self.attempts = attempts
        self.status = status
        super().__init__(message)


class ContextOverflowError(EngineError):
    """A prompt does not fit the model's context window. Another attempt cannot help; shorten the prompt."""

    def __init__(self, prompt_tokens: int, limit: int) -> None:
        """Compose "the prompt has 9000 tokens and the model reads at most 8191"."""
        self.prompt_tokens = prompt_tokens
        self.limit = limit
        super().__init__(f"the prompt has {prompt_tokens} tokens and the model reads at most {limit}; shorten it")


class SandboxError(QuintainError):
    """The sandbox itself failed (not the program inside it)."""


class SandboxUnavailable(SandboxError):
    """No backend with the required protections exists on this machine."""


class EnvironmentFault(QuintainError):
    """An environment violated its contract."""


class AgentError(QuintainError):
    """An agent violated its contract, or cannot continue its episode."""


class TaskError(QuintainError):
    """A task's generator or verifier violated its contract."""


class RecordError(QuintainError):
    """A run folder is missing, damaged beyond repair, or belongs to a different configuration."""


class RepeatedItemsWarning(UserWarning):
    """Episodes of a run posed the same item, so that they do not count as independent questions."""


def require(module: str, extra: str, purpose: str = "") -> ModuleType:
    """Import a module, or raise an error that names the extra to install.

    Args:
        module: Importable name, such as ``"mujoco"``.
        extra: The extra of this package that installs it, such as ``"mujoco"``.
        purpose: What needs it, for the message; empty for nothing.

    Returns:
        The imported module.

    Raises:
        MissingDependencyError: If the module (or the package it lives in) is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module + ".").startswith(error.name + "."):
            raise MissingDependencyError(module, extra, purpose) from error
        raise
