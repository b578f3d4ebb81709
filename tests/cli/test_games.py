import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from quintain.cli import app
from quintain.engines import ScriptedEngine
from quintain.errors import EngineError


def test_a_tournament_prints_a_ranking(quintain):
    result = quintain("tournament", "--players", "always-cooperate,always-defect,tit-for-tat", "--rounds", 10, "--json")
    assert result.code == 0, result.text
    names, payoffs = result.json["names"], result.json["payoffs"]
    table = {(a, b): payoffs[i][j] for i, a in enumerate(names) for j, b in enumerate(names)}
    assert table["always-cooperate", "tit-for-tat"] == 3.0
    assert table["always-defect", "always-cooperate"] == 5.0
    assert table["always-defect", "tit-for-tat"] == pytest.approx(1.4)  # exploits once, then both defect
    assert table["tit-for-tat", "always-defect"] == pytest.approx(0.9)


def test_all_selects_every_strategy_without_required_arguments(quintain):
    result = quintain("tournament", "--players", "all", "--rounds", 2, "--repetitions", 1, "--json")
    assert result.code == 0, result.text
    assert {"tit-for-tat", "best-response", "zd-extort"} <= set(result.json["names"])
    assert "memory-one" not in result.json["names"]
    assert "left out: strategy 'memory-one'" in result.err
    named = quintain("tournament", "--players", "memory-one:1,0,0,1,grim", "--rounds", 2, "--json")
    assert named.json["names"] == ["memory-one:1,0,0,1", "grim"]


def test_evolution_prints_population_shares(quintain):
    result = quintain(
        "tournament", "--players", "always-cooperate,always-defect", "--rounds", 10, "--population", 20
    )  # fmt: skip
    assert result.code == 0, result.text
    assert "Population of 20" in result.text
    assert "always-defect 10 20 100.0%" in result.text


def test_a_tournament_with_records_has_a_report_and_resumes(quintain):
    words = ["tournament", "--players", "tit-for-tat,grim", "--rounds", 5, "--repetitions", 2, "-o", "run"]
    assert quintain(*words).code == 0
    assert Path("run/report.html").stat().st_size > 1000
    lines = Path("run/episodes.jsonl").read_text().splitlines()
    assert len(lines) == 6
    assert quintain(*words).code == 1
    assert quintain(*words, "--resume").code == 0
    assert Path("run/episodes.jsonl").read_text().splitlines() == lines


@pytest.mark.parametrize("command", [["tournament", "--repetitions", 2], ["games", "sweep", "--games", 3]])
def test_view_and_compare_accept_runs_of_matches(quintain, command):
    assert quintain(*command, "--players", "tit-for-tat,grim", "--rounds", 3, "-o", "run").code == 0
    page = Path("run/report.html").read_text()
    Path("run/report.html").unlink()
    assert quintain("view", "run").code == 0
    assert Path("run/report.html").read_text() == page
    assert "leave out --confidence" in quintain("view", "run", "--confidence", 0.9).text
    rescored = quintain("rescore", "run")
    assert rescored.code == 1
    assert f"was made by quintain {' '.join(command[:-2])}, and only runs of quintain eval" in rescored.text
    compared = quintain("compare", "run", "run")
    assert compared.code == 1
    assert "'run' plays a seed more than once" in compared.text


def test_a_language_model_can_be_a_player(quintain, monkeypatch):
    model = ScriptedEngine(lambda request: request.choices[0])
    monkeypatch.setattr("quintain.engines.make_engine", lambda name: model)
    words = ["--players", "tit-for-tat", "--engine", "model", "--rounds", 3, "--repetitions", 1, "-o", "run"]
    result = quintain("tournament", *words)
    assert result.code == 0, result.text
    assert "llm-player" in result.text
    records = [json.loads(line) for line in Path("run/episodes.jsonl").read_text().splitlines()]
    assert any(record["calls"] for record in records)


