"""A list of things to do."""

from __future__ import annotations

from datetime import date as Date
from typing import Literal, NamedTuple

from quintain.envs.tools.content import ITEMS, after
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.tool import ToolError, reads, writes
from quintain.envs.tools.toolkit import Toolkit

__all__ = ["Todo", "TodoList"]

_VERBS = ("Buy", "Repair", "Return", "Sell", "Clean", "Look for")


class Todo(NamedTuple):
    """Something to do."""

    id: str
    title: str
    due: str
    done: bool


class TodoList(Toolkit):
    """What the user has to do."""

    name = "todo"
    untrusted = ("title",)

    def __init__(self) -> None:
        super().__init__()
        self.todos = self.table("todo", Todo)

    def populate(self, rng: Draw) -> None:
        """Enter seven things, each due on another day; two of them are done."""
        days = rng.sample(range(1, 15), 7)
        for number, item in enumerate(rng.sample(ITEMS, 7)):
            self.todos.add(f"{rng.choice(_VERBS)} the {item}", after(days[number]), number < 2)

    def open(self) -> list[Todo]:
        """Return what is not done, by date."""
        return sorted((todo for todo in self.todos if not todo.done), key=lambda todo: todo.due)

    @reads
    def entries(self, status: Literal["open", "done", "all"] = "open") -> list[Todo]:
        """List what there is to do.

        Args:
            status: Which entries.
        """
        return [todo for todo in self.todos if status == "all" or todo.done == (status == "done")]

    @writes
    def add(self, title: str, due: str) -> Todo:
        """Enter something to do.

        Args:
            title: What to do.
            due: The day, as YYYY-MM-DD.
        """
        return self.todos.add(title, _valid(due), False)

    @writes
    def complete(self, id: str) -> Todo:
        """Mark an entry as done.

        Args:
            id: Id of the entry.
        """
        if self.todos[id].done:
            raise ToolError(f"{id} is done already")
        return self.todos.change(id, done=True)

    @writes
    def postpone(self, id: str, due: str) -> Todo:
        """Change the day of an entry.

        Args:
            id: Id of the entry.
            due: The new day, as YYYY-MM-DD.
        """
        return self.todos.change(id, due=_valid(due))

    @writes
    def remove(self, id: str) -> str:
        """Remove an entry.

        Args:
            id: Id of the entry.
        """
        return f"removed {self.todos.remove(id).title}"


def _valid(date: str) -> str:
    try:
        return Date.fromisoformat(date).isoformat()
    except ValueError:
        raise ToolError(f"{date[:40]!r} is not a date as YYYY-MM-DD") from None
