"""Try an installed Quintain that has no extras: what must work does, and what cannot says what to install."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import numpy as np

import quintain
from quintain.envs.code_reason import load_task, task_names
from quintain.errors import MissingDependencyError


def check_package() -> None:
    """The wheel holds the package with its data, and importing it is light."""
    root = Path(quintain.__file__).parent
    assert "site-packages" in root.parts, f"imported from {root}, not from the wheel"
    assert (root / "py.typed").is_file(), "py.typed is missing"
    heavy = {"torch", "mujoco", "transformers", "matplotlib", "scipy", "sympy", "typer", "httpx"} & sys.modules.keys()
    assert not heavy, f"import quintain brought {sorted(heavy)}"


def check_episodes() -> None:
    """The oracle solves CodeReason-v0 in words and through the sandbox; random text does not, and neither fails."""
    tasks = {"tasks": "letters,number_multiply"}
    oracle = quintain.evaluate("CodeReason-v0", "oracle", episodes=6, env_kwargs=tasks)
    assert (oracle.success.estimate, oracle.errors) == (1.0, 0), oracle
    coder = {"name": "oracle", "through_code": True}
    through_code = quintain.evaluate("CodeReason-v0", coder, episodes=3, env_kwargs=tasks)
    assert (through_code.success.estimate, through_code.errors) == (1.0, 0), through_code
    random = quintain.evaluate("CodeReason-v0", "random", episodes=6, env_kwargs=tasks)
    assert (random.success.estimate, random.errors) == (0.0, 0), random
    difference = quintain.compare(oracle, random)
    assert difference.wins == 6, difference
    gym.make("CodeReason-v0", tasks="letters").close()


def check_missing_extras() -> None:
    """Whatever needs an extra names it."""
    attempts = {
        "llm": lambda: quintain.evaluate("CodeReason-v0", "all-text", episodes=1, env_kwargs={"tasks": "letters"}),
        "reason": lambda: load_task(task_names("reasoning_gym")[0]).generate(np.random.default_rng(0)),
    }
    for extra, attempt in attempts.items():
        said = _complaint_of(attempt)
        assert f"quintain[{extra}]" in said, f"without the extra {extra!r} it said {said!r}"
        print(f"  without [{extra}]: {said}")


def _complaint_of(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except MissingDependencyError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    check_package()
    check_episodes()
    check_missing_extras()
    print(f"  quintain {quintain.__version__}, gymnasium {gym.__version__}, numpy {np.__version__}: works")
