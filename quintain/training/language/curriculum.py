"""Improvement potential: which problems a policy can still learn something from.

For every item several agents answer several times; with p the share of right answers, Pi = 4 p (1 - p) in [0, 1] is
largest where success and failure are mixed, which is where a group-normalised policy gradient is not zero
(R1-Code-Interpreter, Chen et al. 2025, arXiv 2505.21668). Items, not tasks, are sorted into four groups; stage s of the
curriculum trains on groups 1 to s.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quintain.agents.agent import Actor, Agent, Seat
from quintain.agents.registry import as_agent, make_agent
from quintain.errors import ConfigurationError
from quintain.evaluation.manifest import describe_agent
from quintain.evaluation.rollout import EnvLike
from quintain.evaluation.runner import evaluate
from quintain.records import EpisodeRecord
from quintain.seeding import SeedStream

__all__ = ["GROUPS", "ItemPotential", "Reseeded", "group_of", "measure_potential", "potential_of", "read_potential"]

#: Lower bounds of the potential of groups 1 to 4, best first.
GROUPS = (0.64, 0.48, 0.32, 0.0)


@dataclass(frozen=True, slots=True)
class ItemPotential:
    """What is known about one item.

    Attributes:
        task_id: The item, as ``reset(options={"task_id": ...})`` takes it in an environment of the same arguments.
        task: Its task.
        seed: Seed of its episodes.
        right: Right answers.
        answers: Answers that could be scored, >= 1; infrastructure failures are left out.
        by_agent: Right answers and scored answers of each agent.
        p: ``right / answers``, in [0, 1].
        potential: ``4 p (1 - p)``, in [0, 1].
        group: 1 (most to learn) to 4.
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
        """The first stage of the cumulative curriculum that trains on this item."""
        return self.group


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


class Reseeded:
    """The same agent with other dice: equal problems, independent answers.

    Args:
        agent: The agent.
        number: Which set of dice.
    """

    def __init__(self, agent: Agent, number: int) -> None:
        self.agent = agent
        self.number = number
        if hasattr(agent, "engine"):
            self.engine = agent.engine

    def begin(self, seat: Seat) -> Actor:
        """Seat the agent with a seed of its own."""
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
    seed: int = 0,
    env_kwargs: Mapping[str, Any] | None = None,
    concurrency: int = 16,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    on_run: Callable[[str, int], None] | None = None,
) -> list[ItemPotential]:
    """Have every agent answer every item several times.

    Args:
        env: The environment.
        agents: Named agents, or what makes them; the paper uses four styles.
        items: Number of items, >= 1.
        answers: Answers per agent and item, >= 1; the paper uses five.
        seed: Root seed.
        env_kwargs: Arguments for the environment.
        concurrency: Episodes that are live at once.
        out: Folder for the runs (one per agent and answer) and for ``potential.jsonl``, one item a line.
        resume: Continue in ``out``.
        progress: Show progress bars; by default where there is a terminal.
        on_run: Called with an agent's name and the number of the answer before each run.

    Returns:
        The items, by index, without those of which no answer could be scored.

    Raises:
        ConfigurationError: If there are no agents, or the environment does not judge success.
    """
    if not agents or answers < 1:
        raise ConfigurationError("the potential needs at least one agent and one answer")
    results: list[tuple[str, Sequence[EpisodeRecord]]] = []
    for name, source in agents.items():
        agent = make_agent(**source) if isinstance(source, Mapping) else as_agent(source)
        for number in range(answers):
            if on_run is not None:
                on_run(name, number)
            report = evaluate(
                env,
                Reseeded(agent, number),
                episodes=items,
                seed=seed,
                env_kwargs=env_kwargs,
                concurrency=concurrency,
                out=None if out is None else Path(out) / "runs" / f"{name}-{number}",
                resume=resume,
                progress=progress,
            )
            results.append((name, report.episodes))
    by_item = ([(name, episodes[i]) for name, episodes in results] for i in range(items))
    table = [_summarise(answers) for answers in by_item if any(e.outcome != "error" for _, e in answers)]
    if out is not None:
        lines = "".join(json.dumps(dataclasses.asdict(item)) + "\n" for item in table)
        Path(out, "potential.jsonl").write_text(lines, encoding="utf-8")
    return table


def read_potential(path: str | Path, stage: int = 4) -> list[ItemPotential]:
    """Read ``potential.jsonl``: the items that a stage of the curriculum trains on, most to learn first.

    Args:
        path: The file, or the folder that holds it.
        stage: 1 to 4; stage s trains on groups 1 to s.
    """
    file = Path(path) / "potential.jsonl" if Path(path).is_dir() else Path(path)
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    items = [
        ItemPotential(**{**row, "by_agent": {k: (v[0], v[1]) for k, v in row["by_agent"].items()}}) for row in rows
    ]
    return sorted((item for item in items if item.first_stage <= stage), key=lambda item: -item.potential)


def _summarise(answers: Sequence[tuple[str, EpisodeRecord]]) -> ItemPotential:
    by_agent: dict[str, tuple[int, int]] = {}
    for name, episode in answers:
        right, scored = by_agent.get(name, (0, 0))
        if episode.outcome == "finished":
            raise ConfigurationError("the environment does not judge success, so there is no potential to measure")
        by_agent[name] = (right + (episode.outcome == "success"), scored + (episode.outcome != "error"))
    right, scored = (sum(pair[k] for pair in by_agent.values()) for k in (0, 1))
    p = right / scored
    first = next(episode for _, episode in answers if episode.outcome != "error")  # errors may not know their item
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
