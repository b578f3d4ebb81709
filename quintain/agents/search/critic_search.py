"""The agent ``critic-search``: one line of a reply at a time, sampled again while a critic calls it wrong.

Source: SPC (Chen et al. 2025, arXiv 2504.19162): a step that the critic calls incorrect is sampled again, up to five
times, then the last sample is kept; several such searches may vote. Differences: a step is a line of the reply.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from quintain.agents.agent import Actor, Seat
from quintain.agents.language.chat import ChatAgent
from quintain.agents.language.prompts import ALL_TEXT
from quintain.agents.search.agent import ReplyLines
from quintain.agents.search.tree import END, mix
from quintain.arguments import check_number
from quintain.engines.engine import Engine, record_decision
from quintain.messages import Message, assistant, system, user
from quintain.registry import load_attribute
from quintain.replies import ReplyReader

__all__ = ["CriticSearchAgent", "Verdict"]


class Verdict(NamedTuple):
    """What a critic says of a step, with its cost.

    Attributes:
        right: Whether the step is right; ``None`` for no verdict, which keeps the step.
        tokens: Number of tokens that the critic generated. Default: 0.
    """

    right: bool | None
    tokens: int = 0


class CriticSearchAgent(ChatAgent):
    """Writes its reply line by line, and samples a line again while a critic calls it wrong.

    Args:
        engine: The language model, or its name; needs the capabilities ``chat``, ``prefill``, ``stop`` and
            ``stop_string``.
        critic: Critic of steps: a function of question, partial solution and step, or its ``"module:function"``, that
            returns whether the step is right, or ``None`` for no verdict, which keeps the step, or a :class:`Verdict`;
            may be ``async``. What its method ``describe`` returns, if it has one, tells it apart in a run's manifest.
            ``None`` asks the engine's model whether the steps so far are right: a choice of "True" or "False", which
            generates no tokens, and needs the capability ``choices``. Default: ``None``.
        retries: Maximum number of further samples of a step, >= 0. Default: 5 (paper).
        votes: Number of searches, of which the answer that most of them find is taken, >= 1. Default: 1.
        max_depth: Maximum number of steps, >= 1. Default: 30.
        step_tokens: Maximum number of tokens of a step, >= 1. Default: 64.
        prompt: System prompt; ``None`` takes that of the agent ``all-text``.
        temperature: Sampling temperature, >= 0. Default: 1.

    Raises:
        ConfigurationError: If a setting is out of range.
        CapabilityError: If the engine lacks a capability.
    """

    env_settings: Mapping[str, Any] = {"code": False}
    _default_prompt = ALL_TEXT
    #: Lines are proposed as by ``mcts-star``, and valued by the critic alone.
    value: Callable[[str, str], Any] | None = None

    def __init__(
        self,
        engine: Engine | str,
        critic: str | Callable[[str, str, str], Any] | None = None,
        *,
        retries: int = 5,
        votes: int = 1,
        max_depth: int = 30,
        step_tokens: int = 64,
        prompt: str | None = None,
        temperature: float = 1.0,
    ) -> None:
        check_number("retries", retries, low=0, integer=True)
        for name, value in (("votes", votes), ("max_depth", max_depth), ("step_tokens", step_tokens)):
            check_number(name, value, low=1, integer=True)
        self.critic: Callable[[str, str, str], Any] | None = (
            load_attribute(critic) if isinstance(critic, str) else critic
        )
        self.retries, self.votes, self.max_depth, self.step_tokens = retries, votes, max_depth, step_tokens
        super().__init__(engine, prompt, temperature=temperature, extract=False)
        self.engine.require({"chat", "prefill", "stop", "stop_string"} | ({"choices"} if critic is None else set()))

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with an empty conversation."""
        return _CriticSearchActor(self, seat)

    def describe(self) -> dict[str, Any]:
        """Return JSON-able settings, for the run's manifest."""
        return {
            **super().describe(),
            "critic": "self" if self.critic is None else _described(self.critic),
            "retries": self.retries,
            "votes": self.votes,
            "max_depth": self.max_depth,
            "step_tokens": self.step_tokens,
        }


class _Solution(NamedTuple):
    text: str
    steps: int
    tokens: int
    critic_tokens: int
    rejected: int


def _described(critic: Any) -> Any:
    if callable(describe := getattr(critic, "describe", None)):
        return describe()
    named = critic if hasattr(critic, "__qualname__") else type(critic)
    return f"{named.__module__}:{named.__qualname__}"


class _CriticSearchActor:
    def __init__(self, agent: CriticSearchAgent, seat: Seat) -> None:
        self._agent, self._seat, self._rng = agent, seat, seat.generator()
        self._messages: list[Message] = [system(agent.prompt)] if agent.prompt else []

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        """Search for a reply to the observation."""
        agent, seed = self._agent, int(self._rng.integers(2**53))
        self._messages.append(user(observation))
        reader = ReplyReader.of(observation, code=False)
        read = self._seat.read_answer or (lambda reply: reader.read(reply).text or None)
        lines = ReplyLines(agent, self._messages, observation, reader)
        found = [await self._search(lines, observation, mix(seed, vote)) for vote in range(agent.votes)]
        answers = [read(solution.text) for solution in found]
        votes = Counter(answer for answer in answers if answer is not None)
        chosen = answers.index(max(votes, key=votes.__getitem__)) if votes else 0
        record_decision(
            {
                "method": "CriticSearchAgent",
                "candidates": [
                    {"text": s.text, "answer": answer, "tokens": s.tokens, "scores": {"rejected": s.rejected}}
                    for s, answer in zip(found, answers, strict=True)
                ],
                "votes": {answer: float(count) for answer, count in votes.items()},
                "chosen": chosen,
                "answer": answers[chosen],
                "spent": {
                    "calls": sum(s.steps for s in found),
                    "tokens": sum(s.tokens + s.critic_tokens for s in found),
                },
                "facts": {
                    "rejected": sum(s.rejected for s in found),
                    "critic_tokens": sum(s.critic_tokens for s in found),
                },
            }
        )
        self._messages.append(assistant(found[chosen].text))
        return found[chosen].text

    async def _search(self, lines: ReplyLines, question: str, seed: int) -> _Solution:
        """Write one solution."""
        agent, prefix = self._agent, list[str]()
        steps = tokens = critic_tokens = rejected = 0
        for depth in range(agent.max_depth):
            text = ""
            for attempt in range(agent.retries + 1):
                (step,) = await lines.propose(prefix, 1, mix(seed, depth, attempt))
                text, steps, tokens = step.text, steps + 1, tokens + step.tokens
                verdict = await self._judged(lines, question, prefix, text)
                critic_tokens += verdict.tokens
                if verdict.right is not False:
                    break
                rejected += 1
            prefix.append(text)
            if await lines.criticise(prefix) == END:
                break
        return _Solution("\n".join(prefix), steps, tokens, critic_tokens, rejected)

    async def _judged(self, lines: ReplyLines, question: str, prefix: list[str], step: str) -> Verdict:
        """Return what the critic, or the model itself, says of a step."""
        if self._agent.critic is None:
            (value,) = await lines.evaluate([[*prefix, step]])
            return Verdict(value >= 0.5)
        said = self._agent.critic(question, "\n".join(prefix), step)
        said = await said if inspect.isawaitable(said) else said
        return said if isinstance(said, Verdict) else Verdict(said)
