"""Conditions: one way of putting an instrument to a model, and the plan that lists them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from quintain.envs.questionnaires.instrument import Instrument
from quintain.envs.questionnaires.orders import order_name, order_set
from quintain.envs.questionnaires.templates import load_template

__all__ = ["Condition", "conditions_of"]


@dataclass(frozen=True, slots=True)
class Condition:
    """How all items of an instrument are put to a model.

    Attributes:
        model: Name of the model.
        readout: ``"choice"`` or ``"text"``.
        instrument: Name of the instrument.
        template: Name of the template.
        order: ``order[p]`` is the option at position ``p``.
        flip: Whether the ends of a numeric scale are exchanged. Default: false.
        paraphrase: Whether paraphrases are posed. Default: false.
        persona: ``"high:TRAIT"`` or ``"low:TRAIT"``, which is then the only trait that is asked about; empty for none.
    """

    model: str
    readout: str
    instrument: str
    template: str
    order: tuple[int, ...]
    flip: bool = False
    paraphrase: bool = False
    persona: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether nothing but template and order is varied."""
        return not (self.flip or self.paraphrase or self.persona)

    @property
    def group(self) -> tuple[str, str, str]:
        """Model, readout and instrument."""
        return self.model, self.readout, self.instrument

    def env_kwargs(self, instrument: Instrument) -> dict[str, Any]:
        """Return the arguments of ``Questionnaire-v0`` but for the instrument and the choice of items."""
        persona = self.persona or None
        return {
            "template": self.template,
            "order": list(self.order),
            "flip": self.flip,
            "paraphrase": self.paraphrase,
            "persona": persona,
            "traits": list(instrument.traits) if persona is None else [self.persona.partition(":")[2]],
        }

    def label(self, kind: str) -> str:
        """Say what is varied, in a few words."""
        parts = [self.template, order_name(self.order, kind)]
        parts += ["scale exchanged"] * self.flip + ["paraphrased"] * self.paraphrase
        return " ".join([*parts, self.persona.replace(":", " ")]).strip()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {**asdict(self), "order": list(self.order)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`to_dict`."""
        return cls(**{**data, "order": tuple(data["order"])})


def conditions_of(
    group: tuple[str, str, str],
    instrument: Instrument,
    templates: Sequence[str],
    orders: str,
    *,
    flips: bool = True,
    paraphrases: bool = True,
    personas: bool = False,
) -> Iterator[Condition]:
    """List the conditions of one model, readout and instrument.

    These are all templates in all orders; with ``flips`` the numeric templates in the first order with exchanged ends;
    with ``paraphrases`` all templates in the first order with paraphrased items, if there are any; with ``personas``
    the first template in all orders for both poles of every trait, on its items alone.

    Args:
        group: Model, readout and name of the instrument.
        instrument: The instrument.
        templates: Names of templates.
        orders: Name of a set of orders; see :func:`~quintain.envs.questionnaires.order_set`.
        flips: See above.
        paraphrases: See above.
        personas: See above.
    """
    listed = order_set(orders, instrument.kind, instrument.options)
    for template in templates:
        for order in listed:
            yield Condition(*group, template, order)
    for template in templates:
        if flips and load_template(template, instrument.kind).labels == "scale":
            yield Condition(*group, template, listed[0], flip=True)
        if paraphrases and instrument.has_paraphrases:
            yield Condition(*group, template, listed[0], paraphrase=True)
    for trait in instrument.traits:
        if personas and trait in instrument.personas:
            for pole in ("high", "low"):
                for order in listed:
                    yield Condition(*group, templates[0], order, persona=f"{pole}:{trait}")
