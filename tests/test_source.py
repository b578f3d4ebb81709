"""What holds for every source file: its length, that of its functions, and where attackers are spoken of."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("quintain", "papers", "examples", "benchmarks", "scripts", "tests")
LINES, BODY = 400, 60
LONGER = {ROOT / "tests" / "agents" / "reasoning" / "test_methods.py"}  # to be divided


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the number of lines of a function below its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("folder", FOLDERS)
def test_files_and_functions_are_short(folder):
    long = []
    for path in sources(folder):
        text, name = path.read_text(encoding="utf-8"), path.relative_to(ROOT)
        if (lines := text.count("\n")) > LINES and path not in LONGER:
            long.append(f"{name}: {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (lines := body_lines(node)) > BODY:
                long.append(f"{name}: {node.name}: {lines} lines")
    assert not long, "\n".join(long)


def test_only_attacks_and_experiments_speak_of_victims():
    allowed = {ROOT / "quintain" / "attacks", ROOT / "quintain" / "experiments"}
    found = [
        str(path.relative_to(ROOT))
        for path in sources("quintain")
        if not allowed & {*path.parents} and re.search("victim", path.read_text(encoding="utf-8"), re.IGNORECASE)
    ]
    assert not found


def test_a_docstring_is_no_part_of_a_body():
    (function,) = ast.parse('def f():\n    """One.\n\n    Two.\n    """\n    a = 1\n    return a\n').body
    assert isinstance(function, ast.FunctionDef)
    assert body_lines(function) == 2
