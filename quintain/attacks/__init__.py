"""Attacks: environment wrappers that perturb what a policy observes, does or is rewarded for, within a budget.

The functions named ``...Attack`` wrap a single or a vector environment, as Gymnasium's wrapper classes do, and return
:class:`Attacked` or :class:`AttackedVector`. :func:`attack` does so by name, for every entry of :data:`ATTACKS`.
"""

from quintain.agents.policies import Normaliser, Policy
from quintain.attacks.action import ActionAttack, ActionPerturbation
from quintain.attacks.adversary import AdversarySettings, train_adversary
from quintain.attacks.budget import Ball
from quintain.attacks.contract import Attack, AttackContext, AttackFacts, Trained
from quintain.attacks.controls import NullAttack, RandomAttack
from quintain.attacks.critics import CriticAttack, MixedAttack, RobustSarsaAttack
from quintain.attacks.divergence import FGSMAttack, MADAttack
from quintain.attacks.dynamics import DynamicsPerturbation
from quintain.attacks.episodes import AttackedEpisode, play_attacked
from quintain.attacks.learned import LearnedAttack, SARLAttack
from quintain.attacks.observation import Method, ObservationPerturbation
from quintain.attacks.pa_ad import PAADAttack
from quintain.attacks.perturbation import Perturbation
from quintain.attacks.rat import RATSettings, train_on_preferences, train_rat
from quintain.attacks.rat.attack import RATAttack
from quintain.attacks.registry import ATTACKS, attack, resolve_attacks
from quintain.attacks.reward import RewardAttack, RewardPerturbation
from quintain.attacks.sarsa import SarsaSettings, train_robust_sarsa
from quintain.attacks.schedule import Schedule
from quintain.attacks.surrogate import SurrogateSettings, train_surrogate
from quintain.attacks.target import TargetAttack
from quintain.attacks.vector_wrapper import AttackedVector
from quintain.attacks.wrappers import Attacked, apply_attack

#: The policy under attack. Any :class:`~quintain.agents.policies.Policy` can be one.
Victim = Policy

__all__ = [
    "ATTACKS",
    "ActionAttack",
    "ActionPerturbation",
    "AdversarySettings",
    "Attack",
    "AttackContext",
    "AttackFacts",
    "Attacked",
    "AttackedEpisode",
    "AttackedVector",
    "Ball",
    "CriticAttack",
    "DynamicsPerturbation",
    "FGSMAttack",
    "LearnedAttack",
    "MADAttack",
    "Method",
    "MixedAttack",
    "Normaliser",
    "NullAttack",
    "ObservationPerturbation",
    "PAADAttack",
    "Perturbation",
    "RATAttack",
    "RATSettings",
    "RandomAttack",
    "RewardAttack",
    "RewardPerturbation",
    "RobustSarsaAttack",
    "SARLAttack",
    "SarsaSettings",
    "Schedule",
    "SurrogateSettings",
    "TargetAttack",
    "Trained",
    "Victim",
    "apply_attack",
    "attack",
    "play_attacked",
    "resolve_attacks",
    "train_adversary",
    "train_on_preferences",
    "train_rat",
    "train_robust_sarsa",
    "train_surrogate",
]
