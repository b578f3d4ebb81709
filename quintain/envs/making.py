"""Making environments of what users give: an id, a spec, a class, a function, or an environment that they made."""

from __future__ import annotations

import copy
import difflib
import importlib
import importlib.util
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeGuard

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec, load_env_creator
from gymnasium.error import DeprecatedEnv, NameNotFound, NamespaceNotFound, VersionNotFound

from quintain.errors import ConfigurationError, UnknownNameError

__all__ = [
    "EnvLike",
    "arguments_of_env",
    "as_factory",
    "env_name",
    "find_spec",
    "is_instance",
    "make_env",
    "spec_of",
    "unknown_environment",
]

#: What an environment is made from: an id, a spec, a class, a function without arguments, or an environment, which is
#: played as it is and stays open.
EnvLike = str | EnvSpec | Callable[..., gym.Env[Any, Any]] | gym.Env[Any, Any]

#: Packages that register their environments when they are imported: how the ids begin, the module, how to install it.
_PACKAGES = (
    (("ALE/",), "ale_py", "pip install 'quintain[atari]'"),
    (("MiniGrid-", "BabyAI-"), "minigrid", "pip install minigrid"),
    (("Fetch", "HandReach", "HandManipulate", "Adroit", "AntMaze_", "PointMaze_", "FrankaKitchen"),
     "gymnasium_robotics", "pip install gymnasium-robotics"),
    (("highway-", "merge-", "roundabout-", "parking-", "intersection-", "racetrack-"),
     "highway_env", "pip install highway-env"),
    (("dm_control/",), "shimmy", "pip install 'shimmy[dm-control]'"),
)  # fmt: skip
#: Similarity from which an id is suggested instead of another, of the names without namespace and version.
_SIMILAR = 0.75


def is_instance(env: Any) -> TypeGuard[gym.Env[Any, Any]]:
    """Whether ``env`` is an environment rather than something from which one is made.

    Raises:
        ConfigurationError: If it is a vector environment or a game of several seats, which cannot be played as one.
    """
    if isinstance(env, gym.vector.VectorEnv):
        raise ConfigurationError(
            "a vector environment holds many environments; give the id of one of them, or a function that makes one"
        )
    if not isinstance(env, gym.Env) and hasattr(env, "possible_agents") and not isinstance(env, type):
        raise ConfigurationError(
            f"{type(env).__name__} is a game of several seats; play it with quintain.play(game, agents)"
        )
    return isinstance(env, gym.Env)


def make_env(env: EnvLike, env_kwargs: Mapping[str, Any] | None = None) -> gym.Env[Any, Any]:
    """Make one environment, without Gymnasium's passive checker, which is for tests.

    Args:
        env: Id, spec, class or function. An environment is returned in a wrapper whose ``close`` leaves it open.
        env_kwargs: Arguments for an id, a spec or a class.

    Raises:
        UnknownNameError: If no environment of this id is registered; the message says what to do.
        ConfigurationError: If the module of ``"module:Id-v0"`` cannot be imported, if arguments are given with a
            function or an environment, or if no environment comes out.
    """
    if is_instance(env):
        if env_kwargs:
            raise ConfigurationError(
                "env_kwargs make a new environment; this one is made already: give its id or class"
            )
        return _LeftOpen(env)
    if isinstance(env, (str, EnvSpec)):
        try:
            return gym.make(env, disable_env_checker=True, **(env_kwargs or {}))
        except (NameNotFound, NamespaceNotFound, VersionNotFound, DeprecatedEnv) as error:
            raise unknown_environment(env if isinstance(env, str) else env.id, gym.registry) from error
        except ModuleNotFoundError as error:
            raise _module_error(env, error) from error
    if not callable(env):
        raise ConfigurationError(
            f"cannot make an environment of {type(env).__name__}; give an id, a class, a function that returns a new "
            "environment, or an environment"
        )
    if env_kwargs and not isinstance(env, type):
        raise ConfigurationError(
            "env_kwargs go with an environment's id or class; a function makes its own environment"
        )
    made = env(**(env_kwargs or {}))
    if not isinstance(made, gym.Env):
        raise ConfigurationError(
            f"{env_name(env)} returned {type(made).__name__}, which is not a Gymnasium environment (gymnasium.Env)"
        )
    return made


