"""Attacks that make agents with tools malfunction, and defences against them.

An attack plants instructions, or puts noise, into what an agent reads, within a budget; a guard wraps an agent.
"""

from quintain.attacks.malfunction.detection import Detection, ExaminedCase, detection_rates, load_injecagent
from quintain.attacks.malfunction.examination import QUESTIONS, ResultFilter, SelfExamination, examine
from quintain.attacks.malfunction.gcg import GCGSettings, OptimisedSuffix, optimise_suffix, suffix_loss
from quintain.attacks.malfunction.guards import STOPPED, AllowList, CallBudget, Guard, RepeatLimit, Spotlight
from quintain.attacks.malfunction.metrics import Malfunction, malfunction_rates, malfunction_table
from quintain.attacks.malfunction.payload import Kind, Payload, least_relevant, make_payload
from quintain.attacks.malfunction.registry import (
    GUARDS,
    LANGUAGE_ATTACKS,
    GuardFacts,
    LanguageAttackFacts,
    attack_language,
    guard_agent,
)
from quintain.attacks.malfunction.surfaces import Place
from quintain.attacks.malfunction.upstream import ControlledAgent
from quintain.attacks.malfunction.wrapper import METHODS, SURFACES, TYPES, MalfunctionAttack, Method, Surface

__all__ = [
    "GUARDS",
    "LANGUAGE_ATTACKS",
    "METHODS",
    "QUESTIONS",
    "STOPPED",
    "SURFACES",
    "TYPES",
    "AllowList",
    "CallBudget",
    "ControlledAgent",
    "Detection",
    "ExaminedCase",
    "GCGSettings",
    "Guard",
    "GuardFacts",
    "Kind",
    "LanguageAttackFacts",
    "Malfunction",
    "MalfunctionAttack",
    "Method",
    "OptimisedSuffix",
    "Payload",
    "Place",
    "RepeatLimit",
    "ResultFilter",
    "SelfExamination",
    "Spotlight",
    "Surface",
    "attack_language",
    "detection_rates",
    "examine",
    "guard_agent",
    "least_relevant",
    "load_injecagent",
    "make_payload",
    "malfunction_rates",
    "malfunction_table",
    "optimise_suffix",
    "suffix_loss",
]
