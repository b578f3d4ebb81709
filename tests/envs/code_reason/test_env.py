import gymnasium as gym
import numpy as np
import pytest

import quintain
from quintain.envs.code_reason import load_task, select_tasks, task_names
from quintain.errors import ConfigurationError, MissingDependencyError, RecordError, UnknownNameError


@pytest.fixture
def env():
    env = gym.make("CodeReason-v0", tasks="letters")
    yield env
    env.close()


def play(env, *actions, seed=0):
    env.reset(seed=seed)
    for action in actions:
        step = env.step(action)
    return step


def code(program):
    return f"```python\n{program}\n```"


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


def test_a_program_is_executed_and_its_output_is_the_next_observation(env):
    observation, reward, terminated, truncated, info = play(env, code("print(6 * 7)"))
    assert observation == "Code Execution Results:\n42"
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert info["metrics"]["code_calls"] == 1


def test_variables_persist_within_an_episode_only(env):
    assert play(env, code("x = 5"), code("print(x)"))[0] == "Code Execution Results:\n5"
    assert "NameError" in play(env, code("print(x)"))[0]


def test_without_state_each_code_block_starts_a_new_interpreter():
    with gym.make("CodeReason-v0", tasks="letters", stateful=False) as env:
        assert "NameError" in play(env, code("x = 5"), code("print(x)"))[0]


def test_errors_of_code_are_returned_as_observations(env):
    observation, *_, info = play(env, code("print('before')\n1/0"))
    assert observation.startswith("Code Execution Results:\nbefore\nTraceback")
    assert "ZeroDivisionError" in observation
    assert info["metrics"]["code_errors"] == 1


def test_timeouts_of_code_are_returned_as_observations():
    with gym.make("CodeReason-v0", tasks="letters", timeout_s=0.5) as env:
        observation, *_, info = play(env, code("while True: pass"))
        assert "(TimeoutExpired: stopped after 0.5 seconds)" in observation
        assert info["metrics"]["code_errors"] == 1
        env.step(code("print('still here')"))


def test_later_code_blocks_can_import_other_packages(env):
    assert play(env, code("x = 5"), code("import numpy as np\nprint(np.arange(x))"))[0].endswith("[0 1 2 3 4]")


def test_lost_state_is_reported(env):
    observation = play(env, code("x = 5"), code("import os; os._exit(0)"))[0]
    assert observation.endswith("(the program exited with code 0)\n(all variables are lost)")
    assert "NameError" in env.step(code("print(x)"))[0]


@pytest.mark.parametrize(
    ("program", "notice"),
    [
        ("import sys; sys.exit(3)", "(the program exited with code 3)"),
        ("exit()", "(the program exited with code 0)"),
        ("import time; time.sleep(60)", "(TimeoutExpired: stopped after 2 seconds, most of them waiting)"),
        ("b = bytearray(2**40)", "(MemoryError: more than 512 MiB used)"),
    ],
)
def test_kept_state_is_reported_truthfully(program, notice):
    with gym.make("CodeReason-v0", tasks="letters", timeout_s=0.5) as env:
        observation = play(env, code("x = 5"), code(program))[0]
        assert notice in observation
        assert observation.endswith("\n(variables are kept)")
        assert env.step(code("print(x)"))[0].endswith("\n5")
    with gym.make("CodeReason-v0", tasks="letters", timeout_s=0.5, stateful=False) as env:
        observation = play(env, code(program))[0]
        assert notice in observation
        assert "variables" not in observation


@pytest.mark.parametrize(
    ("program", "shown"),
    [
        ("6 * 7", "42"),
        ("print('first')\n6 * 7", "first\n42"),
        ("print('first')", "first"),
        ("'a\\nb'", "'a\\nb'"),
        ("None", "(no output)"),
        ("x = 6 * 7", "(no output)"),
        ("x = 6 * 7;\nx;", "(no output)"),
        ("import sys\nprint('err', file=sys.stderr)\nprint('out')\n1", "out\nerr\n1"),
    ],
)
def test_the_value_of_the_last_expression_is_shown_as_in_a_notebook(env, program, shown):
    assert play(env, code(program))[0] == f"Code Execution Results:\n{shown}"


def test_a_long_value_is_truncated_as_output_is():
    with gym.make("CodeReason-v0", tasks="letters", max_output_chars=90) as env:
        assert play(env, code("'a' * 500 + 'END'"))[0] == play(env, code("print(repr('a' * 500 + 'END'))"))[0]
        assert "[... 99,914 characters omitted ...]" in play(env, code("'a' * 100_002"))[0]


def test_what_program_and_environment_say_is_told_apart_in_info(env):
    program = "import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(2)"
    info = play(env, code(program) + "\n" + code("2"))[4]
    notices = [
        "(the program exited with code 2)",
        "(variables are kept)",
        "(only the first block was run; 1 more ignored)",
    ]
    assert info["execution"] == {"stdout": "out\n", "stderr": "err\n", "value": None, "notices": notices}
    assert env.step(code("3"))[4]["execution"]["value"] == "3"
    assert "execution" not in env.reset(seed=0)[1]
    assert "execution" not in env.step("```\nno language\n```")[4]


