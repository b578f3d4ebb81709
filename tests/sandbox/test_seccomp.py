"""The seccomp filter, run by a BPF interpreter in this file, implements the policy on both architectures."""

from __future__ import annotations

import errno
import struct

import pytest

from quintain.sandbox.jail.bpf import Instruction, assemble
from quintain.sandbox.jail.numbers import AUDIT_ARCH, NUMBERS
from quintain.sandbox.jail.policy import ALLOWED, ARGUMENT_CHECKED, REFUSED, SUBPROCESS_ALLOWED
from quintain.sandbox.jail.seccomp import OWN_PID, argument_rules, build_program

ALLOW, KILL = 0x7FFF0000, 0x80000000
MACHINES = list(NUMBERS)


def decide(program: list[Instruction], machine: str, number: int, *arguments: int, arch: int | None = None) -> int:
    """Return the filter's action for a system call, by interpreting the BPF program."""
    padded = [argument & (2**64 - 1) for argument in (*arguments, 0, 0, 0, 0, 0, 0)[:6]]
    data = struct.pack("<IIQ6Q", number, AUDIT_ARCH[machine] if arch is None else arch, 0, *padded)
    at = accumulator = 0
    for _ in range(4096):
        code, if_true, if_false, value = program[at]
        at += 1
        if code == 0x20:
            accumulator = struct.unpack_from("<I", data, value)[0]
        elif code == 0x54:
            accumulator &= value
        elif code == 0x05:
            at += value
        elif code == 0x15:
            at += if_true if accumulator == value else if_false
        elif code == 0x35:
            at += if_true if accumulator >= value else if_false
        elif code == 0x06:
            return value
        else:
            raise AssertionError(f"unknown instruction {code:#x}")
    raise AssertionError("the filter does not end")


def refusal(code: int) -> int:
    return 0x00050000 | code


@pytest.mark.parametrize("machine", MACHINES)
def test_allowed_and_refused_system_calls_get_their_action(machine: str) -> None:
    program, numbers = build_program(machine), NUMBERS[machine]
    for name in (ALLOWED - set(ARGUMENT_CHECKED)) & numbers.keys():
        assert decide(program, machine, numbers[name]) == ALLOW, name
    for name in REFUSED & numbers.keys():
        assert decide(program, machine, numbers[name]) == refusal(errno.EPERM), name


@pytest.mark.parametrize("machine", MACHINES)
def test_other_system_calls_fail_with_enosys(machine: str) -> None:
    program, numbers = build_program(machine), NUMBERS[machine]
    named = {numbers[name] for name in (*ALLOWED, *REFUSED, *ARGUMENT_CHECKED) if name in numbers}
    for number in (*set(range(600)) - named, 2**30 - 1):
        assert decide(program, machine, number) == refusal(errno.ENOSYS), number
    assert decide(program, machine, numbers["clone3"]) == refusal(errno.ENOSYS)
    assert decide(program, machine, numbers["io_uring_setup"]) == refusal(errno.ENOSYS)


@pytest.mark.parametrize("machine", MACHINES)
def test_system_calls_of_other_abis_kill_the_process(machine: str) -> None:
    program = build_program(machine)
    assert decide(program, machine, 1, arch=0x40000003) == KILL  # 32-bit x86
    assert decide(program, machine, 0x40000000 | 1) == KILL  # x32
    assert decide(program, machine, 0xFFFFFFFF) == KILL


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "allowed"),
    [
        ("clone", (0x3D0F00,), True),  # what pthread_create asks for
        ("clone", (17,), False),
        ("clone", (0x3D0F00 | 0x10000000,), False),
        ("clone", (0x10000000 | 17,), False),
        ("kill", (OWN_PID, 9), True),
        ("kill", (1, 9), False),
        ("kill", (-1, 9), False),
        ("kill", (0, 9), False),
        ("tgkill", (OWN_PID, OWN_PID, 6), True),
        ("tgkill", (2, 2, 6), False),
        ("prlimit64", (0, 7), True),
        ("prlimit64", (2, 7), False),
        ("socketpair", (1, 1), True),
        ("socketpair", (2, 1), False),
        ("socket", (1, 1), False),
        ("socket", (2, 1), False),
        ("ioctl", (1, 0x5401), True),
        ("ioctl", (1, 0x5412), False),
        ("prctl", (15,), True),
        ("prctl", (4,), False),
        ("prctl", (22,), False),
        ("fcntl", (3, 1), True),
        ("fcntl", (3, 8), False),
        ("fcntl", (3, 1026), False),
        ("fcntl", (3, 1031), False),
    ],
)
def test_argument_checked_system_calls_depend_on_their_arguments(
    machine: str, name: str, arguments: tuple[int, ...], allowed: bool
) -> None:
    decision = decide(build_program(machine), machine, NUMBERS[machine][name], *arguments)
    assert (decision == ALLOW) is allowed


@pytest.mark.parametrize("machine", MACHINES)
def test_allow_subprocess_changes_only_the_listed_system_calls(machine: str) -> None:
    strict, loose = build_program(machine), build_program(machine, allow_subprocess=True)
    for name, number in NUMBERS[machine].items():
        before, after = decide(strict, machine, number), decide(loose, machine, number)
        if name in SUBPROCESS_ALLOWED:
            assert after == ALLOW, name
        elif name not in ARGUMENT_CHECKED:
            assert before == after, name
    clone = NUMBERS[machine]["clone"]
    assert decide(loose, machine, clone, 17) == ALLOW
    assert decide(loose, machine, clone, 17 | 0x20000000) == refusal(errno.ENOSYS)


@pytest.mark.parametrize("machine", MACHINES)
def test_filter_is_short_and_its_jumps_stay_inside(machine: str) -> None:
    program = build_program(machine)
    assert len(program) < 400
    assert len(assemble(program)) == 8 * len(program)
    for at, (code, if_true, if_false, value) in enumerate(program):
        if code in (0x15, 0x35):
            assert 0 <= if_true <= 255
            assert 0 <= if_false <= 255
            assert at + 1 + max(if_true, if_false) < len(program)
        if code == 0x05:
            assert at + 1 + value < len(program)
    assert not ALLOWED & REFUSED
    assert argument_rules(False).keys() == set(ARGUMENT_CHECKED)
