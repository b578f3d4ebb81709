"""ToolUse-v0: tasks for agents with tools over a simulated state."""

from quintain.envs.tools.calls import Call, Final, Malformed, parse, render_action, render_result
from quintain.envs.tools.registry import suite_names, template_names, toolkit_names
from quintain.envs.tools.tool import Parameter, Tool, ToolError, reads, writes
from quintain.envs.tools.toolkit import Change, Table, Toolkit

__all__ = [
    "Call",
    "Change",
    "Final",
    "Malformed",
    "Parameter",
    "Table",
    "Tool",
    "ToolError",
    "Toolkit",
    "parse",
    "reads",
    "render_action",
    "render_result",
    "suite_names",
    "template_names",
    "toolkit_names",
    "writes",
]
