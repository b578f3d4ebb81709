"""A stand-in for ``lean``: it speaks the checker's language, and knows a few theorems. No proof is checked."""

import re
import sys
from pathlib import Path


def goal_of(statement: str) -> str:
    """Return what follows the first colon outside brackets."""
    depth = 0
    for at, mark in enumerate(statement):
        depth += (mark in "([{") - (mark in ")]}")
        if mark == ":" and depth == 0:
            return statement[at + 1 :].strip()
    return ""


KNOWN = {
    "(1 : Nat) + 1 = 2": {"decide"},
    "((3 : Rat) * (4 : Rat)) = (12 : Rat)": {"decide", "norm_num"},
    "x = (4 : Rat)": {"omega", "by axioms"},
    "x = 1": {"assumption"},
}


def main() -> int:
    source = Path(sys.argv[-1]).read_text(encoding="utf-8")
    name = re.search(r"theorem (\w+)", source)[1]
    statement, _, proof = source.partition(":= by\n")
    proof = proof.partition("#print")[0].strip()
    goal = goal_of(statement)
    if "SLEEP" in source:
        import time

        time.sleep(60)
    if "SYNTAX" in statement:
        print("error: unexpected token")
        return 1
    if proof == "sorry":
        print(f"{sys.argv[-1]}:1:8: warning: declaration uses 'sorry'")
        print(f"'{name}' depends on axioms: [sorryAx]")
        return 0
    contradictory = goal == "False" and "x = (5 : Rat)" in statement and proof == "simp_all"
    if proof not in KNOWN.get(goal, set()) and not contradictory:
        print("error: unsolved goals")
        return 1
    axioms = "propext, myAxiom" if proof == "by axioms" else "propext"
    print(f"'{name}' depends on axioms: [{axioms}]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
