import json

import pytest
from typer.testing import CliRunner

from quintain.cli import app


class Outcome:
    """Output and exit code of a command; ``text`` has no boxes and line breaks of Typer."""

    def __init__(self, result):
        self.code = result.exit_code
        self.out = result.stdout
        self.err = result.stderr
        self.text = " ".join((result.stdout + result.stderr).replace("│", " ").split())
        self.exception = result.exception

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def quintain(tmp_path, monkeypatch):
    """Return a function that runs the command in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QUINTAIN_DEBUG", raising=False)

    def call(*words):
        return Outcome(CliRunner().invoke(app, [str(w) for w in words], env={"COLUMNS": "200", "TERM": "dumb"}))

    return call
