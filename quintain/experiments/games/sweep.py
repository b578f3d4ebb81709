"""The study: games x players x opponents x seats, with the published figures beside our own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from quintain.envs.games import FAMILIES, load_game, ordinal_games
from quintain.errors import ConfigurationError
from quintain.evaluation.statistics import Interval, mean, paired_difference
from quintain.experiments.games.matches import Fixture, Match, play_matches
from quintain.experiments.games.metrics import normalised_score, per_match
from quintain.seeding import SeedStream

__all__ = ["PAYOFF_SWEEP", "PUBLISHED", "compare_players", "sample_games", "score_by_family", "sweep"]

#: Normalised scores of Akata et al. (2025), by family.
PUBLISHED: dict[str, dict[str, float]] = {
    "Llama 2": {"S": 0.486, "B": 0.632, "C": 0.634, "U": 0.641, "P": 0.731, "W": 0.915, "all": 0.697},
    "Claude 2": {"S": 0.735, "B": 0.794, "C": 0.749, "U": 0.812, "P": 0.838, "W": 0.878, "all": 0.814},
    "davinci-002": {"S": 0.473, "B": 0.629, "C": 0.638, "U": 0.683, "P": 0.807, "W": 0.988, "all": 0.730},
    "davinci-003": {"S": 0.692, "B": 0.761, "C": 0.793, "U": 0.833, "P": 0.841, "W": 0.972, "all": 0.839},
    "GPT-4": {"S": 0.763, "B": 0.798, "C": 0.806, "U": 0.836, "P": 0.871, "W": 0.992, "all": 0.854},
}

#: Battles of the sexes from one-sided to fair and back: the study's payoff sweep.
PAYOFF_SWEEP = tuple(f"battle_of_the_sexes:{pays}" for pays in ("10,7", "9,8", "8,8", "8,9", "7,10"))


def sample_games(count: int, seed: int = 0) -> list[str]:
    """Draw ordinal games without replacement, families in proportion to their size, in a fixed order.

    Args:
        count: 1 to 144; 144 is all of them.
        seed: Seed of the draw.

    Raises:
        ConfigurationError: If the count is out of range.
    """
    if not 1 <= count <= 144:
        raise ConfigurationError(f"there are 144 ordinal games, asked for {count!r}")
    rng = SeedStream(seed, "games").generator()
    order = {game.name: k for k, game in enumerate(ordinal_games())}
    by_family = {letter: [g.name for g in ordinal_games() if g.family == letter] for letter in FAMILIES}
    for names in by_family.values():
        rng.shuffle(names)
    # Systematic sampling along the families: each gets its share to within one game.
    queue = [name for names in by_family.values() for name in names]
    places = (np.arange(count) + rng.random()) * len(queue) / count
    return sorted({queue[int(place)] for place in places}, key=order.__getitem__)


def sweep(
    players: Sequence[str],
    games: Sequence[str],
    *,
    opponents: Sequence[str] | None = None,
    agents: Mapping[str, Any] | None = None,
    rounds: int = 10,
    repetitions: int = 1,
    seats: Sequence[int] = (0, 1),
    env: Mapping[str, Any] | None = None,
    seed: int = 0,
    concurrency: int = 16,
    out: str | Path | None = None,
    resume: bool = False,
    retry_errors: bool = False,
    progress: bool | None = None,
) -> list[Match]:
    """Play every game with every player against every opponent, in the given seats.

    Args:
        players: Names of the players studied.
        games: Names of two-player games.
        opponents: Names of their opponents; the players themselves if left out, which gives the full cross product.
        agents: Players that are not strategies, by name.
        rounds: Rounds per match.
        repetitions: Matches per cell.
        seats: Seats that the players take.
        env: Further arguments of the environment, such as ``unit``.
        seed: Root seed. All players meet the same seeds, so comparisons are paired.
        concurrency: Matches that are live at once.
        out: Folder for the records.
        resume: Continue the run in ``out``.
        retry_errors: With ``resume``: play the matches again that failed for infrastructure reasons, and only them.
        progress: Show a progress bar; by default where there is a terminal.

    Raises:
        ConfigurationError: If a game or player is unknown.
    """
    for game in games:
        if load_game(game).players != 2:
            raise ConfigurationError(f"a sweep is for games of two players, and {game!r} has more")
    fixtures = []
    for game in games:
        for player in players:
            for opponent in players if opponents is None else opponents:
                for seat in seats:
                    pair = (player, opponent) if seat == 0 else (opponent, player)
                    fixtures += [Fixture(game, pair, repetition) for repetition in range(repetitions)]
    fixtures = list(dict.fromkeys(fixtures))  # in a cross product each pair comes up from both sides
    return play_matches(
        fixtures, agents or {}, env={"rounds": rounds, **(env or {})}, seed=seed, concurrency=concurrency, out=out,
        resume=resume, retry_errors=retry_errors, progress=progress,
        about={"kind": "sweep", "players": list(players)},
    )  # fmt: skip


def score_by_family(matches: Sequence[Match], agent: str, confidence: float = 0.95) -> dict[str, Interval]:
    """Mean normalised score of one player in each family of ordinal games, and under ``"all"`` over all of them.

    Tragic games count only on their own: the published table leaves them out.
    """
    groups = {family: [m for m in matches if m.game.family == family] for family in FAMILIES}
    groups["all"] = [m for m in matches if m.game.family not in ("", "T")]
    values = {family: per_match(group, agent, normalised_score) for family, group in groups.items()}
    return {family: mean(found, confidence) for family, found in values.items() if found}


def compare_players(matches: Sequence[Match], first: str, second: str, confidence: float = 0.95) -> Interval:
    """Difference in mean normalised score, by a paired bootstrap over cells of equal game, seat, opponent, repetition.

    Raises:
        ConfigurationError: If the two never met the same cell.
    """
    cells: dict[tuple[Any, ...], dict[str, float]] = defaultdict(dict)
    for match in matches:
        for seat, name in enumerate(match.fixture.agents):
            value = normalised_score(match, seat) if name in (first, second) else None
            if value is not None:
                opponent = match.fixture.agents[1 - seat]
                cells[match.fixture.game, seat, opponent, match.fixture.repetition][name] = value
    pairs = [cell for cell in cells.values() if len(cell) == 2]
    if not pairs:
        raise ConfigurationError(f"{first!r} and {second!r} never played the same game, seat and opponent")
    return paired_difference([pair[first] for pair in pairs], [pair[second] for pair in pairs], confidence)
