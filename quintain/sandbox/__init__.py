"""Isolated execution of untrusted Python."""

from quintain.sandbox.box import Sandbox, UnsafeSandboxWarning, shared
from quintain.sandbox.limits import Limits
from quintain.sandbox.probe import Probe, probe
from quintain.sandbox.result import Result, Status
from quintain.sandbox.session import Session

__all__ = [
    "Limits",
    "Probe",
    "Result",
    "Sandbox",
    "Session",
    "Status",
    "UnsafeSandboxWarning",
    "probe",
    "shared",
]
