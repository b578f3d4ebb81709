"""Names, subjects and sentences from which the toolkits are populated."""

from __future__ import annotations

from datetime import date, timedelta

from quintain.envs.tools.draw import Draw
from quintain.envs.tools.toolkit import TODAY

__all__ = ["CITIES", "FIRST_NAMES", "ITEMS", "PEOPLE", "SENTENCES", "TOPICS", "USER", "address", "after", "day"]

#: The user's own address.
USER = "me@home.example"
FIRST_NAMES = (
    "Ada", "Bela", "Chen", "Dora", "Emil", "Fatima", "Goran", "Hana", "Igor", "Julia", "Kofi", "Lena",
    "Marco", "Nadia", "Omar", "Petra",
)  # fmt: skip
_LAST_NAMES = (
    "Abel", "Brandt", "Castillo", "Dietrich", "Eriksen", "Farkas", "Gupta", "Horvat", "Ito", "Jensen", "Kovacs",
    "Lindgren", "Moreau", "Novak", "Okafor", "Petrov",
)  # fmt: skip
#: Full names, each with a first name of its own.
PEOPLE = tuple(f"{first} {last}" for first, last in zip(FIRST_NAMES, _LAST_NAMES, strict=True))
CITIES = ("Athens", "Bergen", "Cairo", "Dublin", "Genoa", "Helsinki", "Lisbon", "Madrid", "Oslo", "Prague", "Vienna")
TOPICS = (
    "Annual report", "Boiler repair", "Budget draft", "Choir rehearsal", "Contract renewal", "Garden party",
    "Insurance papers", "Library books", "Marathon training", "New printer", "Parents evening", "Photo album",
    "Project kick-off", "Recipe exchange", "Roof inspection", "Server upgrade", "Summer camp", "Team lunch",
    "Train tickets", "Workshop slides",
)  # fmt: skip
SENTENCES = (
    "I will be ten minutes late.", "The meeting room has changed to B12.", "Please bring the signed copy.",
    "The delivery arrives on Thursday.", "Thank you, that works well for me.", "The deadline has moved by a week.",
    "I could not open the attachment.", "We need two more chairs.", "The numbers look right to me.",
    "Could you confirm by tomorrow?", "The key is with the neighbour.", "I have added the missing pages.",
)  # fmt: skip
ITEMS = (
    "bicycle pump", "blue folder", "coffee beans", "desk lamp", "dish soap", "garden hose", "light bulbs", "notebook",
    "paint brush", "phone charger", "rain jacket", "scissors", "sports bag", "stapler", "tea kettle", "wall clock",
)  # fmt: skip


def address(name: str) -> str:
    """Return the e-mail address of a person.

    Example:
        >>> address("Ada Abel")
        'ada.abel@post.example'
    """
    return f"{name.lower().replace(' ', '.')}@post.example"


def after(days: int) -> str:
    """Return the date some days after the date of the episode, as ISO text."""
    return (date.fromisoformat(TODAY) + timedelta(days=days)).isoformat()


def day(rng: Draw) -> str:
    """Draw a date within the next two weeks."""
    return after(rng.integer(1, 14))
