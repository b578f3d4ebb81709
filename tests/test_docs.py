"""The code blocks of README.md and docs/ run unchanged.

The fenced blocks of a page run in order, in one fresh process and an empty folder: ``python`` is executed, ``pycon`` is
compared with what it shows, ``bash`` must succeed, and a block with a ``title="name.py"`` becomes that file. A comment
above a block may say ``<!-- needs: llm -->`` (skip the page where the embedded model is not installed; likewise for an
extra of :data:`MODULES`; ``rllib`` runs the page with the Python that ``scripts/rllib_venv.sh`` made), or
``<!-- not run: why -->``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

FENCE = re.compile(r"^( *)```(\w*)(?: title=\"([\w.]+)\")?[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
DIRECTIVE = re.compile(r"<!-- (needs|not run): ([^\n]+?) -->\s*\Z")
LANGUAGES = {"python", "pycon", "bash"}
#: Extra that a page may need -> a module that it brings.
MODULES = {
    "atari": "ale_py", "minecraft": "numba", "rl": "stable_baselines3", "serve": "uvicorn",
    "train": "trl", "video": "imageio_ffmpeg",
}  # fmt: skip

#: Smaller numbers with which the blocks of a page run here, where a language model answers: what the page shows stays
#: code that runs, and how many questions it answers is no part of that.
SMALLER = {
    "README.md": [("episodes=16,", "episodes=4,"), (" -n 6 ", " -n 2 ")],
    "docs/tutorial/first-evaluation.md": [("episodes=12,", "episodes=6,")],
}

RUN = r"""
import doctest, json, subprocess, sys
namespace = {"__name__": "__main__"}
for language, line, page, title, code in json.load(sys.stdin):
    where = f"{page}:{line}"
    if title:
        open(title, "w").write(code)
    elif language == "python":
        exec(compile("\n" * line + code, where, "exec"), namespace)
    elif language == "pycon":
        test = doctest.DocTestParser().get_doctest(code, namespace, where, where, line)
        runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        runner.run(test, clear_globs=False)
        namespace.update(test.globs)
        if runner.failures:
            sys.exit(f"{where}: shows what does not come out")
    elif subprocess.run(["bash", "-euo", "pipefail", "-c", code], stdin=subprocess.DEVNULL).returncode:
        sys.exit(f"{where}: the command failed")
"""


class Block(NamedTuple):
    language: str
    line: int
    page: str
    title: str
    code: str


def blocks_of(page: Path) -> tuple[list[Block], set[str]]:
    """Return the code blocks to run and the page's ``needs``."""
    text = page.read_text(encoding="utf-8")
    found, needs = [], set()
    smaller = SMALLER.get(str(page.relative_to(ROOT)), [])
    for number, _ in smaller:
        assert text.count(number) == 1, f"{page.name} has no {number!r}: see SMALLER"
    for match in FENCE.finditer(text):
        if match[2] not in LANGUAGES and not match[3]:
            continue
        directive = DIRECTIVE.search(text, 0, match.start())
        if directive and directive[1] == "not run":
            continue
        if directive:
            needs |= set(directive[2].split(", "))
        code = "".join(line.removeprefix(match[1]) for line in match[4].splitlines(keepends=True))
        for number, little in smaller:
            code = code.replace(number, little)
        found.append(Block(match[2], text.count("\n", 0, match.start()) + 1, page.name, match[3] or "", code))
    return found, needs


def has_model() -> bool:
    from quintain.engines.weights import DEFAULT_MODEL, find_model

    try:
        import torch  # noqa: F401
    except ImportError:
        return False
    return find_model(DEFAULT_MODEL).is_ready or find_model(DEFAULT_MODEL).file is not None


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.exists() and blocks_of(p)[0]], ids=lambda p: str(p.relative_to(ROOT))
)
def test_code_blocks_of_the_page_run(page: Path, tmp_path: Path) -> None:
    blocks, needs = blocks_of(page)
    assert needs <= {"llm", "rllib", *MODULES}, f"{page.name}: unknown needs {needs - {'llm', 'rllib', *MODULES}}"
    python = (
        os.environ.get("QUINTAIN_RLLIB_PYTHON", ROOT / ".venv-rllib/bin/python") if "rllib" in needs else sys.executable
    )
    if not Path(python).is_file():
        pytest.skip("needs RLlib in an environment of its own: sh scripts/rllib_venv.sh")
    if missing := [need for need in needs & MODULES.keys() if find_spec(MODULES[need]) is None]:
        pytest.skip(f"needs the extra {missing[0]}")
    if "llm" in needs and not has_model():
        pytest.skip("needs the embedded language model: make setup")
    path = os.pathsep.join([str(Path(python).absolute().parent), os.environ.get("PATH", "")])
    # Policies that a page trains for a few steps must not end up in the user's cache; models are too large to copy.
    cache = {} if "llm" in needs else {"QUINTAIN_CACHE": str(tmp_path / "cache")}
    if "rllib" in needs:  # Quintain is not installed there, and Ray would write a token for clusters into the home
        cache |= {"PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "disabled"}
    done = subprocess.run(
        [str(Path(python).absolute()), "-W", "error::DeprecationWarning:__main__", "-c", RUN],
        input=json.dumps(blocks), cwd=tmp_path, env={**os.environ, **cache, "PATH": path, "COLUMNS": "100"},
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def test_every_page_of_the_documentation_has_code_that_runs() -> None:
    assert not [str(p.relative_to(ROOT)) for p in PAGES if p.is_relative_to(ROOT / "docs") and not blocks_of(p)[0]]


@pytest.mark.parametrize("code", ["1/0", "raise SystemExit(3)"])
def test_the_runner_reports_failing_python(code: str) -> None:
    assert _run([Block("python", 1, "page", "", code)]) != 0


def test_the_runner_compares_pycon_output() -> None:
    assert _run([Block("pycon", 1, "page", "", ">>> 1 + 1\n2\n")]) == 0
    assert _run([Block("pycon", 1, "page", "", ">>> 1 + 1\n3\n")]) != 0


def test_the_runner_reports_failing_commands() -> None:
    assert _run([Block("bash", 1, "page", "", "true\nfalse\ntrue")]) != 0


def _run(blocks: list[Block]) -> int:
    done = subprocess.run(
        [sys.executable, "-c", RUN], input=json.dumps(blocks), capture_output=True, text=True, check=False
    )
    return done.returncode


def test_links_outside_the_site_are_not_broken() -> None:
    # MkDocs checks docs/; README and CONTRIBUTING are read on their own.
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)|src=\"([^\":]+)\"", page.read_text(encoding="utf-8")):
            name = "".join(target)
            assert (ROOT / name).exists(), f"{page.name} links to {name}, which does not exist"
