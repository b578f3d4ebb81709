import errno
import json
import math
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from quintain.errors import RecordError
from quintain.evaluation.run_folder import RunFolder
from quintain.json_text import to_json
from quintain.records import EpisodeRecord, iter_episodes, read_episodes, read_manifest


def record(index, outcome="success", **fields):
    return EpisodeRecord(index, 100 + index, outcome, {"agent": 1.0}, **fields)


MANIFEST = {"schema": 1, "config": {"env": "X-v0", "agent": {"name": "random"}, "seed": 0}}


def test_a_record_round_trips_through_its_line():
    steps = [{"observation": "a\ud800\n", "action": "b", "reward": 1.0}]
    one = record(3, steps=steps, info={"task": "t", "metrics": {"turns": 2.0}}, error=None)
    line = one.to_line()
    assert line.isascii()
    assert "\n" not in line
    assert EpisodeRecord.from_line(line) == one


def test_numpy_and_nan_become_plain_json():
    data = {"a": np.float32(0.5), "b": np.arange(3), "c": float("nan"), "d": {1: {2, 3}}, "e": np.bool_(True)}
    assert json.loads(to_json(data)) == {"a": 0.5, "b": [0, 1, 2], "c": None, "d": {"1": [2, 3]}, "e": True}


def test_the_last_line_of_an_episode_is_read(tmp_path):
    with RunFolder(tmp_path / "run", MANIFEST) as folder:
        for one in (record(1), record(0, "error"), record(0)):
            folder.append(one)
    assert [(e.index, e.outcome) for e in read_episodes(tmp_path / "run")] == [(0, "success"), (1, "success")]


@pytest.mark.parametrize("tail", [b'{"index": 2, "se', b"\x00\x00\x00", b"garbage\n", b"[1]\n", b'{"index": 2}\n'])
def test_a_truncated_last_line_is_ignored(tmp_path, tail):
    path = tmp_path / "run"
    with RunFolder(path, MANIFEST) as folder:
        folder.append(record(0))
        folder.append(record(1))
    with (path / "episodes.jsonl").open("ab") as file:
        file.write(tail)
    assert [e.index for e in read_episodes(path)] == [0, 1]
    with RunFolder(path, MANIFEST, resume=True) as folder:
        assert [e.index for e in folder.episodes] == [0, 1]
        folder.append(record(2))
    assert [e.index for e in read_episodes(path)] == [0, 1, 2]


@pytest.mark.parametrize("damage", [b"\x00\x00\x00\n", b"garbage\n", b"[1]\n", b'{"index": 2}\n'])
def test_damage_before_the_last_line_raises_an_error_with_the_line_number(tmp_path, damage):
    (tmp_path / "episodes.jsonl").write_bytes(
        record(0).to_line().encode() + b"\n" + damage + record(1).to_line().encode() + b"\n"
    )
    with pytest.raises(RecordError, match=r"line 2 of .*episodes\.jsonl' is damaged"):
        read_episodes(tmp_path)
    read = iter_episodes(tmp_path)
    assert next(read).index == 0
    with pytest.raises(RecordError, match="line 2"):
        next(read)


def test_episodes_are_iterated_in_the_order_of_the_file(tmp_path):
    with RunFolder(tmp_path, MANIFEST) as folder:
        for index in (1, 0, 1):
            folder.append(record(index))
    assert [e.index for e in iter_episodes(tmp_path)] == [1, 0, 1]
    assert [e.index for e in iter_episodes(tmp_path / "episodes.jsonl")] == [1, 0, 1]


def test_lines_are_flushed_before_closing(tmp_path):
    with RunFolder(tmp_path / "run", MANIFEST) as folder:
        folder.append(record(0))
        assert len(read_episodes(tmp_path / "run")) == 1


def test_lines_are_synced_within_a_second(tmp_path, monkeypatch):
    synced = []
    real = os.fsync
    with RunFolder(tmp_path / "run", MANIFEST) as folder:
        monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(time.monotonic()), real(fd)))
        start = time.monotonic()
        for i in range(12):
            folder.append(record(i))
            time.sleep(0.1)
        while not synced or synced[-1] < start + 1.1:
            assert time.monotonic() < start + 30, "never synced"
            time.sleep(0.05)
    gaps = np.diff([start, *synced])
    assert gaps.max() < 5  # half a second by design; generous, since the machine may be busy


