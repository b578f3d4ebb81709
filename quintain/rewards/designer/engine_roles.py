"""The three roles over any language-model engine."""

from __future__ import annotations

import re

from quintain.engines import Engine, Request
from quintain.messages import Message
from quintain.reward_signature import RewardSignature
from quintain.rewards.designer import prompts
from quintain.rewards.designer.patterns import PatternAnalyzer
from quintain.rewards.designer.roles import Analysis, Brief, Design, Evidence
from quintain.rewards.designer.transcript import Transcript

__all__ = ["EngineAnalyzer", "EngineDesigner", "EngineReviewer"]

_FENCED = re.compile(r"```[^\n`]*\n(.*?)(?:```|$)", re.DOTALL)
_COMMENT = re.compile(r"^\s*#\s?(.*)$", re.MULTILINE)


class _Role:
    """One role that asks an engine, and logs what it asked.

    Args:
        engine: The engine.
        label: Who answers, for records and pages; ``None`` for the engine's name and model.
        log: Receives every exchange; ``None`` for no log.
        max_tokens: Maximum number of tokens of a reply. Default: 1500.
        temperature: Sampling temperature, >= 0. Default: 0.7.
    """

    role = ""

    def __init__(
        self,
        engine: Engine,
        label: str | None = None,
        *,
        log: Transcript | None = None,
        max_tokens: int = 1500,
        temperature: float = 0.7,
    ) -> None:
        self.engine, self._log = engine, log or Transcript(None)
        facts = engine.describe()
        self.label = label or " ".join(str(facts[name]) for name in ("engine", "model") if name in facts)
        self._max_tokens, self._temperature, self._asked = max_tokens, temperature, 0

    async def _ask(self, messages: list[Message]) -> str:
        seed = self._asked if "seed" in self.engine.capabilities else None
        self._asked += 1
        request = Request(messages, max_tokens=self._max_tokens, temperature=self._temperature, seed=seed)
        reply = await self.engine.complete(request)
        self._log.add(self.role, request, reply.text)
        return reply.text


class EngineDesigner(_Role):
    """Asks a model for the source; the first code block of the reply counts, or the whole reply without one."""

    role = "designer"

    async def design(self, brief: Brief) -> Design:
        """Return the draft, with its comments as thoughts."""
        text = await self._ask(prompts.design_messages(brief))
        fenced = _FENCED.search(text)
        source = (fenced[1] if fenced else text).strip("\n") + "\n"
        return Design(source, " ".join(_COMMENT.findall(source)), self.label)


class EngineReviewer(_Role):
    """Asks a model for objections to a draft that has passed the executed checks."""

    role = "critic"

    async def review(self, brief: Brief, design: Design) -> tuple[str, ...]:
        """Return its objections; none if the first line is OK. A reply without a verdict is an objection as a whole."""
        lines = (await self._ask(prompts.review_messages(brief, design))).strip().splitlines() or [""]
        if lines[0].strip() == "OK":
            return ()
        found = [line.partition("OBJECTION:")[2].strip() for line in lines if line.startswith("OBJECTION:")]
        return tuple(found) or (f"the review has no verdict (OK, or OBJECTION: ...): {' '.join(lines)[:500]}",)


class EngineAnalyzer(_Role):
    """Asks a model for causes; codes for the page and for statistics come from the offline patterns."""

    role = "analyzer"

    async def analyze(self, signature: RewardSignature, design: Design, evidence: Evidence) -> Analysis:
        """Return the model's words."""
        text = await self._ask(prompts.analyze_messages(signature, design, evidence))
        patterns = await PatternAnalyzer().analyze(signature, design, evidence)
        return Analysis(text.strip(), patterns.findings, self.label)
