"""Repair of bugs in small repositories: packages, mutation operators, verified instances, and the environment."""

from __future__ import annotations

from quintain.envs.repair.instances import Instance, Symptom, instances
from quintain.envs.repair.mutations import OPERATORS, Mutation
from quintain.envs.repair.packages import Package, load_package, package_names

__all__ = ["OPERATORS", "Instance", "Mutation", "Package", "Symptom", "instances", "load_package", "package_names"]
