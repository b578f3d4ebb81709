"""A reward is a set of named terms that add up; a wrapper computes them and says what it paid for what."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym

from quintain.errors import ConfigurationError
from quintain.sandbox import SandboxedFunction

__all__ = ["InvalidReward", "RewardTerm", "Transition", "WithRewardTerms", "sandboxed_term"]


class InvalidReward(ValueError):
    """A term could not give a finite number for this step. An outcome that is counted, not a score of 0."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of an environment, as a reward term sees it.

    Attributes:
        observation: Before the action.
        action: What was done.
        next_observation: After the action.
        reward: What the environment itself paid.
        terminated: Whether the task ended.
        truncated: Whether something outside the task ended the episode.
        info: The environment's ``info`` after the action.
        memory: Whatever terms want to remember within an episode; empty after each reset, shared by all terms.
    """

    observation: Any
    action: Any
    next_observation: Any
    reward: float
    terminated: bool
    truncated: bool
    info: Mapping[str, Any]
    memory: dict[str, Any] = field(default_factory=dict)


#: Pays a finite number for a transition, or raises :class:`InvalidReward`.
RewardTerm = Callable[[Transition], float]


class WithRewardTerms(gym.Wrapper[Any, Any, Any, Any]):
    """Pays the sum of named terms and reports them in ``info["reward_terms"]``.

    A term that is invalid for a step is left out of the sum, and the step is marked: ``info["reward_error"]`` maps the
    term's name to the reason. Runs count such steps apart.

    Args:
        env: The environment.
        terms: Named terms. The name ``"env"`` is the environment's own.
        keep: Also pay what the environment itself pays: its own named terms, and a term ``"env"`` for what these leave
            out, be it all, or what a wrapper around the environment changed.

    Raises:
        ConfigurationError: If a name is ``"env"`` or nothing would be paid.

    Example:
        >>> env = WithRewardTerms(gym.make("CartPole-v1"), {"centre": lambda t: -abs(float(t.next_observation[0]))})
        >>> _ = env.reset(seed=0)
        >>> sorted(env.step(0)[4]["reward_terms"])
        ['centre', 'env']
    """

    def __init__(self, env: gym.Env[Any, Any], terms: Mapping[str, RewardTerm], *, keep: bool = True) -> None:
        if "env" in terms:
            raise ConfigurationError("a term cannot be called 'env': that is the environment's own reward")
        if not terms and not keep:
            raise ConfigurationError("no terms, and the environment's own reward is not kept: nothing would be paid")
        super().__init__(env)
        self.terms = dict(terms)
        self.keep = keep
        self._observation: Any = None
        self._memory: dict[str, Any] = {}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode with an empty memory."""
        self._memory = {}
        self._observation, info = self.env.reset(seed=seed, options=options)
        return self._observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Take a step and pay for it."""
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


def _own_terms(own: float, info: Mapping[str, Any]) -> dict[str, float]:
    """Return terms that add up to what the environment paid."""
    terms: dict[str, float] = dict(info.get("reward_terms") or {})
    named = math.fsum(terms.values())
    if not terms or not math.isclose(named, own, rel_tol=1e-9, abs_tol=1e-12):
        terms["env"] = terms.get("env", 0.0) + (own - named)
    return terms


def sandboxed_term(function: SandboxedFunction, arguments: Callable[[Transition], tuple[Any, ...]]) -> RewardTerm:
    """Make a term of a function that a language model wrote; it runs in the sandbox.

    Args:
        function: The function, with its declared range.
        arguments: Turns a transition into the function's arguments, plain JSON-like data.

    Returns:
        A term that raises :class:`InvalidReward` when the function fails, is out of range or not deterministic.
    """

    def term(step: Transition) -> float:
        result = function(*arguments(step))
        if result.value is None:
            raise InvalidReward(f"{result.status}: {result.detail}")
        return result.value

    return term
