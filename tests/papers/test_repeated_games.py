"""The program of the repeated-games study, with engines that need no model."""

import importlib.util
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="figures need matplotlib: pip install 'quintain[report]'")

from quintain.engines.engine import Engine, Reply
from quintain.experiments.games import load_matches

FILE = Path(__file__).parents[2] / "papers" / "repeated_games" / "run.py"


class Server(Engine):
    """Chooses the first label of every question; reports ``top_logprobs`` if it supports them."""

    name = "server"

    def __init__(self, top_logprobs):
        self.capabilities = frozenset({"chat", "top_logprobs"} if top_logprobs is not None else {"chat"})
        self.top_logprobs = top_logprobs

    async def _generate(self, requests):
        return [[self.answer(request)] for request in requests]

    def answer(self, request):
        label = request.messages[-1]["content"].split("Reply with ")[1][0]
        return Reply(label, top_logprobs=((("I", -0.1), (label, -1.0)),) if self.top_logprobs else None)


@pytest.fixture
def study(monkeypatch, capsys, tmp_path):
    monkeypatch.syspath_prepend(str(FILE.parent))  # for the modules beside it
    spec = importlib.util.spec_from_file_location("repeated_games", FILE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    monkeypatch.setattr(example, "OPPONENTS", ["always-defect", "alternator"])

    def run(engine, *options):
        monkeypatch.setattr(example, "make_engine", lambda name: engine)
        monkeypatch.setattr(sys, "argv", ["run.py", "--out", str(tmp_path), "--games", "1", *options])
        example.main()
        return capsys.readouterr().out, load_matches(tmp_path / "canonical")

    return run


def test_the_audit_is_first_and_finds_the_simulated_biases(study, tmp_path):
    printed, matches = study(Server(top_logprobs=True), "--rounds", "2")
    assert printed.index("Position-bias audit") < printed.index("mean total")
    assert printed.count("Strongest influence: the position in the question (first), 50 percentage points") == 6
    assert "| always-defect | " in printed
    assert "| 45 |" in printed  # GPT-4's payoff
    assert "Strongest influence: the position in the question (first)" in (tmp_path / "report.html").read_text()
    assert len(matches) == 2 * 2 * 19
    assert all(choice["probabilities"] for match in matches for choice in match.traces[0])
    assert {match.scheduled.agents[0] for match in matches} >= {
        "debiased",
        "exchanged F/J last",
        "predict-first R/H first",
    }


@pytest.mark.parametrize("top_logprobs", [None, False], ids=["unsupported", "returns none"])
def test_without_log_probabilities_the_debiased_player_is_omitted_with_the_reason(study, top_logprobs):
    printed, matches = study(Server(top_logprobs), "--rounds", "1")
    assert printed.startswith("The players write freely, and the debiased one is left out: ")
    assert "engine 'server'" in printed.splitlines()[0]
    assert len(matches) == 2 * 2 * 18
    assert all((match.moves >= 0).all() for match in matches)
