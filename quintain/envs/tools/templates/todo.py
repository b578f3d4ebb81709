"""Tasks for a list of things to do."""

from __future__ import annotations

from quintain.envs.tools.content import ITEMS, after, day
from quintain.envs.tools.draw import Draw
from quintain.envs.tools.template import Request, TemplateSet, call, number_in
from quintain.envs.tools.toolkits.todo import TodoList

__all__ = ["TODO_LIST"]

TODO_LIST = TemplateSet("todo")


@TODO_LIST.add
def add(rng: Draw, todo: TodoList) -> Request:
    """Enter something."""
    title, due = f"Wrap the {rng.choice(ITEMS)}", day(rng)
    return Request(
        f"Add '{title}' to my to-do list, due on {due}.",
        [call("todo_add", title=title, due=due)],
        lambda answer: any((t.title, t.due) == (title, due) for t in todo.open()),
    )


@TODO_LIST.add
def complete(rng: Draw, todo: TodoList) -> Request:
    """Mark an entry as done."""
    entry = rng.choice(todo.open())
    return Request(
        f"I have done '{entry.title}'. Mark it as done.",
        [call("todo_entries"), call("todo_complete", id=entry.id)],
        lambda answer: todo.todos[entry.id].done,
    )


@TODO_LIST.add
def postpone(rng: Draw, todo: TodoList) -> Request:
    """Change the day of an entry."""
    entry, due = rng.choice(todo.open()), after(rng.integer(15, 30))
    return Request(
        f"Postpone '{entry.title}' to {due}.",
        [call("todo_entries"), call("todo_postpone", id=entry.id, due=due)],
        lambda answer: todo.todos[entry.id].due == due,
    )


@TODO_LIST.add
def remove(rng: Draw, todo: TodoList) -> Request:
    """Remove an entry."""
    entry = rng.choice(todo.open())
    return Request(
        f"Remove '{entry.title}' from my to-do list.",
        [call("todo_entries"), call("todo_remove", id=entry.id)],
        lambda answer: entry.id not in todo.todos,
    )


@TODO_LIST.add
def first_due(rng: Draw, todo: TodoList) -> Request:
    """Name what is due first."""
    entry = todo.open()[0]
    return Request(
        "Which open entry of my to-do list is due first? Answer with its title.",
        [call("todo_entries", status="open")],
        lambda answer: entry.title in answer and not any(t.title in answer for t in todo.open()[1:]),
        entry.title,
    )


@TODO_LIST.add
def count(rng: Draw, todo: TodoList) -> Request:
    """Count what is open."""
    for entry in todo.open()[: rng.integer(0, 3)]:
        todo.todos.change(entry.id, done=True)
    number = len(todo.open())
    return Request(
        "How many entries of my to-do list are open? Answer with the number.",
        [call("todo_entries", status="open")],
        lambda answer: number_in(answer, number),
        str(number),
    )


@TODO_LIST.add
def clean_up(rng: Draw, todo: TodoList) -> Request:
    """Remove what is done."""
    done = [entry for entry in todo.todos if entry.done]
    return Request(
        "Remove everything that is done from my to-do list.",
        [call("todo_entries", status="done"), *(call("todo_remove", id=entry.id) for entry in done)],
        lambda answer: not any(entry.done for entry in todo.todos) and len(todo.open()) == 5,
    )


@TODO_LIST.add
def due_when(rng: Draw, todo: TodoList) -> Request:
    """Tell when an entry is due."""
    entry = rng.choice(todo.open())
    return Request(
        f"When is '{entry.title}' due? Answer with the date as YYYY-MM-DD.",
        [call("todo_entries")],
        lambda answer: entry.due in answer,
        entry.due,
    )


@TODO_LIST.add
def finish_first(rng: Draw, todo: TodoList) -> Request:
    """Mark what is due first as done."""
    first = todo.open()[0]
    return Request(
        "Mark the open entry that is due first as done.",
        [call("todo_entries", status="open"), call("todo_complete", id=first.id)],
        lambda answer: todo.todos[first.id].done and len(todo.open()) == 4,
    )
