"""The argument names of classes and functions, and error messages that list them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from quintain.errors import ConfigurationError

__all__ = ["argument_names", "check_arguments"]


def argument_names(factory: Callable[..., Any], *, skip: int = 0) -> tuple[str, ...]:
    """List the argument names of a callable; where it takes any keyword, also those in its attribute ``keywords``.

    Args:
        factory: A class or function.
        skip: Number of leading arguments to leave out, >= 0.

    Example:
        >>> argument_names(lambda engine, *, rounds=5: None, skip=1)
        ('rounds',)
    """
    parameters = list(inspect.signature(factory).parameters.values())[skip:]
    names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if len(names) < len(parameters):
        names += getattr(factory, "keywords", ())
    return tuple(names)


def check_arguments(what: str, factory: Callable[..., Any], leading: Sequence[Any], options: Mapping[str, Any]) -> None:
    """Make sure that arguments fit a callable before it is called.

    Args:
        what: What the callable makes, for the message: ``"agent 'oracle'"``.
        factory: A class or function.
        leading: Positional arguments.
        options: Keyword arguments.

    Raises:
        ConfigurationError: If an argument is missing or does not exist; the message lists those that exist.
    """
    try:
        inspect.signature(factory).bind(*leading, **options)
    except TypeError as error:
        names = argument_names(factory, skip=len(leading))
        known = f"its arguments: {', '.join(names)} (--agent-arg {names[0]}=...)" if names else "it takes no arguments"
        raise ConfigurationError(f"{what}: {error}; {known}") from None
