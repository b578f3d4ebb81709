"""Solvers of questions about statements, circuits and causes."""

from __future__ import annotations

import re
from itertools import product

from quintain.envs.code_reason.reasoning_gym._solvers._reading import find

__all__ = ["acre", "circuit_logic", "self_reference"]


def acre(question: str) -> str:
    """Say what follows if the detector is on exactly when a blicket is there.

    Whatever lay there while it was off is harmless; of the rest of a test that turned it on, one thing is a blicket.
    """
    tests = [(set(things.split(", ")), light) for things, light in re.findall(r"\n([^\n→]+) → (on|off)", question)]
    case = set(find(r"New test case:\n([^\n]+)", question)[1].split(", "))
    harmless = set().union(*(things for things, light in tests if light == "off"))
    suspects = [things - harmless for things, light in tests if light == "on"]
    possible = case - harmless
    if not possible:
        return "off"
    return "on" if any(things <= possible for things in suspects) else "undetermined"


def self_reference(question: str) -> str:
    """Count the assignments of truth in which every statement is as true as it says."""
    at_least, at_most, true, false = (
        int(find(pattern, question)[1])
        for pattern in (
            r"At least (\d+) of these 7 statements are true",
            r"At most (\d+) of these 7 statements are false",
            r"Exactly (\d+) of these 7 statements are true",
            r"Exactly (\d+) of these 7 statements are false",
        )
    )
    count = 0
    for truth in product((False, True), repeat=7):
        right = sum(truth)
        wrong = 7 - right
        says = (
            right >= at_least,
            wrong <= at_most,
            right == true,
            wrong == false,
            truth[2] != truth[3],
            right in (2, 3, 5, 7),
            wrong in (4, 6),
        )
        count += truth == says
    return str(count)


def circuit_logic(question: str) -> str:
    """Follow the wires of the drawing.

    Every line with a gate's sign has one wire that branches off an input's column (``├`` or ``└``); ``>o`` negates it.
    Neighbouring lines with a sign belong to one gate. The legend's last line names the gate at the output.
    """
    drawing = find(r"logic circuit\.\n\n(.*?)\n\nLegend", question)[1].splitlines()
    legend = re.findall(r"\n(\S)\1: (\w+)", question.partition("Legend for gates:")[2])
    names, last = dict(legend), legend[-1][1]
    value = {name: int(bit) for name, bit in re.findall(r"\n  ([A-Z]+) = ([01])", question)}
    column_of = {line.index("┐"): name for line in drawing if (name := line.partition(":")[0]) in value}
    first_gate = max(column_of) + 1
    gates: list[tuple[str, list[int]]] = []
    fresh = True
    for line in drawing[len(column_of) :]:
        wire = next((column_of[i] for i in sorted(column_of) if line[i : i + 1] in ("├", "└")), None)
        sign = re.search(r"│([&↑⊕])\1", line[first_gate:])
        if wire is None or sign is None:
            fresh = True
            continue
        if fresh:
            gates.append((names[sign[1]], []))
            fresh = False
        negated = ">o" in line
        gates[-1][1].append(value[wire] ^ negated)
    return str(_gate(last, [_gate(name, bits) for name, bits in gates]))


def _gate(name: str, bits: list[int]) -> int:
    return {
        "AND": int(all(bits)),
        "NAND": int(not all(bits)),
        "OR": int(any(bits)),
        "NOR": int(not any(bits)),
        "XOR": sum(bits) % 2,
    }[name]
