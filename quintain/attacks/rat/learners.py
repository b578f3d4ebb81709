"""What RAT trains: the intention policy with its critics, the adversary, and the weighting function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quintain.attacks.rat.networks import ASSUMED_STD, kl, perceptron
from quintain.attacks.rat.settings import RATSettings

__all__ = ["Adversary", "IntentionPolicy"]


class IntentionPolicy:
    """Soft actor-critic (Haarnoja et al. 2018) on the learned reward; actions in [-1, 1].

    Args:
        torch: The library.
        states: Length of a state.
        actions: Length of an action.
        settings: Widths, rates.
        generator: Where all draws come from.
    """

    def __init__(self, torch: Any, states: int, actions: int, settings: RATSettings, generator: Any) -> None:
        self._torch, self._settings, self._generator, self._actions = torch, settings, generator, actions
        width = settings.hidden
        self.actor = perceptron(torch, [states, width, width, 2 * actions], generator)
        self.critics, self._slow = (
            [perceptron(torch, [states + actions, width, width, 1], generator) for _ in range(2)] for _ in range(2)
        )
        for critic, slow in zip(self.critics, self._slow, strict=True):
            slow.load_state_dict(critic.state_dict())
        self._log_temperature = torch.tensor(-2.3, requires_grad=True)  # 0.1 to begin with
        rate = settings.learning_rate
        self._actor_step = torch.optim.Adam(self.actor.parameters(), lr=rate)
        self._critic_step = torch.optim.Adam([p for c in self.critics for p in c.parameters()], lr=rate)
        self._temperature_step = torch.optim.Adam([self._log_temperature], lr=rate)

    @property
    def temperature(self) -> float:
        """Weight of the entropy."""
        return float(self._log_temperature.detach().exp())

    def sample(self, x: Any) -> tuple[Any, Any]:
        """Draw actions; return them with their log-densities, shapes ``(n, a)`` and ``(n,)``."""
        torch = self._torch
        mean, log_std = self.actor(x).chunk(2, 1)
        std = torch.clamp(log_std, -5, 2).exp()
        noise = torch.randn(mean.shape, generator=self._generator)
        action = torch.tanh(mean + std * noise)
        density = (-0.5 * noise**2 - torch.log(std) - 0.919).sum(1)
        return action, density - torch.log(1 - action**2 + 1e-6).sum(1)

    def distribution(self, x: Any) -> tuple[Any, Any]:
        """Return mean and standard deviation of the action, the latter by the slope of the tanh at the mean."""
        torch = self._torch
        mean, log_std = self.actor(x).chunk(2, 1)
        squashed = torch.tanh(mean)
        std = torch.clamp(log_std, -5, 2).exp() * (1 - squashed**2)
        return squashed, std.clamp(min=ASSUMED_STD)

    def q(self, x: Any, action: Any) -> Any:
        """Return the lower of the two critics' values, shape ``(n,)``."""
        joined = self._torch.cat([x, action], 1)
        return self._torch.min(self.critics[0](joined), self.critics[1](joined))[:, 0]

    def update(self, x: Any, action: Any, reward: Any, following: Any, going: Any) -> None:
        """Take one step of critics, actor and temperature on a batch."""
        torch, settings = self._torch, self._settings
        with torch.no_grad():
            later, density = self.sample(following)
            joined = torch.cat([following, later], 1)
            value = torch.min(self._slow[0](joined), self._slow[1](joined))[:, 0] - self.temperature * density
            target = reward + settings.gamma * going * value
        joined = torch.cat([x, action], 1)
        loss = sum(((critic(joined)[:, 0] - target) ** 2).mean() for critic in self.critics)
        _descend(self._critic_step, loss)
        chosen, density = self.sample(x)
        _descend(self._actor_step, (self.temperature * density - self.q(x, chosen)).mean())
        surplus = (density.detach() - self._actions).mean()  # entropy is kept near -actions
        _descend(self._temperature_step, -self._log_temperature * surplus)
        with torch.no_grad():
            for critic, slow in zip(self.critics, self._slow, strict=True):
                for mine, its in zip(critic.parameters(), slow.parameters(), strict=True):
                    its.lerp_(mine, settings.tau)


