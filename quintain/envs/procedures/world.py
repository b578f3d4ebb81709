"""Worlds of procedures: several task graphs over one vocabulary, with correct executions of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quintain.arguments import check_number
from quintain.envs.procedures.graph import Procedure, make_procedure
from quintain.envs.procedures.transcripts import Transcript, perform
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.seeding import SeedStream

__all__ = ["ENCODINGS", "ProcedureWorld", "WorldSettings", "make_world"]

#: How steps are written: as words, numbers or symbols.
ENCODINGS = ("word", "index", "symbol")
_VERBS = ("attach", "align", "screw", "clean", "press", "wire", "seal", "check", "fold", "oil")
_PARTS = ("arm", "bolt", "cover", "duct", "engine", "frame", "gear", "hinge", "lamp", "motor")
_NAMES = ("pump", "drone", "clock", "stove", "kite", "radio", "scale", "press", "crane", "lock")
#: The symbols: pictographs without meaning for the procedures.
_FIRST_SYMBOL = 0x1F400


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """What worlds are drawn from.

    Attributes:
        procedures: Number of procedures, >= 1. Default: 15.
        vocabulary: Number of labels that they share, in [``max_steps`` + 1, 100]. Default: 60.
        min_steps: Minimum number of steps of a procedure, >= 3. Default: 6.
        max_steps: Maximum number of steps. Default: 12.
        min_branches: Minimum number of chains of steps that can be interleaved, >= 1. Default: 2.
        max_branches: Maximum number of chains, at most ``min_steps`` - 2. Default: 4.
        cross_edges: Probability in [0, 1] that a step has a prerequisite in another chain. Default: 0.2.
        context: Number of correct executions of each procedure, >= 0. Default: 10.
    """

    procedures: int = 15
    vocabulary: int = 60
    min_steps: int = 6
    max_steps: int = 12
    min_branches: int = 2
    max_branches: int = 4
    cross_edges: float = 0.2
    context: int = 10

    def __post_init__(self) -> None:
        check_number("procedures", self.procedures, low=1, integer=True)
        check_number("min_steps", self.min_steps, low=3, integer=True)
        check_number("max_steps", self.max_steps, low=self.min_steps, high=99, integer=True)
        check_number("vocabulary", self.vocabulary, low=self.max_steps + 1, high=100, integer=True)
        check_number("min_branches", self.min_branches, low=1, integer=True)
        check_number("max_branches", self.max_branches, low=self.min_branches, high=self.min_steps - 2, integer=True)
        check_number("cross_edges", self.cross_edges, low=0, high=1)
        check_number("context", self.context, low=0, integer=True)


@dataclass(frozen=True, eq=False)
class ProcedureWorld:
    """Procedures over one vocabulary.

    Attributes:
        procedures: The procedures by name.
        vocabulary: All labels.
        context: Correct executions of each procedure, by its name.
        numbers: Number of each label, a fixed permutation.
    """

    procedures: Mapping[str, Procedure]
    vocabulary: tuple[str, ...]
    context: Mapping[str, Sequence[Transcript]]
    numbers: Mapping[str, int]

    def encode(self, label: str, encoding: str) -> str:
        """Return a label as words, as its number, or as a symbol: a bijection that is fixed for the world."""
        if encoding == "word":
            return label
        number = self.numbers[label]
        return str(number) if encoding == "index" else chr(_FIRST_SYMBOL + number)


def make_world(settings: WorldSettings | None = None, seed: int = 0) -> ProcedureWorld:
    """Draw a world.

    Args:
        settings: What to draw from. Default: the defaults of :class:`WorldSettings`.
        seed: Seed of the world, >= 0; no episode depends on the generators of another one.
    """
    settings = settings or WorldSettings()
    stream = SeedStream(seed, "procedures")
    rng = stream.generator()
    labels = [f"{verb} {part}" for verb in _VERBS for part in _PARTS]
    vocabulary = tuple(labels[k] for k in rng.permutation(len(labels))[: settings.vocabulary])
    procedures, context = {}, {}
    for number in range(settings.procedures):
        name = _NAMES[number % len(_NAMES)] + (f" {number // len(_NAMES) + 1}" if number >= len(_NAMES) else "")
        count = int(rng.integers(settings.min_steps, settings.max_steps + 1))
        branches = int(rng.integers(settings.min_branches, settings.max_branches + 1))
        chosen = [vocabulary[k] for k in rng.permutation(len(vocabulary))[:count]]
        procedures[name] = make_procedure(name, chosen, branches, settings.cross_edges, rng)
        draws = stream.child("context", number).generator()
        context[name] = [perform(procedures[name], draws) for _ in range(settings.context)]
    numbers = dict(zip(vocabulary, rng.permutation(len(vocabulary)).tolist(), strict=True))
    return ProcedureWorld(procedures, vocabulary, context, numbers)


def check_encoding(encoding: str) -> None:
    """Check the name of an encoding.

    Raises:
        UnknownNameError: If there is none of that name.
        ConfigurationError: If it is no text.
    """
    if not isinstance(encoding, str):
        raise ConfigurationError(f"encoding must be one of {', '.join(ENCODINGS)}, got {encoding!r}")
    if encoding not in ENCODINGS:
        raise UnknownNameError("encoding", encoding, ENCODINGS)
