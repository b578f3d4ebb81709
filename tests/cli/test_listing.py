"""``quintain list``: every registry of the package, with its facts."""

import re
from pathlib import Path

import pytest

import quintain as package
from quintain.cli.listing import REGISTRIES, registry_of
from quintain.registry import Registry


def test_every_registry_of_the_package_is_listed():
    root = Path(package.__file__).parent
    made = re.compile(r"^([A-Z_]+)(?:: Registry\[.*\])? = \w*Registry\(", re.MULTILINE)
    there = {name for path in root.rglob("*.py") for name in made.findall(path.read_text("utf-8"))}
    assert there == {target.rpartition(":")[2] for target in REGISTRIES.values()}
    assert "AGENTS" in there


@pytest.mark.parametrize("kind", [*REGISTRIES, "environments"])
def test_each_registry_can_be_listed_by_name(quintain, kind):
    result = quintain("list", kind)
    assert result.code == 0, result.text
    rows = quintain("list", kind, "--json").json[kind]
    assert f"{len(rows)} {kind}" in result.text
    if kind != "environments":
        assert [row["name"] for row in rows] == list(registry_of(kind))


def test_all_kinds_are_listed_at_once(quintain):
    result = quintain("list")
    assert result.code == 0, result.text
    for kind in (*REGISTRIES, "environments"):
        assert kind in result.out
    assert "quintain list KIND" in result.text


def test_facts_are_shown_and_similar_registry_names_suggested(quintain):
    assert re.search(r"oracle\s+uses solution", quintain("list", "agents").out)
    assert "CodeReason-v0" in quintain("list", "environments").out
    wrong = quintain("list", "atacks")
    assert wrong.code == 1
    assert "did you mean 'attacks'" in wrong.text


def test_every_listed_registry_is_a_registry_object():
    assert all(isinstance(registry_of(kind), Registry) for kind in REGISTRIES)