class Adversary:
    """The network that lies, and the weighting function that says in which states the lie has to be good.

    Inner loss: L = E[h(x) KL(pi_victim(.|lie(x)) || pi_intention(.|x))], gradients passing through the frozen victim.
    Outer loss: J = E[mu log pi(a|x) - Q(x, a)], a drawn from the perturbed victim, evaluated after one virtual step
    down L; its gradient by h's weights goes through that step (bi-level; the RAT paper's section 4).

    Differences: h is a softplus divided by its mean over the batch, which the paper leaves open; the lie is the
    deterministic output of a tanh network instead of a sample.

    Args:
        torch: The library.
        states: Length of a state.
        victim: The victim's distribution over actions in [-1, 1], as a function of what it sees.
        see: Adds a perturbation in [-1, 1] times the budget to x, and gives what the victim's networks read.
        settings: Widths, rates.
        generator: Where all draws come from.
    """

    def __init__(
        self,
        torch: Any,
        states: int,
        victim: Callable[[Any], tuple[Any, Any]],
        see: Callable[[Any, Any], Any],
        settings: RATSettings,
        generator: Any,
    ) -> None:
        self._torch, self._settings, self._generator = torch, settings, generator
        self._victim, self._see = victim, see
        width = settings.hidden
        self.network = perceptron(torch, [states, width, width, states], generator, last="tanh")
        self.weights = perceptron(torch, [states, width, 1], generator)
        self._inner_step = torch.optim.Adam(self.network.parameters(), lr=settings.learning_rate)
        self._outer_step = torch.optim.Adam(self.weights.parameters(), lr=settings.learning_rate)

    def perturbed(self, x: Any, parameters: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Return the victim's distribution when it is lied to, under other weights of the adversary if given."""
        own = parameters if parameters is not None else dict(self.network.named_parameters())
        return self._victim(self._see(x, self._torch.func.functional_call(self.network, own, (x,))))

    def importance(self, x: Any) -> Any:
        """Return h(x), positive and 1 on average over the batch: shape ``(n,)``."""
        h = self._torch.nn.functional.softplus(self.weights(x))[:, 0]
        return h / h.mean()

    def inner_loss(self, x: Any, intention: IntentionPolicy, weighted: bool = True) -> Any:
        """Return L on a batch of states."""
        with self._torch.no_grad():
            mean, std = intention.distribution(x)
        divergence = kl(self._torch, *self.perturbed(x), mean, std)
        return ((self.importance(x) if weighted else 1.0) * divergence).mean()

    def outer_loss(self, x: Any, fresh: Any, intention: IntentionPolicy) -> Any:
        """Return J on ``fresh`` states after one virtual step down L on ``x``; differentiable by h's weights."""
        torch = self._torch
        parameters = dict(self.network.named_parameters())
        inner = self.inner_loss(x, intention)
        slopes = torch.autograd.grad(inner, list(parameters.values()), create_graph=True)
        moved = {n: p - self._settings.eta * g for (n, p), g in zip(parameters.items(), slopes, strict=True)}
        mean, std = self.perturbed(fresh, moved)
        noise = torch.randn(mean.shape, generator=self._generator, dtype=mean.dtype)
        action = (mean + std * noise).clamp(-1, 1)
        density = (-0.5 * noise**2 - torch.log(std) - 0.919).sum(1)
        return (intention.temperature * density - intention.q(fresh, action)).mean()

    def update(self, x: Any, intention: IntentionPolicy) -> float:
        """Take one step down L; return it."""
        loss = self.inner_loss(x, intention, self._settings.weighting)
        _descend(self._inner_step, loss)
        return float(loss.detach())

    def update_weights(self, x: Any, fresh: Any, intention: IntentionPolicy) -> None:
        """Take one step down J by h's weights."""
        _descend(self._outer_step, self.outer_loss(x, fresh, intention), list(self.weights.parameters()))


def _descend(optimiser: Any, loss: Any, only: list[Any] | None = None) -> None:
    optimiser.zero_grad()
    loss.backward(inputs=only)
    optimiser.step()
