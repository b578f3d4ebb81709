import importlib
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import gymnasium as gym
import pytest

import quintain
from quintain.envs.code_reason import registry
from quintain.envs.code_reason.registry import load_task, register_task, select_tasks, suite_of, task_names
from quintain.envs.code_reason.splits import ALL_FAMILIES, TEST_FAMILIES, draw_test_families
from quintain.envs.text.forms import IntegerTask
from quintain.errors import ConfigurationError, MissingDependencyError, UnknownNameError


def test_the_suites_have_the_sizes_of_the_paper():
    assert len(task_names("symbench")) == 33
    assert len(task_names("bbh_original")) == 27
    assert len(task_names("reasoning_gym")) == 84
    assert {suite: len(names) for suite, names in ALL_FAMILIES.items()} == {
        "symbench": 33,
        "bbh": 27,
        "reasoning_gym": 84,
    }
    listed = [name for names in ALL_FAMILIES.values() for name in names]
    assert len(set(listed)) == 144
    assert all(suite_of(name).startswith(suite) for suite, names in ALL_FAMILIES.items() for name in names)


def test_all_tasks_draw_their_own_items():
    assert set(task_names()) == {*task_names("symbench"), *task_names("bbh"), *task_names("reasoning_gym")}
    assert select_tasks() == task_names()
    assert select_tasks("all", "bbh") == task_names("bbh")


def test_selecting_by_name():
    assert select_tasks("letters") == ("letters",)
    assert select_tasks("letters, pooling,letters") == ("letters", "pooling")
    assert select_tasks(["gcd"], "reasoning_gym") == ("gcd",)
    with pytest.raises(UnknownNameError, match="did you mean 'letters'"):
        select_tasks("leters")
    with pytest.raises(UnknownNameError):
        select_tasks("letters", "bbh")
    with pytest.raises(UnknownNameError):
        select_tasks([])
    with pytest.raises(UnknownNameError):
        select_tasks("letters", "symbenhc")


def test_the_stored_task_split_equals_the_drawn_one():
    assert draw_test_families(ALL_FAMILIES) == TEST_FAMILIES
    assert len(TEST_FAMILIES) == 37
    shares = {suite: len(TEST_FAMILIES & set(names)) for suite, names in ALL_FAMILIES.items()}
    assert shares == {"symbench": 8, "bbh": 7, "reasoning_gym": 22}


def test_tasks_can_be_selected_by_split_name():
    train, test = set(select_tasks("train-tasks")), set(select_tasks("test-tasks"))
    assert not train & test
    assert train | test == set(task_names())
    assert test <= TEST_FAMILIES
    assert set(select_tasks("test-tasks", "symbench")) == test & set(task_names("symbench"))
    assert "letters" in select_tasks("test-tasks,letters")


def test_levels_and_parameters_configure_tasks():
    assert load_task("letters", "easy") == load_task("letters", {"min_length": 4, "max_length": 8})
    with pytest.raises(UnknownNameError, match="did you mean 'easy'"):
        load_task("letters", "esay")
    with pytest.raises(UnknownNameError, match="min_length"):
        load_task("letters", {"min_lenght": 4})
    with pytest.raises(ConfigurationError, match="expected 1 <= min_length"):
        load_task("letters", {"min_length": 0})
    assert load_task("combinatorial_calculation", {"targets": [24]}).targets == (24,)


_SCRIPT = """
import sys
from pathlib import Path
from quintain.envs.code_reason.registry import load_task, task_names
assert len(task_names()) == 137
load_task("letters")
loaded = [m for m in sys.modules if m.startswith("quintain.envs.code_reason.symbench.")]
assert loaded == ["quintain.envs.code_reason.symbench.letters"], loaded
assert not {"reasoning_gym", "sympy", "scipy", "torch"} & set(sys.modules)
sys.modules["reasoning_gym"] = None
try:
    load_task("gcd")
except ImportError as error:
    print(error)
"""


def test_listing_and_loading_one_task_imports_no_other():
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    assert "pip install 'quintain[reason]'" in done.stdout


