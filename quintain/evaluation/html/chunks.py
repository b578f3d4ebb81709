"""Transcripts of a page: in the page while they are few, else in compressed files beside it that load on demand.

The files are scripts, because a page that was opened from disk (``file://``) may load scripts but read no files. Each
calls one function of the page with a key and base64 of gzip of JSON, so a transcript is never part of a program. A
file's name contains a hash of its content: a page that is written again never mixes with files of an earlier one.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from quintain.evaluation.html.transcripts import embed, episode_data, episode_json, escaped, index_data
from quintain.evaluation.requests import SharedTexts
from quintain.json_text import to_json
from quintain.records import EpisodeRecord

__all__ = ["Chunks"]

#: Maximum size of all transcripts in the page itself, in characters.
MAX_INLINE = 4_000_000
#: Size of the transcripts in one file, in characters before compression.
CHUNK = 1_000_000
#: Level of zlib; higher ones save little and take several times as long.
_LEVEL = 2
#: Characters that are handed to zlib at once.
_BLOCK = 64_000
_NAME = re.compile(r"[a-z0-9]+-[0-9a-f]{16}\.js")


class Chunks:
    """Takes the episodes of a page one by one, and keeps their transcripts in memory or in files beside the page.

    Args:
        page: Path of the page; ``None`` keeps every transcript in the page.
        preamble: Text with which first observations begin, which the list of episodes leaves out.
        texts: Texts to which records refer: the entry ``"texts"`` of the manifests of their runs. Default: none.
    """

    def __init__(self, page: Path | None, preamble: str, texts: Mapping[str, str] | None = None) -> None:
        self._texts = SharedTexts(texts)
        self._folder = None if page is None else page.with_name(f"{page.stem}_files")
        self._preamble = preamble
        self._shared = True
        self._rows: list[dict[str, Any]] = []
        self._inline: list[tuple[int, str]] = []
        self._size = 0
        self._chunk = _Compressor()
        self._names: list[str] = []
        self._index: _Compressor | None = None

    def add(self, episode: EpisodeRecord, line: bytes = b"") -> None:
        """Add an episode.

        Args:
            episode: Its record, whose texts the page shares with other episodes.
            line: The record's line in its file, if it was read from one: it saves time.
        """
        self._note(episode)
        episode, _ = self._texts.share(episode)
        self._put(index_data(episode, self._preamble), episode_json(episode, line))

    def add_pair(self, number: int, episodes: tuple[EpisodeRecord, EpisodeRecord], **facts: Any) -> None:
        """Add two episodes that are shown side by side.

        Args:
            number: Number of the pair.
            episodes: The paired episodes of both runs.
            facts: Further entries of the pair's row in the list.
        """
        rows = []
        for episode in episodes:
            self._note(episode)
            rows.append(index_data(episode, self._preamble))
        episodes = self._texts.share(episodes[0])[0], self._texts.share(episodes[1])[0]
        row = rows[0] | facts | {"i": number, "other": {key: rows[1][key] for key in ("outcome", "reward", "terms")}}
        self._put(row, to_json({"i": number, "sides": [episode_data(episode) for episode in episodes]}))

    def _note(self, episode: EpisodeRecord) -> None:
        first = episode.steps[0]["observation"] if episode.steps else None
        self._shared = self._shared and (not isinstance(first, str) or first.startswith(self._preamble))

    def _put(self, row: dict[str, Any], text: str) -> None:
        if self._index is not None:
            self._store(row, text)
            return
        self._rows.append(row)
        self._inline.append((row["i"], text))
        self._size += len(escaped(text))
        if self._folder is not None and self._size > MAX_INLINE:
            self._index = _Compressor()
            kept, self._rows = self._rows, []
            for kept_row, (_, kept_text) in zip(kept, self._inline, strict=True):
                self._store(kept_row, kept_text)
            self._inline = []

    def finish(self) -> tuple[str, list[tuple[int, str]]]:
        """Write what is left to the files.

        Returns:
            The page's index, and the number and transcript of each episode in the page, as JSON for ``<script>``
            elements.
        """
        preamble = self._preamble if self._shared else ""
        if self._index is None:
            index = embed({"preamble": preamble, "texts": self._texts.texts, "episodes": self._rows})
            return index, [(number, escaped(text)) for number, text in self._inline]
        self._close_chunk()
        rest = {"preamble": preamble, "texts": self._texts.texts, "files": self._names}
        self._index.write(f"],{to_json(rest)[1:]}")
        name = self._write("index", self._index.finish())
        assert self._folder is not None
        return embed({"folder": quote(self._folder.name), "index": name}), []

    def remove_stale(self) -> None:
        """Remove the files of an earlier page. Call it when the new page is in place."""
        if self._folder is not None and self._folder.is_dir():
            for file in self._folder.iterdir():
                if _NAME.fullmatch(file.name) and file.name not in self._names:
                    file.unlink(missing_ok=True)
            if not self._names and not any(self._folder.iterdir()):
                self._folder.rmdir()

    def _store(self, row: dict[str, Any], text: str) -> None:
        row["file"] = len(self._names)
        self._rows.append(row)
        self._chunk.write(f",{text}" if self._chunk.size else f"[{text}")
        if self._chunk.size > CHUNK:
            self._close_chunk()

    def _close_chunk(self) -> None:
        """Write a file of transcripts, and the rows of its episodes to the index."""
        if self._rows:
            assert self._index is not None
            self._index.write(("," if self._names else '{"episodes":[') + to_json(self._rows)[1:-1])
            self._chunk.write("]")
            self._write(str(len(self._names)), self._chunk.finish())
            self._rows, self._chunk = [], _Compressor()

    def _write(self, key: str, data: bytes) -> str:
        assert self._folder is not None
        script = b'quintainFile("%s","%s")\n' % (key.encode(), base64.b64encode(data))
        name = f"{key}-{hashlib.sha256(data).hexdigest()[:16]}.js"
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_bytes(script)
        self._names.append(name)
        return name


class _Compressor:
    """Gzip of ASCII text that is written piece by piece; ``size`` counts its characters."""

    def __init__(self) -> None:
        self.size = 0
        self._waiting: list[str] = []
        self._waiting_size = 0
        self._packed, self._parts = zlib.compressobj(_LEVEL, wbits=31), bytearray()

    def write(self, text: str) -> None:
        self.size += len(text)
        self._waiting.append(text)
        self._waiting_size += len(text)
        if self._waiting_size > _BLOCK:
            self._compress()

    def _compress(self) -> None:
        self._parts += self._packed.compress("".join(self._waiting).encode("ascii"))
        self._waiting, self._waiting_size = [], 0

    def finish(self) -> bytes:
        self._compress()
        return bytes(self._parts + self._packed.flush())
