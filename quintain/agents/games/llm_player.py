"""A language model as a player of repeated games: one question, and one token, a move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Literal

import numpy as np
from gymnasium import spaces

from quintain.agents.agent import Action, Actor, Seat
from quintain.agents.games.game_info import GameRules, Round
from quintain.agents.games.label_questions import Choice, LabelQuestions, by_option, shown, softmax
from quintain.agents.games.player_settings import PlayerSettings
from quintain.agents.games.prompts import Wording, action_question, describe, prediction_question
from quintain.engines.engine import Engine, Reply, Request
from quintain.errors import AgentError, CapabilityError, ConfigurationError
from quintain.seeding import SeedStream

__all__ = ["LLMPlayer"]


class LLMPlayer:
    """Plays any seat of a repeated game by asking a language model.

    The prompt holds the rules and the whole history; the answer is one token, the label of an option. Where the engine
    offers constrained choice, the label is chosen so; otherwise it is read from the 20 likeliest first tokens where the
    engine reports them (a reply with no label among them is an illegal move); otherwise the model writes freely.

    Args:
        engine: The language model; takes messages or raw prompts.
        settings: How it is asked; by default those of :class:`PlayerSettings`.
        **changes: Fields of :class:`PlayerSettings` and :class:`Wording` that replace those of ``settings``:
            ``LLMPlayer(engine, predict_first=True)``.

    Attributes:
        questions: Makes the requests and reads the replies.

    Raises:
        ConfigurationError: If a setting does not exist or is out of range.
        CapabilityError: If the engine takes neither messages nor prompts, or cannot do what debiasing needs.
    """

    #: Names of the fields that may be given by keyword.
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
        self.questions = LabelQuestions(engine, self.settings)

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with an empty history."""
        return _LLMActor(self, seat)

    def describe(self) -> dict[str, Any]:
        """Return engine and settings, for the run's manifest."""
        settings = {n: getattr(self.settings, n) for n in PlayerSettings.__dataclass_fields__ if n != "wording"}
        words = {n: getattr(self.settings.wording, n) for n, f in Wording.__dataclass_fields__.items() if f.init}
        return {"agent": "llm-player", "engine": self.engine.describe(), **settings, "wording": words}

    def check_rules(self, rules: GameRules) -> None:
        """Check that there is a label for every option of a game.

        Args:
            rules: The rules as one player sees them, as in ``info["rules"]``.

        Raises:
            ConfigurationError: If there are fewer labels than options.
        """
        self.settings.draw_labels(max(map(len, rules["options"])), np.random.default_rng(0))

    async def check(self) -> None:
        """Find out whether a run can work before it starts; see :meth:`LabelQuestions.check`.

        Raises:
            ConfigurationError: If a label takes more than one token.
            CapabilityError: If the engine does not report the log-probabilities that the settings need.
            EngineError: If the engine fails.
        """
        await self.questions.check()


class _LLMActor:
    """Plays one seat of one match; ``trace`` lists the answers so far, and goes into the match's record."""

    def __init__(self, agent: LLMPlayer, seat: Seat) -> None:
        self._questions, self._settings = agent.questions, agent.settings
        self._seat, self._rng = seat, seat.generator()
        self._rules: GameRules | None = None
        self._labels: tuple[str, ...] = ()
        self._history: list[Round] = []
        self.trace: list[Choice] = []

    async def act(self, observation: Any, info: dict[str, Any]) -> Action:
        if self._rules is None:
            self._rules = self._read_rules(info)
            await self._questions.check_labels(self._labels)
        options = self._rules["options"]
        if info["moves"] is not None:
            self._history.append(Round(tuple(info["moves"]), tuple(info["payoffs"])))
        predicted = -1
        if self._settings.predict_first:
            predicted = await self._choose(self._rules, "prediction", len(options[1]), -1)
        option = await self._choose(self._rules, "action", len(options[0]), predicted)
        if isinstance(self._seat.action_space, spaces.Text):
            return options[0][option] if option >= 0 else self.trace[-1].label
        return option

    def _read_rules(self, info: dict[str, Any]) -> GameRules:
        if "rules" not in info or "moves" not in info:
            raise CapabilityError(
                f"a language model plays repeated games, whose info has 'rules'; got {sorted(info)!r}"
            )
        rules: GameRules = info["rules"]
        needed = max(len(names) for names in rules["options"])
        # Labels are drawn from the seed of the match, so that all its seats have the same.
        self._labels = self._settings.draw_labels(needed, SeedStream(self._seat.seed, "labels").generator())
        return rules

    async def _choose(
        self, rules: GameRules, kind: Literal["action", "prediction"], options: int, predicted: int
    ) -> int:
        """Ask for one choice, with debiasing in several variants, and append it to the trace."""
        debias = self._settings.debias
        order = self._settings.draw_order(options, self._rng)
        # A variant is one assignment of labels to options, and one order in which the question names the options.
        variants = [(self._labels[:options], order)]
        if debias != "none":
            variants = [(self._labels[:options], tuple(np.roll(range(options), k).tolist())) for k in range(options)]
        if debias == "labels":
            variants = [
                (tuple(np.roll(labels, k).tolist()), names) for labels, names in variants for k in range(options)
            ]
        seed = int(self._rng.integers(2**53))
        requests = [self._request(rules, kind, labels, names, predicted, seed) for labels, names in variants]
        replies = await self._questions.ask(
            requests, [[labels[option] for option in names] for labels, names in variants]
        )
        if debias == "none":
            choice = self._questions.read(kind, len(self._history) + 1, replies[0], *variants[0])
        else:
            choice = self._average(kind, replies, [names for _, names in variants])
        self.trace.append(choice)
        return choice.option

    def _request(
        self, rules: GameRules, kind: str, labels: tuple[str, ...], order: Sequence[int], predicted: int, seed: int
    ) -> Request:
        wording = self._settings.wording
        named = [labels[option] for option in order]
        if kind == "prediction":
            question = prediction_question(named, wording)
        else:
            question = action_question(named, wording, labels[predicted] if predicted >= 0 else "")
        all_labels = labels + self._labels[len(labels) :]
        text = f"{describe(rules, self._history, all_labels, wording)}\n{question}"
        return self._questions.request(text, named, seed)

    def _average(
        self, kind: Literal["action", "prediction"], replies: Sequence[Reply], orders: Sequence[Sequence[int]]
    ) -> Choice:
        """Choose by the mean over variants of the options' normalised log-probabilities."""
        round_number = len(self._history) + 1
        total = np.zeros(len(orders[0]))
        for reply, order in zip(replies, orders, strict=True):
            if reply.choice_logprobs is None and self._questions.label_source == "top_logprobs":
                return Choice(round_number, kind, -1, -1, shown(reply))  # no label among the first tokens
            if reply.choice_logprobs is None:
                name = self._questions.engine.name
                raise AgentError(f"engine {name!r} gives no log-probabilities of choices to average")
            logprobs = np.array(by_option(reply.choice_logprobs, order))
            total += logprobs - np.logaddexp.reduce(logprobs)
        probabilities = softmax((total / len(orders)).tolist())
        if self._settings.temperature:
            sharpened = np.array(probabilities) ** (1 / self._settings.temperature)
            option = int(self._rng.choice(len(probabilities), p=sharpened / sharpened.sum()))
        else:
            option = int(np.argmax(probabilities))
        label = self._labels[option] if self._settings.debias == "order" else ""
        return Choice(round_number, kind, option, -1, label, probabilities)
