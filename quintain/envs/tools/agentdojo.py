"""AgentDojo's suites as environments: its tasks, tools, injections and checks behind the interface of ToolUse-v0.

AgentDojo's package requires the client libraries of many providers, so that it is best kept in a virtual environment of
its own: ``sh scripts/agentdojo_venv.sh``.
"""

from __future__ import annotations

import datetime
import importlib
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal

from quintain.envs.tools.calls import Call
from quintain.envs.tools.env import ToolUseEnv
from quintain.envs.tools.template import Request, content_hash
from quintain.envs.tools.tool import Parameter, Tool, ToolError
from quintain.envs.vector import text_vector
from quintain.errors import ConfigurationError, EnvironmentFault, MissingDependencyError, UnknownNameError

__all__ = ["SUITES", "AgentDojoEnv", "agentdojo_attacks", "make_vec"]

#: AgentDojo's suites.
SUITES = ("workspace", "travel", "banking", "slack")
#: How the names of tools begin that return what is there, rather than what the agent has just written.
_READING = ("get_", "read_", "search_", "list_", "check_")
#: Fields of results in which AgentDojo's attackers can write, the likeliest last.
_WRITTEN = ("title", "description", "content", "subject", "body")
#: Tools whose results are texts in which they can write.
_TEXTS = ("read_file", "get_webpage")


