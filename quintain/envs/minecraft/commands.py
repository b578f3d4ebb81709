"""The commands of the text view: their grammar, and which of them a reply gives."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["MAX_ACTION_CHARS", "RULES", "Command", "MalformedCommand", "parse_command"]

#: Maximum length of an action, in characters.
MAX_ACTION_CHARS = 10_000
#: Commands with a number: default, maximum.
_COUNTED = {
    "forward": (1, 64), "back": (1, 64), "left": (1, 64), "right": (1, 64), "sprint": (1, 64), "wait": (1, 400),
    "jump": (1, 20), "attack": (1, 20), "drop": (1, 64),
}  # fmt: skip
#: Commands with a direction, and perhaps an angle in degrees.
_TURNS = {"turn": ("left", "right", "around"), "look": ("up", "down", "ahead")}
#: Commands with a name.
_NAMED = ("face", "place", "equip", "craft", "destroy")
#: Commands alone.
_ALONE = ("dig", "use")

RULES = """\
You act in a world of blocks. Reply with one command; the last line of the reply counts. Time passes only with commands.

forward N, back N, left N, right N   walk N blocks (1 to 64), over steps of one block; sprint N runs forward
turn left A, turn right A            turn by A degrees, rounded to 15; turn around
look up A, look down A, look ahead   raise or lower the view by A degrees, rounded to 15
face THING                           turn towards the nearest THING that is seen, or to north, east, south, west
jump N, wait N                       jump N times; wait N ticks of 50 ms
dig                                  dig the block in the crosshair until it breaks
attack N                             hit what is in the crosshair N times, one hit each half second
use                                  use what the hand holds: eat, shear, milk, fill or empty a bucket, place
place ITEM                           place a block of the inventory where the crosshair points
craft ITEM                           craft or smelt once
equip ITEM                           take into the hand, or put on
drop N, destroy ITEM                 drop N of what the hand holds; delete a stack"""


class MalformedCommand(Exception):
    """A reply holds no command; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        verb: Its first word.
        name: A thing, an item, or a direction; empty for none.
        number: Blocks, ticks, degrees or repetitions; 0 for none.
    """

    verb: str
    name: str = ""
    number: int = 0


def parse_command(reply: str) -> Command:
    r"""Read the command in the last line of a reply that is not empty.

    Case, quotes, a full stop at the end and a prefix such as ``Action:`` do not matter.

    Raises:
        MalformedCommand: If that line is no command.

    Example:
        >>> parse_command("There is a tree on the left.\nAction: turn left 30")
        Command(verb='turn', name='left', number=30)
    """
    lines = [line.strip() for line in reply.splitlines() if line.strip().strip("`")]
    if not lines:
        raise MalformedCommand("the reply is empty; expected a command such as 'forward 5'")
    line = re.sub(r"^(?:action|command)\s*:\s*", "", lines[-1].strip("`'\"*> ").lower()).rstrip(".` ")
    words = line.split()
    if not words:
        raise MalformedCommand("the last line is empty; expected a command such as 'forward 5'")
    verb, rest = words[0], words[1:]
    if verb in _COUNTED:
        return Command(verb, "", _number(verb, rest, *_COUNTED[verb]))
    if verb in _TURNS:
        return _turn(verb, rest)
    if verb in _ALONE:
        if rest:
            raise MalformedCommand(f"{verb!r} takes nothing after it, got {' '.join(rest)[:40]!r}")
        return Command(verb)
    if verb in _NAMED:
        if not rest:
            raise MalformedCommand(f"{verb!r} needs a name, such as {verb + ' log'!r}")
        return Command(verb, "_".join(rest)[:40])
    known = ", ".join((*_COUNTED, *_TURNS, *_NAMED, *_ALONE))
    raise MalformedCommand(f"unknown command {verb[:40]!r}; commands are {known}")


def _number(verb: str, words: list[str], default: int, most: int) -> int:
    if not words:
        return default
    unit = words[1:] and words[1] in ("block", "blocks", "tick", "ticks", "times", "degrees")
    if len(words) > (2 if unit else 1) or not re.fullmatch(r"[0-9]{1,4}", words[0]) or not 1 <= int(words[0]) <= most:
        raise MalformedCommand(f"{verb!r} takes a number from 1 to {most}, got {' '.join(words)[:40]!r}")
    return int(words[0])


def _turn(verb: str, words: list[str]) -> Command:
    ways = _TURNS[verb]
    if not words or words[0] not in ways:
        raise MalformedCommand(f"{verb!r} takes {', '.join(ways)}, got {' '.join(words)[:40]!r}")
    if words[0] in ("around", "ahead"):
        if words[1:]:
            raise MalformedCommand(f"'{verb} {words[0]}' takes nothing after it, got {' '.join(words[1:])[:40]!r}")
        return Command(verb, words[0])
    default, most = (90, 180) if verb == "turn" else (30, 180)
    return Command(verb, words[0], _number(f"{verb} {words[0]}", words[1:], default, most))
