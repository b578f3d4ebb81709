"""Statements that prove without asserting anything: probes by form, for statements of relations.

Contradictory hypotheses are the fourth kind; they take a backend. Source of the four: an audit of FormalStep, the data
set of Safe (Liu et al. 2025, arXiv 2506.04592).
"""

from __future__ import annotations

from quintain.rewards.verification.statements import Statement

__all__ = ["vacuous"]


def vacuous(statement: Statement) -> str:
    """Say why a statement of relations asserts nothing; empty if its form does not show it.

    Example:
        >>> from quintain.rewards.verification.expressions import parse_relations
        >>> vacuous(Statement.of([], parse_relations("7 = 7")))
        'every goal has equal sides'
    """
    if not statement.goals:
        return "no goal"
    goals = [goal for goal in statement.goals if goal not in statement.hypotheses]
    if not goals:
        return "every goal is a hypothesis"
    if all(goal.left == goal.right for goal in goals):
        return "every goal has equal sides"
    return ""
