"""``CodeReason-v0``: answers, items, arguments, and runs of whole suites."""

import gymnasium as gym
import numpy as np
import pytest

import quintain
from quintain.envs.code_reason import load_task, select_tasks, task_names
from quintain.errors import ConfigurationError, MissingDependencyError, RecordError, UnknownNameError
from tests.envs.code_reason.playing import code, play


def test_both_environment_ids_can_be_made():
    for name in ("CodeReason-v0", "quintain:CodeReason-v0"):
        gym.make(name, tasks="letters").close()


def test_the_environment_passes_all_checks():
    assert quintain.check("CodeReason-v0", {"tasks": ["letters", "number_multiply"]}).ok
    assert quintain.check("CodeReason-v0", {"tasks": "letters", "code": False, "split": "train"}).ok


def test_right_answer(env):
    env.reset(seed=0)
    _, reward, terminated, truncated, info = env.step(env.unwrapped.solution())
    assert (terminated, truncated) == (True, False)
    assert reward == pytest.approx(1.1)
    assert info["reward_terms"] == {"correctness": 1.0, "format": 0.1, "efficiency": 0.0}
    assert info["success"] is True
    assert info["metrics"] == {"turns": 1.0, "code_calls": 0.0, "code_errors": 0.0, "strict": 1.0}


def test_wrong_answer(env):
    _, reward, terminated, _, info = play(env, "<<<Count: 0, Positions: []>>>")
    assert terminated
    assert reward == pytest.approx(0.1)
    assert (info["success"], info["parse_error"], info["invalid_action"]) == (False, None, False)
    assert info["detail"].startswith("the answer is Count: 4")
    assert info["answer"] == "Count: 0, Positions: []"
    assert info["expected"].startswith("Count: ")


@pytest.mark.parametrize("answer", ["", "seven", "Count: 1, Positions: [1] or so"])
def test_an_answer_of_the_wrong_format_is_a_parse_error(env, answer):
    _, reward, _, _, info = play(env, f"<<<{answer}>>>")
    assert reward == pytest.approx(0.1)
    assert info["parse_error"]


def test_a_reply_without_answer_or_code_ends_the_episode(env):
    _, reward, terminated, _, info = play(env, "I do not know.")
    assert terminated
    assert reward == pytest.approx(-0.1)
    assert "neither" in info["parse_error"]


@pytest.mark.parametrize("action", [None, 3, b"<<<1>>>", ["<<<1>>>"], "x" * 100_001, "<<<1>>>" + " " * 1_000_000])
def test_an_invalid_action_is_reported_and_not_raised(env, action):
    _, reward, terminated, _, info = play(env, action)
    assert terminated
    assert reward == pytest.approx(-0.1)
    assert info["invalid_action"] is True
    assert "at most 100,000 characters" in info["parse_error"]


@pytest.mark.parametrize("action", ["", "\x00" * 1000, "\ud800\udfff", "\x1b[2J\u202e"])
def test_unparseable_text_is_a_parse_error(env, action):
    info = play(env, action)[4]
    assert info["invalid_action"] is False
    assert info["parse_error"]


@pytest.mark.parametrize("end", ["<<<0>>>", "I do not know.", None])
def test_steps_after_the_end_have_no_reward(env, end):
    play(env, end)
    with pytest.raises(gym.error.ResetNeeded, match="reset"):
        env.step(env.unwrapped.solution())
    env.reset()
    assert env.step(env.unwrapped.solution())[1] == pytest.approx(1.1)


def test_turns_are_limited_and_late_answers_have_a_penalty():
    with gym.make("CodeReason-v0", tasks="letters", max_turns=7) as env:
        _, reward, terminated, truncated, info = play(env, *[code("1")] * 7)
        assert (terminated, truncated) == (False, True)
        assert reward == pytest.approx(-0.2)
        play(env, *[code("1")] * 6)
        _, reward, *_, info = env.step(env.unwrapped.solution())
        assert info["success"]
        assert info["reward_terms"] == {"correctness": 1.0, "format": 0.1, "efficiency": -0.1}
        assert reward == pytest.approx(1.0)


def test_an_item_can_be_selected_by_its_id(env):
    question, info = env.reset(seed=3)
    with gym.make("CodeReason-v0", tasks="number_multiply") as other:
        again, info_again = other.reset(seed=99, options={"task_id": info["task_id"]})
    assert (again, info_again) == (question, info)


def test_reset_options_do_not_change_later_episodes(env):
    env.reset(seed=3)
    following = env.reset()[0]
    env.reset(seed=3, options={"task": "number_multiply"})
    assert env.reset()[0] == following


def test_splits_share_no_items():
    hashes = {}
    for split in ("train", "test"):
        with gym.make("CodeReason-v0", tasks=["letters", "number_multiply"], split=split) as env:
            hashes[split] = {env.reset(seed=seed)[1]["task_hash"] for seed in range(300)}
    assert len(hashes["train"]) > 290
    assert not hashes["train"] & hashes["test"]


def test_all_tasks_are_drawn():
    names = task_names("symbench")
    with gym.make("CodeReason-v0", suite="symbench") as env:
        drawn = {env.reset(seed=seed)[1]["task"] for seed in range(40 * len(names))}
    assert drawn == set(names)


