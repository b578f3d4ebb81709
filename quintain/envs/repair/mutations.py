"""Mutation operators: small bugs, found in the syntax tree and written into the text.

An operator lists its sites in a module, each as one replacement of a stretch of text, so that layout and comments
around the bug stay as they were. Operator names and their order are part of the instances' identity.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["OPERATORS", "Module", "Mutation", "mutations"]


@dataclass(frozen=True)
class Mutation:
    """One replacement in a text.

    Attributes:
        start: Offset of the replaced text.
        old: The replaced text.
        new: Its replacement.
    """

    start: int
    old: str
    new: str

    def apply(self, text: str) -> str:
        """Return the text with the replacement.

        Raises:
            ValueError: If the text does not have the replaced part there.
        """
        if not text.startswith(self.old, self.start):
            raise ValueError(f"the text has no {self.old!r} at {self.start}")
        return text[: self.start] + self.new + text[self.start + len(self.old) :]

    def line(self, text: str) -> int:
        """Return the number of the line in which the replaced text starts, from 1."""
        return text.count("\n", 0, self.start) + 1


class Module:
    """Text, syntax tree and offsets of a module.

    Args:
        text: Source in ASCII.
        siblings: Names of the other modules of its package. Default: none.
    """

    def __init__(self, text: str, siblings: tuple[str, ...] = ()) -> None:
        self.text = text
        self.siblings = siblings
        self.tree = ast.parse(text)
        self._lines = [0]
        for line in text.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def start(self, node: ast.expr | ast.stmt) -> int:
        """Return the offset at which a node starts."""
        return self._lines[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt) -> int:
        """Return the offset at which a node ends."""
        return self._lines[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)

    def source(self, node: ast.expr | ast.stmt) -> str:
        """Return the text of a node."""
        return self.text[self.start(node) : self.end(node)]

    def replace(self, node: ast.expr | ast.stmt, new: str) -> Mutation:
        """Return the replacement of a node."""
        return Mutation(self.start(node), self.source(node), new)

    def replace_between(self, left: ast.expr, right: ast.expr, old: str, new: str) -> Mutation | None:
        """Return the replacement of an operator between two nodes; ``None`` if it is written in another way."""
        low, high = self.end(left), self.start(right)
        pattern = r"\s+".join(map(re.escape, old.split()))
        found = re.search(pattern, self.text[low:high])
        return None if found is None else Mutation(low + found.start(), found[0], new)

    def without_lines(self, statement: ast.stmt) -> Mutation:
        """Return the removal of the lines of a statement."""
        low, high = self._lines[statement.lineno - 1], self._lines[statement.end_lineno or statement.lineno]
        return Mutation(low, self.text[low:high], "")

    def functions(self) -> Iterator[ast.FunctionDef]:
        """Yield the functions and methods, in order of the text."""
        found = [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)]
        yield from sorted(found, key=self.start)

    def walk(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        """Yield the nodes of some kinds, in order of the text."""
        found = [node for node in ast.walk(self.tree) if isinstance(node, kinds)]
        yield from sorted(found, key=lambda node: (node.lineno, node.col_offset))  # type: ignore[attr-defined]


_COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "in": "not in", "not in": "in",
                "is": "is not", "is not": "is"}  # fmt: skip
_COMPARE_TEXT: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.In: "in",
    ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip
_ARITHMETIC = {"+": "-", "-": "+", "*": "+", "/": "//", "//": "/", "%": "//", "**": "*", "|": "&", "&": "|",
               "<<": ">>", ">>": "<<", "^": "|"}  # fmt: skip
_BINARY_TEXT: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.BitOr: "|", ast.BitAnd: "&", ast.LShift: "<<", ast.RShift: ">>", ast.BitXor: "^",
}  # fmt: skip
#: Attributes and functions that are confused with each other.
_CONFUSED = {
    "lower": "upper", "upper": "lower", "strip": "lstrip", "lstrip": "rstrip", "rstrip": "strip", "min": "max",
    "max": "min", "keys": "values", "values": "keys", "startswith": "endswith", "endswith": "startswith",
    "popleft": "pop", "append": "appendleft", "appendleft": "append", "find": "rfind", "rfind": "find",
    "split": "rsplit", "partition": "rpartition", "rpartition": "partition", "any": "all", "all": "any",
    "isdigit": "isalpha", "isalpha": "isdigit", "sorted": "list", "ljust": "rjust", "rjust": "ljust",
    "heappop": "heappush", "add": "discard", "union": "intersection", "insert": "append", "title": "capitalize",
    "ceil": "floor", "floor": "ceil", "abs": "float", "bisect_left": "bisect_right", "bisect_right": "bisect_left",
    "islower": "isupper", "isupper": "islower", "isspace": "isalnum", "isalnum": "isalpha", "extend": "append",
    "removeprefix": "removesuffix", "removesuffix": "removeprefix", "index": "count", "items": "keys", "sum": "len",
}  # fmt: skip


def comparison(module: Module) -> Iterator[Mutation | None]:
    """Another comparison: ``<`` for ``<=``, ``!=`` for ``==``, ``not in`` for ``in``."""
    for node in module.walk(ast.Compare):
        assert isinstance(node, ast.Compare)
        for left, op, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            old = _COMPARE_TEXT[type(op)]
            yield module.replace_between(left, right, old, _COMPARISONS[old])


def arithmetic(module: Module) -> Iterator[Mutation | None]:
    """Another arithmetic operator: ``-`` for ``+``, ``//`` for ``/``."""
    for node in module.walk(ast.BinOp, ast.AugAssign):
        assert isinstance(node, (ast.BinOp, ast.AugAssign))
        old = _BINARY_TEXT.get(type(node.op))
        left: ast.expr = node.target if isinstance(node, ast.AugAssign) else node.left
        right = node.value if isinstance(node, ast.AugAssign) else node.right
        if old is not None and not isinstance(left, ast.JoinedStr) and not _is_text(left):
            yield module.replace_between(left, right, old, _ARITHMETIC[old])


