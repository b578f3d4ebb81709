"""Trained policies as agents: Stable-Baselines3 models, TorchScript modules and ONNX sessions."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, Self, cast

import numpy as np
from gymnasium import spaces

from quintain.agents.agent import Action, Actor, Seat
from quintain.agents.foreign import explain_file
from quintain.agents.masks import mask_of
from quintain.agents.policies.fit import check_fit, fits
from quintain.agents.policies.frames import EpisodeFrames, can_be_stack, stacking_of
from quintain.agents.policies.normaliser import load_vecnormalize
from quintain.agents.policies.sb3_files import load_sb3
from quintain.errors import CapabilityError, ConfigurationError, require

__all__ = ["NetworkAgent", "PredictAgent"]


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
        n_stack: Number of frames that the model observes, >= 1, as in ``VecFrameStack``. Default: that of the
            ``VecFrameStack`` around the model's environment; without one, read from the spaces where they leave no
            doubt: the model's is that of several images, or repeats the bounds of the environment's, which differ
            between entries.

    Attributes:
        is_stateful: Whether each episode needs an actor: for a recurrent state, action masks, the noise of gSDE, or
            earlier frames. Among Stable-Baselines3's policies only the recurrent ones have a state; any other object
            may have one.
        of_sb3: Whether the model's policy is a class of Stable-Baselines3 or sb3-contrib, or derived from one.
        takes_masks: Whether ``predict`` takes ``action_masks``, as that of MaskablePPO does.
        noise: With ``deterministic=False``: the part of a gSDE policy (state-dependent exploration) that holds its
            noise, which is drawn for each episode from its seed, and again after each ``sde_sample_freq`` steps if the
            model says so. ``None`` for other policies.
    """

    def __init__(
        self, model: Predicts, *, deterministic: bool = True, normaliser: Any = None, n_stack: int | None = None
    ) -> None:
        if n_stack is not None and (isinstance(n_stack, bool) or not isinstance(n_stack, int) or n_stack < 1):
            raise ConfigurationError(f"n_stack must be an integer >= 1, got {n_stack!r}")
        self.model = model
        self.n_stack = n_stack
        self.deterministic = deterministic
        self.normaliser = _statistics(model, normaliser)
        policy = getattr(model, "policy", model)
        self.of_sb3 = _is_of_sb3(policy)
        self.takes_masks = "action_masks" in _parameters_of(model.predict)
        self.noise = None if deterministic else _noise_of(policy)
        recurrent = not self.of_sb3 or hasattr(policy, "lstm_actor")
        # Action masks, earlier frames and gSDE noise are set per episode, by an actor.
        self.is_stateful = recurrent or self.takes_masks or self.noise is not None or n_stack is not None

    @classmethod
    def load(
        cls, path: str | Path, *, deterministic: bool = True, normaliser: Any = None, n_stack: int | None = None,
        algorithm: str | None = None,
    ) -> Self:  # fmt: skip
        """Load the model from a ``.zip`` file of Stable-Baselines3; see :func:`load_sb3`.

        Raises:
            ConfigurationError: If there is no such file, or it holds no such model.
        """
        return cls(load_sb3(path, algorithm), deterministic=deterministic, normaliser=normaliser, n_stack=n_stack)

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
        if self.n_stack is not None:
            facts["n_stack"] = self.n_stack
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
        return _PredictActor(self, seat, self._frames_for(seat))

    def check_seat(self, seat: Seat) -> None:
        """Check that the model fits a seat.

        Raises:
            CapabilityError: If the model was made for other spaces.
        """
        self.is_stateful = self._frames_for(seat) is not None or self.is_stateful

    def _frames_for(self, seat: Seat) -> EpisodeFrames | None:
        """Check that the model fits a seat, and return an empty stack of frames if it observes several."""
        observations, actions = (getattr(self.model, f"{kind}_space", None) for kind in ("observation", "action"))
        stacking = stacking_of(self.model, seat.observation_space, self.n_stack)
        frames = None if stacking is None else EpisodeFrames(seat.observation_space, *stacking)
        name = "the model"
        if frames is not None:
            seat = replace(seat, observation_space=frames.observation_space)
        elif observations is not None and can_be_stack(observations, seat.observation_space):
            name = "the model (give n_stack=... if it was trained with VecFrameStack)"
        check_fit(name, observations, actions, seat, images=self.of_sb3)
        return frames

    def act_batch(self, observations: Any) -> Any:
        """Act on a batch of observations with a leading axis. Only for models without a recurrent state.

        Raises:
            CapabilityError: If the model was made for other observations.
        """
        own, shape = getattr(self.model, "observation_space", None), np.shape(observations)[1:]
        channel_first = (shape[2], *shape[:2]) if self.of_sb3 and len(shape) == 3 else shape
        if own is not None and own.shape not in (shape, channel_first):
            raise CapabilityError(f"the model's observation_space {own} does not fit {shape}")
        return self.to_action(self.model.predict(self.read(observations), deterministic=self.deterministic)[0])

    def to_action(self, action: Any) -> Any:
        """Return an action, or a batch of them, as a member of the action space: SB3's models count from 0."""
        space = getattr(self.model, "action_space", None)
        if self.of_sb3 and isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)) and np.any(space.start):
            return action + space.start
        return action

    def read(self, observation: Any) -> Any:
        """Return an observation, or a batch of them, as the model reads it: normalised if it was trained so."""
        return observation if self.normaliser is None else self.normaliser.normalize_obs(observation)

    def reads_frames(self) -> bool:
        """Return whether the normaliser is for single frames, and not for the stack of them."""
        own = getattr(self.model, "observation_space", None)
        return (
            own is not None
            and self.normaliser is not None
            and not fits(own, self.normaliser.observation_space, images=True)
        )


