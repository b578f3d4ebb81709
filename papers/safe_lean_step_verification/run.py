"""Does a formal check of steps choose better solutions than a vote? Safe at small scale, beside the published table.

Solutions come from a templated solver, not from a language model: word problems of two to four operations, and for each
of them five worked solutions with slips of arithmetic, wrong operations, and steps that cannot be read. Their steps are
formalised and proved by exact arithmetic; a small LSTM learns from training problems how the states of the steps tell
right solutions from wrong ones (Liu et al. 2025, arXiv 2506.04592). The prospective score, in place of a process reward
model, is simulated: a noisy judge. So the table shows how the parts work together, and says nothing about any model.

    python papers/safe_lean_step_verification/run.py                       # 700 problems, about a minute of one core
    python papers/safe_lean_step_verification/run.py --smoke               # few problems and epochs: measures nothing
    python papers/safe_lean_step_verification/run.py --wrong-operations 1  # no slips: there is nothing to prove wrong
"""

import argparse
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from quintain.evaluation.significance import holm
from quintain.evaluation.statistics import paired_difference, rate
from quintain.experiments.study_tables import Percent, StudyTables, published_values
from quintain.rewards.verification import (
    AggregatorSettings,
    StepState,
    fuse,
    make_verifier,
    proved_share,
    train_aggregator,
)

#: Published best-of-5 accuracy of Llama-3.1-8B-Instruct in per cent (unconfirmed): selection -> data set -> value.
PUBLISHED = published_values(__file__)["best of 5"]
FUSION = "Safe (LSTM x prospective)"
NAMES = {"+": "buys {n} more", "-": "gives {n} away", "*": "gets {n} times as many"}
Score = Callable[["Solution"], float]
Change = Callable[[Sequence[StepState]], Sequence[StepState]]


@dataclass(frozen=True)
class Solution:
    """One solution of a problem.

    Attributes:
        text: Its steps, a line each.
        answer: The number at which it arrives.
        right: Whether that is the answer of the problem.
        judged: Its simulated prospective score, in (0, 1).
        states: States of its steps.
    """

    text: str
    answer: int
    right: bool
    judged: float
    states: tuple[StepState, ...]


@dataclass(frozen=True)
class Problem:
    """A word problem with its solutions, the first ones being those that a smaller budget would have sampled."""

    question: str
    solutions: list[Solution]


def problem(rng: random.Random, n: int, slips: float, wrong_operations: float) -> Problem:
    """Make a problem and ``n`` solutions.

    Args:
        rng: Source of randomness.
        n: Number of solutions.
        slips: Rate of errors of a step on average; it varies from problem to problem, and so do majorities.
        wrong_operations: Share of the errors that compute something else without a slip, in [0, 1].
    """
    start = rng.randint(3, 20)
    operations = [(rng.choice("++--*"), rng.randint(2, 9)) for _ in range(rng.randint(2, 4))]
    story = ", then ".join(NAMES[sign].format(n=number) for sign, number in operations)
    question = f"Ann has {start} pens. She {story}. How many pens has she?"
    value = start
    for sign, number in operations:
        value = compute(value, sign, number)
    error = min(0.9, slips * 2 * rng.betavariate(0.8, 0.8))
    made = [solution(rng, question, start, operations, value, error, wrong_operations) for _ in range(n)]
    return Problem(question, made)


def compute(value: int, sign: str, number: int) -> int:
    return value + number if sign == "+" else value - number if sign == "-" else value * number


def solution(
    rng: random.Random, question: str, start: int, operations: Sequence[tuple[str, int]], answer: int, error: float,
    wrong_operations: float,
) -> Solution:  # fmt: skip
    """Write a solution that errs at each step with probability ``error``, and verify it."""
    lines = ["Let us go through it step by step."] if rng.random() < 0.7 else []
    value = start
    for sign, number in operations:
        used, slip = sign, 0
        if rng.random() < error:
            if rng.random() < wrong_operations:
                used = rng.choice([other for other in "+-*" if other != sign])
            else:
                slip = rng.choice((-10, -2, -1, 1, 2, 10))
        after = compute(value, used, number) + slip
        how = rng.random()
        if how < 0.08:
            lines.append(f"Then she has {after} pens.")  # nothing to check
        elif how < 0.13:
            lines.append(f"sum({value}, {number}) = {after} pens.")  # cannot be read
        else:
            lines.append(f"Now she has {value} {used} {number} = {after} pens.")
        value = after
    text = "\n".join([*lines, f"So the answer is <<<{value}>>>"])
    right = value == answer
    judged = min(0.99, max(0.01, rng.gauss(0.58 if right else 0.42, 0.2)))
    states = make_verifier("arithmetic").verify_now(question, text).states
    return Solution(text, value, right, judged, states)


