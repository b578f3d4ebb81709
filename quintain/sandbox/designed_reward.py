"""A stored designed reward in an environment, single or vector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quintain.reward_signature import Columns, RewardSignature
from quintain.sandbox.box import Sandbox
from quintain.sandbox.reward_file import load_reward
from quintain.sandbox.reward_program import RewardProgram, Rewards

__all__ = ["DesignedReward"]


class DesignedReward:
    """A designed reward from a file, and which of its rows begin an episode with the next step.

    Args:
        path: File of the reward; see :mod:`~quintain.sandbox.reward_file`.
        signature: Inputs that the environment declares.
        num_envs: Number of rows, >= 1. Default: 1.
        sandbox: The sandbox to run in; ``None`` takes the process-wide one.

    Attributes:
        program: The function at work, with counts of failures.

    Raises:
        ConfigurationError: If the file cannot be read, or holds no reward function of this signature.

    """

    def __init__(
        self, path: str | Path, signature: RewardSignature, num_envs: int = 1, *, sandbox: Sandbox | None = None
    ) -> None:
        self.program = RewardProgram(load_reward(path).source, signature, sandbox=sandbox)
        self._begun = np.ones(num_envs, np.bool_)

    def begin(self, rows: NDArray[np.bool_] | None = None) -> None:
        """Start an episode in some rows; ``None`` means all."""
        self._begun |= True if rows is None else rows

    def rewards(self, columns: Columns) -> Rewards:
        """Return the rewards of the step that every row has just made.

        Args:
            columns: Inputs after the step.

        Raises:
            SandboxError: If the sandbox itself failed.
        """
        found = self.program(columns, len(self._begun), self._begun)
        self._begun[:] = False
        return found

    def close(self) -> None:
        """End the process of the function."""
        self.program.close()
