"""Repair-v0: repair a bug in a small Python repository; hidden tests decide.

Source: the task of SWE-bench (Jimenez et al. 2024, arXiv 2310.06770) and the tools of SWE-Search (Antoniades et al.
2024, arXiv 2410.20285), on repositories of our own.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from quintain.arguments import check_bool, check_number
from quintain.envs.repair.actions import manual
from quintain.envs.repair.instances import SPLITS, Instance, Split, checksum, instances
from quintain.envs.repair.issues import STYLES, Style, issue
from quintain.envs.repair.mutations import OPERATORS
from quintain.envs.repair.packages import load_package, package_names
from quintain.envs.repair.running import HiddenReport, run_hidden
from quintain.envs.repair.session import RepairSession, SessionState
from quintain.envs.repair.solving import next_command
from quintain.envs.vector import text_vector
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.sandbox import Sandbox, shared
from quintain.spaces import UnicodeText

__all__ = ["RepairEnv", "RepairState", "make_vec"]

MAX_ACTION_CHARS = 100_000
MAX_OBSERVATION_CHARS = 50_000

RULES = """\
A Python repository has a bug. Change its modules so that what the issue describes is repaired and everything else works
as before. Hidden tests decide; changed tests do not count.

Each reply is one JSON object that calls a tool; text around it is ignored. The tools ("[...]" may be left out):

{manual}

