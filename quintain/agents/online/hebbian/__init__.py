"""Systematic neural search (reconstruction): a Hebbian graph of places whose paths are attempted in order of cost."""

from quintain.agents.online.hebbian.agent import HebbianActor, HebbianSearchAgent
from quintain.agents.online.hebbian.attempts import Attempt, Comparisons, Outcome, check_no_starvation
from quintain.agents.online.hebbian.graph import CognitiveGraph
from quintain.agents.online.hebbian.harmonic_code import HarmonicCode
from quintain.agents.online.hebbian.settings import HebbianSettings, Order

__all__ = [
    "Attempt",
    "CognitiveGraph",
    "Comparisons",
    "HarmonicCode",
    "HebbianActor",
    "HebbianSearchAgent",
    "HebbianSettings",
    "Order",
    "Outcome",
    "check_no_starvation",
]
