"""Where does a model agree with itself? Entropy of its answers in its layers, in its choice of a token, in its texts.

After Liang et al. 2024 (arXiv 2407.14507, the "hourglass"): the answer to one question is drawn
- in the layers: one attention head of a layer works, the others of that layer are switched off before the output
  projection, and the likeliest digit is the answer; one answer for each head;
- in decoding: the next token among the ten digits, the likeliest and four draws;
- in responses: sampled texts with their reasoning, of which the last digit counts.
The survey shows one question on one model as an illustration. This example asks several and prints an interval; on a
small model it is a measurement of that model, and no evidence for the hourglass in general.

    python papers/internal_consistency_self_feedback/run.py --questions 6  # about five minutes on one core
    python papers/internal_consistency_self_feedback/run.py --smoke  # one question and few heads: shows the output
"""

import argparse
import asyncio
import math
import random
import re
from pathlib import Path
from typing import Any

from quintain.agents.reasoning.agreement import minus_entropy
from quintain.engines import HeadMask, Request, make_engine
from quintain.evaluation.statistics import mean
from quintain.experiments.study_tables import StudyTables

DIGITS = tuple("0123456789")
#: Temperatures of decoding; the survey's five ways are greedy, beam search, and sampling with three cuts.
TEMPERATURES = (0.0, 1.0, 1.0, 0.7, 0.7)


def questions(number: int, seed: int) -> list[tuple[str, int]]:
    """Return counting questions with their answers, each a digit."""
    rng = random.Random(seed)
    rows = []
    for _ in range(number):
        marks = "".join(rng.choice(".!") for _ in range(rng.randint(5, 8)))
        rows.append((f'How many full stops are there in "{marks}"? Reply with a digit.', marks.count(".")))
    return rows


def prompt_of(engine: Any, question: str) -> str:
    """Return the question in the model's chat format, where the answer's digit comes next."""
    chat = [{"role": "user", "content": question}]
    opened = engine.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    return f"{opened}The answer is "


def likeliest(engine: Any, prompt: str, heads: HeadMask | None) -> str:
    """Return the likeliest digit after a prompt."""
    ids = [engine.tokenizer(digit, add_special_tokens=False)["input_ids"][-1] for digit in DIGITS]
    return DIGITS[int(engine.forward([prompt], heads=heads).logits[0, -1, ids].argmax())]


def layers_of(engine: Any, per_group: int) -> dict[str, list[int]]:
    """Return low, middle and high layers."""
    count = engine.model.config.num_hidden_layers
    per_group = min(per_group, count)
    starts = {"low layers": 0, "middle layers": (count - per_group) // 2, "high layers": count - per_group}
    return {name: list(range(start, start + per_group)) for name, start in starts.items()}


def responses(engine: Any, question: str, number: int, tokens: int, seed: int) -> list[str]:
    """Return the last digit of sampled replies; those without one are left out."""
    text = f"{question} Think step by step, and end with the digit."
    request = Request(messages=[{"role": "user", "content": text}], n=number, max_tokens=tokens, seed=seed, top_p=0.95)
    [replies] = asyncio.run(engine.generate([request]))
    return [found[-1] for reply in replies if (found := re.findall(r"\d", reply.text))]


def main() -> None:
    """Ask, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a model of the engine transformers (default: the embedded one)")
    parser.add_argument("--questions", type=int, default=6)
    parser.add_argument("--per-group", type=int, default=3, help="low, middle and high layers, each so many")
    parser.add_argument("--responses", type=int, default=9)
    parser.add_argument("--tokens", type=int, default=64, help="tokens of a response")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--after-projection", action="store_true", help="slices after the projection, as released")
    parser.add_argument("--out", type=Path, help="folder for results.json")
    parser.add_argument("--smoke", action="store_true", help="one question, one layer a group, few heads")
    args = parser.parse_args()
    engine: Any = make_engine("transformers", **({"model": args.model} if args.model else {}))
    heads = range(engine.model.config.num_attention_heads)
    if args.smoke:
        args.questions, args.per_group, args.responses, args.tokens, heads = 1, 1, 2, 8, range(2)
    answers: dict[str, list[list[str]]] = {}
    gold: list[str] = []
    for at, (question, answer) in enumerate(questions(args.questions, args.seed)):
        prompt = prompt_of(engine, question)
        gold.append(str(answer))
        for name, layers in layers_of(engine, args.per_group).items():
            masks = [HeadMask({layer: [head]}, args.after_projection) for layer in layers for head in heads]
            answers.setdefault(name, []).append([likeliest(engine, prompt, mask) for mask in masks])
        decoded = [Request(prompt=prompt, choices=DIGITS, seed=k, temperature=t) for k, t in enumerate(TEMPERATURES)]
        found = [replies[0].text for replies in asyncio.run(engine.generate(decoded))]
        answers.setdefault("decoding", []).append(found)
        texts = responses(engine, question, args.responses, args.tokens, args.seed + at)
        answers.setdefault("responses", []).append(texts)
    engine.close()
    tables = show(answers, gold)
    if args.out:
        tables.save(args.out / "results.json")


def show(answers: dict[str, list[list[str]]], gold: list[str]) -> StudyTables:
    """Print entropy and accuracy by level, and return the table."""
    rows: list[list[Any]] = []
    for level, sets in answers.items():
        entropies = [abs(minus_entropy(found)) for found in sets if found]
        right = [answer == key for found, key in zip(sets, gold, strict=True) for answer in found]
        spread = mean(entropies, bounds=(0, math.log2(len(DIGITS))), unit="questions")
        rows.append([level, len(right), spread, f"{100 * sum(right) / len(right):.0f} %" if right else "-"])
    tables = StudyTables()
    tables.show(
        "Entropy of the answers to a question, in bits, mean over questions [95 %]",
        ["level", "answers", "entropy", "right"],
        rows,
    )
    return tables


if __name__ == "__main__":
    main()
