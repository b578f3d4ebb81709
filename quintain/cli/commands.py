"""The table of commands. A command's module is imported when the command is called."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COMMANDS", "Command"]

_RUN = "Run and report"
_LOOK = "Explore"
_CARE = "Set up"


class Command(NamedTuple):
    """One command of the command line.

    Attributes:
        target: ``"module:attribute"``: a function with Typer's annotations, or a ``typer.Typer`` with commands of its
            own.
        help: One line for ``quintain --help``.
        panel: Heading in ``quintain --help`` under which it is listed.
        first: Names of the parameters that its own help shows first, before the panels of the others.
    """

    target: str
    help: str
    panel: str
    first: tuple[str, ...] = ()


#: In the order of ``quintain --help``.
COMMANDS: dict[str, Command] = {
    "eval": Command(
        "quintain.cli.evaluate:evaluate",
        "Evaluate an agent in an environment.",
        _RUN,
        ("agent", "engine", "model", "tasks", "env_arg", "episodes", "repeats", "seed", "out", "resume"),
    ),
    "compare": Command("quintain.cli.compare:compare", "Compare two or more runs, episode by episode.", _RUN),
    "runs": Command("quintain.cli.runs:runs", "List the runs in a folder; write a leaderboard.", _RUN),
    "aggregate": Command(
        "quintain.cli.aggregate:aggregate", "Aggregate runs of several training seeds: IQM, mean.", _RUN
    ),
    "rescore": Command("quintain.cli.rescore:rescore", "Score a stored run again, without its model.", _RUN),
    "view": Command("quintain.cli.view:view", "Write the report of a run, or show a transcript.", _RUN),
    "robustness": Command("quintain.cli.robustness:robustness", "Attack policies within declared budgets.", _RUN),
    "questionnaire": Command(
        "quintain.cli.questionnaire:questionnaire",
        "Test whether personality tests measure anything of a model.",
        _RUN,
        ("models", "instrument", "readout", "template", "orders", "personas", "per_trait", "seed", "out", "resume"),
    ),
    "potential": Command("quintain.cli.potential:potential", "Measure which problems a policy can learn from.", _RUN),
    "train": Command("quintain.cli.train:train", "Train a language model in an environment, or on runs.", _RUN),
    "reward": Command("quintain.cli.reward:app", "Design reward functions, and train with them.", _RUN),
    "tournament": Command(
        "quintain.cli.tournament:tournament", "Round robin of strategies and agents in a game.", _RUN
    ),
    "games": Command("quintain.cli.games:app", "Repeated games: list, solve, sweep, play.", _RUN),
    "serve": Command("quintain.cli.serve:serve", "Serve an environment over OpenEnv's protocol.", _RUN),
    "tasks": Command("quintain.cli.tasks:tasks", "List the reasoning tasks, or show one.", _LOOK),
    "list": Command(
        "quintain.cli.listing:list_entries", "List everything that can be used by name: agents, attacks ...", _LOOK
    ),
    "agents": Command("quintain.cli.agents:agents", "List the agents and strategies, and their arguments.", _LOOK),
    "methods": Command(
        "quintain.cli.methods:methods", "List the methods that think longer: signals, updates, needs and costs.", _LOOK
    ),
    "papers": Command("quintain.cli.papers:app", "List the papers, or reproduce one.", _LOOK),
    "check": Command("quintain.cli.check:check", "Check an environment for errors and reproducibility.", _LOOK),
    "audit": Command("quintain.cli.audit:audit", "Audit an environment found elsewhere.", _LOOK),
    "policies": Command("quintain.cli.policies:app", "Train and show reference policies.", _CARE),
    "model": Command("quintain.cli.model:app", "Install and list the weights that come with the package.", _CARE),
    "minecraft": Command("quintain.cli.minecraft:app", "Install the bridge to Minecraft's network protocol.", _CARE),
    "doctor": Command("quintain.cli.doctor:doctor", "Show what works on this machine, and what to install.", _CARE),
}
