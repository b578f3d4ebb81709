"""How replies of a language model are sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quintain.arguments import check_number
from quintain.errors import ConfigurationError

__all__ = ["Sampling"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How replies are sampled.

    Attributes:
        temperature: Sampling temperature, >= 0; 0 is greedy decoding. The default is that of R1-Code-Interpreter's
            evaluation.
        top_p: Nucleus mass in (0, 1]; 1 samples from the whole distribution. Default: 1.
        max_tokens: Maximum number of tokens of a reply, >= 1. Default: 512.
        stop: Strings that end a reply, which does not include them; a single string counts as one. Default: none.

    Raises:
        ConfigurationError: If a field is out of range.
    """

    temperature: float = 0.6
    top_p: float = 1.0
    max_tokens: int = 512
    stop: Sequence[str] = ()

    def __post_init__(self) -> None:
        check_number("temperature", self.temperature, low=0, hint="use 0 for greedy decoding")
        check_number("top_p", self.top_p, above=0, high=1)
        check_number("max_tokens", self.max_tokens, low=1, integer=True)
        stop = (self.stop,) if isinstance(self.stop, str) else self.stop
        if not isinstance(stop, (list, tuple)) or not all(isinstance(text, str) and text for text in stop):
            raise ConfigurationError(f"stop must be a string or a list of non-empty strings, got {self.stop!r}")
        object.__setattr__(self, "stop", tuple(stop))
