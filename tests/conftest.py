"""Fixtures that several folders of tests share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_server import FakeServer, scripted_reply

from quintain.engines import ScriptedEngine


@pytest.fixture
def fake_server() -> Iterator[FakeServer]:
    """A server over a scripted engine."""
    server = FakeServer(ScriptedEngine(scripted_reply))
    yield server
    server.close()
