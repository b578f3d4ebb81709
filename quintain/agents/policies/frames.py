"""Frame stacks: how many frames a Stable-Baselines3 model observes, and the frames of one episode."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from quintain.agents.policies.fit import fits
from quintain.errors import CapabilityError

__all__ = ["EpisodeFrames", "can_be_stack", "stacking_of"]


class EpisodeFrames:
    """The last frames of one episode, zeros before the first one, as in Stable-Baselines3's ``VecFrameStack``.

    Args:
        space: Space of single observations.
        n_stack: Number of frames, >= 1.
        channels_order: Axis of the channels, as in ``VecFrameStack``.

    Attributes:
        observation_space: Space of the stacked observations.
    """

    def __init__(self, space: spaces.Space[Any], n_stack: int, channels_order: Any = None) -> None:
        from stable_baselines3.common.vec_env.stacked_observations import StackedObservations

        self._stack = StackedObservations(1, n_stack, space, channels_order)
        self._started = False
        self.observation_space: spaces.Space[Any] = self._stack.stacked_observation_space

    def add(self, observation: Any) -> Any:
        """Append an observation, and return the last frames as one, the oldest first."""
        batch = _batch_of_one(observation)
        if self._started:
            stacked: Any = self._stack.update(batch, np.zeros(1, dtype=np.bool_), [{}])[0]
        else:
            stacked, self._started = self._stack.reset(batch), True
        return {name: part[0] for name, part in stacked.items()} if isinstance(stacked, dict) else stacked[0]


def stacking_of(model: Any, space: spaces.Space[Any], n_stack: int | None = None) -> tuple[int, Any] | None:
    """Return how a model stacks the observations of an environment: ``n_stack`` and ``channels_order``.

    Args:
        model: A model of Stable-Baselines3; its training environment, if it has one, says how frames are stacked.
        space: Space of the environment's observations.
        n_stack: Number of frames if it is known. Default: see
            :class:`~quintain.agents.policies.sb3_agent.PredictAgent`.

    Returns:
        ``None`` if the model observes single frames, or its spaces leave a doubt.

    Raises:
        CapabilityError: If the number is known, and observations of the environment cannot be stacked.
    """
    own = getattr(model, "observation_space", None)
    if n_stack is not None:
        parts = space.values() if isinstance(space, spaces.Dict) else [space]
        if not all(isinstance(part, spaces.Box) for part in parts):
            raise CapabilityError(f"frames of {space} cannot be stacked; leave out n_stack={n_stack}")
        return n_stack, None
    if own is None or fits(own, space, images=True) or not can_be_stack(own, space):
        return None
    env = model.get_env() if hasattr(model, "get_env") else None
    while env is not None:
        if (stack := getattr(env, "stacked_obs", None)) is not None:
            # Of transposed images the order is that of the images as they are, since the model transposes the stack.
            return int(stack.n_stack), _order(stack) if fits(stack.observation_space, space) else None
        env = getattr(env, "venv", None)
    n_stack = _ratio(own, space)
    return (n_stack, None) if _is_unambiguous(own, EpisodeFrames(space, n_stack).observation_space) else None


def can_be_stack(own: spaces.Space[Any], frame: spaces.Space[Any]) -> bool:
    """Return whether members of ``own`` have the size of several members of ``frame``, the same number in all parts."""
    if not isinstance(frame, (spaces.Box, spaces.Dict)) or type(own) is not type(frame):
        return False
    if isinstance(own, spaces.Dict) and isinstance(frame, spaces.Dict):
        if set(own) != set(frame) or not all(can_be_stack(own[name], part) for name, part in frame.items()):
            return False
        return len({_ratio(own[name], part) for name, part in frame.items()}) == 1
    return len(own.shape or ()) == len(frame.shape or ()) > 0 and _ratio(own, frame) > 1


def _ratio(own: spaces.Space[Any], frame: spaces.Space[Any]) -> int:
    """Return how many members of ``frame`` make one of ``own`` by their size; 0 if it is not an integer."""
    if isinstance(own, spaces.Dict) and isinstance(frame, spaces.Dict):
        return next(_ratio(own[name], part) for name, part in frame.items())
    times, rest = divmod(int(np.prod(own.shape or ())), max(1, int(np.prod(frame.shape or ()))))
    return 0 if rest else times


def _is_unambiguous(own: spaces.Space[Any], stacked: spaces.Space[Any]) -> bool:
    """Return whether the spaces are equal and distinctive, so that the model was made for such frames."""
    if isinstance(own, spaces.Dict) and isinstance(stacked, spaces.Dict):
        parts = [(own[name], stacked[name]) for name in own]
    else:
        parts = [(own, stacked)]
    return all(_is_equal(*pair) for pair in parts) and any(_is_distinctive(part) for part, _ in parts)


def _is_equal(own: spaces.Space[Any], stacked: spaces.Space[Any]) -> bool:
    if not isinstance(own, spaces.Box) or not isinstance(stacked, spaces.Box) or not fits(own, stacked, images=True):
        return False
    return _is_image(own) or (np.array_equal(own.low, stacked.low) and np.array_equal(own.high, stacked.high))


def _is_distinctive(space: spaces.Space[Any]) -> bool:
    """Return whether a space is one of images, or has bounds that differ between its entries."""
    if not isinstance(space, spaces.Box):
        return False
    return _is_image(space) or len(np.unique(space.low)) + len(np.unique(space.high)) > 2


def _is_image(space: spaces.Box) -> bool:
    return len(space.shape) == 3 and space.dtype == np.uint8


def _order(stack: Any) -> Any:
    """Return the ``channels_order`` with which a stack of Stable-Baselines3 was made."""
    parts = getattr(stack, "sub_stacked_observations", None)
    if parts is not None:
        return {name: _order(part) for name, part in parts.items()}
    return "first" if stack.channels_first else "last"


def _batch_of_one(observation: Any) -> Any:
    if isinstance(observation, dict):
        return {name: np.asarray(part)[None] for name, part in observation.items()}
    return np.asarray(observation)[None]
