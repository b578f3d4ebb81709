"""The contract of tasks, tested for every registered task."""

import dataclasses
import json
import os
import pickle
import random
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import quintain
from quintain.envs.code_reason.bbh.original import FAMILIES
from quintain.envs.code_reason.registry import load_task, suite_of, task_names
from quintain.envs.text.task import ExactTask, Problem, Task, sample_problem, split_of
from quintain.errors import MissingDependencyError
from tests.envs.code_reason.hostile_text import FRAGMENTS, HOSTILE, INJECTIONS

FEW = 6
MANY = 200


#: Example files for the loader of original items, with answers of its families.
FILES = tempfile.TemporaryDirectory(prefix="quintain-bbh-")
WORDS = {
    "boolean_expressions": ("True", "False"),
    "causal_judgement": ("Yes", "No"),
    "dyck_languages": ("] )", "}", "> ) ]"),
    "formal_fallacies": ("valid", "invalid"),
    "multistep_arithmetic_two": ("-14", "7", "123"),
    "navigate": ("Yes", "No"),
    "object_counting": ("4", "12", "9"),
    "sports_understanding": ("yes", "no"),
    "web_of_lies": ("Yes", "No"),
    "word_sorting": ("bee cat dog", "ant eel", "fox gnu hen owl"),
}
for family in FAMILIES:
    targets = WORDS.get(family, ("(A)", "(B)", "(C)"))
    examples = [{"input": f"Question {i} of {family}?", "target": targets[i % len(targets)]} for i in range(60)]
    Path(FILES.name, f"{family}.json").write_text(json.dumps({"examples": examples}), encoding="utf-8")


def load(name: str, level: str = "medium") -> Task:
    return load_task(name, {"folder": FILES.name} if name in task_names("bbh_original") else level)


@cache
def task_of(name: str, level: str = "medium") -> Task:
    try:
        return load(name, level)
    except MissingDependencyError as error:
        pytest.skip(str(error))


@cache
def problem_of(name: str, seed: int, level: str = "medium") -> Problem:
    return task_of(name, level).generate(np.random.default_rng([seed, 77]))


def problems(name: str, count: int) -> list[Problem]:
    return [problem_of(name, seed) for seed in range(count)]


def echoes(prompt: str) -> list[str]:
    return re.findall(r"<<<(.*?)>>>", prompt, re.DOTALL)


every_task = pytest.mark.parametrize("name", [*task_names(), *task_names("miniature"), *task_names("bbh_original")])


def assert_gold_is_right(task: Task, problem: Problem) -> None:
    verdict = task.score(problem, problem.answer)
    assert verdict.correct, (problem, verdict)
    assert verdict.strict, (problem, verdict)
    assert verdict.detail == ""
    assert not verdict.malformed


def assert_solved_from_the_data(task: Task, problem: Problem) -> None:
    blind = Problem(problem.prompt, "no answer here", json.loads(json.dumps(dict(problem.data))))
    solution = task.solve(blind)
    verdict = task.score(blind, solution)
    assert verdict.correct, (problem, solution, verdict)
    assert verdict.strict, (problem, solution, verdict)


def all_options(task: Task, problem: Problem) -> list[str]:
    """Return an answer that lists all options of a multiple-choice question."""
    letters = [f"({chr(65 + i)})" for i in range(len(problem.data.get("options", ())))]
    words = [*getattr(task, "OPTIONS", ()), *problem.data.get("options", ())]
    lists = [options for options in (letters, list(map(str, words))) if len(options) > 1]
    return [join.join(options) for options in lists for join in (" ", ", ", "\n", " or ")]


