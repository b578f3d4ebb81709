"""ReST-MCTS* (Zhang et al. 2024) in small: do search trees teach more than filtered samples, and does search beat them?

A model of 0.34 million parameters adds up to five numbers in steps. It has learned from examples a third of whose steps
are wrong. Training is repeated for each seed from this one model; all conditions see the same final answers.

==================  =================================================================================================
rest-mcts           two rounds of search, verified solutions for the policy and values of prefixes for the value model
hard labels         the same with labels 0 and 1 for the value model
no first values     the same without first data of the value model
rest-em             samples that end right, as many tokens of them as a search has (ReST-EM)
==================  =================================================================================================

At the end the value model chooses: the search against the best of as many sampled answers as have its tokens.

    python papers/rest_mcts_star/study.py             # about three hours of CPU time (an estimate)
    python papers/rest_mcts_star/study.py --smoke     # everything tiny; measures nothing
    python papers/rest_mcts_star/study.py --report    # the tables of the finished trainings
    python papers/rest_mcts_star/study.py --only rest-mcts rest-em --seeds 1
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from quintain.agents.search import MCTSStarAgent
from quintain.engines import make_engine
from quintain.evaluation.requests import decisions_of
from quintain.evaluation.runner import evaluate
from quintain.evaluation.statistics import mean
from quintain.experiments.learning import TrainingComparison, compare_trainings
from quintain.experiments.learning_page import write_training_comparison
from quintain.experiments.learning_study import LearningStudy, Train, finished, pretrained, show_trainings
from quintain.experiments.study_tables import Percent, StudyTables
from quintain.seeding import SeedStream
from quintain.training.language.asking import ask, conversation, judge, read_questions
from quintain.training.language.b_star import SELF_TRAINING, BStarSettings, train_b_star
from quintain.training.language.nano_recipes import RECIPES
from quintain.training.language.policy import as_policy
from quintain.training.language.rest_mcts import ReSTMCTSSettings, train_rest_mcts
from quintain.training.language.settings import OptimizerSettings
from quintain.training.language.value_model import ValueExample, chain_examples, load_value_model
from quintain.training.language.value_settings import ValueSettings

#: Maximum number of tokens of a reply, and how often a step of the teacher is wrong.
TOKENS, SLIP = 80, 0.3
#: What each condition changes of the settings of ReST-MCTS*.
CHANGES: dict[str, dict[str, Any]] = {
    "rest-mcts": {},
    "hard labels": {"value_targets": "reachable"},
    "no first values": {},
}
#: Metrics of a round.
ROUND = ("success", "solved", "value/within")


def add_in_steps(rng: np.random.Generator, question: str, slip: float) -> list[str]:
    """Return the steps of a sum, and its answer; wrong steps are carried on."""
    total, *terms = (int(term) for term in question.split("=")[0].split("+"))
    lines = []
    for term in terms:
        error = int(rng.choice((-10, -1, 1, 10))) if rng.random() < slip else 0
        result = max(0, total + term + error)
        lines.append(f"{total}+{term}={result}")
        total = result
    return [*lines, f"<<<{total}>>>"]


def slipping(rng: np.random.Generator, seen: list[str]) -> str:
    """Add step by step, with slips."""
    return "\n".join(add_in_steps(rng, seen[0], SLIP))


RECIPE = replace(
    RECIPES["arithmetic"], about="adds up to five numbers with slips", write=slipping, max_tokens=TOKENS,
    examples=24_000, epochs=3,
    env_kwargs={**RECIPES["arithmetic"].env_kwargs, "difficulty": "hard"},
)  # fmt: skip


def settings(smoke: bool) -> ReSTMCTSSettings:
    """Return the settings of ReST-MCTS* that all conditions share."""
    learner = OptimizerSettings(learning_rate=3e-4)
    value = ValueSettings(value_steps=2 if smoke else 400, value_batch_size=24, value_learning_rate=1e-3)
    if smoke:
        return ReSTMCTSSettings(
            iterations=1, steps=2, num_queries=2, search_iterations=2, step_tokens=8, eval_every=1, eval_episodes=2,
            pass_k=2, value=value, optimizer=learner,
        )  # fmt: skip
    return ReSTMCTSSettings(
        iterations=2, steps=100, num_queries=150, search_iterations=10, step_tokens=16, batch_size=24, eval_every=1,
        eval_episodes=200, pass_k=4, value=value, optimizer=learner, temperature=1.0,
    )  # fmt: skip


def base(out: Path, smoke: bool) -> Path:
    """Return the model folder of the start policy, which is pre-trained once."""
    return pretrained(RECIPE, out / "base", smoke=smoke)


def first_values(seed: int, number: int) -> list[ValueExample]:
    """Return first data of the value model: right chains, and false steps, of questions of the training split."""
    seeds = SeedStream(seed, "first values")
    rng, worlds = seeds.generator(), RECIPE.worlds
    questions = read_questions(worlds, [worlds.draw(seeds, k) for k in range(number)])

    def corrupt(step: str) -> str:
        at = [k for k, letter in enumerate(step) if letter.isdigit()][-1]
        return step[:at] + str((int(step[at]) + int(rng.integers(1, 10))) % 10) + step[at + 1 :]

    return [e for question in questions for e in chain_examples(question, add_in_steps(rng, question, 0.0), corrupt)]


def learn(folder: Path, seed: int, resume: bool, *, out: Path, condition: str, smoke: bool) -> None:
    """Train one condition with one seed."""
    engine: Any = make_engine("transformers", model=str(base(out, smoke)), max_batch=256)
    agent, chosen = as_policy(engine, 16 if smoke else TOKENS), settings(smoke)
    shared: dict[str, Any] = {
        "seed": seed, "out": folder, "resume": resume, "progress": False, "evaluation": RECIPE.tests
    }  # fmt: skip
    try:
        if condition == "rest-em":
            filtered = BStarSettings(
                **SELF_TRAINING["rest-em"], iterations=chosen.iterations, steps=chosen.steps,
                num_queries=chosen.num_queries, monitored_queries=1, num_generations=2 if smoke else 12,
                batch_size=chosen.batch_size, eval_every=1, eval_episodes=chosen.eval_episodes, pass_k=chosen.pass_k,
                optimizer=chosen.optimizer,
            )  # fmt: skip
            train_b_star(agent, RECIPE.worlds, filtered, **shared)
        else:
            first = [] if condition == "no first values" else first_values(seed, 2 if smoke else 300)
            train_rest_mcts(
                agent, RECIPE.worlds, replace(chosen, **CHANGES[condition]), value_data=first, **shared
            )  # fmt: skip
            (folder / "search.json").write_text(json.dumps(compare_search(engine, folder, seed, smoke)))
    finally:
        engine.close()


def compare_search(engine: Any, folder: Path, seed: int, smoke: bool) -> dict[str, float]:
    """Return the accuracy of the search on test questions, and of the best of as many samples as have its tokens."""
    chosen, number, seeds = settings(smoke), 2 if smoke else 100, SeedStream(seed, "search")
    value = load_value_model(engine, folder / "value.pt")
    searcher = MCTSStarAgent(
        engine, value=value, iterations=chosen.search_iterations, step_tokens=chosen.step_tokens,
        temperature=chosen.temperature, prompt="", extract=False,
    )  # fmt: skip
    tests = RECIPE.tests
    found = evaluate(
        tests.env, searcher, env_kwargs=tests.env_kwargs, episodes=number, seed=seeds.seed, concurrency=64,
        progress=False,
    )  # fmt: skip
    spent = float(np.mean([decisions_of(e)[0]["tree"]["facts"]["tokens"] for e in found.episodes]))
    draws = [tests.draw(seeds, k) for k in range(number)]
    questions, agent = read_questions(tests, draws), as_policy(engine, 16 if smoke else TOKENS)
    right: list[bool | None] = []
    for question, draw in zip(questions, draws, strict=True):
        replies = ask(agent, [conversation(agent, question)] * 16, seeds.child(draw.seed), chosen.temperature)
        texts = [reply or "" for reply in replies]  # none where the question does not fit the context window
        costs = np.cumsum([len(engine.tokenizer(text)["input_ids"]) for text in texts])
        texts = texts[: max(1, int(np.sum(costs <= spent)))]
        values = value.values([(question, text) for text in texts])
        right += judge(tests, [draw], [texts[int(np.argmax(values))]])
    return {
        "search": found.success.estimate, "best of n": float(np.mean([bool(r) for r in right])), "tokens": spent
    }  # fmt: skip


def report(out: Path, folders: dict[str, list[Path]]) -> StudyTables:
    """Print the tables of the finished trainings, write the page, and return the tables."""
    tables, done = StudyTables(), finished(folders)
    if not done:
        return tables
    found = compare_trainings(done, reference="rest-mcts" if "rest-mcts" in done else None)
    show_trainings(found, tables, "Accuracy on test questions without search")
    show_rounds(found, tables)
    rows = []
    for name, runs in done.items():
        read = [json.loads((run / "search.json").read_text()) for run in runs if (run / "search.json").exists()]
        if read:
            cells = [
                Percent(mean([r[key] for r in read], bounds=(0, 1), unit="seeds")) for key in ("search", "best of n")
            ]
            rows.append([name, *cells, float(np.mean([r["tokens"] for r in read]))])
    tables.show(
        "Search against the best of sampled answers at equal tokens, both by the trained value model, on 100 test "
        "questions: means over seeds in per cent",
        ["condition", "search", "best of n", "tokens per question"], rows,
    )  # fmt: skip
    write_training_comparison(found, out / "curves.html", "ReST-MCTS* in small")
    print(f"\npage: {out / 'curves.html'}")
    return tables


def show_rounds(found: TrainingComparison, tables: StudyTables) -> None:
    """Show what each round's search found, and how near the value model was before it learned from the round."""
    rows = [
        [c.name, step, *(Percent(mean(list(c.values(m, step).values()), bounds=(0, 1), unit="seeds")) for m in ROUND)]
        for c in found.conditions
        for step in c.steps("value/within")
    ]
    names = ["search right", "trees with a right answer", "values within 0.1"]
    tables.show("The rounds: means over seeds in per cent", ["condition", "round", *names], rows)


def conditions(out: Path, smoke: bool) -> dict[str, Train]:
    """Return what trains each condition."""
    return {name: partial(learn, out=out, condition=name, smoke=smoke) for name in (*CHANGES, "rest-em")}


STUDY = LearningStudy(
    about=__doc__ or "", folder="runs/papers/rest_mcts_star", conditions=conditions, report=report,
    smoke=("rest-mcts", "rest-em"),
)  # fmt: skip

if __name__ == "__main__":
    STUDY.main()
