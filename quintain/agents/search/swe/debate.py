"""The discriminator: agents debate which finished patch is right; without agreement the mean reward decides."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from quintain.agents.search.swe.nodes import SWETree
from quintain.agents.search.swe.prompts import debate_messages
from quintain.agents.search.tree import mix
from quintain.engines.engine import Engine, Request

__all__ = ["Answer", "Candidate", "Debater", "ModelDebater", "best_by_reward", "candidates", "debate"]


class Candidate(NamedTuple):
    """A finished patch.

    Attributes:
        node: Its node.
        patch: The patch.
        explanation: What the value agent said of the submission.
        reward: Its reward.
        mean: Mean reward of its trajectory.
    """

    node: int
    patch: str
    explanation: str
    reward: float
    mean: float


class Answer(NamedTuple):
    """What one agent of the debate says.

    Attributes:
        choice: Number of the patch that it chooses, from 0; ``None`` for none.
        reason: Why.
        tokens: Number of tokens that it took. Default: 0.
    """

    choice: int | None
    reason: str
    tokens: int = 0


class Debater(Protocol):
    """An agent of the debate."""

    async def __call__(
        self, issue: str, shown: Sequence[Candidate], own: str, others: Sequence[str], conclude: bool, seed: int
    ) -> Answer:
        """Choose a patch.

        Args:
            issue: The first observation.
            shown: The patches.
            own: The agent's last answer; empty in the first round.
            others: The last answers of the others; of all agents in the concluding request.
            conclude: Whether this request concludes the debate.
            seed: Seed of the answer.
        """
        ...


@dataclass(frozen=True)
class ModelDebater:
    """A language model as an agent of the debate.

    Attributes:
        engine: The model.
        temperature: Sampling temperature, >= 0; the concluding request has 0.2. Default: 1 (paper).
        max_tokens: Maximum number of tokens of an answer, >= 1. Default: 400.
    """

    engine: Engine
    temperature: float = 1.0
    max_tokens: int = 400

    async def __call__(
        self, issue: str, shown: Sequence[Candidate], own: str, others: Sequence[str], conclude: bool, seed: int
    ) -> Answer:
        """Ask the model."""
        texts = [f"Patch {k}, valued {each.reward:g}: {each.explanation}\n{each.patch}" for k, each in enumerate(shown)]
        request = Request(
            messages=debate_messages(issue, texts, own, others, conclude=conclude),
            max_tokens=self.max_tokens,
            temperature=0.2 if conclude else self.temperature,
            seed=seed,
        )
        reply = await self.engine.complete(request)
        choice, reason = _read(reply.text, len(shown))
        return Answer(choice, reason, reply.completion_tokens)


def candidates(tree: SWETree, most: int = 5) -> list[Candidate]:
    """Return the finished nodes with different patches that are not empty, at most ``most``, in order."""
    found: dict[str, Candidate] = {}
    for node in tree.finished():
        attempt = tree.attempts[node]
        key = "\n".join(line.rstrip() for line in attempt.patch.splitlines())
        if key and key not in found:
            found[key] = Candidate(
                node, attempt.patch, attempt.explanation, attempt.reward, tree.trajectory_reward(node)
            )
    return list(found.values())[:most]


def best_by_reward(tree: SWETree, found: Sequence[Candidate]) -> int | None:
    """Return the node with the highest mean reward of its trajectory, of several the first.

    Without candidates it is one of the leaves with a patch; ``None`` where there is none.
    """
    nodes = [each.node for each in found]
    nodes = nodes or [node for node in tree.tree.leaves() if tree.attempts[node].patch]
    return max(nodes, key=tree.trajectory_reward, default=None)


async def debate(
    issue: str, found: Sequence[Candidate], debater: Debater, *, agents: int = 5, rounds: int = 3, seed: int = 0
) -> tuple[int | None, list[list[Answer]]]:
    """Let agents choose among patches.

    In the first round each answers on its own; in each later one it reads the last answers of the others. A concluding
    request reads all answers and decides; without a choice there, a majority of the last round does.

    Args:
        issue: The first observation.
        found: The patches.
        debater: An agent of the debate; all are copies of it with seeds of their own.
        agents: Number of agents, >= 1. Default: 5 (paper).
        rounds: Number of rounds, >= 1. Default: 3 (paper).
        seed: Seed of the debate. Default: 0.

    Returns:
        Number of the chosen patch, ``None`` without a choice; and the answers by round, the conclusion last.
    """
    if len(found) < 2:
        return (0 if found else None), []
    history: list[list[Answer]] = []
    for number in range(rounds):
        last = [_shown(answer) for answer in history[-1]] if history else [""] * agents
        answers = []
        for k in range(agents):
            others = [text for j, text in enumerate(last) if j != k and text]
            answers.append(await debater(issue, found, last[k], others, False, mix(seed, number, k)))
        history.append(answers)
    everyone = [_shown(answer) for answer in history[-1]]
    conclusion = await debater(issue, found, "", everyone, True, mix(seed, rounds))
    votes = Counter(answer.choice for answer in history[-1] if answer.choice is not None)
    history.append([conclusion])
    if conclusion.choice is not None:
        return conclusion.choice, history
    top = votes.most_common(2)
    is_clear = bool(top) and (len(top) == 1 or top[0][1] > top[1][1])
    return (top[0][0] if is_clear else None), history


def _shown(answer: Answer) -> str:
    return f"Patch {answer.choice}: {answer.reason}"


def _read(text: str, count: int) -> tuple[int | None, str]:
    """Read number and reason from a reply; a number that there is not counts as none."""
    reason = text
    number: object = None
    start = text.find("{")
    if start >= 0:
        try:
            parsed = json.JSONDecoder(strict=False).raw_decode(text, start)[0]
            number, reason = parsed.get("choice"), str(parsed.get("reason", ""))
        except (ValueError, RecursionError, AttributeError):
            number = None
    match = re.search(r"\d+", str(number)) if number is not None else re.search(r"[Pp]atch (\d+)\s*$", text.strip())
    choice = int(match[match.lastindex or 0]) if match else None
    return (choice if choice is not None and choice < count else None), reason[:500]
