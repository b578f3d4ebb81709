"""Curriculum by improvement potential: train first on the problems that are solved about half of the time.

Several agents answer every item several times. With p the share of correct answers, the potential 4 p (1 - p), in
[0, 1], is largest where successes and failures are mixed; where all answers are equal, a group-normalised policy
gradient is zero
(R1-Code-Interpreter, Chen et al. 2025, arXiv 2505.21668). Items, not tasks, are sorted into four groups; stage s of the
curriculum trains on groups 1 to s.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, repeat
from pathlib import Path
from typing import Any

from quintain.agents.agent import Actor, Agent, ChecksSeat, Seat, UsesEngine, is_oracle
from quintain.agents.registry import arguments_of, as_agent, settings_required_by
from quintain.envs.making import EnvLike
from quintain.errors import ConfigurationError
from quintain.evaluation.manifest import describe_agent
from quintain.evaluation.runner import evaluate
from quintain.evaluation.tabular import Row, Tabular
from quintain.records import EpisodeRecord
from quintain.seeding import SeedStream
from quintain.training.sources import Draw, Problems, Worlds

__all__ = [
    "GROUPS",
    "ItemPotential",
    "SeedOffsetAgent",
    "curriculum_problems",
    "group_of",
    "measure_potential",
    "potential_of",
    "read_potential",
    "stage_problems",
]

#: Lower bounds of the potential in groups 1 to 4 (R1-Code-Interpreter).
GROUPS = (0.64, 0.48, 0.32, 0.0)


@dataclass(frozen=True, slots=True)
class ItemPotential:
    """The answers to one item, and its place in the curriculum.

    Attributes:
        task_id: Id of the item, for ``reset(options={"task_id": ...})`` in an environment with the same arguments.
        task: Name of the task that the item belongs to.
        seed: Seed of the item's episodes.
        right: Number of correct answers.
        answers: Number of scored answers, >= 1. Answers that infrastructure failures prevented are not counted.
        by_agent: Number of correct and of scored answers, by agent.
        p: ``right / answers``, in [0, 1].
        potential: ``4 p (1 - p)``, in [0, 1].
        group: 1 (highest potential) to 4 (lowest).
    """

    task_id: str
    task: str
    seed: int
    right: int
    answers: int
    by_agent: dict[str, tuple[int, int]]
    p: float
    potential: float
    group: int

    @property
    def first_stage(self) -> int:
        """First stage of the curriculum that trains on this item, 1 to 4; later stages train on it, too."""
        return self.group


class Potentials(Tabular, list[ItemPotential]):
    """A list of items with their improvement potential, which shows and exports itself as a table."""

    def headline(self) -> str:
        """Return the number of items and their mean potential."""
        mean = sum(item.potential for item in self) / len(self) if self else 0.0
        return f"{len(self):,} items, mean potential {mean:.3g}"

    def to_rows(self) -> list[Row]:
        """Return one row per item; each agent's numbers of right and scored answers have columns of their own."""
        rows = []
        for item in self:
            row = dataclasses.asdict(item)
            for agent, (right, scored) in row.pop("by_agent").items():
                row |= {f"right.{agent}": right, f"answers.{agent}": scored}
            rows.append(row)
        return rows


def potential_of(p: float) -> float:
    """Return ``4 p (1 - p)``.

    Example:
        >>> potential_of(0.5), potential_of(0.0)
        (1.0, 0.0)
    """
    if not 0 <= p <= 1:
        raise ValueError(f"p must be in [0, 1], got {p!r}")
    return 4 * p * (1 - p)


def group_of(potential: float) -> int:
    """Return the group of a potential: 1 for [0.64, 1], 2 for [0.48, 0.64), 3 for [0.32, 0.48), 4 below.

    With 20 answers these are 4-16, {3, 17}, {2, 18} and {0, 1, 19, 20} right ones.

    Example:
        >>> [group_of(potential_of(k / 20)) for k in (10, 4, 3, 2, 1, 0)]
        [1, 1, 2, 3, 4, 4]
    """
    return next(group for group, low in enumerate(GROUPS, 1) if potential >= low - 1e-12)


