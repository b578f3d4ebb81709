"""Tools from methods: schemas, checks of arguments, tables that only writers change."""

from __future__ import annotations

from typing import Literal, NamedTuple

import pytest

from quintain.envs.tools import ToolError, Toolkit, reads, writes
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.tool import tools_of


class Light(NamedTuple):
    id: str
    name: str
    level: int


class Lights(Toolkit):
    name = "lights"

    def __init__(self) -> None:
        super().__init__()
        self.lights = self.table("light", Light, free=("name",))

    def populate(self, rng: Draw) -> None:
        self.lights.add("hall", 0)
        self.lights.add("cellar", 3)

    @reads
    def get(self, id: str, unit: Literal["percent", "steps"] = "steps") -> Light:
        """Read a light.

        Args:
            id: Id of the light.
            unit: Unit of
                the level.
        """
        return self.lights[id]

    @reads
    def sneaky(self) -> str:
        """Break the rules."""
        self.lights.change("l1", level=9)
        return "done"

    @writes
    def dim(self, id: str, level: int) -> Light:
        """Set a light.

        Args:
            id: Id of the light.
            level: The level.
        """
        row = self.lights.change(id, level=level)
        if level > 5:
            raise ToolError("too bright")
        return row


@pytest.fixture
def lights() -> Lights:
    made = Lights()
    made.populate(Draw("test"))
    made.close_tables()
    return made


def test_name_description_and_schema_come_from_the_method() -> None:
    get, sneaky, dim = Lights.tools
    assert [tool.name for tool in Lights.tools] == ["lights_get", "lights_sneaky", "lights_dim"]
    assert (get.reads, dim.reads) == (True, False)
    assert get.spec == {
        "name": "lights_get",
        "description": "Read a light.",
        "parameters": {
            "type": "object",
            "properties": {
                "id": {"type": "string", "description": "Id of the light."},
                "unit": {"type": "string", "enum": ["percent", "steps"], "description": "Unit of the level."},
            },
            "required": ["id"],
            "additionalProperties": False,
        },
    }
    assert sneaky.line == "lights_sneaky(): Break the rules."


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"id": "l1", "level": 3}, ""),
        ({"level": 3}, "id is missing; it must be string"),
        ({"id": "l1", "level": "3"}, "level must be integer, got '3'"),
        ({"id": "l1", "level": True}, "level must be integer, got True"),
        ({"id": ["l1"], "level": 1}, "id must be string, got a list of 1"),
        ({"id": "l1", "level": 1, "speed": 2}, "there is no argument 'speed'"),
    ],
)
def test_arguments_are_checked_against_the_schema(arguments: dict[str, object], why: str) -> None:
    assert Lights.tools[2].violation(arguments) == why


def test_an_argument_without_description_is_refused() -> None:
    class Bare:
        name = "bare"

        @reads
        def get(self, id: str) -> str:
            """Get."""
            return id

    with pytest.raises(TypeError, match="does not describe its argument 'id'"):
        tools_of(Bare)


def test_a_reading_tool_cannot_change_the_state(lights: Lights) -> None:
    before = lights.state()
    with pytest.raises(TypeError, match="only reads"):
        lights.call(Lights.tools[1], {})
    assert lights.state() == before


def test_a_call_that_fails_leaves_the_state_as_it_was(lights: Lights) -> None:
    before = lights.state()
    for arguments in ({"id": "l1", "level": 6}, {"id": "l9", "level": 1}):
        with pytest.raises(ToolError):
            lights.call(Lights.tools[2], arguments)
    assert lights.state() == before
    assert not lights.changes(before)


def test_changes_are_counted_by_row_and_what_is_undone_is_none(lights: Lights) -> None:
    before = lights.state()
    assert lights.call(Lights.tools[2], {"id": "l2", "level": 1}) == {"id": "l2", "name": "cellar", "level": 1}
    [change] = lights.changes(before)
    assert change == ("lights.light", "change", "l2", (("level", 1),))
    lights.call(Lights.tools[2], {"id": "l2", "level": 3})
    assert not lights.changes(before)


def test_draws_are_equal_for_equal_identities_and_in_range() -> None:
    one, two = Draw("a"), Draw("a")
    assert [one.integer(0, 99) for _ in range(5)] == [two.integer(0, 99) for _ in range(5)]
    assert sorted(one.sample(range(6), 6)) == list(range(6))
    assert {one.integer(1, 3) for _ in range(100)} == {1, 2, 3}
    with pytest.raises(ValueError, match="cannot draw"):
        one.sample([1], 2)
