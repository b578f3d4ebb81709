r"""A Decision Transformer under attack, beside the policy that it imitates: the table of a stored robustness run.

quintain policies train slide-handle        # and slide-handle-mirrored, slide-handle-dt
quintain robustness slide-handle-dt slide-handle --scenario opposite -a mad -a rat-surrogate -e 0.05,0.1,0.15 \
        --train-at 0.15 --attack-steps rat-surrogate=20000 --episodes 30 --seeds 0,1,2 -o runs/transformer
python papers/rat_targeted_attack/transformer.py --out runs/transformer     # prints and stores the table
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from quintain.experiments.robustness import RobustnessTable, load_robustness
from quintain.experiments.study_tables import Percent, StudyTables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder that `quintain robustness` wrote")
    options = parser.parse_args()
    report(load_robustness(options.out)).save(options.out / "transformer.json")


def report(table: RobustnessTable) -> StudyTables:
    """Print the tables and return them."""
    keys = dict.fromkeys((row.epsilon, row.attack) for row in table.leaderboard())
    found = {(row.policy, row.epsilon, row.attack): row for row in table.rows}
    tables = StudyTables()
    for measure, title in (("success", "Success"), ("attacker_success", "The attacker's success")):
        rows: list[list[Any]] = []
        for epsilon, attack in keys:
            cells = [found.get((policy, epsilon, attack)) for policy in table.policies]
            rows.append([epsilon, attack, *(None if row is None else Percent(getattr(row, measure)) for row in cells)])
        tables.show(f"{title}, per cent [95 % interval over seeds]", ["epsilon", "attack", *table.policies], rows)
    rows = []
    for epsilon, attack in keys:
        cells = [found.get((policy, epsilon, attack)) for policy in table.policies]
        if attack != "clean":
            both = [part for row in cells for part in ((None, None) if row is None else (row.loss, table.holm(row)))]
            rows.append([epsilon, attack, *both])
    head = [part for policy in table.policies for part in (policy, f"{policy}: p by Holm")]
    tables.show(
        f"Loss of return against clean episodes of the same seeds; p by Holm for {table.comparisons} comparisons",
        ["epsilon", "attack", *head],
        rows,
    )
    return tables


if __name__ == "__main__":
    main()
