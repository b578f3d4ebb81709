"""Instruments: items with options and keys, made from plain data and checked.

Two kinds of instrument exist. A *self-report* asks how well a statement describes the respondent, on one scale for all
items; a *scenario* instrument poses a situation with four courses of action, two of a high and two of a low scorer on a
trait (the schema of TRAIT, Lee et al. 2025, arXiv 2406.14703).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, cast, get_args

from quintain.arguments import nearest
from quintain.errors import ConfigurationError

__all__ = ["Instrument", "InstrumentKind", "Item", "Option", "Pole", "build_instrument", "pole_of"]

#: Kinds of instrument.
InstrumentKind: TypeAlias = Literal["self-report", "scenario"]
#: Ends of a trait.
Pole: TypeAlias = Literal["high", "low"]
#: Names of the options of a scenario in the schema of TRAIT, in the order in which options are numbered.
_RESPONSES = ("response_high1", "response_low1", "response_high2", "response_low2")


@dataclass(frozen=True, slots=True)
class Option:
    """A possible answer.

    Attributes:
        text: What the option says.
        value: Score of the answer in the direction of the trait, after the item's key was applied: 1 to the length of
            the scale for a self-report; 1 (high) or 0 (low) for a scenario.
    """

    text: str
    value: float


@dataclass(frozen=True, slots=True)
class Item:
    """One item.

    Attributes:
        id: Unique within the instrument.
        trait: The trait that it measures.
        text: The statement, or the situation with its question.
        options: The possible answers, at least two with different texts. Of a self-report they go from the most to the
            least accurate; of a scenario they are high, low, high, low.
        key: 1 if agreement speaks for the trait, -1 if it speaks against it. Default: 1.
        paraphrase: The same item in other words; empty without one.
    """

    id: str
    trait: str
    text: str
    options: tuple[Option, ...]
    key: int = 1
    paraphrase: str = ""

    @property
    def values(self) -> tuple[float, ...]:
        """The score of each option."""
        return tuple(option.value for option in self.options)


@dataclass(frozen=True)
class Instrument:
    """A set of items, all with the same number of options.

    Attributes:
        name: Short name, as in ``task_id``.
        kind: ``"self-report"`` or ``"scenario"``.
        title: Full name.
        source: Where the items come from.
        licence: Terms of use of the items.
        traits: The traits, in the order of reports.
        items: The items.
        personas: For each trait, descriptions of a high and of a low scorer; empty without them.
        sha256: Checksum of the file that it was read from; empty if it was given as data.
    """

    name: str
    kind: InstrumentKind
    title: str
    source: str
    licence: str
    traits: tuple[str, ...]
    items: tuple[Item, ...]
    personas: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    sha256: str = ""

    @property
    def options(self) -> int:
        """Number of options of an item."""
        return len(self.items[0].options)

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest score of an item."""
        values = [value for item in self.items for value in item.values]
        return min(values), max(values)

    @property
    def has_paraphrases(self) -> bool:
        """Whether every item has a paraphrase."""
        return all(item.paraphrase for item in self.items)

    def of(self, trait: str) -> tuple[Item, ...]:
        """Return the items of a trait."""
        return tuple(item for item in self.items if item.trait == trait)

    def balance(self) -> dict[str, tuple[int, int]]:
        """Return for each trait the numbers of items that are keyed positively and negatively."""
        counts = Counter((item.trait, item.key) for item in self.items)
        return {trait: (counts[trait, 1], counts[trait, -1]) for trait in self.traits}

    def part(self, traits: Sequence[str] | None = None, per_trait: int | None = None) -> Instrument:
        """Return an instrument with some of the items.

        Args:
            traits: Names of the traits to keep; ``None`` keeps all.
            per_trait: Maximum number of items of a trait, >= 1: the first ones; ``None`` keeps all.

        Raises:
            ConfigurationError: If there is no such trait.
        """
        for trait in traits or ():
            if trait not in self.traits:
                known = ", ".join(self.traits)
                raise ConfigurationError(
                    f"{self.name} has no trait {trait!r}{nearest(trait, self.traits)}; it has {known}"
                )
        kept = self.traits if traits is None else tuple(trait for trait in self.traits if trait in traits)
        items = tuple(item for trait in kept for item in self.of(trait)[:per_trait])
        return replace(self, traits=kept, items=items)

    def persona(self, trait: str, pole: str) -> str:
        """Return a system prompt that asks to answer as a high or a low scorer on a trait.

        Raises:
            ConfigurationError: If the instrument does not describe such a scorer.
        """
        lines = self.personas.get(trait, {}).get(pole, ())
        if not lines:
            known = ", ".join(f"{pole}:{name}" for name in self.personas for pole in get_args(Pole)) or "none"
            raise ConfigurationError(f"{self.name} describes no persona {pole}:{trait}; it describes {known}")
        listed = "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))
        return f"You are an assistant with {pole} {trait.lower()}. These statements describe you:\n{listed}"


