"""Reading ``--players``: names of strategies, joined by commas."""

from __future__ import annotations

import re

from quintain.cli.console import say
from quintain.errors import ConfigurationError

__all__ = ["all_strategies", "names_of"]

# Numbers after a comma are arguments of the name before them, as in "memory-one:1,0,0,1,grim".
_BETWEEN_NAMES = re.compile(r",(?!\s*[-+.\d])")


def names_of(text: str) -> list[str]:
    """Read names joined by commas.

    Example:
        >>> names_of("memory-one:1,0,0,1, grim")
        ['memory-one:1,0,0,1', 'grim']
    """
    return [name.strip() for name in _BETWEEN_NAMES.split(text) if name.strip()]


def all_strategies() -> list[str]:
    """Return every strategy that needs no arguments, and print which do need some."""
    from quintain.agents.games import strategy, strategy_names

    ready = []
    for name in strategy_names():
        try:
            strategy(name)
        except ConfigurationError as error:
            say(f"left out: {error}; name it with numbers, as in {name}:1,0,0,1", "yellow")
        else:
            ready.append(name)
    return ready