def test_difficulty_is_passed_to_the_task():
    with gym.make("CodeReason-v0", tasks="letters", difficulty={"min_length": 40, "max_length": 40}) as env:
        env.reset(seed=0)
        assert len(env.unwrapped.problem.data["word"]) == 40
    with gym.make("CodeReason-v0", tasks="letters", difficulty="easy") as env:
        env.reset(seed=0)
        assert len(env.unwrapped.problem.data["word"]) <= 8


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"tasks": "leters"}, "did you mean 'letters'"),
        ({"tasks": ["letters", "nope"]}, "unknown task 'nope'"),
        ({"tasks": []}, "unknown task"),
        ({"suite": "symbech"}, "did you mean 'symbench'"),
        ({"tasks": "letters", "split": "tset"}, "did you mean 'test'"),
        ({"tasks": "letters", "difficulty": "medum"}, "did you mean 'medium'"),
        ({"tasks": "letters", "difficulty": {"min_len": 3}}, "did you mean 'min_length'"),
        ({"tasks": "letters", "difficulty": {"min_length": 9, "max_length": 3}}, "min_length <= max_length"),
        ({"tasks": ["letters", "number_multiply"], "difficulty": {"min_length": 3}}, "fit a single task"),
        ({"tasks": "letters", "max_turns": 0}, "max_turns must be an integer >= 1"),
        ({"tasks": "letters", "max_code_calls": -1}, "max_code_calls"),
        ({"tasks": "letters", "max_output_chars": 99_001}, "max_output_chars must be <= 99,000"),
        pytest.param(
            {"tasks": "letters", "render_mode": "human"}, "render_mode", marks=pytest.mark.filterwarnings("ignore")
        ),
    ],
)
def test_invalid_arguments_raise_errors_with_a_remedy(kwargs, message):
    with pytest.raises(ConfigurationError, match=message):
        gym.make("CodeReason-v0", **kwargs).unwrapped.reset()


@pytest.mark.parametrize("task_id", ["letters", "letters/test/x", "letters/dev/3", 5])
def test_invalid_task_ids_raise_errors_with_a_remedy(env, task_id):
    with pytest.raises(ConfigurationError, match="expected a task id"):
        env.reset(options={"task_id": task_id})


def test_rendering_shows_the_transcript():
    with gym.make("CodeReason-v0", tasks="letters", render_mode="ansi") as env:
        play(env, code("print(6 * 7)"))
        assert env.render().endswith("```python\nprint(6 * 7)\n```\n\nCode Execution Results:\n42")


def test_make_vec_supports_text_observations():
    vector = gym.make_vec("CodeReason-v0", num_envs=3, tasks="letters")
    observations, infos = vector.reset(seed=[5, 6, 7])
    singles = []
    for seed in (5, 6, 7):
        with gym.make("CodeReason-v0", tasks="letters") as env:
            singles.append(env.reset(seed=seed)[0])
    assert list(observations) == singles
    answers = [env.unwrapped.solution() for env in vector.envs]
    _, rewards, terminations, _, infos = vector.step(answers)
    assert terminations.all()
    np.testing.assert_allclose(rewards, 1.1)
    assert infos["final_info"]["success"].all()
    vector.close()


def test_make_vec_accepts_vector_kwargs():
    vector = gym.make_vec("CodeReason-v0", num_envs=2, tasks="letters", autoreset_mode="NextStep", workers=1)
    assert vector.metadata["autoreset_mode"] is gym.vector.AutoresetMode.NEXT_STEP
    first, _ = vector.reset(seed=0)
    infos = vector.step(["<<<0>>>"] * 2)[4]
    assert "final_info" not in infos
    following = vector.step(["ignored"] * 2)
    assert not following[2].any()
    assert following[0] != first
    vector.close()


def test_load_task_accepts_the_documented_arguments():
    task = load_task("letters")
    problem = task.generate(np.random.default_rng(0))
    assert task.score(problem, problem.answer).strict
    assert select_tasks("letters, game24") == ("letters", "game24")
    with pytest.raises(UnknownNameError, match="of suite 'reasoning_gym'"):
        select_tasks("letters", "reasoning_gym")


def test_missing_libraries_are_reported_at_construction(monkeypatch):
    monkeypatch.setattr("quintain.envs.code_reason.registry.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"quintain\[reason\]"):
        gym.make("CodeReason-v0", tasks=["letters", "chain_sum"])
    gym.make("CodeReason-v0", suite="symbench").close()


def test_the_oracle_solves_every_task_in_the_environment():
    """A program prints the answer, its output comes back, the answer is submitted: each task, two items."""
    unsolved = {}
    for name in select_tasks("all"):
        env_kwargs = {"tasks": name, "split": "train"}
        agent = {"name": "oracle", "through_code": True}
        report = quintain.evaluate("CodeReason-v0", agent, episodes=2, env_kwargs=env_kwargs, concurrency=1)
        if report.success.estimate != 1.0:
            unsolved[name] = [e.error or e.info.get("detail") for e in report.episodes]
    assert not unsolved


def test_an_echo_of_the_questions_answer_format_is_ignored_in_every_family():
    for name in task_names():
        env = gym.make("CodeReason-v0", tasks=name, code=False, disable_env_checker=True)
        question, _ = env.reset(seed=0)
        assert env.step(question)[4]["answer"] is None, name
        env.reset(seed=0)
        assert env.step(f"{question}\n{env.unwrapped.solution()}")[4]["success"], name


def test_a_run_is_not_continued_with_rules_of_another_wording(tmp_path, monkeypatch):
    run = {"episodes": 1, "env_kwargs": {"tasks": "letters", "code": False}, "out": tmp_path, "progress": False}
    quintain.evaluate("CodeReason-v0", "oracle", **run)
    more = run | {"episodes": 2, "resume": True}
    with monkeypatch.context() as changed:
        changed.setattr("quintain.envs.code_reason.env.TEXT_PROTOCOL", "Answer between <<< and >>>.")
        with pytest.raises(RecordError, match=r"was played with env\.rules = 'Answer the question.*another folder"):
            quintain.evaluate("CodeReason-v0", "oracle", **more)
    assert len(quintain.evaluate("CodeReason-v0", "oracle", **more).episodes) == 2
