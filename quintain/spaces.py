"""Additional Gymnasium spaces: text over all of Unicode."""

from __future__ import annotations

import string
from typing import Any

import numpy as np
from gymnasium import spaces

__all__ = ["UnicodeText"]

_SAMPLE_CHARSET = string.ascii_letters + string.digits + string.punctuation + " \n"


class UnicodeText(spaces.Text):
    r"""Text of bounded length over all of Unicode.

    Gymnasium's ``Text`` rejects any character outside its charset, and its default charset has no space. Here the
    charset serves ``sample`` only: every ``str`` of allowed length is a member, tested in constant time, also with lone
    surrogates, which models and files produce.

    Args:
        max_length: Maximum length, in characters, >= 1.
        min_length: Minimum length, in characters, >= 0.
        sample_length: Maximum length of the strings that ``sample`` draws, in characters; small, so that sampling a
            space of a million characters is cheap.
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
