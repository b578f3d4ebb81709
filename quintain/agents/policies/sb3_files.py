"""Files of Stable-Baselines3 and sb3-contrib models, whichever algorithm wrote them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quintain.errors import ConfigurationError, require

__all__ = ["load_sb3"]


def load_sb3(path: str | Path, algorithm: str | None = None) -> Any:
    """Load a model of Stable-Baselines3 or sb3-contrib, whichever algorithm wrote it.

    The file holds pickled objects, which can run code: load only files that you trust.

    Args:
        path: Model file (``.zip``) as the library's ``save`` writes it.
        algorithm: Name of its algorithm's class, such as ``"SAC"``. Default: that of the library's policy class from
            which the model's policy class is derived; PPO, A2C and TRPO, which share one, differ in their settings.

    Raises:
        ConfigurationError: If there is no such file, or it holds no model of these libraries.
        MissingDependencyError: If the library is not installed.
    """
    source = Path(path)
    if not source.is_file():
        raise ConfigurationError(f"there is no file {str(source)!r}")
    try:
        with zipfile.ZipFile(source) as archive:
            data = json.loads(archive.read("data"))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ConfigurationError(f"{str(source)!r} is not a Stable-Baselines3 model: {error}") from error
    name = (algorithm or _algorithm_of(source, data)).lower()
    for library in ("stable_baselines3", "sb3_contrib"):
        algorithms = require(library, "rl", "Stable-Baselines3 models")
        for own in dir(algorithms):
            if own.lower() == name:
                try:
                    return getattr(algorithms, own).load(source, device="cpu")
                except (TypeError, AttributeError, KeyError) as error:
                    raise ConfigurationError(
                        f"{str(source)!r} cannot be loaded as {own}: {error}; name its algorithm, as in algorithm='SAC'"
                    ) from error
    raise ConfigurationError(f"{str(source)!r} holds a {name.upper()} model, an algorithm that neither library has")


def _algorithm_of(source: Path, data: Mapping[str, Any]) -> str:
    """Return the name of the algorithm that wrote a file, which holds its settings and its policy's class."""
    require("stable_baselines3", "rl", "Stable-Baselines3 models")
    from stable_baselines3.common.save_util import json_to_data

    stored = data.get("policy_class", {})
    try:
        policy: Any = json_to_data(json.dumps({"policy_class": stored}))["policy_class"]
        modules: list[str] = [kind.__module__ for kind in policy.__mro__]
    except Exception as error:  # unpickling imports the user's module, which may be missing
        raise ConfigurationError(
            f"cannot tell the algorithm of {str(source)!r}: its policy class cannot be loaded ({error}); make it "
            "importable, or name the algorithm, as in algorithm='SAC'"
        ) from error
    for parts in (module.split(".") for module in modules):
        if parts[0] not in ("stable_baselines3", "sb3_contrib"):
            continue
        for kind in ("recurrent", "maskable"):
            if kind in ".".join(parts[1:]):
                return f"{kind}ppo"
        if parts[1] != "common":
            return parts[1].replace("_", "")
    return "trpo" if "cg_max_steps" in data else "ppo" if "clip_range" in data else "a2c"
