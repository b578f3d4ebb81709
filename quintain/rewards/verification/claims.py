"""Find the relations that a sentence asserts: ``She has 3 * 4 = 12 pens`` claims that 3 * 4 = 12.

Units and labels are words, and are left out; what remains between them must be an expression. A chain that cannot be
read so is reported, not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from quintain.notation import plain_notation
from quintain.rewards.verification.expressions import Relation, Unreadable, parse_relations

__all__ = ["Claims", "find_claims"]

_MAX_UNITS = 3
_OPERATORS = {"plus": "+", "minus": "-", "times": "*", "over": "/", "of": "*"}
_EQUALS = {"equals", "is", "gives", "makes", "equal"}
_RELATIONS = {"=", "==", "<", ">", "<=", ">=", "≤", "≥", "≠", "≈"}
_BREAKS = {"and", "or", "so", "then", "thus", "hence", "therefore", "because", "since", "if", "where", "which", "let"}
_BREAKS |= {"when", "with", "while", "but", "for", "as", "until"}
_TOKEN = re.compile(
    r"(?P<arrow>=>|->|⇒|→)|(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?|(?<![\w.])\.\d+)|(?P<word>[A-Za-z]+(?:['’][a-z]+)?)"
    r"|(?P<sign><=|>=|==|\*\*|[=<>≤≥≠≈])|(?P<mark>[-+*/^()%\[\]×·÷])|(?P<space>[^\S\n]+)|(?P<other>.|\n)"
)
_BULLET = re.compile(r"^[ \t]*(?:[-*+•]|\(?\d{1,3}[.):](?!\d))[ \t]+", re.MULTILINE)
_CALCULATOR = re.compile(r"<<[^<>\n]*>>(?!>)")
_ANSWER = re.compile(r"<<<.*?(?:>>>|$)", re.DOTALL)
_MONEY = re.compile(r"[$€£](?=[\s\d.(+\-*/=]|$)|\\\[|\\\]|\\\(|\\\)|\$")
_PHRASES = (
    (re.compile(r"\b(?:(?:is|are)\s+)?equal\s+to\b|\b(?:is|are)\s+the\s+same\s+as\b", re.IGNORECASE), "="),
    (re.compile(r"\bdivided\s+by\b", re.IGNORECASE), "/"),
    (re.compile(r"\bmultiplied\s+by\b", re.IGNORECASE), "*"),
)
_MARKS = {"[": "(", "]": ")", "**": "^", "×": "*", "·": "*", "÷": "/"}
_FUNCTIONS = "fghpq"
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9]*\s*/?>")
_POWER = re.compile(r"(?<=[\w)])\*\*(?=[\w(])")


class Claims(NamedTuple):
    """The relations of a text.

    Attributes:
        relations: Those that could be read, in order.
        unreadable: The texts of those that could not.
    """

    relations: tuple[Relation, ...]
    unreadable: tuple[str, ...]


@lru_cache(maxsize=4096)  # every step is read again as the context of those after it
def find_claims(text: str) -> Claims:
    """Return the relations that a text asserts.

    Args:
        text: One step of a solution. Marked answers (``<<<7>>>``) and notes of a calculator (``<<3+4=7>>``) are left
            out.

    Example:
        >>> claims = find_claims("Total cost = 3 pens * $4 = $12, and sqrt(16) = 4.")
        >>> [str(relation) for relation in claims.relations], claims.unreadable
        (['3 * 4 = 12'], ('sqrt(16) = 4',))
    """
    relations: list[Relation] = []
    unreadable: list[str] = []
    for chain in _chains(_plain(text)):
        first, last = chain.ends()
        if last - first < 2 and not chain.spoiled:
            continue
        try:
            if chain.spoiled:
                raise Unreadable("not an expression")
            found = _read(chain.sides[first:last], chain.signs[first : last - 1])
            relations += [r for r in found if not (chain.worded and _converts(r))]
        except Unreadable:
            unreadable.append(" ".join(chain.text.split()))
    return Claims(tuple(relations), tuple(unreadable))


def _plain(text: str) -> str:
    text = _POWER.sub("^", _CALCULATOR.sub("", _ANSWER.sub("\n", text)))
    text = _MONEY.sub(" ", _BULLET.sub("", plain_notation(_TAG.sub(" ", text))))
    for phrase, sign in _PHRASES:
        text = phrase.sub(sign, text)
    return text


def _read(sides: list[list[str]], signs: list[str]) -> list[Relation]:
    parts = [" ".join(sides[0])]
    for sign, side in zip(signs, sides[1:], strict=False):
        parts += [sign, " ".join(side)]
    return parse_relations(" ".join(parts))


def _is_number(side: list[str]) -> bool:
    """Whether a side is one number, perhaps with a sign or in per cent, and no operation."""
    bare = side[1:] if side[:1] == ["-"] else side
    return len([token for token in bare if token != "%"]) == 1 and bare[0][0] in ".0123456789"


def _converts(relation: Relation) -> bool:
    """Whether a relation is one of two plain numbers, which may be of different units: ``12 pens = 24 dollars``."""
    return relation.left.kind == relation.right.kind == "number" and relation.left.value != relation.right.value


class _Chain:
    """A chain of relations while it is read."""

    def __init__(self) -> None:
        self.sides: list[list[str]] = [[]]
        self.signs: list[str] = []
        self.labelled = False
        self.spoiled = False
        self.worded = False  # units follow a number
        self.text = ""
        self.units = 0
        self.open = 0
        self.squared = False  # the exponent of a unit comes next: 20 cm^2
        self.spoiled_before = False  # as it was when the current side began

    @property
    def last(self) -> str:
        return self.sides[-1][-1] if self.sides[-1] else ""

    @property
    def complete(self) -> bool:
        """Whether the current side could end here."""
        return bool(self.last) and self.last not in "+-*/^("

    def relate(self, sign: str) -> None:
        """End a side."""
        if not any(token[0].isalnum() or token[0] == "." for token in self.sides[-1]):  # "length * width"
            self.sides[-1] = []
            self.spoiled = self.spoiled_before
        self.signs.append(sign)
        self.sides.append([])
        self.units = 0
        self.spoiled_before = self.spoiled

    def ends(self) -> tuple[int, int]:
        """Return the range of sides that are expressions: labels come before them, and words may come after."""
        first, last = 0, len(self.sides)
        while first < last and not self.sides[first]:
            first += 1
        if first == 0 and self.labelled and _is_number(self.sides[0]):
            first = 1  # "1 hour = 60 minutes": what a number stands for is not arithmetic
        while last > first and not self.sides[last - 1]:
            last -= 1  # "3 + 4 = her apples"
        return first, last


def _chains(text: str) -> Iterator[_Chain]:
    """Divide a text into chains that hold at least one relation."""
    solid = [match for match in _TOKEN.finditer(text) if match.lastgroup != "space"]
    chain = _Chain()
    for at, match in enumerate(solid):
        before = solid[at - 1] if at else None
        after = solid[at + 1] if at + 1 < len(solid) else None
        if not _take(chain, match, before, after):
            if chain.signs:
                yield chain
            mixed = match.lastgroup == "number" and not chain.units  # 2 1/2
            chain = _Chain()
            chain.spoiled = chain.spoiled_before = match[0] == ")"
            if match.lastgroup != "number" and not (match.lastgroup == "word" and _is_name(match, before, after)):
                continue
            _take(chain, match, before, after)  # "3 apples 4 + 5 = 9": a new chain begins with this number
            chain.labelled, chain.spoiled = True, mixed
        chain.text += text[match.start() : after.start() if after else match.end()]
    if chain.signs:
        yield chain


_Match = re.Match[str]


def _take(chain: _Chain, match: _Match, before: _Match | None, after: _Match | None) -> bool:
    """Add a token to a chain; return whether it belongs to it."""
    kind, token = match.lastgroup, match[0]
    if kind == "number" and chain.squared:
        chain.squared = False
        return True
    if kind == "number":
        if chain.complete:
            return False
        chain.sides[-1].append(token)
        chain.units = 0
        return True
    if kind == "sign" and token in _RELATIONS:
        chain.spoiled |= bool(chain.sides[-1]) and not chain.complete
        chain.relate(token)
        return True
    if kind == "mark" or token == "**":
        return _take_mark(chain, _MARKS.get(token, token), match, before, after)
    if kind == "word":
        return _take_word(chain, match, before, after)
    if token in "√!∑∫π°_\\{}|@&~" or (token == ":" and _within_number(match, before, after)):
        chain.spoiled = True
        return True
    return False


def _within_number(match: _Match, before: _Match | None, after: _Match | None) -> bool:
    """Whether digits touch a token on both sides, as in 3:30."""
    if before is None or after is None or not before.lastgroup == after.lastgroup == "number":
        return False
    return before.end() == match.start() and match.end() == after.start()


def _take_mark(chain: _Chain, token: str, match: _Match, before: _Match | None, after: _Match | None) -> bool:
    if token == ")" and not chain.open:
        return False
    if token == "(" and chain.complete and chain.units:  # "5 apples (3 + 2 = 5)": an aside
        return False
    if token == "^" and chain.units:
        chain.squared = True
        return True
    chain.open += {"(": 1, ")": -1}.get(token, 0)
    if token == "/" and after is not None and after.lastgroup == "word" and len(after[0]) > 1:
        return True  # "4 dollars / pen": a unit follows
    apart = after is not None and match.end() < after.start() and before is not None and before.lastgroup == "word"
    if not chain.sides[-1] and (token in "*/^%)" or (token in "+-" and apart)):
        chain.spoiled = True  # "length * 4", "revenue - 20"
    chain.sides[-1].append(token)
    chain.units = 0
    return True


def _take_word(chain: _Chain, match: _Match, before: _Match | None, after: _Match | None) -> bool:
    word = match[0].lower()
    if word in _BREAKS:
        return False
    apart = before is not None and before.end() < match.start()
    if word == "x" and chain.complete and after and (after.lastgroup == "number" or (apart and after[0] == "(")):
        chain.sides[-1].append("*")  # 3 x 4
        return True
    calls = after is not None and after[0] == "(" and after.start() == match.end()
    if _is_name(match, before, after) and not (calls and word in _FUNCTIONS):
        if chain.complete and chain.units:
            return False  # "7 apples, x = 3" without the comma
        chain.sides[-1].append(match[0])
        chain.units = 0
        return True
    if calls:
        chain.spoiled = True  # sqrt(16), f(2)
        return True
    numeric = after is not None and (after.lastgroup == "number" or after[0] in "(-")
    if chain.complete and numeric and word in _OPERATORS:
        if word == "of" and not (chain.last == "%" or "/" in chain.sides[-1][-2:]):
            return False
        chain.sides[-1].append(_OPERATORS[word])
    elif chain.complete and numeric and word in _EQUALS and (chain.signs or not _is_number(chain.sides[-1])):
        chain.relate("=")
    elif chain.complete:
        chain.units += 1
        chain.worded = True
        chain.labelled |= len(chain.sides) == 1
        return chain.units <= _MAX_UNITS
    elif chain.sides[-1]:
        chain.spoiled = True  # "3 * pens"
    else:
        chain.labelled |= len(chain.sides) == 1
    return True


def _is_name(match: _Match, before: _Match | None, after: _Match | None) -> bool:
    """Whether a single letter is a name in an expression, not an article or the label of something."""
    if len(match[0]) > 1:
        return False
    touching = before is not None and before.lastgroup == "number" and before.end() == match.start()
    return touching or any(near is not None and near.lastgroup in ("sign", "mark") for near in (before, after))
