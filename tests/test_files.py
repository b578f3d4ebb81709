import os
from pathlib import Path

import numpy as np
import pytest

from quintain.errors import RecordError
from quintain.files import load_arrays, save_arrays, write_atomically


def test_writing_replaces_the_old_content(tmp_path):
    path = tmp_path / "new" / "file"
    write_atomically(path, "ä\n")
    assert path.read_bytes() == "ä\n".encode()
    write_atomically(path, b"\x00\x01")
    assert path.read_bytes() == b"\x00\x01"
    assert os.listdir(path.parent) == ["file"]


def test_a_failed_write_keeps_the_old_content_and_leaves_no_temporary_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, "old")

    def fail(self, target):
        raise OSError("no space")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_new_file_has_default_permissions(tmp_path):
    write_atomically(tmp_path / "atomic", "")
    (tmp_path / "plain").write_text("")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_arrays_and_metadata_round_trip(tmp_path):
    weights = {"0.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "flag": np.array([True])}
    save_arrays(tmp_path / "a.npz", weights, {"name": "x", "n": np.int64(3)})
    arrays, about = load_arrays(tmp_path / "a.npz")
    assert about == {"name": "x", "n": 3}
    assert arrays.keys() == weights.keys()
    for name, array in weights.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def test_unreadable_array_files_raise_errors_with_the_reason(tmp_path):
    with pytest.raises(RecordError, match=r"cannot read .*nowhere\.npz"):
        load_arrays(tmp_path / "nowhere.npz")
    (tmp_path / "half.npz").write_bytes(b"PK\x03\x04 half")
    with pytest.raises(RecordError, match="cannot read"):
        load_arrays(tmp_path / "half.npz")
    np.savez(tmp_path / "bare.npz", x=np.zeros(1))
    with pytest.raises(RecordError, match="about"):
        load_arrays(tmp_path / "bare.npz")
    np.savez(tmp_path / "objects.npz", about=np.array([{}], dtype=object))
    with pytest.raises(RecordError, match="allow_pickle"):
        load_arrays(tmp_path / "objects.npz")
