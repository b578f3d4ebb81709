"""Rewards of finite MDPs that are designed by an algorithm (Devidze 2025): informative, sparse, with the same optimum.

Teacher-driven design knows the MDP and an optimal policy: :func:`design_exprd`, beside potential-based shaping and
other rivals. Each returns a :class:`RewardTable` with a :class:`Certificate`. :class:`ExpAdaRD` designs again for the
learner's present policy; :class:`ExploRS` needs no teacher: it learns from true returns. Rewards that a language model
writes as programs are in :mod:`quintain.rewards.designer`.
"""

from quintain.rewards.shaping.adaptive import AdaptiveDesigner, ExpAdaRD
from quintain.rewards.shaping.designed import (
    HORIZONS,
    Certificate,
    RewardTable,
    certify,
    informativeness,
    table_term,
)
from quintain.rewards.shaping.drawing import draw_reward, reward_text
from quintain.rewards.shaping.exprd import EXPRDSettings, design_exprd, design_on_states
from quintain.rewards.shaping.invariance import Problem, gap_matrix
from quintain.rewards.shaping.potential import (
    design_craft,
    design_invariant,
    design_potential,
    original_reward,
)
from quintain.rewards.shaping.registry import SHAPINGS, ShapingFacts
from quintain.rewards.shaping.rivals import LIRPG, SORS
from quintain.rewards.shaping.self_shaping import ExploRS, ExploRSSettings
from quintain.rewards.shaping.shaper import Episodes, FixedReward, Grouped, Shaper, returns_to_go

__all__ = [
    "HORIZONS",
    "LIRPG",
    "SHAPINGS",
    "SORS",
    "AdaptiveDesigner",
    "Certificate",
    "EXPRDSettings",
    "Episodes",
    "ExpAdaRD",
    "ExploRS",
    "ExploRSSettings",
    "FixedReward",
    "Grouped",
    "Problem",
    "RewardTable",
    "Shaper",
    "ShapingFacts",
    "certify",
    "design_craft",
    "design_exprd",
    "design_invariant",
    "design_on_states",
    "design_potential",
    "draw_reward",
    "gap_matrix",
    "informativeness",
    "original_reward",
    "returns_to_go",
    "reward_text",
    "table_term",
]
