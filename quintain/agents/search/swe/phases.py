"""The state machine of the paper's code: search, identify, plan and edit, each with tools of its own.

Source: Antoniades et al. 2024, arXiv 2410.20285: SearchCode, IdentifyCode, PlanToCode, EditCode, PlanToCode ...
Differences: a phase is a set of allowed tools, and planning is no action of its own: whoever views or tests code plans,
and an edit leads back to the plan.
"""

from __future__ import annotations

from collections.abc import Mapping

from quintain.agents.search.swe.nodes import Attempt

__all__ = ["PHASES", "allowed_tools", "next_phase"]

_SEARCH = ("list_files", "find_class", "find_function", "find_code_snippet")
_EDIT = ("string_replace", "insert_line", "create_file", "append_string")
#: Tools that each phase allows.
PHASES: Mapping[str, tuple[str, ...]] = {
    "search": _SEARCH,
    "identify": ("view_code", *_SEARCH),
    "plan": ("view_code", *_EDIT, "run_tests", "finish", "reject"),
}


def allowed_tools(actions: str, attempt: Attempt) -> tuple[str, ...]:
    """Return the tools that are allowed after an attempt; none for all of them.

    Args:
        actions: ``"flat"`` or ``"state-machine"``.
        attempt: The attempt.
    """
    return PHASES[attempt.phase] if actions == "state-machine" else ()


def next_phase(actions: str, phase: str, kind: str, failed: bool) -> str:
    """Return the phase after an action.

    Args:
        actions: ``"flat"`` or ``"state-machine"``.
        phase: The phase in which the action was chosen.
        kind: Kind of its tool: search, view, edit, test or end; empty for none.
        failed: Whether it failed, which leaves the phase as it is.
    """
    if actions == "flat" or failed:
        return phase
    if phase == "search":
        return "identify"
    return "identify" if kind == "search" else "plan"
