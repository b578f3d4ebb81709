"""The agent ``mcts-star``: MCTS* over the lines of a reply, with a language model as policy.

Source: Zhang et al. 2024, arXiv 2406.03816 (ReST-MCTS*). Differences: the value of a partial solution is asked of the
model, or computed by a function of yours, in place of a value model that is trained for it; a step is a line of the
reply, without "Step k:"; a solution is complete when it holds a marked answer or the model ends its turn, since small
policies call most unfinished solutions solved.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from quintain.agents.agent import Actor, Seat
from quintain.agents.language.chat import ChatAgent
from quintain.agents.language.completion import Completion, ReplySettings
from quintain.agents.language.prompts import ALL_TEXT
from quintain.agents.search.mcts_star import MCTSStarSettings, end_leaves, mcts_star, weighted_vote
from quintain.agents.search.problem import SearchBudget, Step
from quintain.agents.search.selection import UCT
from quintain.agents.search.tree import END, Tree
from quintain.arguments import check_bool, check_number
from quintain.engines.engine import Engine, Reply, Request, record_decision
from quintain.errors import ConfigurationError
from quintain.messages import Message, assistant, system, user
from quintain.registry import load_attribute
from quintain.replies import ReplyReader

__all__ = ["MCTSStarAgent", "ReplyLines", "StepAgent"]

_VERDICTS = ("True", "False")
_JUDGE = (
    "Question:\n{question}\n\nSolution so far:\n{steps}\n\nIs every step of the solution so far right? "
    "Reply with True or False."
)


class MCTSStarAgent(ChatAgent):
    """Searches over the lines of its reply with MCTS*, guided by the value of partial solutions.

    A decision proposes at most iterations * (branch * 3 + roll_forward_steps * roll_branch) steps. The record of an
    episode holds the tree, which the page shows.

    Args:
        engine: The language model, or its name; needs the capabilities ``chat``, ``prefill``, ``stop`` and
            ``stop_string``, and ``choices`` for the default value.
        value: Value of a partial solution: a function of question and text, or its ``"module:function"``, that returns
            a number in [0, 1] and may be ``async``; ``None`` asks the model whether the steps so far are right, and
            takes the probability of "True". Default: ``None``.
        iterations: Maximum number of iterations, >= 1. Default: 10 (paper: 100).
        branch: Number of proposals of an expansion, >= 1. Default: 3 (paper).
        roll_forward_steps: Number of steps of the greedy rollout, >= 0. Default: 2 (evaluation script of the paper).
        roll_branch: Number of proposals of each of them, >= 1. Default: 1 (paper).
        eps: Weight of exploration, >= 0. Default: 0.4 (evaluation script of the paper).
        inf: Bonus of a child without visits, >= 0. Default: 0.8 (evaluation script of the paper).
        end_gate: Value from which a leaf counts as solved, in (0, 1]. Default: 0.9 (paper).
        vote: Whether end leaves vote with their values, in place of the leaf with the highest value. Default: false.
        step_tokens: Maximum number of tokens of a step, >= 1. Default: 64 (paper: 256).
        prompt: System prompt; ``None`` takes that of the agent ``all-text``.
        temperature: Sampling temperature, >= 0. Default: 0.7 (paper).
        top_p: Nucleus mass in (0, 1]. Default: 1.
        extract: Whether an unmarked answer is extracted at the end. Default: where the engine can.
        answer_tokens: Maximum number of tokens of an answer that is extracted so, >= 1. Default: 64.
        budget_calls: Maximum number of proposed steps of a decision, >= 1. Default: no limit.
        budget_tokens: Maximum number of their tokens, >= 1; the last proposals may exceed it. Default: no limit.

    Raises:
        ConfigurationError: If a setting is out of range.
        CapabilityError: If the engine lacks a capability.
    """

    env_settings: Mapping[str, Any] = {"code": False}
    _default_prompt = ALL_TEXT

    def __init__(
        self,
        engine: Engine | str,
        *,
        value: str | Callable[[str, str], Any] | None = None,
        iterations: int = 10,
        branch: int = 3,
        roll_forward_steps: int = 2,
        roll_branch: int = 1,
        eps: float = 0.4,
        inf: float = 0.8,
        end_gate: float = 0.9,
        vote: bool = False,
        step_tokens: int = 64,
        prompt: str | None = None,
        temperature: float = 0.7,
        top_p: float = 1.0,
        extract: bool | None = None,
        answer_tokens: int = 64,
        budget_calls: int | None = None,
        budget_tokens: int | None = None,
    ) -> None:
        self.search = MCTSStarSettings(
            UCT(eps, inf),
            branch=branch,
            roll_forward_steps=roll_forward_steps,
            roll_branch=roll_branch,
            end_gate=end_gate,
        )
        self.budget = SearchBudget(iterations, budget_calls, budget_tokens)
        check_bool("vote", vote)
        check_number("step_tokens", step_tokens, low=1, integer=True)
        self.vote, self.step_tokens = vote, step_tokens
        self.value = load_attribute(value) if isinstance(value, str) else value
        if self.value is not None and not callable(self.value):
            raise ConfigurationError(f"value must be a function of question and text, got {value!r}")
        super().__init__(
            engine, prompt, temperature=temperature, top_p=top_p, extract=extract, answer_tokens=answer_tokens
        )
        self.engine.require({"chat", "prefill", "stop", "stop_string"} | ({"choices"} if value is None else set()))

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with an empty conversation."""
        return _MCTSStarActor(self, seat)

    def describe(self) -> dict[str, Any]:
        """Return JSON-able settings, for the run's manifest."""
        return {
            **super().describe(),
            "search": dataclasses.asdict(self.search),
            "budget": dataclasses.asdict(self.budget),
            "vote": self.vote,
            "step_tokens": self.step_tokens,
            "value": "p-true" if self.value is None else getattr(self.value, "__qualname__", type(self.value).__name__),
        }


