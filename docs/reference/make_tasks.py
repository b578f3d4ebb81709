"""Write ``tasks.md``, the catalogue of CodeReason's tasks, from the tasks themselves.

python docs/reference/make_tasks.py
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from pathlib import Path

from quintain.envs.code_reason import load_task, task_names
from quintain.envs.code_reason.bbh.original import HUMAN_WRITTEN
from quintain.envs.code_reason.reasoning_gym._families import FAMILIES
from quintain.envs.code_reason.splits import TEST_FAMILIES
from quintain.envs.code_reason.task import ExactTask, Task

HEAD = """\
# Tasks of CodeReason-v0

Written by `docs/reference/make_tasks.py`; change the tasks' docstrings instead of this file.

A task is a generator, a verifier and a reference solution. `load_task(name, difficulty)` takes a level (`easy`,
`medium`, `hard`) or the parameters below by name, and so does `gym.make("CodeReason-v0", tasks=name, difficulty=...)`.
*One* in the column "answers" means that exactly one answer is right (in any harmless notation); *many* means that every
answer that meets the constraints is. The column "split" names the side of the task split, see the end of this page.

All verdicts are by parsing: nothing a model writes is ever evaluated. A verdict is `correct`, or `malformed` (not of
the form asked for), or wrong with a reason; `strict` tells that the answer was written exactly as asked. There is no
credit for parts, for padding, or for several answers at once.
"""

LIBRARY = """
## Families drawn by the library reasoning-gym

These need the extra `reason`. The library draws the question and knows its answer; parsing and comparing are ours.
Their parameter `level` is the level of the library's curriculum (-1 for its defaults).

{names}

Families of the library that are left out, and why: `codeio` (its items cannot be repeated), `zebra_puzzles`,
`futoshiki`, `knight_swap`, `rearc`, `intermediate_integration` (slow), `letter_jumble`, `sentence_reordering` (several
right answers, of which it knows one), `rectangle_count` (questions of 7,000 characters), `rush_hour`, `boxnet` (no
solution known), and those that SymBench or Big-Bench-Hard have already (`string_insertion`, `string_splitting`,
`string_synthesis`, `pool_matrix`, `rotate_matrix`, `n_queens`, `sudoku`, `word_sorting`, `puzzle24`, `mahjong_puzzle`).
"""

SPLIT = """
## The split of tasks

R1-Code-Interpreter trains on 107 of its 144 families and tests on 37, chosen at random; their names could not be
confirmed. `quintain.envs.code_reason.splits` holds a split of our own with these sizes, drawn once in proportion to the
suites (symbench 8 of 33, bbh 7 of 27, reasoning_gym 22 of 84; seed 144). `tasks="train-tasks"` and `tasks="test-tasks"`
select its sides. Seven families of Big-Bench-Hard are written by people; they exist only as `<family>_original`, with
files that users bring, belong to the split as well, and are selected by name: {human}.

The split of tasks is not the split of items: within every family, items belong to `split="train"` or `split="test"` by
one bit of their hash, so that no item is in both.

## Original items of Big-Bench-Hard

The suite `bbh_original` holds all 27 families. Put the public files (`<family>.json`, of the form
`{{"examples": [{{"input": ..., "target": ...}}, ...]}}`) into a folder:

```python
gym.make("CodeReason-v0", tasks="snarks_original", difficulty={{"folder": "data/bbh"}})
```

or set `QUINTAIN_BBH`. `"sha256"` beside `"folder"` checks the file. `"folder": "hub:<repository>"` reads a data set of
the Hugging Face hub with the library `datasets`.
"""


def described(task: type[Task]) -> str:
    """Return the first paragraph of a task's documentation, in one line."""
    return " ".join(inspect.cleandoc(task.__doc__ or "").split("\n\n")[0].split())


def row(name: str) -> str:
    """Describe one of our own tasks."""
    task = type(load_task(name))
    title = (importlib.import_module(task.__module__).__doc__ or "").split("\n")[0].rstrip(".")
    parameters = ", ".join(f"`{f.name}={f.default!r}`" for f in dataclasses.fields(task))
    answers = "one" if issubclass(task, ExactTask) else "many"
    split = "test" if name in TEST_FAMILIES else "train"
    about = title.split(": ", 1)[-1].split(" (SymBench")[0].split(" (Big-Bench")[0]
    about = about[0].upper() + about[1:]
    return f"| `{name}` | {about}. {described(task)} | {parameters} | {answers} | {split} |".replace("?.", "?")


def main() -> None:
    """Write the page."""
    page = HEAD
    for suite, title in (
        ("symbench", "SymBench"),
        ("bbh", "Big-Bench-Hard"),
        ("reasoning_gym", "Reasoning-Gym, our own families"),
    ):
        own = [name for name in task_names(suite) if name not in FAMILIES]
        page += f"\n## {title} ({len(own)})\n\n| task | rules | parameters | answers | split |\n"
        page += "| --- | --- | --- | --- | --- |\n"
        page += "\n".join(map(row, own)) + "\n"
    library = (f"`{name}`{' (test)' if name in TEST_FAMILIES else ''}" for name in FAMILIES)
    page += LIBRARY.format(names=", ".join(library) + ".")
    page += SPLIT.format(human=", ".join(f"`{name}_original`" for name in HUMAN_WRITTEN))
    Path(__file__).with_name("tasks.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
