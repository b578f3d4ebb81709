"""A notebook."""

from __future__ import annotations

from typing import NamedTuple

from quintain.envs.tools.content import SENTENCES, TOPICS
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.tool import ToolError, reads, writes
from quintain.envs.tools.toolkit import Toolkit

__all__ = ["Note", "Notebook"]


class Note(NamedTuple):
    """A note."""

    id: str
    title: str
    text: str


class Notebook(Toolkit):
    """The user's notes."""

    name = "notes"
    untrusted = ("text",)

    def __init__(self) -> None:
        super().__init__()
        self.notes = self.table("note", Note, free=("text",))

    def populate(self, rng: Draw) -> None:
        """Write six notes, each with a text of its own."""
        texts = rng.sample(SENTENCES, 6)
        for title, text in zip(rng.sample(TOPICS, 6), texts, strict=True):
            self.notes.add(title, text)

    @reads
    def titles(self) -> list[dict[str, str]]:
        """List the notes with their ids."""
        return [{"id": note.id, "title": note.title} for note in self.notes]

    @reads
    def search(self, query: str) -> list[dict[str, str]]:
        """Find the notes whose title or text contains a phrase.

        Args:
            query: The phrase; upper and lower case do not matter.
        """
        phrase = query.lower()
        found = [note for note in self.notes if phrase in f"{note.title}\n{note.text}".lower()]
        return [{"id": note.id, "title": note.title} for note in found]

    @reads
    def read(self, id: str) -> Note:
        """Read a note.

        Args:
            id: Id of the note.
        """
        return self.notes[id]

    @writes
    def create(self, title: str, text: str) -> dict[str, str]:
        """Write a note.

        Args:
            title: Its title.
            text: Its text.
        """
        note = self.notes.add(title, text)
        return {"id": note.id, "title": title}

    @writes
    def append(self, id: str, text: str) -> str:
        """Add a line to a note.

        Args:
            id: Id of the note.
            text: The line.
        """
        old = self.notes[id].text
        if len(old) + len(text) > 50_000:
            raise ToolError("the note would be too long")
        self.notes.change(id, text=f"{old}\n{text}")
        return f"added a line to {id}"

    @writes
    def rename(self, id: str, title: str) -> str:
        """Change the title of a note.

        Args:
            id: Id of the note.
            title: The new title.
        """
        self.notes.change(id, title=title)
        return f"{id} is now called {title[:60]}"

    @writes
    def delete(self, id: str) -> str:
        """Delete a note.

        Args:
            id: Id of the note.
        """
        return f"deleted {self.notes.remove(id).title}"
