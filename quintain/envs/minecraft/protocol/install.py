"""Installation of the bridge's packages into the user's cache, from the lock file that is part of this package."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from quintain.errors import MissingDependencyError, QuintainError

__all__ = ["SOURCES", "bridge_folder", "find_bridge", "install_bridge", "installed_folder"]

#: Folder of the bridge's own sources and of its lock file.
SOURCES = Path(__file__).parent / "bridge"
#: Oldest version of Node with which the bridge works; its packages recommend 22.
_OLDEST_NODE = 20


def bridge_folder() -> Path:
    """Return the folder that the bridge's packages belong in, whether it exists or not.

    It is named by the content of the lock file and lies in ``$QUINTAIN_CACHE``, by default ``~/.cache/quintain``.
    """
    from quintain.engines.weights import cache_dir

    digest = hashlib.blake2b((SOURCES / "package-lock.json").read_bytes(), digest_size=6).hexdigest()
    return cache_dir() / f"minecraft-bridge-{digest}"


def installed_folder() -> Path | None:
    """Return the folder of the packages, or ``None`` if they are not installed."""
    folder = bridge_folder()
    return folder if (folder / "complete").exists() else None


def find_node() -> str:
    """Return the path of Node.

    Raises:
        MissingDependencyError: If there is none, or an old one.
    """
    node = shutil.which("node")
    if node is None:
        raise MissingDependencyError("node", "minecraft", "the protocol backend", "install Node.js 22 or newer")
    shown = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = re.match(r"v(\d+)", shown)
    if major is None or int(major[1]) < _OLDEST_NODE:
        raise MissingDependencyError(
            f"node {_OLDEST_NODE}", "minecraft", f"the protocol backend; {node} is {shown.strip() or 'unknown'}",
            "install Node.js 22 or newer",
        )  # fmt: skip
    return node


def find_bridge() -> tuple[str, Path]:
    """Return the path of Node and the folder of the installed packages.

    Raises:
        MissingDependencyError: If Node or the packages are not installed; the message says what to run.
    """
    node, folder = find_node(), installed_folder()
    if folder is None:
        raise MissingDependencyError(
            "the Minecraft bridge", "minecraft", "the protocol backend", "quintain minecraft install"
        )
    return node, folder


def install_bridge() -> Path:
    """Install exactly the packages of the lock file with ``npm ci``, about 570 MB, and return their folder.

    Their install scripts are not run. A folder that is complete is left as it is.

    Raises:
        MissingDependencyError: If Node or npm is missing.
        QuintainError: If npm fails; the message ends with its last lines.
    """
    find_node()
    folder = bridge_folder()
    if installed_folder() is not None:
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise MissingDependencyError(
            "npm", "minecraft", "the protocol backend", "install npm, which comes with Node.js"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(SOURCES / name, folder / name)
    command = [npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise QuintainError(f"npm ci failed in {folder}:\n{(done.stderr or done.stdout).strip()[-1500:]}")
    (folder / "complete").write_text("")
    return folder
