"""Noise on the user's request: visually similar characters, and other words of the same meaning."""

from __future__ import annotations

import re

import numpy as np

__all__ = ["paraphrased", "with_similar_characters"]

#: Characters of other scripts that look like Latin ones, as in VIPER (Eger et al. 2019, arXiv 1903.11508).
SIMILAR = dict(zip("aceopxyijsABCEHIKMOPTXY", "асеорхуіјѕАВСЕНІКМОРТХУ", strict=True))
#: Accented forms of those that have no double.
ACCENTED = dict(zip("bdfghklmnrtuvwz", "ƀđƒģħķłṁñŕŧüṽŵž", strict=True))
#: Words and phrases with others of the same meaning.
SYNONYMS = {
    "answer": "respond", "send": "dispatch", "find": "look up", "move": "shift", "delete": "remove",
    "enter": "add", "cancel": "call off", "what is": "tell me", "how many": "what number of", "which": "what",
    "write": "put", "list": "name", "correct": "fix", "book": "reserve", "buy": "purchase", "show": "display",
    "total": "overall", "the sum of": "the total of", "my": "my own", "about": "concerning", "again": "once more",
}  # fmt: skip
_PHRASE = re.compile(r"\b(" + "|".join(sorted(SYNONYMS, key=len, reverse=True)) + r")\b", re.IGNORECASE)


def with_similar_characters(text: str, positions: int, rng: np.random.Generator) -> tuple[str, int]:
    """Replace letters by letters that look alike.

    Args:
        text: The text to change.
        positions: Maximum number of replaced characters, >= 0.
        rng: Generator that draws the positions of the changes.

    Returns:
        The text, of equal length, and the number of replaced characters.
    """
    table = SIMILAR | ACCENTED
    places = [k for k, character in enumerate(text) if character in table]
    chosen = rng.permutation(len(places))[:positions]
    letters = list(text)
    for place in (places[k] for k in chosen):
        letters[place] = table[letters[place]]
    return "".join(letters), len(chosen)


def paraphrased(text: str, positions: int, rng: np.random.Generator) -> tuple[str, int]:
    """Replace words by others of the same meaning, outside quotation marks.

    A stand-in for the syntactically controlled paraphrases of SCPN (Iyyer et al. 2018), which take a trained model.

    Args:
        text: The text to change.
        positions: Maximum number of characters that may be replaced, >= 0.
        rng: Draws the order in which words are replaced.

    Returns:
        The text, and the number of characters of it that were replaced.
    """
    quoted = [found.span() for found in re.finditer(r"'[^']*'", text)]
    found = [m for m in _PHRASE.finditer(text) if not any(a <= m.start() < b for a, b in quoted)]
    chosen, left = [], positions
    for index in rng.permutation(len(found)):
        match = found[index]
        if len(match[0]) <= left:
            chosen.append(match)
            left -= len(match[0])
    for match in sorted(chosen, key=lambda m: -m.start()):
        new = SYNONYMS[match[0].lower()]
        new = new[0].upper() + new[1:] if match[0][0].isupper() else new
        text = text[: match.start()] + new + text[match.end() :]
    return text, positions - left
