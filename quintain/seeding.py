"""Named, independent random streams: every seed of a run is derived from one root seed.

If episode ``i`` had the seed ``root + i``, runs with root seeds 0 and 1 would share all episodes but one. Here a stream
is identified by a root seed and a path of names, and its seed is a hash of both. Streams are therefore independent of
each other and of the order in which they are made.
"""

from __future__ import annotations

import hashlib
import operator
from typing import Any

import numpy as np

__all__ = ["SeedStream"]

# Seeds fit the integers that JSON readers keep exact (2**53).
_SEED_BITS = 53


class SeedStream:
    """A node in a tree of random streams.

    Args:
        seed: Root seed, an integer >= 0.
        path: Names or indices on the path from the root to this node. Default: the root itself.

    Raises:
        ValueError: If ``seed`` is negative or not an integer.

    Example:
        >>> episodes = SeedStream(0, "episode")
        >>> episodes[3] == SeedStream(0).child("episode", 3).seed
        True
        >>> episodes[3] == SeedStream(1).child("episode", 2).seed
        False
    """

    __slots__ = ("_digest", "_stem", "path", "root")

    def __init__(self, seed: int, *path: str | int | np.integer[Any]) -> None:
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
            raise ValueError(f"seed must be an integer >= 0, got {seed!r}")
        self.root = int(seed)
        self.path = tuple(int(part) if isinstance(part, np.integer) else part for part in path)
        # repr separates names from indices and from each other: ("1",) is not (1,), ("a", "b") is not ("a/b",).
        text = repr((self.root, *self.path))
        self._digest = _digest(text)
        self._stem = text.rstrip(",)")  # the text without its end, to which ``__getitem__`` appends an index

    def child(self, *path: str | int | np.integer[Any]) -> SeedStream:
        """Return the stream ``path`` below this one."""
        return SeedStream(self.root, *self.path, *path)

    @property
    def seed(self) -> int:
        """This node's seed, in [0, 2**53): what a Gymnasium ``reset`` takes."""
        return _seed(self._digest)

    def generator(self) -> np.random.Generator:
        """Return a fresh generator for this node. Calling twice gives two equal generators."""
        return np.random.Generator(np.random.PCG64(int.from_bytes(self._digest, "little")))

    def __getitem__(self, index: int) -> int:
        """Return the seed of child ``index``; the same as ``child(index).seed``, without making the child.

        Raises:
            TypeError: If ``index`` is not an integer.
        """
        return _seed(_digest(f"{self._stem}, {operator.index(index)!r})"))

    #: Indexing never raises IndexError, so iteration and ``in`` would not end; this makes them a TypeError.
    __iter__ = None

    def __repr__(self) -> str:
        return f"SeedStream({', '.join(map(repr, (self.root, *self.path)))})"


def _digest(path: str) -> bytes:
    return hashlib.blake2b(path.encode(), digest_size=16).digest()


def _seed(digest: bytes) -> int:
    return int.from_bytes(digest[:8], "little") >> (64 - _SEED_BITS)
