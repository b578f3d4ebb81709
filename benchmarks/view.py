"""Time, memory and size of ``quintain view`` on large runs.

Writes synthetic runs of CodeReason-v0's shape (three turns, code, a model's replies, reward terms, metrics, some
errors), and runs ``quintain view`` on each in a process of its own.

    python benchmarks/view.py            # 10,000 and 50,000 episodes
    python benchmarks/view.py 2000       # other sizes
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from quintain.records import EpisodeRecord, Outcome, Step

RULES = "Answer the question below. " + "You may write a program in a fenced block; its output is shown to you. " * 6
WORDS = "count letters position sum word find the answer of list number so then check again".split()  # noqa: SIM905


def write_run(folder: Path, episodes: int, seed: int = 0) -> Path:
    """Write a synthetic run.

    Args:
        folder: The run folder; made if missing.
        episodes: Number of episodes.
        seed: Seed of all that is drawn.
    """
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    config = {"env": "CodeReason-v0", "env_kwargs": {}, "agent": {"name": "chat"}, "seed": seed}
    (folder / "run.json").write_text(json.dumps({"config": config, "facts": {}}), encoding="utf-8")
    with (folder / "episodes.jsonl").open("w", encoding="ascii") as lines:
        for index in range(episodes):
            lines.write(_record(rng, index).to_line() + "\n")
    return folder


def _record(rng: random.Random, index: int) -> EpisodeRecord:
    def prose(words: int) -> str:
        return " ".join(rng.choices(WORDS, k=words))

    outcomes: list[Outcome] = ["success", "failure", "parse_error", "error"]
    outcome = rng.choices(outcomes, [55, 35, 8, 2])[0]
    code = f"text = {prose(6)!r}\nprint(sum(c == 'e' for c in text), {rng.randrange(10**6)})"
    steps: list[Step] = [
        {
            "observation": f"{RULES}\n\nQuestion {index}: {prose(40)}?",
            "action": f"{prose(60)}\n```python\n{code}\n```",
            "reward": 0.0,
        },
        {"observation": f"Code Execution Results:\n{rng.randrange(10**6)}", "action": prose(60), "reward": 0.0},
        {"observation": "Go on.", "action": f"{prose(20)} <<<{rng.randrange(1000)}>>>", "reward": 0.0},
    ]
    reward = float(outcome == "success")
    terms = {"correctness": reward, "format": round(rng.gauss(0.1, 0.02), 4), "efficiency": -rng.randrange(5) / 10}
    metrics = {"turns": 3, "code_calls": rng.randrange(4), "code_errors": rng.randrange(2)}
    task = f"task_{rng.randrange(40):02d}"
    info = {
        "task": task, "task_id": f"{task}/{index}", "task_hash": f"{rng.getrandbits(64):016x}", "answer": "12",
        "expected": "13", "metrics": metrics, "detail": "" if reward else f"expected 13, got {rng.randrange(100)}",
    }  # fmt: skip
    replies = [
        {"text": s["action"], "prompt_tokens": 300, "completion_tokens": 80, "finish_reason": "stop"} for s in steps
    ]
    return EpisodeRecord(
        index, rng.getrandbits(64), outcome, {"agent": sum(terms.values())}, steps,
        info=info, reward_terms=terms, calls=[{"key": f"{rng.getrandbits(128):032x}", "replies": replies}],
        error={"boundary": "engine", "type": "EngineError", "message": "timed out"} if outcome == "error" else None,
        prompt_tokens=900, completion_tokens=rng.randrange(100, 400), wall_s=rng.random() * 9,
    )  # fmt: skip


def measure(folder: Path) -> tuple[float, float, float]:
    """Run ``quintain view`` on a run; return CPU seconds, wall seconds and peak memory in MB."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    code = (
        "import resource, sys; sys.argv = ['quintain', 'view', sys.argv[1]]\n"
        "from quintain.cli.app import app\n"
        "try: app()\n"
        "finally: print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.perf_counter() - started, int(done.stderr.split("peak")[-1]) / 1024


def main(sizes: list[int]) -> None:
    """Print one line per size."""
    with tempfile.TemporaryDirectory() as home:
        for episodes in sizes:
            folder = write_run(Path(home) / str(episodes), episodes)
            records = (folder / "episodes.jsonl").stat().st_size / 1e6
            cpu, wall, peak = measure(folder)
            page = (folder / "report.html").stat().st_size / 1e6
            beside = sum(f.stat().st_size for f in folder.glob("report_files/*")) / 1e6
            print(
                f"{episodes:,} episodes ({records:.0f} MB): {cpu:.1f} CPU-s, {wall:.1f} s, {peak:.0f} MB peak; "
                f"page {page:.2f} MB, files beside it {beside:.1f} MB"
            )


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [10_000, 50_000])
