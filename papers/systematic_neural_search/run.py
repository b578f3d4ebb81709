"""Search continuous mazes without training: Systematic Neural Search beside its ablations, baselines, PPO and SAC.

Every agent lives one episode in each maze: four visits, in which the way to the goal is found and kept. A ratio is the
number of executed steps over that of the shortest way through the centres of the cells. Then a wall closes on the way
that was taken and another one opens; a fresh agent in the changed maze is the control.

    python papers/systematic_neural_search/run.py  # 20 mazes a condition
    python papers/systematic_neural_search/run.py --figure docs/images/neural-search.svg
    python papers/systematic_neural_search/run.py --smoke

The paper's equations and results could not be read (Baranski and Tani 2024, arXiv 2410.01349): what is compared here
is a reconstruction, and the figures beside it are those of an earlier, simpler reconstruction (both unconfirmed).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import quintain
from quintain.agents.agent import Seat
from quintain.agents.online.hebbian import (
    Attempt,
    Comparisons,
    HebbianActor,
    HebbianSearchAgent,
    check_no_starvation,
)
from quintain.envs.navigation.pictures import plot_trajectories
from quintain.evaluation.interval import Interval
from quintain.evaluation.robust import median
from quintain.evaluation.statistics import rate
from quintain.experiments.study_tables import Percent, StudyTables

VISITS = 4
PARTS = ("mazes", "rivals", "recovery", "logs", "learners")
#: Maze -> medians of the first reconstruction: visit 1, visit 2, visit 4 (its notes; 10 and 12 mazes).
EARLIER = {"5 x 5, 30% openings": "11.9, 1.7, 0.9", "5 x 5, 10% openings": "11.9, 1.4, 1.0"}
MAZES: dict[str, dict[str, Any]] = {
    "5 x 5, 30% openings": {"size": 5, "openings": 0.3},
    "5 x 5, 10% openings": {"size": 5, "openings": 0.1},
    "8 x 8, 10% openings": {"size": 8, "openings": 0.1},
    "12 x 12, 10% openings": {"size": 12, "openings": 0.1},
    "5 x 5, 30% doors of one direction": {"size": 5, "openings": 0.3, "one_way": 0.3},
    "5 x 5, slip 20%": {"size": 5, "openings": 0.3, "slip": 0.2},
    "5 x 5, drift 0.05 to the left": {"size": 5, "openings": 0.3, "drift": [-0.05, 0.0]},
}
RIVALS: dict[str, Callable[[], Any]] = {
    "hebbian-search": HebbianSearchAgent,
    "ablation: no failure field": lambda: HebbianSearchAgent(failure_field=False),
    "ablation: wider, weaker failures": lambda: HebbianSearchAgent(spread=0.5, penalty=4.0),
    "ablation: no depression": lambda: HebbianSearchAgent(depression=1.0),
    "ablation: no insertion": lambda: HebbianSearchAgent(branches=0),
    "ablation: one-hot nodes": lambda: HebbianSearchAgent(one_hot=True),
    "ablation: random order": lambda: HebbianSearchAgent(order="random"),
    **{name: partial(quintain.make_agent, name) for name in (
        "random-walk", "rrt-walk", "count-exploration", "grid-q-learning", "d-star-lite")},
}  # fmt: skip


@dataclass
class Life:
    """One episode: ratios of the finished visits, the maze at its end, the actor and its CPU seconds."""

    ratios: list[float]
    layout: Any
    actor: Any
    cpu: float
    paths: list[Any]
    changed: bool


def live(agent: Any, seed: int, budget: int = 10_000, **kwargs: Any) -> Life:
    """Play an episode of Maze-v0."""
    env = gym.make("Maze-v0", max_episode_steps=budget, disable_env_checker=True, **kwargs)
    observation, info = env.reset(seed=seed)
    actor: Any = None
    spent, over = 0.0, False
    paths: list[list[Any]] = [[]]
    while not over:
        start = time.process_time()
        actor = actor or agent.begin(Seat("Maze-v0", "agent", env.observation_space, env.action_space, seed))
        action = actor.act(observation, info)
        spent += time.process_time() - start
        paths[-1].append(observation[:2])
        if info["at_goal"]:
            paths.append([])
        observation, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
    world: Any = env.unwrapped
    return Life(world.ratios, world.layout, actor, spent, [np.array(path) for path in paths], world.changed)


def row(name: str, lives: Sequence[Life], *more: Any) -> list[Any]:
    """Return the row of a condition: visits that ended, medians of their ratios, CPU."""
    solved = rate(sum(len(life.ratios) >= VISITS for life in lives), len(lives), unit="mazes")
    return [name, Percent(solved), *(middle(lives, visit) for visit in (1, 2, 4)), *more]


def middle(lives: Sequence[Life], visit: int) -> Interval | str:
    """Return the median ratio of a visit over the mazes in which it ended; if half did not, there is none."""
    ended = [life.ratios[visit - 1] for life in lives if len(life.ratios) >= visit]
    return median(ended, unit="mazes") if len(ended) > len(lives) / 2 else "-"


def show_mazes(tables: StudyTables, seeds: Sequence[int], names: Sequence[str]) -> None:
    """Show how hebbian-search does in every kind of maze."""
    rows = []
    for name in names:
        lives = [live(HebbianSearchAgent(), seed, 20_000, visits=VISITS, **MAZES[name]) for seed in seeds]
        actors = [life.actor for life in lives]
        size = [np.mean([value(actor) for actor in actors]) for value in (_attempts, _nodes)]
        cpu = float(np.mean([life.cpu for life in lives]))
        rows.append(row(name, lives, *(round(float(value)) for value in size), cpu, EARLIER.get(name, "-")))
    tables.show(
        "hebbian-search: mazes solved in all visits (%), median ratio of executed to shortest steps",
        ["maze", "solved", "visit 1", "visit 2", "visit 4", "attempts", "nodes", "CPU s", "earlier reconstruction"],
        rows,
    )


def _attempts(actor: HebbianActor) -> int:
    return len(actor.attempts)


def _nodes(actor: HebbianActor) -> int:
    return actor.graph.size


def show_rivals(tables: StudyTables, seeds: Sequence[int], budget: int) -> None:
    """Show ablations and baselines on the same mazes."""
    rows = []
    for name, make in RIVALS.items():
        lives = [live(make(), seed, budget, visits=VISITS, size=5, openings=0.1) for seed in seeds]
        rows.append(row(name, lives, float(np.mean([life.cpu for life in lives]))))
    tables.show(
        f"Ablations and baselines (5 x 5, 10% openings, {budget} steps): mazes solved in all visits (%), median ratio",
        ["agent", "solved", "visit 1", "visit 2", "visit 4", "CPU s"],
        rows,
    )


def show_recovery(tables: StudyTables, seeds: Sequence[int]) -> None:
    """Show the visits after a wall closes on the way that was taken, beside fresh agents in the changed maze."""
    known, fresh = [], []
    for seed in seeds:
        life = live(HebbianSearchAgent(), seed, visits=VISITS + 3, change="wall", change_after=VISITS, openings=0.3)
        if life.changed and len(life.ratios) == VISITS + 3:
            known.append(life.ratios[VISITS:])
            fresh.append(live(HebbianSearchAgent(), seed, layout=life.layout.draw()).ratios[0])
    rows = [[f"visit {visit} after the change", median([life[visit - 1] for life in known], unit="mazes")]
            for visit in (1, 2, 3)]  # fmt: skip
    rows.append(["a fresh agent, visit 1", median(fresh, unit="mazes")])
    earlier = ["1.4", "1.0", "0.8", "24.8"]
    tables.show(
        f"After a wall closed on the way taken (5 x 5, 30% openings; {len(known)} mazes with a detour): median ratio",
        ["visit", "ratio", "earlier reconstruction"],
        [[*cells, value] for cells, value in zip(rows, earlier, strict=True)],
    )


def show_learners(tables: StudyTables, seeds: Sequence[int], steps: int) -> None:
    """Train PPO and SAC from Stable-Baselines3 in one maze each, and evaluate them in it."""
    from stable_baselines3 import PPO, SAC

    rows = []
    for name, learner, settings in (("PPO", PPO, {"n_steps": 512}), ("SAC", SAC, {"learning_starts": 200})):
        solved = 0
        for seed in seeds:
            kwargs: dict[str, Any] = {"maze_seed": seed, "size": 5, "openings": 0.1, "visits": 1}
            env = gym.make("Maze-v0", max_episode_steps=1000, **kwargs)
            model: Any = learner("MlpPolicy", env, seed=seed, device="cpu", **settings)
            model.learn(steps)
            report = quintain.evaluate("Maze-v0", model, episodes=2, seed=0, env_kwargs=kwargs, max_steps=1000)
            solved += report.success.estimate > 0
        rows.append([name, steps, Percent(rate(solved, len(seeds), unit="mazes"))])
    tables.show(
        "Reinforcement learning in one maze each (5 x 5, 10% openings): mazes with a goal reached after training (%)",
        ["learner", "training steps", "solved"],
        rows,
    )


def show_order(tables: StudyTables, seeds: Sequence[int]) -> None:
    """Check the logs: what the proof of enumeration needs holds in every maze."""
    attempts: list[list[Attempt]] = []
    made: list[Comparisons] = []
    for seed in seeds:
        life = live(HebbianSearchAgent(audit=True), seed, visits=2, size=5, openings=0.1)
        made.append(check_no_starvation(life.actor.attempts))
        attempts.append(life.actor.attempts)
    together = [attempt for log in attempts for attempt in log]
    failed = sum(attempt.outcome == "failed" for attempt in together)
    tables.show(
        "Logs of attempts (5 x 5, 10% openings, two visits): in none was a behaviour put off for a dearer one",
        ["mazes", "attempts", "failed intentions", "mean edges", "compared with untried", "with an earlier attempt"],
        [
            [
                len(attempts),
                len(together),
                failed,
                float(np.mean([len(each.path) - 1 for each in together])),
                *(sum(part) for part in zip(*made, strict=True)),
            ]
        ],
    )


def draw(path: Path, seed: int) -> None:
    """Draw the attempts of a first visit in their order, and the next visits."""
    life = live(HebbianSearchAgent(), seed, visits=3, size=8, openings=0.1)
    first = [attempt for attempt in life.actor.attempts if attempt.visit == 0]
    ends = np.cumsum([attempt.steps for attempt in first])
    pieces = np.split(life.paths[0], [end for end in ends[:-1] if end < len(life.paths[0])])
    joined = [np.vstack([before[-1:], piece]) for before, piece in pairwise(pieces) if len(piece)]
    failures = [piece[-1] for piece, attempt in zip(pieces, first, strict=False) if attempt.outcome == "failed"]
    path.parent.mkdir(parents=True, exist_ok=True)
    title = f"First visit: {len(first)} behaviours, blue to red; a cross where one failed"
    path.write_text(plot_trajectories(life.layout, [pieces[0], *joined], title=title, marks=failures), encoding="utf-8")
    later = path.with_name(f"{path.stem}-second{path.suffix}")
    later.write_text(plot_trajectories(life.layout, life.paths[1:2], title="Second visit"), encoding="utf-8")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, help="tables to make; by default all")
    parser.add_argument("--mazes", type=int, default=20, help="mazes of each condition")
    parser.add_argument(
        "--first-maze", type=int, default=0, help="seed of the first maze; those below 10 chose settings"
    )
    parser.add_argument("--rivals", type=int, default=8, help="mazes of ablations and baselines")
    parser.add_argument("--budget", type=int, default=1500, help="steps of an episode of ablations and baselines")
    parser.add_argument("--training-steps", type=int, default=1000, help="of PPO and SAC")
    parser.add_argument("--training-mazes", type=int, default=4)
    parser.add_argument("--out", type=Path, help="folder for results.json")
    parser.add_argument("--figure", type=Path, help="file of the plot of attempted behaviours (SVG)")
    parser.add_argument("--smoke", action="store_true", help="few small mazes, in seconds: measures nothing")
    options = parser.parse_args()
    if options.figure:
        draw(options.figure, seed=2)
        return
    small, first = options.smoke, options.first_maze
    seeds, names = range(first, first + (2 if small else options.mazes)), list(MAZES)[: 1 if small else None]
    fewer = seeds if small else range(first, first + options.rivals)
    tables = StudyTables()
    parts: dict[str, Callable[[], None]] = {
        "mazes": lambda: show_mazes(tables, seeds, names),
        "rivals": lambda: show_rivals(tables, fewer, 300 if small else options.budget),
        "recovery": lambda: show_recovery(tables, range(4) if small else seeds),
        "logs": lambda: show_order(tables, seeds),
        "learners": lambda: show_learners(tables, range(first, first + options.training_mazes), options.training_steps),
    }
    for part in options.parts or [part for part in parts if part != "learners" or not small]:
        parts[part]()
    if options.out:
        tables.save(options.out / "results.json")


if __name__ == "__main__":
    main()
