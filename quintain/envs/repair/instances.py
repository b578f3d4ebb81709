"""The verified instances: which bug in which package fails which hidden tests.

``library/NAME.json`` is written by ``scripts/repair_instances.py``, which ran every mutant of every package: a mutant
is an instance if some hidden tests fail on it, while all of them pass on the package as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resources
from types import MappingProxyType
from typing import Any, Literal, get_args

from quintain.envs.repair.mutations import Module, Mutation, mutations
from quintain.envs.repair.packages import Package, load_package, package_names
from quintain.errors import ConfigurationError

__all__ = ["SPLITS", "TEST_PACKAGES", "Instance", "Split", "Symptom", "instances", "module_of", "split_of"]

Split = Literal["train", "test"]
SPLITS: tuple[str, ...] = get_args(Split)
_LIBRARY = resources("quintain.envs.repair") / "library"


@dataclass(frozen=True)
class Symptom:
    """How a bug shows in one hidden test.

    Attributes:
        test: Name of the test.
        check: Number of its first assertion that fails.
        observed: ``repr`` of the wrong value; ``None`` where an error ended the test.
        error: The error; empty where the value is wrong.
        frames: Path, line and function of the last calls inside the package before the error.
    """

    test: str
    check: int
    observed: str | None
    error: str
    frames: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True)
class Instance:
    """One bug in one package.

    Attributes:
        package: Name of the package.
        path: Path of the module with the bug.
        operator: Name of the mutation operator.
        site: Number of the mutation among those of the operator in the module.
        fail_to_pass: Names of the hidden tests that fail with the bug.
        visible_failures: Number of visible tests that fail with the bug.
        symptom: How it shows in the first of the hidden tests that fail.
    """

    package: str
    path: str
    operator: str
    site: int
    fail_to_pass: tuple[str, ...]
    visible_failures: int
    symptom: Symptom

    @property
    def id(self) -> str:
        """Package, module, operator and site, with slashes between them."""
        module = self.path.removeprefix(f"{self.package}/").removesuffix(".py")
        return f"{self.package}/{module}/{self.operator}/{self.site}"

    @property
    def pass_to_pass(self) -> tuple[str, ...]:
        """Names of the hidden tests that pass with the bug."""
        return tuple(name for name in load_package(self.package).hidden.names if name not in self.fail_to_pass)

    @property
    def mutation(self) -> Mutation:
        """The replacement that makes the bug.

        Raises:
            ConfigurationError: If the package was changed since the instances were verified.
        """
        found = _mutations(self.package, self.path, self.operator)
        if self.site >= len(found):
            raise ConfigurationError(f"{self.id}: run scripts/repair_instances.py again, the package was changed")
        return found[self.site]

    def files(self) -> MappingProxyType[str, str]:
        """Return the repository with the bug."""
        gold = load_package(self.package).files
        return MappingProxyType({**gold, self.path: self.mutation.apply(gold[self.path])})


def module_of(package: Package, path: str) -> Module:
    """Return a module of a package, which knows its siblings."""
    names = [other.removeprefix(f"{package.name}/").removesuffix(".py") for other in package.modules]
    return Module(package.files[path], tuple(names))


@cache
def _mutations(package: str, path: str, operator: str) -> list[Mutation]:
    return mutations(module_of(load_package(package), path), operator)


def split_of(package: str) -> Split:
    """Return the split to which all bugs of a package belong."""
    return "test" if package in TEST_PACKAGES else "train"


def checksum(package: str) -> str:
    """Hash the text of a package."""
    return hashlib.blake2b((_LIBRARY / f"{package}.txt").read_bytes(), digest_size=8).hexdigest()


@cache
def _read(package: str) -> tuple[Instance, ...]:
    data = json.loads((_LIBRARY / f"{package}.json").read_text(encoding="utf-8"))
    names = load_package(package).hidden.names
    return tuple(_instance(package, names, row) for row in data["instances"])


def _instance(package: str, names: Sequence[str], row: Sequence[Any]) -> Instance:
    path, operator, site, visible, failing, check, observed, error, frames = row
    symptom = Symptom(names[failing[0]], check, observed, error, tuple(map(tuple, frames)))
    return Instance(package, path, operator, site, tuple(names[k] for k in failing), visible, symptom)


@cache
def instances(split: Split, packages: tuple[str, ...] = (), operators: tuple[str, ...] = ()) -> tuple[Instance, ...]:
    """Return the verified instances of a split, in a fixed order.

    Args:
        split: ``"train"`` or ``"test"``; no package is in both.
        packages: Only bugs in these. Default: in all of the split.
        operators: Only bugs of these operators. Default: of all.
    """
    chosen = [name for name in package_names() if split_of(name) == split and (not packages or name in packages)]
    every = (instance for name in chosen for instance in _read(name))
    return tuple(instance for instance in every if not operators or instance.operator in operators)


#: Packages whose bugs are the test split.
TEST_PACKAGES = frozenset(
    {"bank", "calc", "ciphers", "graphs", "histogram", "ringbuffer", "router", "semver", "slugs", "wordwrap"}
)
