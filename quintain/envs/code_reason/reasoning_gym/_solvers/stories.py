"""Solvers of questions about dates and people."""

from __future__ import annotations

import re
from datetime import date, timedelta

from quintain.envs.code_reason.reasoning_gym._solvers._reading import Unclear, find, integers, words
from quintain.errors import TaskError

__all__ = ["aiw", "calendar_arithmetic", "family_relationships"]

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December"),
)
_DATE = re.compile(rf"(?:({'|'.join(_WEEKDAYS)}), )?\b({'|'.join(_MONTHS)}) (\d+)(?:, (\d{{4}}))?")
_NTH = ("first", "second", "third", "fourth", "last")

#: First names that English speakers give to one sex only; the library uses others as well.
_MEN = words(
    """
James John Robert Michael William David Richard Joseph Thomas Charles Peter Daniel Matthew Christopher Andrew George
Edward Benjamin Henry Samuel Alexander Oliver Jack Harry Jacob Noah Ethan Lucas Mason Sebastian Theodore Owen Liam Aiden
Finn
"""
)
_WOMEN = words(
    """
Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Emma Lisa Anna Margaret Victoria Charlotte
Sophia Isabella Olivia Ava Mia Emily Abigail Amelia Eleanor Grace Alice Lucy Chloe Sophie Lily Hannah Zoe Luna Aria
Willow Aurora
"""
)


def aiw(question: str) -> str:
    """Count siblings or friends from the other side.

    Unclear are a sister of whom "Richard's brother" is asked, without a word on who Richard is, and the colleagues of
    two circles, where it depends on the reading whom the shared one counts.
    """
    if "colleagues" in question:
        raise Unclear("the circles of colleagues can be read in two ways")
    if "friends" in question:
        return str(int(find(r"she also has (\d+) female friends", question)[1]) + 1)
    sisters, name = find(r"(\d+) sisters.* How many sisters does (\w+)'s brother", question).groups()
    if not question.startswith(name):
        raise Unclear(f"who is {name}?")
    return str(int(sisters) + 1)


def calendar_arithmetic(question: str) -> str:
    """Step through days."""
    if "leap year" in question:
        (year,) = integers(question)
        return "Yes" if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else "No"
    if slashes := re.search(r"(\d+)/(\d+)/(\d+)", question):
        return _WEEKDAYS[date(int(slashes[3]), int(slashes[1]), int(slashes[2])).weekday()]
    if nth := re.search(rf"({'|'.join(_NTH)}) ({'|'.join(_WEEKDAYS)})", question):
        return _nth_weekday(question, *nth.groups())
    if any(words in question for words in ("first day of the year", "January 1 fell on", "January 1st")):
        return _from_new_year(question)
    days = _dates(question)
    if len(days) == 2:
        return _count(question, *days)
    (day,) = days
    if moved := re.search(r"(\d+)(?: |-)days?(.*)", question):
        back = "ago" in moved[2] or "before" in moved[2] or "backward" in question
        day += timedelta(days=-int(moved[1]) if back else int(moved[1]))
    return _WEEKDAYS[day.weekday()]


def _dates(question: str) -> list[date]:
    """Read all dates; one without a year is of the year of the last one."""
    found = _DATE.findall(question)
    years = [int(year) for *_, year in found if year]
    days = []
    for weekday, month, day, year in found:
        days.append(date(int(year or years[-1]), _MONTHS.index(month) + 1, int(day)))
        if weekday and _WEEKDAYS[days[-1].weekday()] != weekday:
            raise Unclear(f"{days[-1]} is no {weekday}")
    return days


def _nth_weekday(question: str, nth: str, weekday: str) -> str:
    month, year = find(rf"({'|'.join(_MONTHS)}) (\d{{4}})", question).groups()
    first = date(int(year), _MONTHS.index(month) + 1, 1)
    days = [first + timedelta(days=i) for i in range(31)]
    fitting = [d.day for d in days if d.month == first.month and _WEEKDAYS[d.weekday()] == weekday]
    place = -1 if nth == "last" else _NTH.index(nth)
    return str(fitting[place] if place < len(fitting) else -1)


def _from_new_year(question: str) -> str:
    new_year = find("|".join(_WEEKDAYS), question)[0]
    month, day = [match for match in _DATE.findall(question) if match[1:3] != ("January", "1")][-1][1:3]
    number = _MONTHS.index(month) + 1
    passed, leap = ((date(year, number, int(day)) - date(year, 1, 1)).days for year in (2022, 2024))
    if passed != leap:
        raise Unclear("is it a leap year?")
    return _WEEKDAYS[(_WEEKDAYS.index(new_year) + passed) % 7]


def _count(question: str, start: date, end: date) -> str:
    if end < start:
        raise Unclear("the end comes before the start")
    days = [_WEEKDAYS[(start + timedelta(days=i)).weekday()] for i in range((end - start).days + 1)]
    if "business days" in question or "excluding weekends" in question:
        return str(sum(day in _WEEKDAYS[:5] for day in days))
    asked = re.findall(rf"({'|'.join(_WEEKDAYS)})(?:s are there| from| occur)", question)
    if len(asked) != 1:
        raise TaskError(f"cannot read which weekday to count in {question!r}; install reasoning-gym==0.1.25")
    return str(days.count(asked[0]))


def family_relationships(question: str) -> str:
    """Name what the first person is to the second."""
    spouse: dict[str, str] = {}
    parents: dict[str, tuple[str, str]] = {}
    story, asked = question.rsplit("\n\n", 1)
    for one, other, children in re.findall(
        r"(\w+) is married to (\w+)\.(?: They have (?:a child|children) called ([^.]*)\.)?", story
    ):
        spouse |= {one: other, other: one}
        parents |= dict.fromkeys(re.findall(r"(\w+)(?:,| and |$)", children), (one, other))
    who, whom = find(r"(?:What is|How is|What relation is) (\w+) (?:related )?to (\w+)\?", asked).groups()
    if who not in _MEN | _WOMEN:
        raise Unclear(f"is {who} a man or a woman?")

    def up(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(parent for name in names for parent in parents.get(name, ()))

    relations = {
        "father mother": who in up((whom,)),
        "son daughter": whom in up((who,)),
        "husband wife": spouse.get(who) == whom,
        "brother sister": bool(up((who,))) and up((who,)) == up((whom,)),
        "grandfather grandmother": who in up(up((whom,))),
        "grandson granddaughter": whom in up(up((who,))),
        "uncle aunt": any(up((parent,)) and up((parent,)) == up((who,)) for parent in up((whom,)) if parent != who),
        "nephew niece": any(up((parent,)) and up((parent,)) == up((whom,)) for parent in up((who,)) if parent != whom),
        "father-in-law mother-in-law": whom in spouse and who in up((spouse[whom],)),
        "son-in-law daughter-in-law": who in spouse and whom in up((spouse[who],)),
    }
    fitting = [names for names, holds in relations.items() if holds]
    if len(fitting) != 1:
        raise Unclear(f"the relation of {who} to {whom} has {len(fitting)} names")
    return fitting[0].split()[who in _WOMEN]
