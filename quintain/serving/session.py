"""One client's environment: messages in, observations out. No network here.

A failure inside the environment is a :class:`SessionError`, which crosses the wire as an error frame, and never a
reward. What an exception says may hold right answers, so clients get the text of errors that they caused, and of
others only the type.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
from gymnasium import spaces

from quintain.errors import ConfigurationError
from quintain.serving.json_spaces import from_json, json_schema, plain, to_json

__all__ = ["ACTION_FIELDS", "PUBLIC_INFO", "Code", "Session", "SessionError", "action_field", "schemas"]

#: Keys of ``info`` that are sent. ``expected``, ``detail``, ``metadata`` and the like, which hold right answers or
#: columns of data sets, stay here.
PUBLIC_INFO = (
    "task_id", "task_hash", "task", "suite", "split", "item", "success", "reward_terms", "reward_error", "parse_error",
    "invalid_action", "metrics", "action_mask", "tools", "TimeLimit.truncated",
)  # fmt: skip
#: Fields of actions and observations: ``text`` for texts, ``value`` for everything else.
ACTION_FIELDS = ("text", "value")
#: Keys of a reset that are no options of the environment. Tasks of the task list have an ``index``.
_RESET_KEYS = {"seed", "episode_id", "index"}

#: A code of OpenEnv's error frames.
Code = str


class SessionError(Exception):
    """A request that failed; ``code`` is OpenEnv's code for it, and the message is for the client."""

    def __init__(self, code: Code, message: str) -> None:
        self.code = code
        super().__init__(message)


class _BackendError(Exception):
    """What the environment runs on has failed, as its ``info`` says; the reward of such a step is none."""


def action_field(space: spaces.Space[Any]) -> str:
    """Return the field of a message that holds a member of this space."""
    return "text" if isinstance(space, spaces.Text) else "value"


def schemas(env: gym.Env[Any, Any]) -> dict[str, Any]:
    """Return OpenEnv's three schemas of an environment: ``action``, ``observation`` and ``state``.

    Raises:
        ConfigurationError: If a space cannot be written as JSON.
    """
    acts, sees = action_field(env.action_space), action_field(env.observation_space)
    act, see = json_schema(env.action_space), json_schema(env.observation_space)
    truncated = {"type": "boolean", "description": "Whether something outside of the task ended the episode."}
    return {
        "action": _object("Action", {acts: act}, [acts]),
        "observation": _object("Observation", {sees: see, "truncated": truncated}, [sees, "truncated"]),
        "state": _object(
            "State",
            {"episode_id": {"type": ["string", "null"]}, "step_count": {"type": "integer", "minimum": 0}},
            ["episode_id", "step_count"],
        ),
    }


