"""The programs that a model writes in ``CodeReason-v0``: what is run, what is kept and what is shown."""

import gymnasium as gym
import pytest

from tests.envs.code_reason.playing import code, play


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


def test_without_code_execution_code_blocks_are_ignored():
    with gym.make("CodeReason-v0", tasks="letters", code=False) as env:
        assert "```python" not in env.reset(seed=0)[0]
        info = play(env, code("print(1)"))[4]
        assert "neither" in info["parse_error"]
        env.reset(seed=0)
        assert env.step(code("print('<<<1>>>')") + "\n" + env.unwrapped.solution())[4]["success"]


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
