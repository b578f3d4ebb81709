"""The record of an episode while it is played: one entry per action, returns, reward terms and the last info."""

from __future__ import annotations

import math
import time
from typing import Any, SupportsFloat

import numpy as np

from quintain.engines.engine import ExchangeLog
from quintain.envs.sharing import own, own_info
from quintain.errors import EnvironmentFault
from quintain.evaluation.requests import pack
from quintain.records import EpisodeRecord, Outcome, Step
from quintain.redaction import redact

__all__ = ["IMMUTABLE", "EpisodeLog", "snapshot"]

#: Types of most observations and actions; their instances need no copy.
IMMUTABLE = frozenset({str, int, np.int64})

#: Parts of ``info`` that have a field of their own in the record, or that contain times.
_RECORDED_ELSEWHERE = frozenset({"reward_terms", "attack", "episode"})


#: What the detail of an unreadable reply adds, by the reason for which the model's last reply ended.
_ENDS = {
    "length": "the reply was cut off at max_tokens",
    "content_filter": "the provider's content filter ended the reply",
    "tool_calls": "the model called a function instead of writing",
}


class EpisodeLog:
    """Collects the steps of one episode and makes its record.

    Args:
        index: Number of the episode in its run, from 0.
        seed: Seed with which the episode was reset.
        item: Number of the item, from 0; ``None`` where the run has no items.
        repeat: Number of the answer to the item, from 0.
        observations: Whether to keep the observations. Default: true.

    Attributes:
        length: Number of actions so far.
        returns: Sum of rewards per seat so far.
        info: The environment's last info; in games, facts of the whole match. The record adds the last info of each
            seat under ``"seats"``.
        final_observation: The observation after the last step; in games ``None``.
        truncated: Whether the environment reported truncation, or the run's cap on steps ended the episode.
    """

    __slots__ = (
        "_observations",
        "_reward_errors",
        "_reward_terms",
        "_seat_infos",
        "_started",
        "_steps",
        "final_observation",
        "index",
        "info",
        "item",
        "length",
        "repeat",
        "returns",
        "seed",
        "truncated",
    )

    def __init__(
        self, index: int, seed: int, item: int | None = None, repeat: int = 0, observations: bool = True
    ) -> None:
        self._observations = observations
        self.index = index
        self.seed = seed
        self.item = item
        self.repeat = repeat
        self.returns: dict[str, float] = {}
        self.info: dict[str, Any] = {}
        self.final_observation: Any = None
        self.truncated = False
        self.length = 0
        self._steps: list[Step] = []
        self._reward_terms: dict[str, float] = {}
        self._reward_errors = 0
        self._seat_infos: dict[str, dict[str, Any]] = {}
        self._started = time.perf_counter()

    def add_step(self, seat: str, observation: Any, action: Any, reward: SupportsFloat, info: dict[str, Any]) -> None:
        """Record one action of one seat and its reward.

        Args:
            seat: The acting seat; ``"agent"`` where there is only one.
            observation: The observation before the action, a :func:`snapshot`.
            action: The action, a snapshot taken before the environment's step.
            reward: The reward of that step.
            info: The environment's ``info`` after the step. The last one of each seat is copied in the end, so it must
                not change before.

        Raises:
            EnvironmentFault: If the reward is not a finite number.
        """
        value = float(reward)
        if not math.isfinite(value):
            raise EnvironmentFault(f"expected a finite reward, got {value!r}")
        step: Step = {"observation": observation if self._observations else None, "action": action, "reward": value}
        if "attack" in info:
            step["attack"] = own(info["attack"])
        self._steps.append(step)
        self.length += 1
        self.returns[seat] = self.returns.get(seat, 0.0) + value
        self._reward_errors += "reward_error" in info
        prefix = ""
        if seat == "agent":
            self.info = info
        else:
            step["seat"] = seat
            self._seat_infos[seat] = info
            prefix = f"{seat}/"
        for name, term in info.get("reward_terms", {}).items():
            self._reward_terms[prefix + name] = self._reward_terms.get(prefix + name, 0.0) + term

    def add_reward(self, seat: str, reward: SupportsFloat, info: dict[str, Any]) -> None:
        """Record a reward that a seat of a game receives before its first action: part of its return, but no step.

        Raises:
            EnvironmentFault: If the reward is not a finite number.
        """
        self.add_step(seat, None, None, reward, info)
        self._steps.pop()
        self.length -= 1

    def cut(self, max_steps: int) -> None:
        """Record that the run's cap on steps truncated the episode; call it last.

        Args:
            max_steps: Maximum number of steps of the run's episodes.
        """
        self.truncated = True
        detail = f"the episode had not ended after max_steps = {max_steps} steps"
        self.info = {**self.info, "truncated_by": "max_steps", "detail": detail}

    def end(self, final_observation: Any, truncated: bool) -> None:
        """Record how the episode ended, and copy its info, which the environment may use again in the next one.

        Args:
            final_observation: The observation after the last step, a snapshot; in games ``None``.
            truncated: Whether the environment reported truncation.
        """
        self.final_observation = final_observation if self._observations else None
        self.truncated = truncated
        self.info = own_info(self.info, _RECORDED_ELSEWHERE)

    def finish(self, exchanges: ExchangeLog, error: dict[str, str] | None = None) -> EpisodeRecord:
        """Make the record.

        Args:
            exchanges: The requests to language models during the episode, and their replies.
            error: Description of the infrastructure failure that ended the episode; ``None`` without one. One with
                ``"outcome": "truncated"`` is the agent's own doing: a truncated episode, which is scored. Where the
                environment truncated the episode since its backend failed, ``info["backend_error"]`` is the failure.
        """
        if self._seat_infos:
            self.info = {
                "seats": {seat: own_info(info, _RECORDED_ELSEWHERE) for seat, info in self._seat_infos.items()},
                **self.info,
            }
        if error is not None and error.get("outcome") == "truncated":
            self.truncated = True
            if not self.returns:
                self.returns["agent"] = 0.0
            who = f" of {error['seat']}" if "seat" in error else ""
            detail = f"context window{who} exceeded: {error['message']}"
            self.info = {**own_info(self.info, _RECORDED_ELSEWHERE), "context_overflow": True, "detail": detail}
            error = None
        elif error is None and self.info.get("parse_error") and (end := _cut_by(exchanges)):
            self.info = {**self.info, "detail": f"{self.info.get('detail', '')}; {end}"}
        if error is None and (failure := self.info.get("backend_error")):
            error = {"boundary": "env", "type": "BackendError", "message": redact(str(failure))[:2000]}
        packed = pack(exchanges.exchanges, self._steps, exchanges.decisions)
        return EpisodeRecord(
            index=self.index,
            seed=self.seed,
            outcome="error" if error else _outcome(self.info),
            returns=self.returns,
            steps=self._steps,
            final_observation=self.final_observation,
            truncated=self.truncated,
            info=own_info(self.info, _RECORDED_ELSEWHERE) if error else self.info,
            reward_terms=self._reward_terms,
            reward_errors=self._reward_errors,
            error=error,
            calls=packed.calls,
            messages=packed.messages,
            decisions=packed.decisions,
            prompt_tokens=exchanges.prompt_tokens,
            completion_tokens=exchanges.completion_tokens,
            reasoning_tokens=exchanges.reasoning_tokens,
            wall_s=round(time.perf_counter() - self._started, 6),
            item=self.item,
            repeat=self.repeat,
        )


def _cut_by(exchanges: ExchangeLog) -> str:
    """Say what kept the model from finishing its last reply; empty if it ended its turn."""
    replies = exchanges.exchanges[-1].replies if exchanges.exchanges else []
    return _ENDS.get(replies[0].finish_reason, "") if replies else ""


def snapshot(value: Any) -> Any:
    """Copy arrays, lists and dictionaries, which environments and agents may overwrite; share anything else."""
    if type(value) in IMMUTABLE:
        return value
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {name: snapshot(part) for name, part in value.items()}
    if isinstance(value, list):
        return list(map(snapshot, value))
    return tuple(map(snapshot, value)) if isinstance(value, tuple) else value


def _outcome(info: dict[str, Any]) -> Outcome:
    # The name of Gymnasium-Robotics and Stable-Baselines3 is read where the first one is not there.
    success = "success" if "success" in info else "is_success"
    if info.get(success):
        return "success"
    if info.get("invalid_action"):
        return "invalid_action"
    if info.get("parse_error"):
        return "parse_error"
    return "failure" if success in info else "finished"
