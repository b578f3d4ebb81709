"""Trained policies as agents: Stable-Baselines3 models, TorchScript modules and ONNX sessions."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from gymnasium import spaces

from quintain.agents.agent import Action, Actor, Seat
from quintain.agents.policies.normaliser import load_vecnormalize
from quintain.errors import CapabilityError, ConfigurationError, require

__all__ = ["NetworkAgent", "PredictAgent", "load_sb3"]


class Predicts(Protocol):
    """The signature of Stable-Baselines3's models, the field's de facto standard for a policy."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        """Return actions and the next recurrent state."""


class PredictAgent:
    """An agent that acts with a Stable-Baselines3 model, or with any object that has its ``predict``.

    Args:
        model: A model with Stable-Baselines3's ``predict`` method.
        deterministic: Whether to take the mode of the action distribution instead of a sample. Samples of an SB3 policy
            come from torch's global generator, so only deterministic play is a function of the episode's seed.
            Default: true.
        normaliser: The ``VecNormalize`` of the training, or the path of a file that its ``save`` wrote (a pickle, which
            can run code: load only files that you trust). Default: that of the model's environment, if it has one. The
            file of a model does not say whether it needs one; without it such a model performs badly.

    Attributes:
        is_stateful: Whether the model may have a recurrent state, so that each episode needs an actor. Among
            Stable-Baselines3's policies these are the recurrent ones; any other object may have one.
    """

    def __init__(self, model: Predicts, *, deterministic: bool = True, normaliser: Any = None) -> None:
        self.model = model
        self.deterministic = deterministic
        self.normaliser = _statistics(model, normaliser)
        self.is_stateful = not _is_feed_forward(getattr(model, "policy", model))

    @classmethod
    def load(cls, path: str | Path, *, deterministic: bool = True, normaliser: Any = None) -> Self:
        """Load the model from a ``.zip`` file of Stable-Baselines3; see :func:`load_sb3`.

        Raises:
            ConfigurationError: If there is no such file, or it holds no such model.
        """
        return cls(load_sb3(path), deterministic=deterministic, normaliser=normaliser)

    def describe(self) -> dict[str, Any]:
        """Return the model's class and hashes of its parameters and statistics, for the run's record."""
        kind = type(self.model)
        facts = {
            "agent": "predict",
            "model": f"{kind.__module__}.{kind.__qualname__}",
            "deterministic": self.deterministic,
        }
        if hasattr(self.model, "get_parameters"):
            state = self.model.get_parameters().get("policy", {})
            digest = hashlib.blake2b(digest_size=8)
            for name, tensor in state.items():
                digest.update(name.encode())
                digest.update(tensor.detach().cpu().numpy().tobytes())
            facts["parameters"] = digest.hexdigest()
        if self.normaliser is not None:
            statistics = self.normaliser.obs_rms
            digest = hashlib.blake2b(digest_size=8)
            for part in statistics.values() if isinstance(statistics, dict) else [statistics]:
                digest.update(part.mean.tobytes() + part.var.tobytes())
            facts["normaliser"] = digest.hexdigest()
        return facts

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with an initial recurrent state.

        Raises:
            CapabilityError: If the model was made for other spaces.
        """
        for kind in ("observation_space", "action_space"):
            own = getattr(self.model, kind, None)
            if own is not None and own.shape != getattr(seat, kind).shape:
                raise CapabilityError(
                    f"the model's {kind} {own} does not fit seat {seat.name!r} of {seat.env_id}: {getattr(seat, kind)}"
                )
        return _PredictActor(self)

    def act_batch(self, observations: Any) -> Any:
        """Act on a batch of observations with a leading axis. Only for models without a recurrent state.

        Raises:
            CapabilityError: If the model was made for other observations.
        """
        own = getattr(self.model, "observation_space", None)
        if own is not None and own.shape != np.shape(observations)[1:]:
            raise CapabilityError(f"the model's observation_space {own} does not fit {np.shape(observations)[1:]}")
        return self.model.predict(self.read(observations), deterministic=self.deterministic)[0]

    def read(self, observation: Any) -> Any:
        """Return an observation, or a batch of them, as the model reads it: normalised if it was trained so."""
        return observation if self.normaliser is None else self.normaliser.normalize_obs(observation)


