"""Methods that think longer, by name, with the facts by which the survey of self-feedback classifies them.

Source of the terms: Liang et al. 2024, arXiv 2407.14507. Every name is that of an agent; the facts are read without
importing it, and tests hold them against what the agents do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from quintain.registry import Registry

__all__ = ["LINES", "METHODS", "WAYS", "Access", "Layer", "MethodFacts"]

#: Where the expressions that are compared come from: activations, the choice of tokens, or whole texts.
Layer = Literal["latent", "decoding", "response"]
#: What the evaluation must see of the model: its text, its probabilities as well, or its hidden states as well.
Access = Literal["black-box", "grey-box", "white-box"]

#: The seven lines of work of the survey, in its order.
LINES = (
    "reasoning topologically",
    "refining with responses",
    "multi-agent collaboration",
    "refining the response iteratively",
    "mitigating while generating",
    "decoding truthfully",
    "activating truthfulness",
)
#: The six ways to obtain a signal, in its order.
WAYS = (
    "uncertainty estimation",
    "confidence estimation",
    "hallucination detection",
    "verbal critiquing",
    "contrastive optimisation",
    "external feedback",
)


@dataclass(frozen=True, slots=True)
class MethodFacts:
    """What is known of a method before it is made, at its default settings.

    Attributes:
        line: Line of work, one of :data:`LINES`.
        way: How its signal is obtained, one of :data:`WAYS`.
        signal: What the signal is made of: ``"scalar"``, ``"text"``, ``"external"`` or ``"contrastive"``.
        evaluate: Self-Evaluate, in words.
        update: Self-Update, in words.
        calls: Maximum number of replies that a decision samples, as a formula in the method's options. ``answers`` and
            ``numbers`` are those that a decision finds.
        layer: Layer of the expressions. Default: ``"response"``.
        access: What the evaluation must see of the model. Default: ``"black-box"``.
        models: Number of models that take part. Default: 1.
        training: Whether the method trains anything. Default: false.
        narrow: Whether one model both evaluates and answers: self-feedback in the narrow sense. Default: true.
        oracle: Whether it is given right answers. Default: false.
        source: Authors, year and arXiv identifier.
    """

    line: str = LINES[0]
    way: str = WAYS[0]
    signal: str = "scalar"
    evaluate: str = ""
    update: str = ""
    calls: str = "n"
    layer: Layer = "response"
    access: Access = "black-box"
    models: int = 1
    training: bool = False
    narrow: bool = True
    oracle: bool = False
    source: str = ""


#: Methods by name; each is an agent of the same name.
METHODS: Registry[Any, MethodFacts] = Registry("method", MethodFacts)
_VOTING = "quintain.agents.reasoning.voting"
METHODS.add(
    "self-consistency",
    f"{_VOTING}:SelfConsistencyAgent",
    evaluate="sampling: how often each answer occurs",
    update="majority vote",
    source="Wang et al. 2023, 2203.11171",
)
METHODS.add(
    "best-of-n",
    f"{_VOTING}:BestOfNAgent",
    way=WAYS[4],
    signal="contrastive",
    evaluate="a score of each reply, by default its self-certainty",
    update="the reply with the highest score",
    access="grey-box",
    source="Kang et al. 2025, 2502.18581",
)
METHODS.add(
    "borda",
    f"{_VOTING}:BordaAgent",
    way=WAYS[4],
    signal="contrastive",
    evaluate="a score of each reply, by default its self-certainty",
    update="vote weighted by rank",
    access="grey-box",
    source="Kang et al. 2025, 2502.18581",
)
METHODS.add(
    "weighted-vote",
    f"{_VOTING}:WeightedVoteAgent",
    way=WAYS[4],
    signal="contrastive",
    evaluate="a score of each reply, by default its self-certainty",
    update="vote weighted by the score, summed or averaged",
    access="grey-box",
    source="Kang et al. 2025, 2502.18581",
)
METHODS.add(
    "soft-self-consistency",
    f"{_VOTING}:SoftSelfConsistencyAgent",
    way=WAYS[4],
    signal="contrastive",
    evaluate="joint probability of the tokens of each reply",
    update="the reply with the highest probability",
    access="grey-box",
    source="Wang et al. 2024, 2402.13212",
)
METHODS.add(
    "universal-self-consistency",
    "quintain.agents.reasoning.universal:UniversalSelfConsistencyAgent",
    way=WAYS[4],
    signal="contrastive",
    evaluate="the model names the most consistent reply",
    update="the named reply",
    calls="n + 1",
    source="Chen et al. 2023, 2311.17311",
)
METHODS.add(
    "fobar",
    "quintain.agents.reasoning.fobar:FobarAgent",
    way=WAYS[1],
    evaluate="backward prediction of masked numbers from each answer",
    update="vote times backward probability",
    calls="n + answers * numbers * chains",
    source="Jiang et al. 2024, 2308.07758",
)
METHODS.add(
    "self-verification",
    "quintain.agents.reasoning.fobar:SelfVerificationAgent",
    way=WAYS[1],
    evaluate="backward prediction of the masked numbers of a rewritten statement",
    update="the answer with the most hits",
    calls="n + answers + answers * numbers * chains",
    source="Weng et al. 2023, 2212.09561",
)
METHODS.add(
    "p-true",
    "quintain.agents.reasoning.p_true:PTrueAgent",
    way=WAYS[1],
    evaluate="P(True): the probability of the letter of the verdict true, with the samples shown as ideas",
    update="none: the first reply with an answer; the probability is recorded as confidence",
    calls="n + 1",
    access="grey-box",
    source="Kadavath et al. 2022, 2207.05221",
)
METHODS.add(
    "safe",
    "quintain.agents.reasoning.safe:SafeAgent",
    way=WAYS[5],
    signal="external",
    evaluate="proofs of the steps of each reply, fused with the share of replies that agree",
    update="the reply with the highest score",
    narrow=False,
    source="Liu et al. 2025, 2506.04592",
)
METHODS.add(
    "self-refine",
    "quintain.agents.reasoning.refinement:SelfRefineAgent",
    line=LINES[3],
    way=WAYS[3],
    signal="text",
    evaluate="critique in words",
    update="rewriting, until the critique has nothing to change",
    calls="1 + 2 * rounds",
    source="Madaan et al. 2023, 2303.17651",
)
METHODS.add(
    "rci",
    "quintain.agents.reasoning.refinement:RCIAgent",
    line=LINES[3],
    way=WAYS[3],
    signal="text",
    evaluate="review in words",
    update="rewriting, a fixed number of times",
    calls="1 + 2 * rounds",
    source="Kim et al. 2023, 2303.17491",
)
METHODS.add(
    "progressive-hints",
    "quintain.agents.reasoning.refinement:ProgressiveHintsAgent",
    line=LINES[3],
    evaluate="agreement of two answers in a row",
    update="asking again with earlier answers as hints",
    calls="1 + rounds",
    source="Zheng et al. 2023, 2304.09797",
)
METHODS.add(
    "multi-agent-debate",
    "quintain.agents.reasoning.debate:MultiAgentDebateAgent",
    line=LINES[2],
    way=WAYS[3],
    signal="text",
    evaluate="the answers of the other agents",
    update="answering again; majority of the last round",
    calls="agents * (1 + rounds)",
    source="Du et al. 2023, 2305.14325",
)
METHODS.add(
    "dola",
    "quintain.agents.reasoning.dola:DolaAgent",
    line=LINES[5],
    way=WAYS[4],
    signal="contrastive",
    evaluate="the distribution of an early layer at each token",
    update="each token is drawn from the contrast with the last layer; majority vote",
    layer="decoding",
    access="white-box",
    source="Chuang et al. 2023, 2309.03883",
)
METHODS.add(
    "rcot",
    "quintain.agents.reasoning.rcot:RCoTAgent",
    line=LINES[3],
    way=WAYS[3],
    signal="text",
    evaluate="the question as reconstructed from the reply, compared with the question condition by condition",
    update="rewriting with what was overlooked, invented or misunderstood",
    calls="1 + 3 * rounds",
    source="Xue et al. 2023, 2305.11499",
)
METHODS.add(
    "first-answer",
    f"{_VOTING}:FirstAnswerAgent",
    evaluate="none: the baseline of selection",
    update="the first reply with an answer",
    source="Kang et al. 2025, 2502.18581",
)
METHODS.add(
    "mcts-star",
    "quintain.agents.search.agent:MCTSStarAgent",
    way=WAYS[1],
    evaluate="value of each partial solution: P(True), or a function of yours",
    update="tree search; the complete solution with the highest value",
    calls="iterations * (3 * branch + roll_forward_steps * roll_branch)",
    access="grey-box",
    source="Zhang et al. 2024, 2406.03816",
)
METHODS.add(
    "oracle-of-n",
    f"{_VOTING}:OracleOfNAgent",
    way=WAYS[5],
    signal="external",
    evaluate="the right answer: the upper bound of selection",
    update="a reply with the right answer",
    narrow=False,
    oracle=True,
    source="Kang et al. 2025, 2502.18581",
)
