"""The argument names of classes and functions, and error messages that list them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from quintain.errors import ConfigurationError

__all__ = ["argument_names", "check_arguments"]

# The command-line option that passes arguments to an entry of a registry, by the kind of entry.
_OPTIONS = {"agent": "--agent-arg", "strategy": "--agent-arg", "engine": "--engine-arg"}


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


def check_arguments(
    kind: str, name: str, factory: Callable[..., Any], leading: Sequence[Any], options: Mapping[str, Any]
) -> None:
    """Make sure that arguments fit a callable before it is called.

    Args:
        kind: Kind of object that the callable makes, for the message: ``"agent"``, ``"engine"``, ``"strategy"`` ...
        name: Name of the registry entry, for the message.
        factory: The class or function that is about to be called.
        leading: Positional arguments of the call; the message does not list their names.
        options: Keyword arguments of the call.

    Raises:
        ConfigurationError: If an argument is missing or unknown. The message lists the accepted names and, where the
            command line can set them, the option for it.
    """
    try:
        inspect.signature(factory).bind(*leading, **options)
    except TypeError as error:
        names = argument_names(factory, skip=len(leading))
        known = f"its arguments: {', '.join(names)}" if names else "it takes no arguments"
        if names and kind in _OPTIONS:
            known += f" ({_OPTIONS[kind]} {names[0]}=...)"
        raise ConfigurationError(f"{kind} {name!r}: {error}; {known}") from None
