"""Settings of a server of environments."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass, field

from quintain.errors import ConfigurationError

__all__ = ["ServerSettings"]


@dataclass(frozen=True)
class ServerSettings:
    """How environments are served; the defaults suit one user on one machine.

    Attributes:
        host: Address to listen on. Default: ``"127.0.0.1"``, which no other machine reaches.
        port: Port to listen on; 0 picks a free one. Default: 8000, as OpenEnv.
        auth_token: Clients must send ``Authorization: Bearer AUTH_TOKEN``; ASCII. ``None`` asks for none, which is
            allowed only on a loopback address.
        max_sessions: Maximum number of sessions at a time, >= 1; each has an environment and a thread of its own.
        lease_s: Seconds without a message after which a session is ended, > 0.
        step_timeout_s: Maximum time of one reset or step, in seconds, > 0; then the session is ended with an error.
        drain_s: Seconds that running episodes have to finish when the server is stopped, >= 0.
        max_message_mb: Maximum size of a client's message, in MiB, > 0. A larger one closes the session.
        tasks: Number of tasks that the task list offers of an environment without a finite set of items, >= 0.
        seed: Seed from which the seeds of the tasks are drawn, as in ``quintain.evaluate(seed=...)``.
        options: Names of reset options that clients may set, beside ``item``. Default: none, since an option may name
            modules to import.
        info: Keys of ``info`` that are sent, beside :data:`quintain.serving.session.PUBLIC_INFO`. Default: none.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    auth_token: str | None = field(default=None, repr=False)
    max_sessions: int = 64
    lease_s: float = 600.0
    step_timeout_s: float = 120.0
    drain_s: float = 30.0
    max_message_mb: float = 4.0
    tasks: int = 1000
    seed: int = 0
    options: tuple[str, ...] = ()
    info: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigurationError(f"port must be 0..65535, got {self.port!r}")
        if self.max_sessions < 1:
            raise ConfigurationError(f"max_sessions must be >= 1, got {self.max_sessions!r}")
        for name in ("lease_s", "step_timeout_s", "max_message_mb"):
            if not (value := getattr(self, name)) > 0:
                raise ConfigurationError(f"{name} must be > 0, got {value!r}")
        for name in ("drain_s", "tasks"):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise ConfigurationError(f"{name} must be >= 0, got {value!r}")
        hidden = {"expected", "solution"} & {*self.info}
        if hidden:
            raise ConfigurationError(f"info {sorted(hidden)} would give the right answers to clients")
        if self.auth_token and not self.auth_token.isascii():
            raise ConfigurationError("auth_token must be ASCII, as headers of HTTP are")
        if not self.auth_token and not _is_loopback(self.host):
            raise ConfigurationError(
                f"host {self.host!r} is reachable from other machines: set auth_token (on the command line the "
                "environment variable QUINTAIN_SERVE_TOKEN), which clients then send as 'Authorization: Bearer ...'"
            )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
