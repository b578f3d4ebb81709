"""Repeated games side by side: our engines, the axelrod library, and OpenSpiel's repeated games stepped from Python.

    sh scripts/axelrod_venv.sh .venv-axelrod
    python benchmarks/games.py --peers .venv-axelrod/bin/python
    python benchmarks/games.py --side llm          # a sweep with SmolLM2 beside its engine alone

Peers run in an interpreter of their own. Rounds of measurements alternate between all contestants and the median ratio
within a round is reported, so that other work on the machine hits all alike. CPU seconds decide.

The language model's sweep goes the whole way: environment, players, records, scheduler. The requests it makes are kept
and handed to the same engine in one call; both begin with an empty cache, and the ratio is taken round by round.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

TURNS = 200
STRATEGIES = [
    "always-cooperate", "always-defect", "alternator", "tit-for-tat", "tit-for-two-tats", "suspicious-tit-for-tat",
    "reverse-tit-for-tat", "hard-tit-for-tat", "grim", "win-stay-lose-shift", "tester", "naive-prober", "joss",
    "generous-tit-for-tat", "zd-extort", "zd-generous", "random",
]  # fmt: skip


def rate(work: Callable[[], int], at_least_s: float = 1.0) -> float:
    """Units of work per CPU second."""
    work()
    done, start = 0, time.process_time()
    while (spent := time.process_time() - start) < at_least_s:
        done += work()
    return done / spent


def ours_vectorised() -> dict[str, float]:
    """200-turn matches of all pairs of 17 strategies, 20 repetitions; and stochastic pairs only."""
    import numpy as np

    from quintain.agents.games import machine
    from quintain.experiments.games import play_machines

    machines = [machine(name) for name in STRATEGIES]
    pairs = np.repeat(list(itertools.combinations_with_replacement(range(len(machines)), 2)), 20, axis=0)
    noisy = [k for k, made in enumerate(machines) if made.stochastic]
    drawn = np.repeat(list(itertools.product(noisy, range(len(machines)))), 20, axis=0)
    return {
        "vectorised, all pairs": rate(lambda: len(play_machines(machines, pairs, TURNS).cells)),
        "vectorised, stochastic pairs": rate(lambda: len(play_machines(machines, drawn, TURNS).cells)),
    }


def ours_parallel() -> dict[str, float]:
    """Turns per second through the full PettingZoo API, numeric observations, two scripted players."""
    import pettingzoo

    import quintain
    from quintain.agents.games import strategy

    env = pettingzoo.make("parallel", "RepeatedGame-v0", game="prisoners_dilemma_classic", rounds=TURNS)
    seats = env.possible_agents
    players = {"player_0": strategy("tit-for-tat"), "player_1": strategy("random")}

    def match() -> int:
        observations, infos = env.reset(seed=1)
        acts = {}
        for seat in seats:
            spaces = env.observation_space(seat), env.action_space(seat)
            acts[seat] = players[seat].begin(quintain.agents.Seat("RepeatedGame-v0", seat, *spaces, 1)).act
        while env.agents:
            actions = {}
            for seat in seats:
                actions[seat] = acts[seat](observations[seat], infos[seat])
            observations, _, _, _, infos = env.step(actions)
        return TURNS

    return {"PettingZoo parallel, turns": rate(match)}


def ours_round_robin() -> dict[str, float]:
    """CPU seconds of a round robin of 200 strategies, 200 turns, 10 repetitions."""
    import numpy as np

    from quintain.experiments.games import tournament

    rng = np.random.default_rng(0)
    players = [f"memory-one:{','.join(f'{p:.3f}' for p in rng.random(5))}" for _ in range(200)]
    start = time.process_time()
    tournament(players, rounds=TURNS, repetitions=10)
    return {"round robin of 200, s": time.process_time() - start}


def axelrod_matches() -> dict[str, float]:
    """200-turn matches of pairs of the same strategies; turns of tit-for-tat against random."""
    import axelrod as axl

    kinds = [
        axl.Cooperator, axl.Defector, axl.Alternator, axl.TitForTat, axl.TitFor2Tats, axl.SuspiciousTitForTat,
        axl.Bully, axl.HardTitForTat, axl.Grudger, axl.WinStayLoseShift, axl.SecondByTester, axl.NaiveProber,
        axl.FirstByJoss, axl.GTFT, axl.ZDExtort2, axl.ZDGTFT2, axl.Random,
    ]  # fmt: skip
    pairs = list(itertools.combinations_with_replacement(kinds, 2))

    def play() -> int:
        for seed, (first, second) in enumerate(pairs):
            axl.Match((first(), second()), turns=TURNS, seed=seed).play()
        return len(pairs)

    both = axl.Match((axl.TitForTat(), axl.Random()), turns=TURNS, seed=1)

    def turns() -> int:
        both.play()
        return TURNS

    return {"axelrod, matches": rate(play), "axelrod, turns": rate(turns)}


def openspiel_matches() -> dict[str, float]:
    """200-turn matches of OpenSpiel's repeated game, tit-for-tat against random, stepped from Python."""
    import random

    import pyspiel

    stage = pyspiel.load_matrix_game("matrix_pd")
    game = pyspiel.create_repeated_game(stage, {"num_repetitions": TURNS})

    def play() -> int:
        state, last, rng = game.new_initial_state(), 0, random.Random(1)
        while not state.is_terminal():
            other = 0 if rng.random() < 0.5 else 1
            state.apply_actions([last, other])
            last = other
        return 1

    return {"OpenSpiel, matches": rate(play)}


