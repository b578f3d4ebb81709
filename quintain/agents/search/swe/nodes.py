"""The tree of a repair: a node is an action, with what it gave, its reward, and the state after it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quintain.agents.agent import Simulated
from quintain.agents.search.tree import END, Tree

__all__ = ["Attempt", "SWETree", "normalised"]


@dataclass(slots=True)
class Attempt:
    """What is known of one node.

    Attributes:
        action: The reply of the policy; empty for the root.
        observation: What it gave.
        state: State of the simulator after it; ``None`` for a duplicate, which is not executed.
        facts: Facts of the simulator: ``tool``, ``kind``, ``tests``, ``viewed``, ``patch``.
        error: Why the call failed; ``None`` if it did not.
        malformed: Whether the reply could not be read.
        ended: ``"finish"``, ``"reject"`` or another word if it ended the trajectory; else empty.
        duplicate: Whether a sibling has the same action or the same patch.
        reward: Its reward in [-100, 100]; 0 for root and duplicates.
        explanation: Why, in words.
        feedback: Advice for another branch, in words.
        phase: Phase of the state machine after it. Default: ``"search"``.
        patch: The patch against the repository after it.
        tests: Results of the last tests on the way to it; empty if there were none.
        context: Lines of files seen on the way to it, as ``(path, line)``.
        hindsight: Feedback that the policy was given for it; empty for none.
    """

    action: str = ""
    observation: str = ""
    state: Any = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    malformed: bool = False
    ended: str = ""
    duplicate: bool = False
    reward: float = 0.0
    explanation: str = ""
    feedback: str = ""
    phase: str = "search"
    patch: str = ""
    tests: Mapping[str, Any] = field(default_factory=dict)
    context: frozenset[tuple[str, int]] = frozenset()
    hindsight: str = ""

    @property
    def tool(self) -> str:
        """Name of the tool that was called; empty for none."""
        return str(self.facts.get("tool", ""))

    @property
    def kind(self) -> str:
        """Kind of the tool: search, view, edit, test or end; empty for none."""
        return str(self.facts.get("kind", ""))


class SWETree:
    """Nodes in the columns of the search core, with an :class:`Attempt` each; node 0 is the root.

    ``tree.values`` holds each node's own reward, ``tree.visits`` its visits; ``totals`` the rewards backed up to it.

    Args:
        root: State of the simulator at the start.
        phase: Phase at the start. Default: ``"search"``.
    """

    def __init__(self, root: Any, phase: str = "search") -> None:
        self.tree = Tree()
        self.attempts = [Attempt(state=root, phase=phase)]
        self.totals = [0.0]

    def __len__(self) -> int:
        return len(self.attempts)

    def depth(self, node: int) -> int:
        """Return the number of actions from the root to a node."""
        return len(self.tree.path(node)) - 1

    def children(self, node: int, *, duplicates: bool = False) -> list[int]:
        """Return the children of a node, without duplicates unless asked."""
        found = self.tree.children[node]
        return found if duplicates else [child for child in found if not self.attempts[child].duplicate]

    def mean(self, node: int) -> float:
        """Return the mean of the rewards backed up to a node; 0 without visits."""
        return self.totals[node] / self.tree.visits[node] if self.tree.visits[node] else 0.0

    def trajectory_reward(self, node: int) -> float:
        """Return the mean reward of the nodes from the root to a node, without the root."""
        rewards = [self.attempts[step].reward for step in self.tree.path(node)[1:]]
        return sum(rewards) / len(rewards) if rewards else 0.0

    def attempts_to(self, node: int) -> list[Attempt]:
        """Return the attempts from the root to a node, without the root."""
        return [self.attempts[step] for step in self.tree.path(node)[1:]]

    def finished(self) -> list[int]:
        """Return the nodes that submitted a patch, in order."""
        return [node for node, attempt in enumerate(self.attempts) if attempt.ended == "finish"]

    def add(self, parent: int, action: str, result: Simulated, state: Any, phase: str) -> int:
        """Add a node for an action that was executed."""
        before = self.attempts[parent]
        facts = result.facts
        viewed = {(path, line) for path, first, last in facts.get("viewed", ()) for line in range(first, last + 1)}
        attempt = Attempt(
            action, str(result.observation), state, dict(facts), result.error, result.malformed, result.ended,
            phase=phase, patch=facts.get("patch", before.patch), tests=facts.get("tests", before.tests),
            context=before.context | viewed,
        )  # fmt: skip
        if attempt.kind == "edit" and result.error is None:
            siblings = [self.attempts[child] for child in self.children(parent)]
            attempt.duplicate = any(other.kind == "edit" and other.patch == attempt.patch for other in siblings)
        return self._append(parent, attempt)

    def add_duplicate(self, parent: int, action: str) -> int:
        """Add a node for an action that a sibling has, which is not executed."""
        before = self.attempts[parent]
        return self._append(parent, Attempt(action, duplicate=True, phase=before.phase, patch=before.patch))

    def reward(self, node: int, reward: float, explanation: str, feedback: str) -> None:
        """Set a node's reward and back it up: a visit and the reward for every node up to the root."""
        attempt = self.attempts[node]
        attempt.reward, attempt.explanation, attempt.feedback = reward, explanation, feedback
        self.tree.values[node] = self.tree.estimates[node] = reward
        for step in self.tree.path(node):
            self.tree.visits[step] += 1
            self.totals[step] += reward

    def _append(self, parent: int, attempt: Attempt) -> int:
        node = self.tree.add(parent, attempt.action, 0.0)
        self.attempts.append(attempt)
        self.totals.append(0.0)
        note = END if attempt.ended else "duplicate" if attempt.duplicate else attempt.tool
        self.tree.notes[node] = note
        return node


def normalised(action: str) -> str:
    """Return a text that is equal for actions that do the same: the first JSON object, with sorted keys."""
    decoder = json.JSONDecoder(strict=False)
    start = action.find("{")
    while start >= 0:
        try:
            found, _ = decoder.raw_decode(action, start)
        except (ValueError, RecursionError):
            start = action.find("{", start + 1)
            continue
        return json.dumps(found, sort_keys=True)
    return " ".join(action.split())