def _statistics(model: Any, given: Any) -> Any:
    if isinstance(given, (str, Path)):
        given = load_vecnormalize(given)
    elif given is None and hasattr(model, "get_vec_normalize_env"):
        given = model.get_vec_normalize_env()
    if given is None or not given.norm_obs:
        return None
    own, known = getattr(model, "observation_space", None), given.observation_space
    if own is not None and not fits(own, known, images=True) and not can_be_stack(own, known):
        raise ConfigurationError(f"the normaliser is for observations {known}, the model for {own}")
    return given


def _is_of_sb3(policy: Any) -> bool:
    return any(kind.__module__.startswith("stable_baselines3.") for kind in type(policy).__mro__)


def _parameters_of(function: Any) -> Collection[str]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # some builtins have no signature
        return ()


def _noise_of(policy: Any) -> Any:
    """Return the part of a gSDE policy that has ``reset_noise`` and ``action_dist``; ``None`` for other policies."""
    part = policy if hasattr(policy, "action_dist") else getattr(policy, "actor", None)
    return part if getattr(part, "use_sde", False) else None


class _PredictActor:
    def __init__(self, agent: PredictAgent, seat: Seat, frames: EpisodeFrames | None) -> None:
        self._agent = agent
        self._frames = frames
        self._normalise_first = agent.reads_frames()
        self._state: Any = None
        self._start = np.ones(1, dtype=np.bool_)
        self._masks = seat.action_masks
        self._noise = None if agent.noise is None else _EpisodeNoise(agent, seat)

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        agent = self._agent
        more: dict[str, Any] = {}
        if agent.takes_masks and (mask := mask_of(observation, info, self._masks)) is not None:
            more["action_masks"] = mask
        if self._noise is not None:
            self._noise.use()
        action, self._state = agent.model.predict(
            self._read(observation), state=self._state, episode_start=self._start, deterministic=agent.deterministic,
            **more,
        )  # fmt: skip
        self._start = np.zeros(1, dtype=np.bool_)
        return agent.to_action(action)

    def _read(self, observation: Any) -> Any:
        """Return an observation as the model reads it: normalised, and with the frames before it."""
        if self._frames is None:
            return self._agent.read(observation)
        if self._normalise_first:
            return self._frames.add(self._agent.read(observation))
        return self._agent.read(self._frames.add(observation))


