"""Robustness of policies as a paired experiment: clean, noisy and attacked runs on the same seeds."""

from quintain.evaluation.robustness.table import RobustnessRow, RobustnessTable, robustness

__all__ = ["RobustnessRow", "RobustnessTable", "robustness"]
