"""SelfCorrect-v0: any environment that one reply ends, with a second attempt after a fixed request to revise.

Source: the set-up of SCoRe (Kumar et al. 2024, arXiv 2409.12917): intrinsic self-correction, without feedback.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
from gymnasium import spaces

from quintain.arguments import check_bool
from quintain.envs.making import arguments_of_env, env_name, make_env
from quintain.envs.protocols import BlockingEnv, DescribedEnv, FiniteEnv, ReadsAnswers, SolvableEnv
from quintain.envs.self_correct.metrics import correction_metrics
from quintain.envs.sharing import own_info
from quintain.envs.vector import text_vector
from quintain.errors import ConfigurationError, EnvironmentFault
from quintain.spaces import UnicodeText

__all__ = ["REVISE", "SelfCorrectEnv", "make_vec"]

#: The request for a second attempt: it is the same after right and wrong ones.
REVISE = (
    "There might be an error in your answer, because the question was not understood correctly. If there is one, "
    "correct it. Write the whole solution again, and close with the final answer in the form that the question asks "
    "for."
)

_SPENT = "the environment did not end with the reply: an attempt is a single reply"


class SelfCorrectEnv(gym.Env[str, str]):
    """Answer a question, then answer it again after a request to revise that says nothing about the first answer.

    ## Description
    The first observation is that of another environment, such as a question of ``CodeReason-v0``. Whatever is replied,
    the second one is a fixed request to revise the answer, which is the same after right and wrong answers, and the
    next reply is the second attempt at the same question. It measures whether a model can correct itself without
    feedback, and it is what ``train_score`` trains on. Agents that remember the conversation see question, first answer
    and request.

    ## Observation
    ``UnicodeText``: the question, then the request to revise.

    ## Action
    ``UnicodeText``: a reply, as the other environment reads it.

    ## Reward
    Both terms are paid at the end, so that nothing tells an agent whether its first attempt was right: ``first`` 1 for
    a right first attempt, else 0, and ``second`` likewise.

    ## Episode end
    Terminated by the second reply. A step beyond the end raises ``ResetNeeded``.

    ## Info
    Always what the other environment says of the question (``task_id``, ``task_hash`` and so on), ``success``,
    ``reward_terms``, ``parse_error`` (str or ``None``), ``invalid_action`` and ``metrics``. After the first reply
    ``parse_error`` is ``None`` even if the reply could not be read, and ``invalid_action`` says only whether it was
    outside the action space. On the last step ``success``, ``parse_error`` and ``invalid_action`` are those of the
    second attempt; ``attempts`` lists of both ``answer``, ``success`` and ``parse_error``; ``answer``, ``expected`` and
    ``detail`` are the other environment's; and ``metrics`` holds ``first``, ``second``, ``delta``, ``fixed``,
    ``broken``, ``changed`` and ``edit_distance``, whose means over episodes are the accuracy of both attempts, their
    difference, the shares of corrected, spoiled and changed answers and the mean edit ratio of the two replies. Of an
    attempt that could not be judged, the term is missing, and ``reward_error`` says why.

    ## Arguments
    - ``env``: id of the environment that poses the questions. One reply should end its episodes, and ``reset`` with the
      same seed must pose the same question. An attempt that it does not end is wrong.
    - ``env_kwargs``: its arguments; ``None`` for none. Where it runs programs (argument ``code``), it runs none unless
      they are asked for here.
    - ``revise``: the request to revise, not empty.
    - ``show_question``: whether the question stands before the request, for agents that do not remember it.

    ``reset(options=...)`` is passed on to the other environment.

    ## Determinism
    That of the other environment. Equal seeds pose its questions.

    ## Source
    Kumar et al. 2024, arXiv 2409.12917, section 3. The wording of the request is ours.

    ## Version history
    - v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": []}

    def __init__(
        self,
        env: str = "CodeReason-v0",
        env_kwargs: Mapping[str, Any] | None = None,
        revise: str = REVISE,
        show_question: bool = False,
    ) -> None:
        if not isinstance(revise, str) or not revise.strip():
            raise ConfigurationError(f"revise must be a text that asks for a second attempt, got {revise!r}")
        check_bool("show_question", show_question)
        kwargs = dict(env_kwargs or {})
        if "code" in arguments_of_env(env):
            kwargs.setdefault("code", False)
        self._env = make_env(env, kwargs)
        self._revise, self._show_question = revise, show_question
        seen, acts = self._env.observation_space, self._env.action_space
        if not isinstance(seen, spaces.Text) or not isinstance(acts, spaces.Text):
            raise ConfigurationError(
                f"{env_name(env)} is no text environment, so there is nothing to revise in words; give one whose "
                "observations and actions are texts"
            )
        self.observation_space = UnicodeText(seen.max_length + len(revise) + 2)
        self.action_space = acts
        self._pass_on(self._env.unwrapped)
        self._replies: list[str] = []
        self._ends: list[dict[str, Any]] = []
        self._done = True

    def _pass_on(self, inner: Any) -> None:
        """Offer what the other environment offers; see :mod:`quintain.envs.protocols`."""
        if isinstance(inner, SolvableEnv):
            self.solution = inner.solution
        if isinstance(inner, ReadsAnswers):
            self.read_answer = inner.read_answer
        if isinstance(inner, BlockingEnv):
            self.step_blocks = inner.step_blocks
        if isinstance(inner, FiniteEnv):
            self.item_count = inner.item_count

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts for a run's record: the other environment's, and the request to revise."""
        inner = self._env.unwrapped
        return {**(inner.describe() if isinstance(inner, DescribedEnv) else {}), "revise": self._revise}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Pose a question.

        Args:
            seed: Seed of the episode, which is that of the other environment.
            options: What the other environment takes.
        """
        super().reset(seed=seed)
        drawn = int(self.np_random.integers(2**63))
        self._seed, self._options = drawn if seed is None else seed, options
        self._question, self._facts = self._env.reset(seed=self._seed, options=options)
        self._replies, self._ends, self._done = [], [], False
        return self._question, self._info({})

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Take the first or the second attempt. Any object is accepted as an action.

        Raises:
            ResetNeeded: If no episode is under way.
            ConfigurationError: If the environment does not report success.
            EnvironmentFault: If the environment does not pose the same question again.
        """
        if self._done:
            raise gym.error.ResetNeeded("the episode has ended; call reset() before the next step()")
        end = self._attempt(action)
        self._replies.append(action if action in self.action_space else "")
        self._ends.append(end)
        if len(self._ends) == 1:
            again, self._facts = self._env.reset(seed=self._seed, options=self._options)
            if again != self._question:
                raise EnvironmentFault(
                    "the environment poses another question after reset with the same seed, so it has no second attempt"
                )
            shown = f"{self._question}\n\n{self._revise}" if self._show_question else self._revise
            return shown, 0.0, False, False, self._info({"invalid_action": action not in self.action_space})
        self._done = True
        info = self._judged()
        return "", math.fsum(info["reward_terms"].values()), True, False, info

    def _attempt(self, action: Any) -> dict[str, Any]:
        """Return the other environment's last info of an attempt."""
        _, _, terminated, truncated, info = self._env.step(action)
        if not (terminated or truncated):
            return {**info, "success": False, "parse_error": info.get("parse_error") or _SPENT}
        if "success" not in info and "reward_error" not in info:
            raise ConfigurationError(
                "the environment does not report success, so there is no right attempt to tell from a wrong one"
            )
        return info

    def _judged(self) -> dict[str, Any]:
        """Return the last info of the episode."""
        names, end = ("first", "second"), self._ends[-1]
        judged = {name: bool(e["success"]) for name, e in zip(names, self._ends, strict=True) if "success" in e}
        attempts = [{key: e.get(key) for key in ("answer", "success", "parse_error")} for e in self._ends]
        kept = {key: end[key] for key in ("answer", "expected", "detail") if key in end}
        info = self._info(end) | kept | {"attempts": attempts}
        info["reward_terms"] = {name: float(right) for name, right in judged.items()}
        if len(judged) == 2:
            given = [attempt["answer"] for attempt in attempts]
            info["metrics"] = correction_metrics(
                judged["first"], judged["second"], self._replies[0], self._replies[1],
                changed=None if None in given else given[0] != given[1],
            )  # fmt: skip
        else:
            info["reward_error"] = next(e["reward_error"] for e in self._ends if "success" not in e)
        info.pop("success")
        return info | ({"success": judged["second"]} if "second" in judged else {})

    def _info(self, end: Mapping[str, Any]) -> dict[str, Any]:
        """Return what may be known of the question, and ``end``'s verdict on the form of the last reply."""
        return {
            **own_info(self._facts),
            "success": False,
            "reward_terms": {"first": 0.0, "second": 0.0},
            "parse_error": end.get("parse_error"),
            "invalid_action": bool(end.get("invalid_action", False)),
            "metrics": {},
        }

    def close(self) -> None:
        """Close the other environment."""
        self._env.close()


make_vec = text_vector(SelfCorrectEnv)
