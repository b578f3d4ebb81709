"""SWE-Search: tree search over the actions of a repair agent, with values, hindsight feedback and a debate.

Source: Antoniades et al. 2024, arXiv 2410.20285, as its two public repositories compute it.
"""

from quintain.agents.search.swe.agent import RepairAgent, SWESearchAgent
from quintain.agents.search.swe.debate import Candidate, Debater, candidates, debate
from quintain.agents.search.swe.nodes import Attempt, SWETree
from quintain.agents.search.swe.search import SWESearchResult, swe_search
from quintain.agents.search.swe.settings import ORIGINAL, REFACTORED, SWESearchSettings, UCTBonuses
from quintain.agents.search.swe.uct import uct_score, uct_terms
from quintain.agents.search.swe.values import Judgement, RuleValue, ValueModel

__all__ = [
    "ORIGINAL",
    "REFACTORED",
    "Attempt",
    "Candidate",
    "Debater",
    "Judgement",
    "RepairAgent",
    "RuleValue",
    "SWESearchAgent",
    "SWESearchResult",
    "SWESearchSettings",
    "SWETree",
    "UCTBonuses",
    "ValueModel",
    "candidates",
    "debate",
    "swe_search",
    "uct_score",
    "uct_terms",
]
