"""Shows the faults of the page of audited environments with the audited libraries alone: Quintain is not imported.

Each function plays or scores in the shortest way, written independently of ``quintain audit``, and returns what it saw.

    python examples/audit_faults.py                       # all of them, one line each
    python examples/audit_faults.py BipedalWalker-v3      # of one target, as ``quintain audit`` names it
"""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any


def bipedal_walker() -> str:
    """Play seed 1 in new environments, and in one that has played three other seeds before, with the same actions."""
    import gymnasium as gym
    import numpy as np

    def rewards(*seeds: int) -> list[float]:
        env, found = gym.make("BipedalWalker-v3"), []
        for seed in seeds:
            env.reset(seed=seed)
            rng, found = np.random.default_rng(seed), []
            for _ in range(300):
                _, reward, terminated, truncated, _ = env.step(rng.uniform(-1, 1, 4).astype(np.float32))
                found.append(float(reward))
                if terminated or truncated:
                    break
        return found

    new, used, again = rewards(1), rewards(5, 4, 3, 1), rewards(1)
    if new != again:
        return "two new environments differ"
    if new == used:
        return "not seen"
    step = next(
        (i for i, pair in enumerate(zip(new, used, strict=False)) if pair[0] != pair[1]), min(map(len, (new, used)))
    )
    return f"after seeds 5, 4 and 3, seed 1 gives other rewards from step {step + 1} on; new environments agree"


def scored(family: str, answer: Callable[[Any], str], told: str) -> Callable[[], str]:
    """Return a function that scores an answer made of each of 20 items, and reports the highest score."""

    def show() -> str:
        import reasoning_gym

        data = reasoning_gym.create_dataset(family, seed=3, size=20)
        items = [data[index] for index in range(20)]
        scores = [data.score_answer(answer(item), item) for item in items]
        return f"{told}: up to {max(scores):.2f}, {sum(score > 0.1 for score in scores)} of 20 above 0.1"

    return show


def raised(family: str, answer: str) -> Callable[[], str]:
    """Return a function that scores an answer and reports the exception."""

    def show() -> str:
        import reasoning_gym

        data = reasoning_gym.create_dataset(family, seed=3, size=1)
        try:
            return f"not seen: {answer!r} scores {data.score_answer(answer, data[0])}"
        except Exception as error:
            return f"{answer!r} raises {type(error).__name__}"

    return show


def countdown() -> str:
    """Score ``10**10**10`` in another process, which is ended after 10 seconds of CPU time."""
    program = (
        "import reasoning_gym, resource, time; data = reasoning_gym.create_dataset('countdown', seed=3, size=1); "
        "end = int(time.process_time()) + 10; resource.setrlimit(resource.RLIMIT_CPU, (end, end)); "
        "print(data.score_answer('10**10**10', data[0]))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return f"not seen: scores {done.stdout.strip()}"
    return "'10**10**10' has no score after 10 CPU seconds"


JUNK, HOSTILE, RANGE = "junk answers earn nothing", "hostile answers are survived", "rewards in the declared range"
SEEN: dict[tuple[str, str], Callable[[], str]] = {
    ("BipedalWalker-v3", "seed honoured"): bipedal_walker,
    ("reasoning-gym:countdown", HOSTILE): countdown,
    ("reasoning-gym:gsm_symbolic", JUNK): scored(
        "gsm_symbolic", lambda item: f"{item['answer']} " + " ".join(map(str, range(200))), "gold, then 200 numbers"
    ),
    ("reasoning-gym:word_sorting", JUNK): scored(
        "word_sorting", lambda item: item["question"].strip().splitlines()[-1], "last line of the question"
    ),
    ("reasoning-gym:knights_knaves", JUNK): scored(
        "knights_knaves", lambda item: item["question"].strip().splitlines()[-1], "last line of the question"
    ),
    ("reasoning-gym:spell_backward", JUNK): scored("spell_backward", lambda item: "e" * 50, "50 times e"),
    ("reasoning-gym:propositional_logic", JUNK): scored(
        "propositional_logic", lambda item: "(P ∨ ¬P)" if "P" in item["metadata"]["variables"] else "", "a tautology"
    ),
    ("reasoning-gym:prime_factorization", HOSTILE): raised("prime_factorization", "seven"),
    ("reasoning-gym:prime_factorization", RANGE): raised("prime_factorization", "7\n5"),
}


def main() -> None:
    """Print what was seen, one line of JSON for each fault: target, question, and the text."""
    for (target, question), show in SEEN.items():
        if len(sys.argv) < 2 or target in sys.argv[1:]:
            print(json.dumps([target, question, show()], ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
