"""Contract of all results: one line, a table in notebooks, export to CSV and pandas."""

import csv
import io
import sys
from pathlib import Path

import numpy as np
import pytest

import quintain
from quintain.agents.games.learners import QLearner
from quintain.errors import MissingDependencyError
from quintain.evaluation.report import Report
from quintain.evaluation.tabular import Tabular
from quintain.experiments.games import sweep, tournament
from quintain.experiments.kinds import EXPERIMENTS, load_run
from quintain.experiments.run_list import list_runs
from quintain.training.language.curriculum import measure_potential
from quintain.training.self_play import SelfPlaySettings, train_self_play
from quintain.training.sources import Matches

STORED = Path(__file__).parent / "data" / "runs_0_1_0_before"
KINDS = {"evaluate": "evaluate_oracle", "play": "play", "matches": "matches", "sweep": "sweep",
         "robustness": "robustness", "tournament": "tournament", "train": "../runs_0_1_0/train",
         "malfunction": "../runs_0_1_0/malfunction", "reward-design": "../runs_0_1_0/reward_design",
         "questionnaire": "../runs_0_1_0/questionnaire"}  # fmt: skip
LETTERS = {"env_kwargs": {"tasks": "letters", "difficulty": "easy"}, "episodes": 3, "progress": False}


def tabulated(kind):
    return EXPERIMENTS.load(kind).tabulate(load_run(STORED / KINDS[kind]))


RESULTS = {
    **{kind: lambda kind=kind: tabulated(kind) for kind in KINDS},
    "report with errors": lambda: quintain.evaluate("CartPole-v1", lambda o: 1 / 0, episodes=2, errors="record"),
    "long report": lambda: quintain.evaluate("CartPole-v1", "random", episodes=100),
    "comparison": lambda: quintain.compare(
        quintain.evaluate("CodeReason-v0", "oracle", **LETTERS), quintain.evaluate("CodeReason-v0", "random", **LETTERS)
    ),
    "leaderboard": lambda: quintain.leaderboard(
        [quintain.evaluate("CodeReason-v0", agent, **LETTERS) for agent in ("oracle", "random")]
    ),
    "list of runs": lambda: list_runs(STORED),
    "rescored": lambda: quintain.rescore(STORED / "evaluate_oracle"),
    "new tournament": lambda: tournament(["grim", "random", "tit-for-tat"], rounds=3),
    "pairwise tests": lambda: tournament(["grim", "random", "tit-for-tat"], rounds=3).pairwise(),
    "new sweep": lambda: sweep(["grim"], ["prisoners_dilemma"], opponents=["random"], rounds=3),
    "self-play": lambda: train_self_play(
        {"player_0": QLearner()},
        Matches("RepeatedGame-v0", {"player_1": "random"}, {"rounds": 2}),
        SelfPlaySettings(episodes=5),
    ),
    "potential": lambda: measure_potential(
        "CodeReason-v0", {"a": "oracle"}, items=3, answers=1, env_kwargs={"tasks": "letters", "difficulty": "easy"}
    ),
}


def test_every_kind_of_run_is_tested():
    assert set(KINDS) == set(EXPERIMENTS)


@pytest.fixture(scope="module", params=RESULTS)
def result(request):
    return RESULTS[request.param]()


def test_a_result_shows_itself_as_one_short_line(result):
    assert isinstance(result, Tabular)
    line = repr(result)
    assert line.startswith(f"<{type(result).__name__}: ")
    assert "\n" not in line
    assert len(line) <= 250


def test_a_result_is_a_table_in_notebooks(result):
    html = result._repr_html_()
    assert html.startswith("<div>")
    assert "<table>" in html
    assert len(html) < 30_000


def test_a_result_is_exported_to_csv_and_pandas(result, tmp_path):
    pandas = pytest.importorskip("pandas")
    text = result.to_csv(tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == text
    read = list(csv.DictReader(io.StringIO(text)))
    rows = result.to_rows()
    assert len(read) == len(rows) > 0
    frame = result.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == list(read[0]) == list(dict.fromkeys(name for row in rows for name in row))
    assert len(frame) == len(rows)
    plain = (str, int, float, bool, type(None), np.floating, np.integer)
    assert all(isinstance(value, plain) for row in rows for value in row.values())


def test_without_pandas_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'quintain\[pandas\]'"):
        tabulated("evaluate").to_pandas()


def test_a_report_has_one_row_per_episode():
    report = quintain.evaluate("CodeReason-v0", "oracle", repeats=2, **LETTERS)
    rows = report.to_rows()
    assert [(row["item"], row["repeat"], row["success"], row["outcome"]) for row in rows] == [
        (i // 2, i % 2, True, "success") for i in range(6)
    ]
    assert {"reward_terms.correctness", "metrics.turns", "info.split", "answer", "expected", "task_id"} <= set(rows[0])
    assert Report.load(STORED / "evaluate_control").to_rows()[0]["success"] is None
    assert "returns.player_1" in Report.load(STORED / "play").to_rows()[0]


def test_text_from_models_is_escaped_in_notebooks():
    def inject(observation):
        raise ValueError("<script>alert(1)</script>\x1b[31m")

    html = quintain.evaluate("CartPole-v1", inject, episodes=1, errors="record")._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "\x1b" not in html


def test_str_of_a_report_names_the_first_cause_of_errors_and_whose_it_is():
    text = str(quintain.evaluate("CartPole-v1", lambda o: 1 / 0, episodes=3, errors="record"))
    assert "3 error" in text
    assert "agent's code: ZeroDivisionError: division by zero" in text
    assert "infrastructure" not in text
    assert "success" not in text  # CartPole does not judge


def test_large_numbers_are_written_as_in_the_terminal():
    from quintain.evaluation.statistics import mean

    assert str(mean([-1000.0, -1100.0, -1050.0])) == "-1,050 [-1,174, -926]"


def test_a_notebook_shows_a_table(tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.v4.new_notebook()
    cells = [
        "import quintain",
        'report = quintain.evaluate("CartPole-v1", "random", episodes=20)\nreport',
        "report.episodes and 1",
    ]
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    (output,) = [o for o in notebook.cells[1].outputs if o.output_type == "execute_result"]
    assert "<table>" in output.data["text/html"]
    assert "reward" in output.data["text/html"]
    assert output.data["text/plain"].startswith("<Report: CartPole-v1, random: ")
    assert len(output.data["text/plain"]) < 250
