"""``Recording``: the episodes that remain to be played, and the report."""

import pytest

from quintain.errors import ConfigurationError, RecordError
from quintain.evaluation.recording import Recording
from quintain.records import EpisodeRecord, read_manifest

MANIFEST = {"config": {"env": "X-v0"}}


def record(index, outcome="success"):
    return EpisodeRecord(index, 100 + index, outcome, {"agent": 1.0})


@pytest.fixture
def out(tmp_path):
    """A run folder of six episodes: two finished, one failed, three not started."""
    with Recording(MANIFEST, 6, out=tmp_path / "run") as run:
        assert run.todo == list(range(6))
        for episode in (record(4), record(0), record(1, "error")):
            run.add(episode)
    assert [e.index for e in run.report(0.9).episodes] == [0, 1, 4]
    assert run.report(0.9).confidence == 0.9
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("episodes", "retry", "todo", "kept"),
    [
        (6, False, [2, 3, 5], [0, 1, 4]),
        (8, False, [2, 3, 5, 6, 7], [0, 1, 4]),
        (3, False, [2], [0, 1]),
        (6, True, [1], [0, 4]),
        (1, True, [], [0]),
    ],
)
def test_a_resumed_run_keeps_finished_episodes_and_plays_the_rest(out, episodes, retry, todo, kept):
    with Recording(MANIFEST, episodes, out=out, resume=True, retry_errors=retry) as run:
        assert run.todo == todo
        assert sorted(run.episodes) == kept


def test_a_retried_episode_replaces_the_failed_one(out):
    seen = []
    with Recording(MANIFEST, 6, out=out, resume=True, retry_errors=True, on_episode=seen.append) as run:
        run.add(record(1))
        run.add_facts({"model": "m"})
    assert [e.index for e in seen] == [1]
    assert run.report(0.95).outcomes["success"] == 3
    assert run.report(0.95).manifest["facts"] == read_manifest(out)["facts"] == {"model": "m"}
    with Recording(MANIFEST, 6, out=out, resume=True) as run:
        assert run.report(0.95).errors == 0


def test_without_a_folder_nothing_is_written():
    with Recording(MANIFEST, 2) as run:
        run.add(record(1))
    assert run.report(0.95).path is None
    for arguments in ({"resume": True}, {"retry_errors": True}):
        with pytest.raises(ConfigurationError, match="need the folder"):
            Recording(MANIFEST, 2, **arguments)


def test_a_folder_of_another_run_is_refused(out):
    with pytest.raises(RecordError, match="already holds a run"), Recording(MANIFEST, 6, out=out):
        pass
    with (
        pytest.raises(RecordError, match="another configuration"),
        Recording({"config": {"env": "Y-v0"}}, 6, out=out, resume=True),
    ):
        pass
    with pytest.raises(ConfigurationError, match="resume=True"):
        Recording(MANIFEST, 6, out=out, retry_errors=True)
