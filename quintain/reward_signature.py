"""Inputs of designed reward functions: what an environment declares about them, and their form as columns of a batch.

An environment whose reward can be designed declares a :class:`RewardSignature` and gives the inputs after every step;
see :class:`DeclaresReward`. Designed functions see these inputs and a memory, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from quintain.errors import ConfigurationError, UnknownNameError

__all__ = [
    "Columns", "DeclaresReward", "InputKind", "RewardInput", "RewardSignature", "Target", "pack", "rows_of",
    "to_columns",
]  # fmt: skip

#: Kinds of inputs and the Python values that a function gets: ``number`` a float; ``flag`` a bool; ``vector`` a tuple
#: of floats; ``places`` a dictionary from names to offsets ``(dx, dy, dz)``; ``counts`` one from names to numbers;
#: ``text`` one of a few strings.
InputKind = Literal["number", "flag", "vector", "places", "counts", "text"]

#: Inputs of a batch of ``n`` steps by name. ``number``, ``flag``, ``text`` (an index): shape ``(n,)``; ``vector``:
#: ``(n, size)``; ``places`` and ``counts``: how many entries each step has ``(n,)``, which names they are ``(m,)``, and
#: their values ``(m, 3)`` or ``(m,)``.
Columns = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RewardInput:
    """One input of a designed reward function.

    Attributes:
        name: Name of the parameter.
        kind: Its kind.
        meaning: Meaning, unit and range, in one line, for whoever writes the function.
        names: Names that can occur: keys of ``places`` and ``counts``, values of ``text``.
        size: Length of a ``vector``.
    """

    name: str
    kind: InputKind
    meaning: str
    names: tuple[str, ...] = ()
    size: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """What has to come closer for the task, for checks of a function's signs.

    Attributes:
        input: A ``places`` input, or a ``vector`` that moves.
        name: For ``places``: which of its names.
        to: For a ``vector``: the ``vector`` that it approaches.
    """

    input: str
    name: str = ""
    to: str = ""


@dataclass(frozen=True)
class RewardSignature:
    """What an environment declares about designed rewards.

    Attributes:
        task: The task in words.
        inputs: The parameters, in order; a function has a last one, ``memory``, a dictionary that is emptied when an
            episode begins.
        facts: Facts of the environment for whoever writes the function, one sentence each.
        success: Name of the flag that says that the task is done.
        failure: Name of the flag that says that the agent has died; empty if it cannot.
        targets: What has to come closer.
        hazards: What kills, as (``places`` input, name), such as ``("nearby_blocks", "lava")``.
        words: Words of the task and the names that they mean, such as ``{"tree": "log"}``.
        max_steps: Usual number of steps of an episode.
    """

    task: str
    inputs: tuple[RewardInput, ...]
    facts: tuple[str, ...] = ()
    success: str = "goal_reached"
    failure: str = ""
    targets: tuple[Target, ...] = ()
    hazards: tuple[tuple[str, str], ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    max_steps: int = 500

    def __post_init__(self) -> None:
        """Check the names.

        Raises:
            ConfigurationError: If a name is no identifier, or given twice.
        """
        names = [each.name for each in self.inputs]
        if len(set(names)) < len(names) or "memory" in names or not all(name.isidentifier() for name in names):
            raise ConfigurationError(f"inputs need distinct names other than 'memory', got {names}")

    @property
    def header(self) -> str:
        """The function's name and parameters: ``reward(a, b, memory)``."""
        return f"reward({', '.join([*(each.name for each in self.inputs), 'memory'])})"

    def find(self, name: str) -> RewardInput:
        """Return an input by its name.

        Raises:
            UnknownNameError: If there is none.
        """
        for each in self.inputs:
            if each.name == name:
                return each
        raise UnknownNameError("input", name, [each.name for each in self.inputs])

    def describe(self) -> dict[str, Any]:
        """Return the signature as JSON-able data."""
        return asdict(self)


@runtime_checkable
class DeclaresReward(Protocol):
    """An environment, single or vector, whose reward can be designed.

    Attributes:
        reward_signature: What it declares.
    """

    reward_signature: RewardSignature

    def reward_inputs(self) -> Columns:
        """Return the inputs after the last step: one row for a single environment, one per world for a vector."""
        ...


def to_columns(rows: Sequence[Mapping[str, Any]], signature: RewardSignature) -> Columns:
    """Return the inputs of several steps, given as dictionaries of Python values, as columns.

    Example:
        >>> signature = RewardSignature("walk", (RewardInput("near", "places", "", ("log", "lava")),))
        >>> to_columns([{"near": {"lava": (0, -1, 2)}}, {"near": {}}], signature)["near"][0].tolist()
        [1, 0]
    """
    found: dict[str, Any] = {}
    for each in signature.inputs:
        values = [row[each.name] for row in rows]
        if each.kind == "text":
            found[each.name] = np.array([each.names.index(value) for value in values], np.float32)
        elif each.kind in ("places", "counts"):
            ids = [each.names.index(name) for value in values for name in value]
            parts = [part for value in values for part in value.values()]
            shape = (-1, 3) if each.kind == "places" else (-1,)
            counts = np.array([len(value) for value in values], np.int64)
            found[each.name] = counts, np.array(ids, np.int64), np.array(parts, np.float32).reshape(shape)
        else:
            found[each.name] = np.array(values, np.float32)
    return found


def pack(columns: Columns, signature: RewardSignature) -> bytes:
    """Return columns as bytes: 32-bit floats, input by input, in the order of the signature."""
    parts: list[NDArray[np.float32]] = []
    for each in signature.inputs:
        column = columns[each.name]
        for part in column if isinstance(column, tuple) else (column,):
            parts.append(np.asarray(part, np.float32).ravel())
    return np.concatenate(parts).tobytes() if parts else b""


def rows_of(columns: Columns, signature: RewardSignature, digits: int = 3) -> list[dict[str, Any]]:
    """Return columns as one dictionary of Python values per step; floats are rounded to ``digits``."""
    first = columns[signature.inputs[0].name]
    rows: list[dict[str, Any]] = [{} for _ in range(len(first[0] if isinstance(first, tuple) else first))]
    for each in signature.inputs:
        column = columns[each.name]
        at = 0
        for k, row in enumerate(rows):
            if isinstance(column, tuple):
                counts, ids, values = column
                span = range(at, at + int(counts[k]))
                at = span.stop
                row[each.name] = {each.names[int(ids[i])]: _plain(values[i], digits) for i in span}
            elif each.kind == "flag":
                row[each.name] = bool(column[k])
            elif each.kind == "text":
                row[each.name] = each.names[int(column[k])]
            else:
                row[each.name] = _plain(column[k], digits)
    return rows


def _plain(value: Any, digits: int) -> Any:
    if np.ndim(value):
        return tuple(round(float(part), digits) for part in value)
    return round(float(value), digits)
