"""Robustness runs in a folder: resuming, refusals, loading, and equality with direct computation."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from holding import Hold, linear

from quintain.attacks import MADAttack
from quintain.attacks.contract import Attack, AttackFacts, Trained
from quintain.attacks.episodes import play_attacked
from quintain.attacks.registry import resolve_attacks
from quintain.errors import RecordError
from quintain.evaluation.report import Report
from quintain.experiments.robustness import load_robustness, robustness
from quintain.records import read_episodes
from quintain.seeding import episode_seeds

HERE = str(Path(__file__).parent)
VICTIM = linear(1.0, std=np.ones(1))
OPTIONS = {"episodes": 40, "seed": (0, 7), "show": False}

# A run that does not finish within the test: the policy sleeps in every step.
SLOW = """
import sys, time
sys.path.insert(0, sys.argv[1])
import numpy as np
from holding import Hold, linear
from quintain.experiments.robustness import robustness

class Slow(Hold):
    def step(self, action):
        time.sleep(0.002)
        return super().step(action)

make = Slow
make.__module__, make.__qualname__ = "holding", "Hold"
victim = linear(1.0, std=np.ones(1))
robustness(make, victim, ["random", "mad"], [0.1, 0.5], episodes=40, seed=(0, 7), out=sys.argv[2], show=False)
"""


def run(out, attacks=("random", "mad"), epsilons=(0.1, 0.5), resume=False, **options):
    return robustness(Hold, VICTIM, list(attacks), list(epsilons), out=out, resume=resume, **(OPTIONS | options))


def test_a_killed_run_resumes_to_the_same_table(tmp_path):
    whole = run(tmp_path / "whole")
    process = subprocess.Popen([sys.executable, "-c", SLOW, HERE, str(tmp_path / "killed")])
    lines = tmp_path / "killed" / "episodes.jsonl"
    deadline = time.monotonic() + 120
    while not (lines.exists() and lines.read_bytes().count(b"\n") >= 100):
        assert process.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = lines.read_bytes()
    done = before.count(b"\n")
    assert 100 <= done < 400
    with lines.open("ab") as file:  # as if it had been killed in the middle of a line
        file.write(b'{"index": 399, "seed"')
    again = run(tmp_path / "killed", resume=True)
    assert again.to_csv() == whole.to_csv()
    assert (tmp_path / "killed" / "leaderboard.csv").read_text() == (tmp_path / "whole" / "leaderboard.csv").read_text()
    assert lines.read_bytes().count(b"\n") == 400
    assert lines.read_bytes().startswith(before[: before.rfind(b"\n") + 1])


def test_worker_processes_give_the_same_table(tmp_path):
    """A third of the cells share one training, which one process runs while the other waits."""
    settings = {"attacks": ("random", "mad", "sa-rl"), "attack_steps": {"sa-rl": 256}, "train_at": 0.1, "episodes": 4}
    inline = run(tmp_path / "inline", **settings)
    rows = []
    spread = run(tmp_path / "spread", executor="process", workers=2, progress=rows.append, **settings)
    assert spread.to_csv() == inline.to_csv()
    assert [(row.attack, row.epsilon) for row in rows] == [(row.attack, row.epsilon) for row in inline.rows]
    files = [sorted(path.name for path in (tmp_path / name / "trained").iterdir()) for name in ("inline", "spread")]
    assert files[0] == files[1]


def test_resuming_a_finished_run_plays_nothing(tmp_path):
    first = run(tmp_path)
    before = (tmp_path / "episodes.jsonl").read_bytes()
    assert run(tmp_path, resume=True).to_csv() == first.to_csv()
    assert (tmp_path / "episodes.jsonl").read_bytes() == before
    with pytest.raises(RecordError, match="--resume"):
        run(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"epsilons": (0.1, 0.6)},
        {"attacks": ("random", "fgsm")},
        {"episodes": 41},
        {"seed": (0, 8)},
        {"norm": "l2"},
        {"train_at": 0.5},
    ],
)
def test_resuming_with_another_experiment_is_refused(tmp_path, change):
    run(tmp_path, episodes=2, epsilons=(0.1, 0.5))
    with pytest.raises(RecordError, match="another configuration"):
        run(tmp_path, resume=True, **{"episodes": 2, **change})


def test_resuming_with_another_policy_is_refused(tmp_path):
    run(tmp_path, episodes=2)
    with pytest.raises(RecordError, match="victims"):
        robustness(Hold, linear(1.1, std=np.ones(1)), ["random", "mad"], [0.1, 0.5], out=tmp_path, resume=True,
                   **(OPTIONS | {"episodes": 2}))  # fmt: skip


def learner(log):
    """A learned attack that increases observations and logs each training."""

    def train(context):
        log.append((context.epsilon, context.seed))
        return Trained(linear(0.0, [1.0]).network, {})

    def wrap(env, context, network):
        from quintain.attacks import LearnedAttack
        from quintain.attacks.learned import LearnedMethod

        method = LearnedMethod(context.victim, network, name="up")
        return LearnedAttack(env, context.victim, method, epsilon=context.epsilon)

    return Attack("up", wrap, AttackFacts(sees="observations", touches="observation", train=train, steps=5))


def test_trained_attacks_are_stored_in_the_run_folder(tmp_path):
    log = []
    first = run(tmp_path, attacks=[learner(log)], episodes=3)
    assert log == [(0.1, 0), (0.1, 7), (0.5, 0), (0.5, 7)]  # per budget and seed
    assert sorted(p.name for p in (tmp_path / "trained").iterdir())[0] == "policy-up-0.1-seed0.npz"
    (tmp_path / "episodes.jsonl").write_bytes(b"")
    assert run(tmp_path, attacks=[learner(log)], episodes=3, resume=True).to_csv() == first.to_csv()
    assert len(log) == 4
    row = first.of("policy", "up")[1]
    assert row.loss.estimate == pytest.approx(4 * 0.25)


def test_an_attack_trained_at_one_budget_is_scaled_to_the_others(tmp_path):
    log = []
    table = run(None, attacks=[learner(log)], episodes=3, train_at=0.4)
    assert log == [(0.4, 0), (0.4, 7)]
    assert [row.distance for row in table.of("policy", "up")] == pytest.approx([0.1, 0.5])


def test_a_row_equals_playing_the_episodes_directly():
    """Vectorised or not, recorded or not: the same seeds give the same episodes."""
    table = robustness(Hold, VICTIM, ["mad"], [0.5], episodes=35, seed=3)
    drawn = episode_seeds(3)
    seeds = [drawn[i] for i in range(35)]
    by_hand = play_attacked(Hold, VICTIM, seeds, lambda env: MADAttack(env, VICTIM, epsilon=0.5))
    assert list(table.of("policy", "mad")[0].episodes) == by_hand
    for episode in table.of("policy", "mad")[0].episodes[:10]:
        env = MADAttack(Hold(), VICTIM, epsilon=0.5)
        observation, _ = env.reset(seed=episode.seed)
        total, over = 0.0, False
        while not over:
            action = VICTIM.act_batch(observation[None])[0]
            observation, reward, _, over, _ = env.step(action)
            total += reward
        assert total == pytest.approx(episode.reward, rel=1e-9)


def test_pairs_are_formed_within_each_root_seed(tmp_path):
    table = run(tmp_path)
    rows = {(r.attack, r.epsilon): r for r in table.rows}
    for seed in (0, 7):
        clean, attacked = (rows[key].repetitions[seed] for key in (("clean", 0.0), ("mad", 0.5)))
        drawn = episode_seeds(seed)
        assert [e.seed for e in clean] == [e.seed for e in attacked] == [drawn[i] for i in range(40)]
    assert 0.9 < rows["mad", 0.5].loss.estimate <= 1.0 + 1e-9  # a corner costs 4 * 0.25; random signs may miss it once
    assert (rows["random", 0.5].loss.clusters, rows["random", 0.5].loss.unit) == (2, "seeds")
    assert run(None).to_csv() == table.to_csv()


def test_the_folder_loads_like_any_other_run(tmp_path):
    table = run(tmp_path, episodes=5)
    assert load_robustness(tmp_path).to_csv() == table.to_csv()
    assert load_robustness(tmp_path, 0.5).rows[1].reward.confidence == 0.5
    records = read_episodes(tmp_path)
    assert len(records) == 5 * 5 * 2
    assert Report.load(tmp_path).by("attack", "epsilon")["mad", "0.5"].reward.n == 10
    manifest = json.loads((tmp_path / "run.json").read_text())
    assert manifest["kind"] == "robustness"
    assert manifest["config"]["agent"]["epsilons"] == [0.1, 0.5]
    with pytest.raises(RecordError, match="no robustness run"):
        load_robustness(tmp_path / "elsewhere")


def test_reachability_is_reported_before_the_attacks(tmp_path):
    from quintain.experiments.robustness import RobustnessExperiment, make_policy_under_test, run_experiment

    subject = make_policy_under_test(Hold, VICTIM, intention=linear(0.0, [2.0]))
    experiment = RobustnessExperiment((subject,), resolve_attacks(["random", "target"]), (0.5, 3.0), episodes=4)
    calls = []
    table = run_experiment(
        experiment, out=tmp_path, reached=lambda reach: calls.append([r.epsilon for r in reach]),
        progress=lambda row: calls.append(row.attack), show=False,
    )  # fmt: skip
    assert calls == [[0.0, 0.5, 3.0], "clean", "random", "random", "target", "target"]
    assert table.reachability[-1].share.estimate == 1
    assert table.reachability[0].intended.estimate == 1
    assert table.of("policy", "target")[1].attacker_success.estimate == 1
    assert load_robustness(tmp_path).reachability == table.reachability
