"""The loop of ReST-MCTS*: search, verify final answers, label prefixes, train policy and value model."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from quintain.agents.search.agent import MCTSStarAgent
from quintain.agents.search.labels import label_tree
from quintain.agents.search.mcts_star import end_leaves
from quintain.agents.search.tree import Tree
from quintain.engines.lock_step import in_lock_step
from quintain.evaluation.job import Job
from quintain.evaluation.requests import decisions_of
from quintain.evaluation.rollout import run_episodes
from quintain.evaluation.settings import with_required_settings
from quintain.records import EpisodeRecord
from quintain.training.language.asking import conversation, imitation, judge, read_questions
from quintain.training.language.grpo_trainer import raise_if_all_failed
from quintain.training.language.phased_training import PhasedTraining
from quintain.training.language.phases import Phases
from quintain.training.language.rest_mcts_settings import ReSTMCTSSettings
from quintain.training.language.value_model import ValueExample, ValueModel
from quintain.training.sources import Worlds

__all__ = ["SearchTraining", "Searched", "value_metrics"]


class Searched(NamedTuple):
    """One finished search.

    Attributes:
        query: Number of the question.
        tree: The tree.
        verdicts: Whether the answer of each end leaf is right; without those that the environment did not judge.
        success: Whether the search's own solution is right.
    """

    query: int
    tree: Tree
    verdicts: Mapping[int, bool]
    success: bool


def value_metrics(values: Sequence[float], targets: Sequence[float]) -> dict[str, float]:
    """Return how near values are to their targets: the share within 0.1, and the root of the mean squared error."""
    error = np.abs(np.asarray(values) - np.asarray(targets))
    return {
        "value/within": float(np.mean(error <= 0.1)),
        "value/error": float(np.sqrt(np.mean(error**2))),
    }


@dataclass
class SearchTraining:
    """One training.

    Attributes:
        training: The training that goes on.
        value_data: First data of the value model.
    """

    training: PhasedTraining
    value_data: Sequence[ValueExample]
    questions: list[str] = field(init=False)

    def __post_init__(self) -> None:
        """Fix the questions, and make searcher and value model."""
        on = self.training
        settings: ReSTMCTSSettings = on.settings
        self.settings = settings
        self.phases = Phases(
            on.model, on.agent.engine.tokenizer, settings, "weights", settings.iterations,  # type: ignore[attr-defined]
            on.seeds, on.run, on.run.checkpoints,
        )  # fmt: skip
        self.value = ValueModel(on.agent.engine, on.model, settings.value)
        self.searcher = MCTSStarAgent(
            on.agent.engine, value=self.value, iterations=settings.search_iterations, branch=settings.branch,
            roll_forward_steps=settings.roll_forward_steps, eps=settings.eps, inf=settings.inf,
            end_gate=settings.end_gate, step_tokens=settings.step_tokens, prompt=on.agent.prompt,
            temperature=settings.temperature, extract=False,
        )  # fmt: skip
        self.searcher.search = dataclasses.replace(self.searcher.search, full_sampling=True)
        env_kwargs = with_required_settings(on.worlds.env, on.worlds.env_kwargs, self.searcher)
        self.worlds = Worlds(on.worlds.env, env_kwargs)
        problems = on.seeds.child("problems")
        self.draws = [on.source.draw(problems, k) for k in range(settings.num_queries)]
        self.questions = read_questions(self.worlds, self.draws)

    def run(self) -> None:
        """Train, from the last finished round on."""
        run = self.training.run
        done, state = run.restore()
        if state is not None:
            self.phases.load(state["steps"])
            self.value.load_state_dict(state["value"])
        elif self.value_data:
            self.value.fit(self.value_data, self.training.seeds.child("value", 0).generator())
        for number in range(done, self.settings.iterations):
            self.training.model.eval()
            self.training.evaluate(number)
            self._round(number)
            run.save(number + 1, {"steps": self.phases.steps, "value": self.value.state_dict()})
        if self.training.out is not None:
            self.value.save(self.training.out / "value.pt")

    def _round(self, number: int) -> None:
        """Do one round."""
        searched = self._search(number)
        examples, solutions = self._value_examples(searched), self._solutions(searched)
        row: dict[str, float] = {
            "step": float(number + 1),
            "success": float(np.mean([s.success for s in searched])),
            "solved": float(np.mean([any(s.verdicts.values()) for s in searched])),
            "tokens": float(np.mean([s.tree.facts["tokens"] for s in searched])),
            "solutions": float(len(solutions)),
            "prefixes": float(len(examples)),
        }
        self.training.write_samples(f"round-{number + 1}", [example._asdict() for example in examples])
        if examples:
            pairs = [(example.question, "\n".join(example.steps)) for example in examples]
            row |= value_metrics(self.value.values(pairs), [example.value for example in examples])
            rng = self.training.seeds.child("value", number + 1).generator()
            row["value/loss"] = self.value.fit(examples, rng)
        agent = self.training.agent
        lessons = [imitation(agent, conversation(agent, question), text) for question, text in solutions]
        sequences = [lesson for lesson in lessons if lesson is not None]
        if not sequences:
            warnings.warn(
                f"round {number} has no right answer in {len(searched)} trees, so nothing is learned in it; choose "
                "problems that the policy solves sometimes, or search longer",
                stacklevel=2,
            )
            self.training.run.log({**row, "step": number + 1})
            return
        self.phases.fit(sequences, {**row, "step": number + 1})

    def _search(self, number: int) -> list[Searched]:
        """Search every question, and verify the answers of all end leaves."""
        records = self._play(number)
        raise_if_all_failed(records)
        found: list[Searched] = []
        for record in sorted(records, key=lambda r: r.index):
            decisions = decisions_of(record)
            if record.outcome == "error" or not decisions:
                continue
            tree = Tree.from_json(json.dumps(decisions[0]["tree"]))
            ends = end_leaves(tree, self.settings.end_gate)
            query = record.index % len(self.draws)
            texts = ["\n".join(tree.prefix(leaf)) for leaf in ends]
            verdicts = judge(self.worlds, [self.draws[query]] * len(ends), texts)
            known = {leaf: right for leaf, right in zip(ends, verdicts, strict=True) if right is not None}
            found.append(Searched(query, tree, known, record.outcome == "success"))
        return found

    def _play(self, number: int) -> list[EpisodeRecord]:
        """Play each question once with the searcher."""
        records: list[EpisodeRecord] = []
        first = number * len(self.draws)
        jobs = [Job(first + k, draw.seed, draw.reset_options, 1, None, first + k) for k, draw in enumerate(self.draws)]

        def take(record: EpisodeRecord) -> None:
            records.append(record)
            self.training.run.add_episode(record)

        with self.training.held.playing(), in_lock_step():
            run_episodes(
                self.worlds.env, self.worlds.env_kwargs, self.searcher, iter(jobs),
                min(self.settings.concurrency, len(jobs)), take, lambda facts: None,
            )  # fmt: skip
        return records

    def _value_examples(self, searched: Sequence[Searched]) -> list[ValueExample]:
        """Return the labelled prefixes of all trees."""
        hard = self.settings.value_targets == "reachable"
        return [
            ValueExample(self.questions[s.query], label.prefix, float(label.right) if hard else label.value)
            for s in searched
            for label in label_tree(s.tree, s.verdicts)
        ]

    def _solutions(self, searched: Sequence[Searched]) -> list[tuple[str, str]]:
        """Return question and text of the verified solutions that the policy learns."""
        found = []
        for s in searched:
            right = [leaf for leaf, verdict in s.verdicts.items() if verdict]
            right = [leaf for leaf in right if s.tree.values[leaf] >= self.settings.min_value]
            right.sort(key=lambda leaf: (-s.tree.values[leaf], leaf))
            texts = dict.fromkeys("\n".join(s.tree.prefix(leaf)) for leaf in right)
            found += [(self.questions[s.query], text) for text in list(texts)[: self.settings.max_solutions]]
        return found
