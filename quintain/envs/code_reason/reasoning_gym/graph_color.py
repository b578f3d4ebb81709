"""Graph colouring: give neighbours different colours. Our own generator; any proper colouring is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, TypeAlias

import numpy as np

from quintain.envs.text.answers import parse_integer, parse_pairs
from quintain.envs.text.draws import randint, shuffled
from quintain.envs.text.task import Malformed, Problem, Task, expect

__all__ = ["GraphColor"]

Colours: TypeAlias = dict[int, int]


@dataclass(frozen=True)
class GraphColor(Task[Colours]):
    """A graph made around a hidden colouring with as many colours as are allowed.

    Attributes:
        min_vertices: Minimum number of vertices, in [3, ``max_vertices``]. Default: 7.
        max_vertices: Maximum number of vertices, in [``min_vertices``, 40]. Default: 12.
        colours: Number of colours, in [2, 6]. Default: 3.
        percent: Percentage of the possible edges that the graph has, in [10, 100]. Default: 50.
    """

    LEVELS: ClassVar = {
        "easy": {"min_vertices": 4, "max_vertices": 6},
        "hard": {"min_vertices": 18, "max_vertices": 26, "colours": 4},
    }

    min_vertices: int = 7
    max_vertices: int = 12
    colours: int = 3
    percent: int = 50

    def __post_init__(self) -> None:
        """Check the parameters."""
        expect(3 <= self.min_vertices <= self.max_vertices <= 40, "3 <= min_vertices <= max_vertices <= 40")
        expect(2 <= self.colours <= 6, "colours in [2, 6]")
        expect(10 <= self.percent <= 100, "percent in [10, 100]")

    def generate(self, rng: np.random.Generator) -> Problem:
        """Colour the vertices, then draw edges between different colours."""
        n = randint(rng, self.min_vertices, self.max_vertices)
        colours = shuffled(rng, [i % self.colours + 1 for i in range(n)])
        edges = [
            [a, b]
            for a, b in combinations(range(n), 2)
            if colours[a] != colours[b] and 100 * rng.random() < self.percent
        ]
        listed = ", ".join(f"({a}, {b})" for a, b in edges)
        prompt = (
            f"A graph has the vertices 0 to {n - 1} and these edges: {listed}.\n"
            f"Give every vertex one of the colours 1 to {self.colours} so that no edge joins two vertices of the "
            "same colour.\n"
            'Write a JSON map from vertices to colours: <<<{"0": c0, "1": c1, ...}>>>.'
        )
        return Problem(prompt, self.render(dict(enumerate(colours))), {"n": n, "edges": edges, "colours": self.colours})

    def parse(self, text: str) -> Colours:
        """Read ``{"0": 1, "1": 2}``; braces and quotes may be left out."""
        colours: Colours = {}
        for key, value in parse_pairs(text):
            vertex = parse_integer(key)
            if vertex in colours:
                raise Malformed('expected the form {"0": 1, "1": 2, ...} with each vertex once')
            colours[vertex] = parse_integer(value)
        return colours

    def render(self, value: Colours) -> str:
        """Write a JSON map."""
        return "{" + ", ".join(f'"{vertex}": {colour}' for vertex, colour in value.items()) + "}"

    def check(self, problem: Problem, value: Colours) -> str:
        """All vertices, allowed colours, and no edge within a colour."""
        data = problem.data
        if sorted(value) != list(range(data["n"])):
            return f"expected a colour for each vertex from 0 to {data['n'] - 1}"
        if any(not 1 <= colour <= data["colours"] for colour in value.values()):
            return f"colours run from 1 to {data['colours']}"
        for a, b in data["edges"]:
            if value[a] == value[b]:
                return f"the vertices {a} and {b} are joined and have the same colour"
        return ""

    def solve(self, problem: Problem) -> str:
        """Backtrack on the vertex with the fewest colours left."""
        colours = _colour(problem.data)
        return self.render({vertex: colours[vertex] for vertex in sorted(colours)})


def _colour(data: Mapping[str, Any]) -> Colours:
    near: dict[int, set[int]] = {vertex: set() for vertex in range(data["n"])}
    for a, b in data["edges"]:
        near[a].add(b)
        near[b].add(a)
    colours: Colours = {}

    def search() -> bool:
        if len(colours) == data["n"]:
            return True
        taken = {v: {colours[w] for w in near[v] if w in colours} for v in near if v not in colours}
        vertex = max(taken, key=lambda v: (len(taken[v]), len(near[v])))
        for colour in range(1, data["colours"] + 1):
            if colour not in taken[vertex]:
                colours[vertex] = colour
                if search():
                    return True
                del colours[vertex]
        return False

    search()
    return colours
