"""Keep facts about the host out of what snippets print, so that a snippet reads the same on every machine.

Where Python and its packages are installed says who uses the machine, and a recorded run could be replayed on this one
alone. Their paths come up in messages of errors, in warnings of libraries and in the ``repr`` of modules.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable

from quintain.sandbox.jail.namespaces import SCRATCH_PATH
from quintain.sandbox.scratch import PREFIX

__all__ = ["host_facts_hidden"]

#: Prefixes of system-wide installations, which are common in text and reveal nothing about the host.
_COMMON = ("/", "/usr", "/usr/local")

#: An address in the ``repr`` of an object, which differs from process to process.
_ADDRESS = re.compile(r"(?<= at )0x[0-9a-f]{12}(?=[>,])")


def host_facts_hidden(packages: Iterable[str]) -> Callable[[str], str]:
    """Return a function that replaces the host's paths in a text by the names of what lies there, and hides addresses.

    ``<python>`` stands for the interpreter's installation, with its standard library in ``<python>/lib``,
    ``<packages>`` for any directory of packages, ``<sandbox>`` for the sandbox's own code. A scratch directory made by
    the host has the name of one that is mounted.

    Args:
        packages: Directories in which the packages of snippets are installed.
    """
    names = _interpreter() | dict.fromkeys(packages, "<packages>")
    names[os.path.join(os.path.dirname(os.path.abspath(__file__)), "jail")] = "<sandbox>"
    names |= {os.path.realpath(path): name for path, name in names.items()}
    places = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    scratch = rf"{re.escape(os.path.join(tempfile.gettempdir(), PREFIX))}\w+"
    paths = re.compile(rf"(?<![\w.-])(?:(?P<scratch>{scratch})|{places})(?![\w-]|\.\w)")
    version = repr(sys.version_info)
    short_version = f"sys.version_info(major={sys.version_info[0]}, minor={sys.version_info[1]})"

    def replaced(match: re.Match[str]) -> str:
        return SCRATCH_PATH if match["scratch"] else names[match[0]]

    def hide(text: str) -> str:
        if "/" in text:
            text = paths.sub(replaced, text)
        if " at 0x" in text:
            text = _ADDRESS.sub("0x...", text)
        return text.replace(version, short_version)

    return hide


def _interpreter() -> dict[str, str]:
    """Return the paths of the interpreter that runs snippets, which is the one without a virtual environment."""
    library = sysconfig.get_path("stdlib")
    archive = f"python{sys.version_info[0]}{sys.version_info[1]}.zip"
    names = {path: "<python>" for path in (sys.base_prefix, sys.base_exec_prefix) if path not in _COMMON}
    names |= {library: "<python>/lib", sysconfig.get_path("platstdlib"): "<python>/lib"}
    names[os.path.join(os.path.dirname(library), archive)] = "<python>/lib.zip"
    return names | {getattr(sys, "_base_executable", "") or sys.executable: "<python>/bin/python"}
