"""One registry for everything that is found by name: agents, engines, tasks, attacks, trainers, experiments and more.

An entry is a name, a target that is imported when it is needed (``"module:attribute"``), and facts about it that can
be read without importing anything. Other packages add entries through entry points; users reach their own objects as
``"module:attribute"``. Environments are not here: they live in the registries of Gymnasium and PettingZoo.
"""

from __future__ import annotations

import dataclasses
import importlib
import operator
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from quintain.arguments import check_arguments
from quintain.errors import ConfigurationError, UnknownNameError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["NoFacts", "Registry", "load_attribute"]

T = TypeVar("T")
F = TypeVar("F")


@dataclasses.dataclass(frozen=True, slots=True)
class NoFacts:
    """Facts of a registry whose entries need none."""


class Registry(Generic[T, F]):
    """A mapping from names to lazily imported objects.

    Args:
        kind: What the entries are, in the singular, for messages: ``"agent"``.
        facts: A frozen dataclass. Each entry holds one instance, made of the keywords of :meth:`add`.
        group: Entry-point group in which other packages list entries, such as ``"quintain.agents"``; ``None`` for
            none. The facts of such an entry are read from its object, by :meth:`facts_of`.

    Example:
        >>> NUMBERS: Registry[object, NoFacts] = Registry("number", NoFacts)
        >>> NUMBERS.add("fraction", "fractions:Fraction")
        >>> NUMBERS.make("fraction", 1, denominator=2)
        Fraction(1, 2)
        >>> NUMBERS.load("fractoin")
        Traceback (most recent call last):
        quintain.errors.UnknownNameError: unknown number 'fractoin'; did you mean 'fraction'?
    """

    def __init__(self, kind: str, facts: type[F], group: str | None = None) -> None:
        self.kind = kind
        self.group = group
        self._facts_type = facts
        self._entries: dict[str, tuple[str | Callable[..., T], F]] = {}
        self._pending = group is not None  # entry points are read at the first question, not at import

    def add(self, name: str, target: str | Callable[..., T], **facts: Any) -> None:
        """Add an entry, or replace the one of that name.

        Args:
            name: The name; kebab-case by convention.
            target: ``"module:attribute"``, imported when the entry is loaded, or the object itself.
            facts: Fields of the registry's facts.

        Raises:
            ConfigurationError: If ``facts`` has a field that the registry's facts do not have.
        """
        try:
            made = self._facts_type(**facts)
        except TypeError as error:
            raise ConfigurationError(f"{self.kind} {name!r}: {error}") from None
        self._entries[name] = (target, made)

    def names(self, **facts: Any) -> tuple[str, ...]:
        """List the names in order of registration, or those of the entries whose facts have the given values.

        Example:
            ``AGENTS.names(needs_engine=True)``
        """
        return tuple(
            name for name, (_, own) in self._all().items() if all(getattr(own, k) == v for k, v in facts.items())
        )

    def facts(self, name: str) -> F:
        """Return the facts of an entry, without importing it; ``"module:attribute"`` is imported.

        Raises:
            UnknownNameError: If there is no such entry.
            ConfigurationError: If the module cannot be imported.
        """
        return (self._find(name) or self._find_own(name))[1]

    def load(self, name: str) -> Any:
        """Import and return an entry's object; ``"module:attribute"`` names an object of the user's own.

        Importing the module may itself register entries: ``"module:name"`` then finds the entry ``name``.

        Raises:
            UnknownNameError: If there is no such entry; the message suggests the nearest names.
            ConfigurationError: If the module cannot be imported.
        """
        target = (self._find(name) or self._find_own(name))[0]
        return load_attribute(target) if isinstance(target, str) else target

    def make(self, name: str, *args: Any, **options: Any) -> T:
        """Call an entry's object, after checking that its arguments fit.

        Raises:
            UnknownNameError: If there is no such entry.
            ConfigurationError: If an argument is missing or does not exist.
        """
        factory = self.load(name)
        check_arguments(self.kind, name, factory, args, options)
        return cast(T, factory(*args, **options))

    def facts_of(self, target: Any) -> F:
        """Read the facts of an object that came without any: its attributes that are named like the facts' fields.

        A subclass may derive them in another way.
        """
        fields = [field.name for field in dataclasses.fields(cast(Any, self._facts_type))]
        return self._facts_type(**{name: getattr(target, name) for name in fields if hasattr(target, name)})

    def unknown(self, name: str, also: str = "") -> UnknownNameError:
        """Return the error that says that there is no ``name``."""
        return UnknownNameError(self.kind, name, self._all(), also)

    def __contains__(self, name: object) -> bool:
        return self._find(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _find(self, name: object) -> tuple[str | Callable[..., T], F] | None:
        """Return an entry. Entry points, which take 10 to 20 ms to list, are read only for a name not added before."""
        found = self._entries.get(cast(str, name))
        return self._all().get(cast(str, name)) if found is None and self._pending else found

    def _all(self) -> dict[str, tuple[str | Callable[..., T], F]]:
        if self._pending:
            self._pending = False
            from importlib.metadata import entry_points  # loads a dozen modules, which importing quintain does not need

            for point in entry_points(group=self.group or ""):
                if point.name not in self._entries:  # an installed package must not change what a name meant
                    self._add_entry_point(point)
        return self._entries

    def _add_entry_point(self, point: EntryPoint) -> None:
        facts = self._facts_type()
        if dataclasses.fields(cast(Any, self._facts_type)):
            try:
                facts = self.facts_of(point.load())
            except Exception as error:
                what = f"{self.kind} {point.name!r} of entry point {point.value!r}"
                warnings.warn(f"{what} cannot be imported: {error}", stacklevel=4)
                return
        self._entries[point.name] = (point.value, facts)

    def _find_own(self, name: str) -> tuple[Any, F]:
        """Return the target and facts of ``"module:attribute"``, or of the entry that importing the module added."""
        module, _, attribute = name.partition(":")
        if not attribute or not all(part.isidentifier() for part in module.split(".")):
            raise self.unknown(name)
        try:
            home = importlib.import_module(module)
        except Exception as error:
            if isinstance(error, ModuleNotFoundError) and (module + ".").startswith(f"{error.name}."):
                raise self.unknown(name, f" (there is no module {module!r})") from error
            raise ConfigurationError(
                f"cannot import the module of {self.kind} {name!r}: {type(error).__name__}: {error}"
            ) from error
        if attribute in self._entries:
            return self._entries[attribute]
        try:
            own = operator.attrgetter(attribute)(home)
        except AttributeError as error:
            raise self.unknown(name, f" (module {module!r} neither registers nor defines {attribute!r})") from error
        return own, self.facts_of(own)


def load_attribute(target: str) -> Any:
    """Import ``"module:attribute"``; the attribute may be dotted."""
    module, _, attribute = target.partition(":")
    return operator.attrgetter(attribute)(importlib.import_module(module))
