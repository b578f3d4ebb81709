"""Which libraries are preloaded when a snippet starts.

A larger interpreter takes longer to fork, so there are two: ``bare`` with the standard library, and ``science`` with
NumPy and SymPy. The snippet's text decides. A wrong choice costs time or fails an import; it weakens no protection.
"""

from __future__ import annotations

import importlib.machinery
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from quintain.sandbox.packages import is_installed, with_requirements

__all__ = ["BARE", "SCIENCE", "Flavour", "choose", "importable", "locate", "science_with"]

_STANDARD = """
    abc argparse array ast base64 binascii bisect builtins calendar cmath collections collections.abc contextlib
    copy csv dataclasses datetime decimal difflib enum errno fractions functools hashlib heapq inspect io
    itertools json keyword linecache locale math numbers operator os os.path pprint queue random re secrets
    signal statistics string struct tempfile textwrap threading time timeit traceback types typing unicodedata
    uuid warnings weakref zlib encodings.ascii encodings.latin_1 encodings.idna encodings.unicode_escape
    _strptime _sitebuiltins
"""
STANDARD = tuple(_STANDARD.split())


@dataclass(frozen=True)
class Flavour:
    """One kind of fork server.

    Attributes:
        name: Name of the flavour in records and messages.
        packages: Top-level packages that its snippets can import beyond the standard library.
        preload: Modules imported by the server before the first fork.
        distributions: Names of distributions whose shared libraries lie beside the packages, in ``<name>.libs``.
    """

    name: str
    packages: tuple[str, ...]
    preload: tuple[str, ...]
    distributions: tuple[str, ...] = ()


BARE = Flavour("bare", (), STANDARD)
SCIENCE = Flavour(
    "science",
    ("numpy", "sympy", "mpmath"),
    (*STANDARD, "asyncio", "numpy", "numpy.random", "numpy.linalg", "numpy.fft", "sympy", "mpmath"),
)


def science_with(packages: Sequence[str]) -> Flavour:
    """Return the flavour ``science`` with further packages, with all that these require.

    Args:
        packages: Installed packages, by the names under which they are imported.
    """
    if not packages:
        return SCIENCE
    modules, distributions = with_requirements(packages)
    return replace(
        SCIENCE,
        packages=tuple(dict.fromkeys((*SCIENCE.packages, *modules))),
        preload=tuple(dict.fromkeys((*SCIENCE.preload, *packages))),
        distributions=distributions,
    )


def importable(packages: Sequence[str]) -> tuple[str, ...]:
    """Return what snippets can import beyond the standard library: what there is of ``science``, and ``packages``."""
    return tuple(dict.fromkeys((*(name for name in SCIENCE.packages if is_installed(name)), *packages)))


def choose(code: str, science: Flavour = SCIENCE) -> Flavour:
    """Return ``science`` if the snippet mentions one of its packages, else ``BARE``."""
    return science if _names(science.packages).search(code) else BARE


@lru_cache(maxsize=64)
def _names(packages: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(packages)})\b")


@dataclass(frozen=True)
class Location:
    """Where the packages of a flavour are installed.

    Attributes:
        directories: Directories that must be on ``sys.path`` to import them.
        paths: Their files, which stay readable in the sandbox.
        modules: The file of each package or module, by its name.
        missing: Packages of the flavour that are not installed here.
    """

    directories: tuple[str, ...]
    paths: tuple[str, ...]
    modules: dict[str, str]
    missing: tuple[str, ...]


def locate(flavour: Flavour) -> Location:
    """Find a flavour's packages without importing them."""
    directories: list[str] = []
    paths: list[str] = []
    modules: dict[str, str] = {}
    missing: list[str] = []
    for name in flavour.packages:
        spec = importlib.machinery.PathFinder.find_spec(name, sys.path)
        if spec is None or spec.origin is None:
            missing.append(name)
            continue
        modules[name] = origin = os.path.abspath(spec.origin)
        place = os.path.dirname(origin) if spec.submodule_search_locations else origin
        paths.append(place)
        if (site := os.path.dirname(place)) not in directories:
            directories.append(site)
    for site in directories:
        libraries = [os.path.join(site, f"{name}.libs") for name in {*flavour.packages, *flavour.distributions}]
        paths += sorted(path for path in libraries if os.path.isdir(path))
    return Location(tuple(directories), tuple(paths), modules, tuple(missing))
