"""RAT: attacks that make a frozen victim do what the attacker wants (Bai et al. 2025)."""

from quintain.attacks.rat.baseline import TrainedRival, train_on_preferences
from quintain.attacks.rat.settings import RATSettings
from quintain.attacks.rat.training import TrainedRAT, train_rat

__all__ = ["RATSettings", "TrainedRAT", "TrainedRival", "train_on_preferences", "train_rat"]
