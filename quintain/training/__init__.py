"""Training of policies."""

from quintain.training.registry import TRAINERS, TrainerFacts

__all__ = ["TRAINERS", "TrainerFacts"]
