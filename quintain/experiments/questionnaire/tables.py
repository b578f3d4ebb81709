"""The tables of an audit, as the command line, the page and the examples show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from quintain.evaluation.interval import Interval
from quintain.experiments.questionnaire.audit import Audit, AuditGroup
from quintain.experiments.questionnaire.planted import Check
from quintain.experiments.questionnaire.reliability import ALPHA
from quintain.experiments.questionnaire.scoring_key import ScoringKey
from quintain.experiments.study_tables import Percent, StudyTable

__all__ = ["audit_tables", "self_test_table"]

_RESPECTS = {"template": "templates", "order": "orders", "scale": "ends of the scale", "paraphrase": "paraphrases"}


def audit_tables(audit: Audit) -> dict[str, StudyTable]:
    """Return the tables by name: ``verdicts``, ``scores: INSTRUMENT``, ``sensitivities``, ``tests``, ``biases``,
    ``personas`` and ``calibration``; those without rows are left out.

    Args:
        audit: The audit.
    """  # noqa: D205
    found = {"verdicts": _verdicts(audit)}
    for name in dict.fromkeys(group.key.name for group in audit.groups):
        found[f"scores: {name}"] = _scores([group for group in audit.groups if group.key.name == name])
    found |= {
        "sensitivities": _sensitivities(audit), "tests": _tests(audit), "biases": _biases(audit),
        "personas": _personas(audit), "calibration": _calibration(audit),
    }  # fmt: skip
    return {name: table for name, table in found.items() if table.rows}


def self_test_table(checks: Sequence[Check]) -> StudyTable:
    """Return the table of the self-test with planted respondents."""
    rows = [(c.instrument, c.respondent, c.what, c.expected, c.found, "yes" if c.passed else "NO") for c in checks]
    head = ("instrument", "planted respondent", "what", "expected", "found", "recovered")
    return StudyTable("Self-test with planted respondents", head, tuple(rows))


def _who(group: AuditGroup) -> tuple[str, str, str]:
    return group.model, group.key.name, group.readout


_WHO = ("model", "instrument", "readout")


def _verdicts(audit: Audit) -> StudyTable:
    rows = [
        (*_who(group), "usable" if group.verdict.is_usable else "not usable", "; ".join(group.verdict.reasons) or "-")
        for group in audit.groups
    ]
    return StudyTable("Whether the instrument measures something of the model", (*_WHO, "verdict", "why"), tuple(rows))


def _scores(groups: Sequence[AuditGroup]) -> StudyTable:
    templates = list(dict.fromkeys(score.template for score in groups[0].scores if score.template))
    rows: list[tuple[Any, ...]] = []
    for group in groups:
        usable = group.verdict.is_usable
        for trait in group.key.traits:
            own = {one.template: one for one in group.scores if one.trait == trait}
            pooled = own.get("") or next(iter(own.values()))
            cells = [_cell(group.key, own[name].score) if name in own else None for name in templates]
            counts = (pooled.undecided, pooled.invalid)
            rows.append((group.model, group.readout, trait, _cell(group.key, pooled.score), *cells, *counts, usable))
    unit = "share of items with a high decision, per cent" if groups[0].key.kind == "scenario" else "mean, 1 to {:g}"
    title = f"Trait scores of {groups[0].key.name}: {unit.format(groups[0].key.bounds[1])} [interval]"
    head = ("model", "readout", "trait", "all templates", *templates, "undecided", "no answer", "usable")
    return StudyTable(title, head, tuple((*row[:-1], "yes" if row[-1] else "no") for row in rows))


def _cell(key: ScoringKey, score: Interval) -> Interval | Percent:
    return Percent(score) if key.bounds == (0, 1) else score


def _sensitivities(audit: Audit) -> StudyTable:
    rows = [
        (
            *_who(group), _RESPECTS[one.respect], Percent(one.option), f"{100 * one.chance[0]:.0f}", Percent(one.pole),
            f"{100 * one.chance[1]:.0f}", one.pairs,
        )
        for group in audit.groups
        for one in group.sensitivities
    ]  # fmt: skip
    head = (*_WHO, "between", "option changes", "by chance", "pole changes", "pole by chance", "pairs")
    return StudyTable("Items whose chosen option, or its pole, differs between conditions, per cent", head, tuple(rows))


def _tests(audit: Audit) -> StudyTable:
    rows = []
    for group in audit.groups:
        found = group.reliability
        for respect in found.respects:
            u, signed, n = found.counts(respect)
            failing = sum(test.respect == respect for test in found.failing())
            expected = found.expected.get(respect) if found.expected else None
            rows.append((*_who(group), _RESPECTS[respect], n, u, round(ALPHA * n, 1), signed, failing, expected,
                         round(found.alpha, 3)))  # fmt: skip
    head = (
        *_WHO, "between", "tests", "U rejects", "by chance", "signed ranks reject", "fail (Holm)",
        "U on expected scores rejects", "Krippendorff's alpha",
    )  # fmt: skip
    return StudyTable("Tests of trait scores between conditions, at 0.05", head, tuple(rows))


def _biases(audit: Audit) -> StudyTable:
    rows = [
        (
            *_who(group), one.template, Percent(one.invalid), Percent(one.refused), Percent(one.first),
            f"{100 * one.chance:.0f}", f"{one.label}: {Percent(one.label_share)}" if one.label else "-",
            one.acquiescence if one.acquiescence.n else "-", f"{100 * one.undecided:.0f}",
            Percent(one.mass) if one.mass.n else "-",
        )
        for group in audit.groups
        for one in group.biases
    ]  # fmt: skip
    head = (
        *_WHO, "template", "no answer", "declines", "first option", "by chance", "commonest label", "acquiescence",
        "undecided", "mass on the labels",
    )  # fmt: skip
    return StudyTable("What answers follow instead of the item; shares in per cent", head, tuple(rows))


def _personas(audit: Audit) -> StudyTable:
    rows = [
        (*_who(group), one.trait, *(_cell(group.key, each) for each in (one.high, one.low, one.difference)))
        for group in audit.groups
        for one in group.personas
    ]
    head = (*_WHO, "trait", "asked to be high", "asked to be low", "difference")
    return StudyTable("Manipulation check of personas", head, tuple(rows))


def _calibration(audit: Audit) -> StudyTable:
    return StudyTable(
        "Rejections of the tests for a simulated true profile, per cent of 1,000 profiles: false ones at a shift of 0",
        ("instrument", "items of a trait", "true shift", "U test", "signed ranks"),
        tuple(_calibration_rows(audit)),
    )


def _calibration_rows(audit: Audit) -> Iterator[tuple[Any, ...]]:
    known = set()
    for group in audit.groups:
        if group.key.name not in known:
            known.add(group.key.name)
            for one in audit.calibrations(group):
                yield group.key.name, one.items, one.shift, Percent(one.mann_whitney), Percent(one.wilcoxon)