class SeedOffsetAgent:
    """Gives an agent other random seeds, so that repeated answers to equal problems are independent.

    Args:
        agent: The agent whose seeds are offset.
        number: Index of the repetition, >= 0; each has seeds of its own.
    """

    def __init__(self, agent: Agent, number: int) -> None:
        self.agent = agent
        self.number = number
        self.uses_solution = is_oracle(agent)
        self.env_settings = settings_required_by(agent)
        if isinstance(agent, UsesEngine):
            self.engine = agent.engine

    def check_seat(self, seat: Seat) -> None:
        """Check that the agent can play a seat.

        Raises:
            CapabilityError: If not.
        """
        if isinstance(self.agent, ChecksSeat):
            self.agent.check_seat(seat)

    def begin(self, seat: Seat) -> Actor:
        """Return the agent's actor, with the seed of this repetition."""
        seed = SeedStream(seat.seed, "answer", self.number).seed
        return self.agent.begin(dataclasses.replace(seat, seed=seed))

    def describe(self) -> dict[str, Any]:
        """Return JSON-able settings for the run's record."""
        return {"answer": self.number, "agent": describe_agent(self.agent)}


def measure_potential(
    env: EnvLike,
    agents: Mapping[str, Any],
    *,
    items: int,
    answers: int = 5,
    temperatures: Sequence[float] | None = None,
    seed: int = 0,
    env_kwargs: Mapping[str, Any] | None = None,
    concurrency: int = 16,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    on_run: Callable[[str, int], None] | None = None,
) -> Potentials:
    """Let every agent answer every item several times, and compute the items' potential.

    Args:
        env: Id of an environment that reports success, or a function that makes one.
        agents: Agents by the name in the results: each an agent, or what
            :func:`~quintain.agents.registry.as_agent` takes. The paper uses four styles of prompts. Each is measured
            in the environment that it requires: one that answers in words, where no programs are run.
        items: Number of items, >= 1.
        answers: Answers per agent and item, >= 1. Default: 5, as in the paper.
        temperatures: Temperature of each answer in turn, >= 0, starting over after the last; for agents with an
            argument ``temperature``, which must be given by name or description. Default: each agent's own.
        seed: Root seed of the items and of the agents. Default: 0.
        env_kwargs: Arguments of the environment, the same for all agents.
        concurrency: Maximum number of episodes in progress at once. Default: 16.
        out: Folder for the runs (one per agent and answer) and for ``potential.jsonl``, one item per line.
            Default: nothing is written.
        resume: Whether to continue the runs in ``out``. Default: false.
        progress: Whether to show progress bars. Default: if the output is a terminal.
        on_run: Called before each run with the agent's name and the index of the answer.

    Returns:
        The items in the order of their index, without those that have no scored answer.

    Raises:
        ConfigurationError: If there are no agents, one that has a temperature is made already although
            ``temperatures`` are given, or the environment does not report success.
    """
    if not agents or answers < 1:
        raise ConfigurationError(f"expected agents and answers >= 1, got {len(agents)} agents and answers={answers!r}")
    made = {name: list(islice(_variants(name, source, temperatures), answers)) for name, source in agents.items()}
    results: list[tuple[str, Sequence[EpisodeRecord]]] = []
    for name, variants in made.items():
        for number, agent in enumerate(variants):
            if on_run is not None:
                on_run(name, number)
            report = evaluate(
                env,
                SeedOffsetAgent(agent, number),
                episodes=items,
                seed=seed,
                env_kwargs=env_kwargs,
                concurrency=concurrency,
                out=None if out is None else Path(out) / "runs" / f"{name}-{number}",
                resume=resume,
                progress=progress,
                errors="record",
            )
            results.append((name, report.episodes))
    by_item = ([(name, episodes[i]) for name, episodes in results] for i in range(items))
    table = Potentials(_summarise(answers) for answers in by_item if any(e.outcome != "error" for _, e in answers))
    if out is not None:
        lines = "".join(json.dumps(dataclasses.asdict(item)) + "\n" for item in table)
        Path(out, "potential.jsonl").write_text(lines, encoding="utf-8")
    return table


def _variants(name: str, source: Any, temperatures: Sequence[float] | None) -> Iterator[Agent]:
    """Yield the agent that gives each answer: one and the same, or one per temperature."""
    description = {"name": source} if isinstance(source, str) else source
    if not isinstance(description, Mapping):
        if temperatures and isinstance(source, UsesEngine):
            raise ConfigurationError(
                f"a temperature is set when an agent is made, and {name!r} is made already; describe it as in "
                '{"name": "all-text", "engine": engine}, or leave temperatures out'
            )
        return repeat(as_agent(source))
    if not temperatures or "temperature" not in arguments_of(str(description.get("name"))):
        return repeat(as_agent(description))
    return cycle([as_agent({**description, "temperature": temperature}) for temperature in temperatures])


