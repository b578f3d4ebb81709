"""The search: select a node, propose an action with hindsight, execute it, judge it, back up; then choose a patch."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from quintain.agents.agent import Simulated, Simulator
from quintain.agents.search.swe.debate import Answer, Candidate, Debater, best_by_reward, candidates, debate
from quintain.agents.search.swe.nodes import SWETree, normalised
from quintain.agents.search.swe.phases import allowed_tools, next_phase
from quintain.agents.search.swe.policies import Policy
from quintain.agents.search.swe.prompts import hindsight
from quintain.agents.search.swe.settings import SWESearchSettings
from quintain.agents.search.swe.uct import select
from quintain.agents.search.swe.values import ValueModel
from quintain.agents.search.tree import mix

__all__ = ["SWESearchResult", "swe_search"]


@dataclass(frozen=True)
class SWESearchResult:
    """The result of a search.

    Attributes:
        tree: The tree; its facts count ``iterations``, ``steps`` (executed actions), ``duplicates`` and ``tokens``.
        candidates: The finished patches among which was chosen.
        chosen: The chosen node; ``None`` if no patch was made.
        answers: Answers of the debate by round; empty without one.
    """

    tree: SWETree
    candidates: tuple[Candidate, ...]
    chosen: int | None
    answers: tuple[tuple[Answer, ...], ...] = field(default=())

    @property
    def actions(self) -> list[str]:
        """Actions from the root to the chosen node."""
        return [] if self.chosen is None else [attempt.action for attempt in self.tree.attempts_to(self.chosen)]


@dataclass(frozen=True)
class _Refused:
    """What a tool gives that is not allowed in the phase."""

    observation: str
    error: str
    facts: dict[str, object] = field(default_factory=dict)
    ended: str = ""
    malformed: bool = False


async def swe_search(
    issue: str,
    simulator: Simulator,
    policy: Policy,
    value: ValueModel,
    settings: SWESearchSettings,
    *,
    debater: Debater | None = None,
    agents: int = 5,
    rounds: int = 3,
) -> SWESearchResult:
    """Search for a patch (Antoniades et al. 2024).

    Args:
        issue: The first observation.
        simulator: A copy of the episode; the search leaves it in any state.
        policy: Proposes actions.
        value: Judges actions.
        settings: Limits and switches.
        debater: Agent of the debate; ``None`` takes the candidate with the highest reward, of equal ones with the
            highest mean reward of its trajectory.
        agents: Number of agents of the debate. Default: 5 (paper).
        rounds: Number of its rounds. Default: 3 (paper).

    Raises:
        AgentError: Whatever policy, value agent or debater raise.
    """
    start = "search" if settings.actions == "state-machine" else ""
    tree = SWETree(simulator.snapshot(), start)
    facts = tree.tree.facts
    facts.update(iterations=0, steps=0, duplicates=0, tokens=0)
    while facts["iterations"] < settings.max_iterations and len(candidates(tree)) < settings.max_finished:
        node = select(tree, settings, facts["iterations"])
        if node is None:
            break
        facts["iterations"] += 1
        await _expand(issue, tree, node, simulator, policy, value, settings)
    found = candidates(tree, settings.max_finished)
    answers: list[list[Answer]] = []
    number = None
    if debater is not None:
        seed = mix(settings.seed, 2)
        number, answers = await debate(issue, found, debater, agents=agents, rounds=rounds, seed=seed)
        facts["tokens"] += sum(answer.tokens for row in answers for answer in row)
    elif found:
        number = max(range(len(found)), key=lambda k: (found[k].reward, found[k].mean))
    chosen = found[number].node if number is not None else best_by_reward(tree, found)
    return SWESearchResult(tree, tuple(found), chosen, tuple(map(tuple, answers)))


async def _expand(
    issue: str,
    tree: SWETree,
    node: int,
    simulator: Simulator,
    policy: Policy,
    value: ValueModel,
    settings: SWESearchSettings,
) -> None:
    """Add one child to a node: a duplicate without reward, or an executed action with its value."""
    facts, before = tree.tree.facts, tree.attempts[node]
    hint = _hint(tree, node, settings)
    tools = allowed_tools(settings.actions, before)
    seed = mix(settings.seed, facts["iterations"], 0)
    proposal = await policy(issue, tree.attempts_to(node), hint, tools, seed)
    facts["tokens"] += proposal.tokens
    siblings = {normalised(tree.attempts[child].action) for child in tree.children(node)}
    if normalised(proposal.action) in siblings:
        tree.attempts[tree.add_duplicate(node, proposal.action)].hindsight = hint
        facts["duplicates"] += 1
        return
    simulator.restore(before.state)
    result = await _execute(simulator, proposal.action, tools)
    facts["steps"] += 1
    failed = result.malformed or result.error is not None
    phase = next_phase(settings.actions, before.phase, str(result.facts.get("kind", "")), failed)
    child = tree.add(node, proposal.action, result, simulator.snapshot(), phase)
    attempt = tree.attempts[child]
    attempt.hindsight = hint
    if attempt.duplicate:
        facts["duplicates"] += 1
        return
    judgement = await value(issue, tree.attempts_to(child), before, mix(settings.seed, facts["iterations"], 1))
    facts["tokens"] += judgement.tokens
    tree.reward(child, judgement.reward, judgement.explanation, judgement.feedback)


async def _execute(simulator: Simulator, action: str, tools: tuple[str, ...]) -> Simulated:
    """Try an action in a thread, since it may wait for the sandbox; a tool that is not allowed fails untried."""
    if tools and not any(f'"{tool}"' in action for tool in tools):
        why = f"not allowed now; allowed are {', '.join(tools)}"
        return _Refused(f"Error: {why}.", why)
    return await asyncio.to_thread(simulator.step, action)


def _hint(tree: SWETree, node: int, settings: SWESearchSettings) -> str:
    """Return hindsight feedback from the worst visited child; empty for a node without children."""
    visited = [child for child in tree.children(node) if tree.tree.visits[child]]
    if not settings.feedback or not visited:
        return ""
    worst = min(visited, key=lambda child: (tree.mean(child), child))
    return hindsight(tree.attempts[worst]) if tree.mean(worst) < settings.feedback_below else ""
