"""Exit codes of the command line."""

from __future__ import annotations

__all__ = ["EXIT_ALL_ERRORS", "EXIT_INTERRUPTED", "EXIT_USER_ERROR"]

#: The configuration cannot work, a name is unknown, a file is missing.
EXIT_USER_ERROR = 1
#: Every episode failed for infrastructure reasons, so there is no score.
EXIT_ALL_ERRORS = 3
#: Interrupted by Ctrl-C.
EXIT_INTERRUPTED = 130
