"""The network of a Decision Transformer: a small causal transformer over returns-to-go, states and actions.

The tokens of a window are R_1, s_1, a_1, R_2, s_2, a_2, ..., and the output at s_t is the action. Nothing before s_t
depends on it, so a gradient with respect to the newest state needs that one token alone: :meth:`DecisionNetwork.given`
runs the rest of the window once and returns a function of the newest state. (``transformers`` has such a
model, but its interface runs the whole window for every gradient: 10 ms instead of 3 for 16 windows of 10 steps.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quintain.errors import require

__all__ = ["DecisionNetwork", "Shape"]

# A torch tensor; the library is untyped here.
Tensor = Any


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network. They are stored with its weights.

    Attributes:
        states: Length of an observation vector.
        actions: Length of an action vector; number of actions if they are discrete.
        horizon: Number of time steps with an embedding of their own; later ones share the last.
        width: Length of a token; a multiple of ``heads``. Default: 64.
        layers: Transformer blocks. Default: 2.
        heads: Attention heads per block. Default: 2.
    """

    states: int
    actions: int
    horizon: int
    width: int = 64
    layers: int = 2
    heads: int = 2


class DecisionNetwork:
    """The network with its weights, torch tensors by name.

    Args:
        shape: Sizes of the network.
        weights: Arrays by name, as :meth:`arrays` returns them.
        bounded: Whether outputs pass through a tanh, which bounds them to [-1, 1].
    """

    def __init__(self, shape: Shape, weights: Mapping[str, NDArray[Any]], bounded: bool) -> None:
        self._torch = require("torch", "rl", "Decision Transformers")
        self.shape = shape
        self.bounded = bounded
        self.weights: dict[str, Tensor] = {
            name: self._torch.tensor(value, dtype=self._torch.float32) for name, value in weights.items()
        }

    @classmethod
    def fresh(cls, shape: Shape, bounded: bool, rng: np.random.Generator) -> DecisionNetwork:
        """Make a network with random weights: normal with standard deviation 0.02, as in GPT-2; biases are 0."""
        sizes = {"return": (shape.width, 1), "state": (shape.width, shape.states), "head": (shape.actions, shape.width)}
        sizes |= {"action": (shape.width, shape.actions)}
        for i in range(shape.layers):
            sizes |= {f"{i}.attend": (3 * shape.width, shape.width), f"{i}.mix": (shape.width, shape.width)}
            sizes |= {f"{i}.up": (4 * shape.width, shape.width), f"{i}.down": (shape.width, 4 * shape.width)}
        weights: dict[str, NDArray[Any]] = {"time": rng.normal(0, 0.02, (shape.horizon, shape.width))}
        for name, (outputs, inputs) in sizes.items():
            weights |= {f"{name}.weight": rng.normal(0, 0.02, (outputs, inputs)), f"{name}.bias": np.zeros(outputs)}
        for name in ("tokens", "last", *(f"{i}.{part}" for i in range(shape.layers) for part in ("before", "between"))):
            weights |= {f"{name}.weight": np.ones(shape.width), f"{name}.bias": np.zeros(shape.width)}
        return cls(shape, weights, bounded)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return copies of the weights as arrays."""
        return {name: tensor.detach().numpy().copy() for name, tensor in self.weights.items()}

    def __call__(self, returns: Tensor, states: Tensor, actions: Tensor, times: Tensor, valid: Tensor) -> Tensor:
        """Map windows to actions at every step.

        Args:
            returns: Scaled returns-to-go, shape ``(n, k)``.
            states: Shape ``(n, k, states)``.
            actions: Shape ``(n, k, actions)``; the last one is not read.
            times: Time steps, shape ``(n, k)``, integers.
            valid: Attention mask, shape ``(n, k)``: false for padding.

        Returns:
            Shape ``(n, k, actions)``.
        """
        tokens = self._interleaved(returns, states, actions, times)
        outputs, _ = self._blocks(tokens, self._causal(valid.repeat_interleave(3, dim=1)))
        return self._head(outputs.unflatten(1, (-1, 3))[:, :, 1])

    def given(
        self, returns: Tensor, states: Tensor, actions: Tensor, times: Tensor, valid: Tensor
    ) -> Callable[[Tensor], Tensor]:
        """Return the action as a function of the newest state, ``(n, states)`` to ``(n, actions)``.

        Args:
            returns: Scaled returns-to-go, shape ``(n, k)``; the last belongs to the newest state.
            states: Earlier states, shape ``(n, k - 1, states)``.
            actions: Earlier actions, shape ``(n, k - 1, actions)``.
            times: Time steps, shape ``(n, k)``, integers.
            valid: Attention mask of the earlier steps, shape ``(n, k - 1)``: false for padding.
        """
        torch = self._torch
        with torch.no_grad():
            before = self._interleaved(returns[:, :-1], states, actions, times[:, :-1])
            now = self._time(times[:, -1:])
            newest = self._token("return", returns[:, -1:, None], now)
            always = torch.ones(len(returns), 1, dtype=torch.bool)
            there = torch.cat([valid.repeat_interleave(3, dim=1), always], 1)
            _, kept = self._blocks(torch.cat([before, newest], 1), self._causal(there))
            seen = torch.cat([there, always], 1)[:, None, None]

        def function(state: Tensor) -> Tensor:
            token = self._token("state", state[:, None], now)
            outputs, _ = self._blocks(token, seen, kept)
            return self._head(outputs[:, 0])

        return function

    def _time(self, times: Tensor) -> Tensor:
        return self.weights["time"][times.clamp(max=self.shape.horizon - 1)]

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return self._torch.nn.functional.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, name: str, x: Tensor) -> Tensor:
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return self._torch.nn.functional.layer_norm(x, (self.shape.width,), weight, bias)

    def _token(self, kind: str, values: Tensor, time: Tensor) -> Tensor:
        return self._norm("tokens", self._linear(kind, values) + time)

    def _interleaved(self, returns: Tensor, states: Tensor, actions: Tensor, times: Tensor) -> Tensor:
        time = self._time(times)
        parts = [self._token("return", returns[..., None], time)]
        parts += [self._token("state", states, time), self._token("action", actions, time)]
        return self._torch.stack(parts, 2).flatten(1, 2)

    def _causal(self, there: Tensor) -> Tensor:
        """Return the causal attention mask, without padding: shape ``(n, 1, tokens, tokens)``."""
        torch, length = self._torch, there.shape[1]
        before = torch.ones(length, length, dtype=torch.bool).tril()
        return ((before & there[:, None]) | torch.eye(length, dtype=torch.bool))[:, None]

    def _blocks(self, x: Tensor, mask: Tensor, kept: list[tuple[Tensor, Tensor]] | None = None) -> tuple[Tensor, Any]:
        """Run the blocks; return their outputs and the key-value cache, which starts with ``kept``."""
        torch, heads = self._torch, self.shape.heads
        both = []
        for i in range(self.shape.layers):
            split = self._linear(f"{i}.attend", self._norm(f"{i}.before", x)).unflatten(2, (3, heads, -1))
            query, key, value = split.permute(2, 0, 3, 1, 4)
            if kept is not None:
                key, value = torch.cat([kept[i][0], key], 2), torch.cat([kept[i][1], value], 2)
            both.append((key, value))
            attended = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
            x = x + self._linear(f"{i}.mix", attended.transpose(1, 2).flatten(2))
            x = x + self._linear(
                f"{i}.down", torch.nn.functional.gelu(self._linear(f"{i}.up", self._norm(f"{i}.between", x)))
            )
        return x, both

    def _head(self, x: Tensor) -> Tensor:
        outputs = self._linear("head", self._norm("last", x))
        return self._torch.tanh(outputs) if self.bounded else outputs