class StepAgent(Protocol):
    """An agent that writes its reply line by line.

    Attributes:
        engine: The language model.
        settings: How a line is sampled.
        step_tokens: Maximum number of tokens of a line.
        value: Value of a partial solution, or ``None`` to ask the model.
    """

    engine: Engine
    settings: ReplySettings
    step_tokens: int
    value: Callable[[str, str], Any] | None


class ReplyLines:
    """The lines of a reply to one observation, as a problem of search.

    Args:
        agent: The agent that writes.
        messages: The conversation, which ends with the observation.
        question: The observation.
        reader: Reads the answer of a reply.
    """

    def __init__(self, agent: StepAgent, messages: Sequence[Message], question: str, reader: ReplyReader) -> None:
        self._agent, self._messages, self._question, self._reader = agent, tuple(messages), question, reader
        self._ended: set[tuple[str, ...]] = set()

    async def propose(self, prefix: Sequence[str], n: int, seed: int) -> Sequence[Step]:
        """Sample next lines."""
        sampling = self._agent.settings.sampling
        request = Request(
            messages=self._messages,
            n=n,
            max_tokens=self._agent.step_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            stop=("\n",),
            seed=seed % 2**53,
            prefill="".join(f"{line}\n" for line in prefix),
        )
        replies = (await self._agent.engine.generate([request]))[0]
        for reply in replies:
            if reply.stop_string is None and reply.finish_reason == "stop":
                self._ended.add((*prefix, reply.text))
        return [Step(reply.text, reply.completion_tokens) for reply in replies]

    async def evaluate(self, prefixes: Sequence[Sequence[str]]) -> Sequence[Any]:
        """Return the value of each partial solution."""
        texts = ["\n".join(prefix) for prefix in prefixes]
        if self._agent.value is not None:
            found = [self._agent.value(self._question, text) for text in texts]
            return [await value if inspect.isawaitable(value) else value for value in found]
        questions = [_JUDGE.format(question=self._question, steps=text) for text in texts]
        requests = [Request(messages=(user(text),), choices=_VERDICTS, seed=0) for text in questions]
        return [_share_true(replies[0]) for replies in await self._agent.engine.generate(requests)]

    async def criticise(self, prefix: Sequence[str]) -> str:
        """Say whether a solution is complete: the model ended its turn, or marked an answer."""
        complete = tuple(prefix) in self._ended or self._reader.read("\n".join(prefix)).kind == "answer"
        return END if complete else ""


def _share_true(reply: Reply) -> float:
    if reply.choice_logprobs is None:
        return float(reply.text == _VERDICTS[0])
    weights = np.exp(np.asarray(reply.choice_logprobs) - max(reply.choice_logprobs))
    return float(weights[0] / weights.sum())


class _MCTSStarActor:
    def __init__(self, agent: MCTSStarAgent, seat: Seat) -> None:
        self._agent, self._seat, self._rng = agent, seat, seat.generator()
        self._messages: list[Message] = [system(agent.prompt)] if agent.prompt else []

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        """Search for a reply to the observation."""
        agent = self._agent
        self._messages.append(user(observation))
        reader = ReplyReader.of(observation, code=False)
        read = self._seat.read_answer or (lambda reply: reader.read(reply).text or None)
        problem = ReplyLines(agent, self._messages, observation, reader)
        settings = dataclasses.replace(agent.search, seed=int(self._rng.integers(2**53)))
        tree, solution = await mcts_star(problem, settings, agent.budget)
        ends = list(dict.fromkeys([*end_leaves(tree, settings.end_gate), solution]))
        texts = {leaf: "\n".join(tree.prefix(leaf)) for leaf in ends}
        answers = {leaf: read(text) for leaf, text in texts.items()}
        if agent.vote and (best := weighted_vote(tree, answers)) is not None:
            solution = next(leaf for leaf in ends if answers[leaf] == best)
        action = await self._completed(texts[solution], reader)
        record_decision(_decision(tree, ends, texts, answers, solution))
        self._messages.append(assistant(action))
        return action

    async def _completed(self, text: str, reader: ReplyReader) -> str:
        """Extract the answer of a solution that has none, as the chat agent does."""
        completion = Completion(self._agent.settings, reader.read, ())
        completion.add(Reply(text))
        while not completion.finished:
            ask = completion.ask
            request = Request(
                messages=tuple(self._messages),
                prefill=ask.prefill,
                max_tokens=ask.max_tokens,
                stop=ask.stop,
                temperature=0,
            )
            completion.add(await self._agent.engine.complete(request))
        return completion.text


def _decision(
    tree: Tree, ends: Sequence[int], texts: Mapping[int, str], answers: Mapping[int, str | None], solution: int
) -> dict[str, Any]:
    """Describe the search for the record: complete solutions as candidates, and the tree."""
    votes: dict[str, float] = {}
    for leaf in ends:
        if (answer := answers[leaf]) is not None:
            votes[answer] = votes.get(answer, 0.0) + tree.values[leaf]
    return {
        "method": "MCTSStarAgent",
        "candidates": [
            {"text": texts[leaf], "answer": answers[leaf], "tokens": 0, "scores": {"value": tree.values[leaf]}}
            for leaf in ends
        ],
        "votes": votes,
        "chosen": ends.index(solution),
        "answer": answers[solution],
        "spent": {"calls": tree.facts["calls"], "tokens": tree.facts["tokens"]},
        "facts": dict(tree.facts),
        "tree": json.loads(tree.to_json()),
    }
