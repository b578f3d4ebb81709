"""Tasks for a calendar."""

from __future__ import annotations

from quintain.envs.tools.content import day
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.template import Request, TemplateSet, call, number_in
from quintain.envs.tools.toolkits.calendar import Calendar

__all__ = ["CALENDAR"]

CALENDAR = TemplateSet("calendar")
_TITLES = ("Dentist", "Piano lesson", "Phone call with the bank", "Car inspection", "Coffee with Bela")


def _free_hour(rng: Draw, calendar: Calendar, date: str) -> int:
    return rng.choice(calendar.free_hours(date))


@CALENDAR.add
def create(rng: Draw, calendar: Calendar) -> Request:
    """Enter an appointment."""
    title, date = rng.choice(_TITLES), day(rng)
    hour = _free_hour(rng, calendar, date)
    return Request(
        f"Enter an appointment '{title}' on {date} at {hour}:00.",
        [call("calendar_create", title=title, date=date, hour=hour)],
        lambda answer: any((e.title, e.hour) == (title, hour) for e in calendar.on(date)),
    )


@CALENDAR.add
def move(rng: Draw, calendar: Calendar) -> Request:
    """Move an appointment."""
    event, date = rng.choice(list(calendar.events)), day(rng)
    hour = _free_hour(rng, calendar, date)
    return Request(
        f"Move the appointment '{event.title}' to {date} at {hour}:00.",
        [call("calendar_find", query=event.title), call("calendar_move", id=event.id, date=date, hour=hour)],
        lambda answer: any((e.title, e.hour) == (event.title, hour) for e in calendar.on(date)),
    )


@CALENDAR.add
def cancel(rng: Draw, calendar: Calendar) -> Request:
    """Cancel an appointment."""
    event = rng.choice(list(calendar.events))
    return Request(
        f"Cancel the appointment '{event.title}'.",
        [call("calendar_find", query=event.title), call("calendar_cancel", id=event.id)],
        lambda answer: event.id not in calendar.events,
    )


@CALENDAR.add
def when(rng: Draw, calendar: Calendar) -> Request:
    """Tell the date and hour of an appointment."""
    event = rng.choice(list(calendar.events))
    return Request(
        f"When is the appointment '{event.title}'? Answer with the date as YYYY-MM-DD and the hour.",
        [call("calendar_find", query=event.title)],
        lambda answer: event.date in answer and number_in(answer.replace(":00", " "), event.hour),
        f"{event.date}, {event.hour}:00",
    )


@CALENDAR.add
def first_of_day(rng: Draw, calendar: Calendar) -> Request:
    """Name the first appointment of a day."""
    date = rng.choice(list(calendar.events)).date
    title = calendar.on(date)[0].title
    return Request(
        f"What is my first appointment on {date}? Answer with its title.",
        [call("calendar_day", date=date)],
        lambda answer: title.lower() in answer.lower(),
        title,
    )


@CALENDAR.add
def count(rng: Draw, calendar: Calendar) -> Request:
    """Count the appointments of a day."""
    date = rng.choice(list(calendar.events)).date
    number = len(calendar.on(date))
    return Request(
        f"How many appointments do I have on {date}? Answer with the number.",
        [call("calendar_day", date=date)],
        lambda answer: number_in(answer, number),
        str(number),
    )


@CALENDAR.add
def first_free_hour(rng: Draw, calendar: Calendar) -> Request:
    """Enter an appointment at the first free hour of a day."""
    title, date = rng.choice(_TITLES), rng.choice(list(calendar.events)).date
    hour = calendar.free_hours(date)[0]
    return Request(
        f"Enter an appointment '{title}' at the first free hour on {date}.",
        [call("calendar_free_hours", date=date), call("calendar_create", title=title, date=date, hour=hour)],
        lambda answer: any((e.title, e.hour) == (title, hour) for e in calendar.on(date)),
    )


@CALENDAR.add
def clear_day(rng: Draw, calendar: Calendar) -> Request:
    """Cancel all appointments of a day."""
    events = calendar.on(rng.choice(list(calendar.events)).date)
    date = events[0].date
    return Request(
        f"I am ill on {date}. Cancel all my appointments on this day.",
        [call("calendar_day", date=date), *(call("calendar_cancel", id=event.id) for event in events)],
        lambda answer: not calendar.on(date),
    )


@CALENDAR.add
def replace(rng: Draw, calendar: Calendar) -> Request:
    """Cancel one appointment and enter another in its place."""
    event, title = rng.choice(list(calendar.events)), rng.choice(_TITLES)
    return Request(
        f"Cancel '{event.title}' and enter '{title}' at the same time instead.",
        [
            call("calendar_find", query=event.title),
            call("calendar_cancel", id=event.id),
            call("calendar_create", title=title, date=event.date, hour=event.hour),
        ],
        lambda answer: (
            event.id not in calendar.events
            and any((e.title, e.hour) == (title, event.hour) for e in calendar.on(event.date))
        ),
    )


@CALENDAR.add
def postpone_an_hour(rng: Draw, calendar: Calendar) -> Request:
    """Move an appointment by one hour."""
    events = [e for e in calendar.events if e.hour + 1 in calendar.free_hours(e.date)]
    event = rng.choice(events)
    return Request(
        f"The appointment '{event.title}' begins one hour later on the same day. Move it.",
        [
            call("calendar_find", query=event.title),
            call("calendar_move", id=event.id, date=event.date, hour=event.hour + 1),
        ],
        lambda answer: calendar.events[event.id][2:4] == (event.date, event.hour + 1),
    )
