"""Which method of spending more at test time is worth its calls? Accuracy over budget, paired with self-consistency.

Every method answers the same word problems with the same model, within the same number of sampled replies. The table
shows accuracy with its interval, the difference from self-consistency at equal budget, paired by question, and what was
spent. Runs are recorded below ``--out``, and the same command continues an interrupted one.

    python examples/test_time.py --questions 60 --budgets 4 8 16 --out runs/test_time
    python examples/test_time.py --engine openai --model NAME@http://host:8000/v1 --methods self-consistency fobar
    python examples/test_time.py --small              # a scripted model, in seconds: shows the output, measures nothing
"""

import argparse
import math
import random
from pathlib import Path
from typing import Any

import quintain
from quintain.agents.reasoning import METHODS
from quintain.engines import Reply, Request, ScriptedEngine, TokenStatistics
from quintain.evaluation.report import Report
from quintain.evaluation.significance import holm
from quintain.experiments.study_tables import Percent, StudyTables

BASELINE = "self-consistency"
STORIES = (
    ("{name} has {a} {things} and buys {b} more. How many {things} does {name} have now?", lambda a, b: a + b),
    ("{name} has {a} {things} and gives away {b}. How many {things} are left?", lambda a, b: a - b),
    ("{name} has {a} boxes with {b} {things} each. How many {things} are there?", lambda a, b: a * b),
)


def problems(number: int, seed: int) -> list[dict[str, str]]:
    """Return word problems of one step, each with two numbers."""
    rng = random.Random(seed)
    rows = []
    for _ in range(number):
        text, solve = rng.choice(STORIES)
        a, b = rng.randint(6, 20), rng.randint(2, 5)
        story = text.format(name=rng.choice(("Ann", "Tom", "Mia")), things=rng.choice(("apples", "pens")), a=a, b=b)
        rows.append({"question": story, "answer": str(solve(a, b))})
    return rows


def options_of(method: str, budget: int) -> dict[str, Any]:
    """Return the options with which a method spends a budget of sampled replies."""
    options: dict[str, dict[str, Any]] = {
        "universal-self-consistency": {"n": max(1, budget - 1)},
        "fobar": {"n": max(2, budget // 2)},
        "self-verification": {"n": max(2, budget // 2)},
        "multi-agent-debate": {"agents": max(2, budget // 2)},
        "self-refine": {"rounds": max(1, (budget - 1) // 2)},
        "rci": {"rounds": max(1, (budget - 1) // 2)},
        "rcot": {"rounds": max(1, (budget - 1) // 3)},
        "progressive-hints": {"rounds": max(1, budget - 1)},
        "mcts-star": {"iterations": budget},
        "borda": {"n": budget, "p": 0.3 if budget <= 16 else 1.2},
    }
    return {"budget_calls": budget, **options.get(method, {"n": budget})}


def scripted(request: Request) -> list[Reply | str]:
    """Reply as a model could that is right half of the time, and a little more certain when it is."""
    if request.choices is not None:
        return [request.choices[0]] * request.n
    question = request.messages[-1]["content"] if request.messages else ""
    numbers = [*(int(word) for word in question.split() if word.isdigit()), 1, 1]
    right = numbers[0] * numbers[1] if "boxes" in question else sum(numbers[:2])
    replies: list[Reply | str] = []
    for k in range(request.n):
        rng = random.Random(f"{request.seed} {k} {question}")
        good = rng.random() < 0.5
        certainty = rng.gauss(2.5 if good else 2.0, 0.5)
        answer = right if good else right + rng.choice((-1, 1, 2))
        numbers_of_token = ((certainty,), (1 / max(certainty, 0.1),), (0.5,))
        text = f"The answer is <<<{answer}>>>"
        statistics = TokenStatistics(*numbers_of_token)
        replies.append(Reply(text, completion_tokens=8, logprobs=(-math.exp(-certainty),), token_statistics=statistics))
    return replies


def main() -> None:
    """Run the episodes that are not recorded yet and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = [BASELINE, "first-answer", "best-of-n", "borda", "universal-self-consistency", "fobar"]
    default += ["self-refine", "multi-agent-debate", "oracle-of-n"]
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=default)
    parser.add_argument("--budgets", type=int, nargs="+", default=[4, 8, 16], help="sampled replies for each question")
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0, help="seed of questions and episodes")
    parser.add_argument("--max-tokens", type=int, default=48, help="tokens of a reply")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--engine", default="transformers")
    parser.add_argument("--model", help="the engine's model (default: the embedded one)")
    parser.add_argument("--out", type=Path, help="folder of the runs, and of results.json")
    parser.add_argument("--small", action="store_true", help="a scripted model and few questions; measures nothing")
    args = parser.parse_args()
    engine: Any = args.engine if args.model is None else f"{args.engine}:{args.model}"
    if args.small:
        engine = ScriptedEngine(scripted, capabilities=["logprobs", "token_statistics"])
        args.questions, args.budgets = 12, [4, 8]
    methods = list(dict.fromkeys([BASELINE, *args.methods]))
    env = {"tasks": problems(args.questions, args.seed), "scorer": "number"}
    reports: dict[tuple[str, int], Report] = {}
    for budget in args.budgets:
        for method in methods:
            agent = {"name": method, "engine": engine, "max_tokens": args.max_tokens, "temperature": args.temperature}
            folder = args.out / f"{method}-{budget}" if args.out else None
            reports[method, budget] = quintain.evaluate(
                "QuestionAnswering-v0", agent | options_of(method, budget), seed=args.seed, env_kwargs=env, out=folder,
                concurrency=args.concurrency, resume=folder is not None and folder.exists(),
            )  # fmt: skip
    tables = show(reports, args.budgets)
    if args.out:
        tables.save(args.out / "results.json")


def show(reports: dict[tuple[str, int], Report], budgets: list[int]) -> StudyTables:
    """Print the table and return it."""
    rivals = [key for key in reports if key[0] != BASELINE]
    found = [quintain.compare(reports[key], reports[BASELINE, key[1]]).success for key in rivals]
    differences = dict(zip(rivals, zip(found, holm([each.p_value for each in found]), strict=True), strict=True))
    rows: list[list[Any]] = []
    for budget in budgets:
        for (method, of), report in reports.items():
            if of == budget:
                difference = Percent(*differences[method, of]) if (method, of) in differences else "-"
                rows.append([budget, method, Percent(report.success), difference, *spent(report)])
    tables = StudyTables()
    tables.show(
        "Accuracy within a budget of sampled replies, per cent [95 % intervals over questions]; difference from "
        f"{BASELINE} at equal budget, paired by question, p by Holm for {len(rivals)} comparisons",
        ["budget", "method", "accuracy", "difference", "calls", "tokens"],
        rows,
    )
    return tables


def spent(report: Report) -> list[str]:
    """Return the mean calls and tokens of a decision."""
    decisions = [decision["spent"] for episode in report.episodes for decision in episode.decisions]
    if not decisions:
        return ["-", "-"]
    return [f"{sum(each[name] for each in decisions) / len(decisions):.1f}" for name in ("calls", "tokens")]


if __name__ == "__main__":
    main()
