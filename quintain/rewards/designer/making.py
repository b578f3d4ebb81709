"""The three roles by name, as command lines spell them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quintain.engines import make_engine
from quintain.errors import ConfigurationError
from quintain.rewards.designer.critic import Reviewer
from quintain.rewards.designer.engine_roles import EngineAnalyzer, EngineDesigner, EngineReviewer
from quintain.rewards.designer.patterns import PatternAnalyzer
from quintain.rewards.designer.roles import Analyzer, Designer
from quintain.rewards.designer.template import TemplateDesigner
from quintain.rewards.designer.transcript import Transcript

__all__ = ["Roles", "make_roles"]


@dataclass(frozen=True)
class Roles:
    """Who plays the three roles.

    Attributes:
        designer: Writes reward functions.
        analyzer: Explains failures.
        reviewer: Reviews drafts that pass the executed checks of the critic; ``None`` for nobody.
        name: What it was made from, for records.
        close: Releases the engine.
    """

    designer: Designer
    analyzer: Analyzer
    reviewer: Reviewer | None = None
    name: str = "template"
    close: Callable[[], None] = lambda: None

    @property
    def label(self) -> str:
        """Who designs, for records and pages."""
        return self.designer.label


def make_roles(designer: str, *, log: str | Path | None = None, **options: Any) -> Roles:
    """Make the three roles.

    Args:
        designer: ``"template"``: offline, without a language model; ``"transcript:FILE"``: a recorded transcript;
            otherwise the name of an engine, such as ``"openai:MODEL@http://host:port/v1"`` or ``"transformers"``, which
            then plays all three.
        log: File that receives every exchange with an engine; ``None`` for none.
        options: For ``"template"``: arguments of :class:`~quintain.rewards.designer.template.TemplateDesigner`. For an
            engine: its options.

    Raises:
        ConfigurationError: If an option does not fit.
        UnknownNameError: If there is no such engine.
        RecordError: If the transcript cannot be read.
    """
    kind, _, argument = designer.partition(":")
    if kind == "template":
        try:
            return Roles(TemplateDesigner(**options), PatternAnalyzer())
        except TypeError as error:
            raise ConfigurationError(f"the template designer takes progress, explore, look_guard: {error}") from None
    if kind == "transcript":
        recorded, label = Transcript(argument), f"recorded transcript {Path(argument).name} (replayed, no model)"
        reviewer = EngineReviewer(recorded.engine("critic"), label) if recorded.replies("critic") else None
        analyzer: Analyzer = PatternAnalyzer()
        if recorded.replies("analyzer"):
            analyzer = EngineAnalyzer(recorded.engine("analyzer"), label)
        return Roles(EngineDesigner(recorded.engine("designer"), label), analyzer, reviewer, designer)
    engine, kept = make_engine(designer, **options), Transcript(log)
    return Roles(
        EngineDesigner(engine, log=kept), EngineAnalyzer(engine, log=kept), EngineReviewer(engine, log=kept),
        designer, engine.close,
    )  # fmt: skip