def boolean(module: Module) -> Iterator[Mutation | None]:
    """``or`` for ``and``, and the reverse."""
    for node in module.walk(ast.BoolOp):
        assert isinstance(node, ast.BoolOp)
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            yield module.replace_between(left, right, old, new)


def off_by_one(module: Module) -> Iterator[Mutation | None]:
    """An integer one larger or one smaller, and ends of ranges and slices likewise."""
    for node in module.walk(ast.Constant):
        assert isinstance(node, ast.Constant)
        if type(node.value) is int and module.source(node).isdigit():
            yield module.replace(node, str(node.value + 1))
            if node.value > 0:
                yield module.replace(node, str(node.value - 1))
    for node in module.walk(ast.Call, ast.Slice):
        ends: list[ast.expr | None] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
            ends = [node.args[0] if len(node.args) == 1 else node.args[1]] if node.args else []
        elif isinstance(node, ast.Slice):
            ends = [node.lower, node.upper]
        for end in ends:
            if end is not None and not isinstance(end, (ast.Constant, ast.UnaryOp)):
                yield module.replace(end, f"{module.source(end)} - 1")
                yield module.replace(end, f"{module.source(end)} + 1")


def negated_condition(module: Module) -> Iterator[Mutation | None]:
    """The negation of a condition, or a negation left out."""
    for node in module.walk(ast.If, ast.While, ast.IfExp):
        assert isinstance(node, (ast.If, ast.While, ast.IfExp))
        test, text = node.test, module.source(node.test)
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            yield module.replace(test, module.source(test.operand))
        elif not isinstance(test, ast.Constant):
            simple = isinstance(test, (ast.Name, ast.Call, ast.Attribute, ast.Subscript))
            yield module.replace(test, f"not {text}" if simple else f"not ({text})")


def wrong_default(module: Module) -> Iterator[Mutation | None]:
    """Another default of a parameter, or the other truth value."""
    for function in module.functions():
        for default in [*function.args.defaults, *function.args.kw_defaults]:
            if isinstance(default, ast.Constant):
                yield _other_constant(module, default)
    for node in module.walk(ast.Return, ast.Assign, ast.keyword):
        value = node.value  # type: ignore[attr-defined]
        if isinstance(value, ast.Constant) and isinstance(value.value, bool):
            yield module.replace(value, str(not value.value))


def swapped_arguments(module: Module) -> Iterator[Mutation | None]:
    """Two neighbouring arguments of a call in the wrong order."""
    for node in module.walk(ast.Call):
        assert isinstance(node, ast.Call)
        for one, two in zip(node.args, node.args[1:], strict=False):
            if not isinstance(one, ast.Starred) and not isinstance(two, ast.Starred):
                first, second = module.source(one), module.source(two)
                if first != second:
                    low, middle, high = module.start(one), module.end(one), module.start(two)
                    between = module.text[middle:high]
                    yield Mutation(low, first + between + second, second + between + first)


