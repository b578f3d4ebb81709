"""Mutants of a source file: changes of one operator, constant, call or statement that turn an equation wrong."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Mutant", "functions", "mutants"]

_COMPARE: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<= >="), ast.LtE: ("<=", "< >"), ast.Gt: (">", ">= <="), ast.GtE: (">=", "> <"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Is: ("is", "is_not"), ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not_in"), ast.NotIn: ("not in", "in"),
}  # fmt: skip
_BINARY: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.Pow: ("**", "*"),
    ast.FloorDiv: ("//", "*"), ast.Mod: ("%", "*"), ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
}  # fmt: skip
_NAMES = {
    "min": "max", "minimum": "maximum", "argmin": "argmax", "any": "all", "floor": "ceil", "exp": "log", "low": "high",
    "terminated": "truncated", "sum": "mean", "mean": "sum", "sin": "cos",
}  # fmt: skip
_NAMES |= {other: name for name, other in _NAMES.items() if other not in _NAMES}


@dataclass(frozen=True)
class Mutant:
    """One change of a source file.

    Attributes:
        path: The file, from the root of the repository.
        line: Number of the first changed line, from 1.
        function: First line of the innermost function around the change; 0 outside functions.
        source: The whole changed file.
        before: The changed line as it was, stripped.
        after: The changed line as it is, stripped.
        name: Name of a mutant written by hand; empty otherwise.
        why: What the change breaks, of one written by hand.
        tests: Test files that have to notice; empty for all that run the function.
    """

    path: str
    line: int
    function: int
    source: str
    before: str
    after: str
    name: str = ""
    why: str = ""
    tests: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What identifies the change across runs."""
        return f"{self.path}:{self.line}: {self.before} -> {self.after}"


def functions(tree: ast.AST) -> list[tuple[int, int, int]]:
    """Return first line with decorators, first and last line of every function, inner ones after outer ones."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            found.append((first, node.body[0].lineno, node.end_lineno or node.lineno))
    return sorted(found)


def mutants(path: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of a file that still compiles."""
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    data = source.encode()
    inner = functions(tree)

    def offset(line: int, column: int) -> int:
        return starts[line - 1] + column

    seen = set()
    for line, column, end_line, end_column, text in sorted(_changes(tree, data, offset)):
        changed = data[: offset(line, column)] + text.encode() + data[offset(end_line, end_column) :]
        if changed in seen or changed == data:
            continue
        seen.add(changed)
        mutated = changed.decode()
        try:
            compile(mutated, path, "exec")
        except (SyntaxError, ValueError):
            continue
        function = max((first for first, body, last in inner if body <= line <= last), default=0)
        rest = mutated.splitlines()
        after = rest[line - 1].strip() if line <= len(rest) else ""
        yield Mutant(path, line, function, mutated, lines[line - 1].strip(), after)


def _changes(tree: ast.AST, data: bytes, offset) -> Iterator[tuple[int, int, int, int, str]]:  # type: ignore[no-untyped-def]
    """Yield start, end and new text of every change."""

    def text(node: ast.AST) -> str:
        return data[offset(node.lineno, node.col_offset) : offset(node.end_lineno, node.end_col_offset)].decode()

    def replace(node: ast.AST, new: str) -> tuple[int, int, int, int, str]:
        return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset, new

    def between(left: ast.AST, right: ast.AST, old: str, new: str) -> Iterator[tuple[int, int, int, int, str]]:
        """Change the operator between two operands."""
        gap = data[offset(left.end_lineno, left.end_col_offset) : offset(right.lineno, right.col_offset)].decode()
        if gap.count(old) == 1 and "#" not in gap:
            yield left.end_lineno, left.end_col_offset, right.lineno, right.col_offset, gap.replace(old, new)

    for node in _walk(tree):
        if isinstance(node, ast.Compare):
            for left, op, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
                old, news = _COMPARE[type(op)]
                for new in news.split():
                    yield from between(left, right, old, new.replace("_", " "))
        elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            yield from between(node.left, node.right, *_BINARY[type(node.op)])
        elif isinstance(node, ast.AugAssign) and type(node.op) in _BINARY:
            old, new = _BINARY[type(node.op)]
            yield from between(node.target, node.value, f"{old}=", f"{new}=")
            yield replace(node, "pass")
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
            yield replace(node, text(node.operand))
        elif isinstance(node, ast.BoolOp):
            old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield from between(left, right, old, new)
        elif isinstance(node, ast.Constant):
            yield from (replace(node, new) for new in _constants(node.value))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _NAMES:
            yield replace(node, _NAMES[node.id])
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and node.attr in _NAMES:
            end = node.end_col_offset - len(node.attr)
            yield node.end_lineno, end, node.end_lineno, node.end_col_offset, _NAMES[node.attr]
        elif isinstance(node, ast.IfExp):
            yield replace(node, f"{text(node.orelse)} if {text(node.test)} else {text(node.body)}")
        elif isinstance(node, ast.Call) and len(node.args) > 1 and not _is_commutative(node.func):
            one, two = node.args[:2]
            if not isinstance(one, ast.Starred) and not isinstance(two, ast.Starred):
                gap = data[offset(one.end_lineno, one.end_col_offset) : offset(two.lineno, two.col_offset)].decode()
                yield (*_start(one), *_end(two), text(two) + gap + text(one))
        elif _is_dropped(node):
            yield replace(node, "pass")


def _is_commutative(function: ast.expr) -> bool:
    """Whether the first two arguments of a call may be exchanged without a change of its result."""
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("max", "min", "maximum", "minimum", "gcd", "lcm", "hypot", "logaddexp")


def _is_dropped(node: ast.AST) -> bool:
    """Whether a statement can be left out without making a name undefined: a call, or an assignment to a part."""
    if isinstance(node, ast.Assign):
        return isinstance(node.targets[0], (ast.Attribute, ast.Subscript))
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def _start(node: ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: ast.expr) -> tuple[int, int]:
    return node.end_lineno or 0, node.end_col_offset or 0


def _constants(value: object) -> tuple[str, ...]:
    if isinstance(value, bool):
        return (str(not value),)
    if isinstance(value, int):
        return (str(value + 1),)
    if isinstance(value, float):
        return (repr(2 * value if value else 1.0),)
    return ()


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Walk through everything but annotations, messages of errors, lists of exports, and code for type checkers."""
    if isinstance(node, (ast.Raise, ast.Assert, ast.Import, ast.ImportFrom, ast.JoinedStr)):
        return
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
        return
    yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "type_comment", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _walk(child)