def as_factory(env: EnvLike, env_kwargs: Mapping[str, Any] | None = None) -> Callable[[], gym.Env[Any, Any]]:
    """Return a function that makes a new environment on each call.

    Of an environment the new ones are made from its spec or, where it has none that rebuilds it, are deep copies of its
    present state. It is neither changed nor closed.

    Args:
        env: See :func:`make_env`.
        env_kwargs: See :func:`make_env`.

    Raises:
        ConfigurationError: If an environment has no spec and cannot be copied.
    """
    if not is_instance(env) or env_kwargs:
        return lambda: make_env(env, env_kwargs)
    spec = spec_of(env)
    if spec is not None:
        return lambda: gym.make(spec, disable_env_checker=True)
    try:
        original = copy.deepcopy(env)
    except Exception as error:  # whatever the environment's own code raises
        kind = type(getattr(env, "unwrapped", env)).__name__
        raise ConfigurationError(
            f"several environments are needed, and this one cannot be copied ({type(error).__name__}: {error}); give "
            f"its class or a function that makes it, as in `lambda: {kind}(...)`"
        ) from error
    return lambda: copy.deepcopy(original)


def spec_of(env: Any) -> EnvSpec | None:
    """Return the spec from which an environment can be made again, wrappers included; ``None`` if there is none."""
    spec: EnvSpec | None = env.spec
    if spec is None or any(wrapper.kwargs is None for wrapper in spec.additional_wrappers):
        return None
    return spec


def find_spec(env: Any) -> EnvSpec | None:
    """Return the spec of an environment that is given by id or spec; ``None`` where there is none.

    Raises:
        ConfigurationError: If the module of ``"module:Id-v0"`` cannot be imported.
    """
    if not isinstance(env, str):
        return env if isinstance(env, EnvSpec) else None
    module, _, name = env.rpartition(":")
    try:
        if module:
            importlib.import_module(module)
        return gym.spec(name)
    except ModuleNotFoundError as error:
        raise _module_error(env, error) from error
    except gym.error.Error:
        return None  # making it says why


def arguments_of_env(env: Any) -> tuple[str, ...]:
    """Return the names of the arguments that an environment takes; none if it is not given by id, spec or class.

    Example:
        >>> "split" in arguments_of_env("CodeReason-v0"), arguments_of_env(lambda: None)
        (True, ())
    """
    spec = find_spec(env)
    entry: Any = env if isinstance(env, type) else None if spec is None else spec.entry_point
    if isinstance(entry, str):
        entry = load_env_creator(entry)
    return tuple(inspect.signature(entry).parameters) if callable(entry) else ()


def env_name(env: Any) -> str:
    """Return the name of an environment for messages and seats: its id, or the name of its class or function."""
    if isinstance(env, str):
        return env
    if isinstance(env, gym.Env):
        return env.spec.id if env.spec is not None else type(env.unwrapped).__name__
    return str(getattr(env, "id", getattr(env, "__name__", type(env).__name__)))


def unknown_environment(env_id: str, known: Iterable[str]) -> UnknownNameError:
    """Return the error that says that no environment has this id: similar ids, and which module to name.

    Args:
        env_id: What the user asked for, perhaps with a module: ``"module:Id-v0"``.
        known: All registered ids, among which similar ones are looked for.
    """
    module, _, name = env_id.rpartition(":")
    stems = {known_id: _stem(known_id) for known_id in known}
    close = difflib.get_close_matches(_stem(name), set(stems.values()), n=3, cutoff=_SIMILAR)
    similar = [known_id for known_id, stem in stems.items() if stem in close]
    package = next((found for found in _PACKAGES if name.startswith(found[0])), None)
    if module:
        also = f" (module {module!r} was imported and registers no {name!r})"
    elif package is not None:
        _, home, install = package
        got = importlib.util.find_spec(home) is not None
        first = "" if got else f"run {install}, then "
        also = f"; module {home} registers it: {first}write {home}:{name}"
    else:
        also = f". If a module of yours registers it, name the module as well: my_module:{name}"
    return UnknownNameError("environment", env_id, [] if package else similar, also)


def _stem(env_id: str) -> str:
    return re.sub(r"-v\d+$", "", env_id.rpartition("/")[2]).lower()


def _module_error(env: str | EnvSpec, error: ModuleNotFoundError) -> ConfigurationError:
    """Say which module is missing: the one that should register the environment, or one that its code imports."""
    missing = error.name or getattr(error.__cause__, "name", None)  # Gymnasium's own error does not say
    return ConfigurationError(
        f"environment {env_name(env)!r} needs module {missing!r}, which is neither installed nor in this folder"
    )


class _LeftOpen(gym.Wrapper[Any, Any, Any, Any]):
    """An environment of the caller, who closes it."""

    def close(self) -> None:
        """Do nothing."""
