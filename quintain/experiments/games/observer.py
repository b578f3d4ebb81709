"""Prediction-only condition: a language model reads logged games round by round and predicts one player's moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal, cast

from quintain.agents.games import GameRules, LLMPlayer, Round
from quintain.agents.games.prompts import describe, describe_to_observer, prediction_question
from quintain.engines.engine import Reply
from quintain.envs.games import RepeatedGame
from quintain.errors import ConfigurationError
from quintain.evaluation.loop import run_in_loop
from quintain.experiments.games.match import Match
from quintain.seeding import SeedStream

__all__ = ["predict_moves"]


def predict_moves(
    matches: Sequence[Match],
    player: LLMPlayer,
    *,
    seat: int = 0,
    view: Literal["observer", "player"] = "observer",
    env: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> list[Match]:
    """Ask a language model, before every round of finished matches, what the player opposite ``seat`` will do.

    The prompts do not depend on earlier answers, so those of all matches are sent to the engine as one batch.

    Args:
        matches: Finished matches of two players.
        player: The language model with its prompt settings: option labels, order of the options, wording.
        seat: Seat whose perspective the model takes, 0 or 1; the other seat's moves are predicted. Default: 0.
        view: ``"observer"`` describes the game from outside; ``"player"`` as if the model had played ``seat``. These
            are the two conditions of Akata et al. (2025). Default: ``"observer"``.
        env: Keyword arguments of the environment in which the matches were played. By default only the number of
            rounds, taken from each match.
        seed: Seed of random labels and shuffled option orders. Default: 0.

    Returns:
        The matches with the predictions as the traces of ``seat``, so that
        :func:`~quintain.experiments.games.metrics.prediction_accuracy` and
        :func:`~quintain.experiments.games.metrics.first_settled_prediction` apply.

    Raises:
        ConfigurationError: If a match does not have two players, or there are fewer labels than options.
    """
    if view not in ("observer", "player"):
        raise ConfigurationError(f"view must be 'observer' or 'player', got {view!r}")
    asked = [_MatchPrompts(match, player, seat, view, dict(env or {}), seed, k) for k, match in enumerate(matches)]

    async def answer() -> list[Reply]:
        for labels in dict.fromkeys(prompts.labels for prompts in asked):
            await player.questions.check_labels(labels)
        requests = [request for prompts in asked for request in prompts.requests]
        return await player.questions.ask(requests, [named for prompts in asked for named in prompts.named])

    replies = iter(run_in_loop(answer))
    return [prompts.predicted([next(replies) for _ in prompts.requests]) for prompts in asked]


class _MatchPrompts:
    """The prompts about one match."""

    def __init__(
        self, match: Match, player: LLMPlayer, seat: int, view: str, env: dict[str, Any], seed: int, number: int
    ) -> None:
        if match.game.players != 2:
            raise ConfigurationError(f"{match.scheduled.game} has {match.game.players} players; prediction needs two")
        self._match, self._seat, self._player = match, seat, player
        game = RepeatedGame(match.scheduled.game, **({"rounds": len(match.moves)} | env))
        rules = cast(GameRules, game.rules_seen_by(seat if view == "player" else 0))
        rng = SeedStream(seed, "observer", number).generator()
        self.labels = player.settings.draw_labels(max(match.game.shape), rng)
        options = match.game.shape[1 - seat]
        wording = player.settings.wording
        whom = "" if view == "player" else f"player {2 - seat}"
        write = describe if view == "player" else describe_to_observer
        columns = [seat, 1 - seat] if view == "player" else [0, 1]
        rounds = [
            Round(tuple(moves[columns].tolist()), tuple(earned[columns].tolist()))
            for moves, earned in zip(match.moves, match.payoffs, strict=True)
        ]
        self._orders = [player.settings.draw_order(options, rng) for _ in rounds]
        self.named = [[self.labels[option] for option in order] for order in self._orders]
        self.requests = []
        for played, named in enumerate(self.named):
            text = f"{write(rules, rounds[:played], self.labels, wording)}\n{prediction_question(named, wording, whom)}"
            self.requests.append(player.questions.request(text, named, int(rng.integers(2**53))))

    def predicted(self, replies: Sequence[Reply]) -> Match:
        """Return the match with the predictions as the trace of the observing seat."""
        trace = [
            asdict(self._player.questions.read("prediction", number, reply, self.labels, order))
            for number, (reply, order) in enumerate(zip(replies, self._orders, strict=True), start=1)
        ]
        return replace(self._match, traces=[trace, []] if self._seat == 0 else [[], trace])