def chosen_right(one: Problem, score: Score, n: int) -> bool:
    """Whether the solution with the highest score among the first ``n`` is right; the first of several."""
    return max(one.solutions[:n], key=score).right


def majority_right(one: Problem, n: int) -> bool:
    votes = Counter(found.answer for found in one.solutions[:n])
    best = max(votes, key=votes.__getitem__)
    return next(found.right for found in one.solutions if found.answer == best)


def learned(problems: Sequence[Problem], change: Change, settings: AggregatorSettings, seed: int) -> Score:
    """Train an aggregator on changed states, and return it as a score of solutions."""
    data = [found for one in problems for found in one.solutions]
    sequences = [change(found.states) for found in data]
    aggregator = train_aggregator(sequences, [found.right for found in data], settings, seed=seed).aggregator
    return lambda found: aggregator(change(found.states))


def counted(problems: Sequence[Problem], penalty: float = 1.0, steps: int = 30) -> Score:
    """Fit a logistic regression on the number of steps in each state by Newton's method, and return it as a score."""

    def row(states: Sequence[StepState]) -> list[float]:
        return [1.0, *(float(sum(found is state for found in states)) for state in StepState)]

    data = [found for one in problems for found in one.solutions]
    x, y = np.array([row(found.states) for found in data]), np.array([found.right for found in data], float)
    w = np.zeros(x.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-x @ w))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + penalty * np.eye(len(w))
        w -= np.linalg.solve(hessian, x.T @ (p - y) + penalty * w)
    return lambda found: float(1 / (1 + np.exp(-np.array(row(found.states)) @ w)))


def merged(state: StepState) -> Change:
    """Return a change that drops a state: it is merged with "no verification required", or that with a failed one."""
    into = StepState.NOT_REQUIRED if state is not StepState.NOT_REQUIRED else StepState.FAILED_FORMALISATION
    return lambda states: [into if found is state else found for found in states]


def scores_of(train: Sequence[Problem], settings: AggregatorSettings, seed: int) -> dict[str, Score]:
    """Return the scores of solutions by name, ablations among them."""
    lstm = learned(train, list, settings, seed)
    scores: dict[str, Score] = {
        "single sample": lambda found: 0.0,
        "prospective score alone": lambda found: found.judged,
        "share of proved statements": lambda found: proved_share(found.states),
        "LSTM on states alone": lstm,
        FUSION: lambda found: fuse(lstm(found), found.judged),
    }
    rng = random.Random(seed)
    scores["ablation: share of proved statements x prospective"] = lambda f: fuse(proved_share(f.states), f.judged)
    scores["ablation: counts and logistic regression"] = counted(train)
    scores["ablation: order shuffled"] = learned(train, lambda s: rng.sample(s, len(s)), settings, seed)
    states = list(StepState)
    scores["ablation: states at random"] = learned(train, lambda s: rng.choices(states, k=len(s)), settings, seed)
    for state in StepState:
        scores[f"ablation: without {state.value}"] = learned(train, merged(state), settings, seed)
    return scores


