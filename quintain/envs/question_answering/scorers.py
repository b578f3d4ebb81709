"""The contract of scorers, and scorers by name.

A scorer is a callable ``scorer(reply, item) -> Verdict``. Its settings are the fields of a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from quintain.arguments import check_arguments
from quintain.envs.question_answering.items import Item
from quintain.envs.question_answering.replies import spoken
from quintain.envs.question_answering.verdict import Verdict
from quintain.errors import ConfigurationError, TaskError
from quintain.provenance import describe_function
from quintain.registry import Registry

__all__ = [
    "SCORERS",
    "ClosingScorer",
    "DescribedScorer",
    "FunctionScorer",
    "ReadingScorer",
    "Scorer",
    "ScorerFacts",
    "make_scorer",
]


class Scorer(Protocol):
    """What :func:`make_scorer` returns."""

    def __call__(self, reply: str, item: Item) -> Verdict:
        """Score a reply."""
        ...

    def check(self, item: Item) -> None:
        """Raise ``ValueError`` if the scorer cannot work with an item."""
        ...


@runtime_checkable
class DescribedScorer(Protocol):
    """A scorer with facts for a run's record, such as the model of a judge."""

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts, which the environment adds to its own."""
        ...


@runtime_checkable
class ClosingScorer(Protocol):
    """A scorer that holds something to release, such as a connection."""

    def close(self) -> None:
        """Release it."""
        ...


@runtime_checkable
class ReadingScorer(Protocol):
    """A scorer that reads one answer from a reply, whether or not it is right."""

    def read(self, reply: str, item: Item) -> str | None:
        """Return the answer, equal for equal answers; ``None`` for none. The right answers of the item do not count."""
        ...


@dataclass(frozen=True, slots=True)
class ScorerFacts:
    """What is known of a scorer before it is imported.

    Attributes:
        summary: One line for listings.
        needs_answer: Whether every item needs a right answer.
        waits: Whether scoring waits for something outside this process, such as a server.
    """

    summary: str = ""
    needs_answer: bool = True
    waits: bool = False


@dataclass(frozen=True)
class FunctionScorer:
    """A function of the user's own.

    Attributes:
        function: ``function(reply, item)`` with the reply without its reasoning. Returns a bool, a number in [0, 1], a
            pair of one of these and why it is not 1, or a :class:`Verdict`.
    """

    function: Callable[[str, Item], Any]

    def check(self, item: Item) -> None:
        """Accept every item."""

    def __call__(self, reply: str, item: Item) -> Verdict:
        """Call the function.

        Raises:
            TaskError: If it returns anything else.
        """
        text = spoken(reply)
        result = self.function(text, item)
        if isinstance(result, Verdict):
            return result
        value, detail = result if isinstance(result, tuple) and len(result) == 2 else (result, "")
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = -1.0
        if not 0 <= number <= 1 or not isinstance(detail, str):
            raise TaskError(
                f"{describe_function(self.function)['function']} must return a bool, a number in [0, 1], a pair of one "
                f"and a reason, or a Verdict; it returned {result!r}"
            )
        return Verdict(number, text, detail)


_TEXT = "quintain.envs.question_answering.text_scorers"

#: Every scorer by name. A function of the user's own is ``"module:function"``.
SCORERS: Registry[Scorer, ScorerFacts] = Registry("scorer", ScorerFacts, "quintain.scorers")
SCORERS.add("exact", f"{_TEXT}:Exact", summary="the answer equals a right one")
SCORERS.add("contains", f"{_TEXT}:Contains", summary="the reply contains a right answer as a whole word")
SCORERS.add("number", f"{_TEXT}:Numeric", summary="the number in the reply equals a right one")
SCORERS.add("choice", f"{_TEXT}:Choice", summary="the reply chooses the right option")
SCORERS.add("regex", f"{_TEXT}:Regex", summary="a pattern takes the answer out of the reply")
SCORERS.add(
    "judge",
    "quintain.envs.question_answering.judge:Judge",
    summary="a language model grades the reply",
    needs_answer=False,
    waits=True,
)


def make_scorer(scorer: str | Mapping[str, Any] | Callable[..., Any]) -> tuple[Scorer, ScorerFacts]:
    """Make a scorer, and return it with what is known of it.

    Args:
        scorer: A name of :data:`SCORERS` or ``"module:function"``; a mapping with the ``"name"`` and the scorer's
            settings, such as ``{"name": "number", "rel_tol": 0.01}``; or a function ``function(reply, item)``.

    Raises:
        UnknownNameError: If there is no scorer of that name.
        ConfigurationError: If a setting does not exist or cannot work.
    """
    if isinstance(scorer, Mapping):
        options = dict(scorer)
        name = options.pop("name", None)
        if not isinstance(name, str):
            raise ConfigurationError(f"a scorer's settings need its 'name', got {dict(scorer)!r}")
    elif isinstance(scorer, str):
        name, options = scorer, {}
    elif callable(scorer):
        return FunctionScorer(scorer), ScorerFacts(needs_answer=False)
    else:
        raise ConfigurationError(f"scorer must be a name, settings with a 'name', or a function, got {scorer!r}")
    target = SCORERS.load(name)
    if name not in SCORERS and not isinstance(target, type):
        if options:
            raise ConfigurationError(f"the function {name!r} takes no settings, got {sorted(options)}")
        return FunctionScorer(target), ScorerFacts(needs_answer=False)
    check_arguments("scorer", name, target, (), options)
    return target(**options), SCORERS.facts(name)
