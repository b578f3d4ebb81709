"""Can a language model foresee what a player does, if it only predicts? It reads logged games round by round."""

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
    """Ask before every round of finished matches what the player opposite ``seat`` will do.

    All questions of all matches go to the engine together, since no answer changes what is asked next.

    Args:
        matches: Matches of two players.
        player: The language model, with its labels, order of names and wording. It is asked once per round.
        seat: The seat that looks on: the other one's moves are predicted.
        view: ``"observer"`` tells the game as somebody who watches both; ``"player"`` as if the model sat in ``seat``
            and had made its moves (the study's two conditions).
        env: Arguments of the environment in which the matches were played; by default only their number of rounds.
        seed: Decides random labels and shuffled orders.

    Returns:
        The matches with the predictions as the traces of ``seat``, so that
        :func:`~quintain.experiments.games.metrics.prediction_accuracy` and
        :func:`~quintain.experiments.games.metrics.first_settled_prediction` apply.

    Raises:
        ConfigurationError: If a match has more players, or there are fewer labels than options.
    """
    if view not in ("observer", "player"):
        raise ConfigurationError(f"view must be 'observer' or 'player', got {view!r}")
    asked = [_Reading(match, player, seat, view, dict(env or {}), seed, k) for k, match in enumerate(matches)]

    async def answer() -> list[Reply]:
        for labels in dict.fromkeys(reading.labels for reading in asked):
            await player.questions.check_labels(labels)
        requests = [request for reading in asked for request in reading.requests]
        return await player.questions.ask(requests, [named for reading in asked for named in reading.named])

    replies = iter(run_in_loop(answer))
    return [reading.predicted([next(replies) for _ in reading.requests]) for reading in asked]


class _Reading:
    """The questions about one match."""

    def __init__(
        self, match: Match, player: LLMPlayer, seat: int, view: str, env: dict[str, Any], seed: int, number: int
    ) -> None:
        if match.game.players != 2:
            raise ConfigurationError(f"{match.scheduled.game} has {match.game.players} players; two can be watched")
        self._match, self._seat, self._player = match, seat, player
        world = RepeatedGame(match.scheduled.game, **({"rounds": len(match.moves)} | env))
        rules = cast(GameRules, world.rules_seen_by(seat if view == "player" else 0))
        rng = SeedStream(seed, "observer", number).generator()
        self.labels = player.settings.draw_labels(max(match.game.shape), rng)
        options = match.game.shape[1 - seat]
        wording = player.settings.wording
        whom = "" if view == "player" else f"player {2 - seat}"
        tell = describe if view == "player" else describe_to_observer
        columns = [seat, 1 - seat] if view == "player" else [0, 1]
        rounds = [
            Round(tuple(moves[columns].tolist()), tuple(earned[columns].tolist()))
            for moves, earned in zip(match.moves, match.payoffs, strict=True)
        ]
        self._orders = [player.settings.draw_order(options, rng) for _ in rounds]
        self.named = [[self.labels[option] for option in order] for order in self._orders]
        self.requests = []
        for played, named in enumerate(self.named):
            text = f"{tell(rules, rounds[:played], self.labels, wording)}\n{prediction_question(named, wording, whom)}"
            self.requests.append(player.questions.request(text, named, int(rng.integers(2**53))))

    def predicted(self, replies: Sequence[Reply]) -> Match:
        """Return the match with the predictions in its traces."""
        trace = [
            asdict(self._player.questions.read("prediction", number, reply, self.labels, order))
            for number, (reply, order) in enumerate(zip(replies, self._orders, strict=True), start=1)
        ]
        return replace(self._match, traces=[trace, []] if self._seat == 0 else [[], trace])
