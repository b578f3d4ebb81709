"""Draw a search tree as one HTML page whose nodes fold; it needs no script and loads nothing."""

from __future__ import annotations

import html
from collections.abc import Sequence

from quintain.agents.search.tree import Tree

__all__ = ["tree_page"]

_STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 24px auto; max-width: 1000px; padding: 0 16px; }
body { color: #1b1f24; background: #fcfcfa; }
details, .leaf { border-left: 2px solid #d0d5da; margin: 4px 0 4px 12px; padding-left: 10px; }
.on > summary, .leaf.on { background: #e6f4ea; }
summary { cursor: pointer; }
.step { white-space: pre-wrap; overflow-wrap: anywhere; }
.n { color: #59636e; font-variant-numeric: tabular-nums; margin-right: 8px; }
.bar { display: inline-block; height: 8px; background: #2b9f6b; margin-right: 6px; vertical-align: baseline; }
@media (prefers-color-scheme: dark) {
  body { color: #e6e8ea; background: #16191c; }
  .on > summary, .leaf.on { background: #1d3a2a; }
  .n { color: #9aa4ae; }
}
"""
_MAX_STEP = 2000
_OPEN_DEPTH = 3


def tree_page(tree: Tree, solution: int | None = None, title: str = "Search tree") -> str:
    """Return the page.

    Args:
        tree: The tree to show, finished or not.
        solution: Index of the chosen node, whose path is marked and open. Default: none.
        title: Heading of the page.

    Returns:
        HTML of the whole page. Text from models is escaped; a node with several parents is drawn below the first.
    """
    marked = set() if solution is None else set(tree.path(solution))
    facts = "".join(f'<span class="n">{html.escape(f"{key} {value}")}</span>' for key, value in tree.facts.items())
    body = "".join(_parts(tree, marked))
    name = html.escape(title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{name}</h1><p>{len(tree):,} nodes. {facts}</p>{body}</body></html>\n"
    )


def _parts(tree: Tree, marked: set[int]) -> list[str]:
    """Write the nodes in depth-first order, without recursion: a tree may be deeper than Python's stack."""
    parts: list[str] = []
    open_: list[tuple[int, int] | str] = [(0, 0)]
    while open_:
        item = open_.pop()
        if isinstance(item, str):
            parts.append(item)
            continue
        node, depth = item
        children: Sequence[int] = [child for child in tree.children[node] if tree.parents[child] == node]
        on = " on" if node in marked else ""
        if not children:
            parts.append(f'<div class="leaf{on}">{_line(tree, node)}</div>')
            continue
        opened = " open" if node in marked or depth < _OPEN_DEPTH else ""
        parts.append(f'<details class="{on.strip()}"{opened}><summary>{_line(tree, node)}</summary>')
        open_.append("</details>")
        open_.extend((child, depth + 1) for child in reversed(children))
    return parts


def _line(tree: Tree, node: int) -> str:
    text = tree.steps[node] if node else "(question)"
    shown = text if len(text) <= _MAX_STEP else f"{text[:_MAX_STEP]} [... {len(text) - _MAX_STEP:,} characters more]"
    note = f'<span class="n">{html.escape(tree.notes[node][:200])}</span>' if tree.notes[node] else ""
    width = round(80 * min(max(tree.values[node], 0.0), 1.0))
    return (
        f'<span class="bar" style="width:{width}px"></span><span class="n">V {tree.values[node]:.3f}, '
        f'n {tree.visits[node]}</span>{note}<span class="step">{html.escape(shown)}</span>'
    )
