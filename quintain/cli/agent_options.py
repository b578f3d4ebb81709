"""The options that name an agent and the language model that it asks: the same in every command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from quintain.agents.registry import arguments_of, needs_engine
from quintain.arguments import nearest
from quintain.cli.options import pairs
from quintain.errors import ConfigurationError

__all__ = ["AddedAgent", "Agent", "AgentArguments", "AgentOptions", "Engine", "EngineArguments", "Model"]

_PANEL = "Agent"
_NAMES = (
    "chat, random or another of `quintain agents`; your own as module:Class; or a policy: .zip "
    "(Stable-Baselines3), .pt, .onnx, .npz."
)

Agent = Annotated[str, typer.Option("--agent", "-a", help=_NAMES)]
AddedAgent = Annotated[
    str | None,
    typer.Option(
        "--agent", "-a", help="An agent that takes part too; llm-player if only a model is named.",
        show_default=False, rich_help_panel=_PANEL,
    ),
]  # fmt: skip
Engine = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Engine of a language model: transformers (default), openai, vllm, replay.",
        show_default=False, rich_help_panel=_PANEL,
    ),
]  # fmt: skip
Model = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="A name of `quintain model list`, a folder or hub id; "
        "NAME@http://host:port/v1 for openai.",
        show_default=False, rich_help_panel=_PANEL,
    ),
]  # fmt: skip
AgentArguments = Annotated[
    list[str] | None,
    typer.Option(
        "--agent-arg", metavar="K=VALUE", help="Agent argument; JSON, text, or @FILE.",
        rich_help_panel=_PANEL,
    ),
]  # fmt: skip
EngineArguments = Annotated[
    list[str] | None,
    typer.Option(
        "--engine-arg", metavar="K=VALUE", help="Engine argument; JSON, text, or @FILE.",
        rich_help_panel=_PANEL,
    ),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """The values of these options.

    Attributes:
        engine: Name of the engine, or ``None``.
        model: The engine's main argument, or ``None``.
        agent_arg: Arguments of the agent, as ``K=VALUE``.
        engine_arg: Arguments of the engine, as ``K=VALUE``.
    """

    engine: str | None = None
    model: str | None = None
    agent_arg: Sequence[str] | None = None
    engine_arg: Sequence[str] | None = None

    @property
    def name_a_model(self) -> bool:
        """Whether any of the options of engines is given."""
        return self.engine is not None or self.model is not None or bool(self.engine_arg)

    def served(self) -> Any:
        """Return the engine as :func:`~quintain.agents.registry.make_agent` takes it; ``None`` for the default.

        Raises:
            typer.BadParameter: If the model is named twice.
        """
        engine = self.engine
        if self.model is not None:
            engine = engine or "transformers"
            if ":" in engine:
                raise typer.BadParameter(f"--engine {engine} names a model already", param_hint="--model")
            engine = f"{engine}:{self.model}"
        options = pairs(self.engine_arg, "--engine-arg")
        return {"name": engine or "transformers", **options} if options else engine

    def describe(self, name: str) -> dict[str, Any]:
        """Describe one agent as :func:`~quintain.agents.registry.as_agent` takes it.

        Args:
            name: Name of the agent.

        Raises:
            UnknownNameError: If there is no such agent.
            typer.BadParameter: If a value is malformed.
        """
        arguments_of(name)  # fails now if the name is unknown
        engine = self.served()
        return {"name": name, **({"engine": engine} if engine else {}), **pairs(self.agent_arg, "--agent-arg")}

    def describe_all(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Describe several agents; those that ask a language model share one engine, which is made now.

        Each agent gets those of the arguments that it has.

        Args:
            names: Names of the agents.

        Raises:
            UnknownNameError: If there is no agent of that name.
            ConfigurationError: If a model is named and none of the agents asks one, or an argument fits none of them.
            typer.BadParameter: If a value is malformed.
        """
        from quintain.engines import make_engine

        arguments = pairs(self.agent_arg, "--agent-arg")
        takes = {name: arguments_of(name) for name in names}
        for argument in arguments:
            known = sorted({known for own in takes.values() for known in own})
            if argument not in known:
                raise ConfigurationError(
                    f"no agent here has an argument {argument!r}{nearest(argument, known)}; "
                    f"known: {', '.join(known) or 'none'} (--agent-arg)"
                )
        asking = [name for name in names if needs_engine(name)]
        if self.name_a_model and not asking:
            raise ConfigurationError(f"none of {', '.join(names) or 'the players'} asks a language model")
        shared = None
        if asking:
            served = self.served()
            options = dict(served) if isinstance(served, dict) else {"name": served or "transformers"}
            shared = make_engine(options.pop("name"), **options)
        return {
            name: {"name": name}
            | ({"engine": shared} if name in asking else {})
            | {argument: value for argument, value in arguments.items() if argument in takes[name]}
            for name in names
        }

    def players(self, names: Sequence[str], agent: str | None) -> tuple[list[str], Any]:
        """Return the names of all players of a game, and a description of each that is not a plain strategy.

        Args:
            names: The players that were named.
            agent: An agent that takes part too, or ``None``: ``"llm-player"`` if a model is named and nobody asks one.

        Raises:
            ConfigurationError: As :meth:`describe_all`.
        """
        everybody = list(names)
        if agent is None and self.name_a_model and not any(map(needs_engine, everybody)):
            agent = "llm-player"
        if agent is not None and agent not in everybody:
            everybody.append(agent)
        described = [name for name in everybody if name == agent or needs_engine(name)]
        return everybody, self.describe_all(described) if described or self.agent_arg else {}
