"""Training of control policies: PPO, imitation, and playing whole episodes with the result."""

from quintain.training.control.episodes import Episode, play_episodes
from quintain.training.control.imitation import ImitationSettings, train_decision_transformer

__all__ = ["Episode", "ImitationSettings", "play_episodes", "train_decision_transformer"]
