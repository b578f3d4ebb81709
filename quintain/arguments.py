"""The arguments of classes and functions: their names, and checks whose messages say what would be accepted."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from quintain.errors import ConfigurationError

__all__ = ["argument_names", "check_arguments", "check_bool", "check_number", "nearest"]

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
        ConfigurationError: If an argument is missing or unknown. The message suggests the nearest name, lists the
            accepted ones and, where the command line can set them, names the option for it.
    """
    names = argument_names(factory, skip=len(leading))
    try:
        inspect.signature(factory).bind(*leading, **options)
        if isinstance(getattr(factory, "keywords", None), tuple):
            for option in options.keys() - set(names):
                raise TypeError(f"got an unexpected keyword argument {option!r}")
    except TypeError as error:
        known = f"its arguments: {', '.join(names)}" if names else "it takes no arguments"
        if names and kind in _OPTIONS:
            known += f" ({_OPTIONS[kind]} {names[0]}=...)"
        unknown = next((option for option in options if option not in names), "")
        raise ConfigurationError(f"{kind} {name!r}: {error}{nearest(unknown, names)}; {known}") from None


def nearest(name: str, known: Iterable[str]) -> str:
    """Suggest the most similar of the known names.

    Returns:
        ``"; did you mean 'NAME'?"``, or an empty string where none is similar.

    Example:
        >>> nearest("temprature", ["top_p", "temperature"])
        "; did you mean 'temperature'?"
    """
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def check_bool(name: str, value: object) -> None:
    """Check that a setting is true or false, so that a string such as ``"no"`` does not count as true.

    Raises:
        ConfigurationError: If it is neither.
    """
    import numpy as np  # here, because the sandbox imports this module and does without NumPy

    if not isinstance(value, (bool, np.bool_)):
        raise ConfigurationError(f"{name} must be true or false, got {value!r}")


def check_number(
    name: str,
    value: object,
    *,
    low: float = -math.inf,
    above: float = -math.inf,
    high: float = math.inf,
    below: float = math.inf,
    integer: bool = False,
    hint: str = "",
) -> None:
    """Check that a setting is a finite number within its range.

    Args:
        name: Name of the setting, for the message.
        value: The value of the setting.
        low: Minimum, inclusive. Default: none.
        above: Minimum, exclusive. Default: none.
        high: Maximum, inclusive. Default: none.
        below: Maximum, exclusive. Default: none.
        integer: Whether it must be an integer. Default: false.
        hint: What to do instead, for the message. Default: empty.

    Raises:
        ConfigurationError: If it is not.

    Example:
        >>> check_number("max_tokens", "many", low=1, integer=True)
        Traceback (most recent call last):
        quintain.errors.ConfigurationError: max_tokens must be an integer >= 1, got 'many'
    """
    import numpy as np

    kinds = (int, np.integer) if integer else (int, float, np.integer, np.floating)
    if (
        not isinstance(value, bool)
        and isinstance(value, kinds)
        and math.isfinite(value)
        and above < value < below
        and low <= value <= high
    ):
        return
    bounds = [f">= {low:g}"] if low > -math.inf else [f"> {above:g}"] if above > -math.inf else []
    bounds += [f"<= {high:g}"] if high < math.inf else [f"< {below:g}"] if below < math.inf else []
    wanted = f"{'an integer' if integer else 'a finite number'} {' and '.join(bounds)}".rstrip()
    raise ConfigurationError(f"{name} must be {wanted}, got {value!r}{'; ' if hint else ''}{hint}")
