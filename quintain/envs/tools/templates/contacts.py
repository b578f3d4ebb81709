"""Tasks for an address book."""

from __future__ import annotations

from quintain.envs.tools.content import CITIES, PEOPLE, address
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.template import Request, TemplateSet, call, number_in
from quintain.envs.tools.toolkits.contacts import Contact, Contacts

__all__ = ["CONTACTS"]

CONTACTS = TemplateSet("contacts")


def _one(rng: Draw, contacts: Contacts) -> Contact:
    return rng.choice(list(contacts.people))


def _stranger(rng: Draw, contacts: Contacts) -> str:
    known = {person.name for person in contacts.people}
    return rng.choice([name for name in PEOPLE if name not in known])


@CONTACTS.add
def phone(rng: Draw, contacts: Contacts) -> Request:
    """Look up a number."""
    person = _one(rng, contacts)
    return Request(
        f"What is the telephone number of {person.name}?",
        [call("contacts_search", query=person.name)],
        lambda answer: person.phone in answer,
        person.phone,
    )


@CONTACTS.add
def email(rng: Draw, contacts: Contacts) -> Request:
    """Look up an address that is not the usual one."""
    person = _one(rng, contacts)
    new = f"{person.name.split()[0].lower()}{rng.integer(10, 99)}@other.example"
    contacts.people.change(person.id, email=new)
    return Request(
        f"What is the e-mail address of {person.name}?",
        [call("contacts_search", query=person.name)],
        lambda answer: new in answer,
        new,
    )


@CONTACTS.add
def whose_number(rng: Draw, contacts: Contacts) -> Request:
    """Find a person by an entry."""
    person = _one(rng, contacts)
    return Request(
        f"Who in my address book has the e-mail address {person.email}? Answer with the full name and the city.",
        [call("contacts_search", query=person.email)],
        lambda answer: person.name in answer and person.city in answer,
        f"{person.name}, {person.city}",
    )


@CONTACTS.add
def add(rng: Draw, contacts: Contacts) -> Request:
    """Enter a person."""
    name, number, city = _stranger(rng, contacts), f"555-{rng.integer(1000, 9999)}", rng.choice(CITIES)
    return Request(
        f"Add {name} to my address book: e-mail {address(name)}, telephone {number}, city {city}.",
        [call("contacts_add", name=name, email=address(name), phone=number, city=city)],
        lambda answer: (name, address(name), number, city) in [tuple(person[1:]) for person in contacts.people],
    )


@CONTACTS.add
def new_phone(rng: Draw, contacts: Contacts) -> Request:
    """Change a number."""
    person, number = _one(rng, contacts), f"556-{rng.integer(1000, 9999)}"
    return Request(
        f"{person.name} has a new telephone number, {number}. Change it in my address book.",
        [
            call("contacts_search", query=person.name),
            call("contacts_update", id=person.id, field="phone", value=number),
        ],
        lambda answer: contacts.people[person.id].phone == number,
    )


@CONTACTS.add
def moved(rng: Draw, contacts: Contacts) -> Request:
    """Change a city."""
    person = _one(rng, contacts)
    city = rng.choice([city for city in CITIES if city != person.city])
    return Request(
        f"{person.name} has moved to {city}. Change the entry.",
        [call("contacts_search", query=person.name), call("contacts_update", id=person.id, field="city", value=city)],
        lambda answer: contacts.people[person.id].city == city,
    )


@CONTACTS.add
def remove(rng: Draw, contacts: Contacts) -> Request:
    """Remove a person."""
    person = _one(rng, contacts)
    return Request(
        f"Remove {person.name} from my address book.",
        [call("contacts_search", query=person.name), call("contacts_remove", id=person.id)],
        lambda answer: person.id not in contacts.people,
    )


@CONTACTS.add
def count_in_city(rng: Draw, contacts: Contacts) -> Request:
    """Count the people of a city."""
    city = _one(rng, contacts).city
    number = sum(person.city == city for person in contacts.people)
    return Request(
        f"How many people in my address book live in {city}? Answer with the number.",
        [call("contacts_search", query=city)],
        lambda answer: number_in(answer, number),
        str(number),
    )


@CONTACTS.add
def merge(rng: Draw, contacts: Contacts) -> Request:
    """Remove the older of two entries of a person."""
    person = _one(rng, contacts)
    double = contacts.people.add(person.name, f"old.{person.email}", "", person.city)
    return Request(
        f"{person.name} is in my address book twice. Remove the entry without a telephone number.",
        [call("contacts_search", query=person.name), call("contacts_remove", id=double.id)],
        lambda answer: double.id not in contacts.people and person.id in contacts.people,
    )
