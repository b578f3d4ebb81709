"""Named, independent random streams: every seed of a run is derived from one root seed.

If episode ``i`` had the seed ``root + i``, runs with root seeds 0 and 1 would share all episodes but one. Here a stream
is identified by a root seed and a path of names, and its seed is a hash of both. Streams are therefore independent of
each other and of the order in which they are made.

All seeds have 31 bits, which every simulator takes. Among 50,000 hashes of 31 bits about one pair would be equal, so
the seeds of a run's episodes are a permutation of all 31-bit numbers, which the root seed chooses.
"""

from __future__ import annotations

import hashlib
import operator
from typing import Any, Literal, Protocol

import numpy as np

__all__ = ["SEED_BITS", "SeedStream", "Seeds", "episode_seeds", "repeat_seed"]

#: Bits of every seed. Simulators with a C integer or NumPy's ``RandomState`` take no more than 31 or 32.
SEED_BITS: Literal[31] = 31

#: Bits of the seeds of runs that were begun before all seeds had 31; JSON readers keep no larger integers exact.
_EARLIER_BITS = 53


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
        """This node's seed, in [0, 2**31): what a Gymnasium ``reset`` takes."""
        return _seed(self._digest, SEED_BITS)

    def generator(self) -> np.random.Generator:
        """Return a fresh generator for this node. Calling twice gives two equal generators."""
        return np.random.Generator(np.random.PCG64(int.from_bytes(self._digest, "little")))

    def __getitem__(self, index: int) -> int:
        """Return the seed of child ``index``; the same as ``child(index).seed``, without making the child.

        Raises:
            TypeError: If ``index`` is not an integer.
        """
        return self._indexed(index, SEED_BITS)

    def _indexed(self, index: int, bits: int) -> int:
        return _seed(_digest(f"{self._stem}, {operator.index(index)!r})"), bits)

    #: Indexing never raises IndexError, so iteration and ``in`` would not end; this makes them a TypeError.
    __iter__ = None

    def __repr__(self) -> str:
        return f"SeedStream({', '.join(map(repr, (self.root, *self.path)))})"


def _digest(path: str) -> bytes:
    return hashlib.blake2b(path.encode(), digest_size=16).digest()


def _seed(digest: bytes, bits: int) -> int:
    return int.from_bytes(digest[:8], "little") >> (64 - bits)


class Seeds(Protocol):
    """The seeds of a run's episodes."""

    def __getitem__(self, index: int) -> int:
        """Return the seed of episode ``index``, which is >= 0."""
        ...


def episode_seeds(seed: int, bits: int = SEED_BITS) -> Seeds:
    """Return the seeds of a run's episodes.

    Args:
        seed: Root seed of the run, an integer >= 0.
        bits: Bits of the seeds: 31, of which no two are equal; or 53, as runs had them before there was a choice.

    Raises:
        ValueError: If ``seed`` is negative or not an integer, or ``bits`` is another number.

    Example:
        >>> episode_seeds(0)[3] < 2**31 < episode_seeds(0, bits=53)[3]
        True
    """
    if bits not in (SEED_BITS, _EARLIER_BITS):
        raise ValueError(f"seeds have {SEED_BITS} or {_EARLIER_BITS} bits, got {bits!r}")
    stream = SeedStream(seed, "episode")
    return _Permutation(stream) if bits == SEED_BITS else _EarlierSeeds(stream)


class _EarlierSeeds:
    """The seeds of 53 bits of a run that was begun when there were no others."""

    def __init__(self, stream: SeedStream) -> None:
        self._stream = stream

    def __getitem__(self, index: int) -> int:
        return self._stream._indexed(index, _EARLIER_BITS)

    #: As in :class:`SeedStream`.
    __iter__ = None


def repeat_seed(seed: int, repeat: int) -> int:
    """Return the seed of an agent's random choices in one of several answers to an item.

    Args:
        seed: Seed of the item, with which the environment is reset.
        repeat: Number of the answer, >= 0. Answer 0 has the item's own seed, as in a run without repeats.

    Example:
        >>> repeat_seed(7, 0), repeat_seed(7, 1) == repeat_seed(7, 2)
        (7, False)
    """
    return SeedStream(seed, "repeat", repeat).seed if repeat else seed


class _Permutation:
    """A keyed permutation of [0, 2**31): each round is one to one, and four mix every bit with every other."""

    def __init__(self, stream: SeedStream) -> None:
        digest = hashlib.blake2b(repr((stream.root, *stream.path)).encode(), digest_size=32).digest()
        words = [int.from_bytes(digest[k : k + 4], "little") for k in range(0, 32, 4)]
        self._rounds = tuple((add, factor | 1) for add, factor in zip(words[::2], words[1::2], strict=True))

    def __getitem__(self, index: int) -> int:
        value = operator.index(index)
        if not 0 <= value < 1 << SEED_BITS:
            raise ValueError(f"a run has episodes 0 to 2**{SEED_BITS} - 1, got {index!r}")
        for add, factor in self._rounds:
            value = (value + add) * factor & (1 << SEED_BITS) - 1  # an odd factor has an inverse
            value ^= value >> 16
        return value

    #: As in :class:`SeedStream`.
    __iter__ = None
