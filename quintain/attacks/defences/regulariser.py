"""The regulariser of SA-PPO: how far the action distribution can be moved within the budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

from quintain.errors import ConfigurationError

__all__ = ["Bound", "divergence", "interval", "largest_divergence", "worst_observation"]

#: ``sgld``: climb to it (a lower bound). ``relaxation``: interval arithmetic (an upper bound).
Bound = Literal["sgld", "relaxation"]


def divergence(mean: Any, other: Any, std: Any) -> Any:
    """Return KL(N(mean, std) || N(other, std)) = 1/2 sum_j ((mean_j - other_j) / std_j)^2: shape ``(n,)``."""
    return 0.5 * ((mean - other) / std).square().sum(1)


def largest_divergence(
    torch: Any, policy: Any, x: Any, std: Any, radius: Any, *, bound: Bound, steps: int, generator: Any
) -> Any:
    """Return max over |x' - x| <= radius of KL(pi(.|x) || pi(.|x')) (Zhang et al. 2020, section 3.2), differentiable.

    ``sgld`` climbs for a few noisy steps and evaluates the divergence there; ``relaxation`` bounds every entry of the
    mean by interval arithmetic, which is exact for one linear layer and one action entry, and loose in deep networks.

    Differences: interval bounds instead of the tighter CROWN relaxation.

    Args:
        torch: The library.
        policy: A ``torch.nn.Sequential`` of linear layers, tanh and ReLU: the mean.
        x: Normalised observations, shape ``(n, d)``.
        std: Standard deviations, shape ``(k,)``; it receives no gradient, so that more noise is no way out.
        radius: Half-width of the box in each entry, shape ``(d,)`` or a number.
        bound: Which of the two.
        steps: Of ``sgld``.
        generator: Where its noise comes from.

    Returns:
        Shape ``(n,)``.

    Raises:
        ConfigurationError: If ``bound`` is unknown or a layer is of another kind.
    """
    if bound not in get_args(Bound):
        raise ConfigurationError(f"bound must be one of {get_args(Bound)}, got {bound!r}")
    std = std.detach()
    if bound == "relaxation":
        mean = policy(x)
        low, high = interval(torch, policy, x, radius)
        return 0.5 * (torch.maximum(high - mean, mean - low) / std).square().sum(1)
    clean = policy(x).detach()
    worst = worst_observation(
        torch, x, radius, lambda point: divergence(clean, policy(point), std), steps=steps, generator=generator
    )
    return divergence(policy(x), policy(worst), std)


def worst_observation(
    torch: Any, x: Any, radius: Any, objective: Callable[[Any], Any], *, steps: int, generator: Any
) -> Any:
    """Climb ``objective`` from a random corner of the inner box, by stochastic gradient Langevin dynamics.

    Step i moves every entry by radius / steps in the direction of sign(g + xi_i sqrt(2 radius / steps) / (i + 2)), as
    the reference implementation of SA-PPO does.

    Args:
        torch: The library.
        x: Centres, shape ``(n, d)``.
        radius: Half-width of the box in each entry, shape ``(d,)`` or a number.
        objective: From points, ``(n, d)``, to numbers, ``(n,)``.
        steps: Steps, >= 1.
        generator: Where the noise comes from.

    Returns:
        Points of the box, shape ``(n, d)``, without a gradient.
    """
    radius = torch.as_tensor(radius, dtype=x.dtype)
    step = radius / steps
    low, high = x - radius, x + radius
    point = x + step * torch.randn(x.shape, generator=generator).sign()
    for i in range(steps):
        point = point.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(objective(point).sum(), point)
        kick = torch.randn(x.shape, generator=generator) * (2 * step).sqrt() / (i + 2)
        point = torch.minimum(torch.maximum(point + step * (gradient + kick).sign(), low), high)
    return point.detach()


def interval(torch: Any, network: Any, x: Any, radius: Any) -> tuple[Any, Any]:
    """Return bounds on the outputs of a network over a box, by interval arithmetic.

    Args:
        torch: The library.
        network: A ``torch.nn.Sequential`` of linear layers, tanh, ReLU and identities.
        x: Centres of the boxes, shape ``(n, d)``.
        radius: Half-widths.

    Raises:
        ConfigurationError: If a layer is of another kind.
    """
    centre, width = x, torch.as_tensor(radius, dtype=x.dtype).expand_as(x)
    for layer in network:
        if isinstance(layer, torch.nn.Linear):
            centre, width = layer(centre), width @ layer.weight.abs().T
        elif isinstance(layer, (torch.nn.Tanh, torch.nn.ReLU, torch.nn.Identity)):
            low, high = layer(centre - width), layer(centre + width)
            centre, width = (high + low) / 2, (high - low) / 2
        else:
            raise ConfigurationError(f"no interval bounds for a {type(layer).__name__}; use bound='sgld'")
    return centre - width, centre + width