def test_a_missing_library_is_an_error_that_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(MissingDependencyError, match=r"quintain\[reason\]"):
        load_task("gcd")
    load_task("countdown")  # our own families need no library


# Tasks of users

MODULE = """
from dataclasses import asdict, dataclass
from quintain.envs.code_reason import register_task
from quintain.envs.text.forms import IntegerTask


@register_task
@dataclass(frozen=True)
class SquareNumber(IntegerTask):
    \"\"\"Square a number.\"\"\"

    high: int = 100

    def draw(self, rng):
        return {"n": int(rng.integers(self.high))}

    def ask(self, data):
        return f"What is {data['n']} squared? Write <<<number>>>."

    def find(self, data):
        return data["n"] ** 2
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "my_own_tasks.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    monkeypatch.setattr(registry.TASKS, "_entries", dict(registry.TASKS._entries))
    monkeypatch.delitem(sys.modules, "my_own_tasks", raising=False)
    return "my_own_tasks:square_number"


def test_a_users_task_is_addressed_by_module_and_name(own_module):
    assert select_tasks(f"letters, {own_module}") == ("letters", own_module)
    assert (load_task(own_module, {"high": 7}).high, suite_of(own_module)) == (7, "own")
    assert task_names("own") == select_tasks("all", "own") == ("square_number",)
    assert load_task("square_number") == load_task(own_module)
    assert "square_number" not in task_names()
    with pytest.raises(UnknownNameError, match="of suite 'bbh'"):
        select_tasks(own_module, "bbh")


def test_a_third_party_task_class_needs_no_name_attribute(own_module):
    plain = MODULE.replace("@register_task\n", "")
    (Path(sys.path[0]) / "their_tasks.py").write_text(plain)
    plain_class = importlib.import_module("their_tasks").SquareNumber
    plain_class.suite = "bbh"
    registry.TASKS.add("square", "their_tasks:SquareNumber", **asdict(registry.TASKS.facts_of(plain_class)))
    assert (suite_of("square"), task_names("own")) == ("own", ("square",))
    assert (load_task("square").name, load_task("square").suite) == ("square", "own")
    assert "square" not in task_names()


def play_own_task(name, executor):
    return quintain.evaluate(
        "CodeReason-v0", {"name": "oracle"}, episodes=4, env_kwargs={"tasks": name}, executor=executor
    )


def test_a_users_task_is_played(own_module):
    report = play_own_task(own_module, "inline")
    assert report.success.estimate == 1.0
    with gym.make("CodeReason-v0", tasks="letters") as env:
        assert "squared" in env.reset(options={"task_id": report.episodes[0].info["task_id"]})[0]


@pytest.mark.slow
def test_a_users_task_is_played_in_other_processes(own_module):
    reports = [play_own_task(own_module, executor) for executor in ("inline", "process")]
    assert reports[1].success.estimate == 1.0
    assert len({tuple(e.info["task_id"] for e in report.episodes) for report in reports}) == 1


def test_task_names_are_unique_and_valid(own_module):
    load_task(own_module)

    @dataclass(frozen=True)
    class SquareNumber(IntegerTask):
        """Another one."""

    with pytest.raises(ConfigurationError, match="there is a task 'square_number' already"):
        register_task(SquareNumber)
    SquareNumber.name = "letters"
    with pytest.raises(ConfigurationError, match="there is a task 'letters' already"):
        register_task(SquareNumber)
    SquareNumber.name = "no/slash"
    with pytest.raises(ConfigurationError, match="made of lower-case letters"):
        register_task(SquareNumber)


def test_a_missing_module_and_a_missing_task_have_different_errors(own_module):
    with pytest.raises(ConfigurationError, match=r"no module 'my_tsks'.*PYTHONPATH"):
        load_task("my_tsks:square_number")
    with pytest.raises(UnknownNameError, match="did you mean 'square_number'"):
        load_task("my_own_tasks:sqare_number")


def test_the_catalogue_page_lists_every_task():
    page = (Path(__file__).parents[3] / "docs" / "reference" / "tasks.md").read_text(encoding="utf-8")
    assert not [name for name in task_names() if f"`{name}`" not in page]
