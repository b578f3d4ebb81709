"""How much of a score is the scorer? One set of replies to the questions of a CSV file, under three scorers.

The model answers each question once; the replies are then scored again without it. A judge grades them too, if one is
given. Without ``--model`` the embedded language model answers.

    python examples/scorers.py --engine openai --model NAME@http://localhost:8000/v1
    python examples/scorers.py --tasks my_questions.csv --judge openai:NAME@http://localhost:8000/v1
"""

import argparse
import tempfile
from pathlib import Path

import quintain

QUESTIONS = Path(__file__).with_name("questions.csv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default=str(QUESTIONS), help="file with the columns question and answer")
    parser.add_argument("--engine", default="transformers")
    parser.add_argument("--model", help="the engine's model, such as NAME@http://localhost:8000/v1")
    parser.add_argument("--judge", help="engine of a judge, such as openai:NAME@http://localhost:8000/v1")
    parser.add_argument("--small", action="store_true", help="scripted replies instead of a model")
    args = parser.parse_args()
    engine = args.engine if args.model is None else f"{args.engine}:{args.model}"
    if args.small:
        engine, args.judge = "scripted:I think it is the Danube.", "scripted:GRADE: I"
    agent = {"name": "chat", "engine": engine, "temperature": 0, "max_tokens": 64}
    scorers = ["contains", "exact", *([{"name": "judge", "engine": args.judge}] if args.judge else [])]
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        quintain.evaluate("QuestionAnswering-v0", agent, env_kwargs={"tasks": args.tasks}, out=run)
        for scorer in scorers:
            report = quintain.rescore(run, env_kwargs={"scorer": scorer}).after
            name = scorer if isinstance(scorer, str) else scorer["name"]
            print(f"{name:<10} {report.success}  ({report.outcomes['parse_error']} replies without an answer)")


if __name__ == "__main__":
    main()
