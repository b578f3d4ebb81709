"""Classifiers that learn a stream within one episode, and whose learning rate is regulated."""

from quintain.agents.online.homeostatic.agent import OnlineClassifier
from quintain.agents.online.homeostatic.learner import Learners, LearnerSettings
from quintain.agents.online.homeostatic.rates import (
    RULES,
    Constant,
    Decision,
    Homeostatic,
    Hypergradient,
    RandomStimuli,
    RateRule,
    Scheduled,
    Stimuli,
    Taken,
)

__all__ = [
    "RULES",
    "Constant",
    "Decision",
    "Homeostatic",
    "Hypergradient",
    "LearnerSettings",
    "Learners",
    "OnlineClassifier",
    "RandomStimuli",
    "RateRule",
    "Scheduled",
    "Stimuli",
    "Taken",
]
