"""How often a model's answer contradicts what it believes: two runs of ``Deception-v0``, judges, and the rates."""

from quintain.experiments.deception.cases import Case, make_cases
from quintain.experiments.deception.judges import EngineJudge, Judgement, judge_by_rules
from quintain.experiments.deception.planted import PLANTED, planted
from quintain.experiments.deception.rates import DeceptionRates, deception_rates, play_deception

__all__ = [
    "PLANTED",
    "Case",
    "DeceptionRates",
    "EngineJudge",
    "Judgement",
    "deception_rates",
    "judge_by_rules",
    "make_cases",
    "planted",
    "play_deception",
]
