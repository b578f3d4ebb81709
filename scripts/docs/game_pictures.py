"""Pictures of games as small inline SVG, in the colours of the page: payoff pairs, or payoffs by number of others."""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quintain.envs.games import NormalFormGame

__all__ = ["by_others", "picture"]

#: Size of the drawing in pixels, and its margins: left and right, above, below.
_WIDTH, _HEIGHT = 440, 300
_SIDE, _TOP, _BOTTOM = 70, 20, 46
_ACCENT = "var(--md-accent-fg-color)"


def picture(game: NormalFormGame) -> str:
    """Return the picture of a game with its caption, on one line of HTML."""
    if game.players == 2:
        parts, caption = (
            _pairs(game),
            (
                "Payoffs of the two players. Dots: outcomes of one round; ringed: equilibria in pure strategies; "
                "diamond: in mixed strategies. Light: averages that repetition makes possible; "
                "dark: those in which both get at least what they can guarantee themselves."
            ),
        )
    else:
        parts, caption = _lines(game), f"Payoff by the number of others who choose {game.options[0][0]}."
    drawing = "".join(parts)
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img" '
        f'aria-label="{html.escape(caption)}" font-size="11" fill="currentColor" style="max-width:100%">{drawing}</svg>'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def by_others(game: NormalFormGame, move: int) -> list[float]:
    """Return player 0's payoff of a move by the number of others who choose option 0; the rest choose the last one."""
    others, last = game.players - 1, game.shape[1] - 1
    return [float(game.payoffs[0][(move, *(0,) * k, *(last,) * (others - k))]) for k in range(others + 1)]


class _Axes:
    """Places values of two ranges in the drawing."""

    def __init__(self, horizontal: Sequence[float], vertical: Sequence[float]) -> None:
        self._ranges = [(min(values), max(values)) for values in (horizontal, vertical)]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a pair of values, in pixels."""
        (left, right), (low, high) = self._ranges
        across, up = (x - left) / (right - left or 1), (y - low) / (high - low or 1)
        return (
            round(_SIDE + across * (_WIDTH - 2 * _SIDE), 1),
            round(_HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM), 1),
        )

    def frame(self, across: str, up: str, ticks: Sequence[float], heights: Sequence[float]) -> Iterator[str]:
        """Draw both axes with ticks and titles."""
        (left, right), (low, high) = self._ranges
        x0, y0 = self.at(left, low)
        x1, y1 = self.at(right, high)
        x0, y0, x1, y1 = x0 - 14, y0 + 12, x1 + 14, y1 - 12
        yield f'<path d="M{x0} {y1}V{y0}H{x1}" fill="none" stroke="currentColor" opacity="0.5"/>'
        for value in ticks:
            yield _text(self.at(value, low)[0], y0 + 14, f"{value:g}", "middle")
        for value in heights:
            yield _text(x0 - 5, self.at(left, value)[1] + 4, f"{value:g}", "end")
        yield _text((x0 + x1) / 2, y0 + 31, across, "middle")
        yield (
            f'<text transform="translate({x0 - 34} {(y0 + y1) / 2}) rotate(-90)" text-anchor="middle">'
            f"{html.escape(up)}</text>"
        )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _pairs(game: NormalFormGame) -> Iterator[str]:
    """Draw the payoffs of player 0 and player 1 as points of a plane."""
    from quintain.experiments.games import folk_region, nash_equilibria, pure_nash

    outcomes: dict[tuple[float, float], list[tuple[int, ...]]] = defaultdict(list)
    for cell in product(*map(range, game.shape)):
        outcomes[float(game.payoffs[0][cell]) + 0, float(game.payoffs[1][cell]) + 0].append(cell)  # no -0
    axes = _Axes([x for x, _ in outcomes], [y for _, y in outcomes])
    yield from axes.frame(
        "payoff of player 0", "payoff of player 1", sorted({x for x, _ in outcomes}), sorted({y for _, y in outcomes})
    )
    region = folk_region(game)
    for corners, opacity in ((region.feasible, 0.15), (region.sustainable, 0.3)):
        points = " ".join("{:g},{:g}".format(*axes.at(*map(float, corner))) for corner in corners)
        line = f' stroke="{_ACCENT}" stroke-width="{2 if opacity < 0.2 else 5}"' if len(corners) < 3 else ""
        yield f'<polygon points="{points}" fill="{_ACCENT}" opacity="{opacity}"{line}/>'
    for profile in nash_equilibria(game):
        if max(profile.first) < 1 or max(profile.second) < 1:
            x, y = axes.at(*map(float, profile.payoffs(game)))
            yield f'<path d="M{x} {y - 7}l6 7l-6 7l-6 -7z" fill="{_ACCENT}"/>'
    equilibria = set(pure_nash(game))
    for pair, cells in outcomes.items():
        x, y = axes.at(*pair)
        if equilibria.intersection(cells):
            yield f'<circle cx="{x}" cy="{y}" r="8" fill="none" stroke="{_ACCENT}" stroke-width="2"/>'
        yield f'<circle cx="{x}" cy="{y}" r="3.5"/>'
        anchor, shift = ("end", -12) if x > _WIDTH / 2 else ("start", 12)
        for line, name in enumerate(_names(game, cells)):
            yield _text(x + shift, y - 6 + 13 * line, name, anchor)


def _names(game: NormalFormGame, cells: Sequence[Sequence[int]]) -> list[str]:
    if len(cells) > 2:
        return [f"{len(cells)} outcomes"]
    return [", ".join(game.options[seat][move] for seat, move in enumerate(cell)) for cell in cells]


def _lines(game: NormalFormGame) -> Iterator[str]:
    """Draw player 0's payoff of each option by the number of others who choose option 0."""
    curves = [by_others(game, move) for move in range(game.shape[0])]
    others = range(game.players)
    axes = _Axes(others, [value for curve in curves for value in curve])
    low, high = min(map(min, curves)), max(map(max, curves))
    yield from axes.frame(f"others who {game.options[0][0]}", "own payoff", others, [low, (low + high) / 2, high])
    for move, curve in enumerate(curves):
        places = [axes.at(k, value) for k, value in zip(others, curve, strict=True)]
        colour = _ACCENT if move else "currentColor"
        points = " ".join(f"{x},{y}" for x, y in places)
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield "".join(f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>' for x, y in places)
        x, y = places[-1]
        yield _text(x + 8, y + 4, game.options[0][move], "start")
