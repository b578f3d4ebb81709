# ruff: noqa: I001  (the modules that it imports are no longer there)
"""Make one small run of each kind with the code of version 0.1.0 before its parts moved; README.md says how."""

import json
import sys
from pathlib import Path

import numpy as np
from gymnasium import spaces

from quintain.agents.llm.engine import Reply
from quintain.agents.llm.scripted import ScriptedEngine
from quintain.agents.victims import MLP, Layer, Victim
from quintain.evaluation import evaluate, play
from quintain.evaluation.games.matches import Fixture, play_matches
from quintain.evaluation.games.sweep import sample_games, sweep
from quintain.evaluation.games.tournament import tournament
from quintain.evaluation.robustness import robustness

PD = "prisoners_dilemma"

out = Path(sys.argv[1])
quiet = {"seed": 1, "progress": False}
letters = {"episodes": 3, "env_kwargs": {"tasks": "letters"}, **quiet}
evaluate("CodeReason-v0", "oracle", out=out / "evaluate_oracle", **letters)
model = {"name": "all-text", "engine": ScriptedEngine(lambda request: Reply("<<<3>>>", "stop", completion_tokens=5))}
evaluate("CodeReason-v0", model, out=out / "evaluate_language_model", **letters)
evaluate("CartPole-v1", "random", episodes=3, out=out / "evaluate_control", **quiet)
play("PrisonersDilemma-v0", {"player_0": "tit-for-tat", "player_1": "random"}, env_kwargs={"rounds": 3}, episodes=2,
     out=out / "play", **quiet)  # fmt: skip
fixtures = [Fixture(PD, ("tit-for-tat", "grim")), Fixture(PD, ("random", "grim"))]
play_matches(fixtures, {}, env={"rounds": 3}, out=out / "matches", seed=1)
tournament(["tit-for-tat", "grim", "random"], rounds=3, repetitions=1, seed=1, out=out / "tournament")
sweep(["tit-for-tat"], sample_games(2, 1), opponents=["best-response"], rounds=3, out=out / "sweep", **quiet)
weights = np.array([[0.0, 0.0, -5.0, -2.0], [0.0, 0.0, 5.0, 2.0]])
box = spaces.Box(-np.inf, np.inf, (4,), np.float32)
victim = Victim(MLP([Layer(weights, np.zeros(2), "identity")]), box, spaces.Discrete(2), head="categorical")
robustness("CartPole-v1", victim, ["random"], [0.1], episodes=2, seed=1, out=out / "robustness", show=False)

for path in out.glob("*/run.json"):
    manifest = json.loads(path.read_text())
    manifest["platform"] = {"python": "3.11", "system": "Linux", "machine": "x86_64"}
    path.write_text(json.dumps(manifest, indent=2) + "\n")
for path in out.rglob("report.html"):
    path.unlink()
