"""Repeated games with a language model: the protocol of Akata et al. (2025), at a size for two CPU cores.

    python papers/repeated_games/run.py                        # SmolLM2-135M, under a quarter of an hour
    python papers/repeated_games/run.py --smoke                # a scripted model, in seconds; measures nothing
    python papers/repeated_games/run.py --games 144 --engine vllm:MODEL                       # the full study, on a GPU
    python papers/repeated_games/run.py --games 144 --engine openai:MODEL@http://host:8000/v1   # or on any server

Five parts. (1) Prisoner's dilemma and battle of the sexes against all scripted opponents of the study: asked directly,
predict-first (three label pairs, both orders of the names) and debiased; asked directly also with the two labels of a
pair exchanged. (2) The position-bias audit, printed before any score: does the choice follow place, letter or payoffs?
In the first rounds of five games the rules are also listed in reverse, which separates an option's place in the rules
from its payoffs. (3) Predictions of an alternating opponent, as player and as observer. (4) A sample of the 144 ordinal
games, both seats. (5) A page with every match, beside the published figures. Players that ignore the game (a coin, and
always the same option) stand in every table.

A model of 135 million parameters chooses by place and letter rather than by payoff. That is why the study excluded
small models, and detecting it is what this run reproduces. The same command continues an interrupted run. Equal
questions are put to the model once: decoding is greedy, so the answer would be the same.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from players import (
    CONDITIONS,
    LABEL_PAIRS,
    ORDERS,
    STYLES,
    asked_players,
    conditions,
    crossed,
    name,
    tells_probabilities,
)

from quintain.agents.games import LLMPlayer
from quintain.engines.cached import CachedEngine
from quintain.engines.registry import make_engine
from quintain.envs.games import FAMILIES
from quintain.evaluation.significance import TTest, holm, t_test
from quintain.evaluation.statistics import Interval, mean, paired_difference
from quintain.experiments.games import (
    PUBLISHED,
    BiasDecomposition,
    Match,
    ScheduledMatch,
    audit_position_bias,
    discrimination_test,
    last_round_test,
    metrics,
    play_matches,
    predict_moves,
    sample_games,
    score_by_family,
    summarise,
    sweep,
    write_games_report,
)
from quintain.experiments.games.scores import cluster_means
from quintain.experiments.study_tables import StudyTables, published_values

PD, BOS = "prisoners_dilemma", "battle_of_the_sexes"
FIRST_ROUNDS = [PD, BOS, "stag_hunt", "chicken", "deadlock"]
OPPONENTS = [
    "always-cooperate",
    "always-defect",
    "defect-once",
    "alternator",
    "tit-for-tat",
    "tit-for-two-tats",
    "suspicious-tit-for-tat",
    "reverse-tit-for-tat",
    "hard-tit-for-tat",
    "naive-prober:0.1",
    "naive-prober:0.2",
    "grim",
]  # the study's false defector is its defect-once under another name
#: Players that ignore the game, by their names in the tables: whoever does no better has not used the payoffs.
BASELINES = {"coin": "random", "always option 0": "always-cooperate", "always option 1": "always-defect"}
BASELINE_REPETITIONS = 20  # with --smoke: 2

_FIGURES = published_values(__file__)
TABLES = StudyTables()
#: Ten-round totals of GPT-4 as player 1 by game and opponent: asked directly and, where known, predict-first.
PUBLISHED_TOTALS = {(game, other): totals for game in (PD, BOS) for other, totals in _FIGURES[game].items()}


class Played(NamedTuple):
    """The matches of all parts, by the player in the first seat."""

    canonical: list[Match]
    ordinal: list[Match]
    canonical_baselines: list[Match]
    ordinal_baselines: list[Match]
    first_rounds: list[Match]


def main() -> None:
    options = parse()
    started, cpu = time.perf_counter(), time.process_time()
    engine = CachedEngine(make_engine(options.engine))
    constrained = not options.free and tells_probabilities(engine)
    players = asked_players(engine, constrained)
    shuffled = {"shuffled": LLMPlayer(engine, labels="random", constrained=constrained)}
    askers = {pair: crossed(engine, pair, constrained) for pair in LABEL_PAIRS}
    played = play(options, players, shuffled, askers)
    canonical, ordinal, first_rounds = played.canonical, played.ordinal, played.first_rounds

    groups = {f"{s} {'/'.join(p)}": [name(s, p, o) for o in ORDERS] for s, pairs in CONDITIONS.items() for p in pairs}
    groups |= {"shuffled labels and order, ordinal games": list(shuffled)}
    found = {
        f"{'/'.join(pair)}, {rounds}": discrimination_test(matches, agents)
        for pair in LABEL_PAIRS
        for rounds, matches, agents in (
            (f"{options.rounds} rounds", canonical, {n: players[n] for n in conditions(pair)}),
            ("first round", first_rounds, askers[pair]),
        )
    }
    decompositions = {player: cause for player, cause in found.items() if cause is not None}
    print_audit([*canonical, *ordinal], groups)
    print_causes(decompositions)
    print_orders(canonical)
    styles = {f"predict-first - base, {game}": paired_styles(canonical, game) for game in (PD, BOS)}
    comparisons = {caption: difference for caption, (difference, _) in styles.items()}
    tests = {caption: test for caption, (_, test) in styles.items()}
    print_canonical(canonical, played.canonical_baselines, comparisons, tests)
    print_foresight(canonical, players)
    print_families(ordinal, played.ordinal_baselines)
    page = write_games_report(
        options.out / "report.html", [*canonical, *ordinal], [*players, *shuffled], title="Playing repeated games",
        comparisons=comparisons, tests=tests, audited=groups, decompositions=decompositions,
    )  # fmt: skip
    TABLES.facts |= {
        "matches": len(canonical) + len(ordinal) + len(first_rounds), "cpu_s": round(time.process_time() - cpu),
        "questions": engine.hits + engine.misses, "answered": engine.misses,
    }  # fmt: skip
    TABLES.save(options.out / "results.json")
    facts = TABLES.facts
    print(
        f"\n{facts['matches']} matches in {time.perf_counter() - started:.0f} s ({facts['cpu_s']} CPU s); the model "
        f"answered {engine.misses} of {facts['questions']} questions, the others were equal to one of these. "
        f"Every match is in {page}"
    )


def play(
    options: argparse.Namespace,
    players: Mapping[str, LLMPlayer],
    shuffled: Mapping[str, LLMPlayer],
    askers: Mapping[tuple[str, str], Mapping[str, LLMPlayer]],
) -> Played:
    """Play all parts; matches of an interrupted run are read from its folders."""

    def stored(part: str) -> dict[str, Any]:
        return {"out": options.out / part, "resume": (options.out / part).exists(), "concurrency": options.concurrency}

    rounds: dict[str, Any] = {"rounds": options.rounds}
    games = sample_games(options.games, options.seed)
    everybody = {player: agent for agents in askers.values() for player, agent in agents.items()}
    return Played(
        play_matches(
            schedule(list(players), options.opponents), players, env=rounds, seed=options.seed, **stored("canonical")
        ),
        sweep(
            list(shuffled), games, opponents=["best-response"], agents=shuffled, rounds=options.rounds,
            seed=options.seed, **stored("ordinal"),
        ),
        play_matches(
            schedule(BASELINES.values(), options.opponents, options.repetitions), {}, env=rounds, seed=options.seed
        ),
        sweep(
            list(BASELINES.values()), games, opponents=["best-response"], rounds=options.rounds,
            repetitions=options.repetitions, seed=options.seed,
        ),
        play_matches(
            [ScheduledMatch(game, (player, "always-cooperate")) for game in FIRST_ROUNDS for player in everybody],
            everybody, env=rounds | {"max_cycles": 1}, seed=options.seed, **stored("first-rounds"),
        ),
    )  # fmt: skip


def schedule(players: Iterable[str], opponents: Sequence[str], repetitions: int = 1) -> list[ScheduledMatch]:
    """The player studied in the first seat, as in the study's main conditions."""
    return [
        ScheduledMatch(game, (player, other), repetition)
        for game in (PD, BOS)
        for player in players
        for other in opponents
        for repetition in range(repetitions)
    ]


