"""Recording clips: one episode, clean and under every attack, in panels that move in step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym

from quintain.attacks.episodes import AttackedEpisode, play_attacked
from quintain.errors import QuintainError, require
from quintain.evaluation.videos import drawing_advice
from quintain.experiments.robustness.cell import RobustnessCell
from quintain.experiments.robustness.clips import Clip, write_clips
from quintain.experiments.robustness.experiment import RobustnessExperiment
from quintain.experiments.robustness.panels import COLUMNS, WIDTH, join_panels
from quintain.experiments.robustness.table import RobustnessTable
from quintain.experiments.store import Store

__all__ = ["record_clips"]

_FRAMES = 60
_PANELS = 6
_QUALITY = 60


def record_clips(experiment: RobustnessExperiment, table: RobustnessTable, store: Store, folder: Path) -> list[Clip]:
    """Record, for every policy, the first repetition's episode whose loss under the strongest attack is the median.

    A policy whose environment cannot be rendered gets a clip whose note says why. Results do not depend on it.

    Args:
        experiment: The experiment, played to its end.
        table: Results of the run whose episodes are recorded.
        store: Holds the trained attacks.
        folder: The run folder; clips go to ``videos/`` in it.
    """
    clips = []
    for subject in experiment.subjects:
        store.progress.describe(f"{subject.name}: videos")
        try:
            clips.append(_film(experiment, table, store, folder / "videos", subject.name))
        except Exception as error:  # whatever an environment or its OpenGL library raises
            reason = str(error) if isinstance(error, QuintainError) else f"{type(error).__name__}: {error}"
            clips.append(Clip(subject.name, note=_no_video(reason)))
    write_clips(clips, folder)
    return clips


class _Camera(gym.Wrapper[Any, Any, Any, Any]):
    """Keeps every n-th frame of the first episode, and its last."""

    def __init__(self, env: gym.Env[Any, Any], every: int, frames: list[Any]) -> None:
        super().__init__(env)
        self._every, self._frames, self._time, self._over = every, frames, 0, False

    def reset(self, **options: Any) -> Any:
        result = self.env.reset(**options)
        if not self._frames:
            self._keep()
        return result

    def step(self, action: Any) -> Any:
        result = self.env.step(action)
        self._time += 1
        over = bool(result[2] or result[3])
        if not self._over and (over or self._time % self._every == 0):
            self._keep()
        self._over = self._over or over
        return result

    def _keep(self) -> None:
        image: Any = require("PIL.Image", "report", "videos")
        frame = image.fromarray(self.env.render())
        height = round(frame.height * WIDTH / frame.width)
        self._frames.append(frame.convert("RGB").resize((WIDTH, height), image.Resampling.LANCZOS))


def _film(experiment: RobustnessExperiment, table: RobustnessTable, store: Store, folder: Path, policy: str) -> Clip:
    require("PIL.Image", "report", "videos")
    seed, largest = experiment.seeds[0], max(experiment.epsilons)
    rows = {row.attack: row for row in table.rows if row.policy == policy and row.epsilon in (0.0, largest)}
    clean = rows["clean"].repetitions[seed]
    strongest = max((r for name, r in rows.items() if name != "clean"), key=lambda r: r.loss.estimate, default=None)
    losses = [a.reward - b.reward for a, b in zip(clean, (strongest or rows["clean"]).repetitions[seed], strict=True)]
    chosen = sorted(range(len(losses)), key=losses.__getitem__)[(len(losses) - 1) // 2]
    cells = [
        cell
        for cell in experiment.cells()
        if cell.subject.name == policy and cell.seed == seed and (cell.attack is None or cell.epsilon == largest)
    ][:_PANELS]
    longest = max(rows[cell.attack_name].repetitions[seed][chosen].length for cell in cells)
    every = math.ceil(longest / _FRAMES)
    strips: list[list[Any]] = []
    played: list[AttackedEpisode] = []
    for cell in cells:
        frames: list[Any] = []
        played += _shoot(cell, store, clean[chosen].seed, every, frames)
        strips.append(frames)
    metadata = cells[0].subject.make().metadata
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in policy)
    captions = tuple(
        cell.attack_name if cell.attack is None else f"{cell.attack_name}, {cell.epsilon:g}" for cell in cells
    )
    outcomes = tuple(_outcome(episode) for episode in played)
    fps = float(metadata.get("render_fps", 30))
    _save(join_panels(strips, captions, outcomes), folder, name, min(25.0, max(8.0, fps / every)))
    note = "The episode whose loss under the strongest attack is the median"
    note += f" ({strongest.attack} at {largest:g})." if strongest is not None else "."
    legend = dict(metadata.get("legend", {}))
    return Clip(
        policy, captions, outcomes, clean[chosen].seed, f"{name}.webp", f"{name}-last.webp", note, legend,
        min(COLUMNS, len(cells)),
    )  # fmt: skip


def _shoot(cell: RobustnessCell, store: Store, seed: int, every: int, frames: list[Any]) -> list[AttackedEpisode]:
    def make() -> gym.Env[Any, Any]:
        return _Camera(cell.subject.make(render_mode="rgb_array"), every, frames)

    return play_attacked(make, cell.subject.policy(cell.seed), [seed], cell.wrapper(store))


def _outcome(episode: AttackedEpisode) -> str:
    said = [f"return {episode.reward:.3g}"]
    said += ["victim succeeds"] if episode.success else []
    said += ["attacker succeeds"] if episode.attacker_success else []
    return ", ".join(said)


def _save(frames: Sequence[Any], folder: Path, name: str, fps: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    durations = [round(1000 / fps)] * (len(frames) - 1) + [1200]
    frames[0].save(
        folder / f"{name}.webp", save_all=True, append_images=frames[1:], duration=durations, loop=0,
        quality=_QUALITY, method=4,
    )  # fmt: skip
    frames[-1].save(folder / f"{name}-last.webp", quality=_QUALITY)


def _no_video(reason: str) -> str:
    advice = drawing_advice(reason)
    return f"No video: {reason}{advice}{', and the same command with --resume' if advice else ''}.".replace("..", ".")
