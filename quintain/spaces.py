"""Gymnasium spaces: text over all of Unicode, and which dictionaries can be flattened without loss of meaning."""

from __future__ import annotations

import multiprocessing
import string
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import create_shared_memory, read_from_shared_memory, write_to_shared_memory
from numpy.typing import NDArray

__all__ = ["UnicodeText", "is_dict_of_floats"]

_SAMPLE_CHARSET = string.ascii_letters + string.digits + string.punctuation + " \n"


class UnicodeText(spaces.Text):
    r"""Text of bounded length over all of Unicode.

    Gymnasium's ``Text`` rejects any character outside its charset, and its default charset has no space. Here the
    charset serves ``sample`` only: every ``str`` of allowed length is a member, tested in constant time, also with lone
    surrogates, which models and files produce.

    Args:
        max_length: Maximum length, in characters, >= 1.
        min_length: Minimum length, in characters, >= 0. Default: 0.
        sample_length: Maximum length of the strings that ``sample`` draws, in characters; small, so that sampling a
            space of a million characters is cheap. Default: 80.
        seed: Seed or generator of ``sample``.

    Example:
        >>> "naïve ☃\n" in UnicodeText(10)
        True
    """

    def __init__(
        self,
        max_length: int,
        *,
        min_length: int = 0,
        sample_length: int = 80,
        seed: int | np.random.Generator | None = None,
    ) -> None:
        self.sample_length = max(min_length, min(sample_length, max_length))
        super().__init__(max_length, min_length=min_length, charset=_SAMPLE_CHARSET, seed=seed)

    def contains(self, x: Any) -> bool:
        """Return whether ``x`` is a string of allowed length."""
        return isinstance(x, str) and self.min_length <= len(x) <= self.max_length

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """Draw a string of ASCII characters of random length, at most ``sample_length`` long.

        Raises:
            ValueError: If a mask or probability is given; neither is meaningful here.
        """
        if mask is not None or probability is not None:
            raise ValueError("UnicodeText.sample takes no mask and no probability")
        length = int(self.np_random.integers(self.min_length, self.sample_length, endpoint=True))
        picks = self.np_random.integers(len(_SAMPLE_CHARSET), size=length)
        return "".join(_SAMPLE_CHARSET[i] for i in picks)

    def __repr__(self) -> str:
        return f"UnicodeText({self.min_length}, {self.max_length})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnicodeText) and (self.min_length, self.max_length) == (
            other.min_length,
            other.max_length,
        )

    __hash__ = None  # type: ignore[assignment]  # mutable, like every Gymnasium space


def is_dict_of_floats(space: spaces.Space[Any]) -> bool:
    """Return whether a space is a Dict whose parts are all Boxes of floats, as in goal-conditioned tasks.

    Flattened, each entry of such an observation keeps its unit, so that a budget or a normaliser has a meaning. Indices
    and images, which flattening turns into something else, are not among them.
    """
    return isinstance(space, spaces.Dict) and all(
        isinstance(part, spaces.Box) and np.issubdtype(part.dtype, np.floating) for part in space.values()
    )


class _SharedTexts(Sequence[str]):
    """The texts in a shared buffer, read at the time of access; a deep copy is a tuple of ``str``.

    Gymnasium's ``AsyncVectorEnv`` reads the buffer once, when it is made, and returns deep copies of what it got. That
    suits arrays, which are views of the buffer. For its own ``Text`` it gets strings, which never change again.
    """

    def __init__(self, cells: NDArray[np.int32]) -> None:
        self._cells = cells  # one row each: the length, then the code points

    def __len__(self) -> int:
        return len(self._cells)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self)[index]
        row = self._cells[index]
        return "".join(map(chr, row[1 : 1 + row[0]].tolist()))

    def __deepcopy__(self, memo: dict[int, Any]) -> tuple[str, ...]:
        return tuple(self)

    def __repr__(self) -> str:
        return repr(tuple(self))


@create_shared_memory.register(UnicodeText)
def _create_shared_texts(space: UnicodeText, n: int = 1, ctx: Any = multiprocessing) -> Any:
    return ctx.Array(np.dtype(np.int32).char, n * (1 + space.max_length))


@read_from_shared_memory.register(UnicodeText)
def _read_shared_texts(space: UnicodeText, shared_memory: Any, n: int = 1) -> _SharedTexts:
    return _SharedTexts(np.frombuffer(shared_memory.get_obj(), dtype=np.int32).reshape(n, 1 + space.max_length))


@write_to_shared_memory.register(UnicodeText)
def _write_shared_text(space: UnicodeText, index: int, value: str, shared_memory: Any) -> None:
    row = np.frombuffer(shared_memory.get_obj(), dtype=np.int32).reshape(-1, 1 + space.max_length)[index]
    row[0] = len(value)
    row[1 : 1 + len(value)] = [ord(character) for character in value]