def llm_sweep(rounds: int, *, games: int, turns: int) -> None:
    """Tokens per CPU second of SmolLM2 on one thread: a sweep of one-token choices, and its engine alone."""
    from quintain.agents.games import LLMPlayer
    from quintain.engines import Engine, make_engine
    from quintain.experiments.games import sample_games, sweep

    class Watched(Engine):
        """Passes requests on, keeps them, and notes how many wait together."""

        def __init__(self, inner: Engine) -> None:
            self.name, self.capabilities, self.inner = inner.name, inner.capabilities, inner
            self.requests: list = []
            self.waiting = self.most_waiting = 0

        async def _generate(self, requests):  # type: ignore[no-untyped-def]
            self.requests.extend(requests)
            self.waiting += len(requests)
            self.most_waiting = max(self.most_waiting, self.waiting)
            try:
                return await self.inner._generate(requests)  # not generate: the log would count each reply twice
            finally:
                self.waiting -= len(requests)

    engine = make_engine("transformers", threads=1)

    def tokens_per_cpu_s(work: Callable[[], int]) -> tuple[float, int]:
        with engine.exclusive():  # type: ignore[attr-defined]  # forgets what the cache remembers
            pass
        start = time.process_time()
        tokens = work()
        return tokens / (time.process_time() - start), tokens

    def direct(requests: list) -> int:
        replies = asyncio.run(engine.generate(requests))
        return sum(reply.prompt_tokens + reply.completion_tokens for batch in replies for reply in batch)

    ratios = []
    for number in range(rounds + 1):  # the first warms up: the cache takes its shape, and its memory for the first time
        kept = Watched(engine)
        players = {"model": LLMPlayer(kept)}

        def through(players: dict = players) -> int:
            found = sweep(
                ["model"], sample_games(games), opponents=["best-response"], agents=players, rounds=turns,
                concurrency=2 * games, progress=False,
            )  # fmt: skip
            return sum(match.record.prompt_tokens + match.record.completion_tokens for match in found)

        swept, tokens = tokens_per_cpu_s(through)
        alone, same = tokens_per_cpu_s(lambda asked=kept.requests: direct(asked))
        if number:
            ratios.append(swept / alone)
        print(
            f"{f'round {number}' if number else 'warm-up'}: {2 * games} matches x {turns} turns, up to "
            f"{kept.most_waiting} requests together, {tokens:,} tokens: {swept:,.0f} tokens/CPU s; engine alone "
            f"{alone:,.0f} ({same:,} tokens); ratio {swept / alone:.2f}"
        )
    print(f"sweep over engine alone, median of {rounds} rounds: {statistics.median(ratios):.2f}x")


CONTESTS = {
    "ours": [ours_vectorised, ours_parallel, ours_round_robin],
    "peers": [axelrod_matches, openspiel_matches],
}


def measure(side: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for contest in CONTESTS[side]:
        try:
            found |= contest()
        except ImportError as error:
            print(f"left out: {contest.__name__} ({error})", file=sys.stderr)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=sys.executable, help="interpreter that has axelrod and open_spiel")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--side", choices=[*CONTESTS, "llm"], help="ours, peers: one side as JSON (used internally); llm: the sweep"
    )
    parser.add_argument(
        "--games", type=int, default=8, help="ordinal games of the language model's sweep, two seats each"
    )
    parser.add_argument("--turns", type=int, default=5, help="turns of its matches")
    options = parser.parse_args()
    if options.side == "llm":
        llm_sweep(options.rounds, games=options.games, turns=options.turns)
        return
    if options.side:
        print(json.dumps(measure(options.side)))
        return
    rounds = []
    for _ in range(options.rounds):
        both: dict[str, float] = {}
        for side, python in (("ours", sys.executable), ("peers", options.peers)):
            command = [python, str(Path(__file__)), "--side", side]
            output = subprocess.run(command, check=True, capture_output=True, text=True)
            both |= json.loads(output.stdout.splitlines()[-1])
        rounds.append(both)
    for name in rounds[0]:
        values = [both[name] for both in rounds]
        print(f"{name}: {statistics.median(values):,.2f} (rounds: {', '.join(f'{v:,.2f}' for v in values)})")
    for over, under in (
        ("vectorised, all pairs", "axelrod, matches"),
        ("vectorised, stochastic pairs", "axelrod, matches"),
        ("vectorised, all pairs", "OpenSpiel, matches"),
        ("PettingZoo parallel, turns", "axelrod, turns"),
    ):
        if over in rounds[0] and under in rounds[0]:
            ratio = statistics.median(both[over] / both[under] for both in rounds)
            print(f"{over} over {under}: {ratio:,.2f}x")


if __name__ == "__main__":
    main()
