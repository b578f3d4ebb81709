"""A calendar."""

from __future__ import annotations

from datetime import date as Date
from typing import NamedTuple

from quintain.envs.tools.content import TOPICS, after
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.tool import ToolError, reads, writes
from quintain.envs.tools.toolkit import Toolkit

__all__ = ["Calendar", "Event"]


class Event(NamedTuple):
    """An appointment; it takes an hour."""

    id: str
    title: str
    date: str
    hour: int
    place: str


class Calendar(Toolkit):
    """The user's appointments, of an hour each, from 8 to 18 o'clock."""

    name = "calendar"
    untrusted = ("title", "place")

    def __init__(self) -> None:
        super().__init__()
        self.events = self.table("event", Event, free=("place",))

    def populate(self, rng: Draw) -> None:
        """Enter eight appointments with different titles, two of them on one day."""
        days = [after(n) for n in rng.sample(range(1, 15), 7)]
        for title, date in zip(rng.sample(TOPICS, 8), [*days, days[0]], strict=True):
            taken = {event.hour for event in self.events if event.date == date}
            hour = rng.choice([h for h in range(8, 18) if h not in taken])
            self.events.add(title, date, hour, rng.choice(("office", "home", "town hall", "online")))

    def on(self, date: str) -> list[Event]:
        """Return the appointments of a day by hour."""
        return sorted((event for event in self.events if event.date == date), key=lambda event: event.hour)

    @reads
    def day(self, date: str) -> list[Event]:
        """List the appointments of a day.

        Args:
            date: The day, as YYYY-MM-DD.
        """
        return self.on(_valid(date))

    @reads
    def find(self, query: str) -> list[Event]:
        """Find the appointments whose title contains a phrase.

        Args:
            query: The phrase; upper and lower case do not matter.
        """
        return [event for event in self.events if query.lower() in event.title.lower()]

    @reads
    def free_hours(self, date: str) -> list[int]:
        """List the hours of a day without an appointment, from 8 to 17 o'clock.

        Args:
            date: The day, as YYYY-MM-DD.
        """
        taken = {event.hour for event in self.on(_valid(date))}
        return [hour for hour in range(8, 18) if hour not in taken]

    @writes
    def create(self, title: str, date: str, hour: int, place: str = "") -> Event:
        """Enter an appointment.

        Args:
            title: Its title.
            date: The day, as YYYY-MM-DD.
            hour: The hour at which it begins, 8 to 17.
            place: Where it takes place.
        """
        self._check_free(date, hour)
        return self.events.add(title, date, hour, place)

    @writes
    def move(self, id: str, date: str, hour: int) -> Event:
        """Move an appointment to another time.

        Args:
            id: Id of the appointment.
            date: The new day, as YYYY-MM-DD.
            hour: The new hour, 8 to 17.
        """
        self._check_free(date, hour, but=id)
        return self.events.change(id, date=date, hour=hour)

    @writes
    def cancel(self, id: str) -> str:
        """Cancel an appointment.

        Args:
            id: Id of the appointment.
        """
        return f"cancelled {self.events.remove(id).title}"

    def _check_free(self, date: str, hour: int, but: str = "") -> None:
        if not 8 <= hour <= 17:
            raise ToolError("the hour must be from 8 to 17")
        for event in self.on(_valid(date)):
            if event.hour == hour and event.id != but:
                raise ToolError(f"there is an appointment at this time: {event.title}")


def _valid(date: str) -> str:
    try:
        return Date.fromisoformat(date).isoformat()
    except ValueError:
        raise ToolError(f"{date[:40]!r} is not a date as YYYY-MM-DD") from None
