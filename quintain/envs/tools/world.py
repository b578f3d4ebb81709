"""The world of one episode: populated toolkits, a request over them, and the judgement of what was done."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from quintain.envs.tools.calls import Call
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.template import Request, Template, content_hash
from quintain.envs.tools.tool import Tool, ToolError
from quintain.envs.tools.toolkit import Clock, Toolkit
from quintain.errors import EnvironmentFault

__all__ = ["Scene", "World", "tool_lines", "tool_specs", "tools_by_name"]


class Scene(Protocol):
    """What an episode with tools is played on: a :class:`World`, or tasks and tools of another library.

    Attributes:
        request: Request, solution and goal.
        tools: The tools by name.
    """

    request: Request
    tools: Mapping[str, Tool]

    def call(self, call: Call) -> Any:
        """Make a call that fits its tool's schema, and return its result as JSON-able data; or raise ``ToolError``."""

    def untrusted(self, tool: Tool, data: Any) -> list[str]:
        """Return the names of the fields of a tool's result that others than the user wrote, the likeliest last.

        The empty name stands for a result that is a text.
        """

    def side_effects(self) -> int:
        """Count the changes that the reference solution does not make."""


class World:
    """The toolkits of one item, its request, and their state. A function of the arguments.

    Args:
        template: The template.
        others: Names and classes of all toolkits, from which the distractors are drawn.
        split: ``"train"`` or ``"test"``.
        key: Number of the item.
        distractors: Number of toolkits beside those of the template, >= 0.

    Attributes:
        task_id: ``"template/split/key"``.
        request: Request, solution and goal.
        tools: The tools by name: those of the template's toolkits and of the distractors, in an order drawn at random.
    """

    def __init__(
        self, template: Template, others: Sequence[type[Toolkit]], split: str, key: str, distractors: int
    ) -> None:
        self._arguments = (template, others, split, key, distractors)
        self.task_id = f"{template.name}/{split}/{key}"
        rng = Draw(self.task_id)
        self._clock = Clock()
        self._toolkits: dict[str, Toolkit] = {}
        own = [self._populated(kind, rng) for kind in template.toolkits]
        self.request: Request = template.draw(rng, *own)
        self._before = {toolkit.name: toolkit.state() for toolkit in own}
        rest = [kind for kind in others if kind not in template.toolkits]
        order = [*template.toolkits, *rng.sample(rest, min(distractors, len(rest)))]
        rng.shuffle(order)
        self.toolkits = tuple(order)
        self.tools = tools_by_name(self.toolkits)
        for toolkit in own:
            toolkit.close_tables()
        self._writes: list[Call] = []

    def _populated(self, kind: type[Toolkit], rng: Draw) -> Toolkit:
        toolkit = self._toolkits[kind.name] = kind()
        toolkit.clock = self._clock
        toolkit.populate(rng)
        return toolkit

    @property
    def hash(self) -> str:
        """Hash of everything that the item consists of."""
        request = self.request
        # Rows are written as their representation, which holds immutable data alone and takes half the time of JSON.
        rows = repr([[tuple(rows.values()) for rows in tables] for tables in self._before.values()])
        solution = [[each.name, each.arguments] for each in request.calls]
        return content_hash(self.task_id, request.text, request.answer, solution, list(self.tools), rows)

    def call(self, call: Call) -> Any:
        """Make a call that fits its tool's schema, and return its result as JSON-able data. It takes a minute.

        Raises:
            ToolError: If it cannot be done.
        """
        tool = self.tools[call.name]
        self._clock.minutes += 1
        result = self.toolkit(tool.toolkit).call(tool, call.arguments)
        if not tool.reads:
            self._writes.append(call)
        return result

    def untrusted(self, tool: Tool, data: Any) -> list[str]:
        """Return the names of the fields of a tool's result that others than the user wrote, the likeliest last."""
        return list(self.toolkit(tool.toolkit).untrusted)

    def toolkit(self, name: str) -> Toolkit:
        """Return a toolkit of this world by name; that of a distractor is populated when it is first asked for."""
        if name not in self._toolkits:
            kind = next(kind for kind in self.toolkits if kind.name == name)
            made = self._populated(kind, Draw(f"{self.task_id}/{name}"))
            made.close_tables()
            self._before[name] = made.state()
        return self._toolkits[name]

    def state(self) -> dict[str, list[dict[str, Any]]]:
        """Return all rows, by toolkit, table and key; distractors that nobody used are left out."""
        return {name: toolkit.state() for name, toolkit in self._toolkits.items()}

    def changes(self) -> dict[str, Any]:
        """Return the changes since the start, by toolkit; see :class:`~quintain.envs.tools.toolkit.Change`."""
        found = {name: toolkit.changes(self._before[name]) for name, toolkit in self._toolkits.items()}
        return {name: changes for name, changes in found.items() if changes}

    def side_effects(self) -> int:
        """Count the changes that the reference solution does not make."""
        if not self._writes or self._writes == [c for c in self.request.calls if not self.tools[c.name].reads]:
            return 0
        made = self.changes()
        wanted = self._twin().changes()
        return sum((changes - wanted.get(name, changes.__class__())).total() for name, changes in made.items())

    def _twin(self) -> World:
        """Return an equal world in which the reference solution was carried out."""
        twin = World(*self._arguments)
        for call in twin.request.calls:
            try:
                twin.call(call)
            except ToolError as error:
                raise EnvironmentFault(f"the solution of {self.task_id} cannot be carried out: {error}") from error
        return twin


@lru_cache(4096)
def tools_by_name(toolkits: tuple[type[Toolkit], ...]) -> Mapping[str, Tool]:
    """Return all tools by name."""
    return {tool.name: tool for toolkit in toolkits for tool in toolkit.tools}


@lru_cache(4096)
def tool_specs(toolkits: tuple[type[Toolkit], ...]) -> str:
    """Return name, description and parameters of all tools, as JSON."""
    return f"[{', '.join(map(_specs, toolkits))}]"


@lru_cache
def _specs(toolkit: type[Toolkit]) -> str:
    return json.dumps([tool.spec for tool in toolkit.tools])[1:-1]


@lru_cache(4096)
def tool_lines(toolkits: tuple[type[Toolkit], ...]) -> str:
    """Return signature and description of all tools, one a line."""
    return "\n".join(map(_lines, toolkits))


@lru_cache
def _lines(toolkit: type[Toolkit]) -> str:
    return "\n".join(f"- {tool.line}" for tool in toolkit.tools)
