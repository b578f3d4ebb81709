"""A language model as a player of repeated games, one token a move."""

from __future__ import annotations

import asyncio
import math
import string
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
from gymnasium import spaces

from quintain.agents.agent import Action, Actor, Seat
from quintain.agents.games.labels import TOP, choose_label
from quintain.agents.games.prompts import Round, Wording, action_question, describe, prediction_question
from quintain.engines.engine import Engine, Reply, Request
from quintain.errors import AgentError, CapabilityError, ConfigurationError, EngineError
from quintain.messages import user
from quintain.seeding import SeedStream

__all__ = ["Choice", "LLMPlayer", "PlayerSettings"]

# Not A and I, which are words of their own.
_LETTERS = [letter for letter in string.ascii_uppercase if letter not in "AI"]
_TRIAL = "Q: Which one do you choose?"

Order = Literal["shuffled", "first", "last"]


@dataclass(frozen=True)
class PlayerSettings:
    """How the model is asked.

    Attributes:
        labels: One label per option, or ``"random"``: letters drawn per match, the same for all its seats.
        order: How a question names the options: ``"shuffled"`` every round, option 0 ``"first"`` or ``"last"``.
        predict_first: Ask first what the other will do, then for the choice given that (social chain of thought).
        debias: Average log-probabilities over both orders of the names (``"order"``), or over orders and exchanged
            labels (``"labels"``), instead of asking once (``"none"``).
        temperature: 0 takes the likeliest label.
        constrained: Choose among the labels only. Otherwise the model writes freely, and what is no label is illegal.
        wording: What the prompt says.
    """

    labels: tuple[str, ...] | Literal["random"] = ("J", "F")
    order: Order = "shuffled"
    predict_first: bool = False
    debias: Literal["none", "order", "labels"] = "none"
    temperature: float = 0.0
    constrained: bool = True
    wording: Wording = field(default_factory=Wording)

    def __post_init__(self) -> None:
        if self.labels != "random":
            object.__setattr__(self, "labels", tuple(self.labels))
            if len(set(self.labels)) < len(self.labels) or not all(
                isinstance(label, str) and label and label == label.strip() for label in self.labels
            ):
                raise ConfigurationError(f"labels must be distinct words, got {self.labels!r}")
        for name, allowed in (("order", ("shuffled", "first", "last")), ("debias", ("none", "order", "labels"))):
            if getattr(self, name) not in allowed:
                raise ConfigurationError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        if self.debias != "none" and not self.constrained:
            raise ConfigurationError("debiasing averages probabilities of constrained choices; set constrained=True")


@dataclass(frozen=True)
class Choice:
    """What one question came to; the raw material of the position-bias audit.

    Attributes:
        round: Number of the round, from 1.
        kind: ``"action"`` or ``"prediction"``.
        option: The option chosen, or -1 if the output was illegal.
        first: The option that the question named first; -1 if several orders were averaged.
        label: The label that was said, or the illegal output (at most 80 characters); empty where exchanged labels
            were averaged, so that no single one was said.
        probabilities: Of the options, where the engine tells them.
    """

    round: int
    kind: Literal["action", "prediction"]
    option: int
    first: int
    label: str
    probabilities: tuple[float, ...] = ()


