"""The page of the experiment: verdicts, profiles, sensitivities, tests, biases and personas; one HTML file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from quintain.evaluation.html.frame import fill, markup
from quintain.evaluation.html.reproduce import reproduce
from quintain.experiments.questionnaire.audit import Audit
from quintain.experiments.questionnaire.figures import dots, profile_dots, radar
from quintain.experiments.questionnaire.planted import Check
from quintain.experiments.questionnaire.tables import audit_tables, self_test_table

__all__ = ["render"]


def render(audit: Audit) -> str:
    """Return the page as text.

    Raises:
        MissingDependencyError: Without the ``report`` extra.
    """
    manifest = audit.manifest
    checks = [Check(**data) for data in manifest.get("self_test", ())]
    tables = audit_tables(audit)
    answers = sum(len(group.key.ids) for group in audit.groups)
    return fill(
        "questionnaire.html",
        package="quintain.experiments.questionnaire",
        styles=("questionnaire.css",),
        audit=audit,
        models=list(dict.fromkeys(group.model for group in audit.groups)),
        tables=tables,
        profiles=list(_profiles(audit)),
        changes=_changes(audit),
        self_test=self_test_table(checks) if checks else None,
        failed=[check for check in checks if not check.passed],
        sources=manifest.get("sources", {}),
        manifest=manifest,
        reproduce=reproduce(manifest, answers),
        details={
            name: json.dumps(part, indent=2, ensure_ascii=False)
            for name, part in {"Conditions": _plan(manifest), "Versions": manifest.get("versions")}.items()
            if part
        },
    )


def _profiles(audit: Audit) -> Iterator[dict[str, Any]]:
    """Return for each instrument its groups, a radar if there are three traits or more, and dots."""
    for name in dict.fromkeys(group.key.name for group in audit.groups):
        groups = [group for group in audit.groups if group.key.name == name]
        yield {
            "name": name,
            "groups": groups,
            "radar": markup(radar(groups, f"Profiles of {name}")) if len(groups[0].key.traits) > 2 else "",
            "dots": markup(profile_dots(groups, f"Trait scores of {name}")),
        }


def _changes(audit: Audit) -> Any:
    """Return the dots of all sensitivities: a row for each group and respect."""
    rows = [
        (f"{group.name}: {one.respect}", [(one.option, one.chance[0]), (one.pole, one.chance[1])])
        for group in audit.groups
        for one in group.sensitivities
    ]
    return markup(dots(rows, "Sensitivities")) if rows else ""


def _plan(manifest: Any) -> dict[str, Any]:
    """Return the configuration without the keys of the items."""
    plan = dict(manifest.get("config", {}).get("agent", {}))
    plan.pop("instruments", None)
    return plan
