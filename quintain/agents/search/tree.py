"""The tree of a search over partial solutions: nodes in columns, transpositions, and its JSON.

A node is a prefix: the steps on the path from the root. Columns keep a tree of ten thousand nodes small and fast. Where
two prefixes have the same key, they share one node, which then has several parents and one path by which it was found.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from quintain.errors import ConfigurationError

__all__ = ["END", "Node", "Tree", "mix"]

#: The note of a node whose solution is complete, or that has no next step.
END = "end"

_SCHEMA = 1
_MASK = 2**64 - 1


def mix(*numbers: int) -> int:
    """Hash integers to one of 64 bits (SplitMix64), the same on every machine.

    A search draws from it in place of a generator: a draw depends on the seed, the iteration and its place in it, so
    that a resumed search continues as an uninterrupted one.
    """
    state = 0
    for number in numbers:
        state = (state + (number & _MASK) + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state


@dataclass(frozen=True, slots=True)
class Node:
    """A view of one node.

    Attributes:
        index: Its index in the columns; 0 is the root.
        step: Text of its last step; empty for the root.
        depth: Number of steps of its prefix.
        value: Its value; see the search that made the tree.
        estimate: The value that the value model gave when the node was made.
        visits: Number of visits.
        note: Note of the critic; :data:`END` for a complete solution, empty for none.
        children: Indices of its children.
    """

    index: int
    step: str
    depth: int
    value: float
    estimate: float
    visits: int
    note: str
    children: tuple[int, ...]


class Tree:
    """Nodes by index, in order of their making; the root is 0.

    Attributes:
        parents: The parent by which each node was found first; -1 for the root.
        children: Indices of the children of each node.
        steps: Text of the last step of each node.
        values: Value of each node.
        estimates: Value of each node when it was made.
        visits: Number of visits of each node.
        notes: Note of each node.
        keys: Node of each key, for transpositions.
        facts: JSON-able facts of the search: its iterations, what it has spent.
    """

    def __init__(self) -> None:
        self.parents: list[int] = [-1]
        self.children: list[list[int]] = [[]]
        self.steps: list[str] = [""]
        self.values: list[float] = [0.0]
        self.estimates: list[float] = [0.0]
        self.visits: list[int] = [0]
        self.notes: list[str] = [""]
        self.keys: dict[str, int] = {}
        self.facts: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self.parents)

    def __iter__(self) -> Iterator[Node]:
        return map(self.node, range(len(self)))

    def node(self, index: int) -> Node:
        """Return a view of a node."""
        return Node(
            index,
            self.steps[index],
            len(self.path(index)) - 1,
            self.values[index],
            self.estimates[index],
            self.visits[index],
            self.notes[index],
            tuple(self.children[index]),
        )

    def path(self, index: int) -> list[int]:
        """Return the nodes from the root to a node, by the parents by which they were found first."""
        found = [index]
        while (index := self.parents[index]) >= 0:
            found.append(index)
        return found[::-1]

    def prefix(self, index: int) -> tuple[str, ...]:
        """Return the steps from the root to a node."""
        return tuple(self.steps[node] for node in self.path(index)[1:])

    def add(self, parent: int, step: str, value: float, key: str | None = None) -> int:
        """Add a child, or link the node of an equal key as one.

        Args:
            parent: Index of the parent.
            step: Text of the step.
            value: Value of the new node.
            key: Equal for prefixes that may share a node. One that would make a prefix its own continuation is not
                shared. Default: a node of its own.

        Returns:
            Index of the child, which may have been one before.
        """
        if key is not None and (known := self.keys.get(key)) is not None and not self._leads_to(known, parent):
            if known not in self.children[parent]:
                self.children[parent].append(known)
            return known
        index = len(self.parents)
        self.parents.append(parent)
        self.children.append([])
        self.steps.append(step)
        self.values.append(value)
        self.estimates.append(value)
        self.visits.append(0)
        self.notes.append("")
        self.children[parent].append(index)
        if key is not None:
            self.keys.setdefault(key, index)
        return index

    def _leads_to(self, start: int, target: int) -> bool:
        """Whether ``target`` is ``start`` or below it."""
        seen, open_ = set(), [start]
        while open_:
            node = open_.pop()
            if node == target:
                return True
            if node not in seen:
                seen.add(node)
                open_.extend(self.children[node])
        return False

    def leaves(self) -> list[int]:
        """Return the nodes without children, in order."""
        return [index for index, children in enumerate(self.children) if not children]

    def best(self, among: Sequence[int]) -> int:
        """Return the node with the highest value among some, of several the first."""
        return max(among, key=self.values.__getitem__)

    def to_json(self) -> str:
        """Return the whole search as one line of JSON, from which it can be resumed."""
        columns = {name: getattr(self, name) for name in _COLUMNS}
        return json.dumps({"schema": _SCHEMA, **columns, "facts": self.facts}, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a tree.

        Raises:
            ConfigurationError: If the text is no tree of this version.
        """
        try:
            data = json.loads(text)
            tree = cls()
            if data["schema"] != _SCHEMA:
                raise ConfigurationError(f"the tree has schema {data['schema']}, this version reads {_SCHEMA}")
            for name in _COLUMNS:
                setattr(tree, name, data[name])
            tree.facts = data["facts"]
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, ConfigurationError):
                raise
            raise ConfigurationError(f"not a search tree: {error!r}") from error
        if len({len(getattr(tree, name)) for name in _COLUMNS if name != "keys"}) != 1:
            raise ConfigurationError("not a search tree: its columns differ in length")
        return tree


_COLUMNS = ("parents", "children", "steps", "values", "estimates", "visits", "notes", "keys")
