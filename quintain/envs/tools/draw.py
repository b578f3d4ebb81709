"""The generator of an item: a few kinds of draws, several times as fast as those of :class:`random.Random`."""

from __future__ import annotations

import hashlib
from collections.abc import MutableSequence, Sequence
from random import Random
from typing import Any, TypeVar

__all__ = ["Draw"]

T = TypeVar("T")


class Draw:
    """Draws that are a function of a text alone, equal on every machine.

    Args:
        identity: The text, such as the id of an item.
    """

    __slots__ = ("_random",)

    def __init__(self, identity: str) -> None:
        digest = hashlib.blake2b(identity.encode(), digest_size=8).digest()
        self._random = Random(int.from_bytes(digest, "big")).random

    def integer(self, low: int, high: int) -> int:
        """Draw an integer from ``low`` to ``high``, both included."""
        return low + int(self._random() * (high - low + 1))

    def choice(self, options: Sequence[T]) -> T:
        """Draw one of several options.

        Raises:
            IndexError: If there are none.
        """
        return options[int(self._random() * len(options))]

    def sample(self, options: Sequence[T], number: int) -> list[T]:
        """Draw several different options, in random order.

        Raises:
            ValueError: If there are fewer.
        """
        pool, count, draw = list(options), len(options), self._random
        if number > count:
            raise ValueError(f"cannot draw {number} of {count} options")
        for place in range(number):
            other = place + int(draw() * (count - place))
            pool[place], pool[other] = pool[other], pool[place]
        return pool[:number]

    def shuffle(self, items: MutableSequence[Any]) -> None:
        """Put items into random order, in place."""
        items[:] = self.sample(items, len(items))
