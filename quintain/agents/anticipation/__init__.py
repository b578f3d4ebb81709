"""Detectors of mistakes in procedures: they anticipate the next step, and flag one that they did not expect."""

from quintain.agents.anticipation.agent import MistakeDetector
from quintain.agents.anticipation.methods import METHODS, Anticipate, Bigram, NGram, TaskGraphLearner

__all__ = ["METHODS", "Anticipate", "Bigram", "MistakeDetector", "NGram", "TaskGraphLearner"]
