"""Rewards: named terms that add up, and the wrapper that computes them."""

from quintain.rewards.designed_term import DesignedTerm
from quintain.rewards.registry import REWARDS
from quintain.rewards.terms import InvalidReward, RewardTerm, Transition, WithRewardTerms, sandboxed_term

__all__ = ["REWARDS", "DesignedTerm", "InvalidReward", "RewardTerm", "Transition", "WithRewardTerms", "sandboxed_term"]
