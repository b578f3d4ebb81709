"""Grade programs that may cheat.

Isolation does not make grading honest. Whatever shares a process with the candidate can be read or replaced by it: the
expected answer, the comparison, a secret printed at the end. So each case runs in a fresh child that receives the
inputs and nothing else; what comes back is plain data that the candidate *claims*; and the comparison happens here,
with a declared tolerance, against something the candidate never saw.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from quintain.errors import SandboxError
from quintain.sandbox.box import Sandbox, shared
from quintain.sandbox.limits import Limits
from quintain.sandbox.result import Result

__all__ = ["Case", "CaseResult", "Grade", "Tolerance", "equal", "equal_text", "grade"]


@dataclass(frozen=True)
class Tolerance:
    """When two values count as the same.

    Booleans never equal numbers, text never equals numbers, and NaN equals only NaN. Elements of sets and keys of
    dictionaries have no tolerance for differences of floats: it would not say which one is meant.

    Attributes:
        relative: Allowed relative difference of floats. Default: 1e-9.
        absolute: Allowed absolute difference of floats. Default: 1e-12.
        int_is_float: Whether ``2`` and ``2.0`` are the same. Default: true.
        list_is_tuple: Whether ``[1]`` and ``(1,)`` are the same. Default: true.
        text: How printed output is compared: ``lines`` (trailing blanks and blank lines at the end do not count),
            ``tokens`` (words, and numbers within the tolerance), or ``exact``. Default: ``"lines"``.
    """

    relative: float = 1e-9
    absolute: float = 1e-12
    int_is_float: bool = True
    list_is_tuple: bool = True
    text: Literal["lines", "tokens", "exact"] = "lines"


@dataclass(frozen=True)
class Case:
    """One input with the output that it should give.

    Attributes:
        expected: The right result; it stays in this process. For printed output, text.
        arguments: Arguments of the function, plain data.
        stdin: Standard input of the program.
        name: Name of the case in reports.
    """

    expected: Any  # Any: plain data of any type
    arguments: tuple[Any, ...] = ()
    stdin: str = ""
    name: str = ""


@dataclass(frozen=True)
class CaseResult:
    """The result of one case.

    Attributes:
        passed: Whether the program finished cleanly and its claim equals the expected result.
        status: Status of the run, see ``Result``.
        claimed: What the program returned or printed: its claim.
        detail: Why it did not pass, in one line; empty if it passed.
        run: The result of the run.
    """

    passed: bool
    status: str
    claimed: Any  # Any: plain data of any type
    detail: str
    run: Result


@dataclass(frozen=True)
class Grade:
    """All cases of one program.

    Attributes:
        cases: Results in the order of the cases.
    """

    cases: tuple[CaseResult, ...]

    @property
    def passed(self) -> int:
        """Number of cases passed."""
        return sum(case.passed for case in self.cases)

    @property
    def correct(self) -> bool:
        """Whether there were cases and all passed."""
        return bool(self.cases) and self.passed == len(self.cases)


def _equal_numbers(expected: int | float | complex, claimed: int | float | complex, tolerance: Tolerance) -> bool:
    if isinstance(expected, complex) or isinstance(claimed, complex):
        if not (isinstance(expected, complex) and isinstance(claimed, complex)):
            return False
        parts = ((expected.real, claimed.real), (expected.imag, claimed.imag))
        return all(_equal_numbers(left, right, tolerance) for left, right in parts)
    if isinstance(expected, int) and isinstance(claimed, int):
        return expected == claimed
    if isinstance(expected, int) != isinstance(claimed, int) and not tolerance.int_is_float:
        return False
    try:
        left, right = float(expected), float(claimed)
    except OverflowError:
        return False
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return math.isclose(left, right, rel_tol=tolerance.relative, abs_tol=tolerance.absolute)


def equal(expected: Any, claimed: Any, tolerance: Tolerance) -> bool:  # Any: plain data of any type
    """Compare two pieces of plain data by type and value."""
    numbers = (int, float, complex)
    if isinstance(expected, bool) or isinstance(claimed, bool):
        return expected is claimed
    if isinstance(expected, numbers) and isinstance(claimed, numbers):
        return _equal_numbers(expected, claimed, tolerance)
    if isinstance(expected, list | tuple) and isinstance(claimed, list | tuple):
        if type(expected) is not type(claimed) and not tolerance.list_is_tuple:
            return False
        pairs = zip(expected, claimed, strict=False)
        return len(expected) == len(claimed) and all(equal(left, right, tolerance) for left, right in pairs)
    if type(expected) is not type(claimed):
        return False
    if isinstance(expected, dict):
        left, right = ({_member(key, tolerance): value for key, value in d.items()} for d in (expected, claimed))
        same = len(expected) == len(claimed) and left.keys() == right.keys()
        return same and all(equal(value, right[key], tolerance) for key, value in left.items())
    if isinstance(expected, set | frozenset):
        left_set, right_set = ({_member(item, tolerance) for item in s} for s in (expected, claimed))
        return len(expected) == len(claimed) and left_set == right_set
    return bool(expected == claimed)


def _member(value: Any, tolerance: Tolerance) -> tuple[type, Any]:  # Any: hashable plain data
    """Return a key that equal elements of a set share, and others do not: for Python, ``1 == True``."""
    kind = type(value)
    if isinstance(value, tuple | frozenset):
        return kind, kind(_member(item, tolerance) for item in value)
    if kind is int and tolerance.int_is_float:
        kind = float
    return kind, "nan" if value != value else value


def _number(word: str) -> float | None:
    try:
        return float(word) if len(word) < 400 else None
    except ValueError:
        return None


def equal_text(expected: str, claimed: str, tolerance: Tolerance) -> bool:
    """Compare printed output."""
    if tolerance.text == "exact":
        return expected == claimed
    if tolerance.text == "lines":
        left, right = ([line.rstrip() for line in text.rstrip().splitlines()] for text in (expected, claimed))
        return left == right
    words = list(zip(expected.split(), claimed.split(), strict=False))
    if len(expected.split()) != len(claimed.split()):
        return False
    for left_word, right_word in words:
        if left_word == right_word:
            continue
        numbers = _number(left_word), _number(right_word)
        if numbers[0] is None or numbers[1] is None or not _equal_numbers(numbers[0], numbers[1], tolerance):
            return False
    return True


def _grade_case(
    program: str, case: Case, function: str | None, box: Sandbox, limits: Limits | None, tolerance: Tolerance
) -> CaseResult:
    if function is None:
        run = box.run(program, stdin=case.stdin, limits=limits)
        claimed: Any = run.stdout
        clean = run.ok or (run.status == "exited" and run.exit_code == 0 and run.signal is None)
        same = clean and isinstance(case.expected, str) and equal_text(case.expected, run.stdout, tolerance)
    else:
        run, claimed = box.call(function, case.arguments, code=program, limits=limits)
        clean = run.ok
        same = clean and equal(case.expected, claimed, tolerance)
    if run.status == "setup_failed":
        raise SandboxError(f"the sandbox could not be set up, so nothing was graded: {run.detail}")
    if same:
        detail = ""
    elif clean:
        detail = "wrong result"
    else:
        detail = run.detail or run.status
    return CaseResult(same, run.status, claimed if clean else None, detail, run)


def grade(
    program: str,
    cases: Iterable[Case],
    *,
    function: str | None = None,
    tolerance: Tolerance | None = None,
    limits: Limits | None = None,
    sandbox: Sandbox | None = None,
) -> Grade:
    """Run a program on every case, each in a fresh child that sees only the input, and compare in this process.

    With ``function`` the program defines that function, which is called with the arguments of a case and returns plain
    data. Without it the program reads standard input and prints; ending by ``sys.exit(0)`` is then a clean finish.

    Args:
        program: Source code of the untrusted program.
        cases: Inputs with expected results.
        function: Name of the function to call; ``None`` for a program that reads and prints.
        tolerance: When two results are equal; ``None`` takes ``Tolerance()``.
        limits: Limits of each case; ``None`` takes the sandbox's.
        sandbox: The sandbox to run in; ``None`` takes the process-wide one.

    Returns:
        The results, in the order of the cases. Time-outs, crashes and exits are failed cases.

    Raises:
        SandboxError: If the sandbox itself failed: that is not a wrong answer.
    """
    box = sandbox or shared()
    chosen = tolerance or Tolerance()
    listed: Sequence[Case] = list(cases)
    if len(listed) < 2 or box.workers < 2:
        return Grade(tuple(_grade_case(program, case, function, box, limits, chosen) for case in listed))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(box.workers, len(listed))) as threads:
        futures = [threads.submit(_grade_case, program, case, function, box, limits, chosen) for case in listed]
        return Grade(tuple(future.result() for future in futures))
