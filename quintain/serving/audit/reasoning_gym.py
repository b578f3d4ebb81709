"""Questions to a family of the reasoning-gym library: its items, and its scorer of answers."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from quintain.errors import UnknownNameError, require
from quintain.serving.audit.junk import junk_answers
from quintain.serving.audit.programs import expression
from quintain.serving.audit.rows import Row, Severity

__all__ = ["family_rows"]

#: Answers as models and bugs produce them; scorers that evaluate answers as code fail on some.
_HOSTILE = (
    None, "", "\x00", "\ud800", "A" * 100_000, "1/0", "[" * 5000, "nan", "inf", "-", "{}", "1,2", "10**10**10",
)  # fmt: skip
#: CPU time for a question, and maximum wait for a result, in seconds.
_CPU_S, _WALL_S = 10, 200.0

_SEED, _ITEMS = 3, 20
#: Score up to which junk is a note, as in environments: for the form of an answer, or because it is part of the junk.
_TOKEN_SCORE = 0.1


def family_rows(name: str, create: Callable[..., Any] | None = None) -> Iterator[Row]:
    """Ask all questions of a family, one row each.

    Args:
        name: Name of the family, such as ``"chain_sum"``.
        create: Makes a data set from name, ``seed`` and ``size``; by default the library's function.

    Raises:
        MissingDependencyError: If reasoning-gym is not installed.
        UnknownNameError: If the library has no family of this name.
    """
    if create is None:
        library: Any = require("reasoning_gym", "reason", "auditing its families")
        known = require("reasoning_gym.factory", "reason").DATASETS
        if name not in known:
            raise UnknownNameError("family of reasoning-gym", name, known)
        create = library.create_dataset
    if (lost := _items_are_made(name, create)) is not None:
        yield lost
        return
    family = _Family(name, create)
    for question, ask in _QUESTIONS.items():
        yield ask(family) if ask is _hostile_answers_are_survived else _asked_in_child(question, ask, family)


def _items_are_made(name: str, create: Callable[..., Any]) -> Row | None:
    """Return the fault of a family whose items cannot be made in the time of a question, else None."""
    size = _ITEMS
    program = f"import reasoning_gym\nprint(list(reasoning_gym.create_dataset({name!r}, seed={_SEED}, size={size})))"

    def run(send: Callable[[Any], None]) -> None:
        try:
            _Family(name, create)
            send("")
        except Exception as error:
            send(f"{type(error).__name__}: {error}"[:500])

    lost = f"no items: {size} of them took more than {_CPU_S} CPU seconds, or ended the process"
    why: str = next(_messages_of_child(run), lost)
    return Row("items are made", "fault", why, "high", program) if why else None


class _Family:
    def __init__(self, name: str, create: Callable[..., Any]) -> None:
        self.name = name
        self._create = create
        self.data = self.make(_SEED)
        self.items: list[Mapping[str, Any]] = [self.data[index] for index in range(_ITEMS)]

    def make(self, seed: int) -> Any:
        return self._create(self.name, seed=seed, size=_ITEMS)

    def program(self, *lines: str) -> str:
        return "\n".join(["import reasoning_gym", f"data = {self.made(_SEED)}", *lines])

    def made(self, seed: int) -> str:
        return f"reasoning_gym.create_dataset({self.name!r}, seed={seed}, size={_ITEMS})"

    def score(self, answer: Any, index: int) -> float:
        return float(self.data.score_answer(answer=answer, entry=self.items[index]))


def _shown(items: list[Mapping[str, Any]]) -> list[tuple[Any, Any]]:
    return [(item["question"], item["answer"]) for item in items]


def _difference(one: list[Mapping[str, Any]], two: list[Mapping[str, Any]]) -> int | None:
    """Return the index of the first item that differs."""
    return next((i for i, pair in enumerate(zip(_shown(one), _shown(two), strict=True)) if pair[0] != pair[1]), None)


def _printed(one: str, two: str, index: int) -> list[str]:
    """Return lines that read all items in two ways, which should agree, and print an item of both."""
    return [
        f"first = {one}".replace("ALL", f"range({_ITEMS})"),
        f"second = {two}".replace("ALL", f"range({_ITEMS})"),
        f"print(first[{index}], second[{index}], sep='\\n')",
    ]


def _seed_is_honoured(family: _Family) -> Row:
    question = "seed honoured"
    again = family.make(_SEED)
    if (at := _difference([again[index] for index in range(_ITEMS)], family.items)) is not None:
        program = family.program(
            f"again = {family.made(_SEED)}", *_printed("[data[i] for i in ALL]", "[again[i] for i in ALL]", at)
        )
        return Row(question, "fault", "two data sets of the same seed have different items", "high", program)
    other = family.make(_SEED + 1)
    if _shown([other[index] for index in range(_ITEMS)]) == _shown(family.items):
        return Row(question, "note", "another seed gave the same items")
    return Row(question, "pass")


def _item_is_the_same_again(family: _Family) -> Row:
    question = "same item on replay"
    for index in reversed(range(_ITEMS)):
        if _shown([family.data[index]]) != _shown([family.items[index]]):
            program = family.program(*_printed("[data[i] for i in ALL]", "{i: data[i] for i in reversed(ALL)}", index))
            return Row(question, "fault", f"item {index} is another one when it is read again", "high", program)
    return Row(question, "pass")


def _instances_are_independent(family: _Family) -> Row:
    question = "instances independent"
    one, two = family.make(_SEED), family.make(_SEED + 1)
    mixed = []
    for index in range(_ITEMS):
        mixed.append(one[index])
        two[index]
    if (at := _difference(mixed, family.items)) is not None:
        lines = _printed("[data[i] for i in ALL]", "[(one[i], two[i])[0] for i in ALL]", at)
        program = family.program(f"one, two = {family.made(_SEED)}, {family.made(_SEED + 1)}", *lines)
        return Row(question, "fault", "items change when another data set is read between them", "high", program)
    return Row(question, "pass")


def _items_differ(family: _Family) -> Row:
    question = "items differ"
    distinct = len({str(item["question"]) for item in family.items})
    detail = f"{distinct} of {_ITEMS} questions are different"
    return Row(question, "pass" if distinct > _ITEMS // 2 else "note", detail)


def _gold_is_accepted(family: _Family) -> Row:
    question = "gold answer accepted"
    for index, item in enumerate(family.items):
        if not isinstance(item["answer"], str):
            return Row(
                question, "note", f"item {index} has no answer: {item['answer']!r}; right answers cannot be tested"
            )
        score = family.score(item["answer"], index)
        if score < 1:
            program = family.program(f"print(data.score_answer(data[{index}]['answer'], data[{index}]))")
            return Row(question, "fault", f"item {index}: its own answer scores {score:g}", "high", program)
    return Row(question, "pass", f"on {_ITEMS} items")


def _junk_earns_nothing(family: _Family) -> Row:
    question = "junk answers earn nothing"
    worst: tuple[float, str, int] = (0.0, "", 0)
    failed = ""
    for index, item in enumerate(family.items):
        for name, answer in junk_answers(str(item["question"])).items():
            if answer == item["answer"]:
                continue
            try:
                worst = max(worst, (family.score(answer, index), name, index))
            except Exception as error:
                failed = failed or f"item {index}: the answer {name!r} raised {type(error).__name__}: {error}"
    score, name, index = worst
    detail = f"the answer {name!r} to item {index} scores {score:.3g}"
    code = f"__import__('quintain.serving.audit', fromlist=['']).junk_answers(data[{index}]['question'])[{name!r}]"
    program = family.program(f"print(data.score_answer({code}, data[{index}]))")
    if score > _TOKEN_SCORE:
        severity: Severity = "high" if score >= 0.5 else "medium"
        return Row(question, "fault", detail, severity, program)
    return Row(question, "note", detail) if score > 0 else Row(question, "pass", failed and "as far as it scores them")


def _scores_are_in_range(family: _Family) -> Row:
    question = "rewards in the declared range"
    for index, item in enumerate(family.items):
        for answer in (item["answer"], f"{item['answer']} ", f"{item['answer']}\n{item['answer']}"):
            if not -1e-9 <= (score := family.score(answer, index)) <= 1 + 1e-9:
                program = family.program(f"print(data.score_answer({expression(answer)}, data[{index}]))")
                return Row(
                    question, "fault", f"item {index}: the score {score} is outside of [0, 1]", "medium", program
                )
    return Row(question, "pass", "[0, 1]")


def _hostile_answers_are_survived(family: _Family) -> Row:
    question = "hostile answers are survived"
    results, lost = _scored_in_child(family), ("lost", 0.0)
    for answer in _HOSTILE:
        shown = f"the answer {answer!r:.40}"
        program = family.program(f"print(data.score_answer({expression(answer)}, data[0]))")
        kind, value = next(results, lost)
        if kind == "lost":
            detail = f"{shown} took more than {_CPU_S} CPU seconds, or ended the process"
            return Row(question, "fault", detail, "high", program)
        if kind == "raised":
            return Row(question, "fault", f"{shown} raised {value}"[:300], "medium", program)
        if value >= 1 and answer != family.items[0]["answer"]:
            return Row(question, "fault", f"{shown} scores {value:g}", "high", program)
    return Row(question, "pass")


def _scored_in_child(family: _Family) -> Iterator[tuple[str, Any]]:
    """Yield ``("scored", score)`` or ``("raised", error)`` of each hostile answer, until the child process is lost."""

    def run(send: Callable[[Any], None]) -> None:
        for answer in _HOSTILE:
            try:
                send(("scored", family.score(answer, 0)))
            except Exception as error:
                send(("raised", f"{type(error).__name__}: {error}"))

    return _messages_of_child(run)


def _asked_in_child(question: str, ask: Callable[[_Family], Row], family: _Family) -> Row:
    """Ask a question in a child process; a scorer that computes for ever is a fault."""

    def run(send: Callable[[Any], None]) -> None:
        try:
            send(ask(family))
        except Exception as error:
            send(
                Row(
                    question,
                    "fault",
                    f"{type(error).__name__}: {error}"[:500],
                    "medium",
                    f"quintain audit reasoning-gym:{family.name}",
                )
            )

    detail = f"no result: it took more than {_CPU_S} CPU seconds, or ended the process"
    lost = Row(question, "fault", detail, "high", f"quintain audit reasoning-gym:{family.name}")
    found: Row = next(_messages_of_child(run), lost)
    return found


def _messages_of_child(run: Callable[[Callable[[Any], None]], None]) -> Iterator[Any]:
    """Yield what a function sends from a forked process with a limit of CPU time, until it ends or is lost.

    Scorers that evaluate answers can compute for ever, in code that no signal interrupts.
    """
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)

    def limited() -> None:
        end = int(time.process_time()) + _CPU_S
        resource.setrlimit(resource.RLIMIT_CPU, (end, end))
        run(theirs.send)

    child = fork.Process(target=limited)
    child.start()
    theirs.close()
    try:
        while ours.poll(_WALL_S):
            yield ours.recv()
    except EOFError:
        return
    finally:
        child.kill()
        child.join()
        ours.close()


def _items_take(family: _Family) -> Row:
    start = time.process_time()
    data = family.make(_SEED + 2)
    for index in range(_ITEMS):
        data[index]
    return Row("step time", "pass", f"{(time.process_time() - start) / _ITEMS * 1000:.3g} CPU ms an item")


_QUESTIONS: Mapping[str, Callable[[_Family], Row]] = {
    "seed honoured": _seed_is_honoured,
    "same item on replay": _item_is_the_same_again,
    "instances independent": _instances_are_independent,
    "items differ": _items_differ,
    "gold answer accepted": _gold_is_accepted,
    "junk answers earn nothing": _junk_earns_nothing,
    "rewards in the declared range": _scores_are_in_range,
    "hostile answers are survived": _hostile_answers_are_survived,
    "step time": _items_take,
}
