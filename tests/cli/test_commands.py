"""The commands compare, rescore, view, tasks, agents, check, model and doctor."""

import json
import sys
from pathlib import Path

import gymnasium as gym
import pytest

import quintain as package
from quintain.engines import weights
from quintain.errors import QuintainError

KWARGS = {"tasks": "letters", "code": False}
HOSTILE = "\x1b[31mred \u202e [bold]markup[/bold] <<<Count: 1, Positions: [1]>>>"


@pytest.fixture
def runs(tmp_path):
    """A run with success in all episodes, and one with hostile transcripts."""
    package.evaluate("CodeReason-v0", "oracle", episodes=6, env_kwargs=KWARGS, out=tmp_path / "good")
    package.evaluate("CodeReason-v0", lambda text: HOSTILE, episodes=6, env_kwargs=KWARGS, out=tmp_path / "bad")
    return tmp_path


def test_compare_shows_the_paired_difference(quintain, runs):
    result = quintain("compare", runs / "good", runs / "bad")
    assert result.code == 0, result.text
    assert "success 100.0% 0.0% 100.0%" in result.text
    assert "A higher in 6, B higher in 0, 0 ties" in result.text
    assert quintain("compare", runs / "good", runs / "bad", "--json").json["wins"] == 6


def test_compare_refuses_runs_without_common_seeds(quintain, runs):
    package.evaluate("CodeReason-v0", "oracle", episodes=2, seed=5, env_kwargs=KWARGS, out=runs / "other")
    result = quintain("compare", runs / "good", runs / "other")
    assert result.code == 1
    assert "no seed occurs in both runs" in result.text
    assert quintain("compare", runs / "good", runs / "nowhere").code == 1


def test_rescore_changes_no_score_of_an_unmodified_record(quintain, runs):
    result = quintain("rescore", runs / "good")
    assert result.code == 0, result.text
    assert "0 of 6 episodes have another score" in result.text
    assert quintain("rescore", runs / "good", "--json").json["changed"] == []


def test_rescore_lists_episodes_whose_score_changed(quintain, runs):
    path = runs / "good" / "episodes.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[2]["outcome"] = "failure"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = quintain("rescore", runs / "good")
    assert "1 of 6 episodes have another score" in result.text
    assert "episode 2: failure 1.1 -> success 1.1" in result.text
    assert quintain("rescore", runs / "nowhere").code == 1


def test_view_writes_the_report_and_prints_its_path(quintain, runs):
    result = quintain("view", runs / "good")
    assert result.code == 0, result.text
    assert result.out.strip() == str(runs / "good" / "report.html")
    assert Path(result.out.strip()).exists()


def test_a_folder_of_several_runs_raises_an_error_with_their_paths(quintain, runs):
    assert "such as 'bad', 'good'" in quintain("view", ".").text


def test_view_opens_the_report_on_request(quintain, runs, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert quintain("view", runs / "good", "--open").code == 0
    assert opened == [(runs / "good" / "report.html").resolve().as_uri()]


def test_view_escapes_control_characters_of_transcripts(quintain, runs):
    result = quintain("view", runs / "bad", "--episode", 3)
    assert result.code == 0, result.text
    assert r"\x1b[31mred \u202e [bold]markup[/bold] <<<Count" in result.out
    assert "\x1b" not in result.out
    assert "expected: Count:" in result.out


def test_view_of_an_unknown_episode_lists_the_existing_ones(quintain, runs):
    result = quintain("view", runs / "bad", "--episode", 6)
    assert result.code == 1
    assert "has no episode 6; it has 0 to 5" in result.text


def test_view_without_the_extra_shows_the_install_command(quintain, runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = quintain("view", runs / "good")
    assert result.code == 1
    assert "pip install 'quintain[report]'" in result.text


def test_tasks_lists_and_shows(quintain):
    names = [row["name"] for row in quintain("tasks", "--json").json]
    assert {"letters", "game24"} <= set(names)
    listed = quintain("tasks", "--suite", "symbench")
    assert listed.code == 0
    assert "letters" in listed.out
    assert "more families" not in listed.out
    assert "7 more families" in quintain("tasks", "--suite", "bbh").out
    shown = quintain("tasks", "letters", "--seed", 3)
    assert "How many times does the letter" in shown.out
    assert "answer: Count:" in shown.out
    assert "max_length" in shown.out
    same, other = (quintain("tasks", "letters", "--seed", seed, "--json").json for seed in (3, 4))
    assert same["prompt"] in shown.out
    assert other["prompt"] not in shown.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["leters"], "did you mean 'letters'"),
        (["--suite", "symbenhc"], "did you mean 'symbench'"),
        (["letters", "--difficulty", "hrad"], "did you mean 'hard'"),
    ],
)
def test_tasks_suggests_the_nearest_name(quintain, words, message):
    result = quintain("tasks", *words)
    assert result.code == 1
    assert message in result.text


