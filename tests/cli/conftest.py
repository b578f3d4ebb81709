import json
import os
import pty
import select
import subprocess
import sys
import time

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


class Terminal:
    """A command under a pseudo-terminal, with the screen as a person sees it: redrawn lines replace each other."""

    WIDTH, HEIGHT = 100, 400
    PATIENCE_S = 60

    def __init__(self, words, folder):
        import pyte

        master, slave = pty.openpty()
        path = os.pathsep.join(filter(None, (os.getcwd(), os.environ.get("PYTHONPATH", ""))))
        env = os.environ | {"TERM": "xterm-256color", "COLUMNS": str(self.WIDTH), "LINES": str(self.HEIGHT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "quintain.cli", *map(str, words)], cwd=folder, stdin=slave, stdout=slave,
            stderr=slave, env=env | {"PYTHONPATH": path}, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self._master = master
        self._screen = pyte.Screen(self.WIDTH, self.HEIGHT)
        self._stream = pyte.ByteStream(self._screen)
        self._end = time.monotonic() + self.PATIENCE_S

    @property
    def lines(self):
        """The lines of the screen, without trailing blanks."""
        return [line.rstrip() for line in self._screen.display]

    @property
    def text(self):
        """The lines of the screen joined by blanks."""
        return " ".join(" ".join(self.lines).split())

    def _read(self):
        """Show what the command wrote; False once it has closed the terminal."""
        if time.monotonic() > self._end:
            raise TimeoutError("\n".join(filter(None, self.lines)))
        if select.select([self._master], [], [], 0.1)[0]:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # Linux's way of saying that the other end is closed
                return False
            self._stream.feed(data)
        return True

    def answer(self, prompt, reply):
        """Wait until the cursor stands behind ``prompt``, then type ``reply`` and Enter."""
        cursor = self._screen.cursor
        while not self._screen.display[cursor.y][: cursor.x].endswith(prompt):
            assert self._read(), f"closed before {prompt!r}: {self.text}"
        row = cursor.y
        os.write(self._master, f"{reply}\n".encode())
        while cursor.y == row and self._read():  # until the reply is echoed
            pass

    def finish(self):
        """Wait for the command's end and return its exit code."""
        while self._read():
            pass
        return self.process.wait(self.PATIENCE_S)

    def close(self):
        """End the command if it still runs."""
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.fixture
def terminal(tmp_path):
    """Return a function that starts the command under a pseudo-terminal in an empty directory."""
    pytest.importorskip("pyte")
    started = []

    def start(*words):
        started.append(Terminal(words, tmp_path))
        return started[-1]

    yield start
    for one in started:
        one.close()
