"""Keep track of which cache row begins with which tokens, so that shared prefixes are computed once.

An agent's next request usually extends its previous one, and all episodes share a system prompt.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["MIN_SHARED", "PrefixStore", "Tokens", "common_prefix"]

Tokens = npt.NDArray[np.int64]
MIN_SHARED = 16  # tokens; shorter shared prefixes are computed again


def common_prefix(left: Tokens, right: Tokens) -> int:
    """Return the number of leading tokens that two sequences share."""
    n = min(len(left), len(right))
    differ = left[:n] != right[:n]
    at = int(differ.argmax()) if n else 0
    return at if n and differ[at] else n


class PrefixStore:
    """Rows that hold finished sequences; when no row is free, the least recently used one is replaced.

    Args:
        rows: Cache rows that it may use.
    """

    def __init__(self, rows: Sequence[int]) -> None:
        self._free = list(rows)
        self._kept: OrderedDict[int, Tokens] = OrderedDict()

    def __iter__(self) -> Iterator[tuple[int, Tokens]]:
        """Iterate over (row, tokens)."""
        return iter(self._kept.items())

    @property
    def rows(self) -> list[int]:
        """Its rows, used or free."""
        return [*self._free, *self._kept]

    def touch(self, row: int) -> None:
        """Mark a row as most recently used."""
        if row in self._kept:
            self._kept.move_to_end(row)

    def place(self, tokens: Tokens, spare: int = 0) -> tuple[int, int] | None:
        """Choose the row for a finished sequence.

        A stored sequence that the new one extends is replaced by it.

        Args:
            tokens: Token ids of the new sequence.
            spare: Also replace a stored sequence if the new one contains all of it but its last ``spare`` tokens. This
                is for constrained choices: their prompt ends with a question that the next prompt does not contain.
                Default: 0.

        Returns:
            The row, and the number of leading tokens that it holds already; ``None`` if there is nothing to store.
        """
        for row, held in self._kept.items():
            shared = common_prefix(held, tokens)
            if shared == len(tokens):  # stored already
                self.touch(row)
                return None
            if shared >= max(len(held) - spare, 1):
                self._kept[row] = tokens
                self.touch(row)
                return row, shared
        if self._free:
            row = self._free.pop()
        elif self._kept:
            row, _ = self._kept.popitem(last=False)
        else:
            return None
        self._kept[row] = tokens
        return row, 0
