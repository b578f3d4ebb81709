"""Deception: scenarios in which an outer goal competes with what a model believes, and rules that read both."""

from quintain.envs.deception.scenarios import CATEGORIES, Scenario, builtin_scenarios, load_scenarios
from quintain.envs.deception.stances import Stances, read_stances

__all__ = ["CATEGORIES", "Scenario", "Stances", "builtin_scenarios", "load_scenarios", "read_stances"]
