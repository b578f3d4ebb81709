"""What the package exports and says about itself, read from its source without importing it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def tree_of(module: str) -> ast.Module | None:
    """Parse a module by its dotted name; ``None`` if there is no such module."""
    path = ROOT.joinpath(*module.split("."))
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if file.is_file():
            return ast.parse(file.read_text(encoding="utf-8"))
    return None


def summary(module: str) -> str:
    """Return the first paragraph of a module's docstring, in one line."""
    tree = tree_of(module)
    return _first_paragraph(ast.get_docstring(tree) if tree else None)


def exports(module: str) -> list[str]:
    """Return the names in a module's ``__all__``."""
    tree = tree_of(module)
    for node in tree.body if tree else ():
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def home(path: str) -> str:
    """Follow the imports of ``module.name`` to the module that defines the name, and return the path there."""
    module, _, name = path.rpartition(".")
    tree = tree_of(module)
    if tree is None:
        return path
    typed = [node for block in tree.body if isinstance(block, ast.If) for node in block.body]
    for node in (*tree.body, *typed):
        if isinstance(node, ast.ImportFrom) and node.module and not _defined_in(tree, name):
            for alias in node.names:
                if (alias.asname or alias.name) == name and node.module != module:  # a package may export a module
                    return home(f"{node.module}.{alias.name}")
    return path


def first_line(path: str) -> str:
    """Return the first paragraph of what is said about ``module.name``: docstring, or comment with ``#:``."""
    module, _, name = home(path).rpartition(".")
    tree = tree_of(module)
    for node in reversed(tree.body) if tree else ():  # the implementation of a function comes after its overloads
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
            return _first_paragraph(ast.get_docstring(node))
        if _assigns(node, name):
            return _first_paragraph(comment_above(module, node.lineno))
    return summary(path)


def is_long(path: str) -> bool:
    """Whether ``module.name`` is a constant whose value would fill the page: a mapping, a text, a call."""
    module, _, name = home(path).rpartition(".")
    tree = tree_of(module)
    for node in tree.body if tree else ():
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and _assigns(node, name):
            return not isinstance(node.value, (ast.BinOp, ast.Subscript, ast.Constant, ast.Name))
    return False


def comment_above(module: str, line: int) -> str:
    """Return the comment with ``#:`` that ends on the line before ``line`` of a module."""
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if (path / "__init__.py").is_file() else path.with_suffix(".py")
    above = file.read_text(encoding="utf-8").splitlines()[: line - 1]
    found: list[str] = []
    while above and above[-1].strip().startswith("#:"):
        found.insert(0, above.pop().strip().removeprefix("#:").strip())
    return "\n".join(found)


def _defined_in(tree: ast.Module, name: str) -> bool:
    return any(
        (isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name)
        or _assigns(node, name)
        for node in tree.body
    )


def _assigns(node: ast.stmt, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _first_paragraph(text: str | None) -> str:
    return " ".join((text or "").split("\n\n")[0].split())
