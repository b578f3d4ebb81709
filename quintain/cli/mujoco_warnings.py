"""MuJoCo's warnings, once each instead of at every model that is compiled, and in no file of the current folder."""

from __future__ import annotations

from quintain.cli.console import say

__all__ = ["warn_once"]

_seen: set[str] = set()


def warn_once() -> None:
    """Show each of MuJoCo's warnings the first time. By itself MuJoCo repeats them, and fills ``MUJOCO_LOG.TXT``."""
    try:
        import mujoco
    except ModuleNotFoundError:
        return  # whoever needs it says how to install it

    def tell(message: str) -> None:
        if message not in _seen:
            _seen.add(message)
            say(f"MuJoCo: {message}", "dim")

    mujoco.set_mju_user_warning(tell)
