"""Make agents with tools malfunction, and defend them: "Breaking Agents" (arXiv 2407.20859) at small scale.

Every condition plays the same 200 items of ToolUse-v0. Failures are counted by a checker of the state; "net" is what
the attack adds to the failures of the same items without it. The agent is a script that fails 15 % of the items by
itself, and obeys an instruction with a probability that depends on where it stands, so what is tested here are attacks,
defences and counting, not a language model. A language model takes its place with --engine.

    python examples/malfunction.py
    python examples/malfunction.py --engine openai:MODEL@http://host:8000/v1
    python examples/malfunction.py --engine transformers --episodes 20   # 135M parameters, by choice among calls
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import gymnasium as gym

import quintain
from quintain.agents import Agent
from quintain.attacks.malfunction import (
    AllowList,
    CallBudget,
    MalfunctionAttack,
    RepeatLimit,
    Spotlight,
    malfunction_rates,
    malfunction_table,
)

#: Failure rates of the paper for GPT-3.5-Turbo in an emulator, in percent (tables 1 and 2).
PUBLISHED = {
    "clean": 15.3, "loop / injection / user": 59.4, "function / injection / user": 26.4,
    "noise / similar-characters / user": 15.1, "noise / paraphrase / user": 14.2,
}  # fmt: skip
#: How readily the scripted agent obeys; it reads the cells of files as data.
OBEY = {"user": 0.5, "demonstrations": 0.1, "memory": 0.05, "system": 0.2, "tool": 0.4, "file": 0.0}
ATTACKS: dict[str, dict[str, Any]] = {
    "loop / injection / user": {"type": "loop"},
    "function / injection / user": {"type": "function"},
    "loop / demonstrations / user": {"type": "loop", "method": "demonstrations"},
    "noise / similar-characters / user": {"method": "similar-characters"},
    "noise / paraphrase / user": {"method": "paraphrase"},
    "loop / injection / memory": {"type": "loop", "surface": "memory"},
    "loop / injection / system": {"type": "loop", "surface": "system"},
}
#: Tasks in which an e-mail or a file is read, for the surface of tools.
READING = {
    "mail": ["mail-what-it-says", "chain-mail-to-note", "chain-pay-a-bill", "chain-wiki-to-mail", "errand-reschedule"],
    "csv": ["files-best-student", "errand-pay-friends"],
}
GUARDS: dict[str, Callable[[Agent], Any]] = {
    "repeat limit": lambda agent: RepeatLimit(agent, limit=2),
    "budget of 10 calls": lambda agent: CallBudget(agent, max_calls=10),
    "datamarking": Spotlight,
    "allow-list": AllowList,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", help="a language model plays in place of the script")
    parser.add_argument("--episodes", type=int, default=200)
    options = parser.parse_args()
    agent: Any = quintain.make_agent("susceptible", obey=OBEY, slip=0.15)
    if options.engine:
        agent = quintain.make_agent("tool-caller", engine=options.engine)

    def run(player: Any, tasks: Any = "all", **attack: Any) -> quintain.evaluation.Report:
        def make() -> gym.Env[Any, Any]:
            rules = {} if options.engine is None else {"rules": False}
            env = gym.make("ToolUse-v0", tasks=tasks, **rules)
            return MalfunctionAttack(env, **attack) if attack else env

        return quintain.evaluate(make, player, episodes=options.episodes, seed=0, progress=False)

    clean = run(agent)
    rows = [("clean", malfunction_rates(clean))]
    rows += [(name, malfunction_rates(run(agent, **attack), clean)) for name, attack in ATTACKS.items()]
    for surface, tasks in READING.items():
        before = run(agent, tasks)
        for kind in ("loop", "function"):
            found = malfunction_rates(run(agent, tasks, type=kind, surface="tool"), before)
            rows.append((f"{kind} / injection / {surface}", found))
    print(malfunction_table(rows))
    print("\nPublished failure rates, in percent (GPT-3.5-Turbo, emulator):")
    print(", ".join(f"{name}: {value}" for name, value in PUBLISHED.items()))

    print("\nDefences: without an attack, against a loop in the request, against a call in an e-mail")
    before = run(agent, READING["mail"])
    rows = []
    for name, guard in GUARDS.items():
        rows.append((f"{name}: clean", malfunction_rates(run(guard(agent)), clean)))
        rows.append((f"{name}: loop", malfunction_rates(run(guard(agent), type="loop"), clean)))
        attacked = run(guard(agent), READING["mail"], type="function", surface="tool")
        rows.append((f"{name}: function in mail", malfunction_rates(attacked, before)))
    print(malfunction_table(rows))


if __name__ == "__main__":
    main()
