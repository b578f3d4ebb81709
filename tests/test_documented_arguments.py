"""A docstring that lists arguments lists all that a caller can pass, or says where "the other arguments" are."""

import ast
import inspect
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SECTION = re.compile(r"^(?:Args|Attributes):\n((?:    .*\n|\n)+)", re.MULTILINE)


def listed(docstring: str) -> set[str]:
    """Return the names that the sections ``Args`` and ``Attributes`` explain."""
    sections = SECTION.findall(inspect.cleandoc(docstring) + "\n")
    return {name for section in sections for name in re.findall(r"^    \*{0,2}(\w+): ", section, re.MULTILINE)}


def accepted(node: ast.stmt) -> list[str]:
    """Return the arguments of a function, of a class's ``__init__``, or the fields of a dataclass."""
    if isinstance(node, ast.ClassDef):
        if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
            fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
            return [
                ast.unparse(part.target)
                for part in fields
                if "ClassVar" not in ast.unparse(part.annotation) and "init=False" not in ast.unparse(part)
            ]
        made = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"]
        return [] if not made else [name for name in _arguments(made[0]) if name != "self"]
    return _arguments(node) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else []


def _arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]


def exported(tree: ast.Module) -> set[str]:
    """Return the names in ``__all__``."""
    found = [
        part.value for part in tree.body if isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) == "__all__"
    ]
    return set(ast.literal_eval(found[0])) if found else set()


def test_a_list_of_arguments_is_complete():
    lacking, seen = [], 0
    for path in sorted((ROOT / "quintain").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = exported(tree)
        for node in tree.body:
            if getattr(node, "name", None) not in names:
                continue
            docstring = ast.get_docstring(node) or ""
            known = listed(docstring)
            if known and "other arguments" not in " ".join(docstring.split()):
                seen += 1
                missing = [name for name in accepted(node) if not name.startswith("_") and name not in known]
                if missing:
                    lacking.append(f"{path.relative_to(ROOT)}: {node.name}: {', '.join(missing)}")
    assert not lacking, "\n".join(lacking)
    assert seen > 500


def test_arguments_and_fields_are_found():
    tree = ast.parse(
        "@dataclass\nclass A:\n    a: int\n    b: ClassVar[int] = 1\n    c: int = field(init=False)\n"
        "class B:\n    def __init__(self, x, *, y): ...\ndef f(p, *, q): ..."
    )
    assert [accepted(node) for node in tree.body] == [["a"], ["x", "y"], ["p", "q"]]
    assert listed("One.\n\n    Args:\n        a: First\n            line.\n        **b: Second.\n") == {"a", "b"}
