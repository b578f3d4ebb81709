"""The experiment: models x readouts x instruments x templates x orders, on the same items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from quintain.agents.agent import Agent
from quintain.agents.language.respondent import RespondentAgent
from quintain.engines import make_engine
from quintain.envs.questionnaires import load_instrument, order_set, template_names
from quintain.envs.questionnaires.env import QuestionnaireEnv
from quintain.envs.questionnaires.instrument import Instrument
from quintain.errors import ConfigurationError
from quintain.evaluation.manifest import describe_agent
from quintain.evaluation.recording import check_confidence, check_counts
from quintain.evaluation.report import Report
from quintain.experiments.questionnaire.audit import Audit, audit_of
from quintain.experiments.questionnaire.cell import ENV, QuestionnaireCell
from quintain.experiments.questionnaire.condition import Condition, conditions_of
from quintain.experiments.questionnaire.page import render
from quintain.experiments.questionnaire.planted import Check, self_test
from quintain.experiments.questionnaire.scoring_key import ScoringKey

__all__ = ["QuestionnaireExperiment"]


@dataclass(frozen=True)
class QuestionnaireExperiment:
    """Instruments that are put to language models in all wordings and orders, and what follows for their reliability.

    Attributes:
        models: The models by their names in the tables: engines, or what
            :func:`~quintain.engines.registry.make_engine` takes. An agent answers in its own way, under every readout.
        instruments: Names, paths or fields of instruments. Default: ``("ipip-100",)``.
        readouts: ``"choice"``, by the probabilities of the labels, and ``"text"``, by what the model writes. Default:
            ``("choice",)``.
        templates: Names of templates; ``None`` for all that fit. Default: ``None``.
        orders: Name of a set of orders. Default: ``"published"``.
        flips: Whether numeric scales are also posed with exchanged ends. Default: true.
        paraphrases: Whether paraphrases are posed too, where there are any. Default: true.
        personas: Whether the items of each trait are also posed to personas of both poles. Default: false.
        traits: The traits that are asked about; ``None`` for all. Default: ``None``.
        per_trait: Maximum number of items of a trait, >= 1; ``None`` for all. Default: ``None``.
        seed: Root seed: of sampled answers, and of the random planted respondents. Default: 0.
        temperature: Sampling temperature of written answers, >= 0. Default: 0.
        max_tokens: Maximum number of tokens of a written answer, >= 1. Default: 32.
        confidence: Nominal coverage of the intervals, in (0, 1). Default: 0.95.
        concurrency: Maximum number of items at once, >= 1. It changes no result. Default: 16.

    Raises:
        ConfigurationError: If a value is out of range, one is given twice, or nothing is left to be asked.
        CapabilityError: If a model gives no probabilities of the labels and the readout ``"choice"`` needs them.
    """

    kind: ClassVar[str] = "questionnaire"

    models: Mapping[str, Any]
    instruments: Sequence[str | Mapping[str, Any]] = ("ipip-100",)
    readouts: Sequence[str] = ("choice",)
    templates: Sequence[str] | None = None
    orders: str = "published"
    flips: bool = True
    paraphrases: bool = True
    personas: bool = False
    traits: Sequence[str] | None = None
    per_trait: int | None = None
    seed: int = 0
    temperature: float = 0.0
    max_tokens: int = 32
    confidence: float = 0.95
    concurrency: int = 16
    _agents: dict[tuple[str, str], Agent] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_counts(concurrency=self.concurrency, max_tokens=self.max_tokens)
        if self.per_trait is not None:
            check_counts(per_trait=self.per_trait)
        check_confidence(self.confidence)
        for name in ("models", "readouts", "instruments"):
            if not getattr(self, name):
                raise ConfigurationError(f"{name} must not be empty")
        for name in ("readouts", "templates", "traits"):
            values = list(getattr(self, name) or ())
            if twice := [value for value in values if values.count(value) > 1]:
                raise ConfigurationError(f"{name}: {twice[0]!r} is given twice")
        for instrument in self.loaded.values():
            self._templates_of(instrument)
            order_set(self.orders, instrument.kind, instrument.options)
        for name, model in self.models.items():
            own = model if isinstance(model, Agent) else None
            engine = None if own else make_engine(model)
            for readout in self.readouts:
                self._agents[name, readout] = own or RespondentAgent(
                    engine, readout, temperature=self.temperature, max_tokens=self.max_tokens  # type: ignore[arg-type]
                )  # fmt: skip

    @cached_property
    def loaded(self) -> dict[str, Instrument]:
        """The instruments with the items that are posed, by name."""
        found: dict[str, Instrument] = {}
        for source in self.instruments:
            one = load_instrument(source)
            if one.name in found:
                raise ConfigurationError(f"instruments: {one.name!r} is given twice")
            kept = None if self.traits is None else [trait for trait in self.traits if trait in one.traits]
            if kept == []:
                raise ConfigurationError(f"{one.name} has none of the traits {', '.join(self.traits or ())}")
            found[one.name] = one.part(kept, self.per_trait)
        return found

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions, in the order of the plan."""
        return tuple(
            condition
            for model in self.models
            for readout in self.readouts
            for name, instrument in self.loaded.items()
            for condition in conditions_of(
                (model, readout, name), instrument, self._templates_of(instrument), self.orders,
                flips=self.flips, paraphrases=self.paraphrases, personas=self.personas,
            )
        )  # fmt: skip

    def _templates_of(self, instrument: Instrument) -> tuple[str, ...]:
        known = template_names(instrument.kind)
        unknown = [name for name in self.templates or () if name not in template_names()]
        kept = tuple(name for name in (self.templates or known) if name in known)
        if unknown or not kept:
            asked = ", ".join(unknown or self.templates or ())
            raise ConfigurationError(
                f"{instrument.name}: no template {asked}; for a {instrument.kind}: {', '.join(known)}"
            )
        return kept

    def check(self) -> None:
        """Make the environment of each condition.

        Raises:
            ConfigurationError: If the parts do not fit together.
        """
        for cell in self.cells():
            QuestionnaireEnv(**cell.env_kwargs)

    def self_test(self) -> list[Check]:
        """Put the planted respondents through the same instruments, templates and orders, and check what comes out."""
        return [
            check
            for source, instrument in zip(self.instruments, self.loaded.values(), strict=True)
            for check in self_test(
                instrument, source, self._templates_of(instrument), self.orders, self.seed, per_trait=self.per_trait
            )
        ]  # fmt: skip

    def describe(self) -> dict[str, Any]:
        """Return everything that results depend on."""
        decisive = {
            "models": {f"{name}, {readout}": describe_agent(agent) for (name, readout), agent in self._agents.items()},
            "instruments": [ScoringKey.of(one).to_dict() for one in self.loaded.values()],
            "data": {one.name: one.sha256 for one in self.loaded.values()},
            "prompts": self._prompts(),
            "conditions": len(self.conditions),
            "orders": self.orders,
        }
        return {"env": ENV, "env_kwargs": {}, "agent": decisive, "seed": self.seed}

    def _prompts(self) -> dict[str, str]:
        """Return a hash of all prompts of each condition of the first model and readout."""
        group = self.conditions[0].group[:2]
        cells = [cell for cell in self.cells() if cell.condition.group[:2] == group]
        return {cell.title: QuestionnaireEnv(**cell.env_kwargs).describe()["prompts"] for cell in cells}

    def metadata(self) -> dict[str, Any]:
        """Return the confidence of the intervals, and of the instruments sources, licences and the balance of keys."""
        sources = {
            one.name: {"source": one.source, "licence": one.licence, "balance": _balance(one)}
            for one in self.loaded.values()
        }
        return {"confidence": self.confidence, "sources": sources}

    def cells(self) -> Iterator[QuestionnaireCell]:
        """List the cells, in the order of the conditions."""
        sources = dict(zip(self.loaded, self.instruments, strict=True))
        start = 0
        for one in self.conditions:
            instrument = self.loaded[one.instrument]
            kwargs = {"instrument": sources[one.instrument], "per_trait": self.per_trait, **one.env_kwargs(instrument)}
            items = sum(item.trait in kwargs["traits"] for item in instrument.items)
            indices = range(start, start + items)
            yield QuestionnaireCell(
                indices, one, self._agents[one.model, one.readout], kwargs, self.seed, self.concurrency
            )
            start += items

    @classmethod
    def tabulate(cls, report: Report) -> Audit:
        """Return the audit of all conditions of which every item was answered."""
        return audit_of(report)

    @classmethod
    def page(cls, report: Report) -> str:
        """Return the page: verdicts, profiles, sensitivities, tests and biases.

        Raises:
            MissingDependencyError: Without the ``report`` extra.
        """
        return render(audit_of(report))


def _balance(instrument: Instrument) -> str:
    """Return how many items of each trait are keyed positively and negatively, as in ``"Openness 13+7"``."""
    if instrument.kind == "scenario":
        return "two high and two low options in each item"
    return ", ".join(f"{trait} {plus}+{minus}" for trait, (plus, minus) in instrument.balance().items())
