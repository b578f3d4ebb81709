"""Compilation with Numba, cached on disk in a folder of the user's that depends on the kernels' sources."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from quintain.errors import ConfigurationError, require

__all__ = ["compiled"]

F = TypeVar("F", bound=Callable[..., Any])


@cache
def _folder() -> str:
    """Return the cache folder, new for other sources: Numba does not notice changes of functions that others call."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.blake2b(digest_size=8)
    data = [package / name for name in ("blocks.py", "items.py", "recipes.py")]
    for path in (*data, *sorted((package / "kernels").glob("*.py"))):
        digest.update(path.read_bytes())
    roots = [os.environ.get("NUMBA_CACHE_DIR"), os.environ.get("XDG_CACHE_HOME"), str(Path.home() / ".cache")]
    for root in (*filter(None, roots), tempfile.gettempdir()):
        folder = Path(root, "quintain", "numba", digest.hexdigest())
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return str(folder)
    raise ConfigurationError("no folder for compiled code can be written; name one with NUMBA_CACHE_DIR")


def compiled(function: F) -> F:
    """Compile a function on its first call, or load it from the cache.

    Args:
        function: A function that Numba's nopython mode takes.

    Raises:
        MissingDependencyError: If Numba is not installed.
    """
    numba = require("numba", "minecraft", "the voxel simulator")
    config = numba.config
    before, config.CACHE_DIR = config.CACHE_DIR, _folder()  # read once, when the function is decorated
    try:
        dispatcher = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = before
    _compile_once(dispatcher, numba.types.unliteral)
    return cast(F, dispatcher)


def _compile_once(dispatcher: Any, unliteral: Callable[[Any], Any]) -> None:
    """Let constants in calls be ordinary numbers: Numba compiles a function again for every constant."""
    resolve = dispatcher.get_call_template

    def resolve_plain(args: Any, kws: Any) -> Any:
        return resolve(tuple(map(unliteral, args)), {name: unliteral(kind) for name, kind in kws.items()})

    dispatcher.get_call_template = resolve_plain
