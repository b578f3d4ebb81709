"""The items of a run: episodes of one item depend on each other, so intervals count an item once."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.records import EpisodeRecord

__all__ = ["Items", "all_different", "repeated"]


def all_different(episodes: Iterable[EpisodeRecord]) -> bool:
    """Return whether no two episodes have the same ``info["task_hash"]``."""
    hashes = [str(found) for e in episodes if (found := e.info.get("task_hash")) is not None]
    return len(set(hashes)) == len(hashes)


def repeated(items: Sequence[Hashable] | NDArray[np.int64], *, alone: bool = False) -> NDArray[Any] | None:
    """Return the items as labels of clusters if some occur more than once, else ``None``.

    An item that is drawn twice is one question asked twice, and its episodes depend on each other.

    Args:
        items: One hash or number per episode.
        alone: Whether an item of which all episodes are copies counts too. Of environments without tasks it does not:
            there the hash names the configuration, and the seed draws the rest.
    """
    labels = np.array(items)
    different = len(np.unique(labels))
    return labels if different < len(labels) and (different > 1 or alone) else None


class Items:
    """The item of every episode of a run, gathered episode by episode.

    Episodes belong to one item if their ``info["task_hash"]`` is equal, or if they are repeats of one item of the run.

    Attributes:
        repeats: Number of answers to an item: 1 + the largest ``repeat`` of a record.
        different: Number of different hashes.
    """

    def __init__(self) -> None:
        self.repeats = 1
        self._numbers: dict[str, int] = {}
        # Of every episode: its hash, as a number in order of appearance; its item of the run. -1, -2, ... for none.
        self._hash, self._asked = array("q"), array("q")
        self._hashed = 0
        self._has_tasks = False

    def add(self, episode: EpisodeRecord) -> None:
        """Add the item of one more episode."""
        found, own = episode.info.get("task_hash"), -1 - len(self._hash)
        self._hashed += found is not None
        self._has_tasks = self._has_tasks or "task" in episode.info
        self._hash.append(own if found is None else self._numbers.setdefault(str(found), len(self._numbers)))
        self._asked.append(own if episode.item is None else episode.item)
        if episode.repeat >= self.repeats:
            self.repeats = episode.repeat + 1

    def clusters(self, episodes: NDArray[np.int64] | None = None) -> NDArray[Any] | None:
        """Return the labels of the clusters that some episodes form; ``None`` if these are independent.

        Args:
            episodes: Positions of the episodes, in the order in which they were added; ``None`` for all.
        """
        if self.repeats == 1 and len(self._numbers) == self._hashed:
            return None  # no item was drawn twice
        labels = self.labels
        return repeated(labels if episodes is None else labels[episodes], alone=self._has_tasks or self.repeats > 1)

    @property
    def drawn_again(self) -> tuple[int, int] | None:
        """Number of items that the run posed, and of different ones among them; ``None`` if it drew none again."""
        different = len(self._numbers)
        if different == self._hashed or (different == 1 and not self._has_tasks):
            return None
        hashes, asked = np.asarray(self._hash), np.asarray(self._asked)
        posed = self._hashed if self.repeats == 1 else len(np.unique(asked[hashes >= 0]))
        return None if posed == different else (posed, different)

    @property
    def asked(self) -> NDArray[np.int64]:
        """Number of the run's item of every episode; negative where the run has no items."""
        return np.asarray(self._asked, dtype=np.int64)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """A number for the item of every episode."""
        hashes, asked = np.asarray(self._hash, dtype=np.int64), self.asked
        if self.repeats == 1:
            return hashes
        # An episode that failed may lack the hash that its siblings have. Without tasks, the hash names no item.
        known = dict(zip(asked[hashes >= 0].tolist(), hashes[hashes >= 0].tolist(), strict=True))
        free = len(self._numbers)
        found = [known.get(item) if self._has_tasks else None for item in asked.tolist()]
        return np.array([free + item if label is None else label for label, item in zip(found, asked, strict=True)])
