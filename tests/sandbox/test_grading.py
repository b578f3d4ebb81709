"""Grading rejects programs that cheat and accepts correct ones."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quintain.errors import SandboxError
from quintain.sandbox import Case, Limits, Sandbox, Tolerance, grade
from quintain.sandbox.grading import equal, equal_text
from tests.sandbox.conftest import AVAILABLE, box_at

BOX = AVAILABLE[0]
FAST = Limits(wall_s=1)

SQUARES = [Case(49, (7,)), Case(144, (12,)), Case(0, (0,))]
HONEST = "def f(n):\n    return n * n"

FORGE = (
    "import os, json\ndef send(m):\n    b = json.dumps(m).encode()\n    os.write(3, len(b).to_bytes(4, 'big') + b)\n"
)

ALWAYS_EQUAL = "    def __eq__(self, o): return True\n    __hash__ = None\n"

CHEATS = {
    "plain wrong": "def f(n):\n    return n",
    "exit zero": "import os\nos._exit(0)",
    "exit zero from inside": "import os\ndef f(n):\n    os._exit(0)",
    "sys.exit from inside": "import sys\ndef f(n):\n    sys.exit(0)",
    "always-equal object": "class E:\n" + ALWAYS_EQUAL + "def f(n):\n    return E()",
    "always-equal int": "class E(int):\n" + ALWAYS_EQUAL + "def f(n): return E(1)",
    "always-equal float": "class E(float):\n" + ALWAYS_EQUAL + "def f(n): return E(1)",
    "always-equal list": "class E(list):\n" + ALWAYS_EQUAL + "def f(n): return E()",
    "always-equal str": "class E(str):\n" + ALWAYS_EQUAL + "def f(n): return E('x')",
    "pretends a class": ("class E:\n    __class__ = int\n    def __index__(self): return 49\ndef f(n): return E()"),
    "fake numpy scalar": (
        "class E:\n"
        "    def tolist(self): return self\n"
        "    def __eq__(self, o): return True\n"
        "E.__module__ = 'numpy'\n"
        "def f(n): return E()"
    ),
    "nan": "def f(n):\n    return float('nan')",
    "infinity": "def f(n):\n    return float('inf')",
    "true": "def f(n):\n    return True",
    "number as text": "def f(n):\n    return str(n * n)",
    "every answer at once": "def f(n):\n    return {49, 144, 0}",
    "generator": "def f(n):\n    yield n * n",
    "coroutine": "async def f(n):\n    return n * n",
    "none": "def f(n):\n    pass",
    "no function": "x = 1",
    "not callable": "f = 49",
    "prints the marker": "print('PASSED'); print('ok'); import os; os._exit(0)",
    "forges a value": FORGE + "send({'claim': 'ok', 'value': 1}); os._exit(0)",
    "forges many reports": FORGE + "for v in (49, 144, 0): send({'claim': 'ok', 'value': v})\nos._exit(0)",
    "forges passed": (
        FORGE + "send({'claim': 'ok', 'passed': True, 'expected': 1, 'value': {'equal': True}}); os._exit(0)"
    ),
    "forges nonsense tags": FORGE + "send({'claim': 'ok', 'value': {'tuple': {'dict': 1}}}); os._exit(0)",
    "forges then hangs": FORGE + "send({'claim': 'ok', 'value': 49})\nwhile True: pass",
    "forges then crashes": FORGE + "send({'claim': 'ok', 'value': 49})\nos._exit(5)",
    "patches the encoder": (
        "import json, sys\n"
        "json.dumps = lambda *a, **k: '49'\n"
        "for m in list(sys.modules.values()):\n"
        "    if hasattr(m, 'encode_value'): m.encode_value = lambda v, d=0: 1\n"
        "def f(n): return object()"
    ),
    "patches the harness": (
        "import sys\nh = sys._getframe(1).f_locals.get('self')\nh._call = lambda *a: {'claim': 'ok'}\n"
    ),
    "searches the callers": (
        "import sys\n"
        "def f(n):\n"
        "    g = sys._getframe()\n"
        "    while g:\n"
        "        for k, v in g.f_locals.items():\n"
        "            if k in ('expected', 'answer', 'case'): return v\n"
        "        g = g.f_back\n"
        "    return -1"
    ),
    "searches the heap": (
        "import gc\n"
        "def f(n):\n"
        "    for o in gc.get_objects():\n"
        "        if isinstance(o, dict) and 'expected' in o and o is not globals():\n"
        "            return o['expected']\n"
        "    return -1"
    ),
    "searches for the tests": (
        "import glob\n"
        "def f(n):\n"
        "    for p in glob.glob('/**/test_grading.py', recursive=True):\n"
        "        return 'found'\n"
        "    return -1"
    ),
    "stores cases in a file": (
        "def f(n):\n    try: open('/var/tmp/answers', 'a').write(str(n))\n    except OSError: pass\n    return -1"
    ),
    "raises": "def f(n):\n    raise ValueError(49)",
    "kills itself": "import os\ndef f(n):\n    os.kill(os.getpid(), 9)\n    while True: pass",
    "loops": "def f(n):\n    while True: pass",
    "huge nesting": "def f(n):\n    x = 49\n    for _ in range(5000): x = [x]\n    return x",
    "cyclic": "def f(n):\n    x = []\n    x.append(x)\n    return x",
    "huge": "def f(n):\n    return 'x' * (50 << 20)",
    "exception equals": "class E(Exception):\n" + ALWAYS_EQUAL + "def f(n):\n    return E()",
}


@pytest.mark.parametrize("name", CHEATS)
def test_cheating_programs_fail(name: str) -> None:
    result = grade(CHEATS[name], SQUARES, function="f", sandbox=box_at(BOX), limits=FAST)
    assert not result.correct
    # A constant may equal one of the three expected values.
    assert result.passed <= 1
    for case in result.cases:
        assert case.passed or case.detail


@pytest.mark.parametrize(
    "program",
    [
        HONEST,
        "f = lambda n: n ** 2",
        "def f(n):\n    print('thinking')\n    return float(n * n)",
        "import numpy as np\ndef f(n):\n    return np.int64(n) ** 2",
        "import numpy as np\ndef f(n):\n    return (np.array([n]) ** 2)[0]",
        "import sys\nclass S:\n    def f(self, n): return sum(n for _ in range(n))\nf = S().f",
    ],
)
def test_honest_programs_pass(program: str) -> None:
    result = grade(program, SQUARES, function="f", sandbox=box_at(BOX))
    assert result.correct, [case.detail + case.run.stderr for case in result.cases]


def test_each_case_runs_in_a_new_process() -> None:
    program = "calls = []\ndef f(n):\n    calls.append(n)\n    return len(calls)"
    assert grade(program, [Case(1, (i,)) for i in range(4)], function="f", sandbox=box_at(BOX)).correct


def test_all_supported_types_round_trip() -> None:
    values = [
        None,
        True,
        0,
        -(10**40),
        1.5,
        math.inf,
        "é\n",
        b"\0\xff",
        [1, [2]],
        (1, ()),
        {1: "a", "b": [None]},
        {1, 2},
        2j,
    ]
    program = "def f(x):\n    return x"
    cases = [Case(value, (value,)) for value in values]
    assert grade(program, cases, function="f", sandbox=box_at(BOX), tolerance=Tolerance(list_is_tuple=False)).correct


def test_programs_without_function_are_graded_by_stdout() -> None:
    cases = [Case("3\n4", stdin="1 2"), Case("5\n6\n", stdin="3 4")]
    good = "for w in input().split():\n    print(int(w) + 2)\nraise SystemExit"
    assert grade(good, cases, sandbox=box_at(BOX)).correct
    for bad in (
        "print('3')",
        "import os; os._exit(0)",
        "print(3); print(4); 1 / 0",
        "print('3\\n4\\n5')",
        "import sys; sys.exit(1)",
    ):
        assert grade(bad, cases, sandbox=box_at(BOX)).passed == 0


def test_sandbox_setup_failure_raises_instead_of_grading() -> None:
    with Sandbox(level=BOX, _fault="seccomp") as box, pytest.raises(SandboxError, match="nothing was graded"):
        grade(HONEST, SQUARES, function="f", sandbox=box)


def test_a_program_without_test_cases_is_not_correct() -> None:
    assert not grade(HONEST, [], function="f", sandbox=box_at(BOX)).correct


@pytest.mark.parametrize(
    ("expected", "claimed", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (True, 1, False),
        (0, False, False),
        (0.1 + 0.2, 0.3, True),
        (1.0, 1.0001, False),
        (math.nan, math.nan, True),
        (1.0, math.nan, False),
        (math.inf, -math.inf, False),
        (10**400, 1.0, False),
        (10**400, 10**400, True),
        ("1", 1, False),
        ([1, 2], (1, 2), True),
        ([1], [1, 2], False),
        ({"a": 1}, {"a": 1.0}, True),
        ({1: 1}, {True: 1}, False),
        ({"a": 1}, {"b": 1}, False),
        ({1, 2}, {2, 1}, True),
        ({1}, [1], False),
        ({1}, {True}, False),
        ({0, "a"}, {False, "a"}, False),
        (frozenset({(1, 2)}), frozenset({(True, 2)}), False),
        ({1, 2}, {1.0, 2}, True),
        ({math.nan}, {-math.nan}, True),
        ({1, 2}, {1}, False),
        ({1: "a"}, {1.0: "a"}, True),
        ({(0, 1): 0}, {(False, 1): 0}, False),
        (None, 0, False),
        (1j, 1j + 1e-15, True),
        (b"a", "a", False),
        ([[0.1 + 0.2]], [[0.3]], True),
    ],
)
def test_answers_are_compared_by_value_and_type(expected: object, claimed: object, same: bool) -> None:
    assert equal(expected, claimed, Tolerance()) is same


def test_tolerance_settings_change_the_comparison() -> None:
    assert not equal(1, 1.0, Tolerance(int_is_float=False))
    assert not equal({1}, {1.0}, Tolerance(int_is_float=False))
    assert not equal({1: 0}, {1.0: 0}, Tolerance(int_is_float=False))
    assert not equal([1], (1,), Tolerance(list_is_tuple=False))
    assert equal(1.0, 1.05, Tolerance(relative=0.1))
    assert equal_text("a 1.0\n", "a  1.00", Tolerance(text="tokens"))
    assert not equal_text("a 1.0", "a 2.0", Tolerance(text="tokens"))
    assert not equal_text("a", "a b", Tolerance(text="tokens"))
    assert not equal_text("a", "a\n", Tolerance(text="exact"))
    assert equal_text("a \nb\n\n", "a\nb", Tolerance())
    assert not equal_text("a\nb", "b\na", Tolerance())


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(plain)
def test_everything_equals_itself(value: object) -> None:
    assert equal(value, value, Tolerance())
