"""Robustness of policies as a paired experiment: clean, noisy and attacked runs on the same seeds."""

from quintain.evaluation.robustness.attacks import ATTACKS, resolve_attacks
from quintain.evaluation.robustness.experiment import Experiment
from quintain.evaluation.robustness.reachability import Reach, reachability
from quintain.evaluation.robustness.run import load_robustness, robustness, run_experiment
from quintain.evaluation.robustness.subjects import Subject, load_subject, make_subject, reference_subject
from quintain.evaluation.robustness.table import RobustnessRow, RobustnessTable
from quintain.evaluation.robustness.threat import Attack

__all__ = [
    "ATTACKS",
    "Attack",
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
    "resolve_attacks",
    "robustness",
    "run_experiment",
]
