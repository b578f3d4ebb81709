"""The regulariser of SA-PPO: the largest KL divergence between action distributions within the budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

from quintain.errors import ConfigurationError

__all__ = ["Bound", "divergence", "interval", "largest_divergence", "worst_observation"]

#: ``sgld``: gradient ascent with noise (a lower bound). ``relaxation``: interval arithmetic (an upper bound).
Bound = Literal["sgld", "relaxation"]


def divergence(mean: Any, other: Any, std: Any) -> Any:
    """Return KL(N(mean, std) || N(other, std)) = 1/2 sum_j ((mean_j - other_j) / std_j)^2: shape ``(n,)``."""
    return 0.5 * ((mean - other) / std).square().sum(1)


def largest_divergence(
    torch: Any, policy: Any, x: Any, std: Any, radius: Any, *, bound: Bound, steps: int, generator: Any
) -> Any:
    """Return max over |x' - x| <= radius of KL(pi(.|x) || pi(.|x')) (Zhang et al. 2020, section 3.2), differentiable.

    ``sgld`` evaluates the divergence after a few noisy gradient steps; ``relaxation`` bounds every entry of the mean by
    interval arithmetic, which is exact for one linear layer and one action entry, and loose in deep networks.

    Differences: interval bounds instead of the tighter CROWN relaxation.

    Args:
        torch: The module ``torch``, which the caller has imported.
        policy: Network of the mean action, a ``torch.nn.Sequential`` of linear layers, tanh and ReLU.
        x: Normalised observations, shape ``(n, d)``.
        std: Standard deviations, shape ``(k,)``; without a gradient, so that the loss does not fall by more noise.
        radius: Half-width of the box in each entry, shape ``(d,)`` or a number.
        bound: How the maximum is found: ``"sgld"`` (from below) or ``"relaxation"`` (from above).
        steps: Gradient steps of ``"sgld"``, >= 1.
        generator: ``torch.Generator`` of its noise.

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
    """Maximise ``objective`` in a box around each centre, by stochastic gradient Langevin dynamics (SGLD).

    x_{i+1} = clip(x_i + eta sign(grad objective(x_i) + xi_i sqrt(2 eta) / (i + 2))), with eta = radius / steps,
    standard normal xi_i, and x_0 a random corner of the box of half-width eta, as in SA-PPO's reference implementation.

    Args:
        torch: The module ``torch``, which the caller has imported.
        x: Centres, shape ``(n, d)``.
        radius: Half-width of the box in each entry, shape ``(d,)`` or a number.
        objective: Function from points, ``(n, d)``, to values, ``(n,)``.
        steps: Number of gradient steps, >= 1.
        generator: ``torch.Generator`` of the noise.

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
        torch: The module ``torch``, which the caller has imported.
        network: A ``torch.nn.Sequential`` of linear layers, tanh, ReLU and identities.
        x: Centres of the boxes, shape ``(n, d)``.
        radius: Half-width of the box in each entry, shape ``(d,)`` or a number, >= 0.

    Returns:
        Lower and upper bounds, each of shape ``(n, outputs)``.

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