class _EpisodeNoise:
    """The exploration noise of a gSDE policy in one episode, a function of the episode's seed."""

    def __init__(self, agent: PredictAgent, seat: Seat) -> None:
        self._policy: Any = agent.noise
        self._rng = seat.generator()
        self._every = int(getattr(agent.model, "sde_sample_freq", -1))
        self._steps = 0
        self._matrix: Any = None

    def use(self) -> None:
        """Put the noise of this episode, and of this time step, into the policy."""
        import torch

        if self._matrix is None or (self._every > 0 and self._steps % self._every == 0):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(self._rng.integers(2**31)))
                self._policy.reset_noise()
            self._matrix = self._policy.action_dist.exploration_mat
        self._policy.action_dist.exploration_mat = self._matrix
        self._steps += 1


class NetworkAgent:
    """An agent that acts with an exported network: from a batch of observations to actions or logits.

    The suffix of the file decides its format: ``.onnx`` (needs onnxruntime), otherwise TorchScript (needs torch). On a
    discrete action space the output is read as logits, one per action, and the largest wins; on a box it is clipped to
    the bounds. A file does not say which spaces it was made for: whether they are those of a seat is checked by what
    the network returns for an observation of zeros.

    Args:
        path: Path of the exported network file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._checked: tuple[spaces.Space[Any], spaces.Space[Any]] | None = None
        self._forward: Callable[[Any], Any]
        if not self.path.is_file():
            raise ConfigurationError(f"no network at {str(self.path)!r}")
        if self.path.suffix == ".onnx":
            session = require("onnxruntime", "rl", "ONNX policies").InferenceSession(str(self.path))
            name = session.get_inputs()[0].name
            self._forward = lambda batch: session.run(None, {name: batch})[0]
        else:
            torch = require("torch", "rl", "TorchScript policies")
            try:
                module = torch.jit.load(str(self.path), map_location="cpu").eval()
            except RuntimeError as error:  # no TorchScript: weights, or a pickle
                raise explain_file(self.path) from error

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
            CapabilityError: If the network was made for other spaces.
        """
        if self._checked != (seat.observation_space, seat.action_space):
            self.check_seat(seat)
        return _NetworkActor(self._forward, cast(Any, seat.action_space))

    def check_seat(self, seat: Seat) -> None:
        """Check that the network fits a seat.

        Raises:
            CapabilityError: If it does not take the seat's observations, or does not return what its actions need.
        """
        shape, actions = seat.observation_space.shape, seat.action_space
        if not isinstance(actions, (spaces.Discrete, spaces.Box)):
            raise CapabilityError(f"a network plays Discrete or Box action spaces, not {actions}")
        if shape is None:
            raise CapabilityError(f"a network takes arrays, not observations of {seat.observation_space}")
        try:
            output = np.asarray(self._forward(np.zeros((1, *shape), np.float32)))
        except Exception as error:
            raise CapabilityError(
                f"the network does not take observations of seat {seat.name!r} of {seat.env_id}, as float32 of shape "
                f"{(1, *shape)}: {error}"
            ) from error
        own: spaces.Space[Any] = spaces.Box(-np.inf, np.inf, output.shape[1:])
        if isinstance(actions, spaces.Discrete) and output.ndim == 2:
            own = spaces.Discrete(output.shape[1], start=actions.start)
        check_fit("the network", None, own, seat)
        self._checked = seat.observation_space, actions


class _NetworkActor:
    def __init__(self, forward: Any, space: spaces.Discrete | spaces.Box) -> None:
        self._forward = forward
        self._space = space

    def act(self, observation: Any, info: dict[str, Any]) -> Action:
        output = np.asarray(self._forward(np.asarray(observation, dtype=np.float32)[None]))[0]
        if isinstance(self._space, spaces.Discrete):
            return self._space.start + np.int64(np.argmax(output))
        return np.clip(output, self._space.low, self._space.high).astype(self._space.dtype)
