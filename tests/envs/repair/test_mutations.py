"""Mutation operators: each lists exactly the bugs it should, as replacements that leave the rest of the text alone."""

import pytest

from quintain.envs.repair.mutations import OPERATORS, Module, mutations

#: Operator, source, and the lines that its mutants have in place of the changed one.
EXAMPLES = [
    ("comparison", "x = a <= b < c", ["x = a < b < c", "x = a <= b <= c"]),
    ("comparison", "x = a not  in b", ["x = a in b"]),
    ("comparison", "x = a is not None", ["x = a is None"]),
    ("arithmetic", "x = (a + b) * c", ["x = (a + b) + c", "x = (a - b) * c"]),
    ("arithmetic", "x //= 2", ["x /= 2"]),
    ("arithmetic", "x = 'a' + b", []),
    ("boolean", "x = a and b  # and so on", ["x = a or b  # and so on"]),
    ("off-by-one", "x = a[0]", ["x = a[1]"]),
    ("off-by-one", "x = 3", ["x = 4", "x = 2"]),
    ("off-by-one", "x = range(n)", ["x = range(n - 1)", "x = range(n + 1)"]),
    ("off-by-one", "x = True", []),
    ("negated-condition", "x = 1 if a < b else 2", ["x = 1 if not (a < b) else 2"]),
    ("negated-condition", "x = 1 if not a else 2", ["x = 1 if a else 2"]),
    ("swapped-arguments", "f(a, b + 1)", ["f(b + 1, a)"]),
    ("swapped-arguments", "f(a, a)", []),
    ("swapped-arguments", "f(*a, b)", []),
    ("wrong-attribute", "x = name.lower()", ["x = name.upper()"]),
    ("wrong-attribute", "x = min(a)", ["x = max(a)"]),
    ("wrong-default", "def f(a, b=2, *, c=False): return b",
     ["def f(a, b=3, *, c=False): return b", "def f(a, b=2, *, c=True): return b"]),
    ("wrong-variable", "def f(a, b): return a", ["def f(a, b): return b"]),
    ("wrong-variable", "def f(self, a): return a", []),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "source", "wanted"), EXAMPLES)
def test_an_operator_lists_its_mutants(operator, source, wanted):
    assert [mutation.apply(source) for mutation in mutations(Module(source), operator)] == wanted


def test_statements_and_guards_are_left_out_whole():
    text = "def f(a):\n    if a < 0:\n        return 0\n    log(a)\n    a.b = 1\n    return a\n"
    (guard,) = mutations(Module(text), "missing-case")
    assert guard.apply(text) == "def f(a):\n    log(a)\n    a.b = 1\n    return a\n"
    call, update = mutations(Module(text), "dropped-statement")
    assert call.apply(text) == "def f(a):\n    if a < 0:\n        return 0\n    a.b = 1\n    return a\n"
    assert update.line(text) == 5


def test_imports_come_from_a_sibling():
    text = "from pkg.one import f\nimport os\n"
    (mutation,) = mutations(Module(text, ("one", "two")), "wrong-import")
    assert mutation.apply(text) == "from pkg.two import f\nimport os\n"


def test_mutants_are_valid_python_and_all_different():
    text = "def f(n, *, low=0):\n    total = 0\n    for k in range(low, n):\n        total += k\n    return total\n"
    for operator in OPERATORS:
        mutants = [mutation.apply(text) for mutation in mutations(Module(text), operator)]
        for mutant in mutants:
            compile(mutant, "mutant", "exec")
        assert text not in mutants
        assert len(set(mutants)) == len(mutants)


def test_a_mutation_does_not_apply_to_another_text():
    (mutation,) = mutations(Module("x = a <= b"), "comparison")
    with pytest.raises(ValueError, match="the text has no '<=' at 6"):
        mutation.apply("x = a >= b")
