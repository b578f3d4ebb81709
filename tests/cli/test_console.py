import io

import pytest
from rich.console import Console

from quintain.cli.console import literal
from quintain.evaluation.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("over\rwritten", r"over\x0dwritten"),
        ("a\u202eb\u2066c", r"a\u202eb\u2066c"),
        ("\x00\ud800", r"\x00\ud800"),
        ("tag \U000e0041", r"tag \U000e0041"),
        ("[red]markup[/red] :smile:", "[red]markup[/red] :smile:"),
        ("tab\tand\nline, naïve 漢字 עברית", "tab\tand\nline, naïve 漢字 עברית"),
    ],
)
def test_markup_and_control_characters_in_untrusted_text_are_escaped(text, shown):
    assert visible(text) == shown
    stream = io.StringIO()
    Console(file=stream, force_terminal=True, width=200, emoji=False, tab_size=1).print(literal(text))
    assert stream.getvalue().replace("\t", " ") == shown.replace("\t", " ") + "\n"