class LLMPlayer:
    """Plays any seat of a repeated game by asking a language model.

    The model is shown the whole history as text and answers with one token, the label of an option. Any engine works:
    one that can continue a begun answer gets the answer's first word, one that cannot is asked to reply with a label
    only. Without constrained choice the label is read from the likeliest first tokens where the engine tells them (20
    at most; none of them a label is an illegal answer); without these the model writes freely.

    Args:
        engine: The language model.
        settings: How it is asked. Keywords change single settings: ``LLMPlayer(engine, predict_first=True)``.

    Attributes:
        reads: Where the label comes from: ``"choices"``, ``"top_logprobs"`` or ``"text"``.

    Raises:
        CapabilityError: If the engine takes neither messages nor prompts, or cannot do what debiasing needs.
    """

    #: Names of single settings that may be given by keyword.
    keywords = tuple(f.name for f in (*fields(PlayerSettings), *fields(Wording)) if f.init and f.name != "wording")

    def __init__(self, engine: Engine, settings: PlayerSettings | None = None, **changes: Any) -> None:
        wording = {name: changes.pop(name) for name in list(changes) if name in Wording.__dataclass_fields__}
        given = {} if settings is None else {n: getattr(settings, n) for n in PlayerSettings.__dataclass_fields__}
        if wording:
            given["wording"] = Wording(**wording)
        try:
            self.settings = PlayerSettings(**(given | changes))
        except TypeError as error:
            raise ConfigurationError(f"LLMPlayer: {error}; its settings: {', '.join(self.keywords)}") from None
        self.engine = engine
        if not {"chat", "prompt"} & engine.capabilities:
            raise CapabilityError(f"engine {engine.name!r} takes neither messages nor prompts")
        self.reads: Literal["choices", "top_logprobs", "text"] = "text"
        if self.settings.constrained and "choices" in engine.capabilities:
            self.reads = "choices"
        elif self.settings.constrained and "top_logprobs" in engine.capabilities:
            self.reads = "top_logprobs"
        if self.settings.debias != "none" and self.reads == "text":
            engine.require({"choices"})
        self._checked: dict[tuple[str, ...], asyncio.Task[None]] = {}

    def begin(self, seat: Seat) -> Actor:
        """Sit down with an empty history."""
        return _Player(self, seat)

    def describe(self) -> dict[str, Any]:
        """Return engine and settings, for the run's record."""
        settings = {n: getattr(self.settings, n) for n in PlayerSettings.__dataclass_fields__ if n != "wording"}
        words = {n: getattr(self.settings.wording, n) for n, f in Wording.__dataclass_fields__.items() if f.init}
        return {"agent": "llm-player", "engine": self.engine.describe(), **settings, "wording": words}

    async def check(self) -> None:
        """Find out whether a run can work, before it starts: ask whether labels fit, and for log-probabilities.

        Raises:
            ConfigurationError: If a label takes more than one token.
            CapabilityError: If the engine does not tell the log-probabilities that the settings need.
            EngineError: If the engine fails.
        """
        labels = tuple(_LETTERS[:2]) if self.settings.labels == "random" else self.settings.labels
        await self.ready(labels)
        if self.reads == "text" or (self.reads == "choices" and self.settings.debias == "none"):
            return
        need = "debiasing" if self.settings.debias != "none" else "a choice among labels"
        why = "gave none"
        try:
            (reply,) = await self.ask([self.request(_TRIAL, labels, 0)], [labels])
        except EngineError as error:
            if error.status is None or not 400 <= error.status < 500:
                raise
            why = f"refused ({error})"
        else:
            if reply.choice_logprobs is not None or reply.top_logprobs:
                return
        remedy = "leave debiasing out" if self.reads == "choices" else "set constrained=False to read what it writes"
        raise CapabilityError(
            f"{need} needs log-probabilities of the labels, and engine {self.engine.name!r} {why}; {remedy}"
        )

    async def check_labels(self, labels: Sequence[str]) -> None:
        """Make sure that every label is one token where the answer stands: otherwise a choice favours the shorter one.

        Raises:
            ConfigurationError: Naming the label that takes more tokens than it should.
        """
        if self.reads != "choices":
            return
        requests = [self.request(_TRIAL, (label,), 0) for label in labels]
        for label, (reply,) in zip(labels, await self.engine.generate(requests), strict=True):
            if reply.completion_tokens > 1:
                raise ConfigurationError(
                    f"label {label!r} takes {reply.completion_tokens} tokens in the vocabulary of {self.engine.name!r} "
                    f"instead of one, which would distort the choice among {tuple(labels)}; choose another label pair"
                )

    async def ready(self, labels: tuple[str, ...]) -> None:
        """Check labels once, however many matches start together; a check that failed is made again."""
        check = self._checked.get(labels)
        if check is None or check.get_loop() is not asyncio.get_running_loop() or _failed(check):
            check = self._checked[labels] = asyncio.ensure_future(self.check_labels(labels))
        await asyncio.shield(check)  # else a match that is cancelled would cancel the check of all others

    def draw_labels(self, options: int, rng: np.random.Generator) -> tuple[str, ...]:
        """Return one label per option: those given, or random letters.

        Raises:
            ConfigurationError: If there are fewer labels than options.
        """
        labels = self.settings.labels
        if labels == "random":
            return tuple(str(letter) for letter in rng.choice(_LETTERS, size=options, replace=False))
        if len(labels) < options:
            raise ConfigurationError(f"the game has {options} options and the labels are only {labels!r}")
        return labels[:options]

    def draw_order(self, options: int, rng: np.random.Generator) -> tuple[int, ...]:
        """Return the order in which one question names the options."""
        if self.settings.order == "shuffled":
            return tuple(int(k) for k in rng.permutation(options))
        return tuple(range(options)) if self.settings.order == "first" else tuple(reversed(range(options)))

    async def ask(self, requests: Sequence[Request], named: Sequence[Sequence[str]]) -> list[Reply]:
        """Put questions to the engine; ``named`` are the labels of each, in the order of its :meth:`request`."""
        replies = [batch[0] for batch in await self.engine.generate(requests)]
        if self.reads != "top_logprobs":
            return replies
        return [
            choose_label(reply, labels, self.settings.temperature, request.seed)
            for reply, labels, request in zip(replies, named, requests, strict=True)
        ]

    def read(
        self,
        kind: Literal["action", "prediction"],
        number: int,
        reply: Reply,
        labels: Sequence[str],
        order: Sequence[int],
    ) -> Choice:
        """Read the answer to one question of round ``number``; see :class:`Choice`."""
        said = reply.text.strip().strip(".:*\"'")
        word = said.split()[-1] if said.split() else ""
        option = labels.index(word) if word in labels else -1
        probabilities: tuple[float, ...] = ()
        if reply.choice_logprobs is not None:
            probabilities = _probabilities(_by_option(reply.choice_logprobs, order))
        return Choice(number, kind, option, order[0], said[:80], probabilities)

    def request(self, text: str, labels: Sequence[str], seed: int) -> Request:
        """Pose a question whose answer is one of ``labels``."""
        stub = self.settings.wording.story.option
        can = self.engine.capabilities
        prefilled = ("prompt" in can and "chat" not in can) or "prefill" in can
        lead = " " if prefilled else ""
        choices = tuple(lead + label for label in labels) if self.reads == "choices" else None
        if not prefilled:
            text += f"\nReply with {' or '.join(labels)} only."
        arguments: dict[str, Any] = {
            "choices": choices,
            "max_tokens": 4 if self.reads == "text" else 1,
            "top_logprobs": TOP if self.reads == "top_logprobs" else 0,
            "temperature": self.settings.temperature,
            "seed": seed if self.settings.temperature and "seed" in can else None,
        }
        if "chat" in can:
            return Request(messages=[user(text)], prefill=f"A: {stub}" if prefilled else "", **arguments)
        return Request(prompt=f"{text}\nA: {stub}", **arguments)


