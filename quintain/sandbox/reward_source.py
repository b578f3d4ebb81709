"""What the source of a designed reward function may contain: one function, plain expressions, no way out."""

from __future__ import annotations

import ast
import builtins
import difflib

from quintain.errors import ConfigurationError
from quintain.reward_signature import RewardSignature

__all__ = ["BUILTINS", "RewardSourceError", "check_source", "source_problems"]

#: Built-in functions that a reward function may use, beside the module ``math``.
BUILTINS = frozenset(
    {
        "abs", "all", "any", "bool", "dict", "enumerate", "filter", "float", "int", "isinstance", "len", "list", "map",
        "max", "min", "range", "reversed", "round", "set", "sorted", "str", "sum", "tuple", "zip",
    }
)  # fmt: skip
#: Methods of dictionaries, lists, sets and strings that it may call.
_METHODS = frozenset(
    {
        "add", "append", "clear", "copy", "count", "discard", "endswith", "extend", "get", "index", "insert", "items",
        "keys", "pop", "remove", "replace", "setdefault", "sort", "split", "startswith", "update", "values",
    }
)  # fmt: skip
_MATH = frozenset(
    {"atan2", "ceil", "cos", "degrees", "dist", "exp", "floor", "hypot", "inf", "isclose", "isfinite", "log", "pi",
     "radians", "sin", "sqrt", "tan"}
)  # fmt: skip
#: Syntax that it may use; everything else is refused, also what later versions of Python add.
_NODES = (
    ast.AnnAssign, ast.Assign, ast.AugAssign, ast.Break, ast.Continue, ast.Expr, ast.For, ast.FunctionDef, ast.If,
    ast.Pass, ast.Return, ast.While,
    ast.Attribute, ast.BinOp, ast.BoolOp, ast.Call, ast.Compare, ast.Constant, ast.Dict, ast.DictComp,
    ast.FormattedValue, ast.GeneratorExp, ast.IfExp, ast.JoinedStr, ast.Lambda, ast.List, ast.ListComp, ast.Name,
    ast.NamedExpr, ast.Set, ast.SetComp, ast.Slice, ast.Starred, ast.Subscript, ast.Tuple, ast.UnaryOp,
    ast.arg, ast.arguments, ast.boolop, ast.cmpop, ast.comprehension, ast.expr_context, ast.keyword, ast.operator,
    ast.unaryop,
)  # fmt: skip
MAX_SOURCE = 20_000


class RewardSourceError(ConfigurationError):
    """A source is not a reward function; ``problems`` lists what is wrong, one line each."""

    def __init__(self, problems: list[str]) -> None:
        """Compose the message of the problems."""
        self.problems = problems
        super().__init__("this is not a reward function: " + "; ".join(problems))


def check_source(source: str, signature: RewardSignature) -> None:
    """Check that a source defines one function ``reward`` of a signature, and contains nothing else.

    Args:
        source: Python source.
        signature: The parameters; ``memory`` comes last.

    Raises:
        RewardSourceError: If it does not.
    """
    if problems := source_problems(source, signature):
        raise RewardSourceError(problems)


def source_problems(source: str, signature: RewardSignature) -> list[str]:
    """Return what is wrong with a source, one line each; see :func:`check_source`."""
    if len(source) > MAX_SOURCE:
        return [f"the source has {len(source)} characters, and may have {MAX_SOURCE}"]
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        where = f" in line {error.lineno}" if isinstance(error, SyntaxError) else ""
        return [f"syntax: {getattr(error, 'msg', error)}{where}"]
    body = [node for node in tree.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef) or body[0].name != "reward":
        return ["signature: the source must define one function, called reward, and nothing else"]
    given, wanted = body[0].args, [*(each.name for each in signature.inputs), "memory"]
    names = [argument.arg for argument in given.args]
    odd = given.posonlyargs or given.kwonlyargs or given.vararg or given.kwarg or given.defaults
    if names != wanted or odd or body[0].decorator_list:
        return [f"signature: expected def {signature.header}, got parameters ({', '.join(names)})"]
    return [*_forbidden(body[0]), *_unknown_names(body[0], set(wanted)), *_unknown_keys(body[0], signature)]


def _forbidden(function: ast.FunctionDef) -> list[str]:
    problems = []
    for node in ast.walk(function):
        if not isinstance(node, _NODES):
            # Parts without a line of their own, such as a case, belong to a statement that is refused too.
            if hasattr(node, "lineno"):
                problems.append(f"line {node.lineno}: {type(node).__name__.lower()} is not allowed")
        elif isinstance(node, ast.Attribute):
            if not isinstance(node.ctx, ast.Load):
                problems.append(f"line {node.lineno}: .{node.attr} cannot be assigned")
            of_math = isinstance(node.value, ast.Name) and node.value.id == "math"
            if node.attr not in (_MATH if of_math else _METHODS):
                problems.append(f"line {node.lineno}: .{node.attr} is not allowed")
    return list(dict.fromkeys(problems))


def _unknown_names(function: ast.FunctionDef, parameters: set[str]) -> list[str]:
    # A name that is bound in one scope may be the built-in function of that name in another, so no binding makes one
    # legal; only parameters hide it in every scope.
    refused = set(dir(builtins)) - BUILTINS - parameters
    bound = parameters | BUILTINS | {"math"}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.FunctionDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    problems = []
    for node in ast.walk(function):
        if not isinstance(node, ast.Name):
            continue
        if node.id.startswith("_"):
            problems.append(f"line {node.lineno}: {node.id} begins with an underscore, which is not allowed")
        elif node.id in refused:
            problems.append(f"line {node.lineno}: {node.id} is not allowed")
        elif node.id not in bound:
            near = difflib.get_close_matches(node.id, sorted(parameters), n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            problems.append(f"line {node.lineno}: {node.id} is no input and is not defined{hint}")
    return list(dict.fromkeys(problems))


def _unknown_keys(function: ast.FunctionDef, signature: RewardSignature) -> list[str]:
    """Return constant keys of dictionary inputs that can never occur."""
    known = {each.name: each.names for each in signature.inputs if each.kind in ("places", "counts")}
    problems = []
    expressions = [node for node in ast.walk(function) if isinstance(node, ast.expr)]
    for node in expressions:
        keyed: tuple[ast.expr, ast.expr] | None = None
        if isinstance(node, ast.Subscript):
            keyed = node.value, node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            keyed = node.func.value, node.args[0]
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            keyed = node.comparators[0], node.left
        if keyed is None or not isinstance(keyed[0], ast.Name) or keyed[0].id not in known:
            continue
        key, names = keyed[1], known[keyed[0].id]
        if isinstance(key, ast.Constant) and key.value not in names:
            near = difflib.get_close_matches(str(key.value), names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            problems.append(f"line {node.lineno}: {keyed[0].id} has no {key.value!r}{hint}")
    return problems
