"""Fitting a network to the actions of a black-box policy."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.agents.policies import MLP, Layer, Network, Normaliser, as_network
from quintain.attacks.torch_mlp import torch_mlp
from quintain.errors import ConfigurationError
from quintain.training.control.settings import AdamSettings

__all__ = ["Fitted", "Pairs", "SurrogateFit"]

Array = NDArray[np.floating[Any]]


class Pairs(NamedTuple):
    """Observations ``(n, d)`` and the policy's actions; pairs with ``held_out`` are not trained on."""

    observations: Array
    actions: NDArray[Any]
    held_out: NDArray[np.bool_]

    def extended(self, more: Pairs) -> Pairs:
        """Return these pairs and more."""
        return Pairs(*(np.concatenate(parts) for parts in zip(self, more, strict=True)))


class Fitted(NamedTuple):
    """Result of a fit.

    Attributes:
        network: The network, from normalised observations to actions (to logits, if actions are discrete).
        std: Standard deviation of its errors, shape ``(k,)``, in units of the actions, >= 1e-3 of half their range.
        error: Error on held-out pairs; see :class:`~quintain.attacks.surrogate.TrainedSurrogate`.
        baseline: Error of the best constant action.
        epochs: Passes over the pairs.
    """

    network: Network
    std: NDArray[Any]
    error: float
    baseline: float
    epochs: int


class SurrogateFit:
    """Trains one network, round after round; each call continues from the weights of the last.

    Args:
        torch: The module ``torch``, which the caller has imported.
        observation_space: Space of the policy's observations, a Box of one axis.
        action_space: Space of the policy's actions: Discrete, or a Box of one axis.
        net_arch: Widths of the hidden layers.
        optimiser: Hyper-parameters of Adam, including the learning rate.
        n_epochs: Maximum number of passes over the pairs per call.
        patience: Passes without a lower held-out loss after which a call ends.
        generator: A ``torch.Generator`` for initial weights and batches.

    Raises:
        ConfigurationError: If a space is of another kind.
    """

    def __init__(
        self,
        torch: Any,
        observation_space: gym.Space[Any],
        action_space: gym.Space[Any],
        net_arch: Sequence[int],
        optimiser: AdamSettings,
        n_epochs: int,
        patience: int,
        generator: Any,
    ) -> None:
        if not isinstance(observation_space, spaces.Box) or len(observation_space.shape) != 1:
            raise ConfigurationError(f"a surrogate observes a Box of one axis, not {observation_space}; flatten it")
        discrete = isinstance(action_space, spaces.Discrete)
        if not discrete and (not isinstance(action_space, spaces.Box) or len(action_space.shape) != 1):
            raise ConfigurationError(f"a surrogate acts in Discrete or a Box of one axis, not {action_space}")
        self.torch, self.discrete, self.generator = torch, discrete, generator
        space: Any = action_space
        self.space = space
        self.optimiser, self.n_epochs, self.patience = optimiser, n_epochs, patience
        self.bounded = not discrete and bool(space.is_bounded())
        width = int(space.n) if discrete else space.shape[0]
        # tanh, because most policies are smooth: the gradient of a ReLU network is a poor estimate of theirs.
        self.network = torch_mlp(torch, [observation_space.shape[0], *net_arch, width], generator, hidden="tanh")

    def __call__(self, pairs: Pairs, normaliser: Normaliser) -> Fitted:
        """Fit the network until the held-out loss stops falling, and return the network with the lowest one."""
        torch = self.torch
        x = torch.as_tensor(normaliser(pairs.observations), dtype=torch.float32)
        centre, half = self._unit(pairs.actions)
        if self.discrete:
            y = torch.as_tensor(pairs.actions - self.space.start, dtype=torch.long)
        else:
            y = torch.as_tensor((pairs.actions - centre) / half, dtype=torch.float32)
        held = torch.as_tensor(pairs.held_out)
        x, y, test_x, test_y = x[~held], y[~held], x[held], y[held]
        epochs = self._train(x, y, test_x, test_y)
        with torch.no_grad():
            outputs = self.network(test_x)
        network = as_network(self.network)
        if self.discrete:
            common = torch.mode(y).values
            error, baseline = (float((a != test_y).float().mean()) for a in (outputs.argmax(1), common))
            return Fitted(network, np.ones(0), error, baseline, epochs)
        assert isinstance(network, MLP)
        *inner, last = network.layers
        scaled = Layer(last.weight * half[:, None], last.bias * half + centre, "identity")
        clip = 1.0 if self.bounded else np.inf
        error = float((outputs.clamp(-clip, clip) - test_y).square().mean().sqrt())
        baseline = float((y.mean(0) - test_y).square().mean().sqrt())
        std = self._residual(outputs, test_y).square().mean(0).sqrt().numpy().astype(np.float64)
        return Fitted(MLP([*inner, scaled]), np.maximum(std, 1e-3) * half, error, baseline, epochs)

    def _train(self, x: Any, y: Any, test_x: Any, test_y: Any) -> int:
        """Train on ``x`` and ``y``, restore the weights with the lowest held-out loss, and return the epochs."""
        torch = self.torch
        adam = torch.optim.Adam(self.network.parameters(), lr=self.optimiser.learning_rate)
        best, kept = np.inf, copy.deepcopy(self.network.state_dict())
        epochs = since_best = 0
        while epochs < self.n_epochs and since_best < self.patience:
            for batch in torch.randperm(len(x), generator=self.generator).split(self.optimiser.batch_size):
                adam.zero_grad()
                self._loss(self.network(x[batch]), y[batch]).backward()
                adam.step()
            epochs += 1
            with torch.no_grad():
                loss = float(self._loss(self.network(test_x), test_y))
            since_best += 1
            if loss < best:
                best, kept, since_best = loss, copy.deepcopy(self.network.state_dict()), 0
        self.network.load_state_dict(kept)
        return epochs

    def _unit(self, actions: NDArray[Any]) -> tuple[Any, Any]:
        """Return the action at which the network's output is 0, and the difference at which it is 1."""
        if self.discrete:
            return 0.0, 1.0
        if self.bounded:
            return (self.space.high + self.space.low) / 2, (self.space.high - self.space.low) / 2
        return actions.mean(axis=0), np.maximum(actions.std(axis=0), 1e-6)

    def _residual(self, outputs: Any, wanted: Any) -> Any:
        """Return the errors; 0 where the policy's action is at a bound and the output beyond it."""
        if not self.bounded:
            return outputs - wanted
        beyond = ((wanted >= 1) & (outputs > 1)) | ((wanted <= -1) & (outputs < -1))
        return (outputs - wanted) * ~beyond

    def _loss(self, outputs: Any, wanted: Any) -> Any:
        if self.discrete:
            return self.torch.nn.functional.cross_entropy(outputs, wanted)
        return self._residual(outputs, wanted).square().mean()
