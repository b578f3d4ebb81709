"""Policies under attack: one face for Stable-Baselines3 models and plain torch modules."""

from quintain.agents.victims.episodes import Episode, play_episodes
from quintain.agents.victims.files import load_victim, save_victim
from quintain.agents.victims.networks import MLP, Autograd, Layer, Network, as_network
from quintain.agents.victims.normaliser import Normaliser
from quintain.agents.victims.victim import ActionValue, Capability, Head, Space, Victim

__all__ = [
    "MLP",
    "ActionValue",
    "Autograd",
    "Capability",
    "Episode",
    "Head",
    "Layer",
    "Network",
    "Normaliser",
    "Space",
    "Victim",
    "as_network",
    "load_victim",
    "play_episodes",
    "save_victim",
]
