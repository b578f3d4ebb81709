"""Rewards: named terms that add up, and the wrapper that computes them."""

from quintain.rewards.registry import REWARDS
from quintain.rewards.terms import InvalidReward, RewardTerm, Transition, WithRewardTerms, sandboxed_term

__all__ = ["REWARDS", "InvalidReward", "RewardTerm", "Transition", "WithRewardTerms", "sandboxed_term"]
