"""One repository under repair: executes commands, runs visible tests, and branches. It knows no hidden test."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from quintain.envs.repair.actions import Command, parse
from quintain.envs.repair.running import VisibleReport, run_visible
from quintain.envs.repair.workspace import ToolError, Workspace
from quintain.sandbox import Sandbox

__all__ = ["RepairSession", "SessionState", "StepResult"]

MAX_OBSERVATION_CHARS = 20_000


@dataclass(frozen=True)
class SessionState:
    """A state to which a session can return.

    Attributes:
        files: Texts by path.
        counts: What was counted, by name.
        ended: ``"finish"``, ``"reject"`` or ``"limit"`` once the session has ended; else empty.
    """

    files: Mapping[str, str]
    counts: Mapping[str, int]
    ended: str


@dataclass(frozen=True)
class StepResult:
    """What a command gave.

    Attributes:
        observation: Text for the agent.
        ended: ``"finish"``, ``"reject"`` or ``"limit"`` if the command ended the session; else empty.
        error: Why the command failed; ``None`` if it did not.
        malformed: Whether the reply had no command at all, or a wrong one.
        facts: JSON-able facts: ``tool``, ``kind``; ``tests`` with ``passed``, ``failed`` and ``problem`` where tests
            were run; ``viewed``, the spans ``[path, first, last]`` that were shown; ``patch`` after an edit.
    """

    observation: str
    ended: str = ""
    error: str | None = None
    malformed: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


class RepairSession:
    """Executes commands on a copy of a repository.

    Args:
        base: Text of each file, by path.
        sandbox: Returns the sandbox in which tests run.
        test_edits: Whether the tests run after every edit. Default: true.
        max_steps: Maximum number of commands, >= 1. Default: 30.
    """

    def __init__(
        self, base: Mapping[str, str], sandbox: Callable[[], Sandbox], *, test_edits: bool = True, max_steps: int = 30
    ) -> None:
        self.workspace = Workspace(base)
        self.counts: Mapping[str, int] = MappingProxyType({"steps": 0, "edits": 0, "test_runs": 0, "malformed": 0})
        self.ended = ""
        self._sandbox = sandbox
        self._test_edits = test_edits
        self._max_steps = max_steps

    def snapshot(self) -> SessionState:
        """Return the state; it shares every text with the session, and neither changes the other."""
        return SessionState(self.workspace.files, self.counts, self.ended)

    def restore(self, state: SessionState) -> None:
        """Return to a state of this session, or of another one of the same repository."""
        self.workspace.files, self.counts, self.ended = state.files, state.counts, state.ended

    def branch(self) -> RepairSession:
        """Return a session of its own that starts in the present state."""
        options: dict[str, Any] = {"test_edits": self._test_edits, "max_steps": self._max_steps}
        other = RepairSession(self.workspace.base, self._sandbox, **options)
        other.restore(self.snapshot())
        return other

    def step(self, action: str | None) -> StepResult:
        """Execute the command of a reply.

        Args:
            action: The reply; ``None`` for one that is no text or too long.

        Raises:
            SandboxError: If the sandbox itself failed.
        """
        if self.ended:
            return StepResult("The session has ended.", self.ended, "the session has ended")
        self._count("steps")
        result = self._command("a reply is text of at most 100,000 characters" if action is None else parse(action))
        if not self.ended and self.counts["steps"] >= self._max_steps:
            self.ended = "limit"
        return dataclasses.replace(result, ended=self.ended)

    def _command(self, command: Command | str) -> StepResult:
        if isinstance(command, str):
            self._count("malformed")
            return StepResult(f"Error: {command}.", error=command, malformed=True)
        facts: dict[str, Any] = {"tool": command.tool, "kind": command.kind}
        try:
            text = self._execute(command, facts)
        except ToolError as error:
            return StepResult(f"Error: {error}.", error=str(error), facts=facts)
        if len(text) > MAX_OBSERVATION_CHARS:
            text = f"{text[:MAX_OBSERVATION_CHARS]}\n[{len(text) - MAX_OBSERVATION_CHARS:,} characters left out]"
        return StepResult(text, facts=facts)

    def _execute(self, command: Command, facts: dict[str, Any]) -> str:
        match command.kind:
            case "end":
                self.ended = command.tool
                return ""
            case "edit":
                return self._edit(command, facts)
            case "test":
                path = command.arguments.get("path")
                if path is not None:
                    self.workspace.read(path)
                return str(self._run(facts, path))
            case "view":
                text, first, last = self.workspace.view(**command.arguments)
                facts["viewed"] = [[command.arguments["path"], first, last]]
                return text
        return self._search(command, facts)

    def _search(self, command: Command, facts: dict[str, Any]) -> str:
        space, arguments = self.workspace, command.arguments
        if command.tool == "list_files":
            return "\n".join(f"{path} ({text.count(chr(10))} lines)" for path, text in sorted(space.files.items()))
        if command.tool == "find_code_snippet":
            hits = space.find(arguments["text"], arguments.get("path"))
            facts["viewed"] = [[path, line, line] for path, line in hits]
            shown = [f"{path}:{line}: {space.files[path].splitlines()[line - 1]}" for path, line in hits]
            return "\n".join(shown) or f"No line contains {arguments['text']!r}."
        keyword = "class" if command.tool == "find_class" else "def"
        spans = space.definitions(keyword, arguments["name"])[:8]
        facts["viewed"] = [list(span) for span in spans]
        return "\n\n".join(space.view(*span)[0] for span in spans) or f"No {keyword} {arguments['name']!r}."

    def _edit(self, command: Command, facts: dict[str, Any]) -> str:
        space, arguments = self.workspace, command.arguments
        path = arguments["path"]
        line = 1
        match command.tool:
            case "string_replace":
                line = space.replace(path, arguments["old"], arguments["new"])
            case "insert_line":
                space.insert(path, arguments["line"], arguments["text"])
                line = arguments["line"] + 1
            case "append_string":
                line = space.read(path).count("\n") + 1
                space.append(path, arguments["text"])
            case _:
                space.write(path, arguments["text"])
        self._count("edits")
        facts["patch"] = space.patch()
        total = len(space.files[path].splitlines())
        shown = space.view(path, max(1, line - 3), min(total, line + 6))[0] if total >= line else f"{path} is empty"
        return f"Edited. {shown}" + (f"\n\n{self._run(facts)}" if self._test_edits else "")

    def _run(self, facts: dict[str, Any], path: str | None = None) -> VisibleReport:
        self._count("test_runs")
        report = run_visible(self._sandbox(), self.workspace.files, None if path is None else [path])
        facts["tests"] = {"passed": len(report.passed), "failed": len(report.failed), "problem": report.problem}
        return report

    def _count(self, name: str) -> None:
        self.counts = MappingProxyType({**self.counts, name: self.counts[name] + 1})
