"""``quintain train`` and ``quintain model train-nano``."""

import json

import gymnasium as gym
import pytest

pytest.importorskip("trl")

SUM = ("--env-arg", "tasks=mini_sum", "--env-arg", "rules=false", "--env-arg", "code=false")
SMALL = ("-s", "iterations=2", "-s", "num_prompts=2", "-s", "num_generations=4", "-s", "steps_per_generation=2")


@pytest.fixture(scope="module")
def nano(tmp_path_factory):
    from quintain.training.language.nano import make_nano

    return make_nano(tmp_path_factory.mktemp("nano"), "0.1M")


def test_a_model_is_trained_resumed_looked_at_and_evaluated(quintain, nano, tmp_path):
    words = ("train", "grpo", "CodeReason-v0", "-p", nano, *SUM, *SMALL, "--max-tokens", 8, "-o", "run")
    found = quintain(*words, "-s", "learning_rate=1e-3", "--eval-arg", "split=test", "-s", "eval_every=2")
    assert found.code == 0, found.text
    assert "grpo: 2 steps" in found.text
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 1, 2, 2]
    assert {"eval/sampled", "eval/greedy", "eval/pass@8"} <= rows[0].keys()
    assert quintain(*words).code != 0  # the folder holds a run
    assert "learning_rate was 0.001, is 1e-06" in quintain(*words, "--resume").text
    assert quintain("view", "run").code == 0
    assert (tmp_path / "run" / "report.html").exists()
    evaluated = quintain(
        "eval", "CodeReason-v0", "-a", "chat", "--engine", "transformers", "--model", "run/model", *SUM,
        "--agent-arg", "max_tokens=8", "-n", 4, "--json", "-o", "eval",
    )  # fmt: skip
    assert evaluated.code == 0, evaluated.text


def test_a_policy_of_numbers_is_trained_and_resumed(quintain, tmp_path):
    pytest.importorskip("stable_baselines3")
    small = (
        "-s",
        "eval_freq=32",
        "-s",
        "n_eval_episodes=1",
        "-s",
        "n_envs=1",
        "-s",
        "n_steps=32",
        "-s",
        "net_arch=[4]",
    )
    words = ("train", "ppo", "CartPole-v1", *small, "-s", "steps=64", "-o", "run")
    found = quintain(*words)
    assert found.code == 0, found.text
    assert "ppo: 64 steps; reward" in found.text
    assert (tmp_path / "run" / "policy.npz").exists()
    assert quintain(*words, "--resume").code == 0
    assert quintain("view", "run").code == 0


def test_a_stage_of_a_curriculum_is_trained_on(quintain, nano, tmp_path):
    env = gym.make("CodeReason-v0", tasks="mini_sum", rules=False, code=False)
    rows = [
        {
            "task_id": env.reset(seed=seed)[1]["task_id"], "task": "mini_sum", "seed": seed, "right": right,
            "answers": 4, "by_agent": {"chat": [right, 4]}, "p": right / 4, "potential": right * (4 - right) / 4,
            "group": group,
        }
        for seed, right, group in ((1, 2, 1), (2, 0, 4))
    ]  # fmt: skip
    (tmp_path / "potential.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ("train", "grpo", "CodeReason-v0", "-p", nano, *SUM, *SMALL, "--max-tokens", 4, "--problems", ".")
    found = quintain(*words, "--stage", 1, "-o", "run")
    assert found.code == 0, found.text
    played = [json.loads(line) for line in (tmp_path / "run" / "episodes.jsonl").read_text().splitlines()]
    assert {episode["info"]["task_id"] for episode in played} == {rows[0]["task_id"]}


def test_recorded_episodes_are_imitated(quintain, nano, tmp_path):
    made = quintain("eval", "CodeReason-v0", "-a", "oracle", *SUM, "-n", 12, "-o", "teacher")
    assert made.code == 0, made.text
    found = quintain("train", "sft", "-p", nano, "--from", "teacher", "-s", "log_every=1", "-o", "run")
    assert found.code == 0, found.text
    assert (tmp_path / "run" / "model" / "model.safetensors").exists()


def test_a_nano_model_is_trained_by_a_recipe(quintain, tmp_path):
    words = ("--size", "0.1M", "--examples", 48, "--env-arg", "difficulty=easy")
    found = quintain("model", "train-nano", "critique", "nano", *words)
    assert found.code == 0, found.text
    assert "0.1M parameters, 48 examples; accuracy on the test split: sampled" in found.text
    assert (tmp_path / "nano" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("grpo", "CodeReason-v0"), "--policy MODEL"),
        (("grpo", "-p", "x"), "name one, such as CodeReason-v0"),
        (("sft", "CodeReason-v0", "-p", "x"), "--from RUN instead of an environment"),
        (("sft", "-p", "x"), "no runs to train on"),
        (("grpo", "CodeReason-v0", "-p", "x", "--from", "run"), "--from and --every-outcome are for sft"),
        (("grpo", "CodeReason-v0", "-p", "x", "--eval-arg", "split=test"), "eval_every"),
        (("grpo", "CodeReason-v0", "-p", "x", "-s", "baseline=mean"), "baseline must be one of"),
        (("grpo", "CodeReason-v0", "-p", "x", "-s", "baseline=critic"), "give credit='turn'"),
        (("grpo", "CodeReason-v0", "-p", "x", "--stage", "1"), "--problems FOLDER"),
        (("grpo", "CodeReason-v0", "-p", "x", "-s", "lora=5"), "lora"),
        (
            ("self-play",),
            "this command has grpo, score, b-star, self, rest-mcts, cot-monitor, spc, sft, ppo",
        ),
        (("ppo", "CartPole-v1", "-p", "x"), "makes a new policy of numbers"),
        (("ppo",), "name one, such as CartPole-v1"),
        (("ppo", "CartPole-v1", "--resume"), "--resume needs --out"),
        (("ppo", "CartPole-v1", "-s", "steps=0"), "steps"),
        (("grppo", "CodeReason-v0"), "did you mean 'grpo'"),
        (("grpo", "CodeReason-v0", "-p", "x", "-s", "learning_rat=1"), "did you mean 'learning_rate'"),
        (("grpo", "CodeReason-v0", "-p", "x", "-s", "num_prompts=0"), "num_prompts"),
        (("grpo", "CodeReason-v0", "-p", "x", "--resume"), "--resume needs --out"),
    ],
)
def test_what_cannot_be_trained_is_refused(quintain, words, message):
    found = quintain("train", *words)
    assert found.code != 0
    assert message in found.text


@pytest.mark.parametrize("method", ["score", "b-star", "self", "rest-mcts", "cot-monitor", "spc"])
def test_a_smoke_test_needs_neither_model_nor_environment(quintain, tmp_path, method):
    found = quintain("train", method, "--smoke", "-o", "run")
    assert found.code == 0, found.text
    assert f"{method}: 2 steps" in found.text
    assert (tmp_path / "run" / "model").exists()
    assert quintain("view", "run").code == 0


def test_what_learns_from_records_has_no_smoke_test(quintain):
    found = quintain("train", "sft", "--smoke")
    assert found.code != 0
    assert "--from RUN" in found.text
