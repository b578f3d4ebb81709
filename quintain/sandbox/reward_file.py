"""One file per designed reward: its source, with one line of facts at the head."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quintain.errors import ConfigurationError
from quintain.files import write_atomically

__all__ = ["RewardFile", "load_reward", "save_reward"]

_MARK = "# quintain reward: "


@dataclass(frozen=True, slots=True)
class RewardFile:
    """A designed reward as it is stored.

    Attributes:
        source: Source of the function, without the line of facts.
        facts: JSON-able facts: environment, who designed it, round, inputs.
    """

    source: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def save_reward(path: str | Path, source: str, facts: Mapping[str, Any]) -> Path:
    """Write a designed reward as one Python file; return its path."""
    write_atomically(Path(path), f"{_MARK}{json.dumps(dict(facts), sort_keys=True)}\n{source}")
    return Path(path)


def load_reward(path: str | Path) -> RewardFile:
    """Read a designed reward; a file without a line of facts is a function that somebody wrote.

    Raises:
        ConfigurationError: If there is no such file, or its line of facts is damaged.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"no reward can be read from {str(path)!r}: {error}") from error
    head, _, rest = text.partition("\n")
    if not head.startswith(_MARK):
        return RewardFile(text)
    try:
        return RewardFile(rest, dict(json.loads(head.removeprefix(_MARK))))
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"the first line of {str(path)!r} is damaged: {error}") from error
