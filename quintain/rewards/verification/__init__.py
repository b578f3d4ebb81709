"""Safe: retrospective verification of the steps of a solution by formal statements and checked proofs."""

from quintain.rewards.verification.aggregator import Aggregator
from quintain.rewards.verification.backend import Check, ProofBackend, Verdict
from quintain.rewards.verification.evidence import StepEvidence, StepState, Verification
from quintain.rewards.verification.exact import ExactBackend
from quintain.rewards.verification.formaliser import ArithmeticFormaliser, Formalisation, Formaliser
from quintain.rewards.verification.registry import VERIFIERS, make_verifier, safe_term
from quintain.rewards.verification.scores import fuse, proved_share
from quintain.rewards.verification.statements import Statement
from quintain.rewards.verification.steps import split_steps
from quintain.rewards.verification.training import AggregatorSettings, TrainedAggregator, train_aggregator
from quintain.rewards.verification.verifier import StepVerifier

__all__ = [
    "VERIFIERS",
    "Aggregator",
    "AggregatorSettings",
    "ArithmeticFormaliser",
    "Check",
    "ExactBackend",
    "Formalisation",
    "Formaliser",
    "ProofBackend",
    "Statement",
    "StepEvidence",
    "StepState",
    "StepVerifier",
    "TrainedAggregator",
    "Verdict",
    "Verification",
    "fuse",
    "make_verifier",
    "proved_share",
    "safe_term",
    "split_steps",
    "train_aggregator",
]
