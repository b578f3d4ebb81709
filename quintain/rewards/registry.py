"""Rewards by name: functions that make a reward term."""

from __future__ import annotations

from quintain.registry import NoFacts, Registry
from quintain.rewards.terms import RewardTerm

__all__ = ["REWARDS"]

#: ``REWARDS.make(name, ...)`` returns a term for :class:`~quintain.rewards.terms.WithRewardTerms`. Other packages list
#: theirs under the entry-point group ``quintain.rewards``. A plain function of a transition needs no entry.
REWARDS: Registry[RewardTerm, NoFacts] = Registry("reward", NoFacts, group="quintain.rewards")
REWARDS.add("sandboxed", "quintain.rewards.terms:sandboxed_term")
REWARDS.add("monitor", "quintain.rewards.self_monitor:monitor_term")
REWARDS.add("safe", "quintain.rewards.verification:safe_term")
REWARDS.add("table", "quintain.rewards.shaping:table_term")
