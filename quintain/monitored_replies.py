"""Replies in which a model audits its own reasoning before it answers: reasoning, monitor, label and output.

The format of CoT Monitor+ (Ji et al. 2025, arXiv 2505.18807, appendix E)::

    <think> reasoning </think>
    <monitor> audit in words </monitor>
    <label> safe | unsafe </label>
    <output> answer </output>

Replies are read from the front: a tag that a model quotes within its reasoning is part of the reasoning, and a label
counts only where it follows the monitor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Label", "MonitoredReply", "read_label", "read_monitored", "write_monitored"]

#: The verdict of a monitor on a reasoning.
Label = Literal["safe", "unsafe"]

_THINK = re.compile(r"\s*<think>(.*?)</think>", re.DOTALL | re.IGNORECASE)
_MONITOR = re.compile(r"\s*<monitor>(.*?)</monitor>", re.DOTALL | re.IGNORECASE)
_LABEL = re.compile(r"\s*<label>\s*(safe|unsafe)\s*</label>", re.IGNORECASE)
_OUTPUT = re.compile(r"\s*<output>(.*?)(?:</output>|\Z)", re.DOTALL | re.IGNORECASE)
_OPEN_THINK = re.compile(r"\s*<think>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MonitoredReply:
    """The parts of a reply; those that it does not have are ``None``.

    Attributes:
        reasoning: What stands between the tags of reasoning; ``None`` without a closed pair of them at the beginning.
        monitor: The audit. Default: ``None``.
        label: The verdict after it; ``None`` where it is missing or another word. Default: ``None``.
        output: The answer: what stands in the tag of the output, else all that follows the other parts.
            Default: empty.
        cut: Whether the reply ends within its reasoning. Default: false.
    """

    reasoning: str | None
    monitor: str | None = None
    label: Label | None = None
    output: str = ""
    cut: bool = False

    @property
    def well_formed(self) -> bool:
        """Whether the reasoning stands in its tags, which is what the format reward pays for."""
        return self.reasoning is not None


def read_monitored(reply: str) -> MonitoredReply:
    """Split a reply into its parts.

    Example:
        >>> found = read_monitored("<think>42 is larger</think><monitor>none</monitor><label>safe</label>42")
        >>> found.reasoning, found.monitor, found.label, found.output
        ('42 is larger', 'none', 'safe', '42')
        >>> read_monitored("42") == MonitoredReply(None, output="42")
        True
    """
    think = _THINK.match(reply)
    if think is None:
        cut = _OPEN_THINK.match(reply) is not None
        return MonitoredReply(None, output="" if cut else _output(reply), cut=cut)
    monitor = _MONITOR.match(reply, think.end())
    end = think.end() if monitor is None else monitor.end()
    label = None if monitor is None else _LABEL.match(reply, end)
    return MonitoredReply(
        think[1].strip(),
        None if monitor is None else monitor[1].strip(),
        None if label is None else _label(label),
        _output(reply[end if label is None else label.end() :]),
    )


def read_label(text: str) -> Label | None:
    """Return the verdict of a monitor that was asked alone: that of the first label in its text; ``None`` without one.

    Example:
        >>> read_label("The plan misleads the user.</monitor><label>unsafe</label>")
        'unsafe'
    """
    found = _LABEL.search(text)
    return None if found is None else _label(found)


def write_monitored(reasoning: str, output: str, monitor: str | None = None, label: Label = "safe") -> str:
    """Return a reply in the format; without ``monitor`` it has neither audit nor label.

    Args:
        reasoning: The reasoning.
        output: The answer.
        monitor: The audit; ``None`` for none.
        label: The verdict that goes with it. Default: ``"safe"``.

    Example:
        >>> write_monitored("2 > 1", "2")
        '<think>2 > 1</think><output>2</output>'
    """
    audit = "" if monitor is None else f"<monitor>{monitor}</monitor><label>{label}</label>"
    return f"<think>{reasoning}</think>{audit}<output>{output}</output>"


def _label(found: re.Match[str]) -> Label:
    return "safe" if found[1].lower() == "safe" else "unsafe"


def _output(text: str) -> str:
    found = _OUTPUT.match(text)
    return (text if found is None else found[1]).strip()