def _object(title: str, properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    # The titles are not those of OpenEnv's generic classes, which clients take for tool calls.
    return {"title": f"Quintain{title}", "type": "object", "properties": properties, "required": required}


class Session:
    """An environment that is played by messages; used by one thread.

    Args:
        make: Makes the environment.
        options: Names of reset options that clients may set, beside ``item``.
        info: Keys of ``info`` that are sent, beside :data:`PUBLIC_INFO`.
    """

    def __init__(
        self, make: Callable[[], gym.Env[Any, Any]], options: tuple[str, ...] = (), info: tuple[str, ...] = ()
    ) -> None:
        self.env = make()
        self._options = {"item", *options}
        self._info = (*PUBLIC_INFO, *info)
        self._acts = action_field(self.env.action_space)
        self._sees = action_field(self.env.observation_space)
        self._reads_any_action = False
        self._episode_id: str | None = None
        self._steps = 0
        self.playing = False

    def reset(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Begin an episode.

        Args:
            data: ``seed`` and ``episode_id``, both optional, and options of the environment's ``reset``.

        Raises:
            SessionError: If the request is malformed, or the environment fails or reports a ``backend_error``.
        """
        seed, episode_id = data.get("seed"), data.get("episode_id")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or seed < 0):
            raise SessionError("VALIDATION_ERROR", f"seed must be an integer >= 0, got {_shown(seed)}")
        if episode_id is not None and (not isinstance(episode_id, str) or len(episode_id) > 255):
            raise SessionError("VALIDATION_ERROR", "episode_id must be a text of at most 255 characters")
        options = {name: value for name, value in data.items() if name not in _RESET_KEYS}
        unknown = sorted(options.keys() - self._options)
        if unknown:
            raise SessionError(
                "VALIDATION_ERROR",
                f"unknown reset arguments {unknown}; this server takes seed, {sorted(self._options)}",
            )
        self.playing, self._steps, self._episode_id = False, 0, episode_id
        try:
            observation, info = self._call(lambda: self.env.reset(seed=seed, options=options or None))
        except SessionError as error:
            if options and isinstance(error.__cause__, ConfigurationError):  # what the client asked for
                raise SessionError("VALIDATION_ERROR", str(error.__cause__)) from error.__cause__
            raise
        self._reads_any_action = "invalid_action" in info
        answer: dict[str, Any] = self._call(lambda: self._answer(observation, None, False, False, info))
        self.playing = True
        return answer

    def step(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Execute an action.

        Args:
            data: The action in its field, ``text`` or ``value``. For a text environment, what is no text is taken as
                its JSON, and so is an object without the field ``text``: clients that parse replies of models as JSON
                send such things.

        Raises:
            SessionError: If no episode is under way, the action is malformed, or the environment fails or reports a
                ``backend_error``. After a failure of the environment the episode is over.
        """
        if not self.playing:
            raise SessionError("EXECUTION_ERROR", "no episode is under way; send a reset first")
        action = self._action(data)
        self.playing = False  # until the step has succeeded
        observation, reward, terminated, truncated, info = self._call(lambda: self.env.step(action))
        self._steps += 1
        ending = bool(terminated), bool(truncated)
        answer: dict[str, Any] = self._call(lambda: self._answer(observation, reward, *ending, info))
        self.playing = not (terminated or truncated)
        return answer

    def state(self) -> dict[str, Any]:
        """Return the id of the episode and the number of its steps."""
        return {"episode_id": self._episode_id, "step_count": self._steps}

    def close(self) -> None:
        """Close the environment."""
        self.playing = False
        self.env.close()

    def _action(self, data: Mapping[str, Any]) -> Any:
        space = self.env.action_space
        found = {name: value for name, value in data.items() if name != "metadata"}
        if self._acts == "text":
            value = found.get("text", found)
            return value if isinstance(value, str) else json.dumps(value)
        if found.keys() != {"value"}:
            raise SessionError("VALIDATION_ERROR", f"expected the field 'value', got {sorted(found)}")
        try:
            action = from_json(space, found["value"])
            if space.contains(action):
                return action
            why = f"{_shown(found['value'])} is outside of the action space"
        except ValueError as error:
            action, why = found["value"], str(error)
        if self._reads_any_action:  # a malformed action is an outcome of this environment
            return action
        raise SessionError("VALIDATION_ERROR", f"the action was not executed: {why}")

    def _answer(
        self, observation: Any, reward: Any, terminated: bool, truncated: bool, info: Mapping[str, Any]
    ) -> dict[str, Any]:
        if failure := info.get("backend_error"):
            raise _BackendError(str(failure))
        if reward is not None and not math.isfinite(reward := float(reward)):
            raise ValueError(f"the reward is {reward}")
        metadata = {name: plain(info[name]) for name in self._info if name in info}
        metadata |= {"terminated": terminated, "truncated": truncated, "step": self._steps}
        seen = to_json(self.env.observation_space, observation)
        return {
            "observation": {self._sees: seen, "truncated": truncated},
            "reward": reward,
            "done": terminated or truncated,
            "metadata": metadata,
        }

    def _call(self, run: Callable[[], Any]) -> Any:
        try:
            return run()
        except Exception as error:
            raise SessionError(
                "EXECUTION_ERROR",
                f"the environment failed ({type(error).__name__}); the episode is over and has no result. The server's "
                "log has the message",
            ) from error


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