def assert_noise_is_wrong(task: Task, problem: Problem, other: Problem, part: int = 0, parts: int = 1) -> None:
    """Assert that noise is wrong: all of it, or every ``parts``-th text from number ``part`` on."""
    gold = problem.answer
    forms = echoes(problem.prompt)
    assert forms, problem.prompt
    noise = [
        *all_options(task, problem),
        "",
        "   \n",
        problem.prompt,
        problem.prompt + gold,
        f"<<<{gold}>>>",
        f"The answer is {gold}",
        f"{gold} banana",
        f"{gold}; import os",
        f"{gold} # {gold}",
        f"{gold} or {other.answer}",
        f"{gold} and {other.answer}",
        f"{gold}\n\n{other.answer}\n{gold}",
        f"{gold} {gold}",
        f"{gold}, {gold}",
        f"{'x' * 50}{gold}",
        f"{gold}{'y' * 500}",
        f"{gold} " * 100,
        f"not {gold}",
        *forms,
        *(form.strip() for form in forms),
        *INJECTIONS,
        *(f"{gold} {text}" for text in INJECTIONS[:5]),
        *(f"{text} {gold}" for text in INJECTIONS[:5]),
    ]
    if task.name == "constrained_linear_arrangement":
        # All pieces in order, and the form that the question shows, are arrangements too, and right by chance. Readers
        # of replies pass over the question's own form.
        chance = {text.strip() for text in (*all_options(task, problem), *forms, "A B C D E")}
        noise = [text for text in noise if text.strip() not in chance]
    for text in noise[part % parts :: parts]:
        if text.strip() != gold:
            verdict = task.score(problem, text)
            assert not verdict.correct, (problem, text)
            assert not verdict.strict
            assert verdict.detail


def assert_mutants_are_wrong(task: Task, problem: Problem, rng: random.Random) -> None:
    """Assert that changing one letter or digit makes the only correct answer wrong."""
    gold = problem.answer
    spots = [i for i, c in enumerate(gold) if c.isascii() and c.isalnum()]
    for i in rng.sample(spots, min(6, len(spots))):
        c = gold[i]
        changed = (
            str((int(c) + rng.randint(1, 9)) % 10) if c.isdigit() else chr(ord(c) - 1 if c in "zZ" else ord(c) + 1)
        )
        if task.name == "complex_arithmetic" and changed == "j":
            continue  # Python's imaginary unit
        mutant = gold[:i] + changed + gold[i + 1 :]
        assert not task.score(problem, mutant).correct, (problem, mutant)


def assert_only_its_own_gold(task: Task, batch: list[Problem]) -> None:
    for problem in batch:
        for other in batch:
            same = task.same(task.parse(other.answer), task.parse(problem.answer))
            assert task.score(problem, other.answer).correct == same, (problem, other.answer)


def examine(name: str, count: int) -> None:
    """Examine items: the first few with all of the noise, of the others each with a fifth of it, in turns."""
    task = task_of(name)
    batch = problems(name, count)
    for number, (problem, other) in enumerate(zip(batch, batch[1:] + batch[:1], strict=True)):
        assert_gold_is_right(task, problem)
        assert_solved_from_the_data(task, problem)
        assert_noise_is_wrong(task, problem, other, number, 1 if number < FEW else 5)
        padded = task.score(problem, f"\n  {problem.answer} ")
        assert padded.correct
        assert not padded.strict
        if isinstance(task, ExactTask):
            assert_mutants_are_wrong(task, problem, random.Random(problem.hash))
    if isinstance(task, ExactTask):
        assert_only_its_own_gold(task, batch[:20])


@every_task
def test_right_answers_are_accepted_and_noise_is_rejected(name):
    examine(name, FEW)


@pytest.mark.slow
@every_task
def test_right_answers_are_accepted_and_noise_is_rejected_on_many_items(name):
    examine(name, MANY)


@every_task
def test_tasks_can_be_pickled(name):
    task = task_of(name)
    copy = pickle.loads(pickle.dumps(task))
    assert copy == task
    assert type(copy) is type(task)


@every_task
def test_hostile_text_is_scored_without_exception(name):
    task, problem = task_of(name), problem_of(name, 0)
    behind = [text[:200] for text in HOSTILE if text[:200].strip() and text != "."]  # a full stop is harmless
    for text in (*HOSTILE, *(problem.answer + text for text in behind)):
        verdict = task.score(problem, text)
        assert not verdict.correct, (problem, text[:80])
    for thing in (None, 3, 2.5, b"bytes", ["list"], {"a": 1}, problem):
        assert task.score(problem, thing).malformed
    assert not os.path.exists("/tmp/quintain-pwned")


