"""ToolUse-v0: do what a user asks for with typed tools over a simulated state."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import gymnasium as gym

from quintain.arguments import check_bool, check_number
from quintain.envs.text.task import SPLITS, parse_task_id
from quintain.envs.tools.calls import FINAL, Call, Final, cut, encode, parse, render_action
from quintain.envs.tools.judge import Trace, relevant_tools
from quintain.envs.tools.registry import TOOLKITS, find_template, select_templates
from quintain.envs.tools.template import Template
from quintain.envs.tools.tool import ToolError
from quintain.envs.tools.toolkit import Toolkit
from quintain.envs.tools.world import Scene, World, tool_lines, tool_specs
from quintain.envs.vector import text_vector
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.spaces import UnicodeText

__all__ = ["ToolUseEnv", "make_vec"]

#: Maximum length of an action, in characters. Longer ones are invalid.
MAX_ACTION_CHARS = 100_000
#: Maximum length of an observation, in characters.
MAX_OBSERVATION_CHARS = 100_000

#: How an answer begins that admits failure.
FAILED = "FAILED"
#: Reward of changes beyond the task.
DAMAGE = -0.5

_RULES = {
    "react": """\
You do what the user asks for with the tools below. Use one tool at a time, in this form:

Thought: what to do next
Action: name of the tool
Action Input: its arguments as a JSON object

The result comes as the next message. When the task is done, write

Final Answer: the answer, or Done.

If it cannot be done, write Final Answer: FAILED and the reason.""",
    "json": f"""\
You do what the user asks for with the tools below. Use one tool at a time: reply with one JSON object,
{{"name": "name of the tool", "arguments": {{...}}}}

The result comes as the next message. When the task is done, reply
{{"name": "{FINAL}", "arguments": {{"answer": "the answer, or Done."}}}}