@pytest.mark.parametrize("command", [["tournament", "--repetitions", 1], ["games", "sweep", "--games", 3]])
def test_retry_errors_repeats_matches_with_infrastructure_errors(quintain, monkeypatch, command):
    works, asked = False, []

    def serve(request):
        asked.append(request)
        if not works and len(asked) == 4:  # the first two requests check the labels
            raise EngineError("down")
        return request.choices[0]

    monkeypatch.setattr("quintain.engines.make_engine", lambda name: ScriptedEngine(serve))
    words = [*command, "--players", "tit-for-tat", "--engine", "model", "--rounds", 2, "--concurrency", 1, "-o", "run"]
    quintain(*words)

    def outcomes():
        lines = map(json.loads, Path("run/episodes.jsonl").read_text().splitlines())
        return Counter({line["index"]: line["outcome"] for line in lines}.values())

    assert outcomes()["error"] == 1
    works = True
    quintain(*words, "--resume")
    assert outcomes()["error"] == 1
    assert quintain(*words, "--resume", "--retry-errors").code == 0
    assert outcomes()["error"] == 0


def test_a_sweep_prints_the_published_figures_beside_its_own(quintain):
    result = quintain("games", "sweep", "--players", "tit-for-tat", "--games", 6, "--rounds", 3, "-o", "run")
    assert result.code == 0, result.text
    assert "GPT-4 (published)" in result.text
    assert len(Path("run/episodes.jsonl").read_text().splitlines()) == 12
    assert Path("run/report.html").exists()


@pytest.mark.parametrize(
    "command",
    [
        ["games", "sweep", "--games", 1, "--rounds", 1],
        ["potential", "--agents", "random", "--tasks", "letters", "-n", 1, "--answers", 1],
    ],
)
def test_experiments_without_a_folder_get_a_new_one_each(quintain, command):
    for _ in range(2):
        result = quintain(*command)
        assert result.code == 0, result.text
    assert len(list(Path("runs").iterdir())) == 2
    assert "which run to continue" in quintain(*command, "--resume").text


def test_the_sweep_table_fits_80_columns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["games", "sweep", "--players", "suspicious-tit-for-tat", "--games", "24", "--rounds", "2"]
    shown = CliRunner().invoke(app, words, env={"COLUMNS": "80", "TERM": "dumb"}).stdout
    assert re.search(r"^suspicious-tit-for-tat( +\d\.\d{3}){8}$", shown, re.MULTILINE)
    assert re.search(r"^davinci-002 \(published\)( +[\d.-]+){8}$", shown, re.MULTILINE)
    assert "Families: W win-win" in shown


def test_games_are_listed_and_solved(quintain):
    listed = quintain("games", "list").text
    assert "prisoners_dilemma_classic" in listed
    assert "ordinal_1_1" not in listed
    assert "ordinal_12_12" in quintain("games", "list", "--ordinal").text
    solved = quintain("games", "solve", "battle_of_the_sexes").text
    assert "pure equilibria: [(0, 0), (1, 1)]" in solved
    assert "infinitely many" not in solved
    tied = quintain("games", "solve", "public_goods:2,2,1000001").text  # each gets back what it gave
    assert "infinitely many equilibria: the listed ones are the extreme ones" in tied
    assert "2000002" in tied


def test_unknown_names_are_explained(quintain):
    assert "did you mean 'tit-for-tat'" in quintain("tournament", "--players", "tit-for-tatt,grim").text
    assert quintain("tournament", "--game", "prisoners_dilema").code == 1
    assert "did you mean" in quintain("games", "solve", "chiken").text


def test_an_unavailable_port_is_an_error_message(quintain):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = quintain("games", "play", "--port", port)
    assert result.code == 1
    assert f"cannot listen on 127.0.0.1, port {port}" in result.text
    assert quintain("games", "play", "--port", 80_000).code == 2


def test_the_web_page_is_served_until_interrupted(tmp_path):
    command = [sys.executable, "-u", "-m", "quintain.cli", "games", "play", "--opponent", "grim", "--rounds", "2"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as server:
        try:
            url = re.search(r"http://\S+", server.stderr.readline())[0]
            with urllib.request.urlopen(url, timeout=30) as page:
                assert "A game for two" in page.read().decode()
            server.send_signal(signal.SIGINT)
            assert server.wait(timeout=60) in (0, 130)
        finally:
            server.kill()