def _statistics(model: Any, given: Any) -> Any:
    if isinstance(given, (str, Path)):
        given = load_vecnormalize(given)
    elif given is None and hasattr(model, "get_vec_normalize_env"):
        given = model.get_vec_normalize_env()
    if given is None or not given.norm_obs:
        return None
    own, known = getattr(model, "observation_space", None), given.observation_space
    if own is not None and own.shape != known.shape:
        raise ConfigurationError(f"the normaliser is for observations {known}, the model for {own}")
    return given


def _is_feed_forward(policy: Any) -> bool:
    of_sb3 = any(kind.__module__.startswith("stable_baselines3.") for kind in type(policy).__mro__)
    return of_sb3 and not hasattr(policy, "lstm_actor")


class _PredictActor:
    def __init__(self, agent: PredictAgent) -> None:
        self._agent = agent
        self._state: Any = None
        self._start = np.ones(1, dtype=np.bool_)

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        agent = self._agent
        action, self._state = agent.model.predict(
            agent.read(observation), state=self._state, episode_start=self._start, deterministic=agent.deterministic
        )
        self._start = np.zeros(1, dtype=np.bool_)
        return action


def load_sb3(path: str | Path) -> Any:
    """Load a model of Stable-Baselines3 or sb3-contrib, whichever algorithm wrote it.

    The file holds pickled objects, which can run code: load only files that you trust.

    Raises:
        ConfigurationError: If there is no such file, or it holds no model of these libraries.
        MissingDependencyError: If the library is not installed.
    """
    source = Path(path)
    try:
        with zipfile.ZipFile(source) as archive:
            data = json.loads(archive.read("data"))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ConfigurationError(f"{str(source)!r} is not a Stable-Baselines3 model: {error}") from error
    # The file holds the settings but not the algorithm's name, which stands in its policy's module, or shows in them.
    module = str(data.get("policy_class", {}).get("__module__", "")).lower().replace("_", "")
    part = [*module.split("."), ""][1]
    name = part if part not in ("", "common") else ""
    name = name or ("trpo" if "cg_max_steps" in data else "ppo" if "clip_range" in data else "a2c")
    name = next((f"{kind}ppo" for kind in ("recurrent", "maskable") if kind in module), name)
    for library in ("stable_baselines3", "sb3_contrib"):
        algorithms = require(library, "rl", "Stable-Baselines3 models")
        for own in dir(algorithms):
            if own.lower() == name:
                return getattr(algorithms, own).load(source, device="cpu")
    raise ConfigurationError(f"{str(source)!r} holds a {name.upper()} model, which neither library has")


class NetworkAgent:
    """An agent that acts with an exported network: from a batch of observations to actions or logits.

    The file's suffix tells its kind: ``.onnx`` (needs onnxruntime), anything else is TorchScript (needs torch). On a
    discrete action space the output is read as logits and the largest wins; on a box it is clipped to the bounds.

    Args:
        path: Path of the exported network file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise ConfigurationError(f"no network at {str(self.path)!r}")
        if self.path.suffix == ".onnx":
            session = require("onnxruntime", "rl", "ONNX policies").InferenceSession(str(self.path))
            name = session.get_inputs()[0].name
            self._forward = lambda batch: session.run(None, {name: batch})[0]
        else:
            torch = require("torch", "rl", "TorchScript policies")
            module = torch.jit.load(str(self.path), map_location="cpu").eval()

            def forward(batch: Any) -> Any:
                with torch.inference_mode():
                    return module(torch.as_tensor(batch)).numpy()

            self._forward = forward

    def describe(self) -> dict[str, Any]:
        """Return the file's name and a hash of its content, for the run's record."""
        digest = hashlib.blake2b(self.path.read_bytes(), digest_size=8).hexdigest()
        return {"agent": "network", "file": self.path.name, "hash": digest}

    def begin(self, seat: Seat) -> Actor:
        """Return an actor for this seat.

        Raises:
            CapabilityError: If the action space is neither discrete nor a box.
        """
        if not isinstance(seat.action_space, (spaces.Discrete, spaces.Box)):
            raise CapabilityError(f"a network plays Discrete or Box action spaces, not {seat.action_space}")
        return _NetworkActor(self._forward, seat.action_space)


class _NetworkActor:
    def __init__(self, forward: Any, space: spaces.Discrete | spaces.Box) -> None:
        self._forward = forward
        self._space = space

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        output = np.asarray(self._forward(np.asarray(observation, dtype=np.float32)[None]))[0]
        if isinstance(self._space, spaces.Discrete):
            return self._space.start + np.int64(np.argmax(output))
        return np.clip(output, self._space.low, self._space.high).astype(self._space.dtype)
