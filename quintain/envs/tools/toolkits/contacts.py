"""An address book."""

from __future__ import annotations

from typing import Literal, NamedTuple

from quintain.envs.tools.content import CITIES, PEOPLE, address
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.tool import ToolError, reads, writes
from quintain.envs.tools.toolkit import Toolkit

__all__ = ["Contact", "Contacts"]


class Contact(NamedTuple):
    """A person."""

    id: str
    name: str
    email: str
    phone: str
    city: str


class Contacts(Toolkit):
    """The user's address book."""

    name = "contacts"

    def __init__(self) -> None:
        super().__init__()
        self.people = self.table("contact", Contact)

    def populate(self, rng: Draw) -> None:
        """Enter eight people."""
        for name in rng.sample(PEOPLE, 8):
            self.people.add(name, address(name), f"555-{rng.integer(1000, 9999)}", rng.choice(CITIES))

    @reads
    def search(self, query: str) -> list[Contact]:
        """Find the people whose name, address or city contains a phrase.

        Args:
            query: The phrase; upper and lower case do not matter.
        """
        phrase = query.lower()
        return [p for p in self.people if phrase in f"{p.name}\n{p.email}\n{p.city}".lower()]

    @reads
    def get(self, id: str) -> Contact:
        """Show a person.

        Args:
            id: Id of the person.
        """
        return self.people[id]

    @writes
    def add(self, name: str, email: str, phone: str = "", city: str = "") -> Contact:
        """Enter a person.

        Args:
            name: Full name.
            email: E-mail address.
            phone: Telephone number.
            city: City.
        """
        if any(p.name == name for p in self.people):
            raise ToolError(f"{name[:60]} is there already")
        return self.people.add(name, email, phone, city)

    @writes
    def update(self, id: str, field: Literal["name", "email", "phone", "city"], value: str) -> Contact:
        """Change an entry of a person.

        Args:
            id: Id of the person.
            field: What to change.
            value: The new value.
        """
        return self.people.change(id, **{field: value})

    @writes
    def remove(self, id: str) -> str:
        """Remove a person.

        Args:
            id: Id of the person.
        """
        return f"removed {self.people.remove(id).name}"
