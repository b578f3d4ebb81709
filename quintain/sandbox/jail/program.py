"""Compile a program as a notebook does, and format its errors independently of where Python is installed.

The back-ends whose interpreter is CPython share this module, so it needs nothing but the standard library.
"""

from __future__ import annotations

import ast
import io
import linecache
import os
import re
import tokenize
import traceback
from types import CodeType, TracebackType
from typing import Any

__all__ = ["compile_program", "describe_error", "ends_with_semicolon", "shorten"]

_STATEMENT = re.compile(
    r"(?:[A-Za-z_][\w.]*\s*(?:[-+*/%&|^@]|//|\*\*|<<|>>)?=[^=]|(?:import|from|def|class|return|raise)\s)"
)
_OMISSION = re.compile(r"\n\[\.\.\. ([0-9,]+) characters omitted \.\.\.\]\n")


def compile_program(source: str, name: str) -> tuple[CodeType | None, CodeType | None]:
    """Compile a program; a trailing expression is compiled apart, so that its value can be shown.

    As in a notebook, a semicolon after the expression hides its value.

    Args:
        source: Source text of the program.
        name: Its name in tracebacks, under which ``linecache`` will know its lines.

    Returns:
        The part to execute and the expression to evaluate; either may be ``None``.

    Raises:
        SyntaxError: If the program does not compile.
        ValueError: If it holds characters that no program can.
    """
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    fast = _split_last_line(source)
    if fast is not None:
        head, expression_line = fast
        try:
            body = compile(head, name, "exec", dont_inherit=True) if head else None
            return body, compile(expression_line, name, "eval", dont_inherit=True) if expression_line else None
        except (SyntaxError, ValueError):
            linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    tree = ast.parse(source, name)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not ends_with_semicolon(source):
        expression = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
        last = compile(expression, name, "eval", dont_inherit=True)
    return compile(tree, name, "exec", dont_inherit=True), last


def _split_last_line(source: str) -> tuple[str, str] | None:
    """Guess, from the last line alone, whether the program ends in an expression.

    Building a syntax tree costs more than everything else about a small program, so the two common endings are
    recognised by their text: an expression on one line (returned separately, on its line number), and a line that
    clearly is a statement or the inside of a block (returned as the empty string). Both halves are compiled, so a
    wrong guess ends in a ``SyntaxError`` and the tree is built after all.

    Returns:
        The part to execute and the expression to evaluate, or ``None`` where the syntax tree is needed.
    """
    text = source.rstrip()
    head, newline, last = text.rpartition("\n")
    if not last or "#" in last or ";" in last or "__future__" in head or '"""' in last or "'''" in last:
        return None
    if any(closing in last for closing in ")]}") and not _is_balanced(last):
        return None
    if head.endswith("\\"):
        return None
    if last[0] in " \t" or _STATEMENT.match(last):
        return source, ""
    return head + newline, "\n" * text.count("\n") + last


def _is_balanced(line: str) -> bool:
    """Return whether a line certainly closes no bracket of an earlier one; false for a line with quotes."""
    depth = 0
    for character in line:
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            return False
    return "'" not in line and '"' not in line


def ends_with_semicolon(source: str) -> bool:
    """Whether a program that compiles ends with a semicolon, white space and comments left out."""
    if ";" not in source.rstrip().rpartition("\n")[2]:
        return False
    passive = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type not in passive]
    return tokens[-1].string == ";"


def shorten(text: str, limit: int) -> str:
    r"""Keep the first two thirds and the last third of ``limit`` characters, and note how many are omitted.

    Text that was shortened before is noted with the number of all characters that are missing.

    Example:
        >>> shorten("0123456789" * 10, 6)
        '0123\n[... 94 characters omitted ...]\n89'
    """
    if len(text) <= limit:
        return text
    head = limit * 2 // 3
    tail = len(text) - (limit - head)
    omitted = tail - head
    for earlier in _OMISSION.finditer(text, head, tail):
        omitted += int(earlier[1].replace(",", "")) - len(earlier[0])
    return f"{text[:head]}\n[... {omitted:,} characters omitted ...]\n{text[tail:]}"


def describe_error(error: BaseException, names: dict[str, Any]) -> str:
    """Return the traceback of a program's error with the frames of the program alone.

    What a library did in between differs from version to version, and where it lies from machine to machine.

    Args:
        error: The exception as it was caught, with its traceback.
        names: Global names of the program, by which its first frame is recognised.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals is not names:
        trace = trace.tb_next
    report = _with_own_frames(error, trace)
    return "".join(report.format())


def _with_own_frames(error: BaseException, trace: TracebackType | None) -> traceback.TracebackException:
    report = traceback.TracebackException(type(error), error, trace, lookup_lines=False)
    here = _own_directory()
    todo, seen = [report], set[int]()
    while todo:  # the chain of causes can be a circle
        level = todo.pop()
        if id(level) in seen:
            continue
        seen.add(id(level))
        own = [frame for frame in level.stack or () if _is_own(frame.filename, here)]
        # An error without frames, such as one of syntax, is shown without the line that announces them.
        level.stack = traceback.StackSummary.from_list(own) if own else None  # type: ignore[assignment]
        todo += [other for other in (level.__cause__, level.__context__, *(level.exceptions or ())) if other]
    return report


def _own_directory() -> str:
    """Return the working directory with a slash, in which a program may have files; no path where there is none."""
    try:
        here = os.path.join(os.getcwd(), "")
    except OSError:
        return os.devnull
    return os.devnull if here == "/" else here


def _is_own(filename: str, here: str) -> bool:
    """Whether code belongs to the program: its own text, text that it compiled, or a file in its directory."""
    if filename.startswith("<"):
        return not filename.startswith(("<frozen ", "<__array_function__"))
    return not os.path.isabs(filename) or filename.startswith(here)
