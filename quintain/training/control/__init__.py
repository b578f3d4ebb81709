"""Training of control policies: PPO, imitation, and playing whole episodes with the result."""

from quintain.training.control.episodes import Episode, play_episodes
from quintain.training.control.imitation import ImitationSettings, train_decision_transformer
from quintain.training.control.ppo import train_ppo
from quintain.training.control.settings import PPOTrainingSettings

__all__ = [
    "Episode",
    "ImitationSettings",
    "PPOTrainingSettings",
    "play_episodes",
    "train_decision_transformer",
    "train_ppo",
]
