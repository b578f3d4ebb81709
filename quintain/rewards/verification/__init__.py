"""Safe: retrospective verification of the steps of a solution by formal statements and checked proofs."""

from quintain.rewards.verification.aggregator import Aggregator
from quintain.rewards.verification.backend import Check, ProofBackend, Verdict
from quintain.rewards.verification.coq import coq_backend
from quintain.rewards.verification.evidence import StepEvidence, StepState, Verification
from quintain.rewards.verification.exact import ExactBackend
from quintain.rewards.verification.export import FormalStep, formal_steps, read_formal_steps, write_formal_steps
from quintain.rewards.verification.formaliser import ArithmeticFormaliser, Formalisation, Formaliser, ProofWriter
from quintain.rewards.verification.lean import lean_backend
from quintain.rewards.verification.model_formaliser import ModelFormaliser, ModelProofs
from quintain.rewards.verification.portfolio import Portfolio
from quintain.rewards.verification.registry import VERIFIERS, make_verifier, safe_term
from quintain.rewards.verification.scores import fuse, proved_share
from quintain.rewards.verification.statements import Statement
from quintain.rewards.verification.steps import split_steps
from quintain.rewards.verification.training import AggregatorSettings, TrainedAggregator, train_aggregator
from quintain.rewards.verification.verifier import StepVerifier
from quintain.rewards.verification.z3_backend import Z3Backend

__all__ = [
    "VERIFIERS",
    "Aggregator",
    "AggregatorSettings",
    "ArithmeticFormaliser",
    "Check",
    "ExactBackend",
    "FormalStep",
    "Formalisation",
    "Formaliser",
    "ModelFormaliser",
    "ModelProofs",
    "Portfolio",
    "ProofBackend",
    "ProofWriter",
    "Statement",
    "StepEvidence",
    "StepState",
    "StepVerifier",
    "TrainedAggregator",
    "Verdict",
    "Verification",
    "Z3Backend",
    "coq_backend",
    "formal_steps",
    "fuse",
    "lean_backend",
    "make_verifier",
    "proved_share",
    "read_formal_steps",
    "safe_term",
    "split_steps",
    "train_aggregator",
    "write_formal_steps",
]
