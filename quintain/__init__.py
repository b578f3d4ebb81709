"""Quintain: evaluate, attack and train agents in Gymnasium and PettingZoo environments.

Importing this package registers every environment with Gymnasium and PettingZoo, and imports nothing heavy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from quintain.envs import register_all
from quintain.errors import QuintainError
from quintain.seeding import SeedStream
from quintain.spaces import UnicodeText

if TYPE_CHECKING:
    from quintain.agents import as_agent, make_agent
    from quintain.envs.checker import check
    from quintain.evaluation import compare, evaluate, leaderboard, play, rescore

__version__ = "0.1.0"

__all__ = [
    "QuintainError",
    "SeedStream",
    "UnicodeText",
    "as_agent",
    "check",
    "compare",
    "evaluate",
    "leaderboard",
    "make_agent",
    "play",
    "rescore",
]

_LAZY = {
    "as_agent": "quintain.agents",
    "make_agent": "quintain.agents",
    "check": "quintain.envs.checker",
    "compare": "quintain.evaluation",
    "evaluate": "quintain.evaluation",
    "leaderboard": "quintain.evaluation",
    "play": "quintain.evaluation",
    "rescore": "quintain.evaluation",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


register_all()
