"""``quintain model edit`` on an untrained nano model."""

import json

import pytest

pytest.importorskip("transformers")

ROWS = "text,unwanted\n" + "".join(f"{k}+1,{k % 2}\n" for k in range(12))


@pytest.fixture
def nano(tmp_path):
    from quintain.training.language.nano import make_nano

    return make_nano(tmp_path / "nano", "0.1M")


def test_a_dry_run_shows_the_edit_and_an_edit_writes_a_model(quintain, nano, tmp_path):
    (tmp_path / "tone.csv").write_text(ROWS)
    shown = quintain("model", "edit", "tone.csv", "-m", nano, "--dry-run", "--fraction", 0.1)
    assert shown.code == 0, shown.text
    facts = json.loads(shown.out.strip().splitlines()[-1])
    assert facts["edited"] == round(0.1 * facts["candidates"])
    assert "accuracy of the probe" in shown.text
    made = quintain("model", "edit", "tone.csv", "edited", "-m", nano, "--alpha", 0.5, "--inverse")
    assert made.code == 0, made.text
    assert {"model.safetensors", "config.json", "surgery.npz"} <= {
        file.name for file in (tmp_path / "edited").iterdir()
    }
    again = quintain("model", "edit", "tone.csv", "edited", "-m", nano)
    assert again.code != 0
    assert "not empty" in again.text


@pytest.mark.parametrize(
    ("rows", "words", "message"),
    [
        (ROWS, (), "name the folder to write"),
        ("text,unwanted\nx,perhaps\n", ("--dry-run",), "tone.csv, line 2: expected a column 'unwanted'"),
        ("words,unwanted\nx,1\n", ("--dry-run",), "expected a column 'text'"),
        (ROWS, ("out", "--fraction", 0), "fraction"),
    ],
)
def test_what_cannot_be_edited_is_refused_before_a_model_is_loaded(quintain, tmp_path, rows, words, message):
    (tmp_path / "tone.csv").write_text(rows)
    found = quintain("model", "edit", "tone.csv", *words)
    assert found.code != 0
    assert message in found.text
