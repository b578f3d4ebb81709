"""Defences: observation filters and adversarial training."""

from quintain.attacks.defences.atla import train_atla
from quintain.attacks.defences.rat_atla import train_rat_atla
from quintain.attacks.defences.registry import DEFENCES, DefenceFacts
from quintain.attacks.defences.sa_ppo import train_sa_ppo
from quintain.attacks.defences.settings import DEFENCE_PPO, Checkpoint, DefenceSettings, Defended
from quintain.attacks.defences.smoothing import smooth_actions, smooth_observations
from quintain.attacks.defences.wocar import train_rat_wocar, train_wocar

__all__ = [
    "DEFENCES",
    "DEFENCE_PPO",
    "Checkpoint",
    "DefenceFacts",
    "DefenceSettings",
    "Defended",
    "smooth_actions",
    "smooth_observations",
    "train_atla",
    "train_rat_atla",
    "train_rat_wocar",
    "train_sa_ppo",
    "train_wocar",
]
