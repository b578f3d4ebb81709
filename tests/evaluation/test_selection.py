"""``repeats``, ``limit`` and ``items``: which episodes a run plays, with which seeds, and how it is resumed."""

import pytest

import quintain
from quintain.errors import ConfigurationError, RecordError, UnknownNameError
from quintain.evaluation.rescore import rescore
from quintain.records import read_episodes, read_manifest
from tests.evaluation.toy_envs import Sum

LETTERS = {"env_kwargs": {"tasks": "letters"}, "progress": False}


class Coin:
    """Plays at random; equal seeds give equal actions."""

    def begin(self, seat):
        rng = seat.generator()
        return type("Actor", (), {"act": lambda self, observation, info: int(rng.integers(2))})()

    def describe(self):
        return {"agent": "coin"}


def actions(record):
    return [step["action"] for step in record.steps]


def first_observation(record):
    return record.steps[0]["observation"].tolist()


def test_repeats_pose_an_item_again_to_an_agent_with_another_seed():
    report = quintain.evaluate("Sum-v0", Coin(), episodes=5, repeats=4)
    assert [(e.index, e.item, e.repeat) for e in report.episodes] == [(i, i // 4, i % 4) for i in range(20)]
    for item in range(5):
        answers = report.episodes[4 * item : 4 * item + 4]
        assert len({e.seed for e in answers}) == 1
        assert all(first_observation(e) == first_observation(answers[0]) for e in answers)
    assert len({tuple(actions(e)) for e in report.episodes[:4]}) > 1


def test_the_first_answers_are_those_of_a_run_without_repeats():
    once = quintain.evaluate("Sum-v0", Coin(), episodes=5)
    many = quintain.evaluate("Sum-v0", Coin(), episodes=5, repeats=3)
    assert [actions(e) for e in once.episodes] == [actions(e) for e in many.episodes if e.repeat == 0]
    assert [(e.item, e.repeat) for e in once.episodes] == [(i, 0) for i in range(5)]


def test_results_with_repeats_do_not_depend_on_concurrency_or_processes():
    runs = [
        quintain.evaluate(Sum, Coin(), episodes=4, repeats=3, **options)
        for options in ({"concurrency": 1}, {"concurrency": 7}, {"executor": "process", "workers": 1})
    ]
    assert all([actions(e) for e in run.episodes] == [actions(e) for e in runs[0].episodes] for run in runs)


def test_intervals_are_clustered_by_item():
    found = quintain.evaluate("Sum-v0", Coin(), episodes=30, repeats=4).success
    assert (found.n, found.clusters, found.unit) == (120, 30, "different items")


def test_a_run_with_repeats_is_stored_resumed_rescored_and_replayed(tmp_path):
    out = tmp_path / "run"
    part = quintain.evaluate("Sum-v0", Coin(), episodes=6, repeats=3, limit=2, out=out)
    assert len(part.episodes) == 6
    whole = quintain.evaluate("Sum-v0", Coin(), episodes=6, repeats=3, out=out, resume=True)
    assert [(e.item, e.repeat) for e in read_episodes(out)] == [(i // 3, i % 3) for i in range(18)]
    assert read_manifest(out)["config"]["repeats"] == 3
    straight = quintain.evaluate("Sum-v0", Coin(), episodes=6, repeats=3)
    assert [actions(e) for e in whole.episodes] == [actions(e) for e in straight.episodes]
    again = rescore(out)
    assert again.changed == again.drifted == []
    assert [(e.item, e.repeat) for e in again.after.episodes] == [(e.item, e.repeat) for e in whole.episodes]
    replayed = quintain.evaluate("Sum-v0", {"name": "replay", "run": str(out)}, episodes=6, repeats=3)
    assert [actions(e) for e in replayed.episodes] == [actions(e) for e in whole.episodes]


def test_a_run_is_not_resumed_with_another_number_of_repeats(tmp_path):
    quintain.evaluate("Sum-v0", Coin(), episodes=2, repeats=3, out=tmp_path / "run")
    with pytest.raises(RecordError, match="repeats was 3"):
        quintain.evaluate("Sum-v0", Coin(), episodes=2, repeats=4, out=tmp_path / "run", resume=True)


def test_limit_takes_the_first_items():
    report = quintain.evaluate("Sum-v0", Coin(), episodes=100, limit=3)
    assert [e.index for e in report.episodes] == [0, 1, 2]
    assert len(quintain.evaluate("Sum-v0", Coin(), episodes=2, limit=3).episodes) == 2


def test_items_are_chosen_by_number_or_id():
    whole = quintain.evaluate("CodeReason-v0", "oracle", episodes=6, **LETTERS)
    by_number = quintain.evaluate("CodeReason-v0", "oracle", episodes=6, items=[4, 1], **LETTERS)
    assert [(e.index, e.item) for e in by_number.episodes] == [(1, 1), (4, 4)]
    name = whole.episodes[4].info["task_id"]
    by_id = quintain.evaluate("CodeReason-v0", "oracle", episodes=6, items=[name, 1], repeats=2, **LETTERS)
    assert [(e.index, e.item, e.repeat) for e in by_id.episodes] == [(2, 1, 0), (3, 1, 1), (8, 4, 0), (9, 4, 1)]
    assert {e.info["task_id"] for e in by_id.episodes if e.item == 4} == {name}


def test_unknown_items_are_refused():
    with pytest.raises(UnknownNameError, match="unknown item among the first 3 'nosuch'"):
        quintain.evaluate("CodeReason-v0", "oracle", episodes=3, items=["nosuch"], **LETTERS)
    for wrong in ([-1], [], [1.5], [True]):
        with pytest.raises(ConfigurationError, match="items must be"):
            quintain.evaluate("Sum-v0", Coin(), items=wrong)


@pytest.mark.parametrize("name", ["repeats", "limit"])
def test_counts_are_checked(name):
    with pytest.raises(ConfigurationError, match=f"{name} must be an integer >= 1, got 0"):
        quintain.evaluate("Sum-v0", Coin(), **{name: 0})


def test_questions_of_a_data_set_are_repeated_and_chosen(tmp_path):
    file = tmp_path / "qa.csv"
    file.write_text("id,question,answer\na,1+1?,2\nb,2+2?,4\nc,3+3?,6\n")
    run = {"env_kwargs": {"tasks": str(file)}, "progress": False}
    whole = quintain.evaluate("QuestionAnswering-v0", "oracle", repeats=2, **run)
    assert [(e.item, e.repeat) for e in whole.episodes] == [(i // 2, i % 2) for i in range(6)]
    assert [e.info["task_id"] for e in whole.episodes[::2]] == [e.info["task_id"] for e in whole.episodes[1::2]]
    assert whole.success.clusters == 3
    last = whole.episodes[-1].info["task_id"]
    (one,) = quintain.evaluate("QuestionAnswering-v0", "oracle", items=[last], **run).episodes
    assert (one.item, one.info["task_id"]) == (2, last)
