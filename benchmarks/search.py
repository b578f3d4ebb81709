"""Measure the search core on a tree of 10,000 nodes, with a policy of no latency: selections and backups per second.

First MCTS* grows the tree to its size, all of its awaits included; then the core alone descends and backs up on the
finished tree. Times are CPU seconds of this process; the median of several rounds.

    python benchmarks/search.py
    python benchmarks/search.py --nodes 10000 --rounds 7
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence

from quintain.agents.search import END, MCTSStarSettings, SearchBudget, Step, Tree, back_up, descend, mcts_star
from quintain.agents.search.tree import mix

BAR = 20_000


class NoLatency:
    """A problem whose answers cost nothing: steps are numbers, and values are hashes of them."""

    def __init__(self, depth: int) -> None:
        self.depth = depth

    async def propose(self, prefix: Sequence[str], n: int, seed: int) -> Sequence[Step]:
        """Return steps that are random numbers."""
        return [Step(str(mix(seed, k))) for k in range(n)]

    async def evaluate(self, prefixes: Sequence[Sequence[str]]) -> Sequence[float]:
        """Return a value for each number."""
        return [int(prefix[-1]) % 1000 / 1200 for prefix in prefixes]

    async def criticise(self, prefix: Sequence[str]) -> str:
        """End at the maximum depth."""
        return END if len(prefix) >= self.depth else ""


def grown(nodes: int, settings: MCTSStarSettings) -> tuple[Tree, float]:
    """Return a tree of at least this many nodes, and the CPU seconds of the search that made it."""
    tree, start = Tree(), time.process_time()
    step = nodes // settings.branch
    while len(tree) < nodes:
        budget = SearchBudget(iterations=tree.facts.get("iterations", 0) + step)
        asyncio.run(mcts_star(NoLatency(settings.max_depth), settings, budget, tree))
    return tree, time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=20_000, help="selections and backups of a round")
    options = parser.parse_args()
    settings = MCTSStarSettings(roll_forward_steps=0)
    whole, core, depths = [], [], []
    for _ in range(options.rounds):
        tree, seconds = grown(options.nodes, settings)
        whole.append(tree.facts["iterations"] / seconds)
        start = time.process_time()
        for iteration in range(options.repeats):
            path = descend(tree, settings.uct, 0, iteration)
            back_up(tree, path)
            depths.append(len(path))
        core.append(options.repeats / (time.process_time() - start))
    print(f"tree of {len(tree):,} nodes, mean length of a path {statistics.mean(depths):.1f}")
    print(f"selections + backups per CPU second: {statistics.median(core):,.0f} (bar: {BAR:,})")
    print(f"whole iterations of MCTS*, expansion and critic included: {statistics.median(whole):,.0f}")


if __name__ == "__main__":
    main()
