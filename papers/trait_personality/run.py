"""Scenario items against self-reports: the audit of TRAIT (Lee et al. 2025, arXiv 2406.14703) at small scale.

Two instruments are put to a language model: scenarios of our own in the schema of TRAIT, with two high and two low
courses of action, and public-domain statements about oneself. Both in three templates and two orders of the options,
the scenarios also paraphrased; the answer is the likeliest label, and a decision averages the two orders. The table
shows how often the chosen option changes, beside the published averages over eight large models. Refusals are counted
in written answers to a few items. With --out the run is kept, the same command continues it, and the tables are stored
in trait.json.

    python papers/trait_personality/run.py          # SmolLM2-135M, 2 items of each trait
    python papers/trait_personality/run.py --smoke  # in seconds: shows the output, measures nothing
    python papers/trait_personality/run.py --per-trait 20 --personas --model openai:NAME@http://host:8000/v1
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from quintain.engines import ScriptedEngine, make_engine
from quintain.experiments.questionnaire import Audit, QuestionnaireExperiment, audit_tables, run_questionnaire
from quintain.experiments.questionnaire.tables import self_test_table
from quintain.experiments.study_tables import Percent, StudyTables, published_values

SCENARIOS, STATEMENTS = "scenarios-160", "ipip-100"
_FIGURES = published_values(__file__)
#: Published sensitivities in per cent, averaged over eight models (unconfirmed).
PUBLISHED = {
    (STATEMENTS, "template"): f"{_FIGURES['sensitivities']['IPIP-NEO']['template']} (IPIP-NEO)",
    (STATEMENTS, "order"): f"{_FIGURES['sensitivities']['IPIP-NEO']['order']} (IPIP-NEO)",
    (SCENARIOS, "paraphrase"): f"{_FIGURES['mean sensitivity']['TRAIT']['mean']} (TRAIT, mean of all three)",
}
#: Published refusals in per cent in the multiple-choice form (unconfirmed).
REFUSALS = {
    own: f"{_FIGURES['refusals'][theirs]['multiple choice']} ({theirs})"
    for own, theirs in ((STATEMENTS, "IPIP-NEO"), (SCENARIOS, "TRAIT"))
}


def main() -> None:
    """Run what is not recorded yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="transformers", help="an engine, as quintain questionnaire takes it")
    parser.add_argument("--per-trait", type=int, default=2, help="items of each trait, at most 20")
    parser.add_argument("--written", type=int, default=1, help="items of each trait for written answers")
    parser.add_argument("--personas", action="store_true", help="also ask personas of both poles")
    parser.add_argument("--smoke", action="store_true", help="a script that takes the first option; measures nothing")
    parser.add_argument("--out", type=Path, help="folder of the runs and of trait.json")
    args = parser.parse_args()
    engine = lazy() if args.smoke else make_engine(args.model)
    args.per_trait = 1 if args.smoke else args.per_trait
    tables = StudyTables()
    chosen = QuestionnaireExperiment(
        {"model": engine}, [SCENARIOS, STATEMENTS], per_trait=args.per_trait, personas=args.personas
    )
    written = QuestionnaireExperiment(
        {"model": engine}, [SCENARIOS, STATEMENTS], ["text"], per_trait=args.written, orders="single",
        templates=["suggestion", "accuracy"], paraphrases=False,
    )  # fmt: skip
    audits = []
    for name, experiment in (("choices", chosen), ("written", written)):
        folder = args.out / name if args.out else None
        checks: list[Any] = []
        audits.append(
            run_questionnaire(
                experiment, out=folder, resume=folder is not None and folder.exists(), on_self_test=checks.extend
            )
        )
        if experiment is chosen:
            again = self_test_table(checks)
            tables.show(again.title, again.head, again.rows)
    show(tables, *audits)
    if args.out:
        tables.save(args.out / "trait.json")


def lazy() -> ScriptedEngine:
    """Return a script that takes the first option."""
    return ScriptedEngine(lambda request: request.choices[0] if request.choices else "A")


def show(tables: StudyTables, chosen: Audit, written: Audit) -> None:
    """Print the tables of both audits."""
    found = audit_tables(chosen)
    for name in ("verdicts", f"scores: {SCENARIOS}"):
        tables.show(found[name].title, found[name].head, found[name].rows)
    rows: list[list[Any]] = []
    for group in chosen.groups:
        for one in group.sensitivities:
            chance = [f"{100 * share:.0f}" for share in one.chance]
            published = PUBLISHED.get((group.key.name, one.respect), "-")
            rows.append(
                [group.key.name, one.respect, Percent(one.option), chance[0], Percent(one.pole), chance[1], published]
            )
    head = [
        "instrument",
        "varied",
        "option changes",
        "by chance",
        "pole changes",
        "pole by chance",
        "published (option)",
    ]
    tables.show("Items whose chosen option changes, per cent [95 % intervals over items]", head, rows)
    rows = [
        [group.key.name, Percent(bias.invalid), Percent(bias.refused), REFUSALS[group.key.name]]
        for group in written.groups
        for bias in group.biases
    ]
    head = ["instrument", "no option named", "declined", "published refusals"]
    tables.show("Written answers without an option, per cent [95 % intervals]", head, rows)
    for name in ("biases", "personas"):
        if name in found:
            tables.show(found[name].title, found[name].head, found[name].rows)


if __name__ == "__main__":
    main()
