"""Saved weights and pickles that are no agent yet: what they hold, and what to do. Nothing in them is run as code."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quintain.errors import ConfigurationError

__all__ = ["FOREIGN_FILES", "explain_file", "explain_object"]

#: Suffixes of files that other libraries write and that are no agent by themselves.
FOREIGN_FILES = (
    ".pth", ".pkl", ".pickle", ".joblib", ".ckpt", ".safetensors", ".bin", ".h5", ".keras", ".msgpack",
    ".cleanrl_model",
)  # fmt: skip

_FUNCTION = """\
build the network in a module of yours, load the weights, and give a function of the observation, as in mine.py:
    net = Net(); net.load_state_dict(torch.load({path!r}, weights_only=True)); net.eval()
    def policy(observation): return int(net(torch.as_tensor(observation)[None]).argmax())
and then -a mine:policy, or quintain.evaluate(env, policy); or export it once for -a policy.pt:
    torch.jit.trace(net, torch.zeros(1, OBSERVATION_SIZE)).save("policy.pt")"""


def explain_file(path: str | Path) -> ConfigurationError:
    """Return the error that says why a file is no agent, and what to do.

    Args:
        path: A file that is no TorchScript, ONNX, Stable-Baselines3 or saved policy.
    """
    source = Path(path)
    if not source.is_file():
        return ConfigurationError(f"there is no file {str(source)!r}")
    shown = str(source)
    held = _held_by(source)
    if held == "state_dict":
        return ConfigurationError(
            f"{shown!r} holds a state_dict: the weights of a network without the network. To play it, "
            + _FUNCTION.format(path=shown)
        )
    if held == "pickle":
        return ConfigurationError(
            f"{shown!r} is a pickle, which can run any code when it is loaded, so it is not loaded. If you trust it, "
            "load it in a module of yours and give a function of the observation, as in mine.py:\n"
            f"    model = torch.load({shown!r}, weights_only=False)    # or pickle.load\n"
            "    def policy(observation): return int(model(torch.as_tensor(observation)[None]).argmax())\n"
            "and then -a mine:policy; or export it once: torch.jit.trace(model, torch.zeros(1, OBSERVATION_SIZE))"
            '.save("policy.pt")'
        )
    return ConfigurationError(
        f"{shown!r} holds weights in a format of another library ({source.suffix or 'no suffix'}). To play them, "
        "build the network in a module of yours, load the weights, and give a function of the observation: "
        "-a mine:policy, or quintain.evaluate(env, policy)"
    )


def explain_object(source: object) -> ConfigurationError | None:
    """Return the error for a state_dict or a torch module that is given as an agent; ``None`` for anything else."""
    if isinstance(source, Mapping):
        kinds = {type(value).__module__.partition(".")[0] for value in source.values()}
        if source and kinds <= {"torch", "numpy"}:
            return ConfigurationError(
                "a state_dict holds the weights of a network without the network. To play it, "
                + _FUNCTION.format(path="weights.pt")
            )
        return None
    kinds = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(source).__mro__}
    if "torch.nn.modules.module.Module" not in kinds:
        return None
    name = type(source).__name__
    return ConfigurationError(
        f"a torch module ({name}) does not say how its output becomes an action; give a function of the observation: "
        "lambda o: int(net(torch.as_tensor(o)[None]).argmax()) for discrete actions, "
        "lambda o: net(torch.as_tensor(o)[None])[0].detach().numpy() for continuous ones"
    )


def _held_by(path: Path) -> str:
    """Say what a file holds: ``"state_dict"``, ``"pickle"`` or ``"other"``. No code in it is run."""
    if path.suffix in (".safetensors", ".h5", ".keras", ".msgpack"):
        return "other"
    is_torch = zipfile.is_zipfile(path) and any(name.endswith("data.pkl") for name in zipfile.ZipFile(path).namelist())
    with path.open("rb") as file:
        head = file.read(2)
    if not is_torch and not (head[:1] == b"\x80" and head[1:] <= b"\x05"):
        return "other"
    try:
        import torch
    except ImportError:
        return "pickle"
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)  # a reader that refuses everything else
    except Exception:  # whatever a damaged or unsafe file leads to
        return "pickle"
    return "state_dict" if isinstance(found, Mapping) else "pickle"
