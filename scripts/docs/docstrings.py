"""Griffe extension: read our docstrings as they are meant.

Roles such as ``:class:`Agent``` become links where the target is documented; a singular ``Example:`` is code; and an
``Arguments:`` that only points elsewhere is prose.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|func|meth|mod|attr|exc|data|obj):`(~?)([\w.]+)(?:\(\))?`")
_EXAMPLE = re.compile(r"^( *)Example:$", re.MULTILINE)
_POINTER = re.compile(r"^( *)Arguments:(?=\n +See )", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Rewrites docstrings as they are collected."""

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
        return name
    scope: griffe.Object | None = obj
    while scope is not None:
        if name.partition(".")[0] in scope.members:
            return f"{scope.path}.{name}"
        scope = scope.parent
    return name
