"""What makes a victim harder to deceive: filters on what it sees, and training that expects the lie."""

from quintain.attacks.defences.atla import train_atla
from quintain.attacks.defences.rat_atla import train_rat_atla
from quintain.attacks.defences.sa_ppo import train_sa_ppo
from quintain.attacks.defences.settings import Checkpoint, DefenceSettings, Defended
from quintain.attacks.defences.smoothing import smooth_actions, smooth_observations
from quintain.attacks.defences.wocar import train_rat_wocar, train_wocar

__all__ = [
    "Checkpoint",
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
