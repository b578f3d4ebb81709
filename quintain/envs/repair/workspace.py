"""The file system that an agent edits: texts in memory, copied on write, with states that can be restored."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

__all__ = ["MAX_FILES", "MAX_FILE_CHARS", "ToolError", "Workspace"]

MAX_FILES = 64
MAX_FILE_CHARS = 50_000
_PATH = re.compile(r"[A-Za-z0-9_.\-]+(/[A-Za-z0-9_.\-]+)*")
_VIEW_LINES = 200
_MAX_HITS = 40


class ToolError(Exception):
    """A tool could not do what it was asked for; the message says why, for the agent."""


class Workspace:
    """Files of one repository.

    An edit makes a new mapping that shares the texts of the other files, so that a state is a reference to a mapping.

    Args:
        base: Text of each file, by path.
    """

    def __init__(self, base: Mapping[str, str]) -> None:
        self.base: Mapping[str, str] = MappingProxyType(dict(base))
        self.files: Mapping[str, str] = self.base

    def read(self, path: str) -> str:
        """Return the text of a file.

        Raises:
            ToolError: If there is none.
        """
        if path not in self.files:
            raise ToolError(f"there is no file {path!r}")
        return self.files[path]

    def write(self, path: str, text: str) -> None:
        """Create or replace a file.

        Raises:
            ToolError: If the path is no plain relative path, or a limit is exceeded.
        """
        if not _PATH.fullmatch(path) or len(path) > 120 or any(part in (".", "..") for part in path.split("/")):
            raise ToolError(f"not a relative path of plain names: {path[:120]!r}")
        if any(path.startswith(f"{other}/") or other.startswith(f"{path}/") for other in self.files):
            raise ToolError(f"{path!r} is both a file and a folder")
        if len(text) > MAX_FILE_CHARS:
            raise ToolError(f"a file has at most {MAX_FILE_CHARS:,} characters")
        if path not in self.files and len(self.files) >= MAX_FILES:
            raise ToolError(f"at most {MAX_FILES} files")
        text = text.encode("utf-8", "backslashreplace").decode()
        self.files = MappingProxyType({**self.files, path: text})

    def replace(self, path: str, old: str, new: str) -> int:
        """Replace a text that occurs exactly once; return the number of its first line.

        Raises:
            ToolError: If it does not occur, or more than once.
        """
        text = self.read(path)
        count = text.count(old) if old else 0
        if count != 1:
            what = "is empty" if not old else "does not occur" if not count else f"occurs {count} times"
            raise ToolError(f'"old" {what} in {path}; it must occur exactly once')
        self.write(path, text.replace(old, new))
        return text[: text.index(old)].count("\n") + 1

    def insert(self, path: str, line: int, text: str) -> None:
        """Insert text after a line.

        Raises:
            ToolError: If there is no such line.
        """
        lines = self.read(path).splitlines(keepends=True)
        if not 0 <= line <= len(lines):
            raise ToolError(f"{path} has {len(lines)} lines; line must be from 0 to {len(lines)}")
        self.write(path, "".join([*lines[:line], _whole_lines(text), *lines[line:]]))

    def append(self, path: str, text: str) -> None:
        """Add text to the end of a file.

        Raises:
            ToolError: If there is no such file.
        """
        self.write(path, _whole_lines(self.read(path)) + _whole_lines(text))

    def view(self, path: str, start: int = 1, end: int | None = None) -> tuple[str, int, int]:
        """Return lines with their numbers, at most 200, and the numbers of the first and the last.

        Raises:
            ToolError: If there is no such file or line.
        """
        lines = self.read(path).splitlines()
        last = min(len(lines), start + _VIEW_LINES - 1 if end is None else end, start + _VIEW_LINES - 1)
        if not lines:
            return f"{path} is empty", 0, 0
        if not 1 <= start <= len(lines) or last < start:
            raise ToolError(f"{path} has {len(lines)} lines; start and end must be lines of it, start first")
        shown = "\n".join(f"{number:4} {lines[number - 1]}" for number in range(start, last + 1))
        return f"{path}, lines {start} to {last} of {len(lines)}:\n{shown}", start, last

    def find(self, text: str, path: str | None = None) -> list[tuple[str, int]]:
        """Return path and line number of the lines that contain a text, at most 40.

        Raises:
            ToolError: If the text is empty or more than one line, or there is no such file.
        """
        if not text or "\n" in text:
            raise ToolError('"text" must be a part of one line')
        paths: Sequence[str] = sorted(self.files) if path is None else [path]
        hits = [
            (each, number)
            for each in paths
            for number, line in enumerate(self.read(each).splitlines(), start=1)
            if text in line
        ]
        return hits[:_MAX_HITS]

    def definitions(self, keyword: str, name: str) -> list[tuple[str, int, int]]:
        """Return path, first and last line of the classes or functions of a name.

        Args:
            keyword: ``"class"`` or ``"def"``.
            name: The name.
        """
        head = re.compile(rf"( *)(?:async )?{keyword} {re.escape(name)}\b")
        found = []
        for path in sorted(self.files):
            lines = self.files[path].splitlines()
            for number, line in enumerate(lines, start=1):
                if path.endswith(".py") and (match := head.match(line)):
                    found.append((path, number, _block_end(lines, number, len(match[1]))))
        return found

    def patch(self) -> str:
        """Return the unified diff against the repository as it was given; empty without a change."""
        parts = []
        for path in sorted({*self.base, *self.files}):
            old, new = self.base.get(path, ""), self.files.get(path, "")
            if old is not new and old != new:
                before = f"a/{path}" if path in self.base else "/dev/null"
                lines = difflib.unified_diff(_lines(old), _lines(new), before, f"b/{path}")
                parts += [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]
        return "".join(parts)


def _lines(text: str) -> list[str]:
    """Split at line feeds alone, as a patch does."""
    return [f"{line}\n" for line in text.split("\n")[:-1]] + ([rest] if (rest := text.rpartition("\n")[2]) else [])


def _whole_lines(text: str) -> str:
    return text if text.endswith("\n") or not text else f"{text}\n"


def _block_end(lines: Sequence[str], start: int, indent: int) -> int:
    """Return the last line of the block whose head is line ``start``."""
    end = start
    for number in range(start + 1, len(lines) + 1):
        line = lines[number - 1]
        if line.strip():
            if len(line) - len(line.lstrip()) <= indent and not line.lstrip().startswith((")", "]", "}")):
                break
            end = number
    return end
