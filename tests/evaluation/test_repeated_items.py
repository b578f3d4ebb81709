"""Items that are drawn more than once are clusters, in every table of a run and in comparisons."""

import math
import warnings

import pytest

import quintain
from quintain.errors import RepeatedItemsWarning
from quintain.evaluation.compare import compare
from quintain.evaluation.report import Report
from quintain.evaluation.statistics import rate
from quintain.records import EpisodeRecord


def record(index, item, success=True, task="coins", reward=None):
    info = {"task_hash": item, "metrics": {"turns": 1 + success}}
    if task is not None:
        info["task"] = task
    returns = {"agent": 1.5 * success if reward is None else reward}
    outcome = "success" if success else "failure"
    return EpisodeRecord(index, index, outcome, returns, [], None, False, info, {"answer": float(success)})


def report(items, **options):
    """Return a report of a deterministic agent that solves every second item."""
    return Report([record(k, f"item {item}", success=item % 2 == 0, **options) for k, item in enumerate(items)])


REPEATED = [k % 10 for k in range(40)]


def test_copies_of_an_item_do_not_narrow_the_interval():
    copies, ten = report(REPEATED), report(range(10))
    assert copies.success.estimate == ten.success.estimate == 0.5
    assert (copies.success.n, copies.success.clusters) == (40, 10)
    assert "10 different items (40 values)" in copies.success.basis
    assert copies.success.low < rate(20, 40).low  # what 40 independent questions would give
    assert copies.success.low == pytest.approx(ten.success.low, abs=0.05)


def test_different_items_are_independent():
    found = report(range(40)).success
    assert (found.clusters, found.method) == (None, "wilson")
    assert (found.low, found.high) == (rate(20, 40).low, rate(20, 40).high)


@pytest.mark.parametrize(
    "figure",
    [
        lambda r: r.worst_case,
        lambda r: r.reward,
        lambda r: r.returns["agent"],
        lambda r: r.metric("turns"),
        lambda r: r.results.terms["answer"],
        lambda r: r.results.by_task["coins"].success,
        lambda r: r.by_task["coins"].success,
        lambda r: r.share(lambda episode: episode.outcome == "success"),
    ],
    ids=["worst case", "reward", "return", "metric", "term", "task", "report of a task", "share"],
)
def test_every_estimate_of_a_run_is_clustered_by_item(figure):
    repeated, different = figure(report(REPEATED)), figure(report(range(40)))
    assert (repeated.n, repeated.clusters, repeated.unit) == (40, 10, "different items")
    assert different.clusters is None
    assert repeated.high - repeated.low > 1.5 * (different.high - different.low)


def test_a_single_item_gives_no_interval():
    """Six episodes of one question say nothing of other questions: no [61%, 100%] of six independent ones."""
    found = report([2] * 6).success
    assert (found.estimate, found.n, found.clusters, found.method) == (1, 6, 1, "none")
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.note == "no interval: all episodes posed one item"


def test_a_hash_that_names_the_configuration_makes_no_clusters():
    """In environments without tasks all episodes have one hash, and their seeds draw the rest."""
    found = report([2] * 12, task=None).success
    assert (found.clusters, found.low) == (None, rate(12, 12).low)


def test_pairs_of_one_item_are_a_cluster():
    other = Report([record(k, f"item {item}", success=item < 2) for k, item in enumerate(REPEATED)])
    found = compare(report(REPEATED), other)
    assert (found.success.n, found.success.clusters) == (40, 10)
    assert (found.reward.clusters, found.reward.unit) == (10, "different items")
    assert compare(report(range(40)), report(range(40))).success.clusters is None


def test_easy_questions_of_a_family_repeat():
    """60 easy boolean expressions: about 50 different ones."""
    run = quintain.evaluate(
        "CodeReason-v0", "oracle", episodes=60, env_kwargs={"tasks": "boolean_expressions", "difficulty": "easy"}
    )
    different = len({episode.info["task_hash"] for episode in run.episodes})
    assert 30 < different < 60
    assert (run.success.n, run.success.clusters) == (60, different)
    assert run.success.low < rate(60, 60).low


ROWS = [{"question": f"{n}?", "answer": str(n)} for n in range(3)]


@pytest.mark.parametrize("executor", ["inline", "process"])
def test_a_run_that_poses_an_item_twice_warns(executor):
    with pytest.warns(RepeatedItemsWarning, match="posed 6 items, of which only 3 are different"):
        found = quintain.evaluate(
            "QuestionAnswering-v0", "oracle", episodes=6, env_kwargs={"tasks": ROWS}, executor=executor
        )
    assert [e.info["item"] for e in found.episodes] == [0, 1, 2, 0, 1, 2]
    assert (found.success.n, found.success.clusters) == (6, 3)
    assert found.success.low < rate(6, 6).low == pytest.approx(0.61, abs=0.01)


def test_equal_rows_are_one_item():
    with pytest.warns(RepeatedItemsWarning, match="all 2 items of the run are the same one"):
        quintain.evaluate("QuestionAnswering-v0", "oracle", env_kwargs={"tasks": [ROWS[0], ROWS[0]]})


def test_equal_rows_are_found_among_repeats():
    with pytest.warns(RepeatedItemsWarning, match="posed 3 items, of which only 2 are different"):
        quintain.evaluate("QuestionAnswering-v0", "oracle", env_kwargs={"tasks": [*ROWS[:2], ROWS[0]]}, repeats=2)


@pytest.mark.parametrize(
    ("env", "kwargs"),
    [
        ("QuestionAnswering-v0", {"env_kwargs": {"tasks": ROWS}}),
        ("QuestionAnswering-v0", {"env_kwargs": {"tasks": ROWS}, "repeats": 2}),
        ("CodeReason-v0", {"env_kwargs": {"tasks": "letters"}, "episodes": 5}),
        ("CartPole-v1", {"episodes": 3}),
    ],
)
def test_a_run_of_different_items_does_not_warn(env, kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RepeatedItemsWarning)
        quintain.evaluate(env, "random", **kwargs)


def test_questions_of_a_family_with_few_items_warn(tmp_path, monkeypatch):
    (tmp_path / "few_items.py").write_text(FEW_ITEMS)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.warns(RepeatedItemsWarning, match="posed 20 items, of which only"):
        quintain.evaluate("CodeReason-v0", "oracle", episodes=20, env_kwargs={"tasks": "few_items:trivia"})


FEW_ITEMS = """
from quintain.envs.code_reason.registry import register_task
from quintain.envs.text.forms import IntegerTask

@register_task
class Trivia(IntegerTask):
    def draw(self, rng):
        return {"n": int(rng.integers(12))}
    def ask(self, data):
        return f"{data['n']}? Write <<<number>>>."
    def find(self, data):
        return data["n"]
"""