def print_audit(matches: Sequence[Match], groups: Mapping[str, Sequence[str]]) -> None:
    rows = []
    for player, members in groups.items():
        audit = audit_position_bias(matches, members)
        if audit is not None:
            labels = ", ".join(f"{label} {share.estimate:.0%}" for label, share in audit.labels.items())
            rows.append([player, audit.first_named, audit.first_named.n, labels, audit.illegal, audit.verdict])
    TABLES.show(
        "Position-bias audit (read this first): share of answers that take the option named first",
        ["player", "first-named option", "questions", "labels it said", "illegal", "verdict"],
        rows,
    )


def print_causes(decompositions: dict[str, BiasDecomposition]) -> None:
    rows = [
        [player, found.position, found.listed or "", f"{found.letters[0]} {found.letter}", found.meaning, found.verdict]
        for player, found in decompositions.items()
    ]
    TABLES.show(
        "With the labels exchanged as well: shares of answers [95 % interval over cells: games and opponents]",
        ["asked directly", "first in the question", "first in the rules", "first letter", "option 0", "verdict"],
        rows,
    )


def print_orders(matches: Sequence[Match]) -> None:
    """Payoffs are the same in every column: place shows between the orders, and letter between the assignments."""
    rows = []
    for style, pairs in CONDITIONS.items():
        for labels in pairs:
            shares: list[object] = []
            for order in ORDERS:
                player = name(style, labels, order)
                own = [move for m in matches if m.scheduled.agents[0] == player for move in m.moves[:, 0] if move >= 0]
                shares.append(f"{sum(move == 0 for move in own) / len(own):.0%}" if own else "no legal answer")
            rows.append([f"{style} {'/'.join(labels)}", labels[0], *shares])
    TABLES.show(
        "Share of the first option (cooperate, football), by label and by the order in which a question names it",
        ["player", "its label", "it is named first", "it is named last"],
        rows,
    )


