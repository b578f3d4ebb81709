"""Videos of a run's episodes, made after the run: recorded actions are played again in an environment that renders.

The environments of the run itself render nothing. So videos change none of its numbers, and the episodes to show can be
chosen by how they ended.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec

from quintain.agents.replay import read_action
from quintain.envs.making import EnvLike, env_name, is_instance, make_env, spec_of
from quintain.errors import (
    ConfigurationError,
    EnvironmentFault,
    MissingDependencyError,
    QuintainError,
    UnknownNameError,
    require,
)
from quintain.evaluation.job import Job
from quintain.evaluation.report import Report
from quintain.evaluation.rollout import items_of
from quintain.files import write_atomically
from quintain.json_text import to_json
from quintain.records import EpisodeRecord

__all__ = ["Choice", "Video", "check_videos", "drawing_advice", "prepare_display", "read_videos", "record_videos"]

#: Maximum number of frames of a video; of a longer episode every n-th frame is kept.
MAX_FRAMES = 3000
#: Frames narrower than this, in pixels, are enlarged by a whole factor.
_MIN_WIDTH = 320
_FPS = 30.0
_ABOUT_A_DISPLAY = re.compile(r"\b(e?gl|opengl|osmesa|glfw|glad|display)", re.IGNORECASE)
_FILE = Path("videos") / "videos.json"
_FORMS = "a number N (the first N), indices such as '3,7' (one: '3,'), or 'failures:N'"


@dataclass(frozen=True)
class Choice:
    """Which episodes are recorded.

    Attributes:
        count: Number of episodes; 0 if they are named by ``indices``.
        failures_first: Whether episodes without success come first and, among equal outcomes, low returns.
        indices: Numbers of the episodes.
    """

    count: int = 0
    failures_first: bool = False
    indices: tuple[int, ...] = ()

    @classmethod
    def of(cls, which: int | str | Iterable[int]) -> Self:
        """Read a choice.

        Args:
            which: The number N of episodes, of which the first N are recorded; indices, as numbers or as ``"3,7"``;
                or ``"failures:N"``.

        Raises:
            ConfigurationError: If it is none of these.

        Example:
            >>> Choice.of("failures:4")
            Choice(count=4, failures_first=True, indices=())
        """
        wrong = ConfigurationError(f"videos must be {_FORMS}, got {which!r}")
        try:
            if isinstance(which, str):
                head, colon, tail = which.partition(":")
                if colon and head != "failures":
                    raise wrong
                if colon:
                    found = cls(int(tail), True)
                elif "," in which:
                    found = cls(indices=tuple(int(part) for part in which.split(",") if part.strip()))
                else:
                    found = cls(int(which))
            elif isinstance(which, bool):
                raise wrong
            elif isinstance(which, int):
                found = cls(which)
            else:
                found = cls(indices=tuple(int(index) for index in which))
        except (ValueError, TypeError) as error:
            raise wrong from error
        if found.count < 0 or any(index < 0 for index in found.indices) or not (found.count or found.indices):
            raise wrong
        return found

    def among(self, episodes: Sequence[EpisodeRecord]) -> list[EpisodeRecord]:
        """Return the chosen ones of a run's episodes; those that failed for infrastructure reasons are never chosen."""
        scored = [episode for episode in episodes if episode.outcome != "error"]
        if self.indices:
            return [episode for episode in scored if episode.index in self.indices]
        if self.failures_first:
            scored.sort(key=lambda e: (e.outcome == "success", e.outcome == "finished", e.reward, e.index))
        return scored[: self.count]


@dataclass(frozen=True)
class Video:
    """One episode's video.

    Attributes:
        episode: Number of the episode in its run.
        file: Name of the MP4 file in ``videos/``; empty if there is none.
        note: Why there is none, or what was left out; empty if there is nothing to say.
    """

    episode: int
    file: str = ""
    note: str = ""


def prepare_display() -> None:
    """Let MuJoCo (through EGL) and pygame render on a machine without a display, by environment variables.

    ``MUJOCO_GL`` and ``SDL_VIDEODRIVER`` are set if they are unset. The libraries read them when they are imported, so
    call this before.
    """
    if os.environ.get("DISPLAY"):
        return
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    if "mujoco" not in sys.modules:
        os.environ.setdefault("MUJOCO_GL", "egl")


def check_videos(env: EnvLike, env_kwargs: Mapping[str, Any] | None, which: int | str | Iterable[int]) -> None:
    """Check, before a run, that its episodes can be recorded, by rendering one frame.

    Args:
        env: What the run's environments are made from.
        env_kwargs: Arguments of the environments.
        which: Number, indices or outcome of the episodes to record; see :meth:`Choice.of`.

    Raises:
        ConfigurationError: If the environment cannot be rendered, or ``which`` is not a valid choice.
        MissingDependencyError: Without the ``video`` extra.
    """
    Choice.of(which)
    require("imageio_ffmpeg", "video", "videos")
    try:
        drawn = _make_drawn(env, env_kwargs)
        try:
            drawn.reset(seed=0)
            _frame(drawn)
        finally:
            drawn.close()
    except (UnknownNameError, MissingDependencyError, _Undrawn):
        raise
    except Exception as error:  # whatever an environment or its OpenGL library raises
        reason = str(error) if isinstance(error, QuintainError) else f"{type(error).__name__}: {error}"
        raise ConfigurationError(f"{env_name(env)} cannot be drawn: {reason}{drawing_advice(reason)}") from error


