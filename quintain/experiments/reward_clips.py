"""Clips of evaluation episodes of a search for a reward: recorded actions are played again and drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from quintain.errors import QuintainError, require
from quintain.evaluation.videos import drawing_advice, prepare_display
from quintain.files import write_atomically
from quintain.training.reward_search import Round

__all__ = ["RewardClip", "read_reward_clips", "record_reward_clips"]

#: Maximum number of frames, and width in pixels.
_FRAMES, _WIDTH = 60, 360


@dataclass(frozen=True, slots=True)
class RewardClip:
    """One episode.

    Attributes:
        outcome: ``"success"``, ``"death"`` or ``"failure"``.
        cause: Cause of death.
        steps: Its number of steps.
        file: Name of the animated WebP in the folder of the round; empty if there is none.
        note: Why there is none.
    """

    outcome: str
    cause: str
    steps: int
    file: str = ""
    note: str = ""


def read_reward_clips(place: Path) -> list[RewardClip]:
    """Return the clips in the folder of a round; none if none were recorded."""
    path = place / "clips.json"
    if not path.exists():
        return []
    return [RewardClip(**each) for each in json.loads(path.read_text(encoding="utf-8"))]


def record_reward_clips(env: str, env_kwargs: Mapping[str, Any], found: Round, folder: str | Path) -> list[RewardClip]:
    """Draw the chosen episodes of a round into ``rounds/K/``; done once.

    Args:
        env: Registered id.
        env_kwargs: Arguments of the environment, as in the search.
        found: The round.
        folder: The run folder.
    """
    place = Path(folder) / "rounds" / str(found.number)
    if clips := read_reward_clips(place):
        return clips
    prepare_display()
    clips = []
    for episode in found.episodes:
        facts = episode["outcome"], episode["cause"], len(episode["actions"])
        try:
            frames = _film(env, env_kwargs, episode)
            name = f"{episode['outcome']}.webp"
            place.mkdir(parents=True, exist_ok=True)
            durations = [120] * (len(frames) - 1) + [1200]
            frames[0].save(
                place / name, save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=60, method=4
            )
            clips.append(RewardClip(*facts, name))
        except Exception as error:  # whatever an environment or its OpenGL library raises
            reason = str(error) if isinstance(error, QuintainError) else f"{type(error).__name__}: {error}"
            clips.append(RewardClip(*facts, note=f"No clip: {reason}{drawing_advice(reason)}"))
    write_atomically(place / "clips.json", json.dumps([asdict(clip) for clip in clips]))
    return clips


def _film(env: str, env_kwargs: Mapping[str, Any], episode: Mapping[str, Any]) -> list[Any]:
    """Play an episode again, and return at most ``_FRAMES`` frames, the last one included."""
    image: Any = require("PIL.Image", "report", "clips")
    actions = episode["actions"]
    every = max(1, -(-len(actions) // _FRAMES))
    made = gym.make(env, disable_env_checker=True, render_mode="rgb_array", **env_kwargs)
    frames = []
    try:
        made.reset(seed=episode["seed"])
        space = made.action_space
        for number, action in enumerate(actions, start=1):
            made.step(np.asarray(action, space.dtype) if np.ndim(action) else action)
            if number % every == 0 or number == len(actions):
                frame = image.fromarray(made.render())
                height = round(frame.height * _WIDTH / frame.width)
                frames.append(frame.convert("RGB").resize((_WIDTH, height), image.Resampling.LANCZOS))
    finally:
        made.close()
    return frames
