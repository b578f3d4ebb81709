"""Audits public environments: which of them keep the contract that training and evaluation rely on?

Every target is audited by ``quintain audit TARGET``, with the same questions for all. Faults are then shown again by
``audit_faults.py``, which does not use Quintain. A target whose audit is in the folder is not audited again, so a run
that was stopped goes on where it was.

    python examples/audit.py --out audits           # about 4 minutes of one core; needs the libraries of GROUPS
    python examples/audit.py --targets CartPole-v1  # some targets
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from quintain.experiments.study_tables import StudyTables
from quintain.files import write_atomically
from quintain.provenance import versions
from quintain.serving.audit import audit

#: Targets by the distribution that brings them.
GROUPS = {
    "gymnasium": (
        "CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Acrobot-v1", "Pendulum-v1", "FrozenLake-v1",
        "Taxi-v4", "Blackjack-v1", "CliffWalking-v1", "LunarLander-v3", "BipedalWalker-v3", "InvertedPendulum-v5",
        "Reacher-v5", "Swimmer-v5", "Hopper-v5", "HalfCheetah-v5", "Ant-v5",
    ),
    "minigrid": ("minigrid:MiniGrid-Empty-5x5-v0", "minigrid:MiniGrid-DoorKey-5x5-v0"),
    "pettingzoo": ("classic/connect_four-v3", "classic/tictactoe-v3", "classic/rps-v2"),
    "reasoning-gym": tuple(
        f"reasoning-gym:{family}" for family in (
            "chain_sum", "countdown", "gsm_symbolic", "word_sorting", "knights_knaves", "prime_factorization",
            "spell_backward", "letter_counting", "basic_arithmetic", "sudoku", "maze", "number_sorting",
            "caesar_cipher", "propositional_logic", "simple_equations", "leg_counting", "base_conversion",
        )
    ),
}  # fmt: skip


def audited(target: str, folder: Path) -> dict[str, Any]:
    """Audit a target, or read its stored audit."""
    file = folder / f"{re.sub('[^A-Za-z0-9_.-]+', '-', target)}.json"
    if not file.exists():
        write_atomically(file, audit(target).to_json() + "\n")
        print(f"audited: {target}", flush=True)
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def shown_again(targets: list[str]) -> dict[tuple[str, str], str]:
    """Return what the second program saw, by target and question."""
    program = Path(__file__).with_name("audit_faults.py")
    command = [sys.executable, "-W", "ignore", str(program), *targets]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return {(target, question): text for target, question, text in lines}


def short(detail: str) -> str:
    """Return what was found, on one line of a table and without the values of observations."""
    words = detail.partition(": '")[0] if "differs: '" in detail else detail
    return re.sub(r"\s+", " ", words).replace("|", "/").removeprefix("same seed same episode: EnvironmentFault: ")[:160]


def main() -> None:
    """Audit, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", nargs="*", help="default: all")
    parser.add_argument("--out", type=Path, help="folder for the audits, from which a run goes on, and results.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        chosen = [
            (target, package)
            for package, targets in GROUPS.items()
            for target in targets
            if args.targets is None or target in args.targets
        ]
        reports = [(target, package, audited(target, folder)) for target, package in chosen]
    rows, faults = [], []
    for target, package, report in reports:
        counts = {
            verdict: sum(row["verdict"] == verdict for row in report["rows"]) for verdict in ("pass", "note", "skip")
        }
        broken = [row for row in report["rows"] if row["verdict"] == "fault"]
        named = "; ".join(f"{row['question']} ({row['severity']})" for row in broken) or "none found"
        library = " ".join(*versions(package).items())
        rows.append([target, library, counts["pass"], named, counts["note"], counts["skip"], f"{report['cpu_s']:.1f}"])
        faults += [(target, row) for row in broken]
    seen = shown_again([target for target, _ in faults]) if faults else {}
    tables = StudyTables()
    head = ["target", "library", "passed", "faults", "notes", "skipped", "CPU s"]
    tables.show("Public environments: questions by verdict", head, rows)
    again = [
        [target, row["question"], row["severity"], short(row["detail"]), seen.get((target, row["question"]), "not yet")]
        for target, row in faults
    ]
    head = ["target", "question", "severity", "what the audit found", "shown again without Quintain"]
    tables.show("Faults, each shown by a second program", head, again)
    tables.facts = {"targets": len(rows), "targets_with_faults": len({target for target, _ in faults})}
    if args.out:
        tables.save(args.out / "results.json")


if __name__ == "__main__":
    main()
