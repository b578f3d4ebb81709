"""Training: whatever changes a policy from one episode to the next."""

from quintain.training.registry import TRAINERS, TrainerFacts

__all__ = ["TRAINERS", "TrainerFacts"]
