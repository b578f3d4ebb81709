"""The clips of a run as data: what each shows, and where its files are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from quintain.files import write_atomically
from quintain.json_text import to_json

__all__ = ["Clip", "read_clips", "write_clips"]

_FILE = Path("videos") / "clips.json"


@dataclass(frozen=True, slots=True)
class Clip:
    """One episode, clean and under attack, in panels side by side.

    Attributes:
        policy: Name of the policy under attack.
        captions: Attack and budget of each panel, from left to right.
        outcomes: Return and success of each panel.
        seed: Seed of the episode.
        file: File name of the animated WebP in ``videos/``; empty if recording failed.
        poster: File name of its last frame, for readers who prefer reduced motion.
        note: Why this episode was chosen, or why recording failed.
        legend: What the colours of the picture mean: CSS colour -> meaning, as the environment's
            ``metadata["legend"]`` says.
        columns: Number of panels in a row, whose captions are part of the picture; 0 for clips of earlier versions, all
            panels in one row without captions.
    """

    policy: str
    captions: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    seed: int = 0
    file: str = ""
    poster: str = ""
    note: str = ""
    legend: dict[str, str] = field(default_factory=dict)
    columns: int = 0


def read_clips(folder: Path) -> list[Clip]:
    """Read the clips of a run folder; empty if none were recorded."""
    path = folder / _FILE
    if not path.exists():
        return []
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["clips"]
    return [
        Clip(clip.pop("victim"), tuple(clip.pop("captions")), tuple(clip.pop("outcomes")), **clip) for clip in found
    ]


def write_clips(clips: Sequence[Clip], folder: Path) -> None:
    """Write the clips of a run folder."""
    rows = [{"victim" if key == "policy" else key: value for key, value in asdict(clip).items()} for clip in clips]
    write_atomically(folder / _FILE, to_json({"clips": rows}) + "\n")