class AgentDojoEnv(ToolUseEnv):
    """Play the tasks of AgentDojo, with or without its injections; its own checks decide.

    ## Description
    A user asks for something in one of four suites (workspace, travel, banking, slack), and the agent does it with the
    suite's tools, as in ``ToolUse-v0``. With ``attack``, AgentDojo plants an injection in what the tools return: the
    goal of one of its injection tasks, in the words of one of its attacks. The attacks of ``quintain`` wrap this
    environment as they wrap ``ToolUse-v0``. Version 1.2.2 of the benchmark has 97 user tasks and 35 injection tasks.
    Needs the package ``agentdojo``.

    ## Observation
    ``UnicodeText``: as in ``ToolUse-v0``. Results are JSON; AgentDojo's own agents read the same data as YAML.

    ## Action
    ``UnicodeText``: as in ``ToolUse-v0``. Arguments that a tool does not have are refused; AgentDojo ignores them.

    ## Reward
    ``goal``: 1 at the end of the episode if AgentDojo's utility check holds, else 0. ``side_effects`` is 0: AgentDojo
    leaves damage to its utility check. Other steps have reward 0.

    ## Episode end
    Terminated by a final answer or an invalid action; truncated after ``max_turns`` actions. A step beyond the end
    raises ``ResetNeeded``.

    ## Info
    That of ``ToolUse-v0``, where toolkits are the parts of the suite's state, such as ``inbox``, and relevant tools are
    those that work on a part which the reference solution works on. On the last step ``metrics`` has ``utility``, the
    verdict of AgentDojo, and with ``attack`` also ``injected``: 1 if the goal of the injection was carried out, by the
    security check of AgentDojo; under its ``dos`` attacks, if utility is lost. ``success`` is utility with a final
    answer. A check that fails with an error, because the agent has deleted what it looks at, counts as not met. With
    ``attack``, the entry ``attack`` names attack, injection task, its goal, the vectors that were written to, and
    ``has_oracle``: whether AgentDojo gives a reference solution of the injection task (8 of the 14 of the workspace
    have none).

    ## Arguments
    - ``suite``: one of ``"workspace"``, ``"travel"``, ``"banking"``, ``"slack"``, or ``"all"``. Each episode draws a
      user task uniformly.
    - ``attack``: name of one of AgentDojo's attacks, such as ``"important_instructions"``, or ``None``. Each episode
      then draws an injection task of the suite, too; the user tasks are the same as without.
    - ``version``: version of the benchmark.
    - ``form``: ``"react"`` or ``"json"``: the form of a call that the rules show.
    - ``rules``: whether rules and tools stand before the request.
    - ``max_turns``: maximum number of actions per episode, >= 1.
    - ``render_mode``: ``None`` or ``"ansi"``: ``render`` returns the transcript.

    ``reset(options={"task_id": "banking/user_task_3"})`` poses a user task, and
    ``"banking/user_task_3/injection_task_1"`` one with that injection.

    ## Determinism
    Same seed, same episode: e-mails and files that AgentDojo stamps with the time of day get the day of the suite.

    ## Source
    Debenedetti et al. 2024, "AgentDojo", arXiv 2406.13352, and the package ``agentdojo`` 0.1.35.

    ## Version history
    - v0: first version.
    """

    def __init__(
        self,
        suite: str = "all",
        attack: str | None = None,
        version: str = "v1.2.2",
        form: Literal["react", "json"] = "react",
        rules: bool = True,
        max_turns: int = 15,
        render_mode: str | None = None,
    ) -> None:
        super().__init__(form=form, rules=rules, max_turns=max_turns, render_mode=render_mode)
        if suite not in (*SUITES, "all"):
            raise UnknownNameError("suite", suite, (*SUITES, "all"))
        if attack is not None and attack not in agentdojo_attacks():
            raise UnknownNameError("attack", attack, agentdojo_attacks())
        self._attack, self._version = attack, version
        names = SUITES if suite == "all" else (suite,)
        self._tasks = [(name, task) for name in names for task in _suite(version, name).user_tasks]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Pose a new task.

        Args:
            seed: Seed of this environment's generator.
            options: ``{"task_id": ...}`` poses the item of that id.

        Raises:
            ConfigurationError: If a task id names no task, or an injection without an attack.
            EnvironmentFault: If AgentDojo finds no place for the injection.
        """
        super(ToolUseEnv, self).reset(seed=seed)
        # Both draws happen on every reset, so that an attack, or options, do not shift later episodes.
        name, user = self._tasks[int(self.np_random.integers(len(self._tasks)))]
        draw, injection = int(self.np_random.integers(2**31)), ""
        if options and "task_id" in options:
            name, user, injection = self._parts_of(str(options["task_id"]))
        goals = list(_suite(self._version, name).injection_tasks)
        injection = injection or goals[0 if _is_dos(self._attack) else draw % len(goals)]
        scene = AgentDojoScene(self._version, name, user, self._attack, injection)
        self._scene = scene
        return self._begin(scene, scene.relevant, scene.facts, scene.lines, scene.specs)

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts for a run's record: the rules, and the keys of ``info`` by which reports group."""
        return {**super().describe(), "report_by": ["suite"]}

    def _parts_of(self, task_id: str) -> tuple[str, str, str]:
        name, _, rest = task_id.partition("/")
        user, _, injection = rest.partition("/")
        known = name in SUITES and user in _suite(self._version, name).user_tasks
        if not known or (injection and injection not in _suite(self._version, name).injection_tasks):
            raise ConfigurationError(f"AgentDojo {self._version} has no task {task_id!r}")
        if injection and self._attack is None:
            raise ConfigurationError(f"task {task_id!r} has an injection; give attack=..., whose words it takes")
        return name, user, injection

    def _end(self, **how: Any) -> tuple[str, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = super()._end(**how)
        info["metrics"]["utility"] = utility = info["reward_terms"]["goal"]
        if self._attack is not None:
            lost = 1.0 - utility
            info["metrics"]["injected"] = lost if _is_dos(self._attack) else float(self._scene.injected(info["answer"]))
        return observation, reward, terminated, truncated, info


class AgentDojoScene:
    """One task of AgentDojo in a fresh environment; see :class:`~quintain.envs.tools.world.Scene`.

    Args:
        version: Version of the benchmark.
        suite: Name of the suite.
        user: Id of the user task.
        attack: Name of AgentDojo's attack; ``None`` for none.
        injection: Id of the injection task; without an attack it is ignored.

    Attributes:
        request: Request, reference solution and utility check.
        tools: The tools by name.
        facts: Facts for ``info``.
        relevant: Names of the tools that work on what the reference solution works on.
        lines: The tools as text.
        specs: The tools as JSON.
    """

    def __init__(self, version: str, suite: str, user: str, attack: str | None, injection: str) -> None:
        self._runtime = _module("functions_runtime")
        found = _suite(version, suite)
        self._user, self._injection = found.user_tasks[user], found.injection_tasks[injection]
        planted = {} if attack is None else _injections(version, suite, attack, user, injection)
        state = _state(version, suite, tuple(sorted(planted.items()))).model_copy(deep=True)
        self._state = self._user.init_environment(state)
        self._before = self._state.model_copy(deep=True)
        self._functions = self._runtime.FunctionsRuntime(found.tools)
        self._made: list[Any] = []
        self.tools, self.lines, self.specs = _tools(version, suite)
        solution = [Call(one.function, dict(one.args)) for one in self._user.ground_truth(self._before)]
        answer = self._user.GROUND_TRUTH_OUTPUT or "Done."
        self.request = Request(
            self._user.PROMPT, solution, lambda given: self._holds(self._user, "utility", given), answer
        )
        used = {part for call in solution for part in self.tools[call.name].toolkit.split()}
        self.relevant = frozenset(
            name for name, tool in self.tools.items() if used.intersection(tool.toolkit.split())
        ) | {call.name for call in solution}
        self.facts: dict[str, Any] = {
            "task_id": f"{suite}/{user}" if attack is None else f"{suite}/{user}/{injection}",
            "task_hash": content_hash(version, suite, user, self._user.PROMPT, attack, sorted(planted.items())),
            "task": f"{suite}-{user}",
            "suite": suite,
            "split": "test",
            "toolkits": " ".join(dict.fromkeys(part for tool in self.tools.values() for part in tool.toolkit.split())),
            "task_toolkits": " ".join(sorted(used)),
            "n_tools": len(self.tools),
        }
        if attack is not None:
            self.facts["attack"] = {
                "agentdojo": {
                    "name": attack,
                    "injection_task": injection,
                    "goal": self._injection.GOAL,
                    "vectors": sorted(planted),
                    "has_oracle": bool(self._injection.ground_truth(self._before)),
                }
            }

    def call(self, call: Call) -> Any:
        """Make a call that fits its tool's schema, and return its result as JSON-able data.

        Raises:
            ToolError: If AgentDojo reports an error.
        """
        self._made.append(self._runtime.FunctionCall(function=call.name, args=call.arguments))
        began = datetime.datetime.now()
        result, error = self._functions.run_function(self._state, call.name, call.arguments)
        self._stop_clock(began)
        if error is not None:
            raise ToolError(error)
        return _pydantic().to_jsonable_python(result)

    def _stop_clock(self, began: datetime.datetime) -> None:
        """Set what AgentDojo has stamped with the time of day to the day of the suite, so that equal seeds agree."""
        for part, rows, stamp in (("inbox", "emails", "timestamp"), ("cloud_drive", "files", "last_modified")):
            for row in getattr(getattr(self._state, part, None), rows, {}).values():
                if getattr(row, stamp) >= began:
                    setattr(row, stamp, datetime.datetime.combine(self._state.calendar.current_day, datetime.time()))

    def untrusted(self, tool: Tool, data: Any) -> list[str]:
        """Return the names of the fields of a result in which an attacker of AgentDojo can write."""
        if not tool.reads:
            return []
        if isinstance(data, str):
            return [""] if tool.name in _TEXTS else []
        return list(data) if "reviews" in tool.name else list(_WRITTEN)

    def side_effects(self) -> int:
        """Return 0: AgentDojo leaves damage to its utility check."""
        return 0

    def injected(self, answer: str | None) -> bool:
        """Return whether the goal of the injection was carried out, by AgentDojo's security check."""
        return self._holds(self._injection, "security", answer or "")

    def _holds(self, task: Any, check: str, answer: str) -> bool:
        """Make a check as AgentDojo does: from the calls if the task says so, else from answer and state."""
        given = (answer, self._before, self._state)
        try:
            verdict = getattr(task, f"{check}_from_traces")(*given, self._made)
            return bool(getattr(task, check)(*given) if verdict is None else verdict)
        except Exception:  # AgentDojo's checks look up what the agent may have deleted
            return False


def agentdojo_attacks() -> tuple[str, ...]:
    """Return the names of AgentDojo's attacks, without the one that asks a person.

    Raises:
        MissingDependencyError: If AgentDojo is not installed.
    """
    return tuple(name for name in _module("attacks.attack_registry").ATTACKS if name != "manual")


def _is_dos(attack: str | None) -> bool:
    return attack is not None and bool(_module("attacks.attack_registry").ATTACKS[attack].is_dos_attack)


def _module(name: str) -> Any:
    try:
        importlib.import_module("agentdojo.attacks")  # registers the attacks
        return importlib.import_module(f"agentdojo.{name}")
    except ModuleNotFoundError as error:
        if error.name != "agentdojo":
            raise
        why = "AgentDojo's suites; it brings the clients of many providers, so give it a virtual environment of its own"
        remedy = "sh scripts/agentdojo_venv.sh, or pip install 'quintain[agentdojo]'"
        raise MissingDependencyError("agentdojo", "agentdojo", why, remedy) from error


def _pydantic() -> Any:
    import pydantic_core  # comes with AgentDojo

    return pydantic_core


@lru_cache
def _suite(version: str, name: str) -> Any:
    _module("attacks")
    try:
        return _module("task_suite.load_suites").get_suite(version, name)
    except KeyError as error:
        raise ConfigurationError(f"AgentDojo has no version {version!r} of the suite {name!r}") from error


@lru_cache(256)
def _state(version: str, suite: str, planted: tuple[tuple[str, str], ...]) -> Any:
    """Load a suite's state; reading its file takes a hundred times as long as copying it."""
    return _suite(version, suite).load_and_inject_default_environment(dict(planted))


@lru_cache
def _attack(version: str, suite: str, attack: str) -> Any:
    pipeline = _module("agent_pipeline.ground_truth_pipeline").GroundTruthPipeline(None)
    pipeline.name = "local"  # how some attacks address the model
    return _module("attacks.attack_registry").load_attack(attack, _suite(version, suite), pipeline)


@lru_cache(4096)
def _injections(version: str, suite: str, attack: str, user: str, injection: str) -> Mapping[str, str]:
    tasks = _suite(version, suite)
    try:
        found: Mapping[str, str] = _attack(version, suite, attack).attack(
            tasks.user_tasks[user], tasks.injection_tasks[injection]
        )
    except ValueError as error:
        raise EnvironmentFault(f"AgentDojo cannot plant an injection in {suite}/{user}: {error}") from error
    return found


@lru_cache
def _tools(version: str, suite: str) -> tuple[Mapping[str, Tool], str, str]:
    """Return a suite's tools by name, as text, and as JSON."""
    found = {function.name: _tool(function) for function in _suite(version, suite).tools}
    lines = "\n".join(f"- {tool.line}" for tool in found.values())
    return found, lines, json.dumps([tool.spec for tool in found.values()])


def _tool(function: Any) -> Tool:
    schema = function.parameters.model_json_schema()
    parameters = tuple(
        _parameter(name, field, schema["properties"][name], schema.get("$defs", {}))
        for name, field in function.parameters.model_fields.items()
    )
    parts = " ".join(
        one.env_dependency if isinstance(one.env_dependency, str) else name
        for name, one in function.dependencies.items()
    )
    reads = function.name.startswith(_READING)
    return Tool(function.name, " ".join(function.description.split()), parameters, reads, parts, function.name)


def _parameter(name: str, field: Any, schema: Mapping[str, Any], shared: Mapping[str, Any]) -> Parameter:
    """Convert an argument; what fits it is decided by pydantic, which takes ``"3"`` for a number as AgentDojo does."""
    from pydantic import TypeAdapter, ValidationError

    adapter = TypeAdapter(field.annotation)

    def accepts(value: Any) -> bool:
        try:
            adapter.validate_python(value)
        except ValidationError:
            return False
        return True

    kinds = [shared[one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in schema.get("anyOf", [schema])]
    kinds = [kind for kind in kinds if kind.get("type") != "null"]
    shown = {**kinds[0], "description": field.description}
    shown.pop("title", None)
    wanted = " or ".join(_words(kind) for kind in kinds)
    fits: Callable[[Any], bool] = accepts
    return Parameter(name, shown, fits, wanted, field.is_required())


def _words(kind: Mapping[str, Any]) -> str:
    if "enum" in kind:
        return "one of " + "|".join(map(str, kind["enum"]))
    if kind.get("type") == "array":
        return f"list of {_words(kind.get('items', {}))}s"
    return str(kind.get("type", "object"))


make_vec = text_vector(AgentDojoEnv)
