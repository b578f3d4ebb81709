"""CodeReason-v0: answer a question, with access to a Python interpreter.

Source: the protocol and reward of R1-Code-Interpreter (Chen et al. 2025, arXiv 2505.21668).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import gymnasium as gym

from quintain.arguments import check_bool
from quintain.envs.code_reason.registry import MINIATURE, SUITES, load_task, require_libraries, select_tasks, suite_of
from quintain.envs.text.interpreter import MAX_OUTPUT_CHARS, Interpreter
from quintain.envs.text.programs import CODE_PROTOCOL, UNMARKED_BLOCK, Programs
from quintain.envs.text.task import ITEM_KEY, SPLITS, Split, Task, fixed_items_of, parse_task_id, pose
from quintain.envs.vector import text_vector
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.replies import ReplyReader
from quintain.sandbox import Limits
from quintain.spaces import UnicodeText

__all__ = ["CodeReasonEnv", "make_vec"]

#: Maximum length of an action, in characters. Longer ones are invalid.
MAX_ACTION_CHARS = 100_000
#: Maximum length of an observation, in characters: the longest question with its protocol, or truncated output.
MAX_OBSERVATION_CHARS = 100_000

TEXT_PROTOCOL = """\
Answer the question below. Think step by step in plain text. Write your final answer between <<< and >>>."""

CORRECT = 1.0
FORMAT = 0.1
EFFICIENCY = -0.1
#: The reward term ``EFFICIENCY`` applies, once, if an episode has more turns than this.
FREE_TURNS = 6


class CodeReasonEnv(gym.Env[str, str]):
    r"""Answer a question in free text, with access to a Python interpreter.

    ## Description
    The first observation is a question, preceded by the rules. The agent replies in free text. The first closed
    Python block of a reply is executed in the sandbox and its output is the next observation; an answer between
    ``<<<`` and ``>>>`` ends the episode, as does one in ``\boxed{}`` if none between ``<<<`` and ``>>>`` follows before
    the next block. Whichever comes first in a reply counts, the rest is ignored. Reasoning (``<think>...</think>`` and
    the like) and the question's own form of the answer are passed over.
    A reply with nothing but a block that names no language is answered with a hint. Variables persist from block to
    block, as in a notebook.

    ## Observation
    ``UnicodeText``: rules and question, then what the interpreter shows, as a notebook does: output, errors and the
    value of the last expression, truncated with a notice. A time-out is text too.

    ## Action
    ``UnicodeText`` of at most 100,000 characters: any reply.

    ## Reward
    Sum of three terms at the end of the episode: ``correctness`` 1 for a right answer, else 0; ``format`` +0.1 if an
    answer was given, else -0.1; ``efficiency`` -0.1 if more than 6 turns were used, else 0. Other steps have reward 0.

    ## Episode end
    Terminated by an answer, by a reply with neither block nor answer, or by an invalid action; truncated after
    ``max_turns`` turns. A step beyond the end raises ``ResetNeeded``.

    ## Info
    Always ``task_id``, ``task_hash``, ``task``, ``suite``, ``split``, ``success``, ``reward_terms``, ``parse_error``
    (str or ``None``), ``invalid_action`` and ``metrics`` (``turns``, ``code_calls``, ``code_errors``, ``strict``: right
    and written exactly as asked). After a block also ``execution``, the observation by source: ``stdout``, ``stderr``,
    ``value`` (of the last expression; str or ``None``) and ``notices`` (of the environment). On the last step also
    ``answer`` (str or ``None``), ``expected`` (one right answer) and ``detail`` (why the answer is wrong).

    ## Arguments
    - ``tasks``: a task name, a list of names, or ``"all"``; see ``select_tasks``. Each episode draws one of them
      uniformly. A task of your own is ``"module:name"`` (see ``register_task``).
    - ``suite``: restrict ``tasks`` to this suite; ``None`` for all suites.
    - ``split``: ``"train"`` or ``"test"``; no item is in both.
    - ``rules``: whether the rules stand before the question. Models that have learned the protocol need none.
    - ``code``: whether Python blocks are executed. If not, they are ignored, and the rules do not mention them.
    - ``difficulty``: ``"easy"``, ``"medium"`` or ``"hard"`` for all tasks, or parameters by name for a single task.
    - ``max_turns``: maximum number of replies per episode, >= 1; the last one must contain the answer.
    - ``max_code_calls``: maximum number of executed blocks per episode, >= 0.
    - ``timeout_s``: limit of the CPU time of one block, in seconds. The paper uses 60 (of wall-clock time). A block
      that sleeps or waits is stopped after four times as long.
    - ``memory_mb``: memory limit of the interpreter, in MiB.
    - ``max_output_chars``: maximum length of the interpreter's output in an observation, in characters, 1 to 99,000.
    - ``stateful``: whether variables persist between the blocks of an episode.
    - ``packages``: installed packages that blocks can import beside NumPy and SymPy, such as ``["pandas", "scipy"]``.
    - ``render_mode``: ``None`` or ``"ansi"``: ``render`` returns the transcript.

    ``reset(options={"task_id": ...})`` poses the item of that id again, in an environment of the same ``difficulty``,
    which the id leaves out; ``{"task": name}`` fixes the task of one episode. Where all tasks pose the items of files,
    ``item_count`` is their number in the split, and ``{"item": k}`` poses item ``k``: a run poses each of them once.

    ## Determinism
    Same seed, same episode. A new interpreter seeds ``random`` and ``numpy.random`` from the item and the number of
    the block. Programs that read clocks, ``id`` or the system's entropy are not reproducible.

    ## Source
    Chen et al. 2025, arXiv 2505.21668: protocol, reward, caps. Differences: the time limit is 10 s by default, and
    state persists between blocks (``stateful=False`` starts each block afresh).

    ## Version history
    - v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 1}

    def __init__(
        self,
        tasks: str | Sequence[str] = "all",
        suite: str | None = None,
        split: Split = "test",
        rules: bool = True,
        code: bool = True,
        difficulty: str | Mapping[str, Any] = "medium",
        max_turns: int = 9,
        max_code_calls: int = 8,
        timeout_s: float = 10.0,
        memory_mb: int = 512,
        max_output_chars: int = 4000,
        stateful: bool = True,
        packages: str | Sequence[str] = (),
        render_mode: str | None = None,
    ) -> None:
        if split not in SPLITS:
            raise UnknownNameError("split", split, SPLITS)
        for name, value, least in (
            ("max_turns", max_turns, 1),
            ("max_code_calls", max_code_calls, 0),
            ("max_output_chars", max_output_chars, 1),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigurationError(f"{name} must be an integer >= {least}, got {value!r}")
        if max_output_chars > MAX_OUTPUT_CHARS:
            raise ConfigurationError(f"max_output_chars must be <= {MAX_OUTPUT_CHARS:,}, got {max_output_chars!r}")
        check_bool("rules", rules)
        if render_mode not in (None, "ansi"):
            raise ConfigurationError(f"render_mode must be None or 'ansi', got {render_mode!r}")
        self._names = select_tasks(tasks, suite)
        require_libraries(self._names)
        if not isinstance(difficulty, str) and len(self._names) != 1:
            raise ConfigurationError(
                f"difficulty parameters {dict(difficulty)} fit a single task, but {len(self._names)} are selected; "
                "name one task, or give the name of a level"
            )
        self._difficulty = difficulty
        self._split: Split = split
        self.runs_code = code
        self._rules = rules
        self._max_turns = max_turns
        self._max_code_calls = max_code_calls
        interpreter = Interpreter(Limits(cpu_s=timeout_s, memory_mb=memory_mb), stateful=stateful, packages=packages)
        self._programs = Programs(interpreter, max_calls=max_code_calls, max_output_chars=max_output_chars)
        self.render_mode = render_mode
        self.observation_space = UnicodeText(MAX_OBSERVATION_CHARS)
        self.action_space = UnicodeText(MAX_ACTION_CHARS)
        self._tasks: dict[str, Task[Any]] = {}
        self._load(self._names[0])  # a bad difficulty is an error now, not in the first episode
        self._fixed = self._fixed_items()
        self._transcript: list[str] = []
        self._done = True

    def _load(self, name: str) -> Task[Any]:
        if name not in self._tasks:
            self._tasks[name] = load_task(name, self._difficulty)
        return self._tasks[name]

    def _fixed_items(self) -> list[tuple[str, int]] | None:
        """Return task and number of every item of the split, if all tasks have a finite set of them."""
        if any(suite_of(name) in (*SUITES, MINIATURE) for name in self._names):
            return None
        items = {name: fixed_items_of(self._load(name), self._split) for name in self._names}
        if any(found is None for found in items.values()):
            return None
        return [(name, number) for name, found in items.items() for number in range(len(found or ()))]

    @property
    def item_count(self) -> int | None:
        """Number of items of the split, if all tasks pose those of files; else ``None``."""
        return None if not self._fixed else len(self._fixed)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Pose a new question.

        Args:
            seed: Seed of this environment's generator.
            options: ``{"task_id": ...}`` poses the item of that id, ``{"task": name}`` one of that task,
                ``{"item": k}`` item ``k`` of ``item_count``.

        Raises:
            UnknownNameError: If the options name a task that does not exist.
            ConfigurationError: If a task id is malformed.
        """
        super().reset(seed=seed)
        options = options or {}
        # Both draws happen on every reset, so that options do not shift later episodes.
        name = self._names[int(self.np_random.integers(len(self._names)))]
        key, split = str(self.np_random.integers(2**63)), self._split
        if "task_id" in options:
            name, split, key = parse_task_id(options["task_id"])
        elif "task" in options:
            name = options["task"]
        elif "item" in options:
            if not self._fixed or options["item"] not in range(len(self._fixed)):
                raise ConfigurationError(f"there is no item {options['item']!r}: item_count is {self.item_count}")
            name, number = self._fixed[options["item"]]
            key = f"{ITEM_KEY}{number}"
        self._name, self._task = name, self._load(name)
        self._item_split: Split = split
        self._key = key
        self.problem = pose(self._task, split, key)
        self._programs.begin(self.problem.hash)
        self._turns = 0
        self._done = False
        observation = f"{self._protocol}\n\n{self.problem.prompt}" if self._rules else self.problem.prompt
        self._reader = ReplyReader.of(observation, code=self.runs_code, answer=self.problem.answer)
        self._transcript = [observation]
        return observation, self._info()

    @cached_property
    def _protocol(self) -> str:
        if not self.runs_code:
            return TEXT_PROTOCOL
        return CODE_PROTOCOL.format(max_code_calls=self._max_code_calls, imports=self._programs.interpreter.imports)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Parse a reply: run its first Python block, or score its answer.

        Any object is accepted as an action; what is not a string of allowed length ends the episode as invalid.

        Raises:
            ResetNeeded: If no episode is under way.
            SandboxError: If the sandbox itself failed.
        """
        if self._done:
            raise gym.error.ResetNeeded("the episode has ended; call reset() before the next step()")
        self._turns += 1
        if action not in self.action_space:
            shown = (
                f"a string of {len(action):,} characters" if isinstance(action, str) else repr(type(action).__name__)
            )
            return self._end(
                parse_error=f"expected text of at most {MAX_ACTION_CHARS:,} characters, got {shown}", invalid=True
            )
        self._transcript.append(action)
        move = self._reader.read(action)
        if move.kind == "answer":
            return self._end(answer=move.text)
        if move.kind == "malformed":
            return self._end(parse_error=move.text)
        if self._turns >= self._max_turns:
            if move.kind == "unmarked":
                return self._end(parse_error="the reply has neither a Python block nor an answer")
            return self._end(truncated=True)
        if move.kind == "code":
            observation, execution = self._programs.run(move)
            info = self._info(execution=execution)
        else:
            observation, info = UNMARKED_BLOCK, self._info()
        self._transcript.append(observation)
        return observation, 0.0, False, False, info

    def step_blocks(self, action: object) -> bool:
        """Return whether ``step(action)`` waits for the sandbox; a runner may then call it in a thread."""
        return self.runs_code and isinstance(action, str) and "```" in action

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts for a run's record.

        They are the rules as a model reads them, the sandbox and its protections, checksums of files with items, and
        under ``"report_by"`` the keys of ``info`` by which reports group the results.
        """
        rules = self._protocol if self._rules else ""
        facts: dict[str, Any] = {"report_by": ["suite", "split"], "rules": rules}
        if self.runs_code:
            facts["sandbox"] = self._programs.interpreter.sandbox.describe()
        files: dict[str, str] = {}
        for name in self._names:
            if suite_of(name) not in (*SUITES, MINIATURE):  # tasks that draw their own items read no files
                files |= self._load(name).files()
        return facts | ({"files": files} if files else {})

    def solution(self) -> str:
        """Return a right answer between markers, found by the task's solver."""
        return f"<<<{self._task.solve(self.problem)}>>>"

    def read_answer(self, reply: str) -> str | None:
        """Return the answer that a reply gives, in the form that the question specifies; ``None`` for none."""
        move = ReplyReader.of(self._transcript[0], code=self.runs_code).read(reply)
        return self._task.canonical(move.text) if move.kind == "answer" else None

    def render(self) -> str | None:
        """Return the transcript so far, if ``render_mode`` is ``"ansi"``."""
        return "\n\n".join(self._transcript) if self.render_mode == "ansi" else None

    def close(self) -> None:
        """End the interpreter's session."""
        self._programs.close()

    def _end(
        self,
        *,
        answer: str | None = None,
        parse_error: str | None = None,
        invalid: bool = False,
        truncated: bool = False,
    ) -> tuple[str, float, bool, bool, dict[str, Any]]:
        self._programs.close()
        self._done = True
        correct = strict = False
        detail = parse_error or "no answer within the turn limit"
        if answer is not None:
            score = self._task.score(self.problem, answer)
            correct, strict, detail = score.correct, score.strict, score.detail
            if score.malformed:
                parse_error = score.detail
        terms = {
            "correctness": CORRECT if correct else 0.0,
            "format": FORMAT if answer is not None else -FORMAT,
            "efficiency": EFFICIENCY if self._turns > FREE_TURNS else 0.0,
        }
        info = self._info(success=correct, reward_terms=terms, parse_error=parse_error, invalid_action=invalid)
        info["metrics"]["strict"] = float(strict)
        info |= {"answer": answer, "expected": self.problem.answer, "detail": detail}
        return "", math.fsum(terms.values()), not truncated, truncated, info

    def _info(self, **changes: Any) -> dict[str, Any]:
        return {
            "task_id": f"{self._name}/{self._item_split}/{self._key}",
            "task_hash": self.problem.hash,
            "task": self._task.name,
            "suite": self._task.suite,
            "split": self._item_split,
            "success": False,
            "reward_terms": {"correctness": 0.0, "format": 0.0, "efficiency": 0.0},
            "parse_error": None,
            "invalid_action": False,
            "metrics": {
                "turns": float(self._turns),
                "code_calls": float(self._programs.calls),
                "code_errors": float(self._programs.errors),
                "strict": 0.0,
            },
        } | changes


make_vec = text_vector(CodeReasonEnv)
