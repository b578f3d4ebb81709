"""The registry: lazy imports, typed facts, suggestions, users' objects, entry points of other packages."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from quintain.errors import ConfigurationError, UnknownNameError
from quintain.registry import NoFacts, Registry


@dataclass(frozen=True)
class Facts:
    needs_engine: bool = False
    tags: tuple[str, ...] = ()


@pytest.fixture
def shapes() -> Registry[Any, Facts]:
    registry: Registry[Any, Facts] = Registry("shape", Facts)
    registry.add("ordered", "collections:OrderedDict", tags=("mapping",))
    registry.add("asks", dict, needs_engine=True)
    return registry


def test_names_come_in_order_and_can_be_filtered_by_facts(shapes: Registry[Any, Facts]) -> None:
    assert shapes.names() == ("ordered", "asks")
    assert shapes.names(needs_engine=True) == ("asks",)
    assert shapes.facts("ordered") == Facts(tags=("mapping",))
    assert list(shapes) == ["ordered", "asks"]
    assert "ordered" in shapes
    assert len(shapes) == 2


def test_targets_are_imported_on_load(shapes: Registry[Any, Facts]) -> None:
    shapes.add("later", "this_module_does_not_exist:Thing", needs_engine=True)
    assert shapes.facts("later").needs_engine
    with pytest.raises(ModuleNotFoundError):
        shapes.load("later")


def test_make_checks_arguments_before_the_call(shapes: Registry[Any, Facts]) -> None:
    def square(side: float) -> float:
        return side * side

    shapes.add("square", square)
    assert shapes.make("square", side=3) == 9
    with pytest.raises(ConfigurationError, match=r"shape 'square'.*its arguments: side"):
        shapes.make("square", width=3)


@pytest.mark.parametrize(
    ("kind", "option"),
    [("agent", "--agent-arg"), ("strategy", "--agent-arg"), ("engine", "--engine-arg"), ("game", None)],
)
def test_a_wrong_argument_names_the_command_line_option_of_its_kind(kind: str, option: str | None) -> None:
    entries: Registry[Any, Facts] = Registry(kind, Facts)
    entries.add("square", lambda side: side)
    with pytest.raises(ConfigurationError) as raised:
        entries.make("square", width=3)
    assert str(raised.value).endswith("its arguments: side" + (f" ({option} side=...)" if option else ""))


def test_unknown_names_suggest_similar_ones(shapes: Registry[Any, Facts]) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown shape 'orderd'; did you mean 'ordered'\?"):
        shapes.load("orderd")


def test_facts_are_typed(shapes: Registry[Any, Facts]) -> None:
    with pytest.raises(ConfigurationError, match="need_engine"):
        shapes.add("wrong", dict, need_engine=True)


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "own_shapes.py").write_text("class Round:\n    needs_engine = True\n")
    (tmp_path / "broken_shapes.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "own_shapes"
    sys.modules.pop("own_shapes", None)


def test_users_objects_are_found_by_module_and_name(shapes: Registry[Any, Facts], own_module: str) -> None:
    assert shapes.load(f"{own_module}:Round").__name__ == "Round"
    assert shapes.facts(f"{own_module}:Round") == Facts(needs_engine=True)
    with pytest.raises(UnknownNameError, match="neither registers nor defines 'Oval'"):
        shapes.load(f"{own_module}:Oval")
    with pytest.raises(UnknownNameError, match="there is no module 'no_such_module'"):
        shapes.load("no_such_module:Round")
    with pytest.raises(ConfigurationError, match="cannot import the module of shape 'broken_shapes:X': ZeroDivision"):
        shapes.load("broken_shapes:X")
    with pytest.raises(UnknownNameError):
        shapes.load(":Round")


def test_entry_points_add_names_but_replace_none(
    tmp_path: Path, own_module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def installed(*, group: str) -> list[importlib.metadata.EntryPoint]:
        point = importlib.metadata.EntryPoint
        return [
            point("round", "own_shapes:Round", group),
            point("ordered", "own_shapes:Round", group),
            point("broken", "broken_shapes:X", group),
        ]

    monkeypatch.setattr(importlib.metadata, "entry_points", installed)
    registry: Registry[Any, Facts] = Registry("shape", Facts, "some.group")
    registry.add("ordered", "collections:OrderedDict")
    with pytest.warns(UserWarning, match="shape 'broken'.*cannot be imported: division by zero"):
        assert registry.names(needs_engine=True) == ("round",)
    assert "broken" not in registry
    assert registry.load("round").__name__ == "Round"
    assert registry.load("ordered").__name__ == "OrderedDict"
    plain: Registry[Any, NoFacts] = Registry("shape", NoFacts, "some.group")
    assert plain.names() == ("round", "ordered", "broken")


def test_known_names_are_resolved_without_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(group: str) -> Any:
        raise AssertionError("not needed")

    registry: Registry[Any, NoFacts] = Registry("shape", NoFacts, "quintain.test_shapes")
    registry.add("ordered", "collections:OrderedDict")
    monkeypatch.setattr(importlib.metadata, "entry_points", refuse)
    assert "ordered" in registry
    assert registry.load("ordered").__name__ == "OrderedDict"
