"""Robustness of agents with tools as a paired experiment: agents x attacks x surfaces x guards on the same seeds."""

from quintain.experiments.malfunction.breakdown import BreakdownRow
from quintain.experiments.malfunction.condition import Condition
from quintain.experiments.malfunction.experiment import MalfunctionExperiment
from quintain.experiments.malfunction.run import run_malfunction
from quintain.experiments.malfunction.table import MalfunctionRow, MalfunctionTable

__all__ = [
    "BreakdownRow",
    "Condition",
    "MalfunctionExperiment",
    "MalfunctionRow",
    "MalfunctionTable",
    "run_malfunction",
]
