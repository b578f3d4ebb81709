"""Values that a run computes apart from episodes, such as trained attacks: computed once, then read from its folder."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TypeVar

from quintain.evaluation.progress import ProgressBar, SilentBar
from quintain.files import locked

__all__ = ["Store"]

T = TypeVar("T")


class Store:
    """Caches values that are expensive to compute, in the run folder and in memory.

    Several processes may share a folder: what one of them is computing, the others wait for. A copy sent to another
    process begins with an empty memory.

    Args:
        folder: The run folder; ``None`` for a run that writes nothing, whose results are kept in memory alone.
        progress: Receives the progress of long computations.
    """

    def __init__(self, folder: Path | None, progress: ProgressBar) -> None:
        self.folder = folder
        self.progress = progress
        self._values: dict[str, object] = {}

    def obtain(
        self, name: str, compute: Callable[[], T], save: Callable[[T, Path], None], load: Callable[[Path], T]
    ) -> T:
        """Return a value: from memory, else from the run folder, else computed now and saved.

        Args:
            name: Path of the value's file below the run folder. It identifies the value.
            compute: Function without arguments, called if the value is not stored.
            save: Writes the value to a path, atomically. It is called for new values, and only where there is a folder.
            load: Reads what ``save`` wrote.
        """
        if name not in self._values:
            path = None if self.folder is None else self.folder / name
            with nullcontext() if path is None else locked(path):
                if path is not None and path.exists():
                    self._values[name] = load(path)
                else:
                    value = self._values[name] = compute()
                    if path is not None:
                        save(value, path)
        return self._values[name]  # type: ignore[return-value]  # a name always holds values of one type

    def __reduce__(self) -> tuple[type[Store], tuple[Path | None, ProgressBar]]:
        return Store, (self.folder, SilentBar())
