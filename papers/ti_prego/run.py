"""Which steps break a procedure? Detectors that learn from correct executions alone, beside always flagging.

The anticipation half of PREGO and TI-PREGO (arXiv 2404.01933, 2411.02570) without videos, in Procedure-v0: task graphs,
correct executions as examples, and test executions that end with their first mistake. Two further tables concern the
recognition half on synthetic frame features: a small recurrent recogniser, and ways from a label per frame to steps.

    python papers/ti_prego/run.py                                          # about two minutes of one core
    python papers/ti_prego/run.py --smoke                                  # shows the output, measures nothing
    python papers/ti_prego/run.py --released PREGO/step_anticipation/data  # rescores the released transcripts, too
    python papers/ti_prego/run.py --engine transformers  # a language model, too: about a second a step
"""

import argparse
import json
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import quintain
from quintain.agents.anticipation import Bigram, NGram, TaskGraphLearner
from quintain.envs.procedures import (
    MISTAKES,
    DetectionCounts,
    FrameSettings,
    FrameSource,
    centred_modes,
    deduplicate,
    load_context,
    load_predictions,
    make_world,
    perform,
    sliding_modes,
    step_similarity,
    window_modes,
)
from quintain.errors import RepeatedItemsWarning
from quintain.evaluation.statistics import mean
from quintain.experiments.study_tables import Percent, StudyTables, published_values
from quintain.training.recognition import RecogniserSettings, train_recogniser

_F1, _BALANCED = (published_values(__file__)[f"Assembly101-O, {paper}"] for paper in ("PREGO", "TI-PREGO"))
#: Detectors: name, arguments, and F1 and balanced F1 as published on Assembly101-O with true steps.
DETECTORS: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    ("always flag", {"method": "always-flag"}, "43.0 (rescored)", "66.7 (rescored)"),
    ("random", {"method": "random"}, "", ""),
    ("one-step memory, all procedures", {"method": "bigram", "scope": "all"},
     f"{_F1['one-step memory']['F1']}", f"{_BALANCED['one-step memory']['F1_b']}"),
    ("bigram, same procedure", {"method": "bigram"}, "", ""),
    ("3-gram with back-off", {"method": "n-gram"}, "", ""),
    ("learned task graph", {"method": "task-graph"}, "", f"{_BALANCED['TGML-DO']['F1_b']} (TGML-DO)"),
    ("oracle", {}, "", ""),
)  # fmt: skip
#: Published rows of language models on the same data: name, F1, balanced F1.
PUBLISHED = [
    (name, f"{_F1[name]['F1']}" if name in _F1 else "", f"{_BALANCED[name]['F1_b']}")
    for name in ("PREGO, Llama", "TI-PREGO, Llama 3.1 8B")
]
#: Detectors of the released transcripts.
RESCORED = (
    ("always flag", None),
    ("bigram, all toys", Bigram),
    ("bigram, same class", Bigram),
    ("3-gram, same class", NGram),
    ("learned task graph, same class", TaskGraphLearner),
)
Metrics = list[dict[str, Any]]


def play(args: argparse.Namespace, arguments: dict[str, Any], **settings: Any) -> list[Metrics]:
    """Return kind of mistake and counts of each episode, world by world."""
    worlds = []
    for world in range(args.worlds):
        agent = quintain.make_agent("mistake-detector", **arguments) if arguments else "oracle"
        kwargs = {"world_seed": world, **settings}
        report = quintain.evaluate("Procedure-v0", agent, episodes=args.episodes, seed=world, env_kwargs=kwargs)
        worlds.append([{"task": e.info["task"], **e.info["metrics"]} for e in report.episodes])
    return worlds


def score(worlds: Sequence[Metrics], name: str) -> Percent | str:
    """Return the mean of a pooled score over worlds; without an interval if it is the same in all of them."""
    values = [getattr(DetectionCounts.pooled(metrics), name) for metrics in worlds]
    known = [value for value in values if not np.isnan(value)]
    if known and np.ptp(known) < 1e-9:
        return f"{100 * known[0]:.0f}"
    return Percent(mean(known, bounds=(0, 1), unit="worlds"))


