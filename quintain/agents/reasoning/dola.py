"""The agent ``dola``: replies whose tokens are drawn from the contrast between the last layer and an early one.

Source: Chuang et al. 2023, arXiv 2309.03883. The engine decodes so; see ``Request.contrast_layers``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Unpack

from quintain.agents.reasoning.agent import OPTIONS, ReasoningOptions, SelfFeedbackAgent
from quintain.agents.reasoning.candidate import Candidate
from quintain.agents.reasoning.feedback import Signal, SignalKind
from quintain.agents.reasoning.selections import Majority
from quintain.agents.reasoning.turn import Turn
from quintain.engines.engine import Engine
from quintain.engines.request import ContrastLayers, EngineCapability
from quintain.errors import ConfigurationError

__all__ = ["DolaAgent"]


@dataclass(frozen=True)
class LayerContrast:
    """Self-Evaluate within the engine: the contrast has chosen every token already, and no more is known here.

    Attributes:
        layers: The candidate layers, for the run's manifest.
    """

    layers: str
    kind: SignalKind = "contrastive"
    needs: frozenset[EngineCapability] = frozenset({"contrast_layers"})

    async def __call__(self, turn: Turn, candidates: Sequence[Candidate]) -> Signal:
        """Return an empty signal."""
        return Signal(self.kind, facts={"contrast_layers": self.layers})


class DolaAgent(SelfFeedbackAgent):
    """DoLa: decode by contrasting layers, so that what upper layers add to the lower ones decides.

    Of several replies the most frequent answer is taken. Differences from the paper: no penalty of repetition, and the
    early layer is chosen for each sequence, not for a batch.

    Args:
        engine: The language model, or its name; needs the capability ``contrast_layers``.
        n: Number of replies, >= 1. Default: 1 (paper).
        layers: Candidate layers: ``"low"`` or ``"high"`` (paper: high for short answers, low for long reasoning), or a
            list of layers, 0 for the embeddings. Default: ``"low"``.
        options: See :class:`~quintain.agents.reasoning.agent.SelfFeedbackAgent`; temperature 0 by default (paper).

    Raises:
        CapabilityError: If the engine cannot contrast layers.
        ConfigurationError: If the layers are none of these.
    """

    keywords = OPTIONS

    def __init__(
        self,
        engine: Engine | str,
        n: int = 1,
        layers: Literal["low", "high"] | Sequence[int] = "low",
        **options: Unpack[ReasoningOptions],
    ) -> None:
        options.setdefault("temperature", 0.0)
        self._contrast_layers = _checked(layers)
        super().__init__(engine, evaluate=LayerContrast(str(layers)), update=Majority(), n=n, **options)


def _checked(layers: Any) -> ContrastLayers:
    if layers == "low" or layers == "high":
        found: ContrastLayers = layers
        return found
    chosen = [layers] if isinstance(layers, int) else layers
    if isinstance(chosen, str) or not chosen or not all(type(layer) is int and layer >= 0 for layer in chosen):
        raise ConfigurationError(f"layers must be 'low', 'high' or a list of layers from 0 on, got {layers!r}")
    return tuple(chosen)
