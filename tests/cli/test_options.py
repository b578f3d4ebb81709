import pytest
import typer

from quintain.cli.options import json_or_word, pairs


def test_values_are_json_or_bare_words():
    given = ["n=5", "x=[1, 2.5]", 'deep={"a": null}', "on=true", "word=runs/first", 'text="5"', "url=http://host:1/v1"]
    assert pairs(given, "--env-arg") == {
        "n": 5, "x": [1, 2.5], "deep": {"a": None}, "on": True, "word": "runs/first", "text": "5",
        "url": "http://host:1/v1",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["[1,", "{'a': 1}", "1 2", "", "nan,", "[" * 100_000])
def test_text_that_is_neither_json_nor_a_word_is_refused(text):
    with pytest.raises(typer.BadParameter, match="is not JSON"):
        json_or_word(text, "--env-arg")


@pytest.mark.parametrize(
    ("text", "remedy"), [("True", "write true"), ("None", "write null"), ("NaN", "finite"), ("[NaN]", "finite")]
)
def test_python_spellings_are_refused_with_the_json_spelling(text, remedy):
    with pytest.raises(typer.BadParameter, match=remedy):
        json_or_word(text, "--env-arg")


@pytest.mark.parametrize("words", [["novalue"], ["=1"], ["a b=1"], ["a=1", "a=2"]])
def test_malformed_pairs_are_refused(words):
    with pytest.raises(typer.BadParameter):
        pairs(words, "--env-arg")
