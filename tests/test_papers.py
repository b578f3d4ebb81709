"""The papers: index, programs, published values and pages agree; every program runs with tiny settings."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from quintain.cli.papers import VERDICTS, load_papers, markdown_table, papers_folder
from quintain.experiments.games import PUBLISHED

ROOT = Path(__file__).parents[1]
PAPERS = ROOT / "papers"
INDEX = {paper.key: paper for paper in load_papers()}
TRIED = [key for key, paper in INDEX.items() if paper.verdict != "not tried"]
KEYS = {
    "act_jepa", "auto_mc_reward", "b_star", "breaking_agents", "cot_monitor_plus", "fobar", "four_habits",
    "homeostatic_nn", "internal_consistency_self_feedback", "know_what_they_know", "model_surgery",
    "r1_code_interpreter", "rat_targeted_attack", "repeated_games", "rest_mcts_star", "reward_design_thesis",
    "safe_lean_step_verification", "score_self_correction", "self_assessment_unreliable", "self_certainty",
    "self_evolution", "spc_self_play_critic", "swe_search", "systematic_neural_search", "ti_prego", "trait_personality",
}  # fmt: skip
#: Modules of extras that a program needs.
NEEDS = {
    "auto_mc_reward": "numba", "four_habits": "trl", "internal_consistency_self_feedback": "torch",
    "model_surgery": "torch", "rat_targeted_attack": "stable_baselines3", "safe_lean_step_verification": "torch",
    "ti_prego": "torch",
}  # fmt: skip


def published(key: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((PAPERS / key / "published.json").read_text(encoding="utf-8"))
    return data


def test_the_index_holds_all_26_papers_in_the_order_of_their_keys() -> None:
    assert set(INDEX) == KEYS
    assert len(KEYS) == 26
    assert list(INDEX) == sorted(INDEX)
    for paper in INDEX.values():
        assert paper.verdict in VERDICTS
        assert bool(paper.finding) == (paper.verdict != "not tried"), f"{paper.key}: a verdict has a finding"
        assert re.fullmatch(r"\d{4}\.\d{5}", paper.arxiv), paper.key


def test_folders_and_verdicts_agree() -> None:
    assert {path.parent.name for path in PAPERS.glob("*/run.py")} == set(TRIED)
    assert papers_folder() == PAPERS


@pytest.mark.parametrize("key", TRIED)
def test_every_published_figure_has_a_source_and_all_values(key: str) -> None:
    data = published(key)
    assert data["key"] == key
    assert INDEX[key].arxiv in data["paper"]
    ids = [figure["id"] for figure in data["figures"]]
    assert len(ids) == len(set(ids)) > 0
    for figure in data["figures"]:
        # A table, a figure, a section, or the authors' logs; if the number is unknown, the source says so.
        assert re.search(r"\b(tables?|figures?|abstracts?|logs|section|methods)\b", figure["source"], re.IGNORECASE), (
            figure
        )
        assert figure.get("unconfirmed", True) is True, "the mark is there, or it is not"
        assert figure.get("unit") or data["unit"]
        assert figure["values"]
        for name, values in figure["values"].items():
            assert len(values) == len(figure["columns"]), f"{figure['id']}: {name}"


def test_published_game_scores_agree_between_package_and_papers_folder() -> None:
    figure = next(figure for figure in published("repeated_games")["figures"] if figure["id"] == "families")
    scores = {model: dict(zip(figure["columns"], row, strict=True)) for model, row in figure["values"].items()}
    assert scores == PUBLISHED


@pytest.mark.parametrize("key", TRIED)
def test_the_page_itself_has_the_verdict_of_the_index(key: str) -> None:
    page = (ROOT / INDEX[key].page).read_text(encoding="utf-8")
    head = page.partition("\n## ")[0]
    assert re.findall(r"Verdict:\s+\*([a-z ]+)\*\.", head) == [INDEX[key].verdict]
    for part in ("**Found again**", "**Not found**", "**Not tried**"):
        assert head.count(part) == 1, f"{key}: {part} stands once, before the first section"
    assert f"quintain papers run {key}" in head
    assert "Not reproduced" in page


def test_the_index_page_is_up_to_date() -> None:
    # To regenerate it: quintain papers --markdown
    assert (
        (ROOT / "docs" / "papers" / "index.md").read_text(encoding="utf-8").endswith(markdown_table([*INDEX.values()]))
    )
    pages = {path.stem for path in (ROOT / "docs" / "papers").glob("*.md")} - {"index"}
    assert pages == set(TRIED)


@pytest.mark.parametrize("key", TRIED)
def test_the_modules_of_a_papers_programs_exist(key: str) -> None:
    assert any((ROOT / "quintain" / room).is_dir() for room in INDEX[key].rooms)
    programs = [path.read_text(encoding="utf-8") for path in sorted((PAPERS / key).glob("*.py"))]
    for module in {name for text in programs for name in re.findall(r"^from (quintain[\w.]*) import", text, re.M)}:
        importlib.import_module(module)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("key", TRIED)
def test_the_program_runs_with_tiny_settings_and_resumes(key: str, tmp_path: Path) -> None:
    if key in NEEDS:
        pytest.importorskip(NEEDS[key], reason="see pyproject.toml for the extra that brings it")
    out = tmp_path / "run"
    command = [sys.executable, str(PAPERS / key / "run.py"), "--smoke", "--out", str(out)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    if key == "rat_targeted_attack":
        env["QUINTAIN_CACHE"] = str(tmp_path / "cache")
    for _ in range(2):  # the second run plays nothing
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=280, check=False)
        assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        assert "| --" in done.stdout or "|--" in done.stdout, "a program prints its tables"
        assert list(out.rglob("*.json")), "a program stores its tables"
        if len(list(out.rglob("*"))) == 1:
            break  # a short study: it stores its tables, and keeps no finished parts to take again
    assert not (tmp_path / "cache").exists(), "a policy that learned nothing is not left in the cache"


def test_the_attacks_on_a_scripted_agent_run_small(tmp_path: Path) -> None:
    command = [sys.executable, str(PAPERS / "breaking_agents" / "study.py"), "--smoke"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "csv, 2 agents: function" in done.stdout


def test_the_variations_of_the_games_run_small(tmp_path: Path) -> None:
    command = [sys.executable, str(PAPERS / "repeated_games" / "variations.py"), "--smoke"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "| ends with 60% a round | 1 [0" in done.stdout, "a model that always names option 0"
