"""ToolChain-v0: agents with tools that pass a text on by e-mail, as a game of PettingZoo."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, cast

import numpy as np
from gymnasium import Space
from gymnasium.utils.seeding import np_random
from pettingzoo import AECEnv

from quintain.arguments import check_number
from quintain.envs.text.task import SPLITS
from quintain.envs.tools.env import ToolUseEnv
from quintain.envs.tools.registry import TOOLKITS
from quintain.envs.tools.relay import Letter, link_template, sent_by
from quintain.envs.tools.toolkits.mail import Mailbox
from quintain.envs.tools.world import World
from quintain.errors import UnknownNameError

__all__ = ["ToolChain"]

#: How a chain begins.
KINDS = ("mail", "csv")


class ToolChain(AECEnv):  # type: ignore[misc]  # PettingZoo has no type hints here
    """Agents with tools that pass a text on by e-mail.

    ## Description
    The first agent reads an e-mail of an outsider, or a CSV file, and sends its text, or the sum of a column, to the
    second one. Each agent after it reads the e-mail of the one before and sends its whole text on; the last one tells
    the user what it says. Every agent has a mailbox of its own, and all have the same further toolkits, as in
    ``ToolUse-v0``; what an agent sends to the address of the next one lies in the inbox of that one when its turn
    comes. One agent acts until its part has
    ended, then the next. What an agent writes reaches the agents after it, and nobody else: a chain shows how far
    instructions that one agent reads, or that a controlled agent writes, are carried on.

    ## Observation
    ``UnicodeText``, as in ``ToolUse-v0``; empty before and after an agent's part.

    ## Action
    ``UnicodeText``, as in ``ToolUse-v0``.

    ## Reward
    For each agent that of ``ToolUse-v0`` at the end of its part: 1 if its goal is reached, and -0.5 if anything else
    was changed. The goal is judged by the e-mail that the agent was sent, whatever it says. An agent that is sent
    nothing cannot reach it.

    ## Episode end
    An agent is terminated by its final answer or an invalid action, and truncated after ``max_turns`` actions. The
    episode ends with the last agent.

    ## Info
    For each agent that of ``ToolUse-v0``, with ``received``: the number of e-mails from the agent before; empty before
    its part.

    ## Arguments
    - ``kind``: ``"mail"`` begins with an e-mail, so that all agents are of one type; ``"csv"`` with a file.
    - ``length``: number of agents, >= 2.
    - ``split``, ``distractors``, ``form``, ``rules``, ``max_turns``: as in ``ToolUse-v0``, for every agent.
    - ``render_mode``: ``None`` or ``"ansi"``: ``render`` returns the transcript of the agent whose turn it is.

    ## Determinism
    Same seed and same actions, same episode.

    ## Source
    The chains of agents of the same type and of different types of Zhang et al. 2025, arXiv 2407.20859, with rules in
    place of real mail servers.

    ## Version history
    - v0: first version.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "name": "ToolChain-v0", "render_modes": ["ansi"], "is_parallelizable": False
    }  # fmt: skip

    def __init__(
        self,
        kind: Literal["mail", "csv"] = "mail",
        length: int = 2,
        split: Literal["train", "test"] = "test",
        distractors: int = 2,
        form: Literal["react", "json"] = "react",
        rules: bool = True,
        max_turns: int = 15,
        render_mode: str | None = None,
    ) -> None:
        super().__init__()
        for name, value, options in (("kind", kind, KINDS), ("split", split, SPLITS)):
            if value not in options:
                raise UnknownNameError(name, value, options)
        check_number("length", length, low=2, integer=True)
        self.kind: str = kind
        self._arguments: dict[str, Any] = {
            "kind": kind, "length": length, "split": split, "distractors": distractors, "form": form, "rules": rules,
            "max_turns": max_turns,
        }  # fmt: skip
        self._split = split
        self.render_mode = render_mode
        self.agent_selection = ""
        self.possible_agents = [f"agent_{number}" for number in range(length)]
        self._links = {
            seat: ToolUseEnv(split=split, distractors=distractors, form=form, rules=rules, max_turns=max_turns,
                             render_mode=render_mode)
            for seat in self.possible_agents
        }  # fmt: skip
        one = self._links[self.possible_agents[0]]
        self.observation_spaces = dict.fromkeys(self.possible_agents, one.observation_space)
        self.action_spaces = dict.fromkeys(self.possible_agents, one.action_space)
        self._rng: np.random.Generator | None = None

    def observation_space(self, agent: str) -> Space[str]:
        """Return the observation space of an agent."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Space[str]:
        """Return the action space of an agent."""
        return self.action_spaces[agent]

    def describe(self) -> dict[str, Any]:
        """Return the arguments, for a run's record."""
        return dict(self._arguments)

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Start an episode.

        Args:
            seed: Seed of the items; ``None`` goes on with the generator of the last seed.
            options: Not used.
        """
        if seed is not None or self._rng is None:
            self._rng, _ = np_random(seed)
        self.agents = list(self.possible_agents)
        free = [kit for kit in TOOLKITS if kit.name not in ("mail", "files")]
        drawn = self._rng.permutation(len(free))[: self._arguments["distractors"]]
        self._others = [free[int(place)] for place in drawn]
        self._keys = {seat: str(self._rng.integers(2**63)) for seat in self.agents}
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos: dict[str, dict[str, Any]] = {seat: {} for seat in self.agents}
        self._observations = dict.fromkeys(self.agents, "")
        self._begin(0, [])

    def observe(self, agent: str) -> str:
        """Return what an agent reads."""
        return self._observations[agent]

    def step(self, action: str | None) -> None:
        """Make the action of the agent whose turn it is; ``None`` for one whose part has ended."""
        seat = self.agent_selection
        if self.terminations[seat] or self.truncations[seat]:
            self._was_dead_step(cast(str, action))
            if self.agents:
                self.agent_selection = self.agents[0]
            return
        self._cumulative_rewards[seat] = 0.0
        observation, reward, terminated, truncated, info = self._links[seat].step(cast(str, action))
        self.rewards = dict.fromkeys(self.agents, 0.0) | {seat: reward}
        self.terminations[seat], self.truncations[seat] = terminated, truncated
        self._observations[seat] = observation
        self.infos[seat] = info | {"received": self._received}
        if terminated or truncated:
            number = self.possible_agents.index(seat)
            if number + 1 < len(self.possible_agents):
                self._begin(number + 1, sent_by(self._mailbox(seat), number))
                self.agent_selection = seat  # which is told the end of its part first
        self._accumulate_rewards()

    def solution_of(self, seat: str) -> str:
        """Return the next action of the reference solution of an agent."""
        return self._links[seat].solution()

    def render(self) -> str | None:
        """Return the transcript of the agent whose turn it is, if ``render_mode`` is ``"ansi"``."""
        return self._links[self.agent_selection].render()

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def _begin(self, number: int, letters: list[Letter]) -> None:
        seat = self.possible_agents[number]
        template = link_template(self.kind, number, len(self.possible_agents), letters)
        observation, info = self._links[seat].pose(template, self._split, self._keys[seat], self._others)
        self._received = len(letters)
        self._observations[seat], self.infos[seat] = observation, info | {"received": self._received}
        self.agent_selection = seat

    def _mailbox(self, seat: str) -> Mailbox:
        return cast(Mailbox, cast(World, self._links[seat].world).toolkit("mail"))