def main() -> None:
    """Make the problems, train, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=int, default=300, help="problems that the LSTM learns from")
    parser.add_argument("--test", type=int, default=400, help="problems of the tables")
    parser.add_argument("-n", type=int, default=5, help="solutions of a problem")
    parser.add_argument("--slips", type=float, default=0.2, help="mean rate of errors of a step")
    parser.add_argument("--wrong-operations", type=float, default=0.3, help="share of errors that no proof can show")
    parser.add_argument("--epochs", type=int, default=30, help="passes of the training (paper: 200)")
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="of the training (paper: 1e-4)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder for results.json")
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    if args.smoke:
        args.train, args.test, args.epochs = 30, 12, 2
    rng = random.Random(args.seed)
    made = [problem(rng, args.n, args.slips, args.wrong_operations) for _ in range(args.train + args.test)]
    train, test = made[: args.train], made[args.train :]
    scores = scores_of(train, AggregatorSettings(epochs=args.epochs, learning_rate=args.learning_rate), args.seed)
    tables = StudyTables()
    show_accuracy(tables, test, scores, args.n)
    show_states(tables, test)
    show_budgets(tables, test, scores, args.n)
    if args.out:
        tables.save(args.out / "results.json")


def share(hits: Sequence[bool]) -> Percent:
    return Percent(rate(sum(hits), len(hits), unit="problems"))


def show_accuracy(tables: StudyTables, test: Sequence[Problem], scores: dict[str, Score], n: int) -> None:
    hits = {name: [chosen_right(one, score, n) for one in test] for name, score in scores.items()}
    hits["majority"] = [majority_right(one, n) for one in test]
    hits["bound: any right"] = [any(found.right for found in one.solutions[:n]) for one in test]
    rows = {name: share(each) for name, each in hits.items()}
    published = {name: [f"{value}" for value in values.values()] for name, values in PUBLISHED.items()}
    order = [*published, *(name for name in rows if name not in published)]
    tables.show(
        f"Accuracy of the chosen solution among {n}, per cent [95 % over {len(test)} problems]; beside it the "
        "published best-of-5 of Llama-3.1-8B-Instruct with Lean and Math-Shepherd (unconfirmed)",
        ["selection", "here", "MATH-500", "GSM8K", "CollegeMath"],
        [[name, rows[name], *published.get(name, ["-"] * 3)] for name in order],
    )
    others = [name for name in order if name not in (FUSION, "bound: any right")]
    found = [paired_difference(hits[FUSION], hits[name], unit="problems") for name in others]
    adjusted = holm([each.p_value for each in found])
    tables.show(
        f"{FUSION} minus another selection, points, paired by problem, p by Holm for {len(others)} comparisons",
        ["selection", "Safe minus it"],
        [[name, Percent(*each)] for name, *each in zip(others, found, adjusted, strict=True)],
    )


def show_states(tables: StudyTables, test: Sequence[Problem]) -> None:
    counts = {right: Counter[StepState]() for right in (True, False)}
    for found in (found for one in test for found in one.solutions):
        counts[found.right].update(found.states)
    totals = {right: max(1, sum(each.values())) for right, each in counts.items()}
    tables.show(
        "States of steps, per cent, before any learning",
        ["state", "in right solutions", "in wrong solutions"],
        [[s.value, *(f"{100 * counts[right][s] / totals[right]:.1f}" for right in (True, False))] for s in StepState],
    )


def show_budgets(tables: StudyTables, test: Sequence[Problem], scores: dict[str, Score], n: int) -> None:
    sizes = [size for size in (1, 2, 4, n) if size <= n]
    names = ("prospective score alone", "LSTM on states alone", FUSION)
    rows = [
        [name, *(share([chosen_right(one, scores[name], size) for one in test]) for size in sizes)] for name in names
    ]
    rows.append(["majority", *(share([majority_right(one, size) for one in test]) for size in sizes)])
    tables.show("Accuracy by number of solutions, per cent", ["selection", *map(str, sizes)], rows)
    alphas = [k / 10 for k in range(11)]
    lstm = {id(found): scores["LSTM on states alone"](found) for one in test for found in one.solutions}
    curve = [
        share([chosen_right(one, lambda f, a=a: fuse(lstm[id(f)], f.judged, a), n) for one in test]) for a in alphas
    ]
    tables.show(
        "Accuracy by alpha, per cent; 0 is the prospective score alone, 1 the LSTM alone",
        ["alpha", *(f"{alpha:g}" for alpha in alphas)],
        [["accuracy", *(f"{100 * found.interval.estimate:.0f}" for found in curve)]],
    )


if __name__ == "__main__":
    main()
