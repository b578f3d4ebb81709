"""The experiment: agents x guards x attacks x surfaces x ratios x repetitions, on the same episode seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from quintain.agents.agent import Agent
from quintain.arguments import nearest
from quintain.attacks.malfunction.registry import attack_arguments, guard_agent, guard_arguments
from quintain.errors import ConfigurationError
from quintain.evaluation.manifest import describe_agent
from quintain.evaluation.recording import check_confidence, check_counts
from quintain.evaluation.report import Report
from quintain.evaluation.settings import with_required_settings
from quintain.experiments.malfunction.cell import MalfunctionCell
from quintain.experiments.malfunction.condition import Condition, conditions_of
from quintain.experiments.malfunction.page import render
from quintain.experiments.malfunction.table import MalfunctionTable, table_of

__all__ = ["MalfunctionExperiment"]


@dataclass(frozen=True)
class MalfunctionExperiment:
    """Agents with tools, behind guards, clean and under attacks on several surfaces.

    A repetition has a root seed, which decides the seeds of its episodes; all conditions share them. An agent without
    guards is always part of the plan.

    Attributes:
        agents: The agents by their names in the table.
        attacks: Names of :data:`~quintain.attacks.malfunction.LANGUAGE_ATTACKS`.
        surfaces: What is changed; each attack is played on those that it takes. Default: ``("user",)``.
        guards: Names of :data:`~quintain.attacks.malfunction.GUARDS`, each perhaps several joined by ``+``.
        ratios: Shares of adversarial text, in [0, 1]; ``None`` for the attack's own. Default: ``(None,)``.
        env: Id of an environment that gives its observations in parts. Default: ``"ToolUse-v0"``.
        env_kwargs: Its arguments.
        episodes: Episodes per condition and seed, >= 1. Default: 50.
        seeds: Root seeds of the repetitions. Default: ``(0,)``.
        attack_options: Further arguments of the attacks, such as ``place``; each attack gets those that it has.
        guard_options: Arguments of the guards; each guard gets those that it has.
        guard_engine: Engine of the guards that ask a language model; ``None`` takes the agent's own.
        confidence: Nominal coverage of the intervals, in (0, 1). Default: 0.95.
        concurrency: Maximum number of episodes at once, >= 1. It changes no result. Default: 16.

    Raises:
        ConfigurationError: If a value is out of range, one is given twice, or an argument fits nothing.
        UnknownNameError: If there is no attack or guard of a name.
    """

    kind: ClassVar[str] = "malfunction"

    agents: Mapping[str, Agent]
    attacks: Sequence[str]
    surfaces: Sequence[str] = ("user",)
    guards: Sequence[str] = ()
    ratios: Sequence[float | None] = (None,)
    env: str = "ToolUse-v0"
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    episodes: int = 50
    seeds: Sequence[int] = (0,)
    attack_options: Mapping[str, Any] = field(default_factory=dict)
    guard_options: Mapping[str, Any] = field(default_factory=dict)
    guard_engine: Any = None
    confidence: float = 0.95
    concurrency: int = 16

    def __post_init__(self) -> None:
        check_counts(episodes=self.episodes, concurrency=self.concurrency)
        check_confidence(self.confidence)
        for name in ("agents", "attacks", "surfaces", "guards", "ratios", "seeds"):
            values = list(getattr(self, name))
            twice = [value for value in values if values.count(value) > 1]
            if twice:
                raise ConfigurationError(f"{name}: {twice[0]!r} is given twice")
            if not values and name != "guards":
                raise ConfigurationError(f"{name} must not be empty")
        for what, options, known in (
            ("attack", self.attack_options, [a for name in self.attacks for a in attack_arguments(name)]),
            ("guard", self.guard_options, [a for name in self.guards for a in guard_arguments(name)]),
        ):
            if rest := [option for option in options if option not in known]:
                has = ", ".join(dict.fromkeys(known)) or "none"
                raise ConfigurationError(
                    f"no {what} here has an argument {rest[0]!r}{nearest(rest[0], known)}; known: {has}"
                )

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions, in the order of the plan."""
        return tuple(conditions_of(tuple(self.agents), self.guards, self.attacks, self.surfaces, self.ratios))

    @cached_property
    def _guarded(self) -> dict[tuple[str, str], Agent]:
        found = {}
        for one in self.conditions:
            if (one.agent, one.guard) not in found:
                known = guard_arguments(one.guard)
                options = {key: value for key, value in self.guard_options.items() if key in known}
                agent = self.agents[one.agent]
                found[one.agent, one.guard] = guard_agent(agent, one.guard, engine=self.guard_engine, **options)
        return found

    def check(self) -> None:
        """Make each agent with its guards and each attacked environment, and reset it once.

        Raises:
            ConfigurationError: If the parts do not fit together.
        """
        for cell in self.cells():
            if cell.condition.guard == self.conditions[0].guard:
                env = cell.make_env()
                env.reset(seed=0)
                env.close()

    def describe(self) -> dict[str, Any]:
        """Return everything that results depend on."""
        decisive = {
            "agents": {name: describe_agent(agent) for name, agent in self.agents.items()},
            "guards": {guard: describe_agent(made) for (_, guard), made in self._guarded.items()},
            "attacks": {name: self._options(name) for name in self.attacks},
            "surfaces": list(self.surfaces),
            "ratios": list(self.ratios),
            "episodes": self.episodes,
            "seeds": list(self.seeds),
        }
        return {"env": self.env, "env_kwargs": dict(self.env_kwargs), "agent": decisive, "seed": self.seeds[0]}

    def metadata(self) -> dict[str, Any]:
        """Return the confidence of the intervals."""
        return {"confidence": self.confidence}

    def cells(self) -> Iterator[MalfunctionCell]:
        """List the cells, in the order of the conditions."""
        number = 0
        for one in self.conditions:
            agent = self._guarded[one.agent, one.guard]
            kwargs = with_required_settings(self.env, self.env_kwargs, agent)
            options = {} if one.is_clean else self._options(one.attack)
            for seed in self.seeds:
                yield MalfunctionCell(
                    number, self.episodes, one, agent, seed, self.env, kwargs, options, self.concurrency
                )
                number += 1

    @classmethod
    def tabulate(cls, report: Report) -> MalfunctionTable:
        """Return the table: a row for each condition that has a complete repetition."""
        return table_of(report)

    @classmethod
    def page(cls, report: Report) -> str:
        """Return the page: leaderboard, breakdowns, and transcripts with the payload marked.

        Raises:
            MissingDependencyError: Without the ``report`` extra.
        """
        return render(table_of(report))

    def _options(self, attack: str) -> dict[str, Any]:
        known = attack_arguments(attack)
        return {key: value for key, value in self.attack_options.items() if key in known}
