import pytest
import typer

from quintain.cli.options import pairs, read_value


def test_values_are_json_or_text():
    given = ["n=5", "x=[1, 2.5]", 'deep={"a": null}', "on=true", "word=runs/first", 'text="5"', "url=http://host:1/v1"]
    assert pairs(given, "--env-arg") == {
        "n": 5, "x": [1, 2.5], "deep": {"a": None}, "on": True, "word": "runs/first", "text": "5",
        "url": "http://host:1/v1",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["You are an expert guesser.", "1 2", "", "nan,", "it's 50% \\ $x", "a=b", "- 1"])
def test_text_that_does_not_begin_like_json_is_a_string(text):
    assert read_value(text, "--agent-arg prompt") == text
    assert pairs([f"prompt={text}"], "--agent-arg") == {"prompt": text}


def test_the_content_of_a_file_is_a_value(tmp_path):
    (tmp_path / "prompt.txt").write_text("Two\nlines\n")
    (tmp_path / "shots.jsonl").write_text('{"question": "a", "answer": "b"}\n\n{"question": "c", "answer": "d"}\n')
    (tmp_path / "level.json").write_text('{"digits": [2, 3]}')
    read = [read_value(f"@{tmp_path / name}", "--x") for name in ("prompt.txt", "shots.jsonl", "level.json")]
    assert read == [
        "Two\nlines\n", [{"question": "a", "answer": "b"}, {"question": "c", "answer": "d"}], {"digits": [2, 3]},
    ]  # fmt: skip
    assert read_value('"@name"', "--x") == "@name"
    for name in ("nowhere.txt", "broken.json"):
        (tmp_path / "broken.json").write_text("{")
        with pytest.raises(typer.BadParameter, match="cannot read"):
            read_value(f"@{tmp_path / name}", "--x")


@pytest.mark.parametrize("text", ["[1,", "{'a': 1}", '"open', "[" * 100_000])
def test_text_that_begins_like_json_and_is_none_is_refused(text):
    with pytest.raises(typer.BadParameter, match="is not JSON"):
        read_value(text, "--env-arg")


@pytest.mark.parametrize(
    ("text", "remedy"), [("True", "write true"), ("None", "write null"), ("NaN", "finite"), ("[NaN]", "finite")]
)
def test_python_spellings_are_refused_with_the_json_spelling(text, remedy):
    with pytest.raises(typer.BadParameter, match=remedy):
        read_value(text, "--env-arg")


@pytest.mark.parametrize("words", [["novalue"], ["=1"], ["a b=1"], ["a=1", "a=2"]])
def test_malformed_pairs_are_refused(words):
    with pytest.raises(typer.BadParameter):
        pairs(words, "--env-arg")
