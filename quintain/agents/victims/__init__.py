"""Policies under attack: one face for Stable-Baselines3 models, plain torch modules and Decision Transformers."""

from quintain.agents.victims.decision_transformer import DecisionTransformer
from quintain.agents.victims.episodes import Episode, play_episodes
from quintain.agents.victims.files import load_victim, save_victim
from quintain.agents.victims.imitation import ImitationSettings, train_decision_transformer
from quintain.agents.victims.memory import Memory, Rollouts, SequencePolicy
from quintain.agents.victims.networks import MLP, Autograd, Layer, Network, as_network
from quintain.agents.victims.normaliser import Normaliser
from quintain.agents.victims.victim import ActionValue, Capability, Head, Space, Victim

__all__ = [
    "MLP",
    "ActionValue",
    "Autograd",
    "Capability",
    "DecisionTransformer",
    "Episode",
    "Head",
    "ImitationSettings",
    "Layer",
    "Memory",
    "Network",
    "Normaliser",
    "Rollouts",
    "SequencePolicy",
    "Space",
    "Victim",
    "as_network",
    "load_victim",
    "play_episodes",
    "save_victim",
    "train_decision_transformer",
]
