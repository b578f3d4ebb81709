"""Remember which slot of the cache begins with which tokens, to compute shared beginnings once.

An agent's next request usually extends its previous one, and all episodes share a system prompt.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["PrefixStore", "common_prefix"]

Tokens = npt.NDArray[np.int64]


def common_prefix(left: Tokens, right: Tokens) -> int:
    """Return how many leading tokens two sequences share."""
    n = min(len(left), len(right))
    differ = left[:n] != right[:n]
    at = int(differ.argmax()) if n else 0
    return at if n and differ[at] else n


class PrefixStore:
    """Slots that hold finished sequences, the least recently used one given away first.

    Args:
        slots: The slots it may use.
    """

    def __init__(self, slots: Sequence[int]) -> None:
        self._free = list(slots)
        self._kept: OrderedDict[int, Tokens] = OrderedDict()

    def __iter__(self) -> Iterator[tuple[int, Tokens]]:
        """Iterate over (slot, tokens)."""
        return iter(self._kept.items())

    @property
    def slots(self) -> list[int]:
        """Its slots, used or free."""
        return [*self._free, *self._kept]

    def touch(self, slot: int) -> None:
        """Mark a slot as just used."""
        if slot in self._kept:
            self._kept.move_to_end(slot)

    def place(self, tokens: Tokens, spare: int = 0) -> tuple[int, int] | None:
        """Choose the slot for a finished sequence.

        Args:
            tokens: The sequence.
            spare: A held sequence of which at most this many tokens would be lost gives its slot up.

        Returns:
            The slot and how many of its leading tokens are already there; ``None`` if there is nothing to store.
        """
        for slot, held in self._kept.items():
            shared = common_prefix(held, tokens)
            if shared == len(tokens):  # it is there already
                self.touch(slot)
                return None
            if shared >= max(len(held) - spare, 1):  # a conversation grew, or only the last question is another
                self._kept[slot] = tokens
                self.touch(slot)
                return slot, shared
        if self._free:
            slot = self._free.pop()
        elif self._kept:
            slot, _ = self._kept.popitem(last=False)
        else:
            return None
        self._kept[slot] = tokens
        return slot, 0
