import json
import sys
from pathlib import Path

import pytest

ORACLE = ["eval", "CodeReason-v0", "-a", "oracle", "--no-code", "--tasks", "letters,game24", "-n", "12"]


def test_eval_prints_the_result_and_writes_run_and_report(quintain):
    result = quintain(*ORACLE, "-o", "run")
    assert result.code == 0, result.text
    assert "success 100.0% [75.8%, 100.0%] 12" in result.text
    for expected in ("letters", "game24", "correctness", "turns", "report: run/report.html"):
        assert expected in result.text
    assert len(Path("run/episodes.jsonl").read_text().splitlines()) == 12
    assert Path("run/report.html").stat().st_size > 10_000


def test_the_default_folder_is_new_and_named_after_the_run(quintain):
    for _ in range(2):
        assert quintain(*ORACLE, "--no-report").code == 0
    folders = list(Path("runs").iterdir())
    assert len(folders) == 2
    assert all(folder.name.startswith("codereason-v0-oracle-2") for folder in folders)


def test_json_is_the_only_output_on_stdout(quintain):
    result = quintain(*ORACLE, "-o", "run", "--json", "--confidence", "0.9")
    assert result.json["episodes"] == 12
    assert result.json["success"]["confidence"] == 0.9
    assert result.json["report"] == "run/report.html"


def test_options_are_passed_to_environment_and_agent(quintain):
    words = ["--split", "train", "--difficulty", '{"max_length": 12}', "--env-arg", "max_turns=3", "--seed", "7"]
    result = quintain(
        "eval", "CodeReason-v0", "-a", "oracle", "--agent-arg", "through_code=false", "--tasks", "letters", "--no-code",
        *words, "-n", 2, "-o", "run", "--no-report",
    )  # fmt: skip
    assert result.code == 0, result.text
    assert json.loads(Path("run/run.json").read_text())["config"] == {
        "env": "CodeReason-v0",
        "env_kwargs": {
            "tasks": "letters", "split": "train", "difficulty": {"max_length": 12}, "code": False, "max_turns": 3,
        },
        "agent": {"name": "oracle", "through_code": False},
        "seed": 7,
        "seed_bits": 31,
        "max_steps": 100_000,
    }  # fmt: skip
    assert not Path("run/report.html").exists()


def test_the_model_is_recorded_in_the_engine_description(quintain):
    words = ["-a", "all-text", "--engine", "scripted", "--model", "I say <<<Count: 1, Positions: [1]>>>"]
    result = quintain(
        "eval", "CodeReason-v0", *words, "--no-code", "--tasks", "letters", "-n", 2, "-o", "run", "--json"
    )
    assert result.code == 0, result.text
    assert result.json["outcomes"]["failure"] == 2
    agent = json.loads(Path("run/run.json").read_text())["config"]["agent"]
    assert agent == {"name": "all-text", "engine": "scripted:I say <<<Count: 1, Positions: [1]>>>"}


def test_numeric_environments_work_too(quintain):
    result = quintain("eval", "CartPole-v1", "-a", "random", "-n", 5, "-o", "run")
    assert result.code == 0, result.text
    assert "finished" in result.text
    assert "reward" in result.text


INFO_OF_OTHERS = """
import gymnasium as gym

class Toy(gym.Env):
    observation_space = action_space = gym.spaces.Discrete(2)
    report_by = None
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {}
    def step(self, action):
        suite = "bbh" if self.np_random.random() < 0.5 else "symbench"
        info = {"success": True, "suite": suite, "split": "test", "task": "t"}
        return 0, 1.0, True, False, info | ({"metrics": {"speed": 2.5}} if self.report_by else {})
    def describe(self):
        return {"report_by": self.report_by}

class Grouped(Toy):
    report_by = ["suite", "split"]

gym.register("Toy-v0", Toy)
gym.register("Grouped-v0", Grouped)
"""


@pytest.fixture
def toy_module(tmp_path, monkeypatch):
    """A user's module with environments whose ``info`` has keys that CodeReason uses too."""
    import gymnasium as gym

    (tmp_path / "toy_module.py").write_text(INFO_OF_OTHERS)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("toy_module", None)
    for name in ("Toy-v0", "Grouped-v0"):
        gym.registry.pop(name, None)


