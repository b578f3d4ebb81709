"""Rewards of finite MDPs that are designed by an algorithm (Devidze 2025): informative, sparse, with the same optimum.

Teacher-driven design knows the MDP and an optimal policy: :func:`design_exprd`, beside potential-based shaping and
other rivals. Each returns a :class:`RewardTable` with a :class:`Certificate`. Rewards that a language model writes as
programs are in :mod:`quintain.rewards.designer`.
"""

from quintain.rewards.shaping.designed import (
    HORIZONS,
    Certificate,
    RewardTable,
    certify,
    informativeness,
    table_term,
)
from quintain.rewards.shaping.exprd import EXPRDSettings, design_exprd, design_on_states
from quintain.rewards.shaping.invariance import Problem, gap_matrix
from quintain.rewards.shaping.potential import design_craft, design_invariant, design_potential, original_reward
from quintain.rewards.shaping.shaper import Episodes, FixedReward, Shaper, returns_to_go

__all__ = [
    "HORIZONS",
    "Certificate",
    "EXPRDSettings",
    "Episodes",
    "FixedReward",
    "Problem",
    "RewardTable",
    "Shaper",
    "certify",
    "design_craft",
    "design_exprd",
    "design_invariant",
    "design_on_states",
    "design_potential",
    "gap_matrix",
    "informativeness",
    "original_reward",
    "returns_to_go",
    "table_term",
]
