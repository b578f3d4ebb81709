"""Rewards as sums of named terms: the transition they see, and the wrapper that adds them up and reports each one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs

from quintain.errors import ConfigurationError
from quintain.registry import load_attribute
from quintain.rewards.designed_term import DesignedTerm
from quintain.sandbox import SandboxedFunction

__all__ = ["InvalidReward", "RewardTerm", "Transition", "WithRewardTerms", "sandboxed_term"]


class InvalidReward(ValueError):
    """A term has no finite value for this step. Runs count such steps; they are not scored as 0."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of an environment, as a reward term sees it.

    Attributes:
        observation: Observation before the action, a member of the observation space.
        action: The action that was passed to ``step``.
        next_observation: Observation after the action.
        reward: Reward of the wrapped environment for this step.
        terminated: Whether the task ended with this step.
        truncated: Whether something outside the task, such as a time limit, ended the episode with this step.
        info: ``info`` of the wrapped environment after the action.
        memory: Scratch space for state within an episode; shared by all terms, emptied at each reset.
    """

    observation: Any
    action: Any
    next_observation: Any
    reward: float
    terminated: bool
    truncated: bool
    info: Mapping[str, Any]
    memory: dict[str, Any] = field(default_factory=dict)


#: Maps a transition to a finite number, or raises :class:`InvalidReward`.
RewardTerm = Callable[[Transition], float]


class WithRewardTerms(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Replaces the reward by the sum of named terms and reports each of them in ``info["reward_terms"]``.

    A term that is invalid for a step is left out of the sum, and the step is marked: ``info["reward_error"]`` maps the
    term's name to the reason. Runs count such steps separately.

    ``gym.make(env.spec)`` rebuilds the wrapped environment. The spec names terms that are functions of a module as
    ``"module:function"``, so that it has a JSON form. Other terms (lambdas, closures, objects) are stored as they are,
    and such a spec works in this process only.

    Args:
        env: The environment to wrap.
        terms: Terms by name: functions of a :class:`Transition`, or where to import them, ``"module:function"``, or
            the file of a designed reward, ``"reward.py"``, which runs in the sandbox on the inputs that the environment
            declares. The name ``"env"`` is reserved for the environment's own reward.
        keep: Whether to add the environment's own reward: its own named terms, and a term ``"env"`` for the difference
            between their sum and the reward (the whole reward if it names no terms). Default: true.

    Raises:
        ConfigurationError: If a term is named ``"env"`` or cannot be imported, or if there are no terms and ``keep`` is
            false.

    Example:
        >>> env = WithRewardTerms(gym.make("CartPole-v1"), {"centre": lambda t: -abs(float(t.next_observation[0]))})
        >>> _ = env.reset(seed=0)
        >>> sorted(env.step(0)[4]["reward_terms"])
        ['centre', 'env']
    """

    def __init__(self, env: gym.Env[Any, Any], terms: Mapping[str, RewardTerm | str], *, keep: bool = True) -> None:
        if "env" in terms:
            raise ConfigurationError("a term cannot be called 'env': that is the environment's own reward")
        if not terms and not keep:
            raise ConfigurationError(
                "no terms, and the environment's own reward is not kept: the reward would always be 0"
            )
        files = {name: term for name, term in terms.items() if isinstance(term, str) and term.endswith(".py")}
        functions = {
            name: _imported(term) if isinstance(term, str) else term
            for name, term in terms.items()
            if name not in files
        }
        named = {name: files.get(name) or _importable(functions[name]) for name in terms}
        # Not deep-copied: a term may hold a sandbox.
        RecordConstructorArgs.__init__(self, terms=named, keep=keep, _disable_deepcopy=True)
        gym.Wrapper.__init__(self, env)
        self.designed = {name: DesignedTerm(env, path) for name, path in files.items()}
        self.terms = {name: functions.get(name) or _of_file(self.designed[name]) for name in terms}
        self.keep = keep
        self._observation: Any = None
        self._memory: dict[str, Any] = {}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode with an empty memory."""
        self._memory = {}
        for term in self.designed.values():
            term.begin()
        self._observation, info = self.env.reset(seed=seed, options=options)
        return self._observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take a step and compute its terms."""
        before = self._observation
        self._observation, own, terminated, truncated, info = self.env.step(action)
        step = Transition(before, action, self._observation, float(own), terminated, truncated, info, self._memory)
        paid = _own_terms(float(own), info) if self.keep else {}
        errors: dict[str, str] = {}
        for name, term in self.terms.items():
            if name in paid:
                raise ConfigurationError(f"the environment already pays a term called {name!r}; choose another name")
            try:
                value = float(term(step))
                if not math.isfinite(value):
                    raise InvalidReward(f"expected a finite number, got {value!r}")
            except InvalidReward as error:
                errors[name] = str(error)
            else:
                paid[name] = value
        info = {**info, "reward_terms": paid}
        if errors:
            info["reward_error"] = errors
        return self._observation, math.fsum(paid.values()), terminated, truncated, info


def _of_file(designed: DesignedTerm) -> RewardTerm:
    """Return a designed reward as a term; a step at which it fails has none."""

    def term(_: Transition) -> float:
        value, error = designed.value()
        if error:
            raise InvalidReward(error)
        return value

    return term


def _imported(name: str) -> RewardTerm:
    """Import ``"module:function"``."""
    try:
        return cast(RewardTerm, load_attribute(name))
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"a term's name must be 'module:function', and {name!r} is not: {error}") from error


def _importable(term: RewardTerm) -> RewardTerm | str:
    """Return ``"module:function"`` where that is how to import the term, else the term itself."""
    name = f"{getattr(term, '__module__', '')}:{getattr(term, '__qualname__', '')}"
    try:
        return name if load_attribute(name) is term else term
    except (ImportError, AttributeError, ValueError):
        return term


def _own_terms(own: float, info: Mapping[str, Any]) -> dict[str, float]:
    """Return terms that add up to the environment's own reward."""
    terms: dict[str, float] = dict(info.get("reward_terms") or {})
    named = math.fsum(terms.values())
    if not terms or not math.isclose(named, own, rel_tol=1e-9, abs_tol=1e-12):
        terms["env"] = terms.get("env", 0.0) + (own - named)
    return terms


def sandboxed_term(function: SandboxedFunction, arguments: Callable[[Transition], tuple[Any, ...]]) -> RewardTerm:
    """Make a term of an untrusted function, such as one that a language model wrote; it runs in the sandbox.

    Args:
        function: The function, with its declared signature and range.
        arguments: Maps a transition to the function's positional arguments, plain JSON-able data.

    Returns:
        A term that raises :class:`InvalidReward` when the function fails, leaves its range or is not deterministic.
    """

    def term(step: Transition) -> float:
        result = function(*arguments(step))
        if result.value is None:
            raise InvalidReward(f"{result.status}: {result.detail}")
        return result.value

    return term
