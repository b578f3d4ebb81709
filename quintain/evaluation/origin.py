"""How many bits the seeds of a run's episodes have.

A run that continues or replays another has seeds of the same size, so that the episodes are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from quintain.engines.replay import replayed_run
from quintain.errors import ConfigurationError
from quintain.records import read_manifest
from quintain.seeding import SEED_BITS

__all__ = ["choose_seed_bits"]

#: Number of bits where the stored configuration does not say: in version 0.1.0 there was no choice.
_UNNAMED = 53


def choose_seed_bits(manifest: Mapping[str, Any], given: int | None, continued: str | Path | None) -> int:
    """Return the number of bits of a run's seeds, and write it into the run's configuration.

    53 is not written, so that the configuration equals that of a run of version 0.1.0.

    Args:
        manifest: The run's manifest, whose ``"config"`` is changed.
        given: Number of bits that the user chose, 31 or 53; ``None`` for that of the continued or replayed run, or 31
            if there is none.
        continued: Folder of the run that is resumed; ``None`` for a new run.

    Raises:
        ConfigurationError: If ``given`` is something else, or runs whose seeds differ are replayed.
    """
    config = manifest["config"]
    bits = given
    if bits is None:
        runs = list(_replayed(config["agent"])) if continued is None else [Path(continued)]
        configs = [read_manifest(run.parent if run.is_file() else run).get("config") for run in runs]
        stored = {found.get("seed_bits", _UNNAMED) for found in configs if found}
        if len(stored) > 1:
            raise ConfigurationError(f"the replayed runs have seeds of {sorted(stored)} bits; name one: seed_bits=...")
        bits = stored.pop() if stored else SEED_BITS
    if bits not in (SEED_BITS, _UNNAMED):
        raise ConfigurationError(f"seed_bits must be {SEED_BITS} or {_UNNAMED}, got {bits!r}")
    if bits != _UNNAMED:
        config["seed_bits"] = bits
    return bits


def _replayed(description: Any) -> Iterator[Path]:
    """Yield the runs that a described agent, its engine, or one of several agents replays."""
    if not isinstance(description, Mapping):
        return
    run = description.get("run", description.get("path"))
    if run and "replay" in (description.get("name"), description.get("agent"), description.get("engine")):
        yield Path(run)
    for name, part in description.items():
        if name == "engine" and isinstance(part, str) and (found := replayed_run(part)) is not None:
            yield found
        else:
            yield from _replayed(part)
