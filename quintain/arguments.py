"""Which arguments a class or function takes, for error messages that name them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from quintain.errors import ConfigurationError

__all__ = ["argument_names", "check_arguments"]


def argument_names(factory: Callable[..., Any], *, skip: int = 0) -> tuple[str, ...]:
    """List the names of a callable's arguments, and where it takes any keyword, those in its ``keywords``.

    Args:
        factory: A class or function.
        skip: Number of leading arguments to leave out.

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

    Raises:
        ConfigurationError: If one is missing or does not exist; it names those that do.
    """
    try:
        inspect.signature(factory).bind(*leading, **options)
    except TypeError as error:
        names = argument_names(factory, skip=len(leading))
        known = f"its arguments: {', '.join(names)} (--agent-arg {names[0]}=...)" if names else "it takes no arguments"
        raise ConfigurationError(f"{what}: {error}; {known}") from None
