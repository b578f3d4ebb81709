"""RAT: attacks that make a frozen victim do what the attacker wants (Bai et al. 2025)."""

from quintain.attacks.rat.settings import RATSettings
from quintain.attacks.rat.training import TrainedRAT, train_rat

__all__ = ["RATSettings", "TrainedRAT", "train_rat"]
