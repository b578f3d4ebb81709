"""The address of a server behind the name of a model: ``"NAME@http://host:port/v1"``."""

from __future__ import annotations

import re

from quintain.errors import ConfigurationError

__all__ = ["split_address"]

#: The address in "NAME@ADDRESS". Any other @ belongs to the name, as in "claude-3-5-sonnet@20240620".
_ADDRESS = re.compile(r"@(https?://.*)$", re.IGNORECASE | re.DOTALL)

#: A host with a port and without a scheme, which can only be meant as an address.
_HOST = re.compile(r"@((?:[\w.\-]+|\[[0-9a-f:]+\]):\d+(?:/.*)?)$", re.IGNORECASE)


def split_address(model: str) -> tuple[str, str]:
    """Split a model's name from the address of its server.

    Args:
        model: ``"NAME"`` or ``"NAME@ADDRESS"``, where ADDRESS starts with ``http://`` or ``https://``.

    Returns:
        Name and address; the address is empty where there is none.

    Raises:
        ConfigurationError: If the address has no scheme.

    Example:
        >>> split_address("my-model@http://localhost:8000/v1")
        ('my-model', 'http://localhost:8000/v1')
        >>> split_address("claude-3-5-sonnet@20240620")
        ('claude-3-5-sonnet@20240620', '')
    """
    if found := _ADDRESS.search(model):
        return model[: found.start()], found[1]
    if found := _HOST.search(model):
        raise ConfigurationError(f"an address starts with http:// or https://; got {found[1]!r} in {model!r}")
    return model, ""