def test_a_full_disk_raises_record_error_and_keeps_complete_lines(tmp_path):
    folder = RunFolder(tmp_path / "run", MANIFEST)
    folder.append(record(0))
    real = folder._file

    class Full:
        """Writes half a line, then raises, as on a full disk."""

        def __init__(self):
            self.calls = 0

        def write(self, data):
            self.calls += 1
            if self.calls == 1:
                return real.write(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

        def __getattr__(self, name):
            return getattr(real, name)

    folder._file = Full()
    with pytest.raises(RecordError, match=r"the disk is full.*resume"):
        folder.append(record(1))
    folder.close()
    assert (tmp_path / "run" / "episodes.jsonl").read_bytes().endswith(b"}\n")
    with RunFolder(tmp_path / "run", MANIFEST, resume=True) as again:
        assert [e.index for e in again.episodes] == [0]
        again.append(record(1))


def test_writing_to_dev_full_raises_record_error(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    folder = RunFolder(tmp_path / "run", MANIFEST)
    folder._file.close()
    folder._file = Path("/dev/full").open("ab", buffering=0)  # noqa: SIM115
    with pytest.raises(RecordError, match="the disk is full"):
        folder.append(record(0))
    folder.close()


def test_a_run_folder_without_episodes_can_be_overwritten(tmp_path):
    RunFolder(tmp_path / "run", MANIFEST).close()
    RunFolder(tmp_path / "run", MANIFEST | {"config": {"env": "Y-v0"}}).close()
    assert read_manifest(tmp_path / "run")["config"] == {"env": "Y-v0"}


def test_a_damaged_manifest_raises_record_error(tmp_path):
    with RunFolder(tmp_path / "run", MANIFEST) as folder:
        folder.append(record(0))
    (tmp_path / "run" / "run.json").write_text("{")
    with pytest.raises(RecordError, match="is damaged"):
        RunFolder(tmp_path / "run", MANIFEST, resume=True)


def test_another_run_is_not_overwritten(tmp_path):
    with RunFolder(tmp_path / "run", MANIFEST) as folder:
        folder.append(record(0))
    with pytest.raises(RecordError, match=r"already holds a run.*--resume"):
        RunFolder(tmp_path / "run", MANIFEST)


@pytest.mark.skipif(sys.platform == "win32", reason="no advisory locks")
def test_a_run_folder_is_locked(tmp_path):
    with RunFolder(tmp_path / "run", MANIFEST) as folder:
        folder.append(record(0))
        for resume in (True, False):
            with pytest.raises(RecordError, match="another run is writing into"):
                RunFolder(tmp_path / "run", MANIFEST, resume=resume)
        folder.append(record(1))
    with RunFolder(tmp_path / "run", MANIFEST, resume=True) as again:
        assert [episode.index for episode in again.episodes] == [0, 1]


def test_resuming_with_another_configuration_is_refused(tmp_path):
    RunFolder(tmp_path / "run", MANIFEST).close()
    other = {"config": {"env": "X-v0", "agent": {"name": "oracle"}, "seed": 0}}
    with pytest.raises(RecordError, match=r"agent\.name was 'random', is 'oracle'"):
        RunFolder(tmp_path / "run", other, resume=True)


def test_a_missing_argument_differs_from_none(tmp_path):
    RunFolder(tmp_path / "run", {"config": {"env": "X-v0", "env_kwargs": {}}}).close()
    with pytest.raises(RecordError, match=r"env_kwargs\.tasks was not given, is None"):
        RunFolder(tmp_path / "run", {"config": {"env": "X-v0", "env_kwargs": {"tasks": None}}}, resume=True)


@pytest.mark.parametrize("resume", [False, True])
def test_episodes_without_a_manifest_are_not_overwritten(tmp_path, resume):
    with RunFolder(tmp_path / "run", MANIFEST) as folder:
        folder.append(record(0))
    (tmp_path / "run" / "run.json").unlink()
    with pytest.raises(RecordError, match=r"no run\.json" if resume else "already holds a run"):
        RunFolder(tmp_path / "run", MANIFEST, resume=resume)


def test_any_info_can_be_serialised():
    circle: dict = {}
    circle["self"] = circle
    hostile = {np.int64(3): 1, (1, 2): {None: np.nan}, "long": np.longdouble("0.1"), "circle": circle}
    read = json.loads(to_json(hostile))
    assert (read["3"], read["(1, 2)"], read["long"][:13]) == (1, {"None": None}, "np.longdouble")


def test_a_configuration_keeps_its_infinities_and_nan(tmp_path):
    def manifest(limit):
        return {"config": {"env": "X-v0", "env_kwargs": {"limit": limit}}, "schema": 1}

    for name, limit in (("inf", math.inf), ("nan", math.nan)):
        with RunFolder(tmp_path / name, manifest(limit)) as folder:
            folder.append(record(0))
            folder.write_facts({"bound": -math.inf})
        read = read_manifest(tmp_path / name)
        assert repr((read["config"]["env_kwargs"], read["facts"])) == repr(({"limit": limit}, {"bound": -math.inf}))
        RunFolder(tmp_path / name, manifest(limit), resume=True).close()
        for other in (None, -math.inf, 1.0):
            with pytest.raises(RecordError, match=f"limit was {name}"):
                RunFolder(tmp_path / name, manifest(other), resume=True)


def test_a_missing_run_raises_record_error(tmp_path):
    with pytest.raises(RecordError, match=r"expected a folder with episodes\.jsonl"):
        read_episodes(tmp_path)


def test_an_unwritable_folder_raises_record_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot write the run folder"):
        RunFolder(tmp_path / "file" / "run", MANIFEST)


def test_records_of_a_newer_version_are_refused():
    line = record(0).to_line().replace('"schema":1', '"schema":99')
    with pytest.raises(RecordError, match="update quintain"):
        EpisodeRecord.from_line(line)


def test_pandas_reads_a_run_in_one_line(tmp_path):
    pandas = pytest.importorskip("pandas")
    with RunFolder(tmp_path / "run", MANIFEST) as folder:
        folder.append(record(0))
        folder.append(record(1, "failure"))
    frame = pandas.read_json(tmp_path / "run" / "episodes.jsonl", lines=True)
    assert list(frame.outcome) == ["success", "failure"]