def record_videos(
    report: Report,
    env: EnvLike,
    env_kwargs: Mapping[str, Any] | None,
    which: int | str | Iterable[int],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Video]:
    """Record episodes of a run as ``videos/episode-I.mp4`` in its folder, which a page of the run then shows.

    Where the environment is not reproducible, playing the actions again leads to a different episode: it gets a note
    instead of a video.

    Args:
        report: The run; it has a folder.
        env: What its environments were made from.
        env_kwargs: Arguments of the environments.
        which: Number, indices or outcome of the episodes to record; see :meth:`Choice.of`.
        progress: Called with the number of recorded episodes and of all that are chosen.

    Raises:
        ConfigurationError: If the environment does not draw.
        MissingDependencyError: Without the ``video`` extra.
    """
    require("imageio_ffmpeg", "video", "videos")
    assert report.path is not None
    folder = report.path / _FILE.parent
    folder.mkdir(parents=True, exist_ok=True)
    chosen = Choice.of(which).among(report.episodes)
    options = report.manifest.get("config", {}).get("reset_options")
    videos = []
    drawn = _make_drawn(env, env_kwargs)
    try:
        items = items_of(drawn)
        for number, episode in enumerate(chosen):
            progress(number, len(chosen))
            job = Job(episode.index, episode.seed, options, item=episode.item, repeat=episode.repeat)
            videos.append(_record(drawn, episode, job.posing(items) if items else job, folder))
        progress(len(chosen), len(chosen))
    finally:
        drawn.close()
    write_atomically(report.path / _FILE, to_json({"videos": [asdict(video) for video in videos]}) + "\n")
    return videos


def read_videos(folder: Path) -> list[Video]:
    """Read which videos a run folder has; empty if none were recorded."""
    path = folder / _FILE
    if not path.exists():
        return []
    return [Video(**video) for video in json.loads(path.read_text(encoding="utf-8"))["videos"]]


def drawing_advice(reason: str) -> str:
    """Return advice if rendering failed for a reason that concerns the display; otherwise an empty string."""
    if "MUJOCO_GL" in reason or not _ABOUT_A_DISPLAY.search(reason):
        return ""
    return (
        ". On a machine without a screen try MUJOCO_GL=egl (needs libegl1) or MUJOCO_GL=osmesa (needs libosmesa6), set "
        "before Python starts"
    )


def _make_drawn(env: EnvLike, env_kwargs: Mapping[str, Any] | None) -> gym.Env[Any, Any]:
    """Make the environment with render mode ``"rgb_array"``."""
    source: EnvLike = (spec_of(env) or env) if is_instance(env) else env
    by_name = isinstance(source, (str, EnvSpec, type))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Gymnasium warns of a render mode that the environment refuses
        drawn = make_env(source, {**(env_kwargs or {}), "render_mode": "rgb_array"} if by_name else None)
    if drawn.render_mode != "rgb_array":
        drawn.close()
        raise _Undrawn(
            f"a video of {env_name(env)} needs frames, and its render mode is {drawn.render_mode!r}: make it with "
            f"render_mode='rgb_array' (its render modes are {drawn.metadata.get('render_modes', [])})"
        )
    return drawn


class _Undrawn(ConfigurationError):
    """The environment was made in another render mode."""


def _record(env: gym.Env[Any, Any], episode: EpisodeRecord, job: Job, folder: Path) -> Video:
    every = max(1, math.ceil(len(episode.steps) / MAX_FRAMES))
    path = folder / f"episode-{episode.index}.mp4"
    temporary = path.with_name(f".{path.name}.tmp.mp4")
    try:
        frames = _frames(env, episode, job, every)
        _write(temporary, frames, float(env.metadata.get("render_fps") or _FPS))
        temporary.replace(path)
    except Exception as error:  # whatever an environment or its OpenGL library raises
        reason = str(error) if isinstance(error, QuintainError) else f"{type(error).__name__}: {error}"
        return Video(episode.index, note=f"No video: {reason}{drawing_advice(reason)}")
    finally:
        temporary.unlink(missing_ok=True)
    return Video(episode.index, path.name, f"every {every}th frame" if every > 1 else "")


def _frames(env: gym.Env[Any, Any], episode: EpisodeRecord, job: Job, every: int) -> Iterable[Any]:
    """Play the recorded actions again and yield frames.

    Raises:
        EnvironmentFault: If the rewards are not the recorded ones.
    """
    job.reset(env)
    yield _frame(env)
    for number, step in enumerate(episode.steps, start=1):
        _, reward, terminated, truncated, _ = env.step(read_action(step["action"], env.action_space))
        last = number == len(episode.steps)
        early = (terminated or truncated) and not last
        if early or not math.isclose(float(reward), step["reward"], rel_tol=1e-6, abs_tol=1e-9):
            raise EnvironmentFault(
                f"played again, the episode differs at step {number}: the environment is not reproducible"
            )
        if number % every == 0 or last:
            yield _frame(env)


def _frame(env: gym.Env[Any, Any]) -> Any:
    """Render a frame: uint8, shape (height, width, 3); height and width are even, as the codec needs."""
    frame: Any = env.render()
    if not isinstance(frame, np.ndarray) or frame.ndim != 3 or frame.shape[2] != 3:
        raise EnvironmentFault(f"render() must return an array of shape (height, width, 3), got {type(frame).__name__}")
    factor = max(1, _MIN_WIDTH // frame.shape[1])
    frame = frame.astype(np.uint8, copy=False).repeat(factor, axis=0).repeat(factor, axis=1)
    height, width, _ = frame.shape
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _write(path: Path, frames: Iterable[Any], fps: float) -> None:
    imageio: Any = require("imageio.v2", "video", "videos")

    with imageio.get_writer(
        path, format="FFMPEG", fps=fps, codec="libx264", quality=6, macro_block_size=2, ffmpeg_log_level="error",
        output_params=["-movflags", "+faststart"],
    ) as writer:  # fmt: skip
        for frame in frames:
            writer.append_data(frame)