def show_detectors(tables: StudyTables, args: argparse.Namespace) -> dict[str, list[Metrics]]:
    """Compare the detectors on true steps and on those of a noisy recogniser."""
    names = ("precision", "recall", "f1", "balanced_precision", "balanced_f1")
    clean: dict[str, list[Metrics]] = {}
    rows = []
    for title, arguments, f1, balanced in DETECTORS:
        clean[title] = play(args, arguments)
        sizes = [m["set_size"] for metrics in clean[title] for m in metrics if "set_size" in m]
        size = f"{np.mean(sizes):.1f}" if sizes else ""
        rows.append([title, *(score(clean[title], name) for name in names), size, f1, balanced])
    head = ["detector", "P", "R", "F1", "Prec_b", "F1_b", "set size", "published F1", "published F1_b"]
    rows += [[name, *[""] * 6, f1, balanced] for name, f1, balanced in PUBLISHED]
    tables.show("True steps: scores in per cent, mean over worlds", head, rows)
    noise = {"substitution": args.noise, "insertion": args.noise / 3, "deletion": args.noise / 3}
    rows = []
    for title, arguments, _, _ in DETECTORS:
        found = play(args, arguments, **noise)
        rows.append([title, *(score(found, name) for name in names)])
    tables.show("Recognised steps (simulated noise): scores in per cent, mean over worlds", head[:6], rows)
    return clean


def show_kinds(tables: StudyTables, clean: dict[str, list[Metrics]]) -> None:
    """Show the recall by kind of mistake."""
    rows = []
    for title, worlds in clean.items():
        kinds = [[[m for m in metrics if m["task"] == kind] for metrics in worlds] for kind in MISTAKES]
        rows.append([title, *(score(found, "recall") for found in kinds)])
    tables.show("True steps: recall in per cent by kind of mistake", ["detector", *MISTAKES], rows)


def show_context(tables: StudyTables, args: argparse.Namespace) -> None:
    """Show how many correct executions it takes."""
    rows = []
    for title, arguments, _, _ in DETECTORS[2:6]:
        scores = [score(play(args, arguments, context=count), "balanced_f1") for count in args.context]
        rows.append([title, *scores])
    head = ["detector", *args.context]
    tables.show("True steps: balanced F1 in per cent by number of correct executions of each procedure", head, rows)


