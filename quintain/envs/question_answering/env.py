"""QuestionAnswering-v0: answer the questions of a data set, with access to a Python interpreter if wanted."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import gymnasium as gym

from quintain.envs.question_answering.data_set import load_data_set
from quintain.envs.question_answering.items import LETTERS, Columns, Item
from quintain.envs.question_answering.replies import final_answer, normalised, spoken
from quintain.envs.question_answering.scorers import ClosingScorer, DescribedScorer, ReadingScorer, make_scorer
from quintain.envs.question_answering.verdict import Verdict
from quintain.envs.text.interpreter import MAX_OUTPUT_CHARS, Interpreter
from quintain.envs.text.programs import CODE_PROTOCOL, UNMARKED_BLOCK, Programs
from quintain.envs.text.rows import value_at
from quintain.envs.vector import text_vector
from quintain.errors import ConfigurationError
from quintain.provenance import describe_function
from quintain.replies import Move, ReplyReader
from quintain.sandbox import Limits
from quintain.spaces import UnicodeText

__all__ = ["QuestionAnsweringEnv", "make_vec"]

#: Maximum length of a reply, in characters. Longer ones are invalid.
MAX_ACTION_CHARS = 100_000
#: Maximum length of a question as it is shown, in characters.
MAX_OBSERVATION_CHARS = 200_000

#: How a question is shown; one of multiple choice ends with its options.
PROMPT = "{question}"
CHOICE_PROMPT = "{question}\n\n{choices}\n\nAnswer with the letter of the right option."

_FIELD = re.compile(r"\{([A-Za-z_][\w. -]*)\}")


class QuestionAnsweringEnv(gym.Env[str, str]):
    r"""Answer the questions of a data set.

    ## Description
    Every row of the data set is an item: a question, its right answer, perhaps options, and any further columns. The
    observation is the question; the reply, which is free text, ends the episode and is scored. With ``code``, a reply
    whose first closed Python block comes before any marked answer runs that program in the sandbox instead, and its
    output is the next observation, as in ``CodeReason-v0``; variables persist between the programs of an episode. Runs
    of ``quintain.evaluate`` and ``quintain eval`` pose every item once, in the order of the rows, unless they are given
    another number of episodes.

    ## Observation
    ``UnicodeText``: the question, as ``prompt`` shows it; with ``code`` the rules before it, and later the output of
    programs.

    ## Action
    ``UnicodeText`` of at most 100,000 characters: any reply. Reasoning (``<think>...</think>`` and the like) is passed
    over. The answer is what stands between ``<<<`` and ``>>>`` or in ``\boxed{}``, else the last line that begins with
    ``Answer:``, else the whole reply. A repetition of the question is no answer.

    ## Reward
    One term, ``correctness``: the scorer's value in [0, 1]; 0 for a reply that has no answer of the required form, and
    for a step that runs a program.

    ## Episode end
    Terminated by the reply; with ``code`` by the first one that runs no program, and truncated after ``max_turns``
    replies. A step beyond the end raises ``ResetNeeded``.

    ## Info
    Always ``task_id`` (name of the data set and id of the item), ``task_hash`` (of the row without answer and id),
    ``task``, ``item`` (number of the item from 0), ``metadata`` (the other columns), ``choices`` (the options as they
    are shown; only with options), ``success``, ``reward_terms``, ``parse_error`` (str or ``None``) and
    ``invalid_action``. On the last step also ``answer`` (str or ``None``), ``expected`` (a right answer) and ``detail``
    (why the answer is wrong). With ``code`` also ``metrics`` (``turns``, ``code_calls``, ``code_errors``), and after a
    program ``execution``, its output by source.
    Of a reply that could not be judged, ``success`` and the reward term are missing, and ``reward_error`` says why.

    ## Arguments
    - ``tasks``: the data set: path of a ``.csv``, ``.tsv``, ``.jsonl``, ``.json`` or ``.parquet`` file;
      ``hub:REPOSITORY[:CONFIG][@REVISION]`` for one of the Hugging Face hub; or a list of rows, each a mapping. Parquet
      and the hub need the extra ``datasets``.
    - ``scorer``: ``"exact"``, ``"contains"``, ``"number"``, ``"choice"``, ``"regex"`` or ``"judge"``; a mapping of its
      ``"name"`` and settings, such as ``{"name": "number", "rel_tol": 0.01}`` or ``{"name": "judge", "engine": ...}``;
      ``"module:function"``, or a function of reply and item. By default ``"choice"`` if the items have options, else
      ``"exact"``.
    - ``question``, ``answer``, ``choices``, ``id``: names of the columns. ``answer`` may hold a list of right answers;
      ``choices`` may be a list of columns, such as ``["A", "B", "C", "D"]``. ``"answers.text"`` is a part of a column.
    - ``split``: use only the rows of this split: those with this value in the column ``split_column``, or a split of a
      data set of the hub. ``None`` for all.
    - ``split_column``: name of the column of the split.
    - ``prompt``: how a question is shown: text with ``{question}``, ``{choices}`` and the names of other columns in
      braces. ``None`` shows the question, and where there are options, these and a request for the letter.
    - ``shuffle_choices``: whether the options are shown in an order that the episode's seed draws.
    - ``shuffle_items``: a seed that draws the order of the items, so that the first n are a random sample; ``None``
      keeps the order of the rows.
    - ``group_by``: a column by whose values results are listed, as ``info["task"]``; ``None`` for none.
    - ``encoding``: encoding of a text file.
    - ``code``: whether Python blocks of replies are executed.
    - ``max_turns``, ``max_code_calls``: maximum number of replies (>= 1) and of executed programs (>= 0) per episode.
    - ``timeout_s``, ``memory_mb``: limits of one program: CPU time in seconds, and memory in MiB.
    - ``packages``: installed packages that programs can import beside NumPy and SymPy.
    - ``render_mode``: ``None`` or ``"ansi"``: ``render`` returns the transcript.

    ``reset(options={"item": k})`` poses item ``k``, ``{"task_id": ...}`` the item of that id. Without them, the seed
    draws an item.

    ## Determinism
    Same seed and same item, same episode, if the scorer is a function of the reply alone.

    ## Source
    The conventions of lm-evaluation-harness (Gao et al. 2024, doi:10.5281/zenodo.12608602) and Inspect (UK AI Security
    Institute 2024).

    ## Version history
    - v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 1}

    def __init__(
        self,
        tasks: str | Sequence[Mapping[str, Any]] = "",
        scorer: str | Mapping[str, Any] | Callable[[str, Item], Any] | None = None,
        question: str = "question",
        answer: str = "answer",
        choices: str | Sequence[str] = "choices",
        id: str = "id",
        split: str | None = None,
        split_column: str = "split",
        prompt: str | None = None,
        shuffle_choices: bool = False,
        shuffle_items: int | None = None,
        group_by: str | None = None,
        encoding: str = "utf-8",
        code: bool = False,
        max_turns: int = 9,
        max_code_calls: int = 8,
        timeout_s: float = 10.0,
        memory_mb: int = 512,
        packages: str | Sequence[str] = (),
        render_mode: str | None = None,
    ) -> None:
        if render_mode not in (None, "ansi"):
            raise ConfigurationError(f"render_mode must be None or 'ansi', got {render_mode!r}")
        for name, value, least in (("max_turns", max_turns, 1), ("max_code_calls", max_code_calls, 0)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigurationError(f"{name} must be an integer >= {least}, got {value!r}")
        columns = Columns(question, answer, choices if isinstance(choices, str) else tuple(choices), id, split_column)
        self._scorer, facts = make_scorer("exact" if scorer is None else scorer)
        self._data = load_data_set(tasks, columns, self._scorer, facts, split=split, encoding=encoding)
        if scorer is None and all(item.choices for item in self._data.items):
            self._scorer, facts = make_scorer("choice")
        self._scorer_waits = facts.waits
        self._scorer_settings = describe_function(scorer) if callable(scorer) else scorer
        self._items = _ordered(self._data.items, shuffle_items)
        self._template = prompt
        self._shown_columns = _columns_of(prompt, self._items)
        self._group_by = group_by
        if group_by is not None and all(value_at(item.metadata, group_by) is None for item in self._items):
            raise ConfigurationError(f"group_by: there is no other column {group_by!r} in {self._data.source}")
        self._shuffle_choices = shuffle_choices
        self._max_turns, self._max_code_calls = max_turns, max_code_calls
        self._programs: Programs | None = None
        if code:
            self.runs_code = True  # see ReadsReplies; without code, a reply is taken whole
            interpreter = Interpreter(Limits(cpu_s=timeout_s, memory_mb=memory_mb), stateful=True, packages=packages)
            self._programs = Programs(interpreter, max_calls=max_code_calls, max_output_chars=MAX_OUTPUT_CHARS)
        self.render_mode = render_mode
        self.observation_space = UnicodeText(MAX_OBSERVATION_CHARS)
        self.action_space = UnicodeText(MAX_ACTION_CHARS)
        self._transcript: list[str] = []
        self._done = True

    @property
    def item_count(self) -> int:
        """Number of items; see :class:`~quintain.envs.protocols.FiniteEnv`."""
        return len(self._items)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Pose a question.

        Args:
            seed: Seed of this environment's generator.
            options: ``{"item": k}`` poses item ``k``, ``{"task_id": ...}`` the item of that id.

        Raises:
            ConfigurationError: If there is no such item.
        """
        super().reset(seed=seed)
        # Both draws happen on every reset, so that options do not shift later episodes.
        number = int(self.np_random.integers(len(self._items)))
        order_seed = int(self.np_random.integers(2**63))
        options = options or {}
        if "task_id" in options:
            number = self._number_of(options["task_id"])
        elif "item" in options:
            number = options["item"]
            if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(self._items):
                raise ConfigurationError(f"item must be an integer in [0, {len(self._items)}), got {number!r}")
        self._number, self._item = number, self._items[number]
        self._hash = self._hash_of(self._item)
        if self._shuffle_choices and self._item.choices:
            order = gym.utils.seeding.np_random(order_seed)[0].permutation(len(self._item.choices))
            self._item = replace(self._item, choices=tuple(self._item.choices[k] for k in order))
        self._done = False
        self._turns = 0
        self._question = observation = self._shown(self._item)
        if self._programs is not None:
            self._programs.begin(self._hash)
            observation = f"{self._rules(self._programs)}\n\n{observation}"
            self._reader = ReplyReader.of(observation, answer=self._item.answer)
        self._transcript = [observation]
        return observation, self._info()

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Score a reply, or with ``code`` run its program.

        Any object is accepted as an action; what is not a string of allowed length is invalid.

        Raises:
            ResetNeeded: If no episode is under way.
            SandboxError: If the sandbox itself failed.
        """
        if self._done:
            raise gym.error.ResetNeeded("the episode has ended; call reset() before the next step()")
        self._done = True
        self._turns += 1
        if action not in self.action_space:
            shown = f"{len(action):,} characters" if isinstance(action, str) else repr(type(action).__name__)
            why = f"expected text of at most {MAX_ACTION_CHARS:,} characters, got {shown}"
            return self._end(Verdict(0.0, None, why, malformed=True), invalid=True)
        self._transcript.append(action)
        if spoken(action) and spoken(action) in (self._question.strip(), self._transcript[0].strip()):
            return self._end(Verdict(0.0, None, "the reply repeats the question", malformed=True))
        if self._programs is not None and (move := self._reader.read(action)).kind in ("code", "unmarked"):
            if self._turns < self._max_turns:
                return self._continue(self._programs, move)
            if move.kind == "code":
                return self._end(Verdict(0.0, None, "no answer within the turn limit"), truncated=True)
        return self._end(self._scorer(action, self._item))

    def step_blocks(self, action: object) -> bool:
        """Return whether ``step(action)`` waits for a scorer outside this process, or for the sandbox."""
        runs = self._programs is not None and isinstance(action, str) and "```" in action
        return self._scorer_waits or runs

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts for a run's record: the data set with its checksum, and the scorer."""
        scorer = self._scorer_settings or type(self._scorer).__name__.lower()
        facts = {"data_set": self._data.source, "items": len(self._items), "data": self._data.sha256, "scorer": scorer}
        if self._programs is not None:
            facts |= {"rules": self._rules(self._programs), "sandbox": self._programs.interpreter.sandbox.describe()}
        return facts | (self._scorer.describe() if isinstance(self._scorer, DescribedScorer) else {})

    def solution(self) -> str:
        """Return a right reply; where the data set has no answers, an empty one."""
        return self._item.letter or self._item.answer

    def read_answer(self, reply: str) -> str | None:
        """Return the answer that the scorer reads from a reply; of a scorer that reads none, the final answer."""
        if isinstance(self._scorer, ReadingScorer):
            return self._scorer.read(reply, self._item)
        return normalised(final_answer(reply, self._item.question)[0], ignore_case=True) or None

    def render(self) -> str | None:
        """Return the transcript so far, if ``render_mode`` is ``"ansi"``."""
        return "\n\n".join(self._transcript) if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Close the scorer, and end the interpreter's session."""
        if self._programs is not None:
            self._programs.close()
        if isinstance(self._scorer, ClosingScorer):
            self._scorer.close()

    def _rules(self, programs: Programs) -> str:
        return CODE_PROTOCOL.format(max_code_calls=self._max_code_calls, imports=programs.interpreter.imports)

    def _continue(self, programs: Programs, move: Move) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Run a program, or ask for a block that names its language."""
        observation, facts = (UNMARKED_BLOCK, {}) if move.kind == "unmarked" else programs.run(move)
        self._done = False
        self._transcript.append(observation)
        return observation, 0.0, False, False, self._info(**({"execution": facts} if facts else {}))

    def _number_of(self, task_id: object) -> int:
        prefix = f"{self._data.name}/"
        name = task_id.removeprefix(prefix) if isinstance(task_id, str) else ""
        found = next((number for number, item in enumerate(self._items) if item.id == name), None)
        if found is None:
            raise ConfigurationError(f"there is no item {task_id!r}; an id is such as {prefix}{self._items[0].id}")
        return found

    @staticmethod
    def _hash_of(item: Item) -> str:
        """Hash the row without answer and id: equal for every order of the options and every prompt around them."""
        text = json.dumps([item.question, sorted(item.choices), item.metadata], sort_keys=True, default=str)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    def _shown(self, item: Item) -> str:
        options = "\n".join(f"{letter}) {option}" for letter, option in zip(LETTERS, item.choices, strict=False))
        template = self._template or (CHOICE_PROMPT if item.choices else PROMPT)
        values = {"question": item.question, "choices": options}

        def fill(match: re.Match[str]) -> str:
            name = match[1]
            if name in values:
                return values[name]
            if name not in self._shown_columns:
                return match[0]
            value = value_at(item.metadata, name)
            return "" if value is None else str(value)

        return _FIELD.sub(fill, template)

    def _end(
        self, verdict: Verdict, *, invalid: bool = False, truncated: bool = False
    ) -> tuple[str, float, bool, bool, dict[str, Any]]:
        if self._programs is not None:
            self._programs.close()
        value = verdict.value or 0.0
        expected = f"{self._item.letter}) {self._item.answer}" if self._item.letter else self._item.answer
        info = self._info(
            success=value >= 1,
            reward_terms={"correctness": value},
            parse_error=verdict.detail if verdict.malformed else None,
            invalid_action=invalid,
            answer=verdict.answer,
            expected=expected,
            detail=verdict.detail,
            **{**verdict.info, **self._metrics(verdict.info.get("metrics", {}))},
        )
        if verdict.value is None:
            del info["success"]
            info |= {"reward_terms": {}, "reward_error": {"correctness": verdict.detail}}
        return "", value, not truncated, truncated, info

    def _metrics(self, scorer: Mapping[str, float]) -> dict[str, Any]:
        """Return ``info["metrics"]``, if there are any."""
        own = {}
        if (programs := self._programs) is not None:
            own = {"turns": self._turns, "code_calls": programs.calls, "code_errors": programs.errors}
        metrics = {name: float(value) for name, value in own.items()} | dict(scorer)
        return {"metrics": metrics} if metrics else {}

    def _info(self, **changes: Any) -> dict[str, Any]:
        item = self._item
        group = None if self._group_by is None else value_at(item.metadata, self._group_by)
        return {
            "task_id": f"{self._data.name}/{item.id}",
            "task_hash": self._hash,
            "task": self._data.name if group is None else str(group),
            "item": self._number,
            "metadata": dict(item.metadata),
            **({"choices": list(item.choices)} if item.choices else {}),
            "success": False,
            "reward_terms": {"correctness": 0.0},
            "parse_error": None,
            "invalid_action": False,
            **self._metrics({}),
        } | changes


make_vec = text_vector(QuestionAnsweringEnv)


def _ordered(items: tuple[Item, ...], seed: int | None) -> tuple[Item, ...]:
    if seed is None:
        return items
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ConfigurationError(f"shuffle_items must be a seed, an integer >= 0, or None, got {seed!r}")
    order = gym.utils.seeding.np_random(seed)[0].permutation(len(items))
    return tuple(items[k] for k in order)


def _columns_of(prompt: str | None, items: Sequence[Item]) -> list[str]:
    """Return the other columns that a prompt shows.

    Raises:
        ConfigurationError: If it does not show the question, or names a column that does not exist.
    """
    if prompt is None:
        return []
    names = _FIELD.findall(prompt)
    if "question" not in names:
        raise ConfigurationError(f"the prompt must show the question: write {{question}} in it, got {prompt!r}")
    others = [name for name in dict.fromkeys(names) if name not in ("question", "choices")]
    for name in others:
        if all(value_at(item.metadata, name) is None for item in items):
            known = ", ".join(("question", "choices", *items[0].metadata))
            raise ConfigurationError(f"the prompt names {{{name}}}, and there is no such column; there are {known}")
    return sorted(others)