def print_canonical(
    matches: Sequence[Match], baselines: Sequence[Match], comparisons: dict[str, Interval], tests: dict[str, TTest]
) -> None:
    """Ten-round totals over labels and orders, beside the published ones and those of players that ignore the game."""
    for game in (PD, BOS):
        rows = []
        for other in dict.fromkeys(m.scheduled.agents[1] for m in matches if m.scheduled.game == game):
            here = [m for m in matches if (m.scheduled.game, m.scheduled.agents[1]) == (game, other)]
            totals = {
                style: [metrics.score(m, 0) for m in here if m.scheduled.agents[0].startswith(style)]
                for style in (*STYLES, "debiased")
            }
            ends = [
                len(here[0].moves) * float(end)
                for end in (here[0].game.payoffs[0].min(), here[0].game.payoffs[0].max())
            ]
            ours = [mean(own, bounds=(ends[0], ends[1]), unit="conditions") if own else "" for own in totals.values()]
            blind = [f"{np.mean(scores(baselines, game, player, other)):.1f}" for player in BASELINES.values()]
            rows.append([other, *ours, *blind, *(*PUBLISHED_TOTALS.get((game, other), {}).values(), "", "")[:2]])
        TABLES.show(
            f"{game}: mean total [95 % interval over conditions], and what GPT-4 earned (published)",
            ["opponent", *STYLES, "debiased", *BASELINES, "GPT-4 base", "GPT-4 predict-first"],
            rows,
        )
        measures = ["defection" if game == PD else "coordination", "normalised score", "prediction accuracy"]
        rows = []
        for style in (*STYLES, "debiased"):
            own = merged([m for m in matches if m.scheduled.game == game], style)
            found = summarise(own, style, cluster=lambda m: m.scheduled.repetition, unit="conditions")
            if found:
                rows.append([style, *(found.get(measure, "") for measure in measures)])
        for title, player in BASELINES.items():
            found = summarise([m for m in baselines if m.scheduled.game == game], player)
            rows.append([title, *(found.get(measure, "") for measure in measures)])
        TABLES.show(f"{game}: over all opponents", ["player", *measures], rows)
    adjusted = holm([one.p_value for one in comparisons.values()])
    TABLES.show(
        f"Normalised score, paired; p by Holm for {len(comparisons)} comparisons",
        ["difference", "normalised score", "t test", "p by Holm"],
        [[what, one, tests[what], p] for (what, one), p in zip(comparisons.items(), adjusted, strict=True)],
    )
    last = last_round_test(merged([m for m in matches if m.scheduled.game == PD], "base"), "base")
    TABLES.facts["last round"] = (
        f"{last.counts.tolist()} (cooperate, defect; before and in it), chi-square {last.statistic:.3g}, "
        f"p = {last.p_value:.3g}; switched in {last.switched} of matches. {last.note}"
    )
    print(f"\nLast round of the dilemma, base: {TABLES.facts['last round']}")


def scores(matches: Sequence[Match], game: str, player: str, other: str) -> list[float]:
    """Totals of a player in the first seat against one opponent."""
    return [metrics.score(m, 0) for m in matches if (m.scheduled.game, *m.scheduled.agents) == (game, player, other)]


