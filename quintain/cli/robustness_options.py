"""Options of ``quintain robustness``, and reading their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from quintain.attacks.malfunction.registry import GUARDS, LANGUAGE_ATTACKS
from quintain.attacks.registry import ATTACKS

__all__ = [
    "AttackArguments",
    "AttackSteps",
    "Attacks",
    "Env",
    "Episodes",
    "Epsilons",
    "GuardArguments",
    "GuardEngine",
    "Guards",
    "Intention",
    "NoRandom",
    "NoReach",
    "Norm",
    "Normaliser",
    "Policies",
    "PolicyPerSeed",
    "PolicySteps",
    "Ratios",
    "Scenario",
    "Seeds",
    "Space",
    "Surfaces",
    "TrainAt",
    "Videos",
    "numbers",
    "training_steps",
    "words",
]  # fmt: skip

ValueT = TypeVar("ValueT", int, float)

_POLICIES, _ATTACKS, _RUN, _OUTPUT = "Policies", "Attacks", "Run", "Output"
_LANGUAGE = "Language agents"

Policies = Annotated[
    list[str],
    typer.Argument(
        metavar="POLICY...",
        help="Reference policies (`quintain policies list`), a policy's .npz or .zip with --env, or language agents "
        "(`quintain agents`).",
    ),
]
Attacks = Annotated[
    list[str] | None,
    typer.Option(
        "--attack",
        "-a",
        help=f"{', '.join(ATTACKS)}; on language agents: {', '.join(LANGUAGE_ATTACKS)}. Repeatable; "
        "mad by default, on language agents loop.",
        rich_help_panel=_ATTACKS,
    ),
]
Epsilons = Annotated[str, typer.Option("--epsilon", "-e", help="Budgets, joined by commas.", rich_help_panel=_ATTACKS)]
Space = Annotated[
    str, typer.Option(help="Observations in which budgets are measured: raw or normalised.", rich_help_panel=_ATTACKS)
]
Norm = Annotated[str, typer.Option(help="Norm of the budgets: linf or l2.", rich_help_panel=_ATTACKS)]
AttackSteps = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[NAME=]N",
        help="Environment steps of training of the attacks that learn. Repeatable.",
        rich_help_panel=_ATTACKS,
    ),
]
TrainAt = Annotated[
    float | None, typer.Option(help="Train learned attacks at this budget only, not at each.", rich_help_panel=_ATTACKS)
]
NoRandom = Annotated[
    bool, typer.Option("--no-random", help="Leave out random noise, the baseline.", rich_help_panel=_ATTACKS)
]
NoReach = Annotated[
    bool,
    typer.Option(
        "--no-reach", help="Do not measure reachability, nor the greedy attack target.", rich_help_panel=_ATTACKS
    ),
]
Scenario = Annotated[
    str | None,
    typer.Option(help="The attacker's goal on Tabletop tasks: opposite, manipulation.", rich_help_panel=_POLICIES),
]
Env = Annotated[
    str | None, typer.Option(help="Environment id of policies that are given as files.", rich_help_panel=_POLICIES)
]
Normaliser = Annotated[
    Path | None, typer.Option(help="VecNormalize statistics of a .zip policy.", rich_help_panel=_POLICIES)
]
Intention = Annotated[
    Path | None,
    typer.Option(help="File of a policy whose actions the attacker wants to cause.", rich_help_panel=_POLICIES),
]
PolicySteps = Annotated[
    int | None,
    typer.Option(
        min=1, help="Training steps of reference policies, instead of the recipe's.", rich_help_panel=_POLICIES
    ),
]
PolicyPerSeed = Annotated[
    bool,
    typer.Option("--policy-per-seed", help="Train a reference policy for every seed.", rich_help_panel=_POLICIES),
]
Episodes = Annotated[
    int, typer.Option("--episodes", "-n", min=1, help="Episodes per row and seed.", rich_help_panel=_RUN)
]
Seeds = Annotated[
    str, typer.Option(help="Root seeds of independent repetitions, joined by commas.", rich_help_panel=_RUN)
]
Videos = Annotated[
    bool,
    typer.Option(
        "--videos", help="Record an episode, clean and under attack, for the report.", rich_help_panel=_OUTPUT
    ),
]
Surfaces = Annotated[
    str,
    typer.Option(
        "--surface", help="What is changed: user, tool, memory, system; joined by commas.", rich_help_panel=_LANGUAGE
    ),
]
Guards = Annotated[
    list[str] | None,
    typer.Option(
        "--guard", "-g", help=f"{', '.join(GUARDS)}; several at once joined by +. Repeatable.",
        rich_help_panel=_LANGUAGE,
    ),
]  # fmt: skip
Ratios = Annotated[
    str | None,
    typer.Option("--ratio", help="Shares of adversarial text, joined by commas.", rich_help_panel=_LANGUAGE),
]
AttackArguments = Annotated[
    list[str] | None,
    typer.Option("--attack-arg", metavar="K=VALUE", help="Attack argument. Repeatable.", rich_help_panel=_LANGUAGE),
]
GuardArguments = Annotated[
    list[str] | None,
    typer.Option("--guard-arg", metavar="K=VALUE", help="Guard argument. Repeatable.", rich_help_panel=_LANGUAGE),
]
GuardEngine = Annotated[
    str | None,
    typer.Option(help="Engine of guards that ask a model; the agent's own by default.", rich_help_panel=_LANGUAGE),
]


def words(values: Sequence[str]) -> list[str]:
    """Split values at commas; keep the order, and each word once."""
    return list(dict.fromkeys(word.strip() for value in values for word in value.split(",") if word.strip()))


def numbers(text: str, kind: Callable[[str], ValueT], option: str) -> tuple[ValueT, ...]:
    """Read numbers joined by commas.

    Args:
        text: Value of the command-line option, comma-separated.
        kind: Type of the numbers, ``int`` or ``float``.
        option: Name of the option, for the message.

    Raises:
        typer.BadParameter: If one of them is not a number.
    """
    try:
        return tuple(kind(word) for word in words([text]))
    except ValueError as error:
        raise typer.BadParameter(f"expected numbers joined by commas, got {text!r}", param_hint=option) from error


def training_steps(values: Sequence[str] | None, learned: Sequence[str]) -> dict[str, int]:
    """Read ``N``, the training steps of all learned attacks, and ``NAME=N``, those of one attack.

    Args:
        values: The words given to ``--attack-steps``; ``None`` if the option was not given.
        learned: Names of the attacks that learn.

    Raises:
        typer.BadParameter: If a value is of neither form, or names another attack.
    """
    found: dict[str, int] = {}
    for value in sorted(values or (), key=lambda v: "=" in v):
        name, equals, number = value.rpartition("=")
        if not number.isdigit() or (equals and name not in learned):
            known = ", ".join(learned) or "none here"
            raise typer.BadParameter(
                f"expected N or NAME=N, NAME being an attack that learns ({known}), got {value!r}",
                param_hint="--attack-steps",
            )
        found |= {name: int(number)} if equals else dict.fromkeys(learned, int(number))
    return found
