"""Packages that snippets can import, and ``packages`` to add more."""

from __future__ import annotations

import json
from importlib import metadata

import gymnasium as gym
import pytest

import quintain
from quintain.errors import ConfigurationError, MissingDependencyError, SandboxError
from quintain.sandbox import Sandbox
from quintain.sandbox.flavours import SCIENCE, importable, locate, science_with
from quintain.sandbox.packages import checked_packages, versions, with_requirements
from tests.sandbox.conftest import AVAILABLE

# Packages of the test environment, in no other flavour; one is a single file, one has requirements.
EXTRA = ("pandas", "networkx", "six")


def test_every_listed_package_can_be_imported(box: Sandbox) -> None:
    assert box.importable == importable(())
    code = "import importlib\n" + "".join(f"importlib.import_module({name!r})\n" for name in box.importable)
    assert box.run(code + "import numpy").ok  # the text decides on the flavour
    missing = box.run("import numpy, pandas")
    assert "No module named 'pandas'" in missing.stderr


@pytest.mark.parametrize("level", AVAILABLE)
def test_additional_packages_can_be_made_available(level: str) -> None:
    """Pandas has extension modules and requirements, and takes long to import: one level, the weakest, shows it."""
    added = EXTRA if level == AVAILABLE[-1] else EXTRA[1:]
    for name in added:
        pytest.importorskip(name)
    with Sandbox(level=level, workers=1, pool_size=0, packages=added) as box:
        assert box.importable == (*importable(()), *added)
        assert box.run("import networkx as nx, six\nlen(nx.path_graph(3)), six.PY3").value_repr == "(3, True)"
        if "pandas" in added:
            assert box.run("import pandas as pd\nint(pd.Series([1, 2]).sum())").value_repr == "3"
            assert box.run("import dateutil, pandas\ndateutil.__name__").value_repr == "'dateutil'"
        for name in ("quintain", "gymnasium", "pytest"):
            assert f"No module named {name!r}" in box.run(f"import six, {name}").stderr
        assert box.describe()["packages"]["six"] == metadata.version("six")


@pytest.mark.parametrize(
    ("packages", "error", "message"),
    [
        (["no_such_package"], MissingDependencyError, "run: pip install no_such_package"),
        (["numpy", "no_such.package"], MissingDependencyError, "pip install no_such$"),
        (["numpy.linalg"], ConfigurationError, "'numpy' includes 'numpy.linalg'"),
        (["math"], ConfigurationError, "standard library"),
        (["quintain"], ConfigurationError, "solvers"),
        (["../numpy"], ConfigurationError, "named as they are imported"),
        ([7], ConfigurationError, "named as they are imported"),
        ("", ConfigurationError, "named as they are imported"),
    ],
)
def test_unavailable_packages_are_refused_before_the_run(packages, error, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=message):
        Sandbox(packages=packages)
    with pytest.raises(error, match=message):
        gym.make("CodeReason-v0", tasks="letters", packages=packages)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise ImportError('broken on purpose')", "broken on purpose"),
        ("import no_such_requirement", "No module named 'no_such_requirement'"),
        (
            "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
            "started a thread",
        ),
    ],
)
def test_a_broken_package_is_an_error_before_the_run(source, message, tmp_path, monkeypatch):  # type: ignore[no-untyped-def]
    (tmp_path / "unsound").mkdir()
    (tmp_path / "unsound" / "__init__.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with Sandbox(packages=["unsound"], workers=1, pool_size=0) as box, pytest.raises(SandboxError, match=message):
        box.describe()
    (tmp_path / "unsound" / "__init__.py").write_text("answer = 42")  # the control
    with Sandbox(packages=["unsound"], workers=1, pool_size=0) as box:
        assert box.run("import unsound\nunsound.answer").value_repr == "42"


def test_a_distribution_name_raises_an_error_with_the_import_name() -> None:
    pytest.importorskip("dateutil")
    with pytest.raises(ConfigurationError, match="'python-dateutil' is 'dateutil'"):
        checked_packages(["python-dateutil"])
    assert checked_packages("numpy, sympy,numpy") == ("numpy", "sympy")


@pytest.mark.parametrize("backend", ["monty", "container"])
def test_other_backends_do_not_support_packages(backend: str) -> None:
    with pytest.raises(ConfigurationError, match="packages do not apply"):
        Sandbox(backend, packages=["numpy"])
    assert Sandbox(backend).importable == ()


def test_requirements_of_packages_are_included() -> None:
    pytest.importorskip("pandas")
    modules, distributions = with_requirements(["pandas"])
    assert {"pandas", "numpy", "dateutil"} <= set(modules)
    assert "python-dateutil" in distributions
    assert "pytest" not in modules  # extras do not
    assert set(locate(science_with(["pandas"])).modules) >= set(modules)
    assert science_with([]) is SCIENCE
    assert versions(["numpy"]) == {"numpy": metadata.version("numpy")}


def test_available_packages_are_in_the_prompt_and_the_manifest(tmp_path) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("networkx")
    kwargs = {"tasks": "letters", "packages": ["networkx"]}
    with gym.make("CodeReason-v0", **kwargs) as env:
        question, _ = env.reset(seed=0)
        assert "Programs can import the standard library, numpy, sympy, mpmath and networkx." in question
        assert env.step("```python\nimport networkx as nx\nprint(len(nx.path_graph(5)))\n```")[0].endswith("\n5")
    quintain.evaluate("CodeReason-v0", "oracle", episodes=1, env_kwargs=kwargs, out=tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    assert manifest["facts"]["env"]["sandbox"]["packages"]["networkx"] == metadata.version("networkx")
    assert '"packages": ["networkx"]' in json.dumps(manifest["config"])


def test_packages_that_are_not_installed_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quintain.sandbox.flavours.is_installed", lambda name: name == "numpy")
    with gym.make("CodeReason-v0", tasks="letters") as env:
        env.unwrapped._programs.interpreter.__dict__.pop("sandbox", None)
        monkeypatch.setattr("quintain.envs.text.interpreter.shared", lambda packages: Sandbox())
        assert "Programs can import the standard library and numpy." in env.reset(seed=0)[0]
    with gym.make("CodeReason-v0", tasks="letters", code=False) as env:
        assert "Programs can import" not in env.reset(seed=0)[0]
