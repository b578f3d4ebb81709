"""``quintain serve``."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from quintain.cli.options import EnvArguments, pairs

__all__ = ["serve"]

_NETWORK, _LIMITS, _WIRE = "Network", "Limits", "On the wire"
#: The environment variable with the token that clients must send; command lines are visible to other users.
_TOKEN = "QUINTAIN_SERVE_TOKEN"


def serve(
    env: Annotated[str, typer.Argument(help="Id of an environment, or module:function that makes one.")],
    env_arg: EnvArguments = None,
    host: Annotated[str, typer.Option(help="Address to listen on.", rich_help_panel=_NETWORK)] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.", rich_help_panel=_NETWORK)
    ] = 8000,
    max_sessions: Annotated[
        int, typer.Option(min=1, metavar="N", help="Maximum number of sessions.", rich_help_panel=_LIMITS)
    ] = 64,
    lease: Annotated[
        float, typer.Option(metavar="S", help="Seconds without a message that end a session.", rich_help_panel=_LIMITS)
    ] = 600,
    step_timeout: Annotated[
        float, typer.Option(metavar="S", help="Maximum time of a reset or step.", rich_help_panel=_LIMITS)
    ] = 120,
    drain: Annotated[
        float,
        typer.Option(min=0, metavar="S", help="Time for running episodes when stopped.", rich_help_panel=_LIMITS),
    ] = 30,
    max_message: Annotated[
        float, typer.Option(metavar="MB", help="Maximum size of a client's message.", rich_help_panel=_LIMITS)
    ] = 4,
    tasks: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Tasks to list, if items are drawn.", rich_help_panel=_WIRE),
    ] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the tasks' seeds.", rich_help_panel=_WIRE)] = 0,
    allow_option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A reset option that clients may set. Repeatable.", rich_help_panel=_WIRE),
    ] = None,
    info: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="A further key of info to send. Repeatable.", rich_help_panel=_WIRE),
    ] = None,
) -> None:
    """Serve an environment over OpenEnv's protocol: WebSocket, schemas, health, tasks, metrics.

    Clients of OpenEnv and trainers that speak its protocol play it, each connection with an environment of its own.
    Right answers are never sent. Other machines reach the server only with --host and a token, which clients send as
    'Authorization: Bearer ...': put it into the environment variable QUINTAIN_SERVE_TOKEN. Events are logged to the
    standard error as lines of JSON. Ctrl-C lets running episodes finish; a second one does not.

    Examples:
        quintain serve CodeReason-v0 --env-arg tasks=letters
        quintain serve RepeatedGame-v0 --env-arg view=text --env-arg opponent=grim --port 8001
        quintain serve mine:attacked_environment --max-sessions 8
    """
    from quintain.serving import ServerSettings
    from quintain.serving import serve as run

    settings = ServerSettings(
        host=host, port=port, auth_token=os.environ.get(_TOKEN) or None, max_sessions=max_sessions, lease_s=lease,
        step_timeout_s=step_timeout, drain_s=drain, max_message_mb=max_message, tasks=tasks, seed=seed,
        options=tuple(allow_option or ()), info=tuple(info or ()),
    )  # fmt: skip
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger("quintain.serving")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        run(_source(env), pairs(env_arg, "--env-arg"), settings)
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def _source(env: str) -> str | Callable[[], Any]:
    """Return an id as it is, and the function that ``module:function`` names."""
    from quintain.envs.making import find_spec
    from quintain.registry import load_attribute

    if ":" not in env or find_spec(env) is not None:
        return env
    try:
        made: Callable[[], Any] = load_attribute(env)
    except AttributeError:
        return env  # making it says why
    return made
