"""Robustness of policies as a paired experiment: clean, noisy and attacked runs on the same seeds."""

from quintain.experiments.robustness.experiment import Experiment
from quintain.experiments.robustness.reachability import Reach, reachability
from quintain.experiments.robustness.run import robustness, run_experiment
from quintain.experiments.robustness.stored import load_robustness
from quintain.experiments.robustness.subjects import Subject, load_subject, make_subject, reference_subject
from quintain.experiments.robustness.table import RobustnessRow, RobustnessTable

__all__ = [
    "Experiment",
    "Reach",
    "RobustnessRow",
    "RobustnessTable",
    "Subject",
    "load_robustness",
    "load_subject",
    "make_subject",
    "reachability",
    "reference_subject",
    "robustness",
    "run_experiment",
]
