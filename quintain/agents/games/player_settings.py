"""Settings of a language model that plays repeated games."""

from __future__ import annotations

import string
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from quintain.agents.games.prompts import Wording
from quintain.arguments import check_bool, check_number
from quintain.errors import ConfigurationError

__all__ = ["RANDOM_LABELS", "PlayerSettings"]

#: Letters that random labels are drawn from: A and I are left out, since they are words.
RANDOM_LABELS = [letter for letter in string.ascii_uppercase if letter not in "AI"]


@dataclass(frozen=True)
class PlayerSettings:
    """How the model is asked for its move.

    Attributes:
        labels: One label per option, or ``"random"``: distinct letters drawn per match, the same for all its seats. The
            default is the pair of Akata et al. (2025).
        order: Order in which a question names the options: drawn for every question (``"shuffled"``), option 0 first
            (``"first"``) or last (``"last"``). Default: ``"shuffled"``.
        predict_first: Ask first for the other player's move, then for the choice given that prediction: "social chain
            of thought" of Akata et al. (2025). Default: false.
        debias: Average log-probabilities over all rotations of the order of names (``"order"``), or over all pairs of
            orders and assignments of labels to options (``"labels"``); ``"none"`` asks once. Default: ``"none"``.
        temperature: Temperature of the choice, >= 0; 0 takes the likeliest label. Default: 0.
        constrained: Whether the reply is constrained to the labels. Otherwise the model writes freely, and a reply that
            is not a label is an illegal move. Default: true.
        wording: Variations of the prompt's text.

    Raises:
        ConfigurationError: If labels are not distinct words, a setting is unknown or out of range, or ``debias`` is
            combined with ``constrained=False``.
    """

    labels: tuple[str, ...] | Literal["random"] = ("J", "F")
    order: Literal["shuffled", "first", "last"] = "shuffled"
    predict_first: bool = False
    debias: Literal["none", "order", "labels"] = "none"
    temperature: float = 0.0
    constrained: bool = True
    wording: Wording = field(default_factory=Wording)

    def __post_init__(self) -> None:
        if self.labels != "random":
            object.__setattr__(self, "labels", tuple(self.labels))
            if len(set(self.labels)) < len(self.labels) or not all(
                isinstance(label, str) and label and label == label.strip() for label in self.labels
            ):
                raise ConfigurationError(f"labels must be distinct words, got {self.labels!r}")
        for name, allowed in (("order", ("shuffled", "first", "last")), ("debias", ("none", "order", "labels"))):
            if getattr(self, name) not in allowed:
                raise ConfigurationError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        check_number("temperature", self.temperature, low=0)
        for name in ("predict_first", "constrained"):
            check_bool(name, getattr(self, name))
        if self.debias != "none" and not self.constrained:
            raise ConfigurationError("debiasing averages probabilities of constrained choices; set constrained=True")

    def draw_labels(self, options: int, rng: np.random.Generator) -> tuple[str, ...]:
        """Return one label per option.

        Args:
            options: Number of options, >= 1.
            rng: Generator of random labels; not used for given ones.

        Raises:
            ConfigurationError: If there are fewer labels than options.
        """
        if self.labels == "random":
            if options > len(RANDOM_LABELS):
                raise ConfigurationError(
                    f"the game has {options} options and there are only {len(RANDOM_LABELS)} random labels; give "
                    "labels=[...]"
                )
            return tuple(str(letter) for letter in rng.choice(RANDOM_LABELS, size=options, replace=False))
        if len(self.labels) < options:
            raise ConfigurationError(f"the game has {options} options and the labels are only {self.labels!r}")
        return self.labels[:options]

    def draw_order(self, options: int, rng: np.random.Generator) -> tuple[int, ...]:
        """Return the order in which one question names the options, as option indices.

        Args:
            options: Number of options, >= 1.
            rng: Generator of shuffled orders; not used for fixed ones.
        """
        if self.order == "shuffled":
            return tuple(int(k) for k in rng.permutation(options))
        return tuple(range(options)) if self.order == "first" else tuple(reversed(range(options)))
