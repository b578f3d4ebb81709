"""The base packages: small Python libraries with visible and hidden tests, each in one text file.

A file ``library/NAME.txt`` starts with a sentence about the package. A line ``=== PATH`` begins a file of its
repository; ``=== hidden`` begins the hidden tests, which are in no repository.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resources
from types import MappingProxyType

from quintain.envs.repair.hidden_tests import HiddenTests, split_tests
from quintain.errors import UnknownNameError

__all__ = ["TEST_FILE", "Package", "load_package", "package_names"]

#: Path of the visible tests in every repository.
TEST_FILE = "tests/test_visible.py"
_HEADER = re.compile(r"^=== (.+)\n", re.MULTILINE)
_LIBRARY = resources("quintain.envs.repair") / "library"


@dataclass(frozen=True)
class Package:
    """One base package, without a bug.

    Attributes:
        name: Its name, under which it is imported.
        about: One sentence on what it does.
        files: Text of each file of the repository, by path: modules, visible tests and a README.
        hidden: The hidden tests.
    """

    name: str
    about: str
    files: MappingProxyType[str, str]
    hidden: HiddenTests

    @property
    def modules(self) -> list[str]:
        """Paths of the modules, sorted, without the package's ``__init__``."""
        inside = (path for path in self.files if path.startswith(f"{self.name}/"))
        return sorted(path for path in inside if not path.endswith("__init__.py"))


@cache
def package_names() -> tuple[str, ...]:
    """Return the names of all base packages, sorted."""
    return tuple(sorted(path.name[: -len(".txt")] for path in _LIBRARY.iterdir() if path.name.endswith(".txt")))


@cache
def load_package(name: str) -> Package:
    """Read a base package.

    Raises:
        UnknownNameError: If there is none of that name.
    """
    if name not in package_names():
        raise UnknownNameError("package", name, package_names())
    about, *parts = _HEADER.split((_LIBRARY / f"{name}.txt").read_text(encoding="utf-8"))
    found = dict(zip(parts[::2], (part.strip("\n") + "\n" for part in parts[1::2]), strict=True))
    hidden = split_tests(found.pop("hidden"))
    about = " ".join(about.split())
    files = {"README.md": f"# {name}\n\n{about}\n", f"{name}/__init__.py": f'"""{about}"""\n'} | found
    return Package(name, about, MappingProxyType(dict(sorted(files.items()))), hidden)