def merged(matches: Sequence[Match], style: str) -> list[Match]:
    """The matches of all players of one style, under the style's name; the repetition numbers the condition."""
    own = [m for m in matches if m.scheduled.agents[0].startswith(style)]
    number = {player: k for k, player in enumerate(dict.fromkeys(m.scheduled.agents[0] for m in own))}
    return [
        Match(
            ScheduledMatch(m.scheduled.game, (style, m.scheduled.agents[1]), number[m.scheduled.agents[0]]),
            m.moves, m.traces, m.record,
        )
        for m in own
    ]  # fmt: skip


def paired_styles(matches: Sequence[Match], game: str) -> tuple[Interval, TTest]:
    """Predict-first minus base in normalised score, paired by labels, order and opponent.

    The model is deterministic, so the matches of one condition (labels and order) depend on each other.
    """
    score = {m.scheduled.agents: metrics.normalised_score(m, 0) or 0.0 for m in matches if m.scheduled.game == game}
    base = [pair for pair in score if pair[0].startswith("base")]
    other = [(player.replace("base", "predict-first"), opponent) for player, opponent in base]
    one, two, condition = [score[pair] for pair in other], [score[pair] for pair in base], [pair[0] for pair in base]
    means = cluster_means([a - b for a, b in zip(one, two, strict=True)], condition)
    return paired_difference(one, two, bounds=(0, 1), clusters=condition, unit="conditions"), t_test(means)


def print_foresight(matches: Sequence[Match], players: dict[str, LLMPlayer]) -> None:
    """Does the model foresee the alternator when it only predicts? (GPT-4: from round 5 as player, 3 as onlooker)."""
    rows: list[list[object]] = []
    bases = [m for m in matches if m.scheduled.agents[1] == "alternator" and m.scheduled.agents[0].startswith("base")]
    for view in ("player", "observer"):
        found = [predict_moves([m], players[m.scheduled.agents[0]], view=view)[0] for m in bases]  # type: ignore[arg-type]
        accuracy = [value for m in found if (value := metrics.prediction_accuracy(m, 0)) is not None]
        settled = [metrics.first_settled_prediction(m, 0) for m in found]
        right = ", ".join("never" if value is None else f"{value:.0f}" for value in settled)
        rows.append([view, mean(accuracy, bounds=(0, 1), unit="conditions"), right])
    TABLES.show(
        "Foreseeing the alternator: share of right predictions [95 % interval over conditions]",
        ["asked as", "right", "right from round on"],
        rows,
    )


def print_families(matches: Sequence[Match], baselines: Sequence[Match]) -> None:
    ours = score_by_family(matches, "shuffled")
    letters = [letter for letter in (*FAMILIES, "all") if letter in ours]
    rows: list[list[object]] = [["this run", *(ours[letter] for letter in letters)]]
    for title, player in BASELINES.items():
        theirs = score_by_family(baselines, player)
        rows.append([title, *(theirs.get(letter, "") for letter in letters)])
    for model, published in PUBLISHED.items():
        rows.append([f"{model} (published)", *(published.get(letter, "") for letter in letters)])
    TABLES.show(
        "Normalised score by family of ordinal games [95 % interval over games]",
        ["player", *(FAMILIES.get(letter, letter) for letter in letters)],
        rows,
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="transformers", help="as in openai:MODEL@URL, vllm:MODEL")
    parser.add_argument("--games", type=int, default=36, help="number of ordinal games, of 144")
    parser.add_argument("--opponents", nargs="+", default=OPPONENTS, help="strategies (default: the study's twelve)")
    parser.add_argument("--rounds", type=int, default=10, help="rounds of a match (paper: 10)")
    parser.add_argument("--free", action="store_true", help="free text instead of a choice among the labels")
    parser.add_argument("--concurrency", type=int, default=48, help="matches that run at the same time")
    parser.add_argument("--seed", type=int, default=0, help="root seed of matches and of the sample of games")
    parser.add_argument("--out", type=Path, help="run folder (default: runs/papers/repeated_games)")
    parser.add_argument("--smoke", action="store_true", help="a scripted model, two ordinal games, two rounds")
    options = parser.parse_args()
    options.out = options.out or Path("runs/papers/repeated_games" + "-smoke" * options.smoke)
    options.repetitions = 2 if options.smoke else BASELINE_REPETITIONS
    if options.smoke:
        options.opponents = ["always-defect", "alternator"]
        options.engine, options.free, options.games, options.rounds = "scripted:J", True, 2, 2
    return options


if __name__ == "__main__":
    main()
