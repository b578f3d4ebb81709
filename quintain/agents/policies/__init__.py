"""Trained policies: one interface for Stable-Baselines3 models, torch modules and Decision Transformers."""

from quintain.agents.policies.actor import Rollouts
from quintain.agents.policies.decision_transformer import DecisionTransformer
from quintain.agents.policies.files import load_policy, save_policy
from quintain.agents.policies.networks import MLP, ActionValue, Autograd, Layer, Network, as_network
from quintain.agents.policies.normaliser import Normaliser
from quintain.agents.policies.policy import Head, Policy, PolicyCapability, Space
from quintain.agents.policies.sequence import History, SequencePolicy
from quintain.agents.policies.table import TablePolicy

__all__ = [
    "MLP",
    "ActionValue",
    "Autograd",
    "DecisionTransformer",
    "Head",
    "History",
    "Layer",
    "Network",
    "Normaliser",
    "Policy",
    "PolicyCapability",
    "Rollouts",
    "SequencePolicy",
    "Space",
    "TablePolicy",
    "as_network",
    "load_policy",
    "save_policy",
]
