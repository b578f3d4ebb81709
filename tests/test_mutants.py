"""The mutants of `make mutants`: what the operators change, and that the list written by hand is up to date."""

import ast
import importlib.util
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LISTED = tomllib.loads((ROOT / "scripts" / "mutants" / "mutants.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def operators():
    spec = importlib.util.spec_from_file_location("mutant_operators", ROOT / "scripts" / "mutants" / "operators.py")
    module = sys.modules["mutant_operators"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["mutant_operators"]


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("if a < b:", {"if a <= b:", "if a >= b:"}),
        ("x = a + b * 2", {"x = a - b * 2", "x = a + b / 2", "x = a + b * 3"}),
        ("x = -a", {"x = a"}),
        ("x = not a and b", {"x = a and b", "x = not a or b"}),
        ("x = min(a, b)", {"x = max(a, b)"}),
        ("x = a.index(b, c)", {"x = a.index(c, b)"}),
        ("x = a.min(0)", {"x = a.max(0)", "x = a.min(1)"}),
        ("x += 0.5", {"x -= 0.5", "pass", "x += 1.0"}),
        ("f(a)", {"pass"}),
        ("s[a] = b", {"pass"}),
        ("x = a if c else b", {"x = b if c else a"}),
        ("x: int = True", {"x: int = False"}),
    ],
)
def test_one_thing_changes_at_a_time(operators, line, changed):
    source = f"def f():\n    {line}" + ("\n        pass" if line.endswith(":") else "") + "\n"
    made = list(operators.mutants("a.py", source))
    assert {mutant.after for mutant in made} == changed
    assert {(mutant.line, mutant.function, mutant.before) for mutant in made} == {(2, 1, line)}
    for mutant in made:
        ast.parse(mutant.source)


def test_messages_annotations_and_exports_stay(operators):
    source = '''"""Text 1."""
__all__ = ["f"]
def f(a: "Literal[1]") -> "Box[2]":
    """Text 2."""
    if a:
        raise ValueError(f"{a + 1}")
'''
    assert list(operators.mutants("a.py", source)) == []


def test_a_line_of_a_class_or_a_module_belongs_to_no_function(operators):
    made = list(operators.mutants("a.py", "X = 1\nclass A:\n    y = 2\n    def f(self, z=3):\n        return 4\n"))
    assert [(m.line, m.function) for m in made] == [(1, 0), (3, 0), (4, 0), (5, 4)]


@pytest.mark.parametrize("entry", LISTED["mutant"], ids=lambda entry: entry["name"])
def test_a_mutant_written_by_hand_still_applies(entry):
    source = (ROOT / entry["file"]).read_text("utf-8")
    assert source.count(entry["old"]) == 1
    ast.parse(source.replace(entry["old"], entry["new"]))
    assert entry["why"]
    assert all((ROOT / test).is_file() for test in entry["tests"])


@pytest.mark.parametrize("entry", LISTED.get("equivalent", []), ids=lambda entry: f"{entry['file']}: {entry['old']}")
def test_an_equivalent_mutant_still_applies(operators, entry):
    made = operators.mutants(entry["file"], (ROOT / entry["file"]).read_text("utf-8"))
    assert any((m.before, m.after) == (entry["old"], entry["new"]) for m in made)
    assert entry["why"]


def test_every_group_names_what_is_there():
    for group in LISTED["group"]:
        assert all((ROOT / path).exists() for path in group["sources"] + group["tests"])