def pole_of(item: Item, option: int) -> Pole | None:
    """Return which end of the trait an option belongs to; ``None`` in the middle of a scale."""
    values = item.values
    middle = (min(values) + max(values)) / 2
    value = values[option]
    return None if value == middle else "high" if value > middle else "low"


def build_instrument(data: Mapping[str, Any], sha256: str = "") -> Instrument:
    """Make an instrument of plain data, and check it.

    Args:
        data: ``name``, ``kind`` and ``items``, perhaps ``title``, ``source``, ``licence``, ``traits`` and ``personas``.
            A self-report has ``scale``, the texts of its options from the most to the least accurate, and items with
            ``id``, ``trait``, ``text`` and ``key`` (1 or -1). A scenario instrument has items in the schema of TRAIT:
            ``personality``, ``situation`` and ``query`` (or both as ``question``), ``response_high1``,
            ``response_high2``, ``response_low1``, ``response_low2``, and perhaps ``id``, ``paraphrased_situation``
            and ``paraphrased_query``.
        sha256: Checksum of the file that the data come from. Default: none.

    Raises:
        ConfigurationError: If a field is missing, an item has no key, its options repeat, or an id does.
    """
    kind = _kind(data.get("kind"))
    name, rows = str(data.get("name") or "instrument"), data.get("items")
    if not isinstance(rows, Sequence) or isinstance(rows, str) or not rows:
        raise ConfigurationError(f"{name} has no items")
    items = tuple(_statements(name, data.get("scale"), rows) if kind == "self-report" else _scenarios(name, rows))
    for item in items:
        _check_options(name, item)
    twice = [id for id, count in Counter(item.id for item in items).items() if count > 1]
    if twice:
        raise ConfigurationError(f"{name} has several items with the id {twice[0]!r}")
    if len({len(item.options) for item in items}) > 1:
        raise ConfigurationError(f"the items of {name} have different numbers of options")
    found = dict.fromkeys(item.trait for item in items)
    traits = tuple(data.get("traits") or found)
    if missing := [trait for trait in found if trait not in traits]:
        raise ConfigurationError(f"{name} lists its traits, and {missing[0]!r} is not among them")
    about = {key: str(data.get(key) or "") for key in ("title", "source", "licence")}
    traits = tuple(trait for trait in traits if trait in found)
    return Instrument(
        name, kind, **about, traits=traits, items=items, personas=data.get("personas") or {}, sha256=sha256
    )


def _kind(value: Any) -> InstrumentKind:
    for kind in get_args(InstrumentKind):
        if value == kind:
            return cast(InstrumentKind, kind)
    raise ConfigurationError(f"an instrument's kind is 'self-report' or 'scenario', got {value!r}")


def _statements(name: str, scale: Any, rows: Sequence[Mapping[str, Any]]) -> Iterator[Item]:
    if not isinstance(scale, Sequence) or isinstance(scale, str) or len(scale) < 2:
        raise ConfigurationError(f"{name} is a self-report without a scale: give the texts of at least two options")
    n = len(scale)
    for number, row in enumerate(rows):
        id = str(row.get("id") or number + 1)
        key = row.get("key")
        if key not in (1, -1):
            raise ConfigurationError(f"item {id!r} of {name} needs a key, 1 or -1, got {key!r}")
        values = [n - k if key == 1 else k + 1 for k in range(n)]
        options = tuple(Option(str(text), float(value)) for text, value in zip(scale, values, strict=True))
        yield Item(id, _text(name, id, row, "trait"), _text(name, id, row, "text"), options, key,
                   str(row.get("paraphrase") or ""))  # fmt: skip


def _scenarios(name: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[Item]:
    counts: Counter[str] = Counter()
    for number, row in enumerate(rows):
        trait = _text(name, str(row.get("id") or number + 1), row, "personality")
        counts[trait] += 1
        id = str(row.get("id") or row.get("idx") or f"{trait}-{counts[trait]}")
        options = tuple(Option(_text(name, id, row, key), float("high" in key)) for key in _RESPONSES)
        situation = str(row.get("situation") or "")
        question = _text(name, id, row, "query" if situation else "question")
        other = str(row.get("paraphrased_query") or "")
        paraphrase = _joined(str(row.get("paraphrased_situation") or situation), other) if other else ""
        yield Item(id, trait, _joined(situation, question), options, 1, paraphrase)


def _joined(situation: str, query: str) -> str:
    return "\n".join(filter(None, (situation, query)))


def _text(name: str, id: str, row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"item {id!r} of {name} needs a text {key!r}, got {value!r}")
    return value.strip()


def _check_options(name: str, item: Item) -> None:
    texts = [" ".join(option.text.casefold().split()) for option in item.options]
    repeated = [text for text, count in Counter(texts).items() if count > 1]
    if repeated:
        raise ConfigurationError(f"item {item.id!r} of {name} has an option twice: {repeated[0]!r}")
    if len(set(item.values)) < 2:
        raise ConfigurationError(f"item {item.id!r} of {name} has no key: all options have the same score")
