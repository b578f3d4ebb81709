"""Without the axelrod library, its strategies raise an error with the installation command."""

import sys

import pytest

from quintain.agents.games import strategy
from quintain.errors import MissingDependencyError


def test_the_error_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "axelrod", None)
    with pytest.raises(MissingDependencyError, match="axelrod is not installed"):
        strategy("axelrod:Tit For Tat")
