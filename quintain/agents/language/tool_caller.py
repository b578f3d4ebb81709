"""The tool caller: a language model that calls tools in the form of chat APIs, or chooses among valid calls."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from gymnasium import spaces

from quintain.agents.agent import Actor, Seat
from quintain.agents.language.few_shot import read_text
from quintain.agents.language.react import opening_of
from quintain.agents.language.sampling import Sampling
from quintain.arguments import check_number
from quintain.engines import make_engine
from quintain.engines.engine import Engine, Request
from quintain.errors import CapabilityError, UnknownNameError
from quintain.messages import Message, assistant, system, tool, user

__all__ = ["ToolCallerAgent", "candidates"]

_FINAL = "final_answer"
_RULES = "Do what the user asks for. Call one tool at a time. When it is done, write the answer, or Done."
_CHOICE_RULES = """\
Do what the user asks for. Call one tool at a time, with a JSON object {"name": ..., "arguments": {...}}. When it is
done, call final_answer. The tools:
"""
#: Maximum number of candidates for the value of an argument.
_MOST = 24
_TEXTS = re.compile(r"'([^'\n]{1,80})'|\"([^\"\n]{1,80})\"|([\w.+-]+@[\w.-]+\w)|(\d{4}-\d\d-\d\d)|\b([a-z]+\.csv)\b")
_NUMBERS = re.compile(r"(?<![\w.-])\d{1,6}(?:\.\d{1,2})?(?![\w-])")


class ToolCallerAgent:
    """Calls the tools of ``ToolUse-v0`` as chat APIs do: tools and calls are fields of request and reply.

    The first call of a reply is made; a reply without a call is the final answer. For models that cannot write calls,
    ``mode="choice"`` builds one from choices by their likelihood: first the tool, then a value for each argument that
    is required, among those that occur in the conversation.

    Args:
        engine: The language model, or its name.
        prompt: System prompt: a text, or a ``pathlib.Path``; ``None`` for a short one.
        mode: ``"native"`` takes the capability ``tools``, ``"choice"`` takes ``choices`` and ``prefill``; ``"auto"`` is
            native where the engine can. Default: ``"auto"``.
        max_calls: Maximum number of actions per episode, >= 1; then the agent gives up. Default: 30.
        temperature: Sampling temperature, >= 0. Default: 0, greedy decoding.
        top_p: Nucleus mass in (0, 1]. Default: 1.
        max_tokens: Maximum number of tokens of a reply, >= 1. Default: 256.

    Raises:
        ConfigurationError: If a setting is out of range.
        CapabilityError: If the engine cannot do what the mode needs.
        UnknownNameError: If there is no such mode.
    """

    env_settings: Mapping[str, Any] = {"rules": False}

    def __init__(
        self,
        engine: Engine | str,
        prompt: str | os.PathLike[str] | None = None,
        *,
        mode: Literal["auto", "native", "choice"] = "auto",
        max_calls: int = 30,
        temperature: float = 0.0,
        top_p: float = 1.0,
        max_tokens: int = 256,
    ) -> None:
        if mode not in ("auto", "native", "choice"):
            raise UnknownNameError("mode", mode, ("auto", "native", "choice"))
        check_number("max_calls", max_calls, low=1, integer=True)
        self.sampling = Sampling(temperature, top_p, max_tokens)
        self.prompt = None if prompt is None else read_text("prompt", prompt)
        self.max_calls = max_calls
        self.engine = make_engine(engine)
        native = mode == "native" or (mode == "auto" and "tools" in self.engine.capabilities)
        self.mode = "native" if native else "choice"
        self.engine.require({"chat", "tools"} if native else {"chat", "choices", "prefill"})

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with an empty conversation."""
        return _NativeActor(self, seat) if self.mode == "native" else _ChoiceActor(self, seat)

    def check_seat(self, seat: Seat) -> None:
        """Check that the environment takes text.

        Raises:
            CapabilityError: If not.
        """
        if not isinstance(seat.action_space, spaces.Text):
            raise CapabilityError(f"a tool caller writes text, and {seat.env_id} takes {seat.action_space}")

    def describe(self) -> dict[str, Any]:
        """Return JSON-able settings, for the run's manifest."""
        return {
            "agent": "tool-caller",
            "prompt": self.prompt,
            "mode": self.mode,
            "max_calls": self.max_calls,
            "temperature": self.sampling.temperature,
            "top_p": self.sampling.top_p,
            "max_tokens": self.sampling.max_tokens,
            "engine": self.engine.describe(),
        }


