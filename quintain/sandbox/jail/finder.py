"""Import packages that are readable although the directory that holds them is not."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["PackageFinder"]


class PackageFinder:
    """Finds top-level modules by name; an entry of ``sys.meta_path``.

    Args:
        modules: The file of each module, or the ``__init__`` of each package.
    """

    def __init__(self, modules: dict[str, str]) -> None:
        self.modules = modules

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return where a module is, or ``None`` if it is none of these."""
        file = self.modules.get(name)
        return None if file is None else importlib.util.spec_from_file_location(name, file)
