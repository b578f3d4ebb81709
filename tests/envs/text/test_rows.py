"""Tables from files of every format, with errors that name file and line."""

import json
import sys

import pytest

from quintain.envs.text.rows import read_table, table_of, value_at
from quintain.errors import ConfigurationError, MissingDependencyError


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


ROWS = [{"question": "a, b?", "answer": "1"}, {"question": 'say "x"\nor é', "answer": "2"}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", 'question,answer\n"a, b?",1\n"say ""x""\nor é",2\n'),
        ("t.csv", '\ufeffquestion;answer\r\na, b?;1\r\n\r\n"say ""x""\nor é";2\r\n'),
        ("t.tsv", 'question\tanswer\na, b?\t1\n"say ""x""\nor é"\t2'),
        ("t.jsonl", "\n".join(map(json.dumps, ROWS)) + "\n\n"),
        ("t.json", json.dumps(ROWS)),
    ],
    ids=["csv", "semicolons and a byte order mark", "tsv", "jsonl", "json"],
)
def test_every_text_format_gives_the_same_rows(tmp_path, name, content):
    table = read_table(written(tmp_path, name, content))
    assert [dict(row.values) for row in table.rows] == ROWS
    assert (table.name, len(table.sha256)) == ("t", 64)


def test_places_are_lines_of_the_file(tmp_path):
    table = read_table(written(tmp_path, "t.csv", 'question,answer\n"two\nlines",1\n\nx,2\n'))
    assert [row.place for row in table.rows] == ["line 2", "line 5"]
    table = read_table(written(tmp_path, "t.jsonl", '{"a": 1}\n\n{"a": 2}\n'))
    assert [table.at(row) for row in table.rows] == [f"{table.source}, line 1", f"{table.source}, line 3"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "", r"t\.csv has no rows"),
        ("t.csv", "question,answer\n", r"t\.csv has no rows"),
        ("t.csv", "q,a\nx,1\ny,2,3\n", r"t\.csv, line 3: expected 2 cells, as in the header, got 3"),
        ("t.csv", "q,q\nx,1\n", r"t\.csv, line 1: two columns are named 'q'"),
        ("t.csv", 'q,a\n"x,1\n', r"t\.csv, line 2: unexpected end of data"),
        ("t.csv", b"q,a\nx,1\ncaf\xe9,2\n", r"t\.csv, line 3: byte 0xe9 is not utf-8; .*encoding='cp1252'"),
        ("t.csv", "q,a\nx,1\n".encode("utf-16"), r"encoded as utf-16, not as UTF-8; give encoding='utf-16'"),
        ("t.jsonl", '{"a": 1}\n{"a": }\n', r"t\.jsonl, line 2: not JSON"),
        ("t.jsonl", '{"a": 1}\n[1]\n', r"t\.jsonl, line 2: expected an object with columns, got \[1\]"),
        ("t.json", '{"a": 1}', r"t\.json: expected a list of objects"),
        ("t.parquet", "no parquet", r"t\.parquet is not a readable Parquet file"),
        ("t.txt", "x", r"is not a data set: expected a file ending in \.csv"),
    ],
)
def test_errors_name_file_and_line(tmp_path, name, content, message):
    with pytest.raises(ConfigurationError, match=message):
        read_table(written(tmp_path, name, content))


def test_a_missing_file_is_named():
    with pytest.raises(ConfigurationError, match=r"cannot read absent\.csv: No such file"):
        read_table("absent.csv")


def test_another_encoding_is_read(tmp_path):
    path = written(tmp_path, "t.csv", "q,a\ncafé,1\n".encode("cp1252"))
    assert read_table(path, encoding="cp1252").rows[0].values["q"] == "café"
    with pytest.raises(ConfigurationError, match="unknown encoding 'cp0'"):
        read_table(path, encoding="cp0")


def test_parquet_is_read(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = str(tmp_path / "t.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)
    assert [dict(row.values) for row in read_table(path).rows] == ROWS


def test_data_sets_are_loaded_with_config_and_split(tmp_path, monkeypatch):
    pytest.importorskip("datasets")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "train.jsonl").write_text('{"question": "1?", "answer": "1"}\n')
    (folder / "test.jsonl").write_text('{"question": "2?", "answer": "2"}\n{"question": "3?", "answer": "3"}\n')
    table = read_table(f"hub:{folder}", split="test")
    assert [row.values["question"] for row in table.rows] == ["2?", "3?"]
    assert table.name == "mine"
    with pytest.raises(ConfigurationError, match="has the splits train, test; choose one with split="):
        read_table(f"hub:{folder}")
    with pytest.raises(ConfigurationError, match=r"cannot load split 'dev' of hub:.*offline, give a file instead"):
        read_table(f"hub:{folder}", split="dev")


def test_rows_may_be_mappings():
    assert [row.place for row in table_of(ROWS).rows] == ["row 1", "row 2"]
    with pytest.raises(ConfigurationError, match="row 2: expected a mapping"):
        table_of([{"a": 1}, "x"])


def test_values_inside_of_columns_are_reached_by_dotted_names():
    row = {"answers": {"text": ["a"]}, "x.y": 1}
    assert value_at(row, "answers.text") == ["a"]
    assert value_at(row, "x.y") == 1
    assert value_at(row, "answers.start") is None


@pytest.mark.parametrize(("name", "module"), [("t.parquet", "pyarrow.parquet"), ("hub:owner/name", "datasets")])
def test_a_missing_library_is_named_with_its_extra(tmp_path, monkeypatch, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    source = name if ":" in name else written(tmp_path, name, b"")
    with pytest.raises(MissingDependencyError, match=r"pip install 'quintain\[datasets\]'"):
        read_table(source)
