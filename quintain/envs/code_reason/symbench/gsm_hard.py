"""Grade-school word problems with large numbers.

In the place of GSM-Hard in SymBench, whose items (Gao et al. 2023, arXiv 2211.10435) are not reproduced: the
templates are our own and every number is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from quintain.envs.code_reason.symbench._templates import Template, answer, draw, text
from quintain.envs.text.forms import NumberTask
from quintain.envs.text.task import expect

__all__ = ["GsmHard"]

_BIG = (1_000, 9_000_000)
_TEMPLATES = (
    Template(
        "A farm collects {a} eggs a day. The family keeps {b} of them and sells the rest at the market for {p} dollars "
        "each. How many dollars does the farm earn in {d} days?",
        {"a": _BIG, "b": (100, 5_000), "p": (2, 9), "d": (2, 60)},
        lambda a, b, p, d: (a - b) * p * d if a > b else None,
    ),
    Template(
        "A robe takes {a} bolts of blue fibre and half that much white fibre. How many bolts do {n} robes take in all?",
        {"a": _BIG, "n": (2, 5_000)},
        lambda a, n: Fraction(3 * a * n, 2),
    ),
    Template(
        "Mara buys a house for {p} dollars and spends {r} dollars on repairs, which raises the value of the house to "
        "{k} times the price. How many dollars of profit does she make when she sells it at that value?",
        {"p": _BIG, "r": (1_000, 3_000_000), "k": (2, 6)},
        lambda p, r, k: k * p - p - r if k * p > p + r else None,
    ),
    Template(
        "A runner does {s} sprints on each of {d} days a week, and each sprint is {m} metres long. How many metres "
        "does the runner cover in {w} weeks?",
        {"s": (2, 5_000), "d": (2, 7), "m": _BIG, "w": (2, 52)},
        lambda s, d, m, w: s * d * m * w,
    ),
    Template(
        "A warehouse holds {a} crates. On Monday {b} crates leave, and on Tuesday a quarter of the remaining crates "
        "leave. Then {c} new crates arrive. How many crates are there?",
        {"a": _BIG, "b": (100, 2_000_000), "c": _BIG},
        lambda a, b, c: 3 * (a - b) // 4 + c if a > b and (a - b) % 4 == 0 else None,
    ),
    Template(
        "A plant makes {a} litres of juice a day. It fills {n} bottles of {v} litres each every day and pours the rest "
        "into a tank. How many litres are in the tank after {d} days, if it was empty at first?",
        {"a": _BIG, "n": (10, 60_000), "v": (2, 20), "d": (2, 90)},
        lambda a, n, v, d: (a - n * v) * d if a > n * v else None,
    ),
    Template(
        "Tickets cost {p} dollars for adults and {q} dollars for children. A show sells {a} adult tickets and {c} "
        "times as many children's tickets, and pays {r} dollars rent. How many dollars are left?",
        {"p": (10, 200), "q": (2, 90), "a": _BIG, "c": (2, 9), "r": _BIG},
        lambda p, q, a, c, r: a * p + a * c * q - r if a * p + a * c * q > r else None,
    ),
    Template(
        "A saver puts {m} dollars a month into an account that pays no interest. After {k} months she takes out {t} "
        "percent of what is there. How many dollars are left?",
        {"m": _BIG, "k": (3, 240), "t": (5, 95)},
        lambda m, k, t: Fraction(m * k * (100 - t), 100),
    ),
    Template(
        "A train carries {a} people. At each of {n} stops {b} people get off and {c} people get on. How many people "
        "are on the train after the last of these stops?",
        {"a": _BIG, "n": (3, 40), "b": (10, 9_000), "c": (10, 9_000)},
        lambda a, n, b, c: a + n * (c - b) if a > n * b else None,
    ),
    Template(
        "A download has {b} parts of {r} megabytes each and runs at {r} megabytes a minute. After {t} minutes it "
        "stops, a restart takes {s} minutes, and then it begins again from nothing. How many minutes does it all take?",
        {"b": _BIG, "r": (2, 500), "t": (5, 900), "s": (5, 90)},
        lambda b, r, t, s: t + s + b if b > t else None,
    ),
)


@dataclass(frozen=True)
class GsmHard(NumberTask):
    """Ten templates of two to four steps with numbers of up to seven digits. Answers are exact.

    Attributes:
        percent: Scale of the numbers, in percent of the default, in [1, 10**8]. Default: 100.
    """

    LEVELS: ClassVar = {"easy": {"percent": 1}, "hard": {"percent": 100_000}}

    percent: int = 100

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(1 <= self.percent <= 10**8, "percent in [1, 10**8]")

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw a template and its numbers."""
        return draw(rng, _TEMPLATES, Fraction(self.percent, 100))

    def ask(self, data: Mapping[str, Any]) -> str:
        """Tell the story."""
        return text(_TEMPLATES, data) + "\nWrite the exact answer as a number: <<<number>>>."

    def find(self, data: Mapping[str, Any]) -> Fraction:
        """Compute the answer."""
        return answer(_TEMPLATES, data)
