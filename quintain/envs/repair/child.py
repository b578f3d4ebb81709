"""Runs tests inside the sandbox. Its text is sent to the child; nothing here holds or sees a right answer.

The repository is a dictionary of texts from which modules are imported, so that the child needs no writable directory.
"""

from __future__ import annotations

import ast
import linecache
import sys
import traceback
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

MAX_MESSAGE = 1500
MAX_FRAMES = 4


class Repository:
    """Imports modules from texts; an entry of ``sys.meta_path``."""

    def __init__(self, files: dict[str, str]) -> None:
        """Store the texts by path."""
        self.files = files

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return where a module is, or ``None``."""
        stem = name.replace(".", "/")
        for file, is_package in ((f"{stem}/__init__.py", True), (f"{stem}.py", False)):
            if file in self.files:
                return ModuleSpec(name, self, origin=file, is_package=is_package)  # type: ignore[arg-type]
        return None

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the making of the module to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's text."""
        path = str(module.__spec__.origin)  # type: ignore[union-attr]
        module.__file__ = path
        exec(compile(self.files[path], path, "exec"), module.__dict__)


class Raises:
    """``pytest.raises``: passes if the block raises one of these exceptions."""

    def __init__(self, *kinds: type[BaseException]) -> None:
        """Store the exceptions."""
        self.kinds = kinds

    def __enter__(self) -> Raises:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """Pass an expected exception over, and raise AssertionError without one."""
        if kind is None:
            names = " or ".join(each.__name__ for each in self.kinds)
            raise AssertionError(f"did not raise {names}")
        return issubclass(kind, self.kinds)


class Observed:
    """What the left sides of a hidden test gave."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.values: list[Any] = []

    def observe(self, value: Any) -> None:
        """Add a value."""
        self.values.append(plain(value))

    def raises(self) -> Observed:
        """Return a context that adds the names of the exception of its block."""
        return self

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """Add the names of the exception's classes, or ``None``."""
        self.values.append(None if kind is None else [base.__name__ for base in kind.__mro__])
        return True


def plain(value: Any, depth: int = 0) -> Any:
    """Copy plain data; anything else becomes a text that equals no expected value."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str, bytes, complex):
        return value
    if depth < 20:
        if kind in (list, tuple, set, frozenset):
            return kind([plain(item, depth + 1) for item in value])
        if kind is dict:
            return {plain(key, depth + 1): plain(item, depth + 1) for key, item in value.items()}
    return f"<{kind.__name__} object>"


def instrument(source: str, path: str) -> CodeType:
    """Compile tests so that a failed comparison shows both sides."""
    tree = ast.parse(source, path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and node.msg is None and isinstance(node.test, ast.Compare):
            compare = node.test
            if len(compare.ops) == 1 and isinstance(compare.ops[0], ast.Eq):
                call = ast.Call(ast.Name("__equal__", ast.Load()), [compare.left, compare.comparators[0]], [])
                node.test = ast.copy_location(call, compare)
    return compile(ast.fix_missing_locations(tree), path, "exec")


def equal(left: Any, right: Any) -> bool:
    """Compare, and raise AssertionError with both sides."""
    if not left == right:
        raise AssertionError(f"{left!r} == {right!r}")
    return True


def compared(source: str, path: str, name: str) -> Exception | None:
    """Run a failed test again, so that its error shows both sides; ``None`` if it does not fail again.

    Most tests pass, and instrumenting them costs as much as running them.
    """
    names: dict[str, Any] = {"__name__": path[:-3].replace("/", "."), "__file__": path, "__equal__": equal}
    try:
        exec(instrument(source, path), names)
        names[name]()
    except Exception as error:
        return error
    return None


def describe(error: BaseException, files: dict[str, str]) -> str:
    """Write the last frames inside the repository, and the error."""
    for path, text in files.items():
        linecache.cache[path] = (len(text), None, text.splitlines(True), path)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    lines = [f"{f.filename}:{f.lineno}: in {f.name}\n    {f.line}" for f in frames[-MAX_FRAMES:]]
    last = traceback.format_exception_only(type(error), error)[-1].strip()
    return ("\n".join([*lines, last]))[-MAX_MESSAGE:]


def location(error: BaseException, files: dict[str, str]) -> list[Any]:
    """Return the error as plain data: its text, and path, line and function of its last frames."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    text = traceback.format_exception_only(type(error), error)[-1].strip()
    return [text[:200], [[frame.filename, frame.lineno, frame.name] for frame in frames[-MAX_FRAMES:]]]


def prepare(files: dict[str, str]) -> None:
    """Make the repository importable, and the part of pytest that its tests use."""
    stub = ModuleType("pytest")
    stub.raises = Raises  # type: ignore[attr-defined]
    sys.modules["pytest"] = stub
    sys.meta_path.insert(0, Repository(files))


def run_visible(files: dict[str, str], paths: list[str]) -> list[list[str]]:
    """Run the test functions of some files.

    Returns:
        Name, ``"passed"`` or ``"failed"``, and message of each test.
    """
    prepare(files)
    results = []
    for path in paths:
        names: dict[str, Any] = {"__name__": path[:-3].replace("/", "."), "__file__": path}
        try:
            exec(compile(files[path], path, "exec"), names)
        except Exception as error:
            results.append([path, "failed", describe(error, files)])
            continue
        for name, test in list(names.items()):
            if name.startswith("test_") and callable(test):
                try:
                    test()
                except Exception as error:
                    shown = compared(files[path], path, name) if isinstance(error, AssertionError) else error
                    results.append([f"{path}::{name}", "failed", describe(shown or error, files)])
                else:
                    results.append([f"{path}::{name}", "passed", ""])
    return results


def run_hidden(files: dict[str, str], program: str, tests: list[str]) -> list[list[Any]]:
    """Run hidden tests without their right sides.

    Returns:
        For each test what was observed, in order, and its error or ``None``.
    """
    prepare(files)
    observed = Observed()
    names: dict[str, Any] = {"__name__": "hidden", "__observe__": observed.observe, "__raises__": observed.raises}
    failed: Any = None
    try:
        exec(compile(program, "<test>", "exec"), names)
    except Exception as error:
        failed = location(error, files)
    results = []
    for name in tests:
        observed.values = []
        error_of_test = failed
        if failed is None:
            try:
                names[name]()
            except Exception as error:
                error_of_test = location(error, files)
        results.append([observed.values, error_of_test])
    return results
