"""RAT: attacks that make a frozen policy show the behaviour that an attacker prefers (Bai et al. 2025)."""

from quintain.attacks.rat.baseline import TrainedBaseline, train_on_preferences
from quintain.attacks.rat.settings import RATSettings
from quintain.attacks.rat.training import TrainedRAT, train_rat

__all__ = ["RATSettings", "TrainedBaseline", "TrainedRAT", "train_on_preferences", "train_rat"]
