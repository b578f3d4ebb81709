"""Released transcripts of PREGO: files of its repository that whoever has them can load; none are shipped here.

Correct executions: a class's prompt, ``{class: {"num": "...", ...}}``, with a block per execution, or its videos,
``{class: {video: {"num": [...], ...}}}``. Predictions of a recogniser: ``{video: {"pred": [...], "gt": [...]}}``,
trimmed at the first mistake, so that the last step is the wrong one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quintain.errors import ConfigurationError

__all__ = ["ReleasedVideo", "load_context", "load_predictions"]


@dataclass(frozen=True, slots=True)
class ReleasedVideo:
    """A test video, up to its first mistake.

    Attributes:
        name: Name of the video.
        recognised: Steps that the recogniser found.
        truth: Steps as they were annotated; the last one is the mistake.
    """

    name: str
    recognised: tuple[str, ...]
    truth: tuple[str, ...]


def load_context(path: str | Path, encoding: str = "num") -> dict[str, list[list[str]]]:
    """Load the correct executions of each class of procedures, such as ``assembly_context_prompt_train.json``.

    Args:
        path: The file.
        encoding: Key of the steps: ``"num"``, ``"alpha"`` (words) or ``"emoji"``. Default: ``"num"``.

    Raises:
        ConfigurationError: If the file cannot be read, or has another form.
    """
    found: dict[str, list[list[str]]] = {}
    for name, videos in _read(path).items():
        if not isinstance(videos, dict):
            raise ConfigurationError(f"{path}: class {name!r} is no mapping of videos")
        if isinstance(videos.get(encoding), str):
            found[name] = _executions_of(videos[encoding])
        else:
            found[name] = [_steps(path, video, kept, encoding) for video, kept in videos.items()]
    return found


def load_predictions(path: str | Path) -> list[ReleasedVideo]:
    """Load recognised and true steps of test videos, such as ``output_miniROAD_Assembly101-O.json``.

    Args:
        path: The file.

    Raises:
        ConfigurationError: If the file cannot be read, has another form, or a video has no steps.
    """
    videos = []
    for name, kept in _read(path).items():
        parts = (tuple(_steps(path, name, kept, key)) for key in ("pred", "gt"))
        videos.append(ReleasedVideo(name, *parts))
    return videos


def _executions_of(prompt: str) -> list[list[str]]:
    """Read the executions of a prompt: in each block, the lines with sequence and next step begin with a blank."""
    executions = []
    for block in prompt.split("---"):
        lines = [line for line in block.splitlines() if line.startswith(" ")]
        steps = [step.strip() for line in lines for step in line.split(",")]
        executions.append(steps[1:])  # the first one marks the beginning
    return [steps for steps in executions if steps]


def _read(path: str | Path) -> dict[str, Any]:
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot read released transcripts from {path}: {error}") from error
    if not isinstance(data, dict) or not data:
        raise ConfigurationError(f"{path} holds no released transcripts: expected a mapping, and a video at least")
    return data


def _steps(path: str | Path, video: str, kept: Any, key: str) -> list[str]:
    steps = kept.get(key) if isinstance(kept, dict) else None
    if not isinstance(steps, list) or not steps or not all(isinstance(step, (int, str)) for step in steps):
        raise ConfigurationError(f"{path}: video {video!r} has no list of steps {key!r}")
    return [str(step) for step in steps]