@every_task
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(data=st.data())
def test_any_text_is_scored_without_exception(name, data):
    task, problem = task_of(name), problem_of(name, 1)
    text = data.draw(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join)))
    cut = data.draw(st.integers(0, len(problem.answer)))
    for candidate in (text, problem.answer[:cut] + text + problem.answer[cut:]):
        verdict = task.score(problem, candidate)
        assert verdict.correct or verdict.detail
        assert verdict.correct or not verdict.strict
        assert not (verdict.correct and verdict.malformed)


@every_task
def test_problem_data_is_json_serialisable(name):
    for problem in problems(name, FEW):
        assert json.loads(json.dumps(dict(problem.data), allow_nan=False)) == problem.data
        assert Problem(problem.prompt, "", json.loads(json.dumps(dict(problem.data)))).hash == problem.hash
        problem.prompt.encode("utf-8")


@every_task
def test_items_depend_on_the_generator_alone(name):
    task = task_of(name)
    for seed in range(3):
        rng, again = (np.random.default_rng(seed) for _ in range(2))
        first = [task.generate(rng) for _ in range(3)]
        assert first == [load(name).generate(again) for _ in range(3)]
        assert len({problem.hash for problem in first}) > 1
    # The global generators are left alone.
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    task.generate(np.random.default_rng(0))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states  # noqa: NPY002


@every_task
def test_train_and_test_splits_are_disjoint(name):
    task = task_of(name)
    items = {split: {sample_problem(task, split, key) for key in range(FEW)} for split in ("train", "test")}
    assert all(split_of(problem) == split for split, batch in items.items() for problem in batch)
    assert not {p.prompt for p in items["train"]} & {p.prompt for p in items["test"]}
    for batch in items.values():
        assert len({p.hash for p in batch}) >= FEW // 2


@every_task
def test_every_level_can_be_drawn_and_solved(name):
    for level in sorted({"easy", "medium", "hard", *task_of(name).LEVELS}):
        task = task_of(name, level)
        for seed in range(3):
            problem = problem_of(name, seed, level)
            assert_gold_is_right(task, problem)
            assert_solved_from_the_data(task, problem)


@every_task
def test_every_task_class_is_documented(name):
    task = task_of(name)
    assert task.name == name
    assert task.suite == suite_of(name)
    assert type(task).__doc__
    assert dataclasses.is_dataclass(task)
    hash(task)


_SCRIPT = """
import json, sys
import numpy as np
from quintain.envs.code_reason.bbh.original import FAMILIES
from quintain.envs.code_reason.registry import load_task
names, folder = json.load(sys.stdin)
out = {}
for name in names:
    task = load_task(name, {"folder": folder} if name.endswith("_original") else "medium")
    problems = [task.generate(np.random.default_rng([seed, 77])) for seed in range(4)]
    out[name] = [[p.hash, p.prompt, p.answer] for p in problems]
json.dump(out, sys.stdout)
"""


def test_items_do_not_depend_on_process_or_hash_seed():
    names = []
    for name in (*task_names(), *task_names("bbh_original")):
        try:
            load(name)
            names.append(name)
        except MissingDependencyError:
            continue
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1",
        "OMP_NUM_THREADS": "1",
    }
    environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        input=json.dumps([names, FILES.name]),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(done.stdout)
    for name in names:
        ours = [[p.hash, p.prompt, p.answer] for p in problems(name, 4)]
        assert theirs[name] == ours, name


def test_the_oracle_solves_original_items_in_the_environment():
    unsolved = {}
    for name in task_names("bbh_original"):
        env_kwargs = {"tasks": name, "difficulty": {"folder": FILES.name}, "split": "train"}
        agent = {"name": "oracle", "through_code": True}
        report = quintain.evaluate("CodeReason-v0", agent, episodes=2, env_kwargs=env_kwargs, concurrency=1)
        if report.success.estimate != 1.0:
            unsolved[name] = [e.error or e.info.get("detail") for e in report.episodes]
    assert not unsolved
