"""The videos of a run on its page: embedded where they are small, linked otherwise."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from urllib.parse import quote

from quintain.evaluation.report import Report
from quintain.evaluation.videos import read_videos

__all__ = ["VideoCard", "video_cards"]

#: Maximum size of all embedded videos, in bytes; the page links to the others.
MAX_EMBEDDED = 24_000_000


@dataclass(frozen=True)
class VideoCard:
    """One video.

    Attributes:
        episode: Number of the episode.
        outcome: Outcome of the episode, such as ``"success"``.
        reward: Return of the episode.
        steps: Its number of steps.
        source: The video as a ``data:`` address; empty if it is not in the page.
        link: Relative address of the file beside the page; empty if there is none.
        note: What is to be said of it.
    """

    episode: int
    outcome: str
    reward: float
    steps: int
    source: str
    link: str
    note: str


def video_cards(report: Report) -> list[VideoCard]:
    """Return the videos of a run folder, in the order in which they were chosen."""
    if report.path is None or not (videos := read_videos(report.path)):
        return []
    wanted = {video.episode for video in videos}
    episodes = {episode.index: episode for episode in report.episodes if episode.index in wanted}
    cards, room = [], MAX_EMBEDDED
    for video in videos:
        path = report.path / "videos" / video.file
        episode = episodes.get(video.episode)
        if episode is None:
            continue
        source, link, note = "", "", video.note
        if video.file and path.is_file():
            link = f"videos/{quote(video.file)}"
            if (size := path.stat().st_size) <= room:
                room -= size
                source = f"data:video/mp4;base64,{base64.b64encode(path.read_bytes()).decode()}"
        elif not note:
            note = f"{video.file} is no longer in the folder"
        outcome = episode.outcome.replace("_", " ")
        cards.append(VideoCard(video.episode, outcome, episode.reward, len(episode.steps), source, link, note))
    return cards
