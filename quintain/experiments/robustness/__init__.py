"""Robustness of policies as a paired experiment: clean, noisy and attacked episodes on the same seeds."""

from quintain.experiments.robustness.experiment import RobustnessExperiment
from quintain.experiments.robustness.policy_under_test import (
    PolicyUnderTest,
    load_policy_under_test,
    make_policy_under_test,
    reference_policy_under_test,
)
from quintain.experiments.robustness.reachability import Reachability, reachability
from quintain.experiments.robustness.run import robustness, run_experiment
from quintain.experiments.robustness.stored import load_robustness, write_robustness_report
from quintain.experiments.robustness.table import RobustnessRow, RobustnessTable

__all__ = [
    "PolicyUnderTest",
    "Reachability",
    "RobustnessExperiment",
    "RobustnessRow",
    "RobustnessTable",
    "load_policy_under_test",
    "load_robustness",
    "make_policy_under_test",
    "reachability",
    "reference_policy_under_test",
    "robustness",
    "run_experiment",
    "write_robustness_report",
]
