"""A reward on the grid of its MDP: as text for the terminal, and as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from quintain.errors import ConfigurationError, require
from quintain.mdp import MDP, Layout

__all__ = ["draw_reward", "reward_text"]

Array = NDArray[np.float64]

_ARROWS = {"up": "↑", "left": "←", "down": "↓", "right": "→"}
#: Corners of the triangle of each direction in a cell with its centre at (0, 0), y upwards.
_TRIANGLES = {
    "up": ((-0.5, 0.5), (0.5, 0.5), (0, 0)),
    "left": ((-0.5, -0.5), (-0.5, 0.5), (0, 0)),
    "down": ((-0.5, -0.5), (0.5, -0.5), (0, 0)),
    "right": ((0.5, -0.5), (0.5, 0.5), (0, 0)),
}
_WIDTH = 7


def reward_text(mdp: MDP, rewards: Array) -> str:
    """Return a reward as text: the grid, and a line for each state with a reward.

    A cell shows the actions with the largest reward and how much more they pay than the one with the smallest. A cell
    without rewards is a dot; a cell that is no state is empty.

    Args:
        mdp: The MDP; its layout says where the states lie. Without one there is no grid.
        rewards: Rewards, shape ``(S, A)``.
    """
    rewards = _without_dust(rewards)
    lines = [] if mdp.layout is None else list(_grids(mdp, mdp.layout, rewards))
    for state in np.flatnonzero((rewards != 0).any(axis=1)):
        paid = "  ".join(f"{name} {value:+.3g}" for name, value in zip(mdp.actions, rewards[state], strict=True))
        lines.append(f"state {state}{_place(mdp.layout, int(state))}: {paid}")
    return "\n".join(lines)


def _place(layout: Layout | None, state: int) -> str:
    if layout is None or layout.cells[state][0] < 0:
        return ""
    row, column = layout.cells[state]
    title = layout.titles[_panel(layout, state)]
    return f" (row {row}, column {column}{f', {title}' if title else ''})"


def _panel(layout: Layout, state: int) -> int:
    return 0 if layout.panel is None else int(layout.panel[state])


def _grids(mdp: MDP, layout: Layout, rewards: Array) -> Iterator[str]:
    """Yield the lines of every grid, with walls."""
    rows, columns = layout.cells.max(axis=0) + 1
    walls = {frozenset(pair) for pair in layout.walls}
    for number, title in enumerate(layout.titles):
        cells = {
            tuple(map(int, cell)): _cell(mdp.actions, rewards[state])
            for state, cell in enumerate(layout.cells)
            if cell[0] >= 0 and _panel(layout, state) == number
        }
        if title:
            yield f"{title}:"
        for row in range(rows):
            parts = []
            for column in range(columns):
                wall = frozenset({(row, column), (row, column + 1)}) in walls
                parts.append(cells.get((row, column), "").center(_WIDTH) + ("|" if wall else " "))
            yield "".join(parts).rstrip()
            below = [
                "-" * _WIDTH if frozenset({(row, c), (row + 1, c)}) in walls else " " * _WIDTH for c in range(columns)
            ]
            if any("-" in part for part in below):
                yield " ".join(below).rstrip()
        yield ""


def _cell(actions: tuple[str, ...], rewards: Array) -> str:
    spread = float(rewards.max() - rewards.min())
    if not rewards.any():
        return "·"
    if spread <= 1e-9:
        return f"{rewards[0]:+.2g}"
    best = [actions[k] for k in np.flatnonzero(rewards >= rewards.max() - 1e-9)]
    return "".join(_ARROWS.get(name, name[:4]) for name in best) + f"{spread:.2g}"


def _without_dust(rewards: Array) -> Array:
    """Return the rewards with 0 for what is left by rounding and by the slack of margins."""
    return np.where(np.abs(rewards) > 1e-4 * np.abs(rewards).max(), rewards, 0.0)


def draw_reward(mdp: MDP, rewards: Array, path: str | Path | BinaryIO, title: str = "") -> None:
    """Draw a reward as a picture: one triangle per direction in every cell; on a line, one row per action.

    Args:
        mdp: The MDP, with a layout.
        rewards: Rewards, shape ``(S, A)``.
        path: The file, such as ``"reward.png"`` or ``"reward.svg"``; or an open one, which gets a PNG.
        title: Title of the picture.

    Raises:
        ConfigurationError: If the states lie on no grid, or the actions cannot be drawn on it.
        MissingDependencyError: Without matplotlib.
    """
    layout = mdp.layout
    if layout is None:
        raise ConfigurationError("the states of this MDP lie on no grid; print its rewards instead")
    require("matplotlib", "report", "drawing rewards")
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure

    on_line = int(layout.cells[:, 0].max()) == 0
    if not on_line and not {*mdp.actions} <= {*_TRIANGLES}:
        raise ConfigurationError(f"actions {', '.join(mdp.actions)} are no directions, which a grid needs")
    rewards = _without_dust(rewards)
    rows, columns = layout.cells.max(axis=0) + 1
    height = len(mdp.actions) if on_line else int(rows)
    n, unit = len(layout.titles), 0.35 if columns > 30 else 0.8
    figure = Figure(figsize=(columns * unit + 2.2, n * (height * max(unit, 0.4) + 0.9)), layout="constrained")
    largest = max(float(np.abs(rewards).max()), 1e-9)
    for number, (axes, name) in enumerate(
        zip(np.ravel(figure.subplots(n, 1, squeeze=False)), layout.titles, strict=True)
    ):
        shapes, values, marks = _shapes(mdp, layout, rewards, number, on_line)
        patches = PolyCollection(shapes, array=np.array(values), cmap="RdBu", edgecolors="#bbbbbb", linewidths=0.5)
        patches.set_clim(-largest, largest)
        axes.add_collection(patches)
        for (x, y), value in zip(marks, values, strict=True):
            if abs(value) > 0.01 * largest:  # smaller ones would fill the picture with digits
                dark = abs(value) > 0.6 * largest
                axes.text(x, y, f"{value:.2g}", ha="center", va="center", fontsize=8 if unit > 0.5 else 4,
                          color="white" if dark else "black")  # fmt: skip
        _walls(axes, layout)
        axes.set(xlim=(-0.5, columns - 0.5), ylim=(-(height - 0.5), 0.5), title=name or title, xticks=[], yticks=[])
        if on_line:
            axes.set_yticks([-k for k in range(height)], mdp.actions)
        axes.set_aspect("equal")
        figure.colorbar(patches, ax=axes, label="reward", shrink=0.8)
    if title and layout.titles[0]:
        figure.suptitle(title)
    figure.savefig(Path(path) if isinstance(path, str) else path, dpi=110)


def _shapes(mdp: MDP, layout: Layout, rewards: Array, number: int, on_line: bool) -> Any:
    """Return corners, values, and places of the numbers."""
    shapes, values, marks = [], [], []
    for state, (row, column) in enumerate(layout.cells):
        if row < 0 or _panel(layout, state) != number:
            continue
        for action, name in enumerate(mdp.actions):
            centre = np.array([column, -(action if on_line else row)], float)
            corners = ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)) if on_line else _TRIANGLES[name]
            shapes.append(centre + np.array(corners))
            values.append(float(rewards[state, action]))
            marks.append(tuple(centre if on_line else centre + 0.62 * np.array(corners[:2]).mean(axis=0)))
    return shapes, values, marks


def _walls(axes: Any, layout: Layout) -> None:
    for (row, column), (other_row, other_column) in layout.walls:
        y, x = -(row + other_row) / 2, (column + other_column) / 2
        ends = ([x, x], [y - 0.5, y + 0.5]) if row == other_row else ([x - 0.5, x + 0.5], [y, y])
        axes.plot(*ends, color="black", linewidth=3)