def show_aggregation(tables: StudyTables, args: argparse.Namespace) -> None:
    """Train a recogniser on synthetic frames, and compare aggregations of its labels."""
    ways: dict[str, Callable[[Any], list[int]]] = {
        "none: repetitions removed (PREGO)": deduplicate,
        "windows of their own (NOMA)": lambda labels: window_modes(labels, args.window),
        "sliding window, its last frame (OMA)": lambda labels: sliding_modes(labels, args.window),
        "sliding window, its central frame (OCMA)": lambda labels: centred_modes(labels, args.window),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    lengths: dict[str, list[float]] = {name: [] for name in ways}
    accuracy = []
    for seed in range(args.worlds):
        world, rng = make_world(seed=seed), np.random.default_rng(seed)
        numbers = {label: k for k, label in enumerate(world.vocabulary)}
        source = FrameSource(len(numbers), FrameSettings(mean_frames=args.frames), rng)
        procedures = list(world.procedures.values())

        def film(count: int) -> list[Any]:
            chosen = [procedures[k % len(procedures)] for k in range(count)]  # noqa: B023  # called in this round
            return [source.film([numbers[s] for s in perform(p, rng).steps], rng) for p in chosen]  # noqa: B023

        settings = RecogniserSettings(n_steps=args.train_steps)
        recogniser = train_recogniser(film(args.videos), len(numbers), settings, seed=seed)
        tests = [(video, recogniser.recognise(video.features)) for video in film(len(procedures))]
        accuracy.append(float(np.mean([np.mean(video.labels == labels) for video, labels in tests])))
        for name, way in ways.items():
            lists = [(way(labels), deduplicate(video.labels)) for video, labels in tests]
            found[name].append(float(np.mean([step_similarity(a, b) for a, b in lists])))
            lengths[name].append(float(np.mean([len(a) / len(b) for a, b in lists])))
    rows = [[name, Percent(mean(found[name], bounds=(0, 1), unit="worlds")), np.mean(lengths[name])] for name in ways]
    right = Percent(mean(accuracy, bounds=(0, 1), unit="worlds"))
    tables.facts["frame accuracy"] = str(right)
    title = f"Similarity to the true steps in per cent; {right} of the frames are recognised"
    tables.show(title, ["aggregation", "similarity", "steps found per true step"], rows)


def show_released(tables: StudyTables, folder: Path) -> None:
    """Score detectors on the transcripts that PREGO's repository holds."""
    known = load_context(folder / "context_prompt" / "assembly_context_prompt_train.json")
    videos = load_predictions(folder / "predictions" / "output_miniROAD_Assembly101-O.json")
    classes = json.loads((folder / "utils" / "toy2class.json").read_text(encoding="utf-8"))
    every = [steps for executions in known.values() for steps in executions]
    rows = []
    for field in ("truth", "recognised"):
        for title, method in RESCORED:
            counts = DetectionCounts()
            for video in videos:
                toy = classes[re.search(r"_\d+-([abc]\d+[a-z]?)_", video.name)[1]]  # type: ignore[index]
                learned = method(every if "all" in title else known.get(toy, [])) if method else None
                steps: tuple[str, ...] = getattr(video, field)
                for place, step in enumerate(steps):
                    flag = learned is None or step not in learned.expected(steps[:place])
                    wrong = place == len(steps) - 1
                    counts += DetectionCounts(flag and wrong, flag and not wrong, not (flag or wrong), wrong > flag)
            scores = (counts.precision, counts.recall, counts.f1, counts.balanced_precision, counts.balanced_f1)
            rows.append([title, field, *(f"{100 * value:.1f}" for value in scores)])
    head = ["detector", "steps", "P", "R", "F1", "Prec_b", "F1_b"]
    tables.show(f"Released transcripts of Assembly101-O, {len(videos)} videos, in per cent", head, rows)


def show_model(tables: StudyTables, args: argparse.Namespace) -> None:
    """Let a language model anticipate, with sets of several sizes and the three encodings."""
    rows = []
    runs = [("word", k) for k in (1, 3, 5)] + [("index", 3), ("symbol", 3)]
    for encoding, top_k in runs:
        agent = quintain.make_agent("step-anticipator", engine=args.engine, top_k=top_k)
        kwargs = {"encoding": encoding, "context": args.context[-1]}
        report = quintain.evaluate("Procedure-v0", agent, episodes=args.model_episodes, env_kwargs=kwargs)
        counts = DetectionCounts.pooled(episode.info["metrics"] for episode in report.episodes)
        scores = (counts.precision, counts.recall, counts.f1, counts.balanced_precision, counts.balanced_f1)
        rows.append([encoding, top_k, *(f"{100 * value:.0f}" for value in scores)])
    head = ["encoding", "set size", "P", "R", "F1", "Prec_b", "F1_b"]
    tables.show(f"{args.engine}, few-shot, ranked, {args.model_episodes} executions, in per cent", head, rows)


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=5, help="worlds of procedures, over which intervals are")
    parser.add_argument("--episodes", type=int, default=60, help="test executions of a world")
    parser.add_argument("--context", type=int, nargs="*", default=[1, 3, 10, 30], help="numbers of correct executions")
    parser.add_argument("--noise", type=float, default=0.3, help="substitution rate of the simulated recogniser")
    parser.add_argument("--frames", type=int, default=100, help="mean frames of a step (Assembly101: 570)")
    parser.add_argument("--window", type=int, default=35, help="frames of a window (paper: 200, for 570 of a step)")
    parser.add_argument("--videos", type=int, default=45, help="training videos of a world")
    parser.add_argument("--train-steps", type=int, default=150, help="minibatches of the recogniser's training")
    parser.add_argument("--released", type=Path, help="folder step_anticipation/data of PREGO's repository")
    parser.add_argument("--engine", help="a language model, such as transformers")
    parser.add_argument("--model-episodes", type=int, default=30, help="executions that the language model watches")
    parser.add_argument("--out", type=Path, help="folder for results.json")
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    if args.smoke:
        args.worlds, args.episodes, args.context, args.frames = 2, 4, [1, 2], 40
        args.window, args.videos, args.train_steps = 14, 4, 2
    warnings.simplefilter("ignore", RepeatedItemsWarning)  # a few executions are equal by chance
    tables = StudyTables()
    clean = show_detectors(tables, args)
    show_kinds(tables, clean)
    show_context(tables, args)
    show_aggregation(tables, args)
    if args.released:
        show_released(tables, args.released)
    if args.engine:
        show_model(tables, args)
    if args.out:
        tables.save(args.out / "results.json")


if __name__ == "__main__":
    main()
