"""Questions of an environment as texts, a model's replies to them, and verdicts on answers, each without the others.

Methods that judge their own answers must not see right ones: :func:`read_questions` returns texts alone, and
:func:`judge` is for measurements.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import gymnasium as gym

from quintain.agents.language.chat import ChatAgent
from quintain.engines.engine import Request
from quintain.engines.overflow import complete_each
from quintain.errors import ConfigurationError
from quintain.evaluation.loop import run_in_loop
from quintain.messages import Message, assistant, system, user
from quintain.seeding import SeedStream
from quintain.training.language.sequences import Call, TokenSequence, join_calls
from quintain.training.sources import Draw, Worlds

__all__ = ["ask", "conversation", "imitation", "judge", "read_questions"]


def conversation(agent: ChatAgent, *texts: str) -> tuple[Message, ...]:
    """Return a conversation of user and assistant, in turn, that begins as the agent's do."""
    turns = [assistant(text) if k % 2 else user(text) for k, text in enumerate(texts)]
    return (*([system(agent.prompt)] if agent.prompt else []), *agent.few_shot, *turns)


def ask(
    agent: ChatAgent, conversations: Sequence[Sequence[Message]], seeds: SeedStream, temperature: float
) -> list[str | None]:
    """Return one sampled reply to each conversation; equal arguments and weights give equal replies.

    A conversation that does not fit the model's context window has none, as an episode ends there; others have theirs.

    Args:
        agent: The agent whose engine and limits are used.
        conversations: Conversations that end with the user.
        seeds: Seed stream of the replies, one seed each.
        temperature: Sampling temperature, >= 0.

    Raises:
        EngineError: If the engine fails.
    """
    sampling = agent.settings.sampling
    requests = [
        Request(messages=tuple(c), max_tokens=sampling.max_tokens, temperature=temperature, seed=seeds[number])
        for number, c in enumerate(conversations)
    ]

    replies = run_in_loop(lambda: complete_each(agent.engine, requests))
    return [None if reply is None else reply.text for reply in replies]


def imitation(agent: ChatAgent, messages: Sequence[Message], reply: str) -> TokenSequence | None:
    """Return a conversation with the reply to learn; ``None`` if it does not fit the model's context window."""
    prompt, written = agent.engine.encode_turn(Request(messages=tuple(messages)), reply)
    context = getattr(agent.engine, "context", None)
    if context is not None and len(prompt) + len(written) > context:
        return None
    return join_calls([Call(0, prompt, written, [0.0] * len(written))])[0]


def read_questions(worlds: Worlds, draws: Sequence[Draw]) -> list[str]:
    """Return the first observation of each episode, and nothing else of it.

    Raises:
        ConfigurationError: If an observation is no text.
    """
    with _made(worlds) as env:
        found = [env.reset(seed=draw.seed, options=_options(draw))[0] for draw in draws]
    if odd := [question for question in found if not isinstance(question, str)]:
        raise ConfigurationError(f"questions must be texts, and the environment's first observation is {odd[0]!r}")
    return found


def judge(worlds: Worlds, draws: Sequence[Draw], answers: Sequence[str]) -> list[bool | None]:
    """Return whether each answer is right, as the first action of its episode.

    Args:
        worlds: The environment.
        draws: The episodes.
        answers: One answer each.

    Returns:
        The environment's ``info["success"]``; ``None`` where the episode does not end with the first action.
    """
    found: list[bool | None] = []
    with _made(worlds) as env:
        for draw, answer in zip(draws, answers, strict=True):
            env.reset(seed=draw.seed, options=_options(draw))
            _, _, terminated, truncated, info = env.step(answer)
            found.append(bool(info["success"]) if "success" in info and (terminated or truncated) else None)
    return found


@contextlib.contextmanager
def _made(worlds: Worlds) -> Iterator[gym.Env[Any, Any]]:
    env = worlds.make()
    try:
        yield env
    finally:
        env.close()


def _options(draw: Draw) -> dict[str, Any] | None:
    return None if draw.reset_options is None else dict(draw.reset_options)
