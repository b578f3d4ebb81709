"""Online learners, many at once: each learns its own stream with its own weights and learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.agents.online.homeostatic.network import Array, Networks
from quintain.agents.online.homeostatic.rates import RULES, Decision, RateRule, Taken
from quintain.arguments import check_arguments, check_number
from quintain.errors import UnknownNameError

__all__ = ["LearnerSettings", "Learners"]


@dataclass(frozen=True, slots=True)
class LearnerSettings:
    """Hyper-parameters of an online learner.

    Attributes:
        rule: What moves the learning rate: ``"homeostatic"``, ``"random"``, ``"constant"`` or ``"hypergradient"``.
        learning_rate: Initial learning rate, > 0 (paper: 0.001).
        batch_size: Samples of a minibatch, >= 1 (paper: 10).
        hidden: Widths of the hidden layers (paper: 80 and 60).
        memory: Number of remembered samples, >= 1 (paper: 20).
        options: Arguments of the rule's class in :data:`~quintain.agents.online.homeostatic.RULES`, such as
            ``{"criterion": "loss"}``.
    """

    rule: str = "homeostatic"
    learning_rate: float = 0.001
    batch_size: int = 10
    hidden: tuple[int, ...] = (80, 60)
    memory: int = 20
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("batch_size", self.batch_size, low=1, integer=True)
        check_number("memory", self.memory, low=1, integer=True)
        for width in self.hidden:
            check_number("hidden", width, low=1, integer=True)
        self.make_rule()

    def make_rule(self) -> RateRule:
        """Make the rule.

        Raises:
            UnknownNameError: If there is no such rule.
            ConfigurationError: If it has no such option, or a value is out of range.
        """
        if self.rule not in RULES:
            raise UnknownNameError("rule of learning rates", self.rule, RULES)
        check_arguments("rule of learning rates", self.rule, RULES[self.rule], (), self.options)
        return RULES[self.rule](**self.options)


class Learners:
    """Classifiers in lock step.

    Weights that diverge at a high learning rate become NaN; such a learner gives the first label to every sample.

    Args:
        settings: Hyper-parameters, which all of them share.
        features: Number of features of a sample.
        classes: Number of classes.
        rngs: One generator per learner: of its weights, then of its random decisions.
        rule: What moves the learning rates. Default: that of the settings.
        dtype: Type of weights and samples. Default: float64.

    Attributes:
        rates: Present learning rates, shape ``(learners,)``.
    """

    def __init__(
        self,
        settings: LearnerSettings,
        features: int,
        classes: int,
        rngs: Sequence[np.random.Generator],
        rule: RateRule | None = None,
        dtype: Any = np.float64,
    ) -> None:
        self.settings, self.rngs = settings, rngs
        self.networks = Networks((features, *settings.hidden, classes), rngs, dtype)
        self.rates: NDArray[np.float64] = np.full(len(rngs), settings.learning_rate)
        self._rule = settings.make_rule() if rule is None else rule

    def predict(self, samples: Array) -> NDArray[np.int64]:
        """Return the likeliest labels, shape ``(learners, samples)``, of samples ``(learners, samples, features)``."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(self.networks.forward(samples)[-1].argmax(axis=-1))

    def learn(
        self,
        start: int,
        samples: Array,
        labels: NDArray[np.int64],
        memory: Array,
        memory_labels: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], Taken | None]:
        """Learn a minibatch: move the learning rate, then take a step of gradient descent.

        Args:
            start: Number of its first sample in the stream, from 0.
            samples: Shape ``(learners, batch_size, features)``.
            labels: Shape ``(learners, batch_size)``.
            memory: The samples before it, shape ``(learners, up to memory, features)``.
            memory_labels: Their labels, as they are now.

        Returns:
            The predictions before the step, shape ``(learners, batch_size)``; and what was done with the stimuli, or
            ``None`` for a rule without any.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            layers = self.networks.forward(samples)
            errors = self.networks.errors(layers, labels)
            known = (layers, errors, labels, memory, memory_labels, self.rngs)
            decision = Decision(start, self.settings.learning_rate, self.networks, *known)
            self.rates, taken = self._rule.update(self.rates, decision)
            self.networks.descend(layers, errors, self.rates)
            return np.asarray(layers[-1].argmax(axis=-1)), taken
