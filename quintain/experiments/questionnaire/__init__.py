"""Reliability of questionnaires on language models: models x instruments x templates x orders, and one audit."""

from quintain.experiments.questionnaire.audit import Audit, AuditGroup
from quintain.experiments.questionnaire.calibration import Calibration, calibrate
from quintain.experiments.questionnaire.condition import Condition
from quintain.experiments.questionnaire.experiment import QuestionnaireExperiment
from quintain.experiments.questionnaire.planted import Check
from quintain.experiments.questionnaire.run import run_questionnaire
from quintain.experiments.questionnaire.tables import audit_tables

__all__ = [
    "Audit",
    "AuditGroup",
    "Calibration",
    "Check",
    "Condition",
    "QuestionnaireExperiment",
    "audit_tables",
    "calibrate",
    "run_questionnaire",
]
