"""A policy for ``Repair-v0`` without a language model, with which tree search can be measured on two cores.

It reads code through the tools, as a model does, and proposes single mutations of what it has seen, more often in
functions that the issue names. Its edits are the operators with which the bugs were made, so that it can undo some of
them: what it resolves says something about search, and nothing about models.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from quintain.agents.search.swe.debate import Answer, Candidate
from quintain.agents.search.swe.nodes import Attempt
from quintain.agents.search.swe.policies import Proposal
from quintain.envs.repair.mutations import Module, Mutation, mutations

__all__ = ["INVERTIBLE", "MutationPolicy", "NoisyDebater"]

#: Operators whose bugs another mutation of the same operators undoes.
INVERTIBLE = ("comparison", "boolean", "off-by-one", "negated-condition", "swapped-arguments", "wrong-default")
_PATH = re.compile(r"^(\w+/\w+\.py)$", re.MULTILINE)
_LINE = re.compile(r"^ *\d+ (.*)$")
_WORD = re.compile(r"\w+")
#: How often an action that hindsight names is drawn again.
_REDRAWS = 8


@dataclass(frozen=True)
class MutationPolicy:
    """Views a module, tries mutations of it, and finishes when the tests pass, or too early.

    After an edit that did not make the tests pass it finishes, undoes the edit, or tries another one on top of it.
    Where hindsight feedback names an edit, it proposes nothing on the same line.

    Attributes:
        sharpness: Weight of a line in a function that the issue names, over that of any other line, > 0. Default: 8.
        premature: Probability in [0, 1] to finish after an edit although tests fail. Default: 0.15.
        undo: Probability in [0, 1] to undo such an edit otherwise. Default: 0.8.
    """

    sharpness: float = 8.0
    premature: float = 0.15
    undo: float = 0.8

    async def __call__(
        self, issue: str, attempts: Sequence[Attempt], hint: str, tools: Sequence[str], seed: int
    ) -> Proposal:
        """Propose the next action; of several draws the first that hindsight does not name."""
        rng = np.random.default_rng(seed)
        proposal = self._draw(issue, attempts, hint, rng)
        for _ in range(_REDRAWS):
            if proposal.action not in hint:
                break
            proposal = self._draw(issue, attempts, hint, rng)
        return proposal

    def _draw(self, issue: str, attempts: Sequence[Attempt], hint: str, rng: np.random.Generator) -> Proposal:
        seen = _texts(attempts)
        unseen = [path for path in _modules(issue) if path not in seen]
        if not seen and unseen:
            return _call("view_code", path=unseen[int(rng.integers(len(unseen)))])
        last = attempts[-1] if attempts else Attempt()
        if last.kind == "edit" and last.error is None:
            tests = last.tests
            is_green = bool(tests) and not tests.get("failed") and not tests.get("problem")
            if '"finish"' not in hint and (is_green or rng.random() < self.premature):
                return _call("finish")
            edit = json.loads(last.action)
            if not is_green and rng.random() < self.undo and edit["new"] and last.patch:
                return _call("string_replace", path=edit["path"], old=edit["new"], new=edit["old"])
        if unseen and rng.random() < 0.15:
            return _call("view_code", path=unseen[int(rng.integers(len(unseen)))])
        return self._edit(issue, seen, hint, rng)

    def _edit(self, issue: str, seen: Mapping[str, str], hint: str, rng: np.random.Generator) -> Proposal:
        """Draw a mutation of the code that was seen."""
        words = frozenset(_WORD.findall(issue.partition("The issue:")[2].rpartition("The files:")[0]))
        options = [(path, mutation, weight) for path, text in seen.items() for mutation, weight in _ranked(text, words)]
        edits = [(_replacement(path, seen[path], mutation), weight) for path, mutation, weight in options]
        kept = [(edit, weight) for edit, weight in edits if edit is not None and not _is_banned(edit, hint)]
        if not kept:
            return _call("run_tests")
        weights = np.array([self.sharpness if weight else 1.0 for _, weight in kept])
        number = int(rng.choice(len(kept), p=weights / weights.sum()))
        return _call("string_replace", **kept[number][0])


@dataclass(frozen=True)
class NoisyDebater:
    """An agent of a debate without a model: the reward of each patch with noise, and the votes of the others.

    Attributes:
        noise: Standard deviation of the noise on the rewards, >= 0. Default: 30.
        trust: Weight of a vote of another agent, in units of reward, >= 0. Default: 10.
    """

    noise: float = 30.0
    trust: float = 10.0

    async def __call__(
        self, issue: str, shown: Sequence[Candidate], own: str, others: Sequence[str], conclude: bool, seed: int
    ) -> Answer:
        """Choose the patch with the highest sum."""
        rng = np.random.default_rng(seed)
        scores = np.array([each.reward for each in shown]) + rng.normal(0, 0 if conclude else self.noise, len(shown))
        for other in (*others, *([own] if own else [])):
            match = re.match(r"Patch (\d+)", other)
            if match is not None:
                scores[int(match[1])] += self.trust
        best = int(scores.argmax())
        return Answer(best, f"its score is {scores[best]:.0f}")


def _call(tool: str, **arguments: str) -> Proposal:
    return Proposal(json.dumps({"tool": tool, **arguments}))


def _modules(issue: str) -> list[str]:
    """Return the modules that the first observation lists, without tests and ``__init__``."""
    listed = _PATH.findall(issue.rpartition("The files:")[2])
    return [path for path in listed if not path.startswith("tests/") and not path.endswith("__init__.py")]


def _texts(attempts: Sequence[Attempt]) -> dict[str, str]:
    """Rebuild the files that were viewed, with the edits since."""
    found: dict[str, str] = {}
    for attempt in attempts:
        if attempt.error is not None or attempt.malformed:
            continue
        if attempt.kind == "view":
            rows = [match[1] for line in attempt.observation.splitlines()[1:] if (match := _LINE.match(line))]
            found[json.loads(attempt.action)["path"]] = "\n".join(rows) + "\n"
        elif attempt.tool == "string_replace":
            edit = json.loads(attempt.action)
            if edit["path"] in found:
                found[edit["path"]] = found[edit["path"]].replace(edit["old"], edit["new"], 1)
    return found


@lru_cache(maxsize=512)
def _ranked(text: str, words: frozenset[str]) -> list[tuple[Mutation, bool]]:
    """Return the mutations of a module, and whether each is in a function or a class that the issue names."""
    try:
        module = Module(text)
    except SyntaxError:
        return []
    named = [range(f.lineno, (f.end_lineno or f.lineno) + 1) for f in module.functions() if f.name in words]
    found = [mutation for operator in INVERTIBLE for mutation in mutations(module, operator, checked=False)]
    return [(mutation, any(mutation.line(text) in lines for lines in named)) for mutation in found]


def _replacement(path: str, text: str, mutation: Mutation) -> dict[str, str] | None:
    """Write a mutation as a replacement of whole lines that occur once; ``None`` if that takes more than three."""
    lines = text.splitlines(keepends=True)
    first = mutation.line(text) - 1
    last = first + mutation.old.rstrip("\n").count("\n")
    for margin in range(2):
        low, high = max(0, first - margin), min(len(lines), last + 1 + margin)
        old = "".join(lines[low:high])
        if text.count(old) == 1:
            start = sum(map(len, lines[:low]))
            new = mutation.apply(text)[start : start + len(old) + len(mutation.new) - len(mutation.old)]
            return {"path": path, "old": old, "new": new}
    return None


def _is_banned(edit: Mapping[str, str], hint: str) -> bool:
    """Whether hindsight names an edit of the same lines."""
    return bool(hint) and json.dumps(edit["old"])[1:-1] in hint
