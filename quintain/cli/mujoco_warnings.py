"""Show each of MuJoCo's warnings once, instead of once per compiled model, and write no log file."""

from __future__ import annotations

from quintain.cli.console import say

__all__ = ["warn_once"]

_seen: set[str] = set()


def warn_once() -> None:
    """Print each of MuJoCo's warnings the first time; its own handler repeats them and fills ``MUJOCO_LOG.TXT``."""
    try:
        import mujoco
    except ModuleNotFoundError:
        return  # the code that needs MuJoCo names the extra to install

    def show(message: str) -> None:
        if message not in _seen:
            _seen.add(message)
            say(f"MuJoCo: {message}", "dim")

    mujoco.set_mju_user_warning(show)
