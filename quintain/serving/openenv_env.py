"""OpenEnv-v0: any server of OpenEnv's protocol as a Gymnasium environment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from quintain.envs.vector import TextVectorEnv
from quintain.errors import ConfigurationError
from quintain.redaction import add_secret, redact
from quintain.serving.connection import Connection, RefusedError, ServerError, pause
from quintain.serving.wire_codec import codec_of
from quintain.spaces import UnicodeText

__all__ = ["OpenEnvEnv", "connect", "make_vec"]

#: Keys of the metadata that are no part of Gymnasium's info.
_NO_INFO = {"terminated", "truncated", "step"}


class OpenEnvEnv(gym.Env[Any, Any]):
    """An environment on an OpenEnv server.

    ## Description
    ``reset`` and ``step`` are messages to the server, which keeps the episode. One instance is one session; the first
    ``reset`` opens its connection, and a later one opens it again where it was lost. Needs the extra ``serve``.

    ## Observation
    Servers of Quintain describe their spaces exactly, and these are used. The observations of other servers are
    ``UnicodeText``: the only text field, or the JSON of all fields.

    ## Action
    That of a server of Quintain; else ``UnicodeText``, ``Discrete`` or ``Discrete(2)`` where the action has a single
    field that is a text, a bounded integer or a truth value. Any other action is the text of its JSON object.

    ## Reward
    The server's. A step for which it gives none has the reward 0.

    ## Episode end
    The server's ``done`` is termination, or truncation where the observation or the metadata says ``truncated``.

    ## Info
    Of a server of Quintain what it sends of the environment's own info: ``task_id``, ``success``, ``reward_terms`` and
    so on. Of others ``metadata``, as it is. An action that cannot be sent, or that the server refuses as malformed, was
    not executed: ``invalid_action`` is true, ``parse_error`` says why, the reward is 0, and the last observation is
    returned again.

    ## Arguments
    - ``url``: address of the server: ``"http://127.0.0.1:8000"``.
    - ``auth_token``: sent as ``Authorization: Bearer ...``; ``None`` for none.
    - ``split``: a split of the server's task list. Its tasks are then the items of this environment, which a run of
      ``quintain.evaluate`` poses once each. ``None`` for episodes by seed alone.
    - ``timeout_s``: maximum wait for each answer, in seconds.
    - ``retries``: how often ``reset`` connects again where the server cannot be reached or is full, >= 0.
    - ``max_message_mb``: maximum size of an answer, in MiB.

    A lost connection, a missing, late or malformed answer and a failure that the server reports raise ``ServerError``,
    so that the episode counts as an error and never as a result. So does an observation outside of the space that the
    server declares, or a reward that is not finite.

    ## Determinism
    That of the server. Each reset sends a seed, drawn from this environment's generator where none is given; some
    servers ignore it, which ``quintain.check`` finds.

    ## Source
    OpenEnv 0.10.0 (https://github.com/meta-pytorch/OpenEnv), spoken here without the package.

    ## Version history
    - v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": []}

    def __init__(
        self,
        url: str,
        auth_token: str | None = None,
        split: str | None = None,
        timeout_s: float = 60.0,
        retries: int = 2,
        max_message_mb: float = 64.0,
        render_mode: str | None = None,
    ) -> None:
        if render_mode is not None:
            raise ConfigurationError(f"render_mode must be None, got {render_mode!r}")
        if timeout_s <= 0 or retries < 0 or max_message_mb <= 0:
            raise ConfigurationError("timeout_s and max_message_mb must be > 0, retries >= 0")
        if auth_token:
            add_secret(auth_token)
        self.render_mode = render_mode
        self._connection = Connection(url, auth_token, timeout_s, max_message_mb)
        self._retries = retries
        schema = self._connection.http("/schema")
        try:
            self._codec = codec_of(schema)
        except ValueError as error:
            raise ServerError(url, f"its schemas cannot be used: {error}") from error
        self.observation_space = self._codec.observation_space
        self.action_space = self._codec.action_space
        self._split = split
        self._item_count: int | None = None
        self._tasks_path = ""
        if split is not None:
            self._tasks_path, self._item_count = self._find_tasks()
        self._steps = 0
        self._playing = False
        self._last: tuple[Any, dict[str, Any]] = ("", {})

    @property
    def item_count(self) -> int | None:
        """Number of tasks of the split; ``None`` without a split."""
        return self._item_count

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode on the server.

        Args:
            seed: Sent to the server; by default that of the task, or one is drawn.
            options: Further arguments of the server's reset. With a split, ``{"item": k}`` poses its task ``k``. A task
                that is nothing but a seed keeps its own.

        Raises:
            ServerError: If there is no valid answer, also after connecting again.
            ConfigurationError: If there is no task ``k``.
        """
        super().reset(seed=seed)
        self._playing = False
        drawn = int(self.np_random.integers(2**31))
        data = {"seed": drawn if seed is None else int(seed), **(options or {})}
        if self._split is not None and "item" in data:
            task = self._task(data.pop("item"))
            data |= task
            if seed is not None and task.keys() - {"index", "seed"}:
                data["seed"] = int(seed)
        answer = self._ask_for_reset(data)
        self._steps = 0
        observation, info = self._read(answer)
        if answer.get("done"):
            raise self._broken("the episode ended with its reset")
        self._playing = True
        return observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Execute an action on the server.

        Raises:
            ResetNeeded: If no episode is under way.
            ServerError: If there is no valid answer; the episode is then lost.
        """
        if not self._playing:
            raise gym.error.ResetNeeded("no episode is under way; call reset() before step()")
        try:
            answer = self._ask("step", self._codec.write(action))
        except (ValueError, RefusedError) as error:
            if not isinstance(error, RefusedError):
                return self._not_executed(str(error))
            self._playing = True
            return self._not_executed(str(error))
        self._steps += 1
        observation, info = self._read(answer)
        reward, done = answer.get("reward"), answer.get("done")
        if not isinstance(done, bool):
            raise self._broken(f"done is {str(done)[:40]!r}")
        if reward is not None and (not isinstance(reward, (bool, int, float)) or not math.isfinite(reward)):
            raise self._broken(f"the reward is {str(reward)[:40]!r}")
        truncated = done and self._is_truncated(answer)
        self._playing = not done
        return observation, float(reward or 0.0), done and not truncated, truncated, info

    def step_blocks(self, action: object) -> bool:
        """Return true: every step waits for the server."""
        return True

    def describe(self) -> dict[str, Any]:
        """Return the server's address, what it says of itself, and whether its spaces are exact."""
        try:
            about = self._connection.http("/metadata")
        except ServerError:
            about = None
        return {"server": redact(self._connection.url), "metadata": about, "exact_spaces": self._codec.is_exact}

    def close(self) -> None:
        """End the session."""
        self._playing = False
        self._connection.close()

    def _ask(self, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
        self._playing = False  # until there is an answer
        return self._connection.ask(kind, data)

    def _ask_for_reset(self, data: Mapping[str, Any]) -> dict[str, Any]:
        for attempt in range(self._retries):
            try:
                return self._ask("reset", data)
            except RefusedError:
                raise
            except ServerError:
                pause(attempt)
        return self._ask("reset", data)

    def _read(self, answer: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        seen, metadata = answer.get("observation"), answer.get("metadata")
        if not isinstance(seen, dict) or not isinstance(metadata, dict | None):
            raise self._broken("an observation is no object")
        try:
            observation = self._codec.read(seen)
        except ValueError as error:
            raise self._broken(str(error)) from error
        metadata = metadata or {}
        if self._codec.is_exact:
            if metadata.get("step") != self._steps:
                raise self._broken(f"expected the answer to step {self._steps}, got that to {metadata.get('step')!r}")
            info = {name: value for name, value in metadata.items() if name not in _NO_INFO}
            if "action_mask" in info:
                info["action_mask"] = np.asarray(info["action_mask"], dtype=np.int8)
        else:
            info = {"metadata": metadata, "invalid_action": False}
        self._last = observation, info
        return observation, dict(info)

    def _is_truncated(self, answer: Mapping[str, Any]) -> bool:
        sources = (answer["observation"], answer.get("metadata") or {}, answer["observation"].get("metadata") or {})
        return any(isinstance(source, Mapping) and source.get("truncated") is True for source in sources)

    def _not_executed(self, why: str) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, info = self._last
        info = info | {"invalid_action": True, "parse_error": why}
        if "reward_terms" in info:
            info["reward_terms"] = dict.fromkeys(info["reward_terms"], 0.0)
        return observation, 0.0, False, False, info

    def _broken(self, what: str) -> ServerError:
        self._playing = False
        self._connection.close()
        return ServerError(self._connection.url, what)

    def _find_tasks(self) -> tuple[str, int]:
        names = self._connection.http("/list_environments")
        if not isinstance(names, list) or not names:
            raise self._broken("it lists no environments, and so no tasks")
        path = f"/{names[0]}"
        found = self._connection.http(f"{path}/num_tasks", {"split": self._split})
        count = found.get("num_tasks") if isinstance(found, dict) else None
        if not isinstance(count, int) or count < 1:
            raise self._broken(f"split {self._split!r} has {count!r} tasks")
        return path, count

    def _task(self, item: Any) -> dict[str, Any]:
        if item not in range(self._item_count or 0):
            raise ConfigurationError(f"there is no item {item!r}: item_count is {self._item_count}")
        found = self._connection.http(f"{self._tasks_path}/task", {"split": self._split, "index": int(item)})
        task = found.get("task") if isinstance(found, dict) else None
        if not isinstance(task, dict):
            raise self._broken(f"task {item} is no object")
        return task


def connect(url: str, **arguments: Any) -> gym.Env[Any, Any]:
    """Make ``OpenEnv-v0`` for a server.

    Args:
        url: Address of the server, such as ``"http://127.0.0.1:8000"``.
        arguments: Further arguments of the environment, such as ``auth_token``.

    Raises:
        ServerError: If the server cannot be reached or its schemas cannot be used.
    """
    env: gym.Env[Any, Any] = gym.make("OpenEnv-v0", disable_env_checker=True, url=url, **arguments)
    return env


def make_vec(
    num_envs: int = 1, *, autoreset_mode: str | AutoresetMode | None = None, **kwargs: Any
) -> SyncVectorEnv | TextVectorEnv:
    """Make a vector of ``num_envs`` sessions: the ``vector_entry_point`` of ``gym.make_vec``.

    Args:
        num_envs: Number of environments, >= 1. Default: 1.
        autoreset_mode: Behaviour after the last step of an episode, one of Gymnasium's modes; by default that of the
            class returned.
        kwargs: Arguments of each environment.

    Returns:
        :class:`~quintain.envs.vector.TextVectorEnv`, whose steps wait at the same time, where observations or actions
        are texts; otherwise Gymnasium's ``SyncVectorEnv``.
    """
    mode = {} if autoreset_mode is None else {"autoreset_mode": autoreset_mode}
    first = OpenEnvEnv(**kwargs)
    made = iter([first])

    def make() -> gym.Env[Any, Any]:
        return next(made, None) or OpenEnvEnv(**kwargs)

    is_text = any(isinstance(space, UnicodeText) for space in (first.observation_space, first.action_space))
    return (TextVectorEnv if is_text else SyncVectorEnv)([make] * num_envs, **mode)  # type: ignore[arg-type]
