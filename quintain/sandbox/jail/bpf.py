"""Assemble classic BPF programs that decide on a system call by its number.

The kernel runs the program for every call and, when it is loaded, once per call number to build a cache of those that
are always allowed. A chain of comparisons would cost both times; a binary search over ranges of numbers costs eight or
nine comparisons.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

__all__ = ["Instruction", "assemble", "jump_if", "load", "mask", "return_", "search"]

LOAD_WORD = 0x20
AND = 0x54
JUMP = 0x05
JUMP_EQUAL = 0x15
JUMP_GREATER_EQUAL = 0x35
RETURN = 0x06
LONGEST_CONDITIONAL_JUMP = 255


class Instruction(NamedTuple):
    """One ``struct sock_filter``."""

    code: int
    if_true: int
    if_false: int
    value: int


def load(offset: int) -> Instruction:
    """Load a word of ``struct seccomp_data`` into the accumulator."""
    return Instruction(LOAD_WORD, 0, 0, offset)


def mask(value: int) -> Instruction:
    """Keep only the bits of ``value`` in the accumulator."""
    return Instruction(AND, 0, 0, value)


def return_(action: int) -> Instruction:
    """Return ``action`` to the kernel, which ends the program."""
    return Instruction(RETURN, 0, 0, action)


def jump_if(value: int, *, then: list[Instruction], code: int = JUMP_EQUAL) -> list[Instruction]:
    """Run ``then`` (which must end in a decision) when the accumulator equals ``value``; otherwise go on after it."""
    return [Instruction(code, 0, len(then), value), *then]


def search(ranges: list[tuple[int, list[Instruction]]]) -> list[Instruction]:
    """Choose by binary search.

    Args:
        ranges: ``(first number, code)`` in ascending order; each code applies up to the next range and ends in a
            decision.
    """
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    low, high = search(ranges[:middle]), search(ranges[middle:])
    pivot = ranges[middle][0]
    if len(low) <= LONGEST_CONDITIONAL_JUMP:
        return [Instruction(JUMP_GREATER_EQUAL, len(low), 0, pivot), *low, *high]
    return [
        Instruction(JUMP_GREATER_EQUAL, 0, 1, pivot),
        Instruction(JUMP, 0, 0, len(low)),
        *low,
        *high,
    ]


def assemble(program: list[Instruction]) -> bytes:
    """Return the program as the kernel reads it."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