def test_output_is_whole_in_info():
    with gym.make("CodeReason-v0", tasks="letters", max_output_chars=90, max_code_calls=1) as env:
        assert play(env, code("print('a' * 500)"))[4]["execution"]["stdout"] == "a" * 500 + "\n"
        execution = env.step(code("print(1)"))[4]["execution"]
        assert (execution["stdout"], execution["value"], len(execution["notices"])) == ("", None, 1)


def test_nothing_of_a_block_is_printed_into_a_later_one(env):
    chatter = "import threading, time\ndef f():\n    while True: time.sleep(0.01); print('stray')\n"
    start = chatter + "threading.Thread(target=f, daemon=True).start()\nimport io, sys\nsys.stdout = io.StringIO()"
    assert play(env, code(start), code("time.sleep(0.1)\nprint('later')"))[0] == "Code Execution Results:\nlater"


def test_memory_is_limited_and_reported():
    with gym.make("CodeReason-v0", tasks="letters", memory_mb=64) as env:
        assert "MemoryError" in play(env, code("b = bytearray(300 * 2**20)"))[0]
        assert "MemoryError" not in play(env, code("b = bytearray(10 * 2**20)"))[0]


def test_long_output_is_truncated_with_a_notice():
    with gym.make("CodeReason-v0", tasks="letters", max_output_chars=90) as env:
        observation = play(env, code("print('a' * 500 + 'END')"))[0]
        assert "[... 413 characters omitted ...]" in observation
        assert observation.endswith("END")


def test_the_longest_output_is_in_the_observation_space():
    with gym.make("CodeReason-v0", tasks="letters", max_output_chars=99_000) as env:
        program = "import sys\nprint('x' * 60_000)\nsys.stderr.write('y' * 60_000)\n1/0"
        observation = play(env, "\n".join([code(program), code("2")]))[0]
        assert "more ignored" in observation
        assert observation in env.observation_space


def test_random_numbers_of_programs_are_seeded_per_item(env):
    draw = code("import random, numpy\nprint(random.random(), numpy.random.random())")
    first, again, other = (play(env, draw, seed=seed)[0] for seed in (0, 0, 1))
    assert first == again != other
    play(env, draw)
    assert env.step(draw)[0] != first  # the generators go on
    assert play(env, code("import random\nrandom.seed(1)"), code("print(random.random())"))[0].endswith(
        "0.13436424411240122"
    )


def test_a_restarted_interpreter_has_a_different_reproducible_seed(env):
    draw, end = code("import random\nprint(random.random())"), code("import os; os._exit(0)")
    first = play(env, draw)[0]
    after = play(env, draw, end, draw)[0]
    assert after == play(env, draw, end, draw)[0] != first
    with gym.make("CodeReason-v0", tasks="letters", stateful=False) as afresh:
        drawn = [[play(afresh, draw)[0], afresh.step(draw)[0]] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert drawn[0][0] != drawn[0][1]


@pytest.mark.parametrize("end", ["<<<0>>>", "I do not know.", None])
def test_steps_after_the_end_have_no_reward(env, end):
    play(env, end)
    with pytest.raises(gym.error.ResetNeeded, match="reset"):
        env.step(env.unwrapped.solution())
    env.reset()
    assert env.step(env.unwrapped.solution())[1] == pytest.approx(1.1)


def test_empty_output_is_reported(env):
    assert play(env, code("x = 1"))[0] == "Code Execution Results:\n(no output)"


def test_the_second_of_two_code_blocks_is_ignored_with_a_notice(env):
    observation = play(env, code("print(1)") + "\n" + code("print(2)"))[0]
    assert observation == "Code Execution Results:\n1\n(only the first block was run; 1 more ignored)"


def test_answer_markers_inside_code_are_ignored(env):
    assert play(env, code("print('<<<42>>>')"))[0] == "Code Execution Results:\n<<<42>>>"


def test_the_number_of_code_calls_is_limited():
    with gym.make("CodeReason-v0", tasks="letters", max_code_calls=2) as env:
        observation, *_, info = play(env, *[code("print(1)")] * 3)
        assert "all 2 code calls are used" in observation
        assert info["metrics"]["code_calls"] == 2


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


def test_without_code_execution_code_blocks_are_ignored():
    with gym.make("CodeReason-v0", tasks="letters", code=False) as env:
        assert "```python" not in env.reset(seed=0)[0]
        info = play(env, code("print(1)"))[4]
        assert "neither" in info["parse_error"]
        env.reset(seed=0)
        assert env.step(code("print('<<<1>>>')") + "\n" + env.unwrapped.solution())[4]["success"]


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


def test_a_code_block_without_language_gives_a_hint_and_another_turn():
    env = gym.make("CodeReason-v0", tasks="chain_sum")
    env.reset(seed=0)
    observation, reward, terminated, truncated, _ = env.step("```\nprint(1)\n```")
    assert "```python" in observation
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert env.step(env.unwrapped.solution())[4]["success"]
    env = gym.make("CodeReason-v0", tasks="chain_sum", max_turns=1)
    env.reset(seed=0)
    assert env.step("```\nprint(1)\n```")[4]["parse_error"]


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
