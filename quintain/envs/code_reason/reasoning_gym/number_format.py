"""Number format: pick the largest or smallest of numbers in different notations. Our own generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from quintain.envs.text.answers import parse_number
from quintain.envs.text.draws import choose, randint
from quintain.envs.text.forms import NumberTask
from quintain.envs.text.task import expect

__all__ = ["NumberFormat"]


@dataclass(frozen=True)
class NumberFormat(NumberTask):
    """Numbers near each other, written plainly, with thousands separators, or in scientific notation.

    The answer may be written in any of these notations; it has to be equal to the number meant.

    Attributes:
        candidates: Number of candidates, in [2, 20]. Default: 5.
        digits: Number of digits before the decimal point, in [2, 12]. Default: 8.
    """

    LEVELS: ClassVar = {"easy": {"candidates": 3, "digits": 4}, "hard": {"candidates": 12, "digits": 11}}
    TOLERANCE: ClassVar[Fraction] = Fraction(0)

    candidates: int = 5
    digits: int = 8

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(2 <= self.candidates <= 20, "candidates in [2, 20]")
        expect(2 <= self.digits <= 12, "digits in [2, 12]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw different thousandths around a centre, and a notation for each."""
        centre = randint(rng, 10 ** (self.digits - 1) + 100, 10**self.digits) * 1000
        spread = choose(rng, (50, 5_000, 90_000))
        thousandths: list[int] = []
        while len(thousandths) < self.candidates:
            number = centre + randint(rng, -spread, spread)
            if number not in thousandths:
                thousandths.append(number)
        written = [_write(number, choose(rng, ("plain", "separated", "scientific"))) for number in thousandths]
        return {"candidates": written, "pick": choose(rng, ("largest", "smallest"))}

    def ask(self, data: Mapping[str, Any]) -> str:
        """List the candidates."""
        return (
            f"Pick the {data['pick']} of these numbers: {'; '.join(data['candidates'])}\n"
            "Write only that number, as <<<number>>>."
        )

    def find(self, data: Mapping[str, Any]) -> Fraction:
        """Compare exactly."""
        values = [parse_number(text) for text in data["candidates"]]
        return max(values) if data["pick"] == "largest" else min(values)

    def render(self, value: Fraction) -> str:
        """Write the number plainly."""
        whole, rest = divmod(int(value * 1000), 1000)
        return f"{whole}.{rest:03}"


def _write(thousandths: int, notation: str) -> str:
    whole, rest = divmod(thousandths, 1000)
    if notation == "scientific":
        digits = str(thousandths)
        return f"{digits[0]}.{digits[1:]}e+{len(str(whole)) - 1:02}"
    return f"{whole:,}.{rest:03}" if notation == "separated" else f"{whole}.{rest:03}"
