r"""How the reply of a language model is read: the first closed Python block or marked answer outside its reasoning.

Environments parse replies with a :class:`ReplyReader`, and agents truncate them with an equal one, so both see the same
program or answer. The protocol is that of R1-Code-Interpreter (Chen et al. 2025, arXiv 2505.21668): plain Markdown
fences and a final marker, no artificial tags. Generation would stop at the first closed block or the first answer, so
what follows it never counts.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple, Self

__all__ = ["FORMS", "Move", "ReplyReader", "SplitReply", "placeholders_in", "read_reply", "split_reasoning"]

#: Placeholders that are never an answer, such as "your answer" in ``<<<your answer>>>``: those of our agents' prompts,
#: and common ones. White space, case and quotation marks do not matter.
FORMS = frozenset(
    {"answer", "the answer", "your answer", "final answer", "the final answer", "your final answer", "number"}
    | {"{result}", "{answer}", "[answer]", "...", "…"}
)

# What may stand before a fence on its line: indentation, quotation marks of Markdown, and the mark of a list item.
_BEFORE = r"(?:[ \t]*(?:>|[-*+](?=[ \t])|[0-9]{1,3}[.)](?=[ \t])))*[ \t]*"
_FENCE = rf"^(?P<before>{_BEFORE})(?P<fence>`{{3,}}|~{{3,}})(?P<language>[^\n`]*)$"
_PYTHON = re.compile(r"[ \t]*\{?\.?(?:i?python[0-9.]*|py3?)\}?(?:[ \t{][^\n]*)?\r?", re.IGNORECASE)
_QUOTED = re.compile(r"^[ \t]*> ?", re.MULTILINE)

_TAGS = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|seed:think"
#: Marks around reasoning, as patterns: those that open it, those that close it, and a text that closes it.
_REASONING = (
    (rf"<(?:{_TAGS})>", rf"</(?:{_TAGS})>", "</think>"),
    (r"\[THINK\]", r"\[/THINK\]", "[/THINK]"),
    (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>", "<|end_of_thought|>"),
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>", "<|END_THINKING|>"),
    ("◁think▷", "◁/think▷", "◁/think▷"),
    (
        r"<\|channel\|>(?:analysis|commentary)[^<\n]*<\|message\|>",
        r"<\|end\|>|<\|channel\|>final<\|message\|>",
        "<|end|>",
    ),
)
# A tag in quotes or backticks is spoken of, not used.
_OPENS = "|".join(f"(?P<open{i}>{opens})" for i, (opens, _, _) in enumerate(_REASONING))
# Without its opening mark, "<|end|>" closes reasoning only if text follows: several chat formats end a turn with it.
_CLOSES = "|".join(closes for _, closes, _ in _REASONING)
_CLOSES_BEFORE_TEXT = _CLOSES.replace(r"<\|end\|>", r"<\|end\|>(?=\s*\S)")
_EVENT = re.compile(rf"{_FENCE}|(?<![`'\"])(?:{_OPENS}|(?P<close>{_CLOSES_BEFORE_TEXT}))", re.MULTILINE | re.IGNORECASE)
_CLOSING = [re.compile(rf"(?<![`'\"])(?:{closes})", re.IGNORECASE) for _, closes, _ in _REASONING]
_LONE_CLOSE = re.compile(rf"^[ \t]*(?:{_CLOSES})[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_LAST_CLOSE = re.compile(rf"(?:{_CLOSES})\s*\Z", re.IGNORECASE)
#: What the answer begins with in the format whose reasoning is a channel of its own.
_FINAL_CHANNEL = re.compile(r"(?:<\|start\|>assistant)?<\|channel\|>final[^<\n]*<\|message\|>", re.IGNORECASE)
# What every mark of reasoning begins with: a fast test for long texts, most of which have none.
_MARK_START = re.compile(rf"<(?:/?(?:{_TAGS})>|\|)|\[/?think\]|◁", re.IGNORECASE)
_EVENT_START = re.compile(rf"```|~~~|{_MARK_START.pattern}", re.IGNORECASE)
_BOXED = "\\boxed{"
_SHOWN = re.compile("<<<(.*?)>>>", re.DOTALL)
# An answer that is a fenced block: it ends with the first line that starts with the fence.
_FENCED_ANSWER = re.compile(
    r"<<<(?P<answer>\s*(?P<fence>`{3,}|~{3,})[^\n`]*\n"
    r"(?P<inner>(?:(?![ \t]*(?P=fence)).*\n)*)"
    r"[ \t]*(?P=fence)[`~]*\s*)>>>"
)

_NOTHING = "the reply has neither a Python block nor an answer between <<< and >>>"
_FORM_ONLY = "the reply repeats the form of the answer, and has neither a Python block nor an answer"
_NOT_CLOSED = "the code block is not closed"
_STILL_REASONING = "the reply ends within its reasoning, with neither a Python block nor an answer after it"


@dataclass(frozen=True, slots=True)
class Move:
    """What a reply asks the environment to do.

    Attributes:
        kind: ``"code"``: run a program. ``"answer"``: submit an answer. ``"unmarked"``: only a fenced block without a
            language. ``"malformed"``: none of these.
        text: The program, the answer, the text of the block, or why the reply is malformed.
        ignored: Number of Python blocks after the one that counts.
        end: Position in the reply where the program's block or the answer ends; -1 for other kinds.
        missing: Text that would close what the reply left open: a Python block, or its reasoning. Empty if nothing
            is open.
    """

    kind: Literal["code", "answer", "unmarked", "malformed"]
    text: str
    ignored: int = 0
    end: int = field(default=-1, compare=False, repr=False)
    missing: str = field(default="", compare=False, repr=False)

    @property
    def is_open_program(self) -> bool:
        """Whether the reply ends within a Python block."""
        return self.text == _NOT_CLOSED and self.kind == "malformed"


@dataclass(frozen=True, slots=True)
class ReplyReader:
    """Parses the replies of one episode. The environment and an agent that truncates replies have equal readers.

    Attributes:
        code: Whether Python blocks are programs, as in an environment that runs them.
        placeholders: Placeholder texts such as ``"your answer"``, which are not answers; see :func:`read_reply`.
    """

    code: bool = True
    placeholders: frozenset[str] = frozenset()

    @classmethod
    def of(cls, question: str, *, code: bool = True, answer: str = "") -> Self:
        """Make the reader for a question: the forms that it shows, and those of :data:`FORMS`, are placeholders.

        Args:
            question: The first observation, instructions included.
            code: Whether Python blocks are programs.
            answer: The correct answer, if known; a placeholder equal to it is not ignored.

        Example:
            >>> reader = ReplyReader.of("What is 1 + 1? Write it as <<<integer>>>.")
            >>> [reader.read(reply).kind for reply in ("<<<integer>>>", "<<<your answer>>>", "<<<2>>>")]
            ['malformed', 'malformed', 'answer']
        """
        placeholders, right = placeholders_in(question) | FORMS, _folded(answer)
        return cls(code, placeholders - {right} if right in placeholders else placeholders)

    def read(self, reply: str, *, complete: bool = True) -> Move:
        """Read a reply; see :func:`read_reply`."""
        return read_reply(reply, code=self.code, placeholders=self.placeholders, complete=complete)


def read_reply(reply: str, *, code: bool = True, placeholders: Collection[str] = (), complete: bool = True) -> Move:
    r"""Find the first closed Python block or the first answer outside any block, whichever comes first.

    An answer is ``<<<answer>>>``, the form that questions ask for, or ``\boxed{answer}``, which counts only if no
    ``<<<answer>>>`` follows before the next block or reasoning. Reasoning, between ``<think>`` and ``</think>`` or the
    like, is passed over; where only its end is marked, it begins with the reply. Markers inside a fenced block belong
    to the block, but the whole answer may be a block of another language than Python. A block that never closes was
    cut off and is not run. Fences may be indented, quoted or in a list, and the program loses that indentation.

    Args:
        reply: What the model wrote.
        code: Whether Python blocks are programs; otherwise they are passed over like any other block.
        placeholders: Texts that are no answer, since the question itself shows them between markers (see
            :func:`placeholders_in`); ``<<<placeholder>>>`` is ignored.
        complete: False while the reply is still being generated: an answer in ``\boxed`` or after an unclosed fence
            is then not accepted yet, since later text may take precedence or close the fence.

    Example:
        >>> read_reply("I think it is <<<42>>>.")
        Move(kind='answer', text='42', ignored=0)
        >>> read_reply("```python\nprint('<<<no>>>')\n```").kind
        'code'
        >>> read_reply("<think>Is it <<<1>>>?</think> It is <<<2>>>.").text
        '2'
    """
    forms = _all_folded(frozenset(placeholders))
    why, bare = _NOTHING, None
    position = _end_of_unopened_reasoning(reply)
    while True:
        event = _next_event(reply, position)
        answer, echoed = _find_answer(
            reply, position, event.start() if event else len(reply), forms, boxed=complete or event is not None
        )
        if echoed:
            why = _FORM_ONLY
        if answer is not None:
            return Move("answer", answer.text, end=answer.end)
        if event is None:
            break
        if event["fence"] is None:
            which = next((i for i in range(len(_REASONING)) if event[f"open{i}"]), None)
            closing = event if which is None else _CLOSING[which].search(reply, event.end())
            if closing is None:
                return Move("malformed", _STILL_REASONING, missing=_closing_text(event[0], which or 0))
            position = closing.end()
            continue
        is_python = code and _PYTHON.fullmatch(event["language"]) is not None
        if not is_python and (fenced := _fenced_answer(reply, position, event.start())):
            if _folded(fenced["inner"]) not in forms:
                return Move("answer", fenced["answer"].strip(), end=fenced.end())
            why, position = _FORM_ONLY, fenced.end()
            continue
        close = _find_close(reply, event, glued=is_python)
        if close is None:
            if is_python:
                return Move("malformed", _NOT_CLOSED, missing=f"\n{event['fence']}")
            if not complete:
                return Move("malformed", why)
            position = event.end()  # not a block after all: markers after a stray fence still count
            continue
        if is_python:
            program = _program(reply[event.end() : close.inner].removeprefix("\n"), event["before"])
            return Move("code", program, _count_programs(reply, close.end), end=_end_of_line(reply, close.end))
        if bare is None and not event["language"].strip():
            bare = reply[event.end() : close.inner].removeprefix("\n")
        position = close.end
    if code and bare is not None and complete:
        return Move("unmarked", bare)
    return Move("malformed", why)


class SplitReply(NamedTuple):
    """The two parts of a reply.

    Attributes:
        reasoning: What stands between marks of reasoning, without the marks; empty if there is none.
        text: Everything else: what the reply says.
    """

    reasoning: str
    text: str


def split_reasoning(reply: str) -> SplitReply:
    """Split a reply into reasoning and text.

    Reasoning stands between ``<think>`` and ``</think>`` or the like. Where only its end is marked, it begins with the
    reply; where only its beginning is marked, the reply was cut off and the rest is reasoning. Marks inside a fenced
    block, or in quotes, are text. A reply without reasoning is returned unchanged.

    Example:
        >>> split_reasoning("<think>Is it 7?</think> It is 8.")
        SplitReply(reasoning='Is it 7?', text='It is 8.')
        >>> split_reasoning("It is 8.")
        SplitReply(reasoning='', text='It is 8.')
    """
    if _MARK_START.search(reply) is None:
        return SplitReply("", reply)
    begin = search_from = _end_of_unopened_reasoning(reply)
    reasoning = [_LAST_CLOSE.sub("", reply[:begin])] if begin else []
    text = []
    while event := _next_event(reply, search_from):
        if event["fence"] is not None:
            block = _find_close(reply, event, glued=False)
            search_from = event.end() if block is None else block.end
            continue
        which = next((i for i in range(len(_REASONING)) if event[f"open{i}"]), None)
        if which is None:
            search_from = event.end()
            continue
        closing = _CLOSING[which].search(reply, event.end())
        text.append(reply[begin : event.start()])
        reasoning.append(reply[event.end() : closing.start() if closing else len(reply)])
        begin = search_from = closing.end() if closing else len(reply)
    if not reasoning:
        return SplitReply("", reply)
    text.append(reply[begin:])
    parts = [part.strip() for part in reasoning]
    return SplitReply("\n".join(filter(None, parts)), _FINAL_CHANNEL.sub("", "".join(text), count=1).strip())


def placeholders_in(question: str) -> frozenset[str]:
    """Collect what a question shows between markers: the form of the answer, and the words of its instructions.

    Example:
        >>> sorted(placeholders_in("Answer between <<< and >>>. What is 1 + 1? Write it as <<<number>>>."))
        ['and', 'number']
    """
    return _all_folded(frozenset(_SHOWN.findall(question))) - {""}


class _Found(NamedTuple):
    text: str
    end: int


class _Close(NamedTuple):
    inner: int  # where the block's content ends
    end: int


def _folded(text: str) -> str:
    return " ".join(text.strip(" \t\r\n`*\"'").casefold().split())


@lru_cache(64)  # most questions of a run show the same forms
def _all_folded(texts: frozenset[str]) -> frozenset[str]:
    return frozenset(map(_folded, texts))


def _next_event(reply: str, position: int) -> re.Match[str] | None:
    """Search for a fence or a mark of reasoning; from the line on where one may be, since the pattern is slow."""
    start = _EVENT_START.search(reply, position)
    return None if start is None else _EVENT.search(reply, max(position, reply.rfind("\n", 0, start.start()) + 1))


def _find_answer(
    reply: str, begin: int, stop: int, forms: Collection[str], *, boxed: bool
) -> tuple[_Found | None, bool]:
    """Return the first marked answer of a part of the reply, and whether a placeholder was passed over."""
    echoed = False
    start = reply.find("<<<", begin, stop)
    while start >= 0:
        end = reply.find(">>>", start + 3, stop)
        if end < 0:
            break
        # Further opening marks restart the answer; further closing marks belong to it ("<<<] >>>>" closes "] >").
        start = reply.rfind("<<<", start, end)
        while reply.startswith(">", end + 3):
            end += 1
        answer = reply[start + 3 : end].strip()
        if not forms or _folded(answer) not in forms:
            return _Found(answer, end + 3), echoed
        echoed = True
        start = reply.find("<<<", end + 3, stop)
    start = reply.find(_BOXED, begin, stop) if boxed else -1
    while start >= 0:
        depth, i = 1, start + len(_BOXED)
        while i < stop and depth:
            depth += {"{": 1, "}": -1}.get(reply[i], 0)
            i += 1
        if depth:
            break
        answer = reply[start + len(_BOXED) : i - 1].strip()
        inner = re.fullmatch(r"\\(?:text|mathrm)\{([^{}]*)\}", answer)
        if not forms or _folded(inner[1] if inner else answer) not in forms:
            return _Found(answer, i), echoed
        echoed = True
        start = reply.find(_BOXED, i, stop)
    return None, echoed


def _fenced_answer(reply: str, begin: int, fence: int) -> re.Match[str] | None:
    """Match an answer that is a fenced block; the fence at ``fence`` opens or closes it."""
    start = reply.rfind("<<<", begin, fence)
    return None if start < 0 else _FENCED_ANSWER.match(reply, start)


def _find_close(reply: str, opening: re.Match[str], *, glued: bool) -> _Close | None:
    """Find the end of a block: a line that starts with its fence, or for programs a fence that ends a line of code."""
    mark, least = opening["fence"][0], len(opening["fence"])
    pattern = rf"^{_BEFORE}{re.escape(mark)}{{{least},}}"
    if glued:
        pattern += rf"|(?<=[^\s`~#])(?P<glued>{re.escape(mark)}{{{least},}})[ \t]*\r?$"
    for match in re.compile(pattern, re.MULTILINE).finditer(reply, opening.end()):
        line = reply[reply.rfind("\n", 0, match.start()) + 1 : match.start()]
        if not (glued and match["glued"]) or line.count("'") % 2 == line.count('"') % 2 == 0:  # it is in no string
            return _Close(match.start(), match.end())
    return None


def _program(text: str, before: str) -> str:
    """Take the indentation and the quotation marks of its block off a program (CommonMark 0.31, sections 4.5 and 5)."""
    if ">" in before:
        text = _QUOTED.sub("", text)
    return textwrap.dedent(text) if text[:1] in (" ", "\t") else text


def _count_programs(reply: str, position: int) -> int:
    number = 0
    while event := _next_event(reply, position):
        number += event["fence"] is not None and _PYTHON.fullmatch(event["language"]) is not None
        position = event.end()
    return number


def _end_of_line(reply: str, position: int) -> int:
    """Return the position after the line break that follows, if only white space stands before it."""
    match = re.compile(r"[ \t]*\r?\n").match(reply, position)
    return position if match is None else match.end()


def _closing_text(opening: str, which: int) -> str:
    return f"</{opening[1:]}" if which == 0 else _REASONING[which][2]


def _end_of_unopened_reasoning(reply: str) -> int:
    """Return where reasoning ends that was opened before the reply, as chat templates do; 0 if there is none."""
    position = end = 0
    while event := _next_event(reply, position):
        if event["fence"] is not None:
            close = _find_close(reply, event, glued=False)
            if close is None:
                position = event.end()
                continue
            # A tag on a line of its own is no line of a program: the block was left open in the reasoning.
            lone = _LONE_CLOSE.search(reply, event.end(), close.inner)
            position = close.end if lone is None else lone.end()
            end = end if lone is None else position
        elif event["close"] is not None:
            # After closed reasoning, the mark of the final channel begins the answer and ends no other reasoning.
            final = _FINAL_CHANNEL.match(reply, position) if position else None
            position = event.end()
            end = end if final is not None and final.end() == position else position
        else:
            which = next(i for i in range(len(_REASONING)) if event[f"open{i}"])
            closing = _CLOSING[which].search(reply, event.end())
            if closing is None:
                break
            position = closing.end()
    return end
