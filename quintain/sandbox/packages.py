"""Packages of this Python environment that snippets may import: which were asked for, and what those require."""

from __future__ import annotations

import importlib.machinery
import re
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib import metadata

from quintain.errors import ConfigurationError, MissingDependencyError

__all__ = ["checked_packages", "is_installed", "versions", "with_requirements"]

#: Distributions that are not called like what is imported; the others are.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def is_installed(name: str) -> bool:
    """Whether a top-level module can be found, without importing it."""
    spec = importlib.machinery.PathFinder.find_spec(name, sys.path)
    return spec is not None and spec.origin is not None


def checked_packages(packages: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of packages, once each, if snippets can be given all of them.

    Args:
        packages: Names as they are imported, or one text with names separated by commas.

    Raises:
        MissingDependencyError: If one is not installed.
        ConfigurationError: If a name is not that of a package that can be given.
    """
    names = [word.strip() for word in packages.split(",")] if isinstance(packages, str) else list(packages)
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][\w.-]*", name):
            raise ConfigurationError(f"packages are named as they are imported, such as 'pandas', got {name!r}")
        if name in sys.stdlib_module_names:
            raise ConfigurationError(f"{name!r} belongs to the standard library, which is always there; leave it out")
        if name == "quintain":
            raise ConfigurationError("'quintain' holds the solvers of its tasks, so programs cannot import it")
        if not name.isidentifier() or not is_installed(name):
            _explain(name)
    return tuple(dict.fromkeys(names))


def _explain(name: str) -> None:
    imported = [module for module in _modules_of(name) if is_installed(module)]
    if imported:
        raise ConfigurationError(f"packages are named as they are imported: {name!r} is {imported[0]!r}")
    top = name.partition(".")[0]
    if top != name and is_installed(top):
        raise ConfigurationError(f"packages are given whole: {top!r} includes {name!r}")
    raise MissingDependencyError(
        name, extra="", purpose="programs in the sandbox", remedy=f"pip install {_DISTRIBUTIONS.get(top, top)}"
    )


def with_requirements(packages: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the top-level modules of packages and of all that they require, and the names of their distributions."""
    modules, distributions, todo = list(packages), [], [d for name in packages for d in _distributions_of(name)]
    while todo:
        name = todo.pop(0)
        if name in distributions or name == "quintain":
            continue
        distributions.append(name)
        modules += _modules_of(name)
        todo += _requirements_of(name)
    return tuple(dict.fromkeys(module for module in modules if is_installed(module))), tuple(distributions)


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of packages by name, for records."""
    found = {}
    for name in packages:
        for distribution in _distributions_of(name)[:1]:
            found[name] = _version_of(distribution)
    return found


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@lru_cache(maxsize=256)
def _version_of(distribution: str) -> str:
    return metadata.version(distribution)


@lru_cache(maxsize=256)
def _distributions_of(module: str) -> tuple[str, ...]:
    if module in _modules_of(_normalised(module)):  # most go by the same name, and looking at all of them takes long
        return (_normalised(module),)
    return tuple(_normalised(name) for name in metadata.packages_distributions().get(module, ()))


@lru_cache(maxsize=256)
def _modules_of(distribution: str) -> tuple[str, ...]:
    """Return the top-level modules of a distribution; none if it is not installed."""
    try:
        found = metadata.distribution(distribution)
    except (metadata.PackageNotFoundError, ValueError):
        return ()
    listed = (found.read_text("top_level.txt") or "").split()
    parts = [path.parts for path in found.files or () if path.suffix in (".py", ".so", ".pyd")]
    inferred = {part[0] if len(part) > 1 else part[0].partition(".")[0] for part in parts}
    return tuple(sorted(name for name in {*listed, *inferred} if name.isidentifier()))


def _requirements_of(distribution: str) -> list[str]:
    """Return what is installed of a distribution's requirements, extras left out."""
    required = metadata.distribution(distribution).requires or []
    names = [re.match(r"[\w.-]+", line) for line in required if "extra ==" not in line.replace("'", '"')]
    return [name for name in (_normalised(match[0]) for match in names if match) if _modules_of(name)]