def read_potential(path: str | Path, stage: int = 4) -> Potentials:
    """Read the items of one stage of the curriculum from ``potential.jsonl``, highest potential first.

    Args:
        path: The file, or the folder that holds it.
        stage: Stage of the curriculum, 1 to 4; stage s trains on groups 1 to s. Default: 4, all items.
    """
    file = Path(path) / "potential.jsonl" if Path(path).is_dir() else Path(path)
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    items = [
        ItemPotential(**{**row, "by_agent": {k: (v[0], v[1]) for k, v in row["by_agent"].items()}}) for row in rows
    ]
    return Potentials(sorted((item for item in items if item.first_stage <= stage), key=lambda item: -item.potential))


def stage_problems(worlds: Worlds, items: Sequence[ItemPotential], stage: int = 4, *, seed: int = 0) -> Problems:
    """Return the problems of one stage of the curriculum, for a trainer.

    Args:
        worlds: The environment in which the potential was measured, with the same arguments.
        items: Items with their measured potential.
        stage: Stage of the curriculum, 1 to 4; stage s trains on groups 1 to s. Default: 4, all items.
        seed: Seed of their order. Default: 0.

    Raises:
        ConfigurationError: If no item belongs to the stage.

    Example:
        >>> item = ItemPotential("sum-1", "sum", 7, 1, 2, {"chat": (1, 2)}, 0.5, 1.0, 1)
        >>> stage_problems(Worlds("CodeReason-v0"), [item], stage=1).draws
        (Draw(seed=7, reset_options={'task_id': 'sum-1'}),)
    """
    chosen = [item for item in items if item.first_stage <= stage]
    if not chosen:
        raise ConfigurationError(
            f"none of the {len(items)} items belongs to stage {stage}: the answers to each are too much alike; measure "
            "more items, or begin with a later stage"
        )
    order = SeedStream(seed, "curriculum").generator().permutation(len(chosen)).tolist()
    return Problems(worlds, tuple(Draw(chosen[k].seed, {"task_id": chosen[k].task_id}) for k in order))


def curriculum_problems(worlds: Worlds, items: Sequence[ItemPotential], draws: int, *, seed: int = 0) -> Problems:
    """Return the problems of a whole curriculum, of four stages of equal length, in the order of a training.

    Args:
        worlds: The environment in which the potential was measured, with the same arguments.
        items: Measured items. A stage without items has those of the next one.
        draws: Number of problems of each stage, >= 1, such as a quarter of ``iterations * num_prompts``; problems of a
            stage come again when they are used up.
        seed: Seed of their order. Default: 0.

    Raises:
        ConfigurationError: If there are no items.
    """
    order: list[Draw] = []
    for stage in (1, 2, 3, 4):
        reached = max(stage, min((item.first_stage for item in items), default=4))
        problems = stage_problems(worlds, items, reached, seed=SeedStream(seed, "stage")[stage])
        order += islice(cycle(problems.draws), draws)
    return Problems(worlds, tuple(order))


def _summarise(answers: Sequence[tuple[str, EpisodeRecord]]) -> ItemPotential:
    by_agent: dict[str, tuple[int, int]] = {}
    for name, episode in answers:
        right, scored = by_agent.get(name, (0, 0))
        if episode.outcome == "finished":
            raise ConfigurationError("the environment reports no success, so there is no potential to measure")
        by_agent[name] = (right + (episode.outcome == "success"), scored + (episode.outcome != "error"))
    right, scored = (sum(pair[k] for pair in by_agent.values()) for k in (0, 1))
    p = right / scored
    # An episode that an infrastructure failure ended may lack its task id.
    first = next(episode for _, episode in answers if episode.outcome != "error")
    return ItemPotential(
        task_id=str(first.info.get("task_id", "")),
        task=first.task,
        seed=first.seed,
        right=right,
        answers=scored,
        by_agent=by_agent,
        p=p,
        potential=potential_of(p),
        group=group_of(potential_of(p)),
    )
