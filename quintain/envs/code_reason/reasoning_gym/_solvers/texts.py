"""Solvers of questions about strings and words."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable

from quintain.envs.code_reason.reasoning_gym._solvers._reading import Unclear, find, strings, words
from quintain.errors import TaskError

__all__ = [
    "ab",
    "binary_alternation",
    "caesar_cipher",
    "emoji_mystery",
    "group_anagrams",
    "letter_counting",
    "needle_haystack",
    "palindrome_partitioning",
    "spell_backward",
    "string_manipulation",
    "word_sequence_reversal",
]

#: How often English uses each letter, A to Z, in percent.
_FREQUENCIES = (
    *(8.2, 1.5, 2.8, 4.3, 12.7, 2.2, 2.0, 6.1, 7.0, 0.15, 0.8, 4.0, 2.4, 6.7, 7.5, 1.9, 0.1, 6.0, 6.3, 9.1, 2.8, 1.0),
    *(2.4, 0.15, 2.0, 0.07),
)
_COMMON = words(
    """
A I THE OF AND TO IN IS IT YOU THAT HE SHE WAS FOR ON ARE WITH AS HIS THEY AT BE THIS HAVE FROM OR BY NOT BUT WHAT ALL
WERE WE WHEN YOUR CAN THERE AN HAD HAS WHICH DO WILL IF NO MY ME SO UP OUT OUR US MR ANY MAY
"""
)


def ab(question: str) -> str:
    """Rewrite neighbours until no rule applies; any order ends the same."""
    tokens = find(r"following program:\s*\n+([AB# ]+)\n", question)[1].split()
    i = 0
    while i + 1 < len(tokens):
        left, right = tokens[i], tokens[i + 1]
        if left[1] == "#" and right[0] == "#":
            tokens[i : i + 2] = [] if left[0] == right[1] else [right, left]
            i = max(i - 1, 0)
        else:
            i += 1
    return " ".join(tokens)


def binary_alternation(question: str) -> str:
    """Compare with the two alternating strings; a swap repairs two places."""
    bits = question.split()[-1]
    costs = []
    for first in "01":
        wanted = [first if i % 2 == 0 else "10"[int(first)] for i in range(len(bits))]
        if wanted.count("1") == bits.count("1"):
            costs.append(sum(a != b for a, b in zip(wanted, bits, strict=True)) // 2)
    return str(min(costs, default=-1))


def caesar_cipher(question: str) -> str:
    """Take the shift whose words and letters are most like English."""
    text = find(r"cipher text: (.*)\. Provide only", question)[1]

    def shifted(shift: int) -> str:
        return "".join(chr((ord(c) - 65 - shift) % 26 + 65) if "A" <= c <= "Z" else c for c in text)

    def likeness(candidate: str) -> float:
        score = 50.0 ** sum(word in _COMMON for word in candidate.split())
        for letter in filter(str.isascii, filter(str.isalpha, candidate)):
            score *= _FREQUENCIES[ord(letter) - 65] * 26 / 100
        return score

    return max(map(shifted, range(26)), key=likeness)


def emoji_mystery(question: str) -> str:
    """Read the bytes that stand behind the emoji as variation selectors."""
    code = [ord(c) for c in find(r"from the emoji: (.*?)\n", question)[1]]
    data = [c - 0xE0100 + 16 if c >= 0xE0100 else c - 0xFE00 for c in code if c >= 0xE0100 or 0xFE00 <= c <= 0xFE0F]
    return bytes(data).decode()


def group_anagrams(question: str) -> str:
    """Group words by their sorted letters."""
    groups = defaultdict(list)
    for word in json.loads(question[question.rindex("[") : question.rindex("]") + 1]):
        groups["".join(sorted(word))].append(word)
    return json.dumps(list(groups.values()))


def letter_counting(question: str) -> str:
    """Count a letter in any case; where the case would matter, the question is unclear."""
    letter, text = find(r'letter "(.)" appear in the text: "(.*)"\?', question).groups()
    if letter.upper() in text:
        raise Unclear("capital letters may or may not count")
    return str(sum(c == letter for c in text))


def needle_haystack(question: str) -> str:
    """Return the person who does it."""
    statements, asked = find(r"^(.*)\nWho (.*)\? Reply only with a name", question).groups()
    names = [s.removesuffix(f" {asked}") for s in statements.strip().rstrip(".").split(". ") if s.endswith(f" {asked}")]
    names = [name for name in names if " " not in name]
    if len(names) != 1:
        raise Unclear("one person should do it")
    return names[0]


def palindrome_partitioning(question: str) -> str:
    """Try every palindrome at the beginning, and partition the rest."""

    def partitions(text: str) -> list[list[str]]:
        if not text:
            return [[]]
        heads = [text[:i] for i in range(1, len(text) + 1) if text[:i] == text[:i][::-1]]
        return [[head, *rest] for head in heads for rest in partitions(text[len(head) :])]

    return json.dumps(partitions(question.split()[-1]))


def spell_backward(question: str) -> str:
    """Reverse the word."""
    return find(r": (\S+)$", question)[1][::-1]


def word_sequence_reversal(question: str) -> str:
    """Reverse the list."""
    return ", ".join(find(r"list of words: (.*)$", question)[1].split(", ")[::-1])


def string_manipulation(question: str) -> str:
    """Apply the first rule that applies, until none does or a string comes back."""
    rules = [_rule(rule) for rule in re.findall(r"\n\d+\. (If the string [^\n]*)", question)]
    state = find(r"list of rules:\n([a-z]+)$", question)[1]
    seen = [state]
    while True:
        following = next((new for rule in rules if (new := rule(state)) != state), state)
        if following in seen:
            return state
        state = following
        seen.append(state)


def _rule(rule: str) -> Callable[[str], str]:
    """Turn the words of a rule into what it does to a string; a rule that does not apply leaves it as it is."""
    quoted = strings(rule)
    a, b = (*quoted, "", "")[:2]

    def starts(change: Callable[[str], str]) -> Callable[[str], str]:
        return lambda s: change(s) if s.startswith(a) else s

    def ends(change: Callable[[str], str]) -> Callable[[str], str]:
        return lambda s: change(s) if s.endswith(a) else s

    rules: dict[str, Callable[[str], str]] = {
        r"prefix is .* replace it with '\w+'\.": starts(lambda s: b + s[2:]),
        r"prefix is .* delete the first two characters and append": starts(lambda s: s[2:] + b),
        r"prefix is .* replace it with '\w+' and delete the last character": starts(lambda s: (b + s[2:])[:-1]),
        r"prefix is .* replace it with '\w+' and append": starts(lambda s: b + s[2:] + quoted[2]),
        r"prefix is .* remove the first character": starts(lambda s: s[1:]),
        r"starts with .* remove the first two characters": starts(lambda s: s[2:]),
        r"starts with .* remove the second character": starts(lambda s: s[0] + s[2:]),
        r"starts with .* replace the first two characters with": starts(lambda s: b + s[2:]),
        r"suffix is .* replace it with '\w+'\.": ends(lambda s: s[:-2] + b),
        r"suffix is .* delete the last two characters": ends(lambda s: s[:-2]),
        r"suffix is .* replace it with '\w+' and prepend": ends(lambda s: quoted[2] + s[:-2] + b),
        r"ends with .* replace it with '\w+'\.": ends(lambda s: s[:-2] + b),
        r"ends with .* remove the last character": ends(lambda s: s[:-1]),
        r"contains '\w+', replace the first occurrence with": lambda s: s.replace(a, b, 1),
        r"contains '\w+', delete the first occurrence entirely": lambda s: s.replace(a, "", 1),
        r"contains 'ca' \(not at the start\), remove the first occurrence": lambda s: (
            s[:1] + s[1:].replace("ca", "", 1)
        ),
        r"contains an even number of 'b's": lambda s: s + "ab" if "b" in s and s.count("b") % 2 == 0 else s,
        r"length is greater than 15, remove the middle": lambda s: (
            s[: len(s) // 2] + s[len(s) // 2 + 1 :] if len(s) > 15 else s
        ),
    }
    fitting = [change for pattern, change in rules.items() if re.search(pattern, rule)]
    if len(fitting) != 1:
        raise TaskError(f"cannot read the rule {rule!r}; install reasoning-gym==0.1.25")
    return fitting[0]
