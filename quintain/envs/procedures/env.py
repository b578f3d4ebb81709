"""Procedure-v0: say after each step of a procedure whether it is right or a mistake."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import gymnasium as gym

from quintain.arguments import check_number
from quintain.envs.procedures.transcripts import MISTAKES, Noise, Transcript, perform, perform_wrongly
from quintain.envs.procedures.world import WorldSettings, check_encoding, make_world
from quintain.envs.vector import text_vector
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.spaces import UnicodeText

__all__ = ["ProcedureEnv", "make_vec"]

#: Maximum length of an answer and of an observation, in characters.
MAX_ACTION_CHARS = 20_000
MAX_OBSERVATION_CHARS = 100_000

RULES = (
    "Someone performs a procedure, and you watch. After each step, answer 'ok' if the step is right, or 'mistake' if "
    "it is the first wrong one: out of order, done twice, or no step of this procedure. You may add a line "
    "'expected: ...' with the steps that would have been right, separated by commas."
)
_ANSWER = re.compile(r"\s*(ok|mistake)\b[ .!]*(?:\n+\s*expected:(?P<steps>.*))?\s*", re.IGNORECASE | re.DOTALL)


class ProcedureEnv(gym.Env[str, str]):
    """Watch a procedure step by step, and flag the first mistake.

    ## Description
    A procedure is a task graph: 6 to 12 steps, some of which need others, in 2 to 4 chains that can be interleaved.
    Each episode shows one execution of one procedure, a step at a time, after correct executions of it. Mistakes are
    open-set: no example of one is ever shown. It is the anticipation half of PREGO and TI-PREGO without videos: a
    recogniser's errors can be simulated.

    ## Observation
    ``UnicodeText``: the rules, the correct executions and the first step; later all steps so far.

    ## Action
    ``UnicodeText``: ``ok`` or ``mistake``, perhaps with a second line ``expected: ...`` that names the steps that would
    have been right.

    ## Reward
    Three terms: ``detection`` 1 for ``mistake`` at the wrong step, ``false_alarm`` -1 for ``mistake`` at a right one,
    ``malformed`` -1 for an answer that is neither.

    ## Episode end
    Terminated after the answer to the first wrong step, or to the last step of a correct execution. A step beyond the
    end raises ``ResetNeeded``.

    ## Info
    Always ``task_id``, ``task_hash``, ``procedure``, ``steps`` (those so far, as they are shown), ``success``,
    ``reward_terms``, ``parse_error`` (str or ``None``), ``invalid_action`` and ``metrics``. After ``reset`` also
    ``context`` (correct executions of every procedure, by its name) and ``vocabulary`` (all labels). After an answer,
    ``admissible`` (what would have been right at the step that it is about). Only on the last step ``task``, the kind
    of the mistake, ``"none"`` for a correct execution; ``success`` then says whether every answer was right, and
    ``metrics`` holds ``tp``, ``fp``, ``tn`` and ``fn`` (numbers of answers; a malformed one is wrong), ``steps``, and
    ``set_size``, the mean number of expected steps, if they were named.

    ## Arguments
    - ``procedures``, ``vocabulary``: number of procedures (>= 1) and of the labels that they share (13 to 100).
    - ``context``: number of correct executions of each procedure that are known, >= 0.
    - ``encoding``: how steps are written: ``"word"``, ``"index"`` (numbers) or ``"symbol"``, a fixed bijection.
    - ``mistakes``: kinds of mistakes, drawn uniformly: ``"order"``, ``"omission"``, ``"repetition"``, ``"foreign"``,
      ``"correction"``.
    - ``correct_share``: share of executions without a mistake, in [0, 1]; the published protocol has none.
    - ``substitution``, ``insertion``, ``deletion``: rates of errors of a simulated recogniser, in [0, 1]; see
      :class:`~quintain.envs.procedures.Noise`.
    - ``world_seed``: seed of the procedures and their correct executions, which all episodes share, >= 0.
    - ``render_mode``: ``None`` or ``"ansi"``: ``render`` returns the transcript.

    ## Determinism
    The seed draws procedure, execution and errors of the recogniser; ``world_seed`` draws the procedures.

    ## Source
    PREGO (Flaborea et al. 2024, arXiv 2404.01933) and TI-PREGO (Plini et al. 2026, arXiv 2411.02570). Procedures, words
    and rules are ours.

    ## Version history
    - v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 1}

    def __init__(
        self,
        procedures: int = 15,
        vocabulary: int = 60,
        context: int = 10,
        encoding: str = "word",
        mistakes: Sequence[str] = MISTAKES,
        correct_share: float = 0.0,
        substitution: float = 0.0,
        insertion: float = 0.0,
        deletion: float = 0.0,
        world_seed: int = 0,
        render_mode: str | None = None,
    ) -> None:
        if render_mode not in (None, "ansi"):
            raise ConfigurationError(f"render_mode must be None or 'ansi', got {render_mode!r}")
        check_encoding(encoding)
        check_number("correct_share", correct_share, low=0, high=1)
        check_number("world_seed", world_seed, low=0, integer=True)
        self._kinds = (mistakes,) if isinstance(mistakes, str) else tuple(mistakes)
        for kind in self._kinds:
            if kind not in MISTAKES:
                raise UnknownNameError("kind of mistake", kind, MISTAKES)
        if not self._kinds and correct_share < 1:
            raise ConfigurationError("mistakes must name at least one kind, or correct_share be 1")
        settings = WorldSettings(procedures=procedures, vocabulary=vocabulary, context=context)
        self._world = make_world(settings, world_seed)
        self._encoding, self._correct_share = encoding, correct_share
        self._noise = Noise(substitution, insertion, deletion)
        self.render_mode = render_mode
        self.observation_space = UnicodeText(MAX_OBSERVATION_CHARS)
        self.action_space = UnicodeText(MAX_ACTION_CHARS)
        self._shown: list[str] = []
        self._answers: list[str] = []
        self._steps: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts for a run's record: how results are grouped."""
        return {"report_by": ["task"]}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Begin an execution.

        Args:
            seed: Seed of this environment's generator.
            options: Not used.
        """
        super().reset(seed=seed)
        world, rng = self._world, self.np_random
        names = list(world.procedures)
        self._procedure = world.procedures[names[int(rng.integers(len(names)))]]
        correct = not self._kinds or rng.random() < self._correct_share
        kind = self._kinds[int(rng.integers(len(self._kinds)))] if self._kinds else ""
        made = (
            perform(self._procedure, rng)
            if correct
            else perform_wrongly(self._procedure, kind, world.vocabulary, rng).trimmed()
        )
        self._truth: Transcript = made
        self._steps = self._noise.recognised(made.steps, world.vocabulary, rng)
        self._hash = hashlib.sha256("\n".join((made.procedure, *made.steps, "", *self._steps)).encode()).hexdigest()[
            :16
        ]
        self._counts = {"tp": 0, "fp": 0, "tn": 0, "fn": 0}
        self._sizes: list[int] = []
        self._answers = []
        self._shown = [self._opening()]
        return self._shown[0], self._info() | {"context": self._context(), "vocabulary": self._vocabulary()}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Take an answer about the present step. Any object is accepted as an action.

        Raises:
            ResetNeeded: If no execution is under way.
        """
        number = len(self._answers)
        if number >= len(self._steps):
            raise gym.error.ResetNeeded("the execution has ended; call reset() before the next step()")
        found = _ANSWER.fullmatch(action) if action in self.action_space else None
        flagged = found is not None and found[1].lower() == "mistake"
        wrong = self._is_wrong(number)
        right = found is not None and flagged == wrong
        self._counts[("t" if right else "f") + ("p" if wrong == right else "n")] += 1
        if found is not None and found["steps"] is not None:
            self._sizes.append(len({part.strip() for part in found["steps"].split(",")} - {""}))
        self._answers.append(action if action in self.action_space else "")
        ended = number + 1 == len(self._steps)
        self._shown += [] if ended else [f"Steps so far: {', '.join(self._so_far())}"]
        info = self._info()
        info["invalid_action"] = action not in self.action_space
        info["parse_error"] = None if found is not None else "expected 'ok' or 'mistake'"
        info["reward_terms"] = {
            "detection": float(flagged and wrong),
            "false_alarm": -float(flagged and not wrong),
            "malformed": -float(found is None),
        }
        info["admissible"] = [self._encoded(step) for step in self._right_steps(number)]
        if ended:
            info["task"] = self._truth.kind or "none"
            info["success"] = self._counts["fp"] == self._counts["fn"] == 0
            sizes = {"set_size": sum(self._sizes) / len(self._sizes)} if self._sizes else {}
            info["metrics"] = {**self._counts, "steps": len(self._steps), **sizes}
        return "" if ended else self._shown[-1], sum(info["reward_terms"].values()), ended, False, info

    def solution(self) -> str:
        """Return the right answer to the present step."""
        number = min(len(self._answers), len(self._steps) - 1)
        return "mistake" if self._is_wrong(number) else "ok"

    def render(self) -> str | None:
        """Return the transcript so far, if ``render_mode`` is ``"ansi"``."""
        if self.render_mode != "ansi":
            return None
        answers = [*self._answers, ""]
        return "\n\n".join(part for pair in zip(self._shown, answers, strict=False) for part in pair if part)

    def _is_wrong(self, number: int) -> bool:
        return self._truth.mistake is not None and number == len(self._steps) - 1

    def _right_steps(self, number: int) -> tuple[str, ...]:
        """Return the steps that the task graph admits, if those before were recognised rightly."""
        return self._procedure.admissible(self._steps[:number])

    def _so_far(self) -> list[str]:
        return [self._encoded(step) for step in self._steps[: len(self._answers) + 1]]

    def _encoded(self, step: str) -> str:
        return self._world.encode(step, self._encoding)

    def _context(self) -> dict[str, list[list[str]]]:
        return {
            name: [[self._encoded(step) for step in known.steps] for known in transcripts]
            for name, transcripts in self._world.context.items()
        }

    def _vocabulary(self) -> list[str]:
        return [self._encoded(label) for label in self._world.vocabulary]

    def _opening(self) -> str:
        known = [", ".join(steps) for steps in self._context()[self._procedure.name]]
        lines = [RULES, "", f"Procedure: {self._procedure.name}"]
        lines += [f"Correct: {line}" for line in known]
        return "\n".join([*lines, "", f"Steps so far: {', '.join(self._so_far())}"])

    def _info(self) -> dict[str, Any]:
        return {
            "task_id": f"{self._procedure.name}-{self._hash}",
            "task_hash": self._hash,
            "procedure": self._procedure.name,
            "steps": self._so_far()[: len(self._steps)],
            "success": False,
            "reward_terms": {"detection": 0.0, "false_alarm": 0.0, "malformed": 0.0},
            "parse_error": None,
            "invalid_action": False,
            "metrics": {},
        }


make_vec = text_vector(ProcedureEnv)
