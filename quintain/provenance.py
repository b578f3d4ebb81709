"""Provenance of results: hashes of functions and classes, and versions of installed packages."""

from __future__ import annotations

import functools
import hashlib
import inspect
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import CodeType
from typing import Any

__all__ = ["called_as", "command", "describe_function", "versions"]

_called: ContextVar[str] = ContextVar("command", default="")


def describe_function(function: Callable[..., Any]) -> dict[str, Any]:
    """Describe a function, class or callable object as JSON-able data: its name and a hash.

    The hash of a function covers its bytecode and constants, so comments and line numbers do not change it; the hash of
    a class covers its source. Neither covers what they refer to: globals, closures, an object's state. Built-in
    functions, and classes that were defined in an interactive session, have no hash.

    Args:
        function: The object; of a ``functools.partial`` the arguments are described too.

    Example:
        >>> describe_function(sorted)
        {'function': 'builtins.sorted'}
    """
    if isinstance(function, functools.partial):
        given = [*map(repr, function.args), *(f"{name}={value!r}" for name, value in function.keywords.items())]
        return {**describe_function(function.func), "given": given}
    named = function if hasattr(function, "__qualname__") else type(function)
    facts = {"function": f"{named.__module__}.{named.__qualname__}"}
    code = getattr(named, "__code__", None)
    try:
        content = _content(code) if code is not None else inspect.getsource(named)
    except (OSError, TypeError):  # built in, or defined in an interactive session
        return facts
    return facts | {"hash": hashlib.blake2b(content.encode(), digest_size=8).hexdigest()}


@contextmanager
def called_as(words: Sequence[str]) -> Iterator[None]:
    """Name the command that runs while the block does, for the manifests of the runs that it makes.

    Args:
        words: The command and its arguments, as given to the shell.
    """
    token = _called.set(shlex.join(words))
    try:
        yield
    finally:
        _called.reset(token)


def command() -> str:
    """Return the command that :func:`called_as` named; empty in programs that use Quintain as a library."""
    return _called.get()


def versions(*names: str) -> dict[str, str]:
    """Return the installed versions of packages; a package that is not installed is left out.

    Args:
        names: Distribution names, as on the package index: ``"stable-baselines3"``.

    Example:
        >>> versions("not-installed")
        {}
    """
    from importlib import metadata  # loads a dozen modules, which importing quintain does not need

    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _content(code: CodeType) -> str:
    return repr((code.co_code.hex(), code.co_names, code.co_varnames, [_constant(c) for c in code.co_consts]))


def _constant(value: Any) -> str:
    if isinstance(value, CodeType):
        return _content(value)
    return repr(sorted(value, key=repr) if isinstance(value, frozenset) else value)
