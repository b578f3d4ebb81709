"""The offline template designer: composes a reward function of predicates, without a language model.

It reads the task text for things that the inputs name, and the codes of the analyzer's findings. It is no language
model and shows nothing about one; it makes the loop, its checks and its effects reproducible on any machine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from quintain.errors import ConfigurationError
from quintain.reward_signature import RewardSignature
from quintain.rewards.designer.roles import Brief, Design

__all__ = ["TemplateDesigner"]

#: Weight of a hazard: it outweighs all hints of the same step, since only the sign of the sum counts.
_HAZARD = 10


class TemplateDesigner:
    """Composes predicates: distance to a target, new ground, hazards in view, steep pitch.

    Args:
        progress: Predicate for approaching a target: ``"record"`` pays for a new minimum of the distance, which the
            memory holds; ``"closer"`` pays when the target is closer than a step before, a design that can be
            exploited by moving back and forth. Default: ``"record"``.
        explore: Whether the first design pays for new ground where the inputs have a ``position``. Default: true.
        look_guard: Whether a design with hazards penalises a steep pitch from the first on; without it, looking at the
            floor ends the penalty. Default: true.
    """

    label = "offline template designer (no language model)"

    def __init__(
        self, progress: Literal["record", "closer"] = "record", *, explore: bool = True, look_guard: bool = True
    ) -> None:
        if progress not in ("record", "closer"):
            raise ConfigurationError(f"progress must be 'record' or 'closer', got {progress!r}")
        self.progress, self.explore, self.look_guard = progress, explore, look_guard

    async def design(self, brief: Brief) -> Design:
        """Return a design; the findings of all rounds before decide which predicates are in it."""
        signature, codes = brief.signature, {finding.code for finding in brief.findings}
        hazards = list(dict.fromkeys((f.input, f.name) for f in brief.findings if f.code == "hazard"))
        record = self.progress == "record" or "oscillation" in codes
        ground = self.explore or bool(codes & {"unseen_target", "idle"})
        pitch = "look_away" in codes or (bool(hazards) and self.look_guard)
        thoughts, lines = [], []
        for part in _approach(signature, record):
            thoughts.append(part[0])
            lines += part[1]
        if ground and _has_position(signature):
            thoughts.append("New ground is paid once, in large cells, so that a search pays less than the goal.")
            lines += _new_ground(2 if "underground" in signature.task.casefold() else 8)
        for where, name in hazards:
            thoughts.append(f"The analyzer names {name}: it is penalised when near, and outweighs every hint.")
            lines += _hazard(where, name)
        if pitch and any(each.name == "pitch" for each in signature.inputs):
            thoughts.append("A steep pitch is penalised, since looking away would hide what is dangerous.")
            lines += ["        if abs(pitch) > 50:", f"            hint -= {_HAZARD}"]
        text = " ".join(thoughts) or "The task text names nothing that the inputs show: there is no dense hint."
        return Design(_source(signature, text, lines), text, self.label)


def _source(signature: RewardSignature, thoughts: str, lines: Sequence[str]) -> str:
    failure = [f"        if {signature.failure}:", "            return -1"] if signature.failure else []
    words = [f"    # {line}" for line in re.findall(r".{1,76}(?:\s|$)", f"Thoughts: {thoughts}")]
    body = [
        f"def {signature.header}:", *(line.rstrip() for line in words), "    def sparse():", *failure,
        f"        return 1 if {signature.success} else 0", "", "    def dense():", "        hint = 0", *lines,
        "        return hint", "", "    return sparse(), dense()", "",
    ]  # fmt: skip
    return "\n".join(body)


def _has_position(signature: RewardSignature) -> bool:
    return any(each.name == "position" and each.kind == "vector" for each in signature.inputs)


def _mentioned(signature: RewardSignature) -> list[tuple[int, str, str]]:
    """Return what the task text names, in its order: position, input, and name within it (empty for a vector)."""
    text = signature.task.casefold()
    for word, name in signature.words.items():
        text = re.sub(rf"\b{re.escape(word)}\b", name.replace("_", " "), text)
    found = []
    for each in signature.inputs:
        names = each.names if each.kind == "places" else (each.name,) if each.kind == "vector" else ()
        for name in names:
            match = re.search(rf"\b{re.escape(name.replace('_', ' '))}s?\b", text)
            if match and not re.search(r"without [\w ]*$", text[: match.start()]):
                found.append((match.start(), each.name, name if each.kind == "places" else ""))
    return sorted(found)


def _approach(signature: RewardSignature, record: bool) -> list[tuple[str, list[str]]]:
    """Return the predicates for what has to come closer: thoughts and lines."""
    mentioned = _mentioned(signature)
    places = [(where, name) for _, where, name in mentioned if name]
    vectors = [where for _, where, name in mentioned if not name]
    if places:
        where, name = places[0]
        gap = [f"        gap = math.hypot(*{where}[{name!r}]) if {name!r} in {where} else None"]
        return [(_thought(f"the nearest visible {name}", record), gap + _paid("gap", record, 0.25))]
    if len(vectors) >= 2:
        moved, goal = vectors[0], vectors[1]
        parts = [
            (
                _thought(f"the {goal} for the {moved}", record),
                [f"        gap = math.dist({moved}, {goal})", *_paid("gap", record, 0.01)],
            )
        ]
        hands = [each.name for each in signature.inputs if each.name == "hand" and each.name not in vectors]
        if hands:
            lines = [f"        reach = math.dist({hands[0]}, {moved})", *_paid("reach", record, 0.01)]
            parts.append((_thought(f"the {moved} for the {hands[0]}", record), lines))
        return parts
    return []


def _thought(what: str, record: bool) -> str:
    if record:
        return f"A new minimum of the distance to {what} is paid; the memory holds the minimum, so no loop pays twice."
    return f"A smaller distance to {what} than a step before is paid."


def _paid(name: str, record: bool, margin: float) -> list[str]:
    if not record:
        return [
            f"        before = memory.get('{name}')",
            f"        if {name} is not None and before is not None and {name} < before - 0.001:",
            "            hint += 1",
            f"        memory['{name}'] = {name}",
        ]
    return [
        f"        if {name} is not None:",
        f"            best = memory.get('{name}')",
        "            if best is None:",
        f"                memory['{name}'] = {name}",
        f"            elif {name} < best - {margin:g}:",
        f"                memory['{name}'] = {name}",
        "                hint += 1",
    ]


def _new_ground(size: int) -> list[str]:
    """Return the predicate for new ground, in cells of ``size`` blocks, as long as no target was seen."""
    return [
        f"        cell = (int(position[0] // {size}), int(position[2] // {size}))",
        "        seen = memory.setdefault('cells', {})",
        "        if cell not in seen:",
        "            if seen and 'gap' not in memory:",
        "                hint += 1",
        "            seen[cell] = True",
    ]


def _hazard(where: str, name: str) -> list[str]:
    return [
        f"        if {name!r} in {where} and math.hypot(*{where}[{name!r}]) < 4.0:",
        f"            hint -= {_HAZARD}",
    ]
