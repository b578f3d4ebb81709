"""Fixtures shared by several test folders."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

from fake_server import FakeServer, scripted_reply

from quintain.engines import Engine, ScriptedEngine, make_engine

# The same examples in every run, and no limit on the time that one takes: a busy machine must not fail a test.
settings.register_profile("quintain", deadline=None, derandomize=True, database=None)
settings.load_profile("quintain")


@pytest.fixture
def fake_server() -> Iterator[FakeServer]:
    """A server with a scripted engine."""
    server = FakeServer(ScriptedEngine(scripted_reply))
    yield server
    server.close()


@pytest.fixture(scope="session")
def smol_engine() -> Iterator[Engine]:
    """The embedded model, SmolLM2-135M, loaded once per process."""
    pytest.importorskip("torch")
    engine = make_engine("transformers")
    yield engine
    engine.close()
