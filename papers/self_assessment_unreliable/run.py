"""Do self-reports pass two tests of reliability? Gupta et al. 2024 (arXiv 2309.08163) at small scale.

Public-domain statements about oneself are put to a language model in three templates, each with the options listed
forward and in reverse, and on the numeric scale also with exchanged ends. For each trait and pair of conditions the
scores of the items are compared by the U test at 0.05, as published, and by tests that know that the items are the
same. Answers are read twice: as the likeliest label, and as the text that the model writes. Statements without content
show the bias by itself, and simulated true profiles how often the tests reject by mistake. With --out the run is kept,
the same command continues it, and the tables are stored in self_assessment.json.

    python papers/self_assessment_unreliable/run.py          # SmolLM2-135M, 5 items of each trait
    python papers/self_assessment_unreliable/run.py --smoke  # in seconds: shows the output, measures nothing
    python papers/self_assessment_unreliable/run.py --per-trait 20 --model openai:NAME@http://host:8000/v1
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from quintain.engines import ScriptedEngine, make_engine
from quintain.experiments.questionnaire import (
    Audit,
    QuestionnaireExperiment,
    audit_tables,
    calibrate,
    run_questionnaire,
)
from quintain.experiments.questionnaire.tables import self_test_table
from quintain.experiments.study_tables import Percent, StudyTables, published_values

#: Published tests between pairs of templates that reject, of 30 (unconfirmed).
PUBLISHED = {model: values["rejected"] for model, values in published_values(__file__)["templates"].items()}


def main() -> None:
    """Run what is not recorded yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="transformers", help="an engine, as quintain questionnaire takes it")
    parser.add_argument("--per-trait", type=int, default=5, help="items of each trait, at most 20")
    parser.add_argument("--readouts", nargs="+", default=["choice", "text"], choices=["choice", "text"])
    parser.add_argument("--max-tokens", type=int, default=16, help="tokens of a written answer")
    parser.add_argument("--smoke", action="store_true", help="a script that takes the first option; measures nothing")
    parser.add_argument("--out", type=Path, help="folder of the run and of self_assessment.json")
    args = parser.parse_args()
    engine = lazy() if args.smoke else make_engine(args.model)
    args.per_trait = 1 if args.smoke else args.per_trait
    experiment = QuestionnaireExperiment(
        {"model": engine}, ["ipip-100", "content-free"], args.readouts, per_trait=args.per_trait,
        max_tokens=args.max_tokens,
    )  # fmt: skip
    folder = args.out / "run" if args.out else None
    checks: list[Any] = []
    audit = run_questionnaire(
        experiment, out=folder, resume=folder is not None and folder.exists(), on_self_test=checks.extend
    )
    tables = StudyTables()
    again = self_test_table([check for check in checks if check.instrument == "ipip-100"])
    tables.show(again.title, again.head, again.rows)
    show(tables, audit, args.per_trait)
    if args.out:
        tables.save(args.out / "self_assessment.json")


def lazy() -> ScriptedEngine:
    """Return a script that takes the first option."""
    return ScriptedEngine(lambda request: request.choices[0] if request.choices else "A")


def show(tables: StudyTables, audit: Audit, items: int) -> None:
    """Print the tables of the audit, the published counts, and the rates of false positives."""
    rows: list[list[Any]] = []
    for group in audit.groups:
        found = group.reliability
        for respect in found.respects if group.key.name == "ipip-100" else ():
            u, signed, n = found.counts(respect)
            expected = found.expected.get(respect, "-") if found.expected else "-"
            failing = sum(test.respect == respect for test in found.failing())
            rows.append(
                [f"here, {group.readout}", respect, f"{u} of {n}", f"{0.05 * n:.1f}", signed, failing, expected]
            )
    rows += [[name, "template", f"{count} of 30", "1.5", "-", "-", "-"] for name, count in PUBLISHED.items()]
    head = [
        "model",
        "varied",
        "U test rejects",
        "by chance",
        "signed ranks reject",
        "fail (Holm)",
        "U, expected scores",
    ]
    tables.show("Tests of trait scores between equivalent conditions, at 0.05", head, rows)
    found_tables = audit_tables(audit)
    for name in ("verdicts", "scores: ipip-100", "sensitivities", "biases"):
        table = found_tables[name]
        tables.show(table.title, table.head, table.rows)
    rates = [
        [n, shift, Percent(one.mann_whitney), Percent(one.wilcoxon)]
        for n in dict.fromkeys((items, 20, 60))
        for shift in (0.0, 0.3, 0.5, 1.0)
        for one in [calibrate(n, shift)]
    ]
    head = ["items of a trait", "true shift", "U test", "signed ranks"]
    tables.show("Rejections for 1,000 simulated true profiles, per cent: false ones at a shift of 0", head, rates)
    rates = [
        [spread, Percent(one.mann_whitney), Percent(one.wilcoxon)]
        for spread in (0.0, 0.5, 1.0, 2.0)
        for one in [calibrate(20, spread=spread)]
    ]
    head = ["spread of the items", "U test", "signed ranks"]
    tables.show("False rejections for 20 items whose means differ by a spread (points), per cent", head, rates)


if __name__ == "__main__":
    main()