def test_info_keys_are_interpreted_only_if_the_environment_declares_them(quintain, toy_module):
    result = quintain("eval", "toy_module:Toy-v0", "-a", "random", "-n", 3, "--no-report")
    assert result.code == 0, result.text
    assert "100.0%" in result.text
    assert "By suite" not in result.text


def test_results_are_grouped_by_the_info_keys_that_the_environment_declares(quintain, toy_module):
    result = quintain("eval", "toy_module:Grouped-v0", "-a", "random", "-n", 9, "--no-report")
    assert result.code == 0, result.text
    assert "By suite and split success 95% interval n speed" in result.text
    assert "bbh / test 100.0%" in result.text
    letters = ("eval", "CodeReason-v0", "-a", "oracle", "--tasks", "letters", "-n", 2, "--no-report")
    assert "The same in every episode: task letters, suite symbench, split test" in quintain(*letters).text


OWN = """
import gymnasium as gym
from quintain.agents import register_agent

class Stays:
    def begin(self, seat):
        return self
    def act(self, observation, info):
        return 0

register_agent("stays", "own_module:Stays")
gym.register("Own-v0", "gymnasium.envs.classic_control.cartpole:CartPoleEnv", max_episode_steps=20)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A user's module with an environment and an agent, unregistered after the test."""
    import gymnasium as gym

    from quintain.agents.registry import AGENTS

    (tmp_path / "own_module.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(AGENTS, "_entries", dict(AGENTS._entries))
    yield
    sys.modules.pop("own_module", None)
    gym.registry.pop("Own-v0", None)


@pytest.mark.parametrize(
    ("env", "agent"),
    [("CartPole-v1", "own_module:Stays"), ("CartPole-v1", "own_module:stays"), ("own_module:Own-v0", "stays")],
)
def test_agents_of_a_users_module_can_be_evaluated(quintain, own, env, agent):
    result = quintain("eval", env, "-a", agent, "-n", 2, "-o", "run", "--no-report", "--json")
    assert result.code == 0, result.text
    assert result.json["outcomes"]["finished"] == 2
    assert json.loads(Path("run/run.json").read_text())["config"]["agent"]["name"].startswith("own_module:")


@pytest.mark.parametrize("strategy", ["tit-for-tat", "joss:0.5"])
def test_game_strategies_can_be_evaluated(quintain, strategy):
    result = quintain("eval", "RepeatedGame-v0", "-a", strategy, "-n", 2, "--no-report", "--json")
    assert result.code == 0, result.text
    assert result.json["outcomes"]["error"] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["CodeReson-v0", "-a", "oracle"], "did you mean 'CodeReason-v0'"),
        (["nosuchmodule:X-v0", "-a", "oracle"], "needs module 'nosuchmodule', which is neither installed nor"),
        (["CodeReason-v0", "-a", "orakle"], "did you mean 'oracle'"),
        (["CodeReason-v0", "-a", "oracle", "--tasks", "leters"], "did you mean 'letters'"),
        (["CodeReason-v0", "-a", "oracle", "--suite", "symbenhc"], "did you mean 'symbench'"),
        (["CodeReason-v0", "-a", "oracle", "--split", "tset"], "did you mean 'test'"),
        (["CodeReason-v0", "-a", "oracle", "--tasks", "letters", "--difficulty", "hadr"], "did you mean 'hard'"),
        (["CartPole-v1", "-a", "random", "--tasks", "letters"], "unexpected keyword argument 'tasks'"),
        (["CartPole-v1", "-a", "random", "--env-arg", "foo=1"], "its arguments: sutton_barto_reward, render_mode"),
        (["CodeReason-v0", "-a", "oracle", "--agent-arg", "x=1"], "agent 'oracle'"),
        (["CodeReason-v0", "-a", "oracle", "--engine", "scripted"], "asks no language model"),
        (["CodeReason-v0", "-a", "all-text", "--engine", "vlm"], "did you mean 'vllm'"),
        (["CodeReason-v0", "-a", "nowhere.pt"], "no network at 'nowhere.pt'"),
        (["CodeReason-v0", "-a", "nowhere.zip"], "there is no file 'nowhere.zip'"),
        (["CodeReason-v0", "-a", "nowhere.npz"], "nowhere.npz"),
        (["CodeReason-v0", "-a", "nowhere:Mine"], "there is no module 'nowhere'"),
        (["CodeReason-v0", "-a", "nobody"], "Strategies of games: "),
        (["CodeReason-v0", "-a", "oracle", "--agent-arg", "x=1"], "its arguments: through_code"),
        (["CartPole-v1", "-a", "oracle"], "CartPole-v1 offers no solution"),
        (["CartPole-v1", "-a", "all-text", "--engine", "scripted:hm"], "a chat agent reads text"),
        (["CartPole-v1", "-a", "tit-for-tat"], "plays repeated games"),
        (["CodeReason-v0", "-a", "all-text", "--engine", "replay"], "name it as in 'replay:PATH' (--model PATH)"),
        (["CodeReason-v0", "-a", "replay"], "(--agent-arg run=...)"),
        (
            ["CodeReason-v0", "-a", "oracle", "--executor", "processes"],
            "unknown executor 'processes'; did you mean 'process'?",
        ),
    ],
)
def test_configuration_errors_print_one_message_and_create_no_folder(quintain, words, message):
    result = quintain("eval", *words)
    assert result.code == 1
    assert message in result.text
    assert "Traceback" not in result.text
    assert "run folder" not in result.text
    assert not Path("runs").exists() or not list(Path("runs").iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--env-arg", "x=[1"], "is not JSON"),
        (["--agent-arg", "x"], "expected NAME=VALUE"),
        (["--tasks", "letters", "--env-arg", "tasks=game24"], "given twice"),
        (["--resume"], "which run to continue"),
        (["--retry-errors"], "--resume"),
        (["--episodes", "0"], "--episodes"),
        (["--confidence", "1.5"], "must be in (0, 1)"),
        (["--engine", "openai:a", "--model", "b"], "names a model already"),
        (["--no-such-option"], "No such option"),
    ],
)
def test_usage_errors_have_their_own_exit_code(quintain, words, message):
    result = quintain("eval", "CodeReason-v0", "-a", "oracle", *words)
    assert result.code == 2
    assert message in result.text


