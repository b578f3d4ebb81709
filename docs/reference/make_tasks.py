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
from quintain.envs.code_reason.reasoning_gym._library import Source
from quintain.envs.code_reason.registry import loader_only
from quintain.envs.code_reason.splits import TEST_FAMILIES
from quintain.envs.text.task import ExactTask, Task

HEAD = """\
---
hide: [toc]
---

# Tasks of CodeReason-v0

Written by `docs/reference/make_tasks.py`; change the tasks' docstrings instead of this file.

A task is a generator, a verifier and a reference solution. `load_task(name, difficulty)` takes a level (`easy`,
`medium`, `hard`) or the parameters below by name, and so does `gym.make("CodeReason-v0", tasks=name, difficulty=...)`.
*One* in the column "answers" means that exactly one answer is right (in any equivalent notation); *many* means that
every answer that meets the constraints is. The column "split" names the side of the task split (see the end of this
page).

Answers are parsed, never evaluated. A score is `correct`, `malformed` (not of the specified form), or wrong with a
reason; `strict` means that the answer was written exactly in the specified form. There is no credit for parts of an
answer, for padding, or for several answers at once.
"""

LIBRARY = """
## Reasoning-Gym, families drawn by the library ({count})

These need the extra `reason`. The library draws the question and its answer; parsing and comparison are ours. For
{solved} of them a solver of ours computes the answer a second time from the question alone. It is the oracle, and an
item on which the two differ, or whose question has no single answer, is drawn again. For the other {unsolved} the
oracle gives the library's answer, because their rules must be inferred from examples or are written in free prose:
{names}.

The medium level is the library's defaults; the columns show the settings that differ. `difficulty` also takes
`{{"settings": {{...}}}}` with any settings of the library, and `{{"level": n}}`, a level of its curriculum.

| task | easy | hard | solver | split |
| --- | --- | --- | --- | --- |
{rows}

### Items that are not used

Share of rejected items in percent, of 300 items a level of reasoning-gym 0.1.25. The solvers confirmed every item of
the other families.

| family | why | easy | medium | hard |
| --- | --- | ---: | ---: | ---: |
{unused}

In `manipulate_matrix` a note says what the library leaves open: the sense of rotations, and what mirroring
horizontally and vertically means. In `aiw` the questions about two circles of colleagues are switched off, because they
can be read in two ways; there is also a family of our own in place of `advanced_geometry`, whose angles had two decimal
places where the question asks for three.

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

<!-- not run: needs the files -->
```python
gym.make("CodeReason-v0", tasks="snarks_original", difficulty={{"folder": "data/bbh"}})
```

or set `QUINTAIN_BBH`. `"folder": "hub:<repository>"` or `"hub:<repository>@<revision>"` reads a data set of the Hugging
Face hub with the library `datasets`. The authors publish no checksums, so a run records the SHA-256 of every file it
read (`facts.env.files` in `run.json`), and `"sha256"` beside `"folder"` makes any other file an error.

## Comparing families

An episode draws its family at random, so 660 episodes over 12 families give each about 40 to 70. For equal counts, run
the families one by one; an agent that is made once keeps its model:

```python
import quintain

agent = quintain.make_agent("oracle")
reports = {{
    name: quintain.evaluate("CodeReason-v0", agent, episodes=20, env_kwargs={{"tasks": name, "code": False}})
    for name in ("letters", "pooling", "reversi")
}}
assert {{report.success.n for report in reports.values()}} == {{20}}
```
"""


#: Shares of items that are not used at the three levels, in percent, of 300; why.
UNUSED = {
    "aiw": ("it is not said who the person is whose sibling is asked about", 29, 29, 28),
    "basic_arithmetic": ("the library rounds quotients down", 0, 0.7, 4),
    "caesar_cipher": ("a letter outside A to Z was encrypted into one of them", 0, 0.3, 0),
    "calendar_arithmetic": (
        "a date does not fall on the weekday beside it, or the year may be a leap year or not",
        *(0, 8, 33),
    ),
    "decimal_arithmetic": ("the library rounds at every step, the question asks for the rounded result", 2, 8, 19),
    "emoji_mystery": ("the emoji brings a variation selector of its own", 1, 1, 1),
    "family_relationships": (
        "the library names in-laws, nephews and nieces from the wrong side (16, 16, 13), or the asked person's name "
        "may be a man's or a woman's",
        *(32, 30, 28),
    ),
    "letter_counting": ("the letter also occurs as a capital, and it is not said whether that counts", 5, 12, 23),
    "needle_haystack": ("two people do what is asked about", 0, 0, 0.3),
    "simple_geometry": ("no convex polygon has these angles", 8, 37, 28),
}


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


def library_row(name: str, source: Source) -> str:
    """Describe a family that the library draws."""
    easy, hard = (
        ", ".join(f"`{key}={value!r}`" for key, value in settings.items()) or "as medium"
        for settings in (source.easy, source.hard)
    )
    split = "test" if name in TEST_FAMILIES else "train"
    return f"| `{name}` | {easy} | {hard} | {'yes' if source.solve else 'no'} | {split} |"


def main() -> None:
    """Write the page."""
    page = HEAD
    for suite, title in (
        ("symbench", "SymBench"),
        ("bbh", "Big-Bench-Hard, drawn by rule"),
        ("reasoning_gym", "Reasoning-Gym, our own families"),
        ("miniature", "Miniature tasks, for models of under a million parameters"),
    ):
        own = [name for name in task_names(suite) if name not in FAMILIES]
        page += f"\n## {title} ({len(own)})\n\n| task | rules | parameters | answers | split |\n"
        page += "| --- | --- | --- | --- | --- |\n"
        page += "\n".join(map(row, own)) + "\n"
        if rest := loader_only(suite):
            page += (
                f"\nThe other {len(rest)} families are written by people and need files, see the end of this page.\n"
            )
    unsolved = [name for name, source in FAMILIES.items() if source.solve is None]
    page += LIBRARY.format(
        count=len(FAMILIES),
        solved=len(FAMILIES) - len(unsolved),
        unsolved=len(unsolved),
        names=", ".join(f"`{name}`" for name in unsolved),
        rows="\n".join(library_row(name, source) for name, source in FAMILIES.items()),
        unused="\n".join(
            f"| `{name}` | {why} | {' | '.join(f'{share:g}%' for share in shares)} |"
            for name, (why, *shares) in UNUSED.items()
        ),
    )
    page += SPLIT.format(human=", ".join(f"`{name}_original`" for name in HUMAN_WRITTEN))
    Path(__file__).with_name("tasks.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
