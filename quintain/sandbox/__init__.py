"""Isolated execution of untrusted Python."""

from quintain.sandbox.box import Sandbox, UnsafeSandboxWarning, shared
from quintain.sandbox.function import FunctionResult, SandboxedFunction
from quintain.sandbox.grading import Case, CaseResult, Grade, Tolerance, grade
from quintain.sandbox.limits import Limits
from quintain.sandbox.probe import Probe, probe
from quintain.sandbox.result import Result, Status
from quintain.sandbox.session import Session

__all__ = [
    "Case",
    "CaseResult",
    "FunctionResult",
    "Grade",
    "Limits",
    "Probe",
    "Result",
    "Sandbox",
    "SandboxedFunction",
    "Session",
    "Status",
    "Tolerance",
    "UnsafeSandboxWarning",
    "grade",
    "probe",
    "shared",
]