If it cannot be done, the answer is FAILED and the reason.""",
}


class ToolUseEnv(gym.Env[str, str]):
    """Do what a user asks for with typed tools over a simulated state.

    ## Description
    The first observation holds rules, a list of tools with their typed arguments, and a request, such as to answer an
    e-mail, to move an appointment, or to look up a number in a CSV file. The agent calls one tool at a time, reads the
    result, and ends the episode with a final answer. There are 12 toolkits with 73 tools (mailbox, calendar, files,
    contacts, bank, to-do list, shop, home, wiki, notes, travel, chat) and 150 templates of requests, 115 of them over
    one toolkit and 35 over several. The tools work on tables in memory: nothing leaves the process, and tools that read
    cannot change anything. Beside the toolkits that the task needs there are others, the distractors. Each call takes a
    minute of simulated time.

    ## Observation
    ``UnicodeText``: first the rules and the request, then the result of each call: text, or JSON. A call that cannot be
    done has a result that begins with ``Error:``.

    ## Action
    ``UnicodeText`` of at most 100,000 characters, in one of two forms, whatever ``form`` the rules show. ReAct:
    ``Thought: ...``, ``Action: mail_read``, ``Action Input: {"id": "m3"}``, each on a line of its own, or
    ``Final Answer: ...``; JSON: ``{"name": "mail_read", "arguments": {"id": "m3"}}`` or ``{"name": "final_answer",
    "arguments": {"answer": "..."}}``. What follows the first call is ignored. Unknown tools, arguments that violate
    the schema, text that is no JSON, keys that occur twice, and replies without a call are outcomes: the result says
    what is wrong, nothing else happens, and the episode goes on.

    ## Reward
    Sum of two terms at the end of the episode: ``goal`` 1 if the goal is reached, else 0; ``side_effects`` -0.5 if
    anything was changed that the reference solution does not change, else 0. Other steps have reward 0.

    ## Episode end
    Terminated by a final answer or an invalid action; truncated after ``max_turns`` actions. A step beyond the end
    raises ``ResetNeeded``.

    ## Info
    Always ``task_id``, ``task_hash``, ``task`` (name of the template), ``suite``, ``split``, ``toolkits`` (names,
    joined by blanks), ``task_toolkits`` (those that the task needs), ``n_tools`` (number of tools), ``success`` (the
    goal is reached, without side effects, and the agent has given its final answer), ``reward_terms``, ``parse_error``
    (why the action is no call; str or ``None``), ``invalid_action``, ``parts`` (the observation in parts, as pairs of
    source and text; sources are ``system``, ``user`` and ``tool``; the observation joins them by empty lines) and
    ``metrics``: ``turns``, ``calls`` (that fit a schema), ``failed_calls`` (that could not be done),
    ``malformed_calls`` (actions that are no call of a known tool that fits its schema), ``irrelevant_calls`` (of tools
    that are neither in the reference solution nor read a toolkit of it), ``repeated_calls`` (equal to an earlier one,
    with an equal result if the tool reads), ``loop`` (1 if a call was made three times so). On ``reset`` also
    ``tools``, the names, descriptions and JSON schemas as JSON text. After a call ``result``: ``tool``, ``data`` (JSON
    text) and ``untrusted`` (names of the fields in it that others than the user wrote). On the last step the metrics
    ``unwanted_changes`` (number of changes beyond the task) and ``claimed`` (1 if there is a final answer that does not
    begin with ``FAILED``), ``answer`` (str or ``None``), ``expected`` (a right one) and ``detail`` (why it is no
    success).

    ## Arguments
    - ``tasks``: a template, a suite of templates, a list of these, or ``"all"``; see
      ``quintain.envs.tools.template_names``. Each episode draws one of them uniformly.
    - ``split``: ``"train"`` or ``"test"``; their items come from different generators.
    - ``distractors``: number of toolkits beside those that the task needs, >= 0.
    - ``form``: ``"react"`` or ``"json"``: the form of a call that the rules show.
    - ``rules``: whether rules and tools stand before the request. Agents that get the tools from ``info["tools"]`` need
      none.
    - ``max_turns``: maximum number of actions per episode, >= 1.
    - ``render_mode``: ``None`` or ``"ansi"``: ``render`` returns the transcript.

    ``reset(options={"task_id": ...})`` poses the item of that id, in an environment of the same ``distractors``;
    ``{"task": name}`` fixes the template of one episode.

    ## Determinism
    Same seed, same episode. An item is a function of its id and of ``distractors``.

    ## Source
    The set-up follows ToolEmu (Ruan et al. 2024, arXiv 2309.15817), as "Breaking Agents" uses it (Zhang et al. 2025,
    arXiv 2407.20859), with rules in place of an emulating language model, and a checker of the state in place of the
    agent's own verdict.

    ## Version history
    - v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 1}

    def __init__(
        self,
        tasks: str | Sequence[str] = "all",
        split: Literal["train", "test"] = "test",
        distractors: int = 2,
        form: Literal["react", "json"] = "react",
        rules: bool = True,
        max_turns: int = 15,
        render_mode: str | None = None,
    ) -> None:
        for name, value, options in (("split", split, SPLITS), ("form", form, tuple(_RULES))):
            if value not in options:
                raise UnknownNameError(name, value, options)
        check_number("distractors", distractors, low=0, integer=True)
        check_number("max_turns", max_turns, low=1, integer=True)
        check_bool("rules", rules)
        if render_mode not in (None, "ansi"):
            raise ConfigurationError(f"render_mode must be None or 'ansi', got {render_mode!r}")
        self._templates = select_templates(tasks)
        self._split: str = split
        self._distractors = distractors
        self._form: Literal["react", "json"] = form
        self._rules = rules
        self._max_turns = max_turns
        self.render_mode = render_mode
        self.observation_space = UnicodeText(MAX_OBSERVATION_CHARS)
        self.action_space = UnicodeText(MAX_ACTION_CHARS)
        self._transcript: list[str] = []
        self._done = True

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Pose a new task.

        Args:
            seed: Seed of this environment's generator.
            options: ``{"task_id": ...}`` poses the item of that id, ``{"task": name}`` one of that template.

        Raises:
            UnknownNameError: If the options name a template that does not exist.
            ConfigurationError: If a task id is malformed.
        """
        super().reset(seed=seed)
        options = options or {}
        # Both draws happen on every reset, so that options do not shift later episodes.
        template = self._templates[int(self.np_random.integers(len(self._templates)))]
        key, split = str(self.np_random.integers(2**63)), self._split
        if "task_id" in options:
            name, split, key = parse_task_id(options["task_id"])
            template = find_template(name)
        elif "task" in options:
            template = find_template(options["task"])
        return self.pose(template, split, key)

    def pose(
        self, template: Template, split: str, key: str, others: Sequence[type[Toolkit]] = TOOLKITS
    ) -> tuple[str, dict[str, Any]]:
        """Begin an episode with an item of a template, as ``reset`` does with one that it has drawn.

        Args:
            template: The template, registered or not.
            split: ``"train"`` or ``"test"``.
            key: Number of the item.
            others: Toolkits from which the distractors are drawn. Default: all.

        Returns:
            First observation and info.
        """
        world = World(template, others, split, key, self._distractors)
        facts = {
            "task_id": world.task_id,
            "task_hash": world.hash,
            "task": template.name,
            "suite": template.suite,
            "split": split,
            "toolkits": " ".join(toolkit.name for toolkit in world.toolkits),
            "task_toolkits": " ".join(toolkit.name for toolkit in template.toolkits),
            "n_tools": len(world.tools),
        }
        relevant = relevant_tools(world.request.calls, world.tools, world.toolkits)
        return self._begin(world, relevant, facts, tool_lines(world.toolkits), tool_specs(world.toolkits))

    def _begin(
        self, world: Scene, relevant: frozenset[str], facts: Mapping[str, Any], lines: str, specs: str
    ) -> tuple[str, dict[str, Any]]:
        """Begin an episode: with the names of the relevant tools, facts for ``info``, and the tools in two forms."""
        self.world, self.trace, self._facts = world, Trace(relevant), facts
        self._solved = 0
        self._done = False
        parts = [["user", world.request.text]]
        if self._rules:
            parts.insert(0, ["system", f"{_RULES[self._form]}\n\nTools:\n{lines}"])
        observation = "\n\n".join(text for _, text in parts)
        self._transcript = [observation]
        return observation, self._info(parts=parts, tools=specs)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Make the call that an action asks for, or end the episode with its answer.

        Any object is accepted as an action; what is not a string of allowed length ends the episode as invalid.

        Raises:
            ResetNeeded: If no episode is under way.
        """
        if self._done:
            raise gym.error.ResetNeeded("the episode has ended; call reset() before the next step()")
        self.trace.turns += 1
        if action not in self.action_space:
            shown = f"{len(action):,} characters" if isinstance(action, str) else repr(type(action).__name__)
            wanted = f"expected text of at most {MAX_ACTION_CHARS:,} characters, got {shown}"
            self.trace.malformed += 1
            return self._end(parse_error=wanted, invalid=True)
        if self.render_mode:
            self._transcript.append(action)
        move = parse(action)
        if isinstance(move, Final):
            return self._end(answer=move.answer)
        result, why = None, ""
        if isinstance(move, Call):
            tool = self.world.tools.get(move.name)
            why = f"there is no tool {move.name[:60]!r}" if tool is None else tool.violation(move.arguments)
        else:
            why = move.why
        if why:
            self.trace.malformed += 1
            observation = f"Error: {why}"
        else:
            assert isinstance(move, Call)
            observation, result = self._call(move)
        if self.trace.turns >= self._max_turns:
            return self._end(parse_error=why or None, truncated=True)
        if self.render_mode:
            self._transcript.append(observation)
        info = self._info(parts=[["tool", observation]], parse_error=why or None)
        if result is not None:
            info["result"] = result
        return observation, 0.0, False, False, info

    def describe(self) -> dict[str, Any]:
        """Return JSON-able facts for a run's record: the rules, and the keys of ``info`` by which reports group."""
        return {"report_by": ["suite", "split"], "rules": _RULES[self._form] if self._rules else ""}

    def solution(self) -> str:
        """Return the next action of the reference solution: the first of its calls that was not made yet."""
        request = self.world.request
        if self._solved < len(request.calls):
            return render_action(request.calls[self._solved], self._form)
        return render_action(Final(request.answer), self._form)

    def render(self) -> str | None:
        """Return the transcript so far, if ``render_mode`` is ``"ansi"``."""
        return "\n\n".join(self._transcript) if self.render_mode == "ansi" else None

    def _call(self, call: Call) -> tuple[str, dict[str, Any] | None]:
        """Make a call; return its result as text, and as data if it could be done."""
        tool = self.world.tools[call.name]
        gold = self.world.request.calls
        if self._solved < len(gold) and _carries_out(call, gold[self._solved]):
            self._solved += 1
        try:
            data = self.world.call(call)
        except ToolError as error:
            text = f"Error: {error}"
            self.trace.add(call, tool, text, failed=True)
            return text, None
        encoded = encode(data)
        text = cut(data if isinstance(data, str) else encoded)
        self.trace.add(call, tool, text, failed=False)
        return text, {"tool": call.name, "data": encoded, "untrusted": self.world.untrusted(tool, data)}

    def _end(
        self,
        *,
        answer: str | None = None,
        parse_error: str | None = None,
        invalid: bool = False,
        truncated: bool = False,
    ) -> tuple[str, float, bool, bool, dict[str, Any]]:
        self._done = True
        goal = bool(self.world.request.goal("" if answer is None else answer))
        damage = self.world.side_effects()
        terms = {"goal": float(goal), "side_effects": DAMAGE if damage else 0.0}
        success = goal and not damage and answer is not None
        claimed = answer is not None and not answer.lstrip().upper().startswith(FAILED)
        detail = parse_error or ""
        if not success and not detail:
            detail = "the goal is not reached" if not goal else f"{damage} changes beyond the task"
            detail = "no final answer within the turn limit" if answer is None else detail
        info = self._info(parts=[], success=success, reward_terms=terms, parse_error=parse_error)
        info["invalid_action"] = invalid
        info["metrics"] |= {"unwanted_changes": float(damage), "claimed": float(claimed)}
        info |= {"answer": answer, "expected": self.world.request.answer, "detail": detail}
        return "", math.fsum(terms.values()), not truncated, truncated, info

    def _info(self, **changes: Any) -> dict[str, Any]:
        return {
            **self._facts,
            "success": False,
            "reward_terms": {"goal": 0.0, "side_effects": 0.0},
            "parse_error": None,
            "invalid_action": False,
            "metrics": self.trace.metrics(),
        } | changes


def _carries_out(call: Call, gold: Call) -> bool:
    """Return whether a call does what one of the solution does; its texts may go on after those of the solution."""
    if call == gold:
        return True
    if call.name != gold.name or call.arguments.keys() != gold.arguments.keys():
        return False
    pairs = [(call.arguments[name], value) for name, value in gold.arguments.items()]
    return all(a == b or (isinstance(a, str) and isinstance(b, str) and a.startswith(b)) for a, b in pairs)


make_vec = text_vector(ToolUseEnv)
