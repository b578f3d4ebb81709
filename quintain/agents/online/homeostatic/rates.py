"""Rules that move the learning rates of online learners, once per minibatch.

The vulnerable learner (Man, Damasio & Neven 2022, arXiv 2205.08645, and its released code): a stimulus of an excitatory
class raises the learning rate of the one that takes it, an inhibitory one lowers it. Whether to take it is decided by a
simulation that trusts the learner's own guess; what happens depends on the right label. A wrong guess thus moves the
rate the wrong way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from quintain.agents.online.homeostatic.network import Array, Networks
from quintain.arguments import check_number
from quintain.errors import ConfigurationError

__all__ = [
    "RULES",
    "Constant",
    "Decision",
    "Homeostatic",
    "Hypergradient",
    "RandomStimuli",
    "RateRule",
    "Scheduled",
    "Stimuli",
    "Taken",
]

Rates = NDArray[np.float64]


class Decision(NamedTuple):
    """What is known when a learning rate is moved: after a minibatch's errors, before the step.

    Attributes:
        start: Number of the minibatch's first sample in the stream.
        initial_rate: Learning rate at the beginning.
        networks: The networks.
        layers: Outputs of the layers for the minibatch; see :meth:`Networks.forward`.
        errors: See :meth:`Networks.errors`.
        labels: Right labels of the minibatch, shape ``(learners, samples)``.
        memory: The samples before the minibatch, shape ``(learners, remembered, features)``.
        memory_labels: Their labels, as they are now, shape ``(learners, remembered)``.
        rngs: One generator per learner.
    """

    start: int
    initial_rate: float
    networks: Networks
    layers: list[Array]
    errors: list[Array]
    labels: NDArray[np.int64]
    memory: Array
    memory_labels: NDArray[np.int64]
    rngs: Sequence[np.random.Generator]


class Taken(NamedTuple):
    """What a rule did with the stimuli of one minibatch, one bool per learner.

    Attributes:
        offered: Whether there was a decision.
        taken: Whether the stimulus was taken.
        wrong: Whether it was taken because of a wrong guess of its effect.
    """

    offered: NDArray[np.bool_]
    taken: NDArray[np.bool_]
    wrong: NDArray[np.bool_]


class RateRule(Protocol):
    """Moves learning rates; see :data:`RULES`."""

    def update(self, rates: Rates, decision: Decision) -> tuple[Rates, Taken | None]:
        """Return the new rates, and what was done with stimuli; ``None`` for a rule without stimuli.

        Args:
            rates: Present learning rates, shape ``(learners,)``.
            decision: What is known.
        """
        ...


class Constant:
    """Leaves the learning rate as it is."""

    def update(self, rates: Rates, decision: Decision) -> tuple[Rates, Taken | None]:
        """Return the rates; see :class:`RateRule`."""
        return rates, None


@dataclass(frozen=True)
class Stimuli:
    """What stimuli do to a learning rate; the base of the rules that take them.

    Attributes:
        step: By how much a stimulus moves the rate, in units of the initial rate, > 0 (paper: 0.1).
        excitatory: Labels that raise the rate; the others lower it. ``None``: the upper half of them (paper: 5 to 9).
        floor: Lowest learning rate, > 0 (paper: 1e-8, which replaces negative rates only; here it replaces 0 too).
    """

    step: float = 0.1
    excitatory: Sequence[int] | None = None
    floor: float = 1e-8

    def __post_init__(self) -> None:
        check_number("step", self.step, above=0)
        check_number("floor", self.floor, above=0)

    def effects(self, labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
        """Return 1 for excitatory labels and -1 for inhibitory ones."""
        if self.excitatory is None:
            return np.where(labels >= classes // 2, 1, -1)
        return np.where(np.isin(labels, list(self.excitatory)), 1, -1)

    def moved(self, rates: Rates, effects: NDArray[np.int64], decision: Decision) -> Rates:
        """Return the rates after stimuli with these effects."""
        return np.maximum(rates + self.step * decision.initial_rate * effects, self.floor)


@dataclass(frozen=True)
class RandomStimuli(Stimuli):
    """The random control (LRR): takes the stimulus of each minibatch but the first with a fixed probability.

    Attributes:
        probability: Probability of taking it, in [0, 1] (paper: 0.5).
        step: See :class:`Stimuli`.
        excitatory: See :class:`Stimuli`.
        floor: See :class:`Stimuli`.
    """

    probability: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("probability", self.probability, low=0, high=1)

    def update(self, rates: Rates, decision: Decision) -> tuple[Rates, Taken | None]:
        """Take stimuli at random; see :class:`RateRule`."""
        none = np.zeros(len(rates), dtype=bool)
        if decision.start == 0:
            return rates, Taken(none, none, none)
        taken = np.array([rng.random() for rng in decision.rngs]) < self.probability
        real = self.effects(decision.labels[:, 0], decision.layers[-1].shape[-1])
        return np.where(taken, self.moved(rates, real, decision), rates), Taken(~none, taken, none)


@dataclass(frozen=True)
class Homeostatic(Stimuli):
    """The vulnerable learner.

    The decision is about the first sample of a minibatch. Two virtual steps along its gradient, divided by the size of
    the minibatch, are taken: at the present rate, and at the rate to which the guessed label would move it. The
    stimulus is taken if the second one is strictly better on the remembered samples.

    Attributes:
        criterion: ``"accuracy"`` (paper) on the remembered samples, or their mean ``"loss"``, which has no ties.
        step: See :class:`Stimuli`.
        excitatory: See :class:`Stimuli`.
        floor: See :class:`Stimuli`.
    """

    criterion: str = "accuracy"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.criterion not in ("accuracy", "loss"):
            raise ConfigurationError(f"criterion must be 'accuracy' or 'loss', got {self.criterion!r}")

    def update(self, rates: Rates, decision: Decision) -> tuple[Rates, Taken | None]:
        """Decide by simulation; see :class:`RateRule`."""
        none = np.zeros(len(rates), dtype=bool)
        if decision.start <= decision.memory.shape[1]:  # paper: only for samples with i > 20, the size of the memory
            return rates, Taken(none, none, none)
        logits = decision.layers[-1]
        guessed = self.effects(logits[:, 0].argmax(axis=-1), logits.shape[-1])
        real = self.effects(decision.labels[:, 0], logits.shape[-1])
        taken = self._prefers(rates, self.moved(rates, guessed, decision), decision)
        new = np.where(taken, self.moved(rates, real, decision), rates)
        return new, Taken(~none, taken, taken & (guessed != real))

    def _prefers(self, rates: Rates, other: Rates, decision: Decision) -> NDArray[np.bool_]:
        """Whether the simulated learners at the other rates are better than those at the present ones."""
        first = [layer[:, :1] for layer in decision.layers]
        errors = [error[:, :1] for error in decision.errors]
        options = np.stack([rates, other], axis=1) / decision.labels.shape[1]
        logits = decision.networks.after_virtual_steps(decision.memory, first, errors, options)
        if self.criterion == "accuracy":
            right = logits.argmax(axis=-1) == decision.memory_labels[:, None]
            leave, take = right.sum(axis=-1).T
            return np.asarray(take > leave)
        shifted = logits - logits.max(axis=-1, keepdims=True)
        log_sum = np.log(np.exp(shifted).sum(axis=-1))
        picked = np.take_along_axis(shifted, decision.memory_labels[:, None, :, None], -1)[..., 0]
        leave, take = (log_sum - picked).mean(axis=-1).T
        return np.asarray(take < leave)


class Hypergradient:
    """Multiplicative hypergradient descent: rates grow while successive gradients agree (Baydin et al. 2018, eq. 8).

    rate <- rate * (1 + beta * cos(g_t, g_{t-1})), with the gradients g of successive minibatches.

    Args:
        beta: Learning rate of the learning rate, in (0, 1). Default: 0.02, as in the paper's experiments.
        floor: Lowest learning rate, > 0. Default: 1e-8.
    """

    def __init__(self, beta: float = 0.02, floor: float = 1e-8) -> None:
        check_number("beta", beta, above=0, high=1)
        self.beta, self.floor = beta, floor
        self._before: list[Array] | None = None

    def update(self, rates: Rates, decision: Decision) -> tuple[Rates, Taken | None]:
        """Compare the gradient with that of the minibatch before; see :class:`RateRule`."""
        now = decision.networks.gradients(decision.layers, decision.errors)
        before, self._before = self._before, now
        if before is None:
            return rates, None
        product = _product(now, before)
        length = np.sqrt(_product(now, now) * _product(before, before))
        cosine = np.divide(product, length, out=np.zeros_like(product), where=length > 0)
        return np.maximum(rates * (1 + self.beta * cosine), self.floor), None


class Scheduled:
    """Sets the learning rates of a schedule, such as those that another learner had: a yoked control.

    Args:
        rates: Learning rates, shape ``(minibatches, learners)``; after its end the last row holds.

    Raises:
        ConfigurationError: If it is empty, or a rate is not positive.
    """

    def __init__(self, rates: NDArray[np.float64]) -> None:
        self.rates = np.asarray(rates, dtype=np.float64)
        if self.rates.ndim != 2 or not self.rates.size or not (self.rates > 0).all():
            raise ConfigurationError("a schedule holds positive learning rates, one row per minibatch")

    def update(self, rates: Rates, decision: Decision) -> tuple[Rates, Taken | None]:
        """Return the scheduled rates; see :class:`RateRule`."""
        number = min(decision.start // decision.labels.shape[1], len(self.rates) - 1)
        return self.rates[number], None


def _product(first: Sequence[Array], second: Sequence[Array]) -> Rates:
    return sum(
        (np.einsum("lij,lij->l", a, b, dtype=np.float64) for a, b in zip(first, second, strict=True)),
        start=np.zeros(len(first[0])),
    )


#: Rules by name. ``Scheduled`` is made from rates, so it has none.
RULES: Mapping[str, Callable[..., RateRule]] = {
    "homeostatic": Homeostatic,
    "random": RandomStimuli,
    "constant": Constant,
    "hypergradient": Hypergradient,
}
