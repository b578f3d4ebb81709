"""Critique-v0: a game of PettingZoo between a generator of wrong steps and a critic."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar, Literal, cast

import numpy as np
from gymnasium import Space
from gymnasium.utils.seeding import np_random
from pettingzoo import AECEnv

from quintain.arguments import check_bool, check_number
from quintain.envs.critique.judgements import read_corruption, read_judgement
from quintain.envs.critique.solutions import ERROR_TYPES, draw_solution, is_error, rollout_test
from quintain.errors import UnknownNameError
from quintain.spaces import UnicodeText

__all__ = ["CRITIC", "SNEAKY", "Critique", "critic_observation"]

SNEAKY, CRITIC = "sneaky", "critic"
#: How it is decided whether a corrupted step is an error.
VALIDITY = ("checker", "rollouts")
#: Characters of an observation, and of an action, at most.
_LENGTH = 4000
_TYPES = "\n".join(f"{number}. {text}" for number, text in ERROR_TYPES.items())
_SNEAKY_RULES = (
    "Hide an error in the last step. Choose one of these types:\n"
    f"{_TYPES}\n"
    "Reply with three lines: 'type: NUMBER', 'plan: HOW', and 'step: THE WRONG STEP', in the form of the last step.\n\n"
)
_CRITIC_RULES = (
    "Judge the last step: say what the partial solution does, check the last step, and end with "
    "<Answer>Correct</Answer> or <Answer>Incorrect</Answer>.\n\n"
)


def critic_observation(problem: str, partial: str, step: str, *, rules: bool = False) -> str:
    """Return what the critic reads of a problem, a partial solution (empty for none) and its last step.

    Args:
        problem: The problem.
        partial: The steps so far, one a line.
        step: The step to judge.
        rules: Whether it says what the critic is to do. Default: false.
    """
    text = f"Problem: {problem}\nPartial solution:\n{partial or 'nothing yet'}\nLast step: {step}"
    return (_CRITIC_RULES if rules else "") + text


class Critique(AECEnv):  # type: ignore[misc]  # PettingZoo has no type hints here
    """One seat hides an error in a step of a solution, the other judges the step.

    ## Description
    A problem is a sum or difference of a few numbers, solved step by step. The seat ``sneaky`` is shown a problem, the
    right steps so far and the next right step, and writes a wrong one in its place: an error type, a plan, and the
    step. If that is an error indeed, the seat ``critic`` is shown the step as the last one, and judges it. In a share
    of the episodes the critic judges the right step, and ``sneaky`` has no part, so that calling everything wrong is no
    way to win.

    ## Observation
    ``UnicodeText``: the problem, the partial solution and the last step, each on lines of its own; before that, with
    ``rules``, what the seat is to do. Empty for a seat whose turn has not come.

    ## Action
    ``UnicodeText``. Of ``sneaky``: the lines ``type: NUMBER``, any others, and last ``step: STEP``. Of ``critic``: any
    text with ``<Answer>Correct</Answer>`` or ``<Answer>Incorrect</Answer>``, of which the first counts.

    ## Reward
    Of a wrong step: 1 for the critic and -1 for ``sneaky`` if the critic calls it incorrect, and the other way round if
    it calls it correct. Of a right step: 1 for the critic if it calls it correct, -1 if not. An invalid corruption is
    -1 for ``sneaky``, and the critic is not asked. A judgement without a verdict is 0 for both. An action that is no
    text of at most 4000 characters is an invalid corruption of ``sneaky``, and a judgement without a verdict of the
    critic.

    ## Episode end
    All seats are terminated after the critic's judgement, or after an invalid corruption.

    ## Info
    For each seat always ``task_id``, the problem and the number of the step; ``task_hash`` of both and of what the
    first seat reads; ``reward_terms``: ``judgement`` and ``corruption``, which add up to the seat's last reward;
    ``success``: whether ``sneaky`` deceived the critic, or whether the critic was right; ``parse_error``: whether a
    text could not be read; ``invalid_action``: whether the action was no text of at most 4000 characters, or the
    corruption no error; ``metrics``, empty before the seat's turn: ``valid`` and ``type`` for ``sneaky``, ``error``
    (whether the step was one) and ``correct`` (the verdict, where there is one) for the critic.

    ## Arguments
    - ``min_steps``, ``max_steps``: number of steps of a solution, in [1, 99].
    - ``max_number``: maximum number of a problem, in [1, 9999]. So no result has more than the six digits of a step.
    - ``right_share``: share of episodes in which the critic judges a right step, in [0, 1].
    - ``validity``: whether a corrupted step is an error by ``"checker"``, which knows the right result, or by
      ``"rollouts"`` of a scripted solver, which succeeds after the right step and fails after the other.
    - ``rules``: whether the observation says what the seat is to do.
    - ``render_mode``: ``None`` or ``"ansi"``: ``render`` returns what the seats have read and written.

    ## Determinism
    Same seed and same actions, same episode.

    ## Source
    SPC (Chen et al. 2025, arXiv 2504.19162), with sums in place of its problems; of the error types the second is the
    paper's, the others are ours.

    ## Version history
    - v0: first version.
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "Critique-v0", "render_modes": ["ansi"], "is_parallelizable": False}

    def __init__(
        self,
        min_steps: int = 2,
        max_steps: int = 4,
        max_number: int = 49,
        right_share: float = 0.5,
        validity: Literal["checker", "rollouts"] = "checker",
        rules: bool = True,
        render_mode: str | None = None,
    ) -> None:
        super().__init__()
        check_number("min_steps", min_steps, low=1, integer=True)
        check_number("max_steps", max_steps, low=min_steps, high=99, integer=True)
        check_number("max_number", max_number, low=1, high=9999, integer=True)
        check_number("right_share", right_share, low=0, high=1)
        check_bool("rules", rules)
        if validity not in VALIDITY:
            raise UnknownNameError("validity", validity, VALIDITY)
        self._arguments: dict[str, Any] = {
            "min_steps": min_steps, "max_steps": max_steps, "max_number": max_number, "right_share": right_share,
            "validity": validity, "rules": rules,
        }  # fmt: skip
        self.render_mode = render_mode
        self.agent_selection = ""
        self.possible_agents = [SNEAKY, CRITIC]
        self.observation_spaces = {seat: UnicodeText(_LENGTH) for seat in self.possible_agents}
        self.action_spaces = {seat: UnicodeText(_LENGTH) for seat in self.possible_agents}
        self._rng: np.random.Generator | None = None

    def observation_space(self, agent: str) -> Space[str]:
        """Return the observation space of a seat."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Space[str]:
        """Return the action space of a seat."""
        return self.action_spaces[agent]

    def describe(self) -> dict[str, Any]:
        """Return the arguments, for a run's record."""
        return dict(self._arguments)

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Start an episode.

        Args:
            seed: Seed of the problem; ``None`` goes on with the generator of the last seed.
            options: Not used.
        """
        if seed is not None or self._rng is None:
            self._rng, _ = np_random(seed)
        arguments, rng = self._arguments, self._rng
        self.solution = draw_solution(rng, arguments["min_steps"], arguments["max_steps"], arguments["max_number"])
        self.number = int(rng.integers(len(self.solution.terms)))
        self._right = bool(rng.random() < arguments["right_share"])
        self.agents = [CRITIC] if self._right else [SNEAKY, CRITIC]
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self._observations = dict.fromkeys(self.possible_agents, "")
        self._written: list[str] = []
        self._show(self.agents[0], self.solution.step(self.number))
        task = f"{self.solution.problem}#{self.number}"
        shown = f"{task}\n{self._observations[self.agents[0]]}"
        digest = hashlib.blake2b(shown.encode(), digest_size=8).hexdigest()
        self.infos: dict[str, dict[str, Any]] = {
            seat: {
                "task_id": task, "task_hash": digest, "success": False, "parse_error": False, "invalid_action": False,
                "reward_terms": {"judgement": 0.0, "corruption": 0.0}, "metrics": {},
            }
            for seat in self.agents
        }  # fmt: skip

    def observe(self, agent: str) -> str:
        """Return what a seat reads."""
        return self._observations[agent]

    def step(self, action: str | None) -> None:
        """Make the action of the seat whose turn it is; ``None`` for one whose part has ended.

        Any object is accepted as an action; what is not a text of allowed length is invalid.
        """
        seat = self.agent_selection
        if self.terminations[seat] or self.truncations[seat]:
            self._was_dead_step(cast(str, action))
            if self.agents:
                self.agent_selection = self.agents[0]
            return
        self._cumulative_rewards[seat] = 0.0
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self.infos = {name: dict(info) for name, info in self.infos.items()}
        text = action if isinstance(action, str) and len(action) <= _LENGTH else None
        self._written += [f"[{seat}] {self._observations[seat]}", "(invalid)" if text is None else text]
        if seat == SNEAKY:
            self._corrupt(text)
        else:
            self._judge(text)
        self._accumulate_rewards()

    def render(self) -> str | None:
        """Return what the seats have read and written, if ``render_mode`` is ``"ansi"``."""
        return "\n\n".join(self._written) if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def _corrupt(self, text: str | None) -> None:
        """Test a corruption, and show it to the critic if it is an error; ``None`` for an action that is no text."""
        found = None if text is None else read_corruption(text)
        valid = found is not None and self._is_valid(found.step)
        self.infos[SNEAKY] |= {
            "parse_error": text is not None and found is None,
            "invalid_action": text is None or (found is not None and not valid),
            "metrics": {"valid": float(valid), "type": float(found.error_type if found else 0)},
        }  # fmt: skip
        if found is None or not valid:
            self._end("corruption", {SNEAKY: -1.0})
        else:
            self._show(CRITIC, found.step)

    def _is_valid(self, step: str) -> bool:
        if self._arguments["validity"] == "checker":
            return is_error(self.solution, self.number, step) is True
        return rollout_test(self.solution, self.number, step, cast(np.random.Generator, self._rng))

    def _judge(self, text: str | None) -> None:
        """Reward the seats for the critic's judgement; ``None`` for an action that is no text."""
        verdict = None if text is None else read_judgement(text)
        metrics = {"error": float(not self._right)} | ({} if verdict is None else {"correct": float(verdict)})
        right = verdict is not None and verdict == self._right
        self.infos[CRITIC] |= {
            "success": right, "parse_error": text is not None and verdict is None, "invalid_action": text is None,
            "metrics": metrics,
        }  # fmt: skip
        won = 0.0 if verdict is None else 1.0 if right else -1.0
        if not self._right:
            self.infos[SNEAKY] |= {"success": won < 0}
        self._end("judgement", {CRITIC: won} | ({} if self._right else {SNEAKY: -won}))

    def _end(self, term: str, rewards: dict[str, float]) -> None:
        """End the episode with rewards, which are of one term."""
        self.rewards |= rewards
        for seat, reward in rewards.items():
            self.infos[seat]["reward_terms"] = {"judgement": 0.0, "corruption": 0.0, term: reward}
        self.terminations = dict.fromkeys(self.agents, True)
        self.agent_selection = self.agents[0]

    def _show(self, seat: str, step: str) -> None:
        """Show a seat the problem with a last step; its turn comes."""
        so_far = "\n".join(self.solution.step(k) for k in range(self.number))
        text = critic_observation(self.solution.problem, so_far, step)
        rules = {SNEAKY: _SNEAKY_RULES, CRITIC: _CRITIC_RULES}[seat] if self._arguments["rules"] else ""
        self._observations[seat] = rules + text
        self.agent_selection = seat
