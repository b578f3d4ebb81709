"""What goes wrong: attacks as wrappers with an explicit budget."""

from quintain.agents.policies import Normaliser, Policy
from quintain.attacks.action import ActionPerturbation
from quintain.attacks.adversary import AdversarySettings, train_adversary
from quintain.attacks.budget import Ball
from quintain.attacks.catalogue import (
    ActionAttack,
    CriticAttack,
    FGSMAttack,
    LearnedAttack,
    MADAttack,
    MixedAttack,
    NullAttack,
    PAADAttack,
    RandomAttack,
    RATAttack,
    RewardAttack,
    RobustSarsaAttack,
    SARLAttack,
    TargetAttack,
)
from quintain.attacks.dynamics import DynamicsPerturbation
from quintain.attacks.observation import Method, ObservationPerturbation
from quintain.attacks.rat import RATSettings, train_on_preferences, train_rat
from quintain.attacks.reward import RewardPerturbation
from quintain.attacks.sarsa import SarsaSettings, train_robust_sarsa
from quintain.attacks.schedule import Schedule
from quintain.attacks.surrogate import SurrogateSettings, train_surrogate
from quintain.attacks.wrappers import Attacked, AttackedVector, Perturbation, apply_attack

#: The policy under attack. Any :class:`~quintain.agents.policies.Policy` can be one.
Victim = Policy

__all__ = [
    "ActionAttack",
    "ActionPerturbation",
    "AdversarySettings",
    "Attacked",
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
    "Victim",
    "apply_attack",
    "train_adversary",
    "train_on_preferences",
    "train_rat",
    "train_robust_sarsa",
    "train_surrogate",
]
