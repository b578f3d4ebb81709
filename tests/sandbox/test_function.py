"""Generated reward functions return a finite number in range, deterministically and within resource limits."""

from __future__ import annotations

import asyncio
import time

import pytest

from quintain.errors import ConfigurationError, SandboxError
from quintain.sandbox import Limits, Sandbox, SandboxedFunction
from tests.sandbox.conftest import AVAILABLE, box_at


def make(body: str, **options: object) -> SandboxedFunction:
    source = "def reward(obs, action):\n" + "\n".join("    " + line for line in body.splitlines())
    options.setdefault("limits", Limits(wall_s=0.5, cpu_s=0.5, memory_mb=128))
    return SandboxedFunction(source, "reward(obs, action)", sandbox=box_at(AVAILABLE[0]), **options)  # type: ignore[arg-type]


def test_reward_functions_take_positional_and_keyword_arguments() -> None:
    with make("return obs['x'] * 2 + action[1]") as reward:
        assert reward({"x": 1.5}, [0, 4]).value == 7.0
        assert reward(action=(0, 1), obs={"x": 0}).value == 1.0
        assert reward.counts == {"ok": 2}
        with pytest.raises(TypeError, match=r"reward\(obs, action\): missing action"):
            reward({"x": 1})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("return 'high'", "invalid"),
        ("return None", "invalid"),
        ("return True", "invalid"),
        ("return float('nan')", "invalid"),
        ("return float('inf')", "invalid"),
        ("return 11", "invalid"),
        ("return 10**400", "invalid"),
        ("return [1]", "invalid"),
        ("class F(float): pass\nreturn F(1)", "invalid"),
        ("return object()", "invalid"),
        ("return 1 / 0", "error"),
        ("return undefined", "error"),
        ("raise SystemExit(0)", "exited"),
        ("import os; os._exit(0)", "exited"),
        ("while True: pass", "timeout"),
        ("return len(bytearray(400 << 20))", "memory"),
        ("print('x' * (1 << 20)); return 1", "output_limit"),
        ("import random; return random.random()", "nondeterministic"),
        ("import time; return time.time() % 10", "nondeterministic"),
        ("import os; return os.urandom(1)[0] / 100", "nondeterministic"),
        ("import ctypes; ctypes.string_at(0)", "crashed"),
    ],
)
def test_each_kind_of_failure_has_its_status_and_no_value(body: str, status: str) -> None:
    with make(body, low=-10, high=10) as reward:
        result = reward({}, 0)
        assert (result.status, result.value) == (status, None), result
        assert result.detail
        assert reward.counts == {status: 1}


def test_state_kept_between_calls_is_reported_as_nondeterministic() -> None:
    source = "n = 0\ndef reward(x):\n    global n\n    n += 1\n    return n"
    with SandboxedFunction(source, "reward(x)", sandbox=box_at(AVAILABLE[0]), check_first=0, check_every=3) as reward:
        assert [reward(0).status for _ in range(3)] == ["ok", "ok", "nondeterministic"]


def test_a_determinism_check_that_times_out_is_ignored() -> None:
    source = "import time\nborn = time.monotonic()\ndef reward(now):\n    while born > now: pass\n    return 1.0"
    limits = Limits(wall_s=0.5, cpu_s=0.5, memory_mb=128)
    box = box_at(AVAILABLE[0])
    with SandboxedFunction(source, "reward(now)", sandbox=box, limits=limits, check_first=0, check_every=2) as reward:
        assert reward(1e18).ok
        assert reward(time.monotonic()).value == 1.0  # the second child starts later than this and loops
        assert reward.counts == {"ok": 2}


@pytest.mark.parametrize("late", [False, True])
def test_a_sandbox_setup_failure_raises_sandbox_error(late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """This holds for the first child process (not ``late``) and for the second one, of the determinism check."""
    with make("return 1.0", check_first=0, check_every=2) as reward:
        if late:
            assert reward({}, 0).ok
        broken = Sandbox(_fault="seccomp")
        monkeypatch.setattr(reward, "_sandbox", broken)
        with broken, pytest.raises(SandboxError, match="the function was not called"):
            reward({}, 0)
        monkeypatch.setattr(reward, "_sandbox", box_at(AVAILABLE[0]))
        assert reward({}, 0).ok


def test_source_is_executed_once_per_child_process() -> None:
    source = "calls = 0\ndef reward(x):\n    global calls\n    calls += 1\n    return calls"
    with SandboxedFunction(source, "reward(x)", sandbox=box_at(AVAILABLE[0]), check_first=0) as reward:
        assert [reward(i).value for i in range(5)] == [1, 2, 3, 4, 5]


def test_the_child_process_is_replaced_after_a_timeout() -> None:
    with make("while obs: pass\nreturn 1") as reward:
        assert reward(1, 0).status == "timeout"
        assert reward(0, 0).value == 1.0


def test_broken_source_gives_status_error_not_an_exception() -> None:
    with SandboxedFunction("def reward(x:", "reward(x)", sandbox=box_at(AVAILABLE[0])) as reward:
        result = reward(1)
        assert result.status == "error"
        assert "SyntaxError" in result.stderr
    with SandboxedFunction("y = 1", "reward(x)", sandbox=box_at(AVAILABLE[0])) as reward:
        assert "no function named reward" in reward(1).detail


def test_async_calls() -> None:
    with make("return obs + action") as reward:
        assert asyncio.run(reward.acall(1, 2)).value == 3.0


@pytest.mark.parametrize(
    "signature", ["reward", "reward(*a)", "reward(x=1)", "x = 1", "reward(x): pass\nimport os", ""]
)
def test_signatures_other_than_plain_parameters_are_refused(signature: str) -> None:
    with pytest.raises(ConfigurationError):
        SandboxedFunction("", signature)


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="low < high"):
        SandboxedFunction("", "f(x)", low=1, high=0)
