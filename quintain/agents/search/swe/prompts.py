"""Prompts of the repair agents; their wording is our own."""

from __future__ import annotations

from collections.abc import Sequence

from quintain.agents.search.swe.nodes import Attempt
from quintain.messages import Message, assistant, system, user

__all__ = ["AGENT_PROMPT", "debate_messages", "hindsight", "policy_messages", "value_messages"]

AGENT_PROMPT = """\
You repair a bug in a Python repository, one command a reply. Say in a sentence what you are about to do and why, then
write the command as one JSON object. Find the code that the issue is about before you change it, make the smallest
change that repairs it, run the tests, and finish."""

_SCALE = """\
Scale: 75 to 100 clear progress; 50 to 74 helpful; 25 to 49 acceptable; 0 to 24 of little use; -49 to -1 unhelpful or a
repetition; -100 to -50 harmful."""
_CRITERIA = {
    "search": "Judge the search: are its terms likely to find code that matters for the issue, and did it show any?",
    "view": "Judge the request for more code: was that code missing, does it matter for the issue, is it new?",
    "edit": "Judge the change: does it repair the cause, is it complete and well-formed, do the tests agree?",
    "test": "Judge the test run: did it come at the right time, and what does it say about the change?",
    "end": "Judge the submission as a whole: 75 and more need tests that were added or updated and a complete repair.",
    "": "Judge how much the last action helps to repair the bug.",
}
_EARLY = "The trajectory is short: exploring must not be punished."
_OUTPUT = """\
Reply with one JSON object: {"explanation": why, "feedback": advice for somebody who works on the same task in a
separate branch and does not see this one (concepts, no code), "reward": whole number from -100 to 100}"""
_MAX_SHOWN = 3000


def policy_messages(
    issue: str, attempts: Sequence[Attempt], hint: str = "", tools: Sequence[str] = ()
) -> tuple[Message, ...]:
    """Return the conversation that the policy continues; the same with and without search.

    Args:
        issue: The first observation.
        attempts: The trajectory so far.
        hint: Hindsight feedback. Default: none.
        tools: The tools that are allowed now; empty for all.
    """
    messages = [system(AGENT_PROMPT)]
    texts = [issue]
    for attempt in attempts:
        messages += [user(texts[-1]), assistant(attempt.action)]
        texts.append(attempt.observation)
    extra = [f"Allowed now: {', '.join(tools)}."] if tools else []
    return (*messages, user("\n\n".join([texts[-1], *([hint] if hint else []), *extra])))


def hindsight(worst: Attempt) -> str:
    """Return what a node that is expanded again is told about its worst child."""
    return (
        "In a separate branch somebody already tried this from here:\n"
        f"{worst.action}\nIt was valued {worst.reward:g} of 100: {worst.explanation}\n{worst.feedback}\n"
        "Take a different approach."
    )


def value_messages(
    issue: str, attempts: Sequence[Attempt], before: Attempt, *, specific: bool = True
) -> tuple[Message, ...]:
    """Return the request for a value of the last action of a trajectory."""
    last = attempts[-1]
    kind = "end" if last.ended else last.kind
    rules = [_CRITERIA[kind if specific and kind in _CRITERIA else ""], _SCALE]
    if len(attempts) < 3 and specific:
        rules.append(_EARLY)
    history = "\n".join(f"{k}. {attempt.action[:500]}" for k, attempt in enumerate(attempts[:-1], start=1))
    parts = [
        f"The task:\n{issue[-_MAX_SHOWN:]}",
        f"The actions so far:\n{history or '(none)'}",
        f"The change before the last action:\n{before.patch[:_MAX_SHOWN] or '(none)'}",
        f"The last action:\n{last.action}",
        f"What it gave:\n{last.observation[:_MAX_SHOWN]}",
        f"The change after it:\n{last.patch[:_MAX_SHOWN] or '(none)'}",
    ]
    if last.tests:
        parts.append(f"Tests: {last.tests.get('passed', 0)} pass, {last.tests.get('failed', 0)} fail.")
    return system("\n".join([*rules, _OUTPUT])), user("\n\n".join(parts))


def debate_messages(
    issue: str, shown: Sequence[str], own: str = "", others: Sequence[str] = (), *, conclude: bool = False
) -> tuple[Message, ...]:
    """Return the request for a choice among finished patches.

    Args:
        issue: The first observation.
        shown: Each patch as text, with its number.
        own: The agent's own last answer; empty in the first round.
        others: The last answers of the other agents.
        conclude: Whether this is the concluding request, which reads all answers.
    """
    rule = (
        "Several patches were proposed for an issue. Choose the one that repairs it. Reply with one JSON object: "
        '{"reason": why, "choice": number of the patch}'
    )
    parts = [f"The issue:\n{issue[-_MAX_SHOWN:]}", *shown]
    if own:
        parts.append(f"Your last answer:\n{own}")
    if others:
        listed = "\n".join(f"- {other}" for other in others)
        who = "Answers of all agents" if conclude else "Answers of the other agents"
        parts.append(f"{who}:\n{listed}")
        parts.append("Conclude." if conclude else "Consider them, and answer again.")
    return system(rule), user("\n\n".join(parts))