def missing_case(module: Module) -> Iterator[Mutation | None]:
    """A guard left out: an ``if`` that only returns, raises or continues."""
    for body in _bodies(module):
        for statement in body:
            if isinstance(statement, ast.If) and not statement.orelse and len(statement.body) == 1:
                only = statement.body[0]
                if isinstance(only, (ast.Return, ast.Raise, ast.Continue, ast.Break)):
                    yield module.without_lines(statement)


def dropped_statement(module: Module) -> Iterator[Mutation | None]:
    """A statement left out: a call, an update, an assignment to an attribute or an element."""
    for body in _bodies(module):
        for statement in body:
            is_call = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
            is_update = isinstance(statement, (ast.AugAssign, ast.Delete))
            sets_part = isinstance(statement, ast.Assign) and not isinstance(
                statement.targets[0], (ast.Name, ast.Tuple)
            )
            if is_call or is_update or sets_part:
                yield module.without_lines(statement)


def wrong_attribute(module: Module) -> Iterator[Mutation | None]:
    """A method or function that is easily confused with the right one."""
    for node in module.walk(ast.Call):
        assert isinstance(node, ast.Call)
        if isinstance(node.func, ast.Attribute) and (new := _CONFUSED.get(node.func.attr)):
            end = module.end(node.func)
            yield Mutation(end - len(node.func.attr), node.func.attr, new)
        elif isinstance(node.func, ast.Name) and (new := _CONFUSED.get(node.func.id)):
            yield module.replace(node.func, new)


def wrong_import(module: Module) -> Iterator[Mutation | None]:
    """An import from another module of the package."""
    for node in module.walk(ast.ImportFrom):
        assert isinstance(node, ast.ImportFrom)
        name = (node.module or "").rpartition(".")[2]
        for sibling in module.siblings:
            if name in module.siblings and sibling != name:
                offset = module.source(node).index(name, len("from "))
                yield Mutation(module.start(node) + offset, name, sibling)
                break


def wrong_variable(module: Module) -> Iterator[Mutation | None]:
    """Another parameter of the function."""
    for function in module.functions():
        names = [argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)]
        names = [name for name in names if name not in ("self", "cls")]
        if len(names) < 2:
            continue
        uses = [node for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
        for node in sorted(uses, key=module.start):
            if node.id in names:
                yield module.replace(node, names[(names.index(node.id) + 1) % len(names)])


#: Every operator by name.
OPERATORS: dict[str, Callable[[Module], Iterator[Mutation | None]]] = {
    "comparison": comparison,
    "arithmetic": arithmetic,
    "boolean": boolean,
    "off-by-one": off_by_one,
    "negated-condition": negated_condition,
    "wrong-default": wrong_default,
    "swapped-arguments": swapped_arguments,
    "missing-case": missing_case,
    "dropped-statement": dropped_statement,
    "wrong-attribute": wrong_attribute,
    "wrong-import": wrong_import,
    "wrong-variable": wrong_variable,
}


def mutations(module: Module, operator: str, *, checked: bool = True) -> list[Mutation]:
    """Return what an operator can do to a module: one mutation a site, in a fixed order.

    Args:
        module: The module.
        operator: Name of the operator.
        checked: Whether mutations that are no valid Python are left out, which compiles each mutant. Default: true.
    """
    found: list[Mutation] = []
    for mutation in OPERATORS[operator](module):
        is_new = mutation is not None and mutation.old != mutation.new and mutation not in found
        if mutation is not None and is_new and (not checked or _compiles(module, mutation)):
            found.append(mutation)
    return found


def _compiles(module: Module, mutation: Mutation) -> bool:
    try:
        compile(mutation.apply(module.text), "<mutant>", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def _bodies(module: Module) -> Iterator[list[ast.stmt]]:
    """Yield the blocks with two statements or more inside functions, in order of the text."""
    for node in module.walk(ast.FunctionDef, ast.If, ast.For, ast.While, ast.With, ast.Try, ast.ExceptHandler):
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, [])
            if len(body) > 1:
                yield body


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _other_constant(module: Module, node: ast.Constant) -> Mutation | None:
    """Return another default: the other truth value, one more, no text for a text and a text for none."""
    value = node.value
    if isinstance(value, bool):
        return module.replace(node, str(not value))
    if isinstance(value, int):
        return module.replace(node, str(value + 1))
    if isinstance(value, float):
        return module.replace(node, repr(value * 2))
    if isinstance(value, str):
        return module.replace(node, '""' if value else '" "')
    return None