You have {max_turns} replies; one of them must call "finish"."""

RESOLVED = 1.0
#: Reward of each reply without a well-formed command.
MALFORMED = -0.02


@dataclass(frozen=True)
class RepairState:
    """A state to which :meth:`RepairEnv.restore` returns.

    Attributes:
        instance: The bug.
        style: Style of the issue.
        session: State of the repository.
        transcript: Observations and actions so far.
        done: Whether the episode has ended.
        generator: State of the environment's generator.
    """

    instance: Instance
    style: Style
    session: SessionState
    transcript: tuple[str, ...]
    done: bool
    generator: Mapping[str, Any]


class RepairEnv(gym.Env[str, str]):
    """Repair a bug in a small Python repository with a few tools.

    ## Description
    The repository is one of our small packages (two to five modules) with one injected bug: another operator, an index
    off by one, a wrong default, a case or a statement left out, swapped arguments, a wrong import or attribute. The
    first observation is an issue that says how the bug shows, preceded by the rules. The agent lists, searches, views
    and edits files in memory, runs the visible tests in the sandbox, and submits with ``finish``. Then the hidden tests
    run, once: those that the bug makes fail must pass, and those that pass with it must still pass. Every instance is
    verified: the original package passes all hidden tests, the repository as posed fails some.

    ## Observation
    ``UnicodeText``: rules, issue and the paths of the files; then what a tool shows. After an edit, the lines around it
    and the results of the visible tests.

    ## Action
    ``UnicodeText`` of at most 100,000 characters with one JSON object, such as
    ``{"tool": "string_replace", "path": "shelf/core.py", "old": "a < b", "new": "a <= b"}``. The first object with the
    key ``tool`` counts. A reply without a well-formed command is answered with what is wrong, and costs a reply.

    ## Reward
    Sum of two terms: ``resolved`` 1 when a submission passes all hidden tests, else 0; ``malformed`` -0.02 for every
    reply without a well-formed command.

    ## Episode end
    Terminated by ``finish`` or ``reject``; truncated after ``max_turns`` replies, which counts as not resolved.
    A step beyond the end raises ``ResetNeeded``.

    ## Info
    Always ``task_id``, ``task_hash``, ``package``, ``operator``, ``issue`` (style), ``split``, ``success``,
    ``reward_terms``, ``parse_error`` (str or ``None``), ``invalid_action`` and ``metrics`` (``turns``, ``edits``,
    ``test_runs``, ``malformed``, ``fail_to_pass`` and ``pass_to_pass``: fractions of the hidden tests that pass). After
    a step what :class:`~quintain.envs.repair.session.StepResult` calls facts, as ``tool_result``, with ``error`` (str
    or ``None``). On the last step also ``patch`` (unified diff of the submission), ``expected`` (a diff that repairs
    the bug), ``failed_tests`` (names of the hidden tests that fail) and ``detail``.

    ## Arguments
    - ``packages``: name of a base package, a list of names, or ``"all"`` of the split.
    - ``split``: ``"train"`` or ``"test"``; no package is in both.
    - ``operators``: name of a mutation operator, a list of names, or ``"all"``.
    - ``issue``: style of the issue: ``"terse"``, ``"traceback"``, ``"story"``, or ``"any"``, drawn by the seed.
    - ``max_turns``: maximum number of replies per episode, >= 1.
    - ``test_edits``: whether the visible tests run after every edit.
    - ``rules``: whether the rules stand before the issue.
    - ``render_mode``: ``None`` or ``"ansi"``: ``render`` returns the transcript.

    ``reset(options={"item": k})`` poses bug ``k`` of ``item_count``, ``{"task_id": ...}`` the one of that id.

    ## Determinism
    Same seed, same episode. ``snapshot`` and ``restore`` return to an earlier state of an episode
    (:class:`~quintain.envs.protocols.BranchingEnv`); ``simulator`` lets an agent try commands on a copy that knows no
    hidden test (:class:`~quintain.envs.protocols.SimulatedEnv`).

    ## Source
    Jimenez et al. 2024, arXiv 2310.06770 (task and verdict); Antoniades et al. 2024, arXiv 2410.20285 (tools).
    Differences: small packages of our own and injected bugs; right values of hidden tests never enter the process that
    runs the patched code.

    ## Version history
    - v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 1}

    def __init__(
        self,
        packages: str | Sequence[str] = "all",
        split: Split = "test",
        operators: str | Sequence[str] = "all",
        issue: str = "any",
        max_turns: int = 30,
        test_edits: bool = True,
        rules: bool = True,
        render_mode: str | None = None,
    ) -> None:
        if split not in SPLITS:
            raise UnknownNameError("split", split, SPLITS)
        if issue != "any" and issue not in STYLES:
            raise UnknownNameError("issue", issue, ("any", *STYLES))
        if render_mode not in (None, "ansi"):
            raise ConfigurationError(f"render_mode must be None or 'ansi', got {render_mode!r}")
        check_number("max_turns", max_turns, low=1, integer=True)
        check_bool("test_edits", test_edits)
        check_bool("rules", rules)
        self._split: Split = split
        chosen = _names("package", packages, package_names()), _names("operator", operators, tuple(OPERATORS))
        self._instances = instances(split, *chosen)
        if not self._instances:
            raise ConfigurationError(
                f"no instance of split {split!r} has packages={packages!r}, operators={operators!r}"
            )
        self._styles = STYLES if issue == "any" else (issue,)
        self._max_turns = max_turns
        self._test_edits = test_edits
        self._rules = RULES.format(manual=manual(), max_turns=max_turns) if rules else ""
        self.render_mode = render_mode
        self.observation_space = UnicodeText(MAX_OBSERVATION_CHARS)
        self.action_space = UnicodeText(MAX_ACTION_CHARS)
        self._transcript: tuple[str, ...] = ()
        self._session: RepairSession | None = None
        self._done = True

    @property
    def item_count(self) -> int:
        """Number of bugs; see :class:`~quintain.envs.protocols.FiniteEnv`."""
        return len(self._instances)

    @property
    def sandbox(self) -> Sandbox:
        """The process's shared sandbox; started when it is first needed."""
        return shared()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Pose a bug.

        Args:
            seed: Seed of this environment's generator.
            options: ``{"item": k}`` poses bug ``k``, ``{"task_id": ...}`` the one of that id.

        Raises:
            ConfigurationError: If there is no such bug.
        """
        super().reset(seed=seed)
        # Both draws happen on every reset, so that options do not shift later episodes.
        number = int(self.np_random.integers(len(self._instances)))
        style = self._styles[int(self.np_random.integers(len(self._styles)))]
        options = options or {}
        if "task_id" in options:
            number, style = self._find(options["task_id"])
        elif "item" in options:
            number = options["item"]
            if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(self._instances):
                raise ConfigurationError(f"item must be an integer in [0, {len(self._instances)}), got {number!r}")
        self._pose(self._instances[number], style)  # type: ignore[arg-type]
        self._done = False
        assert self._session is not None
        listed = "\n".join(sorted(self._session.workspace.files))
        parts = [self._rules, f"The issue:\n\n{issue(self._instance, self._style)}", f"The files:\n\n{listed}"]
        observation = "\n\n".join(part for part in parts if part)
        self._transcript = (observation,)
        return observation, self._info()

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Execute the command of a reply.

        Any object is accepted as an action; what is not a string of allowed length is invalid.

        Raises:
            ResetNeeded: If no episode is under way.
            SandboxError: If the sandbox itself failed.
        """
        if self._done or self._session is None:
            raise gym.error.ResetNeeded("the episode has ended; call reset() before the next step()")
        is_valid = action in self.action_space
        result = self._session.step(action if is_valid else None)
        if is_valid:
            self._transcript += (action, result.observation)
        terms = {"resolved": 0.0, "malformed": MALFORMED if result.malformed else 0.0}
        changes: dict[str, Any] = {"parse_error": result.error if result.malformed else None}
        changes |= {"invalid_action": not is_valid, "tool_result": {**result.facts, "error": result.error}}
        if result.ended:
            self._done = True
            changes |= self._verdict(self._session, terms)
        info = self._info(reward_terms=terms, **changes)
        truncated = self._session.ended == "limit"
        return result.observation, math.fsum(terms.values()), self._done and not truncated, truncated, info

    def _verdict(self, session: RepairSession, terms: dict[str, float]) -> dict[str, Any]:
        """Judge a submission with the hidden tests."""
        patch, instance = session.workspace.patch(), self._instance
        detail = {"reject": "given up", "limit": "not submitted within the turn limit"}.get(session.ended, "")
        found: dict[str, Any] = {"patch": patch, "expected": self._gold_patch()}
        if detail:
            return found | {"detail": detail, "failed_tests": [], "success": False}
        hidden = load_package(instance.package).hidden
        report = run_hidden(self.sandbox, session.workspace.files, hidden)
        failed = [name for name, failure in zip(hidden.names, report.failures, strict=True) if failure is not None]
        terms["resolved"] = 0.0 if failed else RESOLVED
        self._rates = _rate(instance.fail_to_pass, failed), _rate(instance.pass_to_pass, failed)
        return found | {"success": not failed, "failed_tests": failed, "detail": _detail(report, failed)}

    def step_blocks(self, action: object) -> bool:
        """Return whether ``step(action)`` may wait for the sandbox; a runner may then call it in a thread."""
        return isinstance(action, str) and "{" in action

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts for a run's record: rules, sandbox, number of bugs, and checksums of the packages."""
        names = sorted({instance.package for instance in self._instances})
        return {
            "report_by": ["operator", "package"],
            "rules": self._rules,
            "items": len(self._instances),
            "packages": {name: checksum(name) for name in names},
            "sandbox": self.sandbox.describe(),
        }

    def solution(self) -> str:
        """Return a command that leads to a right submission."""
        session = self._started()
        return next_command(session.workspace.files, load_package(self._instance.package).files)

    def snapshot(self) -> RepairState:
        """Return the state of the episode, in constant time; see :class:`~quintain.envs.protocols.BranchingEnv`."""
        session = self._started()
        state: Mapping[str, Any] = self.np_random.bit_generator.state
        return RepairState(self._instance, self._style, session.snapshot(), self._transcript, self._done, state)

    def restore(self, snapshot: RepairState) -> None:
        """Return to a state of this environment, or of one that was made with equal arguments."""
        self._pose(snapshot.instance, snapshot.style)
        self._started().restore(snapshot.session)
        self._transcript, self._done = snapshot.transcript, snapshot.done
        self.np_random.bit_generator.state = dict(snapshot.generator)

    def simulator(self) -> RepairSession:
        """Return a copy of the repository in its present state on which an agent can try commands, without verdict."""
        return self._started().branch()

    def render(self) -> str | None:
        """Return the transcript so far, if ``render_mode`` is ``"ansi"``."""
        return "\n\n".join(self._transcript) if self.render_mode == "ansi" else None

    def _pose(self, instance: Instance, style: Style) -> None:
        self._instance, self._style = instance, style
        self._rates = (0.0, 0.0)
        self._session = RepairSession(
            instance.files(), lambda: self.sandbox, test_edits=self._test_edits, max_steps=self._max_turns
        )

    def _started(self) -> RepairSession:
        if self._session is None:
            raise gym.error.ResetNeeded("call reset() first")
        return self._session

    def _gold_patch(self) -> str:
        session = self._started().branch()
        session.workspace.files = session.workspace.base
        session.workspace.write(self._instance.path, load_package(self._instance.package).files[self._instance.path])
        return session.workspace.patch()

    def _find(self, task_id: object) -> tuple[int, str]:
        name, _, style = str(task_id).rpartition("/")
        for number, instance in enumerate(self._instances):
            if instance.id == name and style in STYLES:
                return number, style
        raise ConfigurationError(f"there is no bug {task_id!r}; an id is such as {self._instances[0].id}/terse")

    def _info(self, **changes: Any) -> dict[str, Any]:
        instance, session = self._instance, self._started()
        mutation = instance.mutation
        text = f"{checksum(instance.package)} {instance.path} {mutation.start} {mutation.new} {self._style}"
        metrics = {name: float(value) for name, value in session.counts.items() if name != "steps"}
        metrics |= {"turns": float(session.counts["steps"])}
        return {
            "task_id": f"{instance.id}/{self._style}",
            "task_hash": hashlib.blake2b(text.encode(), digest_size=8).hexdigest(),
            "package": instance.package,
            "operator": instance.operator,
            "issue": self._style,
            "split": self._split,
            "success": False,
            "reward_terms": {"resolved": 0.0, "malformed": 0.0},
            "parse_error": None,
            "invalid_action": False,
            "metrics": metrics | {"fail_to_pass": self._rates[0], "pass_to_pass": self._rates[1]},
        } | changes


def _names(kind: str, chosen: str | Sequence[str], known: tuple[str, ...]) -> tuple[str, ...]:
    """Check names; ``"all"`` is an empty tuple."""
    names = (chosen,) if isinstance(chosen, str) else tuple(chosen)
    if names == ("all",):
        return ()
    for name in names:
        if name not in known:
            raise UnknownNameError(kind, name, known)
    return tuple(sorted(set(names)))


def _rate(names: Sequence[str], failed: Sequence[str]) -> float:
    return sum(name not in failed for name in names) / len(names) if names else 1.0


def _detail(report: HiddenReport, failed: Sequence[str]) -> str:
    if report.problem:
        return f"the hidden tests did not finish: {report.problem}"
    return f"{len(failed)} of {len(report.failures)} hidden tests fail" if failed else ""


make_vec = text_vector(RepairEnv)
