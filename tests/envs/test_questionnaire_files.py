"""Published files of questionnaires: rows of TRAIT in several formats, tables of self-reports, checksums, the hub."""

import hashlib
import json
import sys
import types

import gymnasium as gym
import pytest

from quintain.envs.questionnaires import load_instrument
from quintain.errors import ConfigurationError

ROWS = [
    {"personality": trait, "question": f"Situation {k}?", "response_high1": "a", "response_high2": "b",
     "response_low1": "c", "response_low2": "d", "idx": k}
    for trait in ("Openness", "Narcissism")
    for k in range(2)
]  # fmt: skip


def test_rows_of_trait_are_read_from_json_json_lines_and_splits(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(ROWS))
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    (tmp_path / "c.json").write_text(json.dumps({"Openness": ROWS[:2], "Narcissism": ROWS[2:]}))
    for name in ("a.json", "b.jsonl", "c.json"):
        found = load_instrument(f"trait:{tmp_path / name}")
        assert (found.traits, len(found.items)) == (("Openness", "Narcissism"), 4)
        assert found.items[3].values == (1.0, 0.0, 1.0, 0.0)
        assert found.sha256 == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    env = gym.make("Questionnaire-v0", instrument=f"trait:{tmp_path / 'a.json'}", template="bare")
    assert env.reset(options={"item": 0})[0] == "Question: Situation 0?\nA: a\nB: c\nC: b\nD: d"


def test_a_folder_is_read_in_the_order_of_its_files_and_its_checksum_must_be_the_one_that_is_given(tmp_path):
    (tmp_path / "1.json").write_text(json.dumps(ROWS[:2]))
    (tmp_path / "2.json").write_text(json.dumps(ROWS[2:]))
    found = load_instrument(f"trait:{tmp_path}")
    assert len(found.items) == 4
    assert load_instrument(f"trait:{tmp_path}#{found.sha256[:12]}").items == found.items
    with pytest.raises(ConfigurationError, match="SHA-256 checksum"):
        load_instrument(f"trait:{tmp_path}#0000")


def test_a_table_of_a_self_report_is_read_with_its_keys(tmp_path):
    (tmp_path / "own.csv").write_text("trait,key,text\nOrder,1,I keep lists.\nOrder,-1,I lose things.\n")
    found = load_instrument(f"table:{tmp_path / 'own.csv'}")
    assert found.balance() == {"Order": (1, 1)}
    assert found.items[1].values == (1.0, 2.0, 3.0, 4.0, 5.0)
    (tmp_path / "keyless.csv").write_text("trait,text\nOrder,I keep lists.\n")
    with pytest.raises(ConfigurationError, match="needs a key"):
        load_instrument(f"table:{tmp_path / 'keyless.csv'}")


def test_a_path_may_contain_the_sign_before_a_checksum(tmp_path):
    (tmp_path / "set #1").mkdir()
    (tmp_path / "set #1" / "own.csv").write_text("trait,key,text\nOrder,1,I keep lists.\n")
    source = f"table:{tmp_path / 'set #1' / 'own.csv'}"
    found = load_instrument(source)
    assert load_instrument(f"{source}#{found.sha256}").items == found.items


def test_the_hub_gives_a_folder_or_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "data.json").write_text(json.dumps(ROWS))
    asked = []

    def snapshot_download(name, **kwargs):
        asked.append((name, kwargs["revision"]))
        if name == "closed/TRAIT":
            raise RuntimeError("401: gated")
        return str(tmp_path)

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(snapshot_download=snapshot_download))
    assert len(load_instrument("trait:hub:mirlab/TRAIT@8b31c078").items) == 4
    assert asked == [("mirlab/TRAIT", "8b31c078")]
    with pytest.raises(ConfigurationError, match="accepted and a token"):
        load_instrument("trait:hub:closed/TRAIT")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("x.json", "{", "is no JSON"), ("x.json", "[1]", "must hold objects"), ("x.json", "[{}]", "needs a text")],
)
def test_files_at_fault_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigurationError, match=message):
        load_instrument(f"trait:{tmp_path / name}")


def test_other_encodings_are_named(tmp_path):
    for kind, name in (("table", "latin1.csv"), ("trait", "latin1.json")):
        (tmp_path / name).write_bytes("trait,key,text\nOrder,1,\u00fcber".encode("latin-1"))
        with pytest.raises(ConfigurationError, match="as text in UTF-8"):
            load_instrument(f"{kind}:{tmp_path / name}")


def test_a_broken_parquet_file_is_named(tmp_path, monkeypatch):
    def read_parquet(file):
        raise ValueError("magic bytes not found")  # pyarrow.ArrowInvalid is a ValueError

    monkeypatch.setitem(sys.modules, "pandas", types.SimpleNamespace(read_parquet=read_parquet))
    (tmp_path / "broken.parquet").write_bytes(b"none")
    with pytest.raises(ConfigurationError, match=r"broken\.parquet.*no parquet"):
        load_instrument(f"trait:{tmp_path / 'broken.parquet'}")


def test_a_table_is_one_file(tmp_path):
    with pytest.raises(ConfigurationError, match="takes one CSV file"):
        load_instrument(f"table:{tmp_path}")


def test_what_is_not_there_is_an_error():
    with pytest.raises(ConfigurationError, match="neither a file nor a folder"):
        load_instrument("trait:/nowhere")
    with pytest.raises(ConfigurationError, match="unknown instrument"):
        load_instrument("nonsense")