class _Player:
    """One seat of one match."""

    def __init__(self, agent: LLMPlayer, seat: Seat) -> None:
        self._agent, self._seat, self._rng = agent, seat, seat.generator()
        self._rules: dict[str, Any] = {}
        self._labels: tuple[str, ...] = ()
        self._history: list[Round] = []
        self.trace: list[Choice] = []

    async def act(self, observation: Any, info: dict[str, Any]) -> Action:
        if not self._rules:
            self._start(info)
            await self._agent.ready(self._labels)
        if info["moves"] is not None:
            self._history.append(Round(tuple(info["moves"]), tuple(info["payoffs"])))
        expected = -1
        if self._agent.settings.predict_first:
            expected = await self._choose("prediction", len(self._rules["options"][1]), -1)
        option = await self._choose("action", len(self._rules["options"][0]), expected)
        if isinstance(self._seat.action_space, spaces.Text):
            return self._rules["options"][0][option] if option >= 0 else self.trace[-1].label
        return option

    def _start(self, info: dict[str, Any]) -> None:
        if "rules" not in info or "moves" not in info:
            raise CapabilityError(
                f"a language model plays repeated games, whose info has 'rules'; got {sorted(info)!r}"
            )
        self._rules = info["rules"]
        need = max(len(names) for names in self._rules["options"])
        # Letters are drawn per match, so that all its seats see the same ones.
        self._labels = self._agent.draw_labels(need, SeedStream(self._seat.seed, "labels").generator())

    async def _choose(self, kind: Literal["action", "prediction"], options: int, expected: int) -> int:
        """Ask in one or several ways, and write down what came of it."""
        settings = self._agent.settings
        order = self._agent.draw_order(options, self._rng)
        ways = [(self._labels[:options], order)]
        if settings.debias != "none":
            ways = [(self._labels[:options], tuple(np.roll(range(options), k).tolist())) for k in range(options)]
        if settings.debias == "labels":
            ways = [(tuple(np.roll(named, k).tolist()), way) for named, way in ways for k in range(options)]
        seed = int(self._rng.integers(2**53))
        requests = [self._ask(kind, named, way, expected, seed) for named, way in ways]
        replies = await self._agent.ask(requests, [[named[option] for option in way] for named, way in ways])
        if settings.debias == "none":
            choice = self._agent.read(kind, len(self._history) + 1, replies[0], *ways[0])
        else:
            choice = self._average(kind, replies, ways)
        self.trace.append(choice)
        return choice.option

    def _ask(self, kind: str, labels: tuple[str, ...], order: Sequence[int], expected: int, seed: int) -> Request:
        wording = self._agent.settings.wording
        named = [labels[option] for option in order]
        if kind == "prediction":
            question = prediction_question(named, wording)
        else:
            question = action_question(named, wording, labels[expected] if expected >= 0 else "")
        full = labels + self._labels[len(labels) :]
        text = f"{describe(self._rules, self._history, full, wording)}\n{question}"
        return self._agent.request(text, named, seed)

    def _average(
        self,
        kind: Literal["action", "prediction"],
        replies: Sequence[Reply],
        ways: Sequence[tuple[tuple[str, ...], Sequence[int]]],
    ) -> Choice:
        total = np.zeros(len(ways[0][1]))
        for reply, (_, order) in zip(replies, ways, strict=True):
            if reply.choice_logprobs is None and self._agent.reads == "top_logprobs":  # no label came to its mind
                return Choice(len(self._history) + 1, kind, -1, -1, reply.text.strip()[:80])
            if reply.choice_logprobs is None:
                raise AgentError(f"engine {self._agent.engine.name!r} gives no log-probabilities of choices to average")
            logprobs = np.array(_by_option(reply.choice_logprobs, order))
            total += logprobs - np.logaddexp.reduce(logprobs)
        probabilities = _probabilities((total / len(ways)).tolist())
        settings = self._agent.settings
        if settings.temperature:
            sharpened = np.array(probabilities) ** (1 / settings.temperature)
            option = int(self._rng.choice(len(probabilities), p=sharpened / sharpened.sum()))
        else:
            option = int(np.argmax(probabilities))
        label = self._labels[option] if settings.debias == "order" else ""
        return Choice(len(self._history) + 1, kind, option, -1, label, probabilities)


def _by_option(logprobs: Sequence[float], order: Sequence[int]) -> list[float]:
    """Undo the order in which the options were named."""
    return [logprobs[list(order).index(option)] for option in range(len(order))]


def _probabilities(logprobs: Sequence[float]) -> tuple[float, ...]:
    top = max(logprobs)
    weights = [math.exp(value - top) for value in logprobs]
    return tuple(weight / sum(weights) for weight in weights)


def _failed(task: asyncio.Task[None]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
