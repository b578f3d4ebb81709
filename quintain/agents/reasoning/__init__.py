"""Agents that spend more at test time: they sample candidates, evaluate them, and choose or rewrite their response."""

from quintain.agents.reasoning.agent import ReasoningOptions, SelfFeedbackAgent
from quintain.agents.reasoning.budget import Budget
from quintain.agents.reasoning.candidate import Candidate
from quintain.agents.reasoning.debate import MultiAgentDebateAgent
from quintain.agents.reasoning.dola import DolaAgent
from quintain.agents.reasoning.evaluations import SCORES, Agreement, PTrue, RewardModel, TokenScores
from quintain.agents.reasoning.feedback import Evaluate, Outcome, Signal, Update
from quintain.agents.reasoning.fobar import FobarAgent, SelfVerificationAgent
from quintain.agents.reasoning.methods import METHODS, MethodFacts
from quintain.agents.reasoning.p_true import Judged, PTrueAgent, judged_examples
from quintain.agents.reasoning.rcot import RCoTAgent
from quintain.agents.reasoning.refinement import ProgressiveHintsAgent, RCIAgent, SelfRefineAgent
from quintain.agents.reasoning.safe import SafeAgent
from quintain.agents.reasoning.selections import Best, Borda, First, Majority, WeightedVote
from quintain.agents.reasoning.turn import Turn
from quintain.agents.reasoning.universal import UniversalSelfConsistencyAgent
from quintain.agents.reasoning.verification import AnswerShare, StepVerification
from quintain.agents.reasoning.voting import (
    BestOfNAgent,
    BordaAgent,
    FirstAnswerAgent,
    OracleOfNAgent,
    SelfConsistencyAgent,
    SoftSelfConsistencyAgent,
    WeightedVoteAgent,
)

__all__ = [
    "METHODS",
    "SCORES",
    "Agreement",
    "AnswerShare",
    "Best",
    "BestOfNAgent",
    "Borda",
    "BordaAgent",
    "Budget",
    "Candidate",
    "DolaAgent",
    "Evaluate",
    "First",
    "FirstAnswerAgent",
    "FobarAgent",
    "Judged",
    "Majority",
    "MethodFacts",
    "MultiAgentDebateAgent",
    "OracleOfNAgent",
    "Outcome",
    "PTrue",
    "PTrueAgent",
    "ProgressiveHintsAgent",
    "RCIAgent",
    "RCoTAgent",
    "ReasoningOptions",
    "RewardModel",
    "SafeAgent",
    "SelfConsistencyAgent",
    "SelfFeedbackAgent",
    "SelfRefineAgent",
    "SelfVerificationAgent",
    "Signal",
    "SoftSelfConsistencyAgent",
    "StepVerification",
    "TokenScores",
    "Turn",
    "UniversalSelfConsistencyAgent",
    "Update",
    "WeightedVote",
    "WeightedVoteAgent",
    "judged_examples",
]
