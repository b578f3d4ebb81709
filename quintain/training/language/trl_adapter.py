"""Text environments for TRL: prompts and a reward function, or an environment whose step is a tool.

TRL (``pip install 'quintain[train]'``) is not imported here: its trainers take lists of dictionaries through
``datasets.Dataset.from_list``, functions and classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium as gym

from quintain.envs.making import EnvLike, env_name, is_instance, make_env
from quintain.errors import ConfigurationError
from quintain.seeding import episode_seeds

__all__ = ["TextReward", "ToolEnvironment", "prompt_rows", "tool_environment"]


def prompt_rows(
    env: EnvLike, n: int, *, env_kwargs: Mapping[str, Any] | None = None, seed: int = 0, system: str = ""
) -> list[dict[str, Any]]:
    """Return the first observations of ``n`` episodes as conversational prompts, for ``datasets.Dataset.from_list``.

    Args:
        env: What the environment is made from: an id, a spec, a class or a function.
        n: Number of prompts, >= 1.
        env_kwargs: Arguments for an id, a spec or a class.
        seed: Root seed of the episodes' seeds, as in :func:`quintain.evaluate`. Default: 0.
        system: System message before each question; empty for none.

    Returns:
        One row per episode: ``"prompt"``, a list of messages, and ``"seed"``, from which :class:`TextReward` makes the
        same episode again.

    Raises:
        ConfigurationError: If the environment's observations are no texts.

    Example:
        >>> prompt_rows("CodeReason-v0", 2, env_kwargs={"tasks": "letters", "code": False})[0]["prompt"][0]["role"]
        'user'
    """
    seeds = episode_seeds(seed)
    made = _made(env, env_kwargs)
    try:
        return [{"prompt": _messages(made.reset(seed=seeds[i])[0], system), "seed": seeds[i]} for i in range(n)]
    finally:
        made.close()


class TextReward:
    """A reward function for TRL: the completion is the first action of the row's episode.

    What a model writes is an action whatever it is: an unreadable reply has the environment's reward for it. An episode
    that goes on after the first action counts with the reward so far; for several turns see :func:`tool_environment`.
    A failure of the environment itself raises: it must not count as a reward of 0.

    Args:
        env: What the environment is made from: an id, a spec, a class or a function.
        env_kwargs: Arguments for an id, a spec or a class.

    Example:
        >>> reward = TextReward("CodeReason-v0", {"tasks": "letters", "code": False})
        >>> reward(completions=["<<<nonsense>>>"], seed=[1])
        [0.1]
    """

    def __init__(self, env: EnvLike, env_kwargs: Mapping[str, Any] | None = None) -> None:
        self._env = _made(env, env_kwargs)
        self.__name__ = env_name(env)  # under which TRL logs it

    def __call__(self, completions: Sequence[Any], seed: Sequence[int], **_: Any) -> list[float]:
        """Return the rewards.

        Args:
            completions: Texts, or lists of messages of which the last one's content is the reply.
            seed: The column ``"seed"`` of :func:`prompt_rows`.
        """
        return [self._reward(completion, int(each)) for completion, each in zip(completions, seed, strict=True)]

    def _reward(self, completion: Any, seed: int) -> float:
        self._env.reset(seed=seed)
        reply = completion if isinstance(completion, str) else completion[-1]["content"]
        return float(self._env.step(reply or "")[1])

    def close(self) -> None:
        """Close the environment."""
        self._env.close()


class ToolEnvironment:
    """An environment for the argument ``environment_factory`` of TRL's trainers; see :func:`tool_environment`."""

    def __init__(self, make: Callable[[], gym.Env[Any, Any]]) -> None:
        self._env = make()
        self._return, self._over = 0.0, True

    def reset(self, seed: int | None = None, **_: Any) -> str:
        """Begin an episode: that of a row of :func:`prompt_rows`, whose prompt shows the first observation already.

        Args:
            seed: The column ``"seed"`` of the row; ``None`` for any episode.

        Returns:
            The first observation where the prompt does not show it, else an empty text.
        """
        observation, _info = self._env.reset(seed=seed)
        self._return, self._over = 0.0, False
        return "" if seed is not None else str(observation)

    def act(self, action: str) -> str:
        """Take an action in the environment and read what follows.

        Args:
            action: The action, as the task describes it.

        Returns:
            What the environment answers.
        """
        if self._over:
            return "The episode is over."
        observation, reward, terminated, truncated, _info = self._env.step(action)
        self._return += float(reward)
        self._over = bool(terminated or truncated)
        return str(observation) or ("The episode is over." if self._over else "")

    def get_reward(self) -> float:
        """Return the sum of rewards of the episode so far."""
        return self._return


def tool_environment(env: EnvLike, env_kwargs: Mapping[str, Any] | None = None) -> Callable[[], ToolEnvironment]:
    """Return a function that makes environments for ``environment_factory``: the model acts by calling a tool.

    The tool is :meth:`ToolEnvironment.act`; the reward is the return of the episode. The model's chat template must
    know tools.

    Args:
        env: What the environment is made from: an id, a spec, a class or a function.
        env_kwargs: Arguments for an id, a spec or a class.

    Example:
        >>> world = tool_environment("CodeReason-v0", {"tasks": "letters", "code": False})()
        >>> _ = world.reset(seed=1)
        >>> _ = world.act("<<<nonsense>>>")
        >>> world.get_reward()
        0.1
    """
    return lambda: ToolEnvironment(lambda: _made(env, env_kwargs))


def _made(env: EnvLike, env_kwargs: Mapping[str, Any] | None) -> gym.Env[Any, Any]:
    if is_instance(env):
        raise ConfigurationError("episodes of a batch need an environment each: give an id, a class or a function")
    made = make_env(env, env_kwargs)
    if not isinstance(made.observation_space, gym.spaces.Text) or not isinstance(made.action_space, gym.spaces.Text):
        made.close()
        raise ConfigurationError(
            f"TRL trains language models, and {env_name(env)} has observations of {made.observation_space} and actions "
            f"of {made.action_space}; choose an environment of texts"
        )
    return made


def _messages(observation: str, system: str) -> list[dict[str, str]]:
    head = [{"role": "system", "content": system}] if system else []
    return [*head, {"role": "user", "content": observation}]
