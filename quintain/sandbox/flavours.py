"""Which libraries are preloaded when a snippet starts.

A larger interpreter takes longer to fork, so there are two: ``bare`` with the standard library, and ``science`` with
NumPy and SymPy. The snippet's text decides. A wrong choice costs time or fails an import; it weakens no protection.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import re
import sys
from dataclasses import dataclass

__all__ = ["BARE", "SCIENCE", "Flavour", "choose", "locate"]

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
    """

    name: str
    packages: tuple[str, ...]
    preload: tuple[str, ...]


BARE = Flavour("bare", (), STANDARD)
SCIENCE = Flavour(
    "science",
    ("numpy", "sympy", "mpmath"),
    (*STANDARD, "asyncio", "numpy", "numpy.random", "numpy.linalg", "numpy.fft", "sympy", "mpmath"),
)

_SCIENCE_NAMES = re.compile(r"\b(?:numpy|sympy|mpmath)\b")


def choose(code: str) -> Flavour:
    """Return the smallest flavour that has the packages that the snippet mentions."""
    return SCIENCE if _SCIENCE_NAMES.search(code) else BARE


@dataclass(frozen=True)
class Location:
    """Where the packages of a flavour are installed.

    Attributes:
        directories: Directories that must be on ``sys.path`` to import them.
        paths: Their files, which stay readable in the sandbox.
        missing: Packages of the flavour that are not installed here.
    """

    directories: tuple[str, ...]
    paths: tuple[str, ...]
    missing: tuple[str, ...]


def locate(flavour: Flavour) -> Location:
    """Find a flavour's packages without importing them."""
    directories: list[str] = []
    paths: list[str] = []
    missing: list[str] = []
    for name in flavour.packages:
        spec = importlib.machinery.PathFinder.find_spec(name, sys.path)
        origin = None if spec is None else spec.origin
        if origin is None or os.path.basename(origin) != "__init__.py":
            missing.append(name)
            continue
        package = os.path.dirname(os.path.abspath(origin))
        site = os.path.dirname(package)
        if site not in directories:
            directories.append(site)
        paths.append(package)
        libraries = os.path.join(site, f"{name}.libs")
        if os.path.isdir(libraries):
            paths.append(libraries)
    return Location(tuple(directories), tuple(paths), tuple(missing))