def test_infrastructure_failures_in_every_episode_have_their_own_exit_code(quintain):
    assert quintain("eval", "CartPole-v1", "-a", "random", "-n", 1, "-o", "other", "--no-report").code == 0
    words = ["--agent-arg", "run=other", "--seed", 5]
    result = quintain("eval", "CartPole-v1", "-a", "replay", *words, "-n", 3, "-o", "run")
    assert result.code == 3
    assert "'other' has no episode with seed" in result.text
    assert Path("run/report.html").exists()
    again = quintain("rescore", "run")
    assert again.code == 3
    assert "0 of 3 episodes have another score" in again.text


def test_an_existing_run_is_resumed_only_with_resume(quintain):
    assert quintain(*ORACLE, "-o", "run").code == 0
    before = Path("run/episodes.jsonl").read_text()
    again = quintain(*ORACLE, "-o", "run")
    assert again.code == 1
    assert "already holds a run" in again.text
    assert Path("run/episodes.jsonl").read_text() == before
    more = quintain(*ORACLE[:-1], "15", "-o", "run", "--resume", "--json")
    assert more.json["episodes"] == 15
    assert Path("run/episodes.jsonl").read_text().startswith(before)
    other = quintain(*ORACLE, "-o", "run", "--resume", "--seed", "1")
    assert other.code == 1
    assert "seed was 0, is 1" in other.text


def test_without_the_report_extra_the_run_succeeds_and_shows_the_install_command(quintain, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = quintain(*ORACLE, "-o", "run")
    assert result.code == 0
    assert "pip install 'quintain[report]'" in result.text
    assert "success 100.0%" in result.text


def test_engine_arguments_are_passed_to_the_engine(quintain):
    words = [
        "eval",
        "CodeReason-v0",
        "-a",
        "all-text",
        "--engine",
        "scripted",
        "--tasks",
        "letters",
        "--no-report",
        "-n",
        2,
    ]
    assert quintain(*words, "--engine-arg", 'script="<<<1>>>"', "-o", "run").code == 0
    steps = json.loads(Path("run/episodes.jsonl").read_text().splitlines()[0])["steps"]
    assert steps[0]["action"] == "<<<1>>>"
    wrong = quintain(*words, "--engine-arg", "scrpt=1", "-o", "other")
    assert wrong.code == 1
    assert "scrpt" in wrong.text
