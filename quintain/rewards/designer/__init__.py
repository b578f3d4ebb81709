"""Auto MC-Reward (Li et al. 2024): reward functions that are designed, checked and repaired from failed episodes.

Three roles: a :class:`~quintain.rewards.designer.roles.Designer` writes the source of a reward function, a
:class:`~quintain.rewards.designer.critic.Critic` checks it by execution, an
:class:`~quintain.rewards.designer.roles.Analyzer` explains failed episodes, which is the feedback for the next design.
Each takes any engine, a recorded transcript, or works offline from templates. The loop around them, which trains a
policy with every design, is :mod:`quintain.training.reward_search`.
"""

from quintain.rewards.designer.critic import Critic, Verdict
from quintain.rewards.designer.engine_roles import EngineAnalyzer, EngineDesigner, EngineReviewer
from quintain.rewards.designer.making import Roles, make_roles
from quintain.rewards.designer.patterns import PatternAnalyzer
from quintain.rewards.designer.roles import Analysis, Analyzer, Brief, Design, Designer, Evidence, Finding, Trajectory
from quintain.rewards.designer.template import TemplateDesigner
from quintain.rewards.designer.transcript import Transcript
from quintain.sandbox.reward_file import RewardFile, load_reward, save_reward

__all__ = [
    "Analysis",
    "Analyzer",
    "Brief",
    "Critic",
    "Design",
    "Designer",
    "EngineAnalyzer",
    "EngineDesigner",
    "EngineReviewer",
    "Evidence",
    "Finding",
    "PatternAnalyzer",
    "RewardFile",
    "Roles",
    "TemplateDesigner",
    "Trajectory",
    "Transcript",
    "Verdict",
    "load_reward",
    "make_roles",
    "save_reward",
]
