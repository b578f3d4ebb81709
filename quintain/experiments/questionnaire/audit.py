"""The audit: for each model, readout and instrument the verdict, scores, sensitivities, tests and biases."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quintain.evaluation.interval import Interval
from quintain.evaluation.report import Report
from quintain.evaluation.tabular import Row, Tabular, ends_of
from quintain.experiments.questionnaire.answers import Answers, collect
from quintain.experiments.questionnaire.bias import Bias, biases
from quintain.experiments.questionnaire.calibration import Calibration, calibrate
from quintain.experiments.questionnaire.persona import PersonaCheck, persona_checks
from quintain.experiments.questionnaire.profile import TraitScore, trait_scores
from quintain.experiments.questionnaire.reliability import Reliability, Verdict, reliability, verdict_of
from quintain.experiments.questionnaire.scoring_key import ScoringKey
from quintain.experiments.questionnaire.sensitivity import Sensitivity, sensitivities

__all__ = ["Audit", "AuditGroup", "audit_group", "audit_of"]

#: Shifts of which the power is shown, in points of a scale from 1 to 5; 0 gives the rate of false positives.
_SHIFTS = (0.0, 0.3, 0.5, 1.0)


@dataclass(frozen=True)
class AuditGroup:
    """The audit of one model, readout and instrument.

    Attributes:
        model: Name of the model.
        readout: ``"choice"`` or ``"text"``.
        key: Key of the instrument.
        scores: Trait scores, of all templates together (``template`` empty) and of each.
        sensitivities: How often the chosen option changes.
        reliability: Tests of scores.
        biases: Biases in each template.
        personas: Manipulation checks of personas.
        verdict: Whether the instrument measures something of this model.
        errors: Number of answers that are missing for infrastructure reasons.
    """

    model: str
    readout: str
    key: ScoringKey
    scores: tuple[TraitScore, ...]
    sensitivities: tuple[Sensitivity, ...]
    reliability: Reliability
    biases: tuple[Bias, ...]
    personas: tuple[PersonaCheck, ...]
    verdict: Verdict
    errors: int = 0

    @property
    def name(self) -> str:
        """Model and instrument, with the readout where it is not the usual one."""
        written = ", written answers" if self.readout == "text" else ""
        return f"{self.model}, {self.key.name}{written}"

    def profile(self) -> dict[str, TraitScore]:
        """Return the score of each trait over all templates."""
        pooled = {score.trait: score for score in self.scores if not score.template}
        return pooled or {score.trait: score for score in self.scores}


@dataclass(frozen=True, repr=False)
class Audit(Tabular):
    """The audit of all models.

    Attributes:
        groups: One for each model, readout and instrument of which some conditions are complete.
        manifest: The run's manifest, as in ``run.json``.
        confidence: Nominal coverage of the intervals.
    """

    groups: tuple[AuditGroup, ...]
    manifest: Mapping[str, Any] = field(default_factory=dict)
    confidence: float = 0.95

    @property
    def errors(self) -> int:
        """Number of answers that are missing for infrastructure reasons."""
        return sum(group.errors for group in self.groups)

    def of(self, model: str, instrument: str, readout: str = "choice") -> AuditGroup | None:
        """Return a group; ``None`` if it is not complete."""
        return next((g for g in self.groups if (g.model, g.key.name, g.readout) == (model, instrument, readout)), None)

    def calibrations(self, group: AuditGroup) -> list[Calibration]:
        """Return the rejection rates of the tests with the group's number of items, for several true shifts."""
        items = len(group.key.ids) // len(group.key.traits)
        levels = group.key.values.shape[1]
        if group.key.kind == "scenario" or items < 2:
            return []
        return [calibrate(items, shift, levels=levels) for shift in _SHIFTS]

    def headline(self) -> str:
        """Return the verdicts."""
        found = [f"{g.name}: {'usable' if g.verdict.is_usable else 'not usable'}" for g in self.groups]
        return "; ".join(found) or "no condition is complete"

    def to_rows(self) -> list[Row]:
        """Return the trait scores, an interval as three columns."""
        return [
            {
                "model": group.model, "readout": group.readout, "instrument": group.key.name, "trait": one.trait,
                "template": one.template or "all", **ends_of("score", one.score), "sd": one.sd,
                "undecided": one.undecided, "invalid": one.invalid, "n": one.score.n, "usable": group.verdict.is_usable,
            }
            for group in self.groups
            for one in group.scores
        ]  # fmt: skip

    def tables(self) -> list[tuple[str, Sequence[Row]]]:
        """Return trait scores and sensitivities."""
        changes = [
            {
                "model": group.model, "readout": group.readout, "instrument": group.key.name, "respect": one.respect,
                **ends_of("option", one.option), "chance": one.chance[0], **ends_of("pole", one.pole),
                "chance_pole": one.chance[1], "pairs": one.pairs,
            }
            for group in self.groups
            for one in group.sensitivities
        ]  # fmt: skip
        return [("trait scores", self.to_rows()), ("sensitivities", changes)]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able data."""
        return {"groups": [_group_dict(group) for group in self.groups]}


def audit_group(key: ScoringKey, answers: Sequence[Answers], confidence: float = 0.95) -> AuditGroup:
    """Audit the answers of one model, readout and instrument.

    Args:
        key: Key of the instrument.
        answers: The answers under all conditions.
        confidence: Nominal coverage of the intervals, in (0, 1).
    """
    plain = [each for each in answers if each.condition.is_plain]
    tests, changes = reliability(key, answers, confidence), sensitivities(key, answers, confidence)
    biased = biases(key, plain, confidence)
    model, readout, _ = answers[0].condition.group
    return AuditGroup(
        model, readout, key, trait_scores(key, plain, confidence), changes, tests, biased,
        persona_checks(key, answers, confidence), verdict_of(tests, changes, biased),
        sum(each.errors for each in answers),
    )  # fmt: skip


def audit_of(report: Report) -> Audit:
    """Compute the audit of a run, finished or not: a condition counts once all of its items were answered."""
    config = report.manifest.get("config", {}).get("agent", {})
    keys = {data["name"]: ScoringKey.from_dict(data) for data in config.get("instruments", ())}
    grouped: dict[tuple[str, str, str], list[Answers]] = {}
    for condition, answers in collect(report.episodes, keys).items():
        grouped.setdefault(condition.group, []).append(answers)
    groups = tuple(
        audit_group(keys[instrument], answers, report.confidence)
        for (_, _, instrument), answers in grouped.items()
        if any(each.condition.is_plain for each in answers)
    )
    return Audit(groups, report.manifest, report.confidence)


def _group_dict(group: AuditGroup) -> dict[str, Any]:
    return {
        "model": group.model,
        "readout": group.readout,
        "instrument": group.key.name,
        "usable": group.verdict.is_usable,
        "reasons": list(group.verdict.reasons),
        "scores": list(map(_plain, group.scores)),
        "sensitivities": list(map(_plain, group.sensitivities)),
        "tests": list(map(_plain, group.reliability.tests)),
        "rejections": {respect: list(group.reliability.counts(respect)) for respect in group.reliability.respects},
        "rejections_expected_score": group.reliability.expected,
        "alpha": _known(group.reliability.alpha),
        "biases": list(map(_plain, group.biases)),
        "personas": list(map(_plain, group.personas)),
        "errors": group.errors,
    }


def _plain(found: Any) -> dict[str, Any]:
    """Return the fields of a result as JSON-able data."""
    values = {name: getattr(found, name) for name in found.__slots__}
    return {
        name: value.to_dict() if isinstance(value, Interval) else _known(value) if isinstance(value, float) else value
        for name, value in values.items()
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
