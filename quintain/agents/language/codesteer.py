"""A guide model steers a task model between words and code: a baseline in the manner of CodeSteer.

Source: Chen et al. 2025, arXiv 2502.04350. The guide first chooses words or code for the task model. After each
reply it reads the reply or the program's output, and either submits the answer or asks for a revision, in words or in
code, up to a number of rounds.

Differences: the guide decides by constrained choice rather than by tags in free text, so that small models can guide;
prompts are our own; there is no fine-tuned guide and no separate program that verifies answers.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, Literal

from quintain.agents.agent import Actor, Seat
from quintain.agents.language.chat import ChatAgent
from quintain.agents.language.conversation import program_answer, program_output
from quintain.agents.language.prompts import ALL_CODE, ALL_TEXT
from quintain.arguments import check_number
from quintain.engines import make_engine
from quintain.engines.engine import Engine, Request
from quintain.messages import Message, system, user

__all__ = ["CodeSteerAgent", "code_richness"]

_GUIDE = """\
You guide another model that solves problems. It can reason in words, or write Python that is run for it. Words suit
questions of language and common sense; code suits exact computation, search, and many cases."""
_FIRST = "How should the model begin?"
_REVIEW = "Is the answer ready to be submitted, or should the model revise it with code, or in words?"
_REVISE = {
    "code": "Revise your solution with one complete Python program in a ```python block that prints <<<answer>>>.",
    "text": "Revise your solution in words, step by step, and give the final answer between <<< and >>>. No code.",
}
_RICHER = "The last program hardly computed anything. Search or compute symbolically instead of hard-coding a result."
#: Programs with at most this richness get the hint to compute more.
_MAX_POOR = 2
#: Length at which a program's output is cut for the guide, in characters (about 2,000 tokens).
_MAX_OUTPUT = 8_000
_SEARCH_LIBRARIES = {"itertools", "sympy", "scipy", "numpy", "heapq", "functools", "networkx", "collections"}

Style = Literal["text", "code"]


def code_richness(program: str) -> int:
    r"""Count the parts of a program that search or compute: loops, comprehensions, functions, conditions, libraries.

    A program that only prints a constant scores 0. The text is parsed, never run; text that does not parse scores 0.

    Example:
        >>> code_richness("print(42)")
        0
        >>> code_richness("import itertools\nfor p in itertools.permutations('abc'):\n    if p[0] == 'a': print(p)")
        3
    """
    try:
        nodes = list(ast.walk(ast.parse(program[:20_000])))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 0
    kinds = (ast.For, ast.While, ast.If, ast.FunctionDef, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    score = sum(isinstance(node, kinds) for node in nodes)
    for node in nodes:
        if isinstance(node, ast.Import):
            score += sum(alias.name.partition(".")[0] in _SEARCH_LIBRARIES for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            score += (node.module or "").partition(".")[0] in _SEARCH_LIBRARIES
    return score


class CodeSteerAgent(ChatAgent):
    """A chat agent whose replies a guide model accepts or sends back for revision.

    Args:
        engine: The task model, which solves the problem; takes messages.
        guide: The guide model, an engine or the name of one; by default the task model.
        rounds: Maximum number of reviews by the guide, and so of revisions, >= 0; the paper uses 5. Default: 5.
        temperature: Sampling temperature of both models, >= 0. Default: 0.6.
        top_p: Nucleus mass of the task model, in (0, 1]. Default: 1.
        max_tokens: Maximum number of tokens of a reply of the task model, >= 1. Default: 512.
        extract: Whether an unmarked answer is extracted; see :class:`~quintain.agents.language.chat.ChatAgent`.

    Raises:
        ConfigurationError: If a setting is out of range.
        CapabilityError: If the guide's engine offers no constrained choice, or the task model's cannot do what
            ``extract`` needs.
    """

    env_settings: Mapping[str, Any] = {"code": True}

    def __init__(
        self,
        engine: Engine | str,
        *,
        guide: Engine | str | None = None,
        rounds: int = 5,
        temperature: float = 0.6,
        top_p: float = 1.0,
        max_tokens: int = 512,
        extract: bool | None = None,
    ) -> None:
        check_number("rounds", rounds, low=0, integer=True)
        super().__init__(engine, temperature=temperature, top_p=top_p, max_tokens=max_tokens, extract=extract)
        self.guide = self.engine if guide is None else make_engine(guide)
        self._made_guide = guide is not None and not isinstance(guide, Engine)
        self.rounds = rounds
        self.guide.require({"chat", "choices"})

    def check_available(self) -> None:
        """Check that the guide's server answers and serves its model.

        Raises:
            EngineError: If it cannot be reached, or fails.
            ConfigurationError: If it refuses the key or the model.
        """
        self.guide.check_available()

    def close(self) -> None:
        """Close the guide's engine, if this agent made it."""
        if self._made_guide:
            self.guide.close()

    def begin(self, seat: Seat) -> Actor:
        """Return an actor with an empty conversation."""
        return _CodeSteerActor(self, seat)

    def describe(self) -> dict[str, Any]:
        """Return JSON-able settings, for the run's manifest."""
        return {**super().describe(), "rounds": self.rounds, "guide": self.guide.describe()}


class _CodeSteerActor:
    def __init__(self, agent: CodeSteerAgent, seat: Seat) -> None:
        self._agent = agent
        self._rng = seat.generator()
        self._conversation = agent.conversation(seat, self._rng)
        self._question = ""
        self._rounds_left = agent.rounds
        self._program = ""

    async def act(self, observation: str, info: dict[str, Any]) -> str:
        if not self._question:
            self._question = observation
            style = await self._choose(_FIRST, ("code", "text"))
            self._conversation.add(system(ALL_CODE if style == "code" else ALL_TEXT))
            self._conversation.add(user(observation))
        else:  # the output of a program
            verdict = await self._review(f"Program:\n{self._program}\n\n{observation[:_MAX_OUTPUT]}")
            if verdict is None:
                return program_answer(program_output(observation, info))
            self._conversation.add(user(f"{observation}\n\n{self._advice(verdict)}"))
        while True:
            reply = await self._conversation.reply()
            move = self._conversation.read(reply)
            if move.kind == "code":
                self._program = move.text
                return reply
            verdict = await self._review(f"Reply:\n{reply}")
            if verdict is None:
                return reply
            self._program = ""
            self._conversation.add(user(self._advice(verdict)))

    async def _review(self, work: str) -> Style | None:
        """Ask the guide for a style of revision; ``None`` submits the answer."""
        if self._rounds_left == 0:
            return None
        self._rounds_left -= 1
        verdict = await self._choose(f"{work}\n\n{_REVIEW}", ("submit", "code", "text"))
        return None if verdict == "submit" else "code" if verdict == "code" else "text"

    def _advice(self, style: Style) -> str:
        poor = style == "code" and self._program and code_richness(self._program) <= _MAX_POOR
        return f"{_REVISE[style]}\n{_RICHER}" if poor else _REVISE[style]

    async def _choose(self, question: str, choices: tuple[str, ...]) -> str:
        messages: tuple[Message, ...] = (system(_GUIDE), user(f"Problem:\n{self._question}\n\n{question}"))
        request = Request(
            messages=messages,
            choices=choices,
            temperature=self._agent.settings.sampling.temperature,
            seed=int(self._rng.integers(2**53)),
        )
        return (await self._agent.guide.complete(request)).text