class _ToolActor:
    """What both modes share: the conversation, and the cap on actions."""

    rules = _RULES

    def __init__(self, agent: ToolCallerAgent, seat: Seat) -> None:
        self._agent = agent
        self._rng = seat.generator()
        self._messages: list[Message] = []
        self._tools: str = "[]"
        self._request = ""
        self._actions = 0

    def _begin(self, observation: str, info: Mapping[str, Any]) -> None:
        if "tools" not in info:
            raise CapabilityError("a tool caller needs the tools in info['tools'] of reset, as ToolUse-v0 gives them")
        self._tools = info["tools"]
        prompt = self._opening() if self._agent.prompt is None else self._agent.prompt
        rules, self._request = opening_of(observation, info, prompt)
        self._messages = [system(rules), user(self._request)]

    def _opening(self) -> str:
        return self.rules

    def _gives_up(self) -> str | None:
        self._actions += 1
        if self._actions <= self._agent.max_calls:
            return None
        return _written(_FINAL, {"answer": f"FAILED, the limit of {self._agent.max_calls} actions is reached."})

    def _seed(self) -> int:
        return int(self._rng.integers(2**53))


class _NativeActor(_ToolActor):
    _call_id = ""

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        if not self._messages:
            self._begin(observation, info)
        else:
            self._messages.append(tool(observation, self._call_id))
        if (last := self._gives_up()) is not None:
            return last
        sampling = self._agent.sampling
        reply = await self._agent.engine.complete(
            Request(
                messages=tuple(self._messages), tools=self._tools, max_tokens=sampling.max_tokens,
                temperature=sampling.temperature, top_p=sampling.top_p, seed=self._seed(),
            )
        )  # fmt: skip
        if not reply.calls:
            return _written(_FINAL, {"answer": reply.text})
        name, arguments, call_id = reply.calls[0]
        self._call_id = call_id or f"call_{self._actions}"
        function = {"name": name, "arguments": arguments}
        made = [{"id": self._call_id, "type": "function", "function": function}]
        self._messages.append(assistant(reply.text, tool_calls=json.dumps(made)))
        return _written(name, arguments)


class _ChoiceActor(_ToolActor):
    def _opening(self) -> str:
        lines = []
        for each in json.loads(self._tools):
            arguments = ", ".join(each["parameters"].get("required", ()))
            lines.append(f"{each['name']}({arguments}): {each['description']}")
        return _CHOICE_RULES + "\n".join([*lines, f"{_FINAL}(answer): End with an answer."])

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        if not self._messages:
            self._begin(observation, info)
        else:
            self._messages.append(user(observation))
        if (last := self._gives_up()) is not None:
            return last
        schemas = {each["name"]: each["parameters"] for each in json.loads(self._tools)}
        begun = '{"name": "'
        name = (await self._choose(begun, [f'{name}"' for name in (*schemas, _FINAL)])).rstrip('"')
        answer = {"required": ["answer"], "properties": {"answer": {"type": "string"}}}
        schema = schemas.get(name, answer)
        texts = [self._request, *(m["content"] for m in reversed(self._messages[2:]) if m["role"] == "user")]
        begun += f'{name}", "arguments": {{'
        for number, argument in enumerate(schema.get("required", ())):
            begun += f'{", " if number else ""}"{argument}": '
            options = candidates(schema["properties"][argument], texts)
            if name == _FINAL:
                options = list(dict.fromkeys(["Done.", *options, *candidates({"type": "number"}, texts)]))
            shown = [json.dumps(str(option) if name == _FINAL else option) for option in options]
            begun += await self._choose(begun, list(dict.fromkeys(shown)))
        action = begun + "}}"
        self._messages.append(assistant(action))
        return action

    async def _choose(self, begun: str, options: Sequence[str]) -> str:
        if len(options) == 1:
            return options[0]
        request = Request(
            messages=tuple(self._messages), prefill=begun, choices=tuple(options), seed=self._seed(),
            temperature=self._agent.sampling.temperature,
        )  # fmt: skip
        return (await self._agent.engine.complete(request)).text


def candidates(schema: Mapping[str, Any], texts: Iterable[str]) -> list[Any]:
    """List values that fit the JSON schema of an argument, from texts, the nearest first; at most 24.

    Strings are what stands in quotation marks, addresses, dates and names of files; numbers are what stands in digits.

    Args:
        schema: The schema: a type, and perhaps an ``enum``.
        texts: The texts in which values are looked for, in order.
    """
    kind = schema["type"]
    if "enum" in schema:
        return list(schema["enum"])
    if kind == "boolean":
        return [True, False]
    found: dict[Any, None] = {}
    for text in texts:
        if kind in ("integer", "number"):
            numbers = [float(number) for number in _NUMBERS.findall(text)]
            found |= dict.fromkeys(int(n) for n in numbers if n == int(n)) if kind == "integer" else {}
            found |= dict.fromkeys(int(n) if n == int(n) else n for n in numbers) if kind == "number" else {}
        else:
            found |= dict.fromkeys(next(filter(None, groups)) for groups in _TEXTS.findall(text))
    values = list(found)[:_MOST] or ([1] if kind in ("integer", "number") else ["test"])
    return [[value] for value in values] if kind == "array" else values


def _written(name: str, arguments: Any) -> str:
    return json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
