"""Read which option a written answer names, and tell refusals from answers that cannot be read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from quintain.replies import split_reasoning

__all__ = ["Reading", "is_refusal", "read_choice"]

#: Marks around a label that are no part of it.
_MARKS = " \t\r\n.:;,*_\"'`()[]<>"
#: Phrases with which models decline to answer about themselves, in lower case.
_REFUSALS = re.compile(
    r"\bas an? (ai|artificial intelligence|(large )?language model|assistant|chatbot|machine)\b"
    r"|\bi(?:'m| am) (just |only |merely )?an? (ai|artificial intelligence|(large )?language model|chatbot|machine)\b"
    r"|\bi (?:can ?not|can't|won't|will not|do not|don't) (?:\w+ ){0,2}"
    r"(answer|choose|select|rate|have|possess|feel|experience|provide|assist|help|comply|engage)\b"
    r"|\bi(?:'m| am) (?:not able|unable|sorry)\b|\bi(?:'d| would) (?:rather|prefer) not\b"
    r"|\bi (?:must|have to) decline\b"
    r"|\b(?:not applicable|does not apply) to me\b"
)
#: What follows an A that is the article.
_ARTICLE = re.compile(r"\s+(?!or\b|and\b)[a-z]")
#: Words before a label that name it.
_NAMED = r"\b(?:answer|option|choice|response|rating|reply|choose|select|pick)\b\s*(?:is\b|would be\b|:|=)?\s*"
#: A negation in the part of the sentence that leads to a label, and one that follows a label.
_BEFORE = re.compile(r"(?i)(?:\b(?:not|never|neither|nor|cannot|rather than|instead of)\b|n['\u2019]t\b)[^.,:;!?\n]*$")
_AFTER = re.compile(r"(?i)['\"*)\]]*\s+(?:is|was|would)(?:n['\u2019]t|\s+not)\b")
#: Where a part of a sentence ends without a mark.
_TURN = re.compile(r"(?i)\s(?:but|so|yet|though|although|however|because|[-\u2013\u2014])\s")


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says.

    Attributes:
        position: Position of the named option in the list, from 0; ``None`` if none was named, or several.
        refused: Whether the answer declines to choose.
        detail: Why there is no option; empty if there is one.
    """

    position: int | None
    refused: bool = False
    detail: str = ""


def is_refusal(text: str) -> bool:
    """Return whether a text declines to answer: it says that it comes from a machine, or that it will not choose.

    Example:
        >>> is_refusal("As an AI language model, I don't have feelings."), is_refusal("B")
        (True, False)
    """
    return bool(_REFUSALS.search(text.casefold().replace("\u2019", "'")))


def read_choice(reply: str, labels: Sequence[str], options: Sequence[str], cue: str = "") -> Reading:
    """Read an answer.

    The rules, of which the first that applies decides: the whole answer is a label or an option; it begins with a
    label that a mark follows, or names one as in "the answer is B"; its words contain exactly one option; exactly one
    label stands in it as a word of its own (the letter A only where it cannot be the article). Where a rule finds
    several options, as in a list of them or in a label with the text of another option, none was named. What a negation
    excludes, as in "the answer is not B" or "I can't choose between A", was not named. An answer that names an option
    counts although it also protests.

    Args:
        reply: What the model wrote.
        labels: The label at each position.
        options: The option's text at each position.
        cue: Beginning of the answer, which the reply may repeat. Default: none.

    Example:
        >>> options = ["Very accurate", "Neither", "Very inaccurate"]
        >>> read_choice("I would say B. Neither", ["A", "B", "C"], options).position
        1
        >>> read_choice("As an AI, I have no personality.", ["A", "B", "C"], options)
        Reading(position=None, refused=True, detail='declined to choose')
    """
    text = split_reasoning(reply).text.strip()
    if cue and text.startswith(cue):
        text = text[len(cue) :]
    bare = " ".join(text.strip(_MARKS).split()).casefold()
    if not bare:
        return Reading(None, False, "empty")
    folded = [label.casefold() for label in labels]
    texts = [" ".join(option.split()).casefold().rstrip(".") for option in options]
    for known in (folded, texts):
        if bare in known:
            return Reading(known.index(bare))
    short = [label for label in labels if label.casefold() not in texts]
    for find in (_led, _named, _contained, _alone):
        found = find(text, short, texts)
        positions = {_position(each, labels, texts) for each in found}
        if len(positions) == 1:
            return Reading(positions.pop())
        if positions:
            break
    refused = is_refusal(text)
    several = "names several options" if len(positions) > 1 else "names no option"
    return Reading(None, refused, "declined to choose" if refused else several)


def _position(found: str, labels: Sequence[str], texts: Sequence[str]) -> int:
    folded = [label.casefold() for label in labels]
    return folded.index(found.casefold()) if found.casefold() in folded else texts.index(found)


def _any(labels: Sequence[str]) -> str:
    return "|".join(map(re.escape, labels))


def _led(text: str, labels: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Find a label at the beginning, with a mark or the end of the line after it.

    Labels at the beginning of other lines, as in a list, and an option behind the label that is not its own are found
    too, so that such answers name several options.
    """
    begins = rf"[\s(\[*\"']*({_any(labels)})(?:[.:)\]*\",;]|\s*[-=\n]|\s*$)"
    if not labels or not re.match(begins, text):
        return []
    led = [
        found[1]
        for line in text.splitlines()
        if (found := re.match(begins, line)) and not _AFTER.match(line, found.end(1))
    ]
    return [*led, *_contained(text.strip().splitlines()[0], labels, texts)]


def _named(text: str, labels: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Find labels behind words such as "the answer is", in either case; an article is none."""
    if not labels:
        return []
    found = re.finditer(rf"(?i:{_NAMED}[(\[*\"']*({_any(labels)}))(?![\w'])(?!\s+[a-z])", text)
    return [
        each[1]
        for each in found
        if not _is_excluded(text, *each.span()) and (each[1] in labels or not re.match(r"\s+\w", text[each.end() :]))
    ]


def _contained(text: str, labels: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Find options in the text, the longest first, so that none is found inside another one."""
    rest, found = text.casefold(), []
    for option in sorted(texts, key=len, reverse=True):
        words = r"\s+".join(map(re.escape, option.split()))
        pattern = rf"(?<!\w){words}(?!\w)"
        places = list(re.finditer(pattern, rest))
        if any(not _is_excluded(rest, *place.span()) for place in places):
            found.append(option)
        rest = re.sub(pattern, " ", rest)
    return found


def _alone(text: str, labels: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Find labels that stand as words of their own; an A before a word in lower case is the article."""
    if not labels:
        return []
    found = re.finditer(rf"(?<![\w'])({_any(labels)})(?![\w'])", text)
    return [
        each[1]
        for each in found
        if not _is_excluded(text, *each.span()) and (each[1] != "A" or not _ARTICLE.match(text, each.end()))
    ]


def _is_excluded(text: str, start: int, end: int) -> bool:
    """Return whether a negation in the same part of the sentence excludes what stands in the text there."""
    before = _TURN.split(text[:start])[-1]
    return bool(_BEFORE.search(before) or _AFTER.match(text, end))
