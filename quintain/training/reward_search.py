"""Auto MC-Reward's outer loop: design, critic, training, evaluation, analysis, and again (Li et al. 2024)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from quintain.errors import ConfigurationError
from quintain.evaluation.loop import run_in_loop
from quintain.files import write_atomically
from quintain.reward_signature import RewardSignature, rows_of
from quintain.rewards.designer import Analysis, Brief, Critic, Design, Evidence, Finding, Roles
from quintain.sandbox.reward_file import save_reward
from quintain.sandbox.reward_program import RewardProgram
from quintain.seeding import SeedStream
from quintain.training.control.reward_worlds import make_training_env
from quintain.training.control.train_rewarded import TrainingPlan, evaluate_rewarded, save_model, train_rewarded
from quintain.training.folder import TrainingRun

__all__ = ["KIND", "Round", "SearchSettings", "read_rounds", "record_inputs", "search_reward"]

#: Kind of run in the manifest.
KIND = "reward-design"
#: Settings that say when a search ends: a resumed one may have others.
_EXTENDED = ("rounds", "target")


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """How a reward is searched for.

    Attributes:
        plan: Environment and training of every round.
        rounds: Outer rounds, >= 1. Default: 2.
        drafts: Maximum number of drafts per round that the critic reads. Default: 3 (paper).
        recorded: Recorded episodes of a random policy on which the critic runs drafts. Default: 4.
        target: Success rate from which the search ends early. Default: 1.
    """

    plan: TrainingPlan
    rounds: int = 2
    drafts: int = 3
    recorded: int = 4
    target: float = 1.0


@dataclass(frozen=True)
class Round:
    """One outer round.

    Attributes:
        number: Its number, from 0.
        source: Source of the accepted design; empty if the critic accepted none.
        thoughts: Reasoning of the designer.
        label: Who designed it.
        rejected: Drafts that the critic stopped: ``source``, ``stage`` and ``objections``. The draft of a round whose
            last drafts only the review stopped is among them, at stage ``"review"``, and is ``source`` all the same.
        curve: Rows of the training curve.
        evidence: Statistics of the evaluation: ``episodes``, ``success``, ``deaths``, ``steps``, ``causes``.
        analysis: Words of the analyzer.
        analyst: Who analyzed.
        findings: Its findings as codes.
        counts: How the calls of the function ended in training, in rows.
        episodes: Chosen evaluation episodes, to be shown: ``seed``, ``outcome``, ``cause``, ``actions``.
    """

    number: int
    source: str
    thoughts: str
    label: str
    rejected: Sequence[Mapping[str, Any]]
    curve: Sequence[Mapping[str, float]]
    evidence: Mapping[str, Any]
    analysis: str
    analyst: str
    findings: Sequence[Mapping[str, str]]
    counts: Mapping[str, int]
    episodes: Sequence[Mapping[str, Any]]


def search_reward(
    settings: SearchSettings,
    roles: Roles,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
) -> list[Round]:
    """Search for a reward function.

    Every round trains a policy from scratch with the newest accepted design. The search ends early when a round reaches
    the target, or when the designer keeps the function of the round before, which would train the same policy again. A
    killed search continues with its first unfinished round.

    Args:
        settings: Environment, training and rounds.
        roles: Designer, analyzer and reviewer.
        seed: Root seed; rounds share the seeds of training and evaluation, so that they can be compared. Default: 0.
        out: Run folder: ``rounds/K/reward.py``, ``round.json``, ``policy.zip``, and ``reward.py`` of the best round.
        resume: Continue the search in ``out``, with equal settings but for ``rounds`` and ``target``, which may be
            raised to extend a finished one. Default: false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.

    Returns:
        The rounds: as many as asked for, or fewer where the search ended early.

    Raises:
        ConfigurationError: If the environment declares no inputs, the critic accepts no draft of the first round, or
            a search with a recorded transcript is resumed, since the transcript would begin anew.
        EngineError: If a model or its server fails.
        RecordError: If the folder cannot be written, or holds another run.
    """
    plan = settings.plan
    if resume and roles.name.startswith("transcript:"):
        raise ConfigurationError(
            "a search with a recorded transcript cannot be resumed, since its replies begin anew; replay it in another "
            "folder"
        )
    described = {**_described(settings), "designer": roles.name}
    run = TrainingRun(
        KIND, env=plan.env, env_kwargs=plan.env_kwargs, policy={"designer": roles.label}, seed=seed,
        settings=described, steps=plan.steps, out=out, resume=resume, progress=progress, kind=KIND,
    )  # fmt: skip
    with run:
        folder = None if out is None else Path(out)
        rounds = [] if folder is None else read_rounds(folder)
        signature, recorded = record_inputs(plan, settings.recorded, seed)
        critic = Critic(recorded, roles.reviewer)
        while len(rounds) < settings.rounds and not (rounds and rounds[-1].evidence["success"] >= settings.target):
            run.go_back(len(rounds) * plan.steps)
            found = _Search(settings, roles, critic, signature, seed, run, folder).play(rounds)
            if found is None:
                break
            rounds.append(found)
            if folder is not None:
                write_atomically(folder / "rounds" / str(found.number) / "round.json", json.dumps(asdict(found)))
        if folder is not None:
            best = max(rounds, key=lambda each: (each.evidence["success"], -each.evidence["deaths"]))
            save_reward(folder / "reward.py", best.source, _facts(plan, best, seed))
    return rounds


class _Search:
    """One round of a search."""

    def __init__(
        self, settings: SearchSettings, roles: Roles, critic: Critic, signature: RewardSignature, seed: int,
        run: TrainingRun, folder: Path | None,
    ) -> None:  # fmt: skip
        self.settings, self.roles, self.critic, self.signature = settings, roles, critic, signature
        self.seed, self.run, self.folder = seed, run, folder

    def play(self, rounds: Sequence[Round]) -> Round | None:
        """Design, train, evaluate and analyze; ``None`` if the design is that of the round before."""
        number, plan = len(rounds), self.settings.plan
        self.run.bar.describe(f"round {number}: design")
        design, rejected = run_in_loop(lambda: self._design(rounds))
        if rounds and design.source == rounds[-1].source:
            return None
        with RewardProgram(design.source, self.signature) as program:
            trained = train_rewarded(plan, program, self.seed, progress=lambda row: self._log(number, row))
        self.run.bar.describe(f"round {number}: evaluation")
        with RewardProgram(design.source, self.signature) as program:
            evidence, episodes = evaluate_rewarded(plan, trained, program, self.seed)
        analysis = run_in_loop(lambda: self.roles.analyzer.analyze(self.signature, design, evidence))
        self.run.log({"step": (number + 1) * plan.steps, "round": number, "eval/success": evidence.success,
                      "eval/deaths": evidence.deaths})  # fmt: skip
        found = _round(number, design, rejected, trained.curve, evidence, analysis, trained.counts, episodes)
        if self.folder is not None:
            place = self.folder / "rounds" / str(number)
            save_reward(place / "reward.py", design.source, _facts(plan, found, self.seed))
            save_model(trained, place / "policy.zip")
        return found

    def _log(self, number: int, row: Mapping[str, float]) -> None:
        done = number * self.settings.plan.steps + min(int(row["step"]), self.settings.plan.steps)
        self.run.log({**row, "step": done, "round": number})
        self.run.show(int(row["step"]), round=number, success=row["success"], deaths=row["deaths"])

    async def _design(self, rounds: Sequence[Round]) -> tuple[Design, list[dict[str, Any]]]:
        """Ask for drafts until the critic accepts one.

        After the last, the newest one that only the review stopped is taken, since a review is advice; else the design
        before stays.
        """
        brief = _brief(self.signature, rounds)
        rejected: list[dict[str, Any]] = []
        passed: Design | None = None
        for _ in range(self.settings.drafts):
            design = await self.roles.designer.design(brief)
            verdict = await self.critic.check(brief, design)
            if verdict.accepted:
                return design, rejected
            passed = design if verdict.stage == "review" else passed
            objections = "; ".join(verdict.objections)
            rejected.append({"source": design.source, "stage": verdict.stage, "objections": objections})
            brief = replace(brief, objections=[*brief.objections, (design.source, f"{verdict.stage}: {objections}")])
        kept = passed or brief.previous
        if kept is None:
            raise ConfigurationError(
                f"the critic rejected all {len(rejected)} drafts of {self.roles.label}; the last one, at "
                f"{rejected[-1]['stage']}: {rejected[-1]['objections']}. Choose a stronger model (--designer), allow "
                "more drafts (SearchSettings.drafts), or take --designer template, which needs no model"
            )
        return kept, rejected


def record_inputs(plan: TrainingPlan, episodes: int, seed: int) -> tuple[RewardSignature, list[list[dict[str, Any]]]]:
    """Play the beginnings of episodes with random actions, and record the inputs of reward functions.

    Args:
        plan: Names the environment.
        episodes: Number of episodes, >= 1.
        seed: Root seed.

    Returns:
        The environment's signature, and the inputs of up to 64 steps of each episode.
    """
    vector = make_training_env(plan.env, plan.env_kwargs, episodes)
    seeds = SeedStream(seed, "designed reward", "recorded")
    try:
        vector.reset(seed=[seeds[k] for k in range(episodes)])
        vector.action_space.seed(seeds.seed)
        running, recorded = np.ones(episodes, np.bool_), [[] for _ in range(episodes)]  # type: ignore[var-annotated]
        for _ in range(64):
            _, _, terminated, truncated, _ = vector.step(vector.action_space.sample())
            for k, row in enumerate(rows_of(vector.reward_inputs(), vector.reward_signature)):
                if running[k]:
                    recorded[k].append(row)
            running &= ~(terminated | truncated)
            if (terminated | truncated).any():
                vector.reset(options={"reset_mask": np.asarray(terminated | truncated)})
        return vector.reward_signature, recorded
    finally:
        vector.close()


def read_rounds(folder: str | Path) -> list[Round]:
    """Return the finished rounds of a search, in order."""
    found: list[Round] = []
    while (path := Path(folder) / "rounds" / str(len(found)) / "round.json").exists():
        found.append(Round(**json.loads(path.read_text(encoding="utf-8"))))
    return found


def _brief(signature: RewardSignature, rounds: Sequence[Round]) -> Brief:
    findings = tuple(Finding(**each) for before in rounds for each in before.findings)
    if not rounds:
        return Brief(signature)
    last = rounds[-1]
    evidence = Evidence(**last.evidence, trajectories=())
    return Brief(
        signature, len(rounds), Design(last.source, last.thoughts, last.label), evidence, findings, last.analysis
    )


def _round(
    number: int, design: Design, rejected: list[dict[str, Any]], curve: Sequence[Mapping[str, float]],
    evidence: Evidence, analysis: Analysis, counts: Mapping[str, int], episodes: Sequence[Any],
) -> Round:  # fmt: skip
    shown = []
    for outcome in ("success", "death", "failure"):
        of_kind = [each for each in episodes if each.trajectory.outcome == outcome]
        for each in sorted(of_kind, key=lambda each: len(each.actions))[len(of_kind) // 2 :][:1]:
            actions = np.asarray(each.actions).tolist()
            shown.append({"seed": each.seed, "outcome": outcome, "cause": each.trajectory.cause, "actions": actions})
    statistics = {k: v for k, v in asdict(evidence).items() if k != "trajectories"}
    findings = [asdict(each) for each in analysis.findings]
    return Round(
        number, design.source, design.thoughts, design.label, rejected, list(curve), statistics, analysis.words,
        analysis.label, findings, dict(counts), shown,
    )  # fmt: skip


def _facts(plan: TrainingPlan, found: Round, seed: int) -> dict[str, Any]:
    return {
        "env": plan.env, "env_kwargs": dict(plan.env_kwargs), "designer": found.label, "round": found.number,
        "seed": seed, "success": found.evidence["success"], "deaths": found.evidence["deaths"], "steps": plan.steps,
    }  # fmt: skip


def _described(settings: SearchSettings) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return {name: value for name, value in described.items() if name not in _EXTENDED}