def test_agents_are_listed_with_their_arguments(quintain):
    shown = quintain("agents").text
    assert "* code-interpreter prompt, temperature, top_p, max_tokens" in shown
    assert "joss cooperate" in shown
    found = {row["name"]: row for kind in quintain("agents", "--json").json.values() for row in kind}
    assert found["replay"] == {"name": "replay", "asks_model": False, "arguments": ["run"]}
    assert found["llm-player"]["asks_model"]
    assert {"labels", "cover"} <= set(found["llm-player"]["arguments"])


def test_check_passes_a_correct_environment(quintain):
    result = quintain("check", "CodeReason-v0", "--env-arg", "tasks=letters", "--env-arg", "code=false")
    assert result.code == 0, result.text
    assert "0 failed" in result.out


class Drifting(gym.Env):
    """Draws from a generator that ``reset`` does not seed."""

    observation_space = gym.spaces.Box(0, 1, (1,))
    action_space = gym.spaces.Discrete(2)
    metadata = {"render_modes": []}

    def reset(self, *, seed=None, options=None):
        import numpy as np

        super().reset(seed=seed)
        return np.random.rand(1).astype("float32"), {}  # noqa: NPY002 - the fault that is to be found

    def step(self, action):
        return self.reset()[0], 0.0, True, False, {}


def test_check_fails_a_faulty_environment_with_the_reason(quintain, monkeypatch):
    monkeypatch.setitem(gym.registry, "Drifting-v0", gym.spec("CartPole-v1").__class__("Drifting-v0", Drifting))
    result = quintain("check", "Drifting-v0")
    assert result.code == 1
    assert "FAIL same seed same episode" in result.text
    assert quintain("check", "Drifting-v0", "--json").json["ok"] is False


def test_check_suggests_the_nearest_environment(quintain):
    result = quintain("check", "CodeReson-v0")
    assert result.code == 1
    assert "'CodeReason-v0'" in result.text
    assert "needs module 'nosuchmodule', which is neither" in quintain("check", "nosuchmodule:X-v0").text


def test_model_lists_what_can_be_fetched(quintain, monkeypatch, tmp_path):
    monkeypatch.setenv("QUINTAIN_CACHE", str(tmp_path))
    result = quintain("model", "list")
    assert result.code == 0
    assert "smollm2-135m-instruct (default)" in result.out


def test_model_fetch_and_path_print_the_folder(quintain, monkeypatch):
    monkeypatch.setattr(weights, "fetch", lambda name: Path("fetched") / name)
    monkeypatch.setattr(weights, "path", lambda name: Path("here") / name)
    assert quintain("model", "fetch").out.strip() == f"fetched/{weights.DEFAULT_MODEL}"
    assert quintain("model", "path", weights.DEFAULT_MODEL).out.strip() == f"here/{weights.DEFAULT_MODEL}"


def test_failures_of_model_commands_are_error_messages(quintain, monkeypatch):
    def broken(name):
        raise QuintainError("the installer failed: no space left")

    monkeypatch.setattr(weights, "fetch", broken)
    assert "error: the installer failed" in quintain("model", "fetch").err
    assert "unknown model 'smollm'" in quintain("model", "fetch", "smollm").err


def test_doctor_lists_available_features_and_install_commands(quintain, monkeypatch):
    from quintain.cli import diagnosis

    missing = diagnosis.find_spec
    monkeypatch.setattr(diagnosis, "find_spec", lambda name: None if name in ("vllm", "mujoco") else missing(name))
    result = quintain("doctor")
    assert result.code == 0, result.text
    for heading in ("Python", "Extras", "Language models", "GPU", "Sandbox", "Rendering"):
        assert heading in result.out
    assert "pip install 'quintain[vllm]'" in result.out
    assert "pip install 'quintain[mujoco]'" in result.out
    found = quintain("doctor", "--json").json
    assert {"what": "vllm", "state": "off"}.items() <= next(
        f for f in found["Language models"] if f["what"] == "vllm"
    ).items()
