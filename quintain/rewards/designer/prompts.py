"""Prompts of the three roles. The paper's are published in part only; the wording is our own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from quintain.messages import Message, system, user
from quintain.reward_signature import RewardSignature
from quintain.rewards.designer.roles import Brief, Design, Evidence
from quintain.sandbox.reward_source import BUILTINS

__all__ = ["analyze_messages", "design_messages", "review_messages"]

#: Failed episodes, and last steps of each, that the analyzer reads.
EPISODES, STEPS = 4, 16
_DESIGN = """\
You are the Reward Designer. You write a reward function in Python for a reinforcement-learning agent. A critic checks
it, an agent is trained with it, and an analyzer reports failures, from which you improve it.

Rules of the format:
- Write one function with exactly this signature: def {header}:
- It returns two numbers, sparse and dense. Only their signs count: reward = sign(sparse) + 0.1 * sign(dense).
  sparse: 1 when the goal is reached, -1 on death, 0 otherwise. dense: a hint for this step; a hint of +1 and one of -1
  cancel each other, so give what is dangerous a larger weight.
- The goal pays 1. Pay dense only for progress, never for being somewhere: 500 steps of 0.1 would pay 50.
- memory is a dictionary that is kept during an episode and emptied at its start: use memory.get(key), for example for
  the smallest distance so far. Inputs of later steps are not there.
- No imports, classes, try, with, match, assert, input or output. math and these functions are there: {builtins}.
- First think step by step in comments at the head of the function, then write the code. Reply with one code block."""
_REVIEW = """\
You are the Reward Critic. The function below has passed a syntax check and a run on recorded inputs. Judge whether it
agrees with the task: do signs and conditions match, is the memory initialised before it is read, does nothing reward
the opposite of the goal? The first line of your reply is the verdict: either the two letters OK and nothing else, or
OBJECTION: followed by what is wrong, in one line. Write each further objection as one such line."""
_ANALYZE = """\
You are the Trajectory Analyzer. You read statistics and the last steps of failed episodes of an agent that was trained
with the reward function below. Find the likely causes of failure (what kills the agent, what it never finds), and
whether it exploits the reward function without approaching the goal. Reply with a short list of causes, each with a
suggestion for the reward function."""


def _inputs(signature: RewardSignature) -> str:
    lines = []
    for each in signature.inputs:
        names = f"; names: {', '.join(each.names)}" if each.names else ""
        lines.append(f"- {each.name} ({each.kind}): {each.meaning}{names}")
    return "\n".join(lines)


def _task(signature: RewardSignature) -> str:
    facts = "\n".join(f"- {fact}" for fact in signature.facts)
    return f"Task: {signature.task}\n\nFacts:\n{facts}\n\nInputs:\n{_inputs(signature)}"


def design_messages(brief: Brief) -> list[Message]:
    """Return the designer's conversation: rules, task, facts, inputs, feedback, objections."""
    rules = _DESIGN.format(header=brief.signature.header, builtins=", ".join(sorted(BUILTINS)))
    parts = [_task(brief.signature)]
    if brief.previous is not None and brief.evidence is not None:
        parts.append(
            f"Your previous function:\n```python\n{brief.previous.source}```\nResult: {brief.evidence.headline()}\n"
            f"Analysis of failures:\n{brief.analysis}"
        )
    for source, objection in brief.objections:
        parts.append(f"The critic rejected this draft:\n```python\n{source}```\nbecause: {objection}")
    return [system(rules), user("\n\n".join(parts))]


def review_messages(brief: Brief, design: Design) -> list[Message]:
    """Return the reviewer's conversation."""
    return [system(_REVIEW), user(f"{_task(brief.signature)}\n\n```python\n{design.source}```")]


def analyze_messages(signature: RewardSignature, design: Design, evidence: Evidence) -> list[Message]:
    """Return the analyzer's conversation: statistics and the last steps of failed episodes."""
    failed = [each for each in evidence.trajectories if each.outcome != "success"][:EPISODES]
    shown = []
    for number, each in enumerate(failed, start=1):
        shown.append(f"Episode {number}: {each.outcome} {each.cause} after {each.steps} steps; last steps:")
        for inputs, action, sparse, dense in list(zip(each.inputs, each.actions, each.sparse, each.dense, strict=True))[
            -STEPS:
        ]:
            shown.append(f"{_short(inputs)} action={action} sparse={sparse:g} dense={dense:g}")
    text = f"{_task(signature)}\n\n```python\n{design.source}```\n\n{evidence.headline()}\n\n" + "\n".join(shown)
    return [system(_ANALYZE), user(text)]


def _short(inputs: Mapping[str, Any]) -> str:
    """Return inputs as JSON with two digits."""
    return json.dumps({name: _rounded(value) for name, value in inputs.items()})


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 2)
    if isinstance(value, Mapping):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_rounded(part) for part in value]
    return value
