"""Griffe extension: read our docstrings as they are meant.

Roles such as ``:class:`Agent``` become links where the target is documented; a singular ``Example:`` is code; an
``Arguments:`` that only points elsewhere is prose; and the comment with ``#:`` above a constant describes it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import griffe

sys.path.insert(0, str(Path(__file__).parent))  # griffe loads this file by its path

from layout import homes, target

_ROLE = re.compile(r":(?:class|func|meth|mod|attr|exc|data|obj):`(~?)([\w.]+)(?:\(\))?`")
_EXAMPLE = re.compile(r"^( *)Example:$", re.MULTILINE)
_POINTER = re.compile(r"^( *)Arguments:(?=\n +See )", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Rewrites docstrings as they are collected."""

    def on_attribute_instance(self, *, attr: griffe.Attribute, **kwargs: Any) -> None:
        """Take the comment above a constant as its docstring."""
        if attr.docstring is not None or attr.lineno is None:
            return
        lines, found = attr.lines_collection[attr.filepath][: attr.lineno - 1], []
        while lines and lines[-1].strip().startswith("#:"):
            found.insert(0, lines.pop().strip().removeprefix("#:").strip())
        if found:
            attr.docstring = griffe.Docstring("\n".join(found), lineno=attr.lineno, parent=attr)

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Replace the roles in one docstring."""
        if obj.docstring is None:
            return

        def link(match: re.Match[str]) -> str:
            shortened, name = match.groups()
            shown = name.rpartition(".")[2] if shortened else name
            return f'<autoref optional identifier="{_resolve(obj, name)}"><code>{shown}</code></autoref>'

        text = _ROLE.sub(link, obj.docstring.value)
        text = _EXAMPLE.sub(r"\1Examples:", text)
        obj.docstring.value = _POINTER.sub(r"\1Constructor:", text)


def _resolve(obj: griffe.Object, name: str) -> str:
    if name.startswith("quintain."):
        return target(name)
    scope: griffe.Object | None = obj
    while scope is not None:
        if name.partition(".")[0] in scope.members:
            return target(f"{scope.path}.{name}")
        scope = scope.parent
    return next((target(path) for home, path in homes().items() if home.endswith(f".{name}")), name)
