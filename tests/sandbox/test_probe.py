"""``probe``, the data behind ``quintain doctor``."""

from __future__ import annotations

import json

import pytest

from quintain.sandbox import probe
from quintain.sandbox.flavours import BARE, SCIENCE, choose, locate
from tests.sandbox.conftest import AVAILABLE


def test_probe_reports_level_protections_and_remedies() -> None:
    found = probe()
    assert found.level == (AVAILABLE[0] if AVAILABLE else None)
    assert found.levels == AVAILABLE
    assert {"landlock", "seccomp"} <= set(found.protections)
    for missing in found.missing:
        assert missing.reason
        assert missing.remedy
    data = json.loads(json.dumps(found.as_dict()))
    assert data["level"] == found.level


def test_probe_reports_missing_levels_with_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quintain.sandbox.levels._try_level", lambda level, user: ("refused here", (), 0))
    found = probe()
    assert found.level is None
    assert "fork" not in found.backends
    assert {missing.what for missing in found.missing} >= {"level A", "level B", "level C"}
    remedies = {missing.what: missing.remedy for missing in found.missing}
    assert "kernel" in remedies["level C"]


@pytest.mark.parametrize(
    ("code", "flavour"),
    [("print(1)", BARE), ("import numpy", SCIENCE), ("from sympy import x", SCIENCE), ("numpyish = 1", BARE)],
)
def test_server_flavour_is_chosen_by_imports_in_the_code(code: str, flavour: object) -> None:
    assert choose(code) is flavour


def test_missing_packages_of_a_flavour_are_listed() -> None:
    from dataclasses import replace

    location = locate(replace(SCIENCE, packages=("no_such_package",)))
    assert location.missing == ("no_such_package",)
    assert location.paths == ()
