"""Running the experiment: in memory, or in a run folder that an interrupted run can be resumed from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from quintain.experiments.questionnaire.audit import Audit, audit_of
from quintain.experiments.questionnaire.experiment import QuestionnaireExperiment
from quintain.experiments.questionnaire.planted import Check
from quintain.experiments.questionnaire.tables import audit_tables
from quintain.experiments.runner import ExperimentRun
from quintain.files import write_atomically

__all__ = ["run_questionnaire"]


def run_questionnaire(
    experiment: QuestionnaireExperiment,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    show: bool | None = None,
    facts: Mapping[str, Any] | None = None,
    on_self_test: Callable[[Sequence[Check]], None] | None = None,
) -> Audit:
    """Run the experiment: first the self-test with planted respondents, then the models.

    Args:
        experiment: Models, instruments and conditions.
        out: Run folder for records, ``scores.csv``, ``audit.md`` and, with the extra ``report``, ``report.html``;
            ``None`` writes nothing.
        resume: Continue the run in ``out``; the result equals that of an uninterrupted run. Default: false.
        show: Whether to show a progress bar; ``None`` shows it where there is a terminal.
        facts: Further entries for the manifest's ``"facts"``.
        on_self_test: Called with the results of the self-test, before any model is asked; they are also in the
            manifest. A check that failed stops nothing: an instrument of a few items may fail some by chance.

    Raises:
        ConfigurationError: If the parts do not fit together; raised before a model is asked.
        RecordError: If ``out`` holds another run.
    """
    checks = experiment.self_test()
    if on_self_test is not None:
        on_self_test(checks)
    stored = [{name: getattr(check, name) for name in check.__slots__} for check in checks]
    metadata = {"self_test": stored, "facts": dict(facts or {})}
    with ExperimentRun(experiment, out=out, resume=resume, progress=show, metadata=metadata) as run:
        run.play()
        audit = audit_of(run.report(experiment.confidence))
        if out is not None:
            audit.to_csv(Path(out) / "scores.csv")
            parts = [f"{table.title}\n\n{table.to_markdown()}" for table in audit_tables(audit).values()]
            write_atomically(Path(out) / "audit.md", "\n".join(parts))
            run.write_page(experiment.confidence)
    return audit
