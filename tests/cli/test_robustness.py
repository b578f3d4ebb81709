import csv
from pathlib import Path

import numpy as np
import pytest
from gymnasium import spaces

from quintain.agents.policies import MLP, Layer, Normaliser, Policy, save_policy

pytest.importorskip("mujoco")


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A saved policy for Tabletop/Reach-v0 that moves straight to the goal, and an empty cache."""
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path / "cache"))
    matrix = np.zeros((2, 6))
    matrix[[0, 1], [0, 1]], matrix[[0, 1], [4, 5]] = -6.0, 6.0
    normaliser = Normaliser(np.full(6, 0.1), np.full(6, 0.2))
    victim = Policy(
        MLP([Layer(matrix * normaliser.scale, matrix @ normaliser.mean, "identity")]),
        spaces.Box(-np.inf, np.inf, (6,), np.float64),
        spaces.Box(-1.0, 1.0, (2,), np.float32),
        head="gaussian", std=np.full(2, 0.5), normaliser=normaliser,
    )  # fmt: skip
    save_policy(victim, tmp_path / "mine.npz")
    return str(tmp_path / "mine.npz"), "--env", "Tabletop/Reach-v0", "--scenario", "opposite"


def test_robustness_prints_attacks_ranked_by_loss(quintain, mine):
    words = [
        "robustness",
        *mine,
        "-a",
        "mad",
        "-e",
        "0.05,0.3",
        "-n",
        8,
        "--seeds",
        "0,1",
        "-o",
        "run",
        "--confidence",
        0.9,
    ]
    result = quintain(*words)
    assert result.code == 0, result.text
    assert result.text.index("Reachable") < result.text.index("against clean")
    assert "the intention policy reaches the attacker's goal in 100%" in result.text
    rows = list(csv.DictReader(Path("run/leaderboard.csv").read_text().splitlines()))
    # Random noise and PGD towards the intention are added by default.
    assert {row["attack"] for row in rows} == {"clean", "random", "mad", "target"}
    best = {row["attack"]: float(row["attacker_success"]) for row in rows if row["epsilon"] == "0.3"}
    assert best["target"] == 1.0
    assert best["random"] == 0.0
    assert {row["n"] for row in rows} == {"16"}
    assert Path("run/leaderboard.md").read_text().startswith("| victim | attack |")
    lines = Path("run/episodes.jsonl").read_bytes()
    assert quintain(*words).code == 1
    again = quintain(*words, "--resume", "--json")
    assert again.code == 0, again.text
    assert again.json["rows"][0]["reward"]["n"] == 16
    assert Path("run/episodes.jsonl").read_bytes() == lines
    pytest.importorskip("jinja2")
    assert "quintain robustness" in Path("run/report.html").read_text()
    assert quintain("view", "run", "--confidence", 0.5).code == 0
    assert "Intervals (50%)" in Path("run/report.html").read_text()
    assert quintain("view", "run").code == 0  # with the run's confidence level again
    assert "Intervals (90%)" in Path("run/report.html").read_text()
    assert "was made by quintain robustness" in quintain("rescore", "run").text


def test_control_attacks_can_be_omitted(quintain, mine):
    result = quintain("robustness", *mine, "-a", "mad,fgsm", "--no-random", "--no-reach", "-n", 2, "-o", "run")
    assert result.code == 0, result.text
    rows = list(csv.DictReader(Path("run/leaderboard.csv").read_text().splitlines()))
    assert {row["attack"] for row in rows} == {"clean", "mad", "fgsm"}
    assert "Reachable" not in result.text


def test_configuration_errors_are_reported_before_training(quintain, mine, monkeypatch):
    def fail(*args, **options):
        raise AssertionError("it trained")

    monkeypatch.setattr("quintain.experiments.robustness.policy_under_test.train_reference", fail)
    cases = {
        "did you mean 'sa-rl'": ["reach", "-a", "sa_rl"],
        "did you mean 'reach'": ["raech"],
        "epsilon must be": ["reach", "-e", "-0.1"],
        "expected numbers": ["reach", "-e", "much"],
        "--env ID": [mine[0]],
        "has no scenarios": ["reacher", "--scenario", "opposite"],
        "reference policies have their own": ["reach", "--env", "Tabletop/Reach-v0"],
        "NAME being an attack that learns (sa-rl)": ["reach", "-a", "sa-rl", "--attack-steps", "mad=5"],
        "none of these attacks learns: mad": ["reach", "-a", "mad", "--train-at", "0.1"],
        "space must be": ["reach", "--space", "cooked"],
        "norm must be": ["reach", "--norm", "l7"],
        "--out runs/": ["reach", "--resume"],
        "attacker_reward": ["reacher", "-a", "rat"],
        "expected a file": ["nowhere.npz", "--env", "Tabletop/Reach-v0"],
    }
    for message, words in cases.items():
        result = quintain("robustness", *words)
        assert result.code in (1, 2), (words, result.text)
        assert message in result.text, (words, result.text)
    assert not Path("runs").exists()


def test_a_reference_policy_is_trained_on_first_use(quintain, mine):
    pytest.importorskip("stable_baselines3")
    words = ["robustness", "reach", "--policy-steps", 1920, "-a", "mad", "-e", "0.1", "-n", 2, "--no-reach"]
    assert quintain(*words, "-o", "run").code == 0
    assert [p.name for p in (Path("cache") / "policies").iterdir()] == ["reach-seed0.npz"]


def test_an_interrupted_run_prints_the_resume_command(quintain, mine, monkeypatch):
    from quintain.experiments.robustness import run

    def interrupt(*args, **options):
        raise KeyboardInterrupt

    words = ["robustness", *mine, "-a", "mad", "-e", "0.1", "-n", 2, "--no-reach", "-o", "run"]
    with monkeypatch.context() as patch:
        patch.setattr(run, "write_leaderboard", interrupt)
        result = quintain(*words)
    assert result.code == 130
    assert "-o run --resume" in result.text
    assert quintain(*words, "--resume").code == 0


def test_help_names_every_attack(quintain):
    from quintain.attacks.registry import ATTACKS

    text = quintain("robustness", "--help").text
    assert all(name in text for name in ATTACKS)
