"""An engine that serves the replies of a recorded run, with no model."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from quintain.engines.engine import Engine, EngineCapability, Reply, Request
from quintain.errors import EngineError, RecordError
from quintain.records import iter_episodes, read_manifest

__all__ = ["ReplayEngine", "replayed_run"]


class ReplayEngine(Engine):
    """Serves each request with the recorded replies to an equal request.

    Recordings are looked up by :attr:`Request.key`, so every field of a request, its seed included, must be equal. This
    needs the same environment, agent, seeds and version. The recordings of a request that was made several times are
    served in their recorded order, starting over after the last. What an agent asks for by default depends on its
    engine's capabilities, so a replay has those that the recorded engine had.

    Args:
        path: A run folder, or its ``episodes.jsonl``.

    Raises:
        RecordError: If there is no such file, it is damaged before its last line, or holds no model calls.
    """

    name = "replay"
    # For a run whose manifest lists no capabilities: all, since every recorded request was served, and others fail.
    capabilities: frozenset[EngineCapability] = frozenset(
        {
            "chat",
            "prompt",
            "logprobs",
            "top_logprobs",
            "token_statistics",
            "contrast_layers",
            "choices",
            "prefill",
            "stop",
            "stop_string",
            "seed",
        }
    )
    _ALL: frozenset[EngineCapability] = capabilities | {"reasoning", "tools"}

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._recordings: dict[str, list[list[Reply]]] = defaultdict(list)
        calls: dict[int, list[dict[str, Any]]] = {}
        for record in iter_episodes(self.path):
            calls.pop(record.index, None)  # of an episode that was run again, the last record counts
            calls[record.index] = record.calls
        for episode in calls.values():
            for call in episode:
                self._recordings[call["key"]].append([Reply.from_dict(reply) for reply in call["replies"]])
        if not self._recordings:
            raise RecordError(f"{self.path} holds no model calls; only runs of language agents can be replayed")
        recorded = _recorded_capabilities(_folder(self.path))
        if recorded is not None:
            self.capabilities = frozenset(name for name in self._ALL if name in recorded)
        self._served: dict[str, int] = defaultdict(int)
        self._lock = threading.Lock()

    def describe(self) -> dict[str, Any]:
        """Return the run folder and the number of distinct requests on record."""
        return {"engine": self.name, "path": str(self.path), "requests": len(self._recordings)}

    async def _generate(self, requests: Sequence[Request]) -> list[list[Reply]]:
        return [self._serve(request) for request in requests]

    def _serve(self, request: Request) -> list[Reply]:
        key = request.key
        with self._lock:
            recordings = self._recordings.get(key)
            if recordings is None:
                raise EngineError(
                    f"request {key} is not recorded in {self.path}; a replay needs the same environment, agent, seed "
                    f"and version as the recorded run. The request {_show(request)}"
                )
            turn = self._served[key]
            self._served[key] += 1
        return recordings[turn % len(recordings)]


def replayed_run(engine: Any) -> Path | None:
    """Return the folder of the run that an engine replays; ``None`` for any other engine.

    Args:
        engine: An engine, the name of one, or its options with a ``"name"``.
    """
    if isinstance(engine, ReplayEngine):
        return _folder(engine.path)
    options = engine if isinstance(engine, Mapping) else {"name": engine}
    name, _, path = str(options.get("name")).partition(":")
    return _folder(Path(path or str(options.get("path", "")))) if name == ReplayEngine.name else None


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _recorded_capabilities(run: Path) -> frozenset[str] | None:
    """Return the capabilities of the recorded engine; ``None`` where the manifest lists none."""
    try:
        return frozenset(read_manifest(run)["facts"]["capabilities"])
    except (RecordError, KeyError, TypeError):
        return None


def _show(request: Request) -> str:
    if request.prompt is not None:
        return f"begins: {request.prompt[:160]!r}"
    last = request.messages[-1] if request.messages else {"role": "user", "content": ""}
    return f"ends with the {last['role']} message: {last['content'][:160]!r}"
