"""A designed reward as a term of ``WithRewardTerms``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from quintain.errors import ConfigurationError
from quintain.reward_signature import Columns, DeclaresReward
from quintain.sandbox.designed_reward import DesignedReward

__all__ = ["DesignedTerm"]


class DesignedTerm:
    """Computes a designed reward for one environment, in the sandbox.

    ``WithRewardTerms(env, {"designed": "reward.py"})`` makes one. Its value is 1, 0 or -1 for the sparse part plus 0.1,
    0 or -0.1 for the dense one.

    Args:
        env: The environment, which declares a reward signature, in any wrappers.
        path: File of the reward; see :func:`~quintain.sandbox.reward_file.save_reward`.

    Raises:
        ConfigurationError: If the environment declares none, or the file holds no reward function of this signature.
    """

    def __init__(self, env: Any, path: str | Path) -> None:
        inner = env.unwrapped
        if not isinstance(inner, DeclaresReward):
            raise ConfigurationError(
                f"{type(inner).__name__} declares no inputs for designed rewards (reward_signature, reward_inputs)"
            )
        self._env = inner
        self._reward = DesignedReward(path, inner.reward_signature)

    def begin(self) -> None:
        """Empty the memory before the next step."""
        self._reward.begin()

    def value(self, inputs: Columns | None = None) -> tuple[float, str]:
        """Return the reward of the step that the environment has just made, and what went wrong with it, if anything.

        Args:
            inputs: Inputs of the step. Default: those that the environment gives now.
        """
        found = self._reward.rewards(self._env.reward_inputs() if inputs is None else inputs)
        return float(found.value[0]), found.errors[0]
