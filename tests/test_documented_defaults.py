"""Defaults in docstrings equal the actual defaults."""

import dataclasses
import importlib
import inspect
import pkgutil
import re

import pytest

import quintain

PACKAGES = ("agents", "attacks", "envs", "evaluation", "experiments", "rewards", "training")
NAMED = re.compile(r'Default: (true|false|-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?|\([\d, ]*\)|``"[^"]*"``)')


def modules():
    for name in PACKAGES:
        package = importlib.import_module(f"quintain.{name}")
        for found in pkgutil.walk_packages(package.__path__, f"quintain.{name}."):
            if "__main__" not in found.name:
                yield found.name


def entries(docstring):
    """Yield name and text of each entry of the sections ``Args`` and ``Attributes``."""
    for section in re.finditer(r"^(?:Args|Attributes):\n((?:    .*\n|\n)+)", inspect.cleandoc(docstring) + "\n", re.M):
        parts = re.split(r"^    (\w+): ", section[1], flags=re.M)
        yield from zip(parts[1::2], (" ".join(text.split()) for text in parts[2::2]), strict=True)


def value_of(text):
    if text in ("true", "false"):
        return text == "true"
    if text.startswith("``"):
        return text[3:-3]
    if text.startswith("("):
        return tuple(int(part) for part in text[1:-1].split(",") if part.strip())
    return float(text.replace(",", ""))


def defaults(thing):
    if dataclasses.is_dataclass(thing):
        return {field.name: field.default for field in dataclasses.fields(thing)}
    try:
        return {name: p.default for name, p in inspect.signature(thing).parameters.items()}
    except (TypeError, ValueError):
        return {}


def test_documented_defaults_equal_the_actual_ones():
    checked, wrong = 0, []
    for name in modules():
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue  # an optional library is missing
        for exported in getattr(module, "__all__", ()):
            thing = getattr(module, exported)
            if not callable(thing) or getattr(thing, "__module__", None) != name or not thing.__doc__:
                continue
            given = defaults(thing)
            for argument, text in entries(thing.__doc__):
                named = NAMED.search(text)
                if named is None or argument not in given or given[argument] is dataclasses.MISSING:
                    continue
                checked += 1
                if given[argument] != value_of(named[1]):
                    wrong.append(f"{name}.{exported}: {argument} is {given[argument]!r}, documented as {named[1]}")
    assert not wrong, "\n".join(wrong)
    assert checked > 60


@pytest.mark.parametrize(
    ("text", "value"), [("2,000", 2000), ("3e-4", 3e-4), ("(64, 64)", (64, 64)), ("true", True), ('``"tanh"``', "tanh")]
)
def test_defaults_in_docstrings_are_parsed(text, value):
    assert value_of(NAMED.search(f"Steps. Default: {text}.")[1]) == value


def test_docstring_sections_are_parsed():
    found = dict(
        entries("One.\n\nArgs:\n    a: First\n        line. Default: 1.\n    b: Second.\n\nReturns:\n    c: d")
    )
    assert found == {"a": "First line. Default: 1.", "b": "Second."}
    assert quintain.__doc__
