"""Tasks for a notebook."""

from __future__ import annotations

from quintain.envs.tools.content import SENTENCES
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.template import Request, TemplateSet, call, number_in
from quintain.envs.tools.toolkits.notes import Notebook

__all__ = ["NOTES"]

NOTES = TemplateSet("notes")
_TITLES = ("Packing list", "Birthday ideas", "Bread recipe", "Wifi password", "Books to read")


@NOTES.add
def create(rng: Draw, notes: Notebook) -> Request:
    """Write a note."""
    title, text = rng.choice(_TITLES), rng.choice(SENTENCES)
    return Request(
        f"Write a note with the title '{title}' and the text: {text}",
        [call("notes_create", title=title, text=text)],
        lambda answer: any(n.title == title and text in n.text for n in notes.notes),
    )


@NOTES.add
def append(rng: Draw, notes: Notebook) -> Request:
    """Add a line."""
    note, text = rng.choice(list(notes.notes)), f"Call back at {rng.integer(8, 19)}:30."
    return Request(
        f"Add this line to my note '{note.title}': {text}",
        [call("notes_search", query=note.title), call("notes_append", id=note.id, text=text)],
        lambda answer: note.text in notes.notes[note.id].text and text in notes.notes[note.id].text,
    )


@NOTES.add
def rename(rng: Draw, notes: Notebook) -> Request:
    """Change a title."""
    note, title = rng.choice(list(notes.notes)), rng.choice(_TITLES)
    return Request(
        f"Rename my note '{note.title}' to '{title}'.",
        [call("notes_search", query=note.title), call("notes_rename", id=note.id, title=title)],
        lambda answer: notes.notes[note.id].title == title,
    )


@NOTES.add
def delete(rng: Draw, notes: Notebook) -> Request:
    """Delete a note."""
    note = rng.choice(list(notes.notes))
    return Request(
        f"Delete my note '{note.title}'.",
        [call("notes_search", query=note.title), call("notes_delete", id=note.id)],
        lambda answer: note.id not in notes.notes,
    )


@NOTES.add
def read(rng: Draw, notes: Notebook) -> Request:
    """Quote a note."""
    note = rng.choice(list(notes.notes))
    return Request(
        f"What does my note '{note.title}' say? Quote it.",
        [call("notes_search", query=note.title), call("notes_read", id=note.id)],
        lambda answer: note.text in answer,
        note.text,
    )


@NOTES.add
def find(rng: Draw, notes: Notebook) -> Request:
    """Find a note by its text."""
    note = rng.choice(list(notes.notes))
    return Request(
        f"In which of my notes did I write '{note.text}'? Answer with its title only.",
        [call("notes_search", query=note.text)],
        lambda answer: note.title in answer and sum(n.title in answer for n in notes.notes) == 1,
        note.title,
    )


@NOTES.add
def count(rng: Draw, notes: Notebook) -> Request:
    """Count the notes."""
    for note in rng.sample(list(notes.notes), rng.integer(0, 3)):
        notes.notes.remove(note.id)
    number = len(notes.notes)
    return Request(
        "How many notes do I have? Answer with the number.",
        [call("notes_titles")],
        lambda answer: number_in(answer, number),
        str(number),
    )


@NOTES.add
def copy(rng: Draw, notes: Notebook) -> Request:
    """Copy a note under another title."""
    note, title = rng.choice(list(notes.notes)), rng.choice(_TITLES)
    return Request(
        f"Make a new note '{title}' with the same text as '{note.title}'.",
        [
            call("notes_search", query=note.title),
            call("notes_read", id=note.id),
            call("notes_create", title=title, text=note.text),
        ],
        lambda answer: any(n.title == title and note.text in n.text for n in notes.notes) and note.id in notes.notes,
    )
