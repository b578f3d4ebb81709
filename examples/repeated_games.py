"""Playing repeated games with a language model: the protocol of Akata et al. (2025), small enough for two CPU cores.

    python examples/repeated_games.py                                    # SmolLM2-135M, under a quarter of an hour
    python examples/repeated_games.py --engine openai:MODEL@http://host:8000/v1 --games 144    # the full study
    python examples/repeated_games.py --engine "scripted:J" --free       # no model at all, in seconds

Four parts. (1) Prisoner's dilemma and battle of the sexes against the scripted opponents, asked directly, predict-first
(three label pairs, both orders of the names) and debiased; (2) the position-bias audit, printed before any score; (3) a
sample of the 144 ordinal games in both seats; (4) a page with every match, beside the published numbers.

What to expect of a model of 135 million parameters: it chooses by place and letter rather than by payoff. That is why
the study excluded small models, and finding it is what this run is for. An interrupted run continues with --resume.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from quintain.agents.games import AnswerOnce, LLMPlayer
from quintain.agents.llm.engines import make_engine
from quintain.evaluation.games import (
    PUBLISHED,
    Fixture,
    Match,
    audit_lines,
    compare_players,
    play_matches,
    sample_games,
    score_by_family,
    summarise,
    sweep,
    write_games_report,
)

PD, BOS = "prisoners_dilemma", "battle_of_the_sexes"
OPPONENTS = {
    PD: ["always-cooperate", "always-defect", "defect-once"],
    BOS: ["always-cooperate", "always-defect", "alternator"],
}
EXTENDED = [
    "tit-for-tat",
    "tit-for-two-tats",
    "suspicious-tit-for-tat",
    "reverse-tit-for-tat",
    "hard-tit-for-tat",
    "naive-prober:0.1",
    "naive-prober:0.2",
    "grim",
]
LABEL_PAIRS = [("J", "F"), ("X", "Q"), ("R", "H")]
ORDERS = ["first", "last"]

# Ten-round totals of GPT-4 as player 1, from the logs released with the study.
PUBLISHED_TOTALS = {
    (PD, "defect-once"): "90",
    (PD, "always-defect"): "45",
    (PD, "always-cooperate"): "80",
    (BOS, "alternator"): "50, predict-first 71",
    (BOS, "always-defect"): "42, predict-first 63",
}


def main() -> None:
    options = parse()
    started = time.perf_counter()
    engine = AnswerOnce(make_engine(options.engine))
    constrained = not options.free
    players = {
        f"{style} {'/'.join(labels)} {order}": LLMPlayer(
            engine, labels=labels, order=order, predict_first=style == "predict-first", constrained=constrained
        )
        for style in ("base", "predict-first")
        for labels in LABEL_PAIRS
        for order in ORDERS
    }
    if constrained:
        players["debiased"] = LLMPlayer(engine, debias="labels")
    shuffled = {"shuffled": LLMPlayer(engine, labels="random", constrained=constrained)}

    canonical = play_matches(
        fixtures(list(players), options.extended), players, env={"rounds": options.rounds}, seed=options.seed,
        concurrency=options.concurrency, out=options.out / "canonical", resume=options.resume,
    )  # fmt: skip
    ordinal = sweep(
        list(shuffled), sample_games(options.games, options.seed), opponents=["best-response"],
        agents=shuffled, rounds=options.rounds, seed=options.seed, concurrency=options.concurrency,
        out=options.out / "ordinal", resume=options.resume,
    )  # fmt: skip

    studied = [*players, *shuffled]
    print("\nPosition-bias audit (read this first)")
    for line in audit_lines([*canonical, *ordinal], studied):
        print("  " + line)
    print_orders(canonical)
    print_canonical(canonical, list(players))
    print_families(ordinal, list(shuffled))
    comparisons = {}
    for labels in LABEL_PAIRS:
        tail = f"{'/'.join(labels)} first"
        comparisons[f"predict-first - base, {tail}"] = compare_players(
            canonical, f"predict-first {tail}", f"base {tail}"
        )
    if "debiased" in players:
        comparisons["debiased - base, J/F first"] = compare_players(canonical, "debiased", "base J/F first")
    for name, interval in comparisons.items():
        print(f"{name}: {interval} ({interval.n} pairs)")
    page = write_games_report(
        options.out / "report.html", [*canonical, *ordinal], studied, title="Playing repeated games",
        comparisons=comparisons,
    )  # fmt: skip
    print(f"\n{len(canonical) + len(ordinal)} matches in {time.perf_counter() - started:.0f} s; every one is in {page}")


def fixtures(players: Sequence[str], extended: bool) -> list[Fixture]:
    """The model in the first seat, as in the study's main conditions."""
    opponents = {**OPPONENTS, PD: OPPONENTS[PD] + (EXTENDED if extended else [])}
    return [Fixture(game, (player, other)) for game in (PD, BOS) for player in players for other in opponents[game]]


def print_orders(matches: Sequence[Match]) -> None:
    """With a fixed order, place shows in the difference between the orders: payoffs are the same in both."""
    print("\nShare of the first option, by the order in which options are named (equal shares = no bias by place)")
    for style in ("base", "predict-first"):
        for labels in LABEL_PAIRS:
            shares = []
            for order in ORDERS:
                name = f"{style} {'/'.join(labels)} {order}"
                own = [move for m in matches if m.fixture.agents[0] == name for move in m.moves[:, 0] if move >= 0]
                shares.append(sum(move == 0 for move in own) / len(own) if own else float("nan"))
            print(f"  {style} {'/'.join(labels)}: named first {shares[0]:.0%}, named last {shares[1]:.0%}")


def print_canonical(matches: Sequence[Match], players: Sequence[str]) -> None:
    """Totals over labels and orders, beside the published ones."""
    for game, opponents in {PD: OPPONENTS[PD] + EXTENDED, BOS: OPPONENTS[BOS]}.items():
        print(f"\n{game}: mean total over labels and orders (GPT-4, published)")
        for other in opponents:
            here = [m for m in matches if m.fixture.game == game and m.fixture.agents[1] == other]
            if not here:
                continue
            totals = {
                style: [m.payoffs[:, 0].sum() for m in here if m.fixture.agents[0].startswith(style)]
                for style in ("base", "predict-first", "debiased")
            }
            ours = ", ".join(f"{style} {sum(t) / len(t):.0f}" for style, t in totals.items() if t)
            print(f"  {other}: {ours} ({PUBLISHED_TOTALS.get((game, other), 'none')})")
    print("\nPlayer, with 95% intervals over matches: normalised score; defection; prediction accuracy")
    for player in players:
        summary = summarise([m for m in matches if m.fixture.game == PD], player)
        print(
            f"  {player}: {summary['normalised score']}; {summary.get('defection', '-')}; "
            f"{summary.get('prediction accuracy', '-')}"
        )


def print_families(matches: Sequence[Match], players: Sequence[str]) -> None:
    print("\nNormalised score by family of ordinal games")
    for player in players:
        scores = score_by_family(matches, player)
        print(f"  {player}: " + "; ".join(f"{family} {interval}" for family, interval in scores.items()))
    for model, published in PUBLISHED.items():
        print(f"  {model} (published): " + "; ".join(f"{family} {score:.3f}" for family, score in published.items()))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="transformers", help="as in openai:MODEL@URL")
    parser.add_argument("--games", type=int, default=36, help="how many of the 144 ordinal games")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--extended", action="store_true", help="the study's further opponents in the dilemma as well")
    parser.add_argument("--free", action="store_true", help="let the model write freely instead of choosing a label")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/repeated-games"))
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
