"""Variations of the games of Akata et al. (2025): forgiveness, disclosure, payoffs, endings, wording, self-play.

    python papers/repeated_games/variations.py                 # SmolLM2-135M, a few minutes
    python papers/repeated_games/variations.py --smoke         # a scripted model, in seconds; measures nothing

Each variation changes one thing of the base condition and is played with two label pairs in both orders of the names,
so that four conditions of one deterministic model stand behind each interval. A coin plays the same matches.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from players import ORDERS

from quintain.agents.games import LLMPlayer
from quintain.engines.cached import CachedEngine
from quintain.engines.engine import Engine
from quintain.engines.registry import make_engine
from quintain.evaluation.statistics import mean
from quintain.experiments.games import Match, ScheduledMatch, metrics, play_matches
from quintain.experiments.study_tables import StudyTables

PD, BOS = "prisoners_dilemma", "battle_of_the_sexes"
LABEL_PAIRS = [("J", "F"), ("X", "Q")]
COIN_REPETITIONS = 20


@dataclass(frozen=True)
class Variation:
    """One condition of the study.

    Attributes:
        title: Name in the table.
        game: Name of the stage game, with its payoffs after a colon.
        opponent: A strategy, or ``"itself"``.
        player: Settings of the language model beside labels and order. In a disclosure, ``{0}`` and ``{1}`` are the
            labels of the two options.
        env: Arguments of the environment.
        published: What the study reports, in words; empty if it reports nothing.
    """

    title: str
    game: str = PD
    opponent: str = "defect-once"
    player: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, Any] = field(default_factory=lambda: {"rounds": 10})
    published: str = ""


DISCLOSURE = "The other player chooses Option {1} in the first round and Option {0} in every round after it."
VARIATIONS = [
    Variation("base", published="defects from round 2 on"),
    Variation("told that the other makes mistakes", player={"forgiveness": True}, published="cooperates again"),
    Variation("told what the other does", player={"disclosure": DISCLOSURE}, published="defects from round 2 on"),
    Variation("goal stated", player={"goal": True}),
    Variation("payoffs in words", player={"spell_numbers": True}),
    Variation("dollars", env={"rounds": 10, "unit": "dollars"}),
    Variation("coins", env={"rounds": 10, "unit": "coins"}),
    Variation("cooking contest", player={"cover": "cooking"}),
    Variation("joint project", player={"cover": "project"}),
    Variation("20 rounds", env={"rounds": 20}),
    *(
        Variation(
            f"ends with {1 - go_on:.0%} a round", env={"rounds": 20, "continuation": go_on}, published="always defects"
        )
        for go_on in (0.99, 0.6, 0.4, 0.2)
    ),
    *(
        Variation(f"sexes, {first} and {second}", f"{BOS}:{first},{second}", "alternator")
        for first, second in ((10, 7), (9, 8), (8, 8), (8, 9), (7, 10))
    ),
    Variation("against itself, dilemma", opponent="itself", published="8 a round"),
    Variation("against itself, sexes", BOS, "itself"),
    Variation("predict-first against itself, dilemma", opponent="itself", player={"predict_first": True}),
    Variation("predict-first against itself, sexes", BOS, "itself", {"predict_first": True}),
]


def main() -> None:
    options = parse()
    engine = CachedEngine(make_engine(options.engine))
    rows = []
    for variation in VARIATIONS[:: options.every]:
        own = play(variation, engine, options)
        blind = play_coin(variation, options.seed)
        rows.append(
            [variation.title, *measures(own), *(f"{np.mean(v):.2f}" for v in values(blind)), variation.published]
        )
    head = ["first option", "same option", "payoff a round"]
    tables = StudyTables()
    tables.show(
        "Shares of the model's answers and payoff a round [95 % interval over four conditions]",
        ["condition", *head, *(f"coin: {name}" for name in head), "published"],
        rows,
    )
    tables.save(options.out / "results.json")
    print(f"\nThe model answered {engine.misses} of {engine.hits + engine.misses} questions.")


def players(variation: Variation, engine: Engine, *, free: bool) -> Iterator[tuple[str, LLMPlayer]]:
    """The model with each pair of labels and each order of the names."""
    for labels in LABEL_PAIRS:
        settings = dict(variation.player)
        if "disclosure" in settings:
            settings["disclosure"] = settings["disclosure"].format(*labels)
        for order in ORDERS:
            player = LLMPlayer(engine, labels=labels, order=order, constrained=not free, **settings)
            yield f"{'/'.join(labels)} {order}", player


def play(variation: Variation, engine: Engine, options: argparse.Namespace) -> list[Match]:
    """Play a variation with every label pair and order; the model is in the first seat."""
    agents = dict(players(variation, engine, free=options.free))
    itself = variation.opponent == "itself"
    schedule = [ScheduledMatch(variation.game, (name, name if itself else variation.opponent)) for name in agents]
    return play_matches(schedule, agents, env=variation.env, seed=options.seed, progress=False)


def play_coin(variation: Variation, seed: int) -> list[Match]:
    """The same matches with a coin in the model's place."""
    opponent = "random" if variation.opponent == "itself" else variation.opponent
    schedule = [ScheduledMatch(variation.game, ("random", opponent), k) for k in range(COIN_REPETITIONS)]
    return play_matches(schedule, {}, env=variation.env, seed=seed, progress=False)


def values(matches: Sequence[Match]) -> tuple[list[float], list[float], list[float]]:
    """Share of option 0, share of rounds with equal options, and payoff a round, each match by match."""
    legal = [match for match in matches if (match.moves >= 0).all()]
    first = [float((match.moves[:, 0] == 0).mean()) for match in legal]
    same = [float((match.moves[:, 0] == match.moves[:, 1]).mean()) for match in legal]
    return first, same, [metrics.score(match, 0) / len(match.moves) for match in legal]


def measures(matches: Sequence[Match]) -> list[object]:
    """The same with intervals over label pairs and orders."""
    payoffs = matches[0].game.payoffs[0]
    bounds = [(0.0, 1.0), (0.0, 1.0), (float(payoffs.min()), float(payoffs.max()))]
    found = zip(values(matches), bounds, strict=True)
    return [mean(numbers, bounds=ends) if numbers else "no legal answer" for numbers, ends in found]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="transformers", help="as in openai:MODEL@URL, vllm:MODEL")
    parser.add_argument("--free", action="store_true", help="free text instead of a choice among the labels")
    parser.add_argument("--seed", type=int, default=0, help="root seed of the matches")
    parser.add_argument("--out", type=Path, help="folder of results.json")
    parser.add_argument("--smoke", action="store_true", help="a scripted model, every fourth variation")
    options = parser.parse_args()
    options.out = options.out or Path("runs/papers/repeated_games-variations" + "-smoke" * options.smoke)
    options.out.mkdir(parents=True, exist_ok=True)
    options.every = 4 if options.smoke else 1
    if options.smoke:
        options.engine, options.free = "scripted:J", True
    return options


if __name__ == "__main__":
    main()
