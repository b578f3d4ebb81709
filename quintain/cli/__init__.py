"""The ``quintain`` command."""

from quintain.cli.app import app, main

__all__ = ["app", "main"]
