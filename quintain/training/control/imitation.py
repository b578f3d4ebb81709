"""Training a Decision Transformer on recorded trajectories in Minari format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.agents.policies.decision_transformer import DecisionTransformer, encoded_actions
from quintain.agents.policies.normaliser import Normaliser
from quintain.agents.policies.policy import Policy
from quintain.agents.policies.transformer import DecisionNetwork, Shape
from quintain.errors import ConfigurationError, require
from quintain.seeding import SeedStream
from quintain.training.control.settings import AdamSettings
from quintain.training.control.threads import one_thread

__all__ = ["ImitationSettings", "train_decision_transformer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImitationSettings:
    """Hyper-parameters of a Decision Transformer and of its training.

    The defaults suit small tasks on one core; the values that Chen et al. (2021) use in MuJoCo tasks stand in brackets.

    Attributes:
        context_length: Time steps in the context window, the current one included, >= 1. Default: 10 [20].
        hidden_size: Length of a token; a multiple of ``n_head``. Default: 64 [128].
        n_layer: Transformer blocks, >= 1. Default: 2 [3].
        n_head: Attention heads per block, >= 1. Default: 2 [1].
        gradient_steps: Updates of the weights, >= 1. Default: 2,000 [100,000].
        optimiser: AdamW. Its learning rate rises linearly over the first 5 % of the updates and then falls linearly to
            0. Default: rate 1e-3 [1e-4], 64 windows per batch [64], weight decay 1e-4 [1e-4].
        max_grad_norm: L2 norm to which gradients are clipped, > 0. Default: 0.25 [0.25].
        target_quantile: The return-to-go at the start of an episode, as a quantile of the returns in the data, in
            [0, 1]. Default: 0.9 [a return chosen for each task].
        action_std: Standard deviation of the action distribution that is assumed around the network's output, in units
            of that output, > 0; continuous actions only. Default: 0.1.
    """

    context_length: int = 10
    hidden_size: int = 64
    n_layer: int = 2
    n_head: int = 2
    gradient_steps: int = 2000
    optimiser: AdamSettings = field(default_factory=lambda: AdamSettings(batch_size=64, weight_decay=1e-4))
    max_grad_norm: float = 0.25
    target_quantile: float = 0.9
    action_std: float = 0.1


class _Data(NamedTuple):
    """All transitions, each episode preceded by ``context - 1`` empty steps."""

    returns: NDArray[np.float64]
    states: NDArray[np.float64]
    actions: NDArray[np.float32]
    times: NDArray[np.int64]


@one_thread()
def train_decision_transformer(
    dataset: Any,
    *,
    settings: ImitationSettings = ImitationSettings(),
    seed: int = 0,
    name: str = "decision transformer",
    progress: Callable[[int, float], None] | None = None,
) -> tuple[Policy, dict[str, Any]]:
    """Train a Decision Transformer (Chen et al. 2021) on a Minari data set.

    The loss is the squared error of the predicted actions, or the cross-entropy of discrete ones, averaged over all
    steps of random windows. Observations are normalised by the statistics of the data.

    Differences: no dropout, GELU instead of ReLU, and fewer, larger steps on a smaller network.

    Args:
        dataset: A ``minari.MinariDataset``, the id of one in Minari's local storage, or its folder.
        settings: Hyper-parameters of network and training.
        seed: Root seed; equal seeds give equal policies. Default: 0.
        name: Name of the policy in reports. Default: ``"decision transformer"``.
        progress: Called about fifty times with the number of updates and the mean loss since the last call.

    Returns:
        The policy, which is history-dependent, and facts: ``settings``, ``seed``, ``target`` (the return-to-go at the
        start of an episode), and ``data`` (name, and number of episodes and transitions, and their returns).

    Raises:
        ConfigurationError: If there is no such data set, or it holds no flat numeric trajectories.
        MissingDependencyError: If Minari or torch is not installed.
    """
    torch = require("torch", "rl", "training a Decision Transformer")
    if settings.hidden_size % settings.n_head or not 0 <= settings.target_quantile <= 1 or settings.context_length < 1:
        raise ConfigurationError(
            f"n_head must divide hidden_size, target_quantile must be in [0, 1] and context_length >= 1, got {settings}"
        )
    source = _open(dataset)
    episodes = list(source.iterate_episodes())
    observation_space, action_space = source.observation_space, source.action_space
    if not episodes or not isinstance(action_space, (spaces.Box, spaces.Discrete)):
        raise ConfigurationError(f"{dataset} holds no episodes with flat numeric actions to imitate")
    earned = np.array([float(np.sum(episode.rewards)) for episode in episodes])
    scale = max(float(np.abs(earned).max()), 1e-6)
    seen = np.concatenate([np.asarray(e.observations, np.float64)[:-1] for e in episodes])
    spread = seen.std(0)
    normaliser = Normaliser(seen.mean(0), np.where(spread > 1e-6, spread, 1.0), clip=10.0)
    target = float(np.quantile(earned, settings.target_quantile))
    data = _windows(episodes, normaliser, action_space, settings.context_length, scale)
    sizes = settings.hidden_size, settings.n_layer, settings.n_head
    shape = Shape(seen.shape[1], data.actions.shape[1], 1 + int(data.times.max()), *sizes)
    discrete = isinstance(action_space, spaces.Discrete)
    bounded = not discrete and isinstance(action_space, spaces.Box) and action_space.is_bounded()
    seeds = SeedStream(seed, "decision transformer")
    network = DecisionNetwork.fresh(shape, bounded, seeds.child("weights").generator())
    _fit(torch, network, data, settings, discrete, seeds.child("batches").generator(), progress)
    policy = Policy(
        DecisionTransformer(network, action_space, context=settings.context_length, target=target, scale=scale),
        observation_space,
        action_space,
        head="categorical" if discrete else "scaled" if bounded else "deterministic",
        std=None if discrete else np.full(data.actions.shape[1], settings.action_std),
        normaliser=normaliser,
        name=name,
    )
    facts = {
        "settings": asdict(settings),
        "seed": seed,
        "target": target,
        "data": {"name": str(source.id), "episodes": len(episodes), "transitions": len(seen),
                 "return": {"mean": float(earned.mean()), "std": float(earned.std()), "max": float(earned.max())}},
    }  # fmt: skip
    return policy, facts


def _open(dataset: Any) -> Any:
    minari = require("minari", "rl", "reading trajectories")
    if isinstance(dataset, minari.MinariDataset):
        return dataset
    folder = Path(dataset)
    try:
        if folder.is_dir():
            inner = folder / "data"
            return minari.MinariDataset(inner if inner.is_dir() else folder)
        return minari.load_dataset(str(dataset))
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"no Minari data set at {str(dataset)!r}: {error}; record one with quintain.evaluate and "
            "quintain.evaluation.minari.to_minari"
        ) from error


def _windows(
    episodes: list[Any], normaliser: Normaliser, space: spaces.Space[Any], context: int, scale: float
) -> _Data:
    columns: list[list[NDArray[Any]]] = [[], [], [], []]
    for episode in episodes:
        rewards = np.asarray(episode.rewards, np.float64)
        to_go = np.cumsum(rewards[::-1])[::-1] / scale
        states = normaliser(np.asarray(episode.observations, np.float64)[:-1])
        actions = encoded_actions(np.asarray(episode.actions), space)
        parts: tuple[NDArray[Any], ...] = (to_go, states, actions, np.arange(len(rewards)))
        for column, part in zip(columns, parts, strict=True):
            empty = np.full((context - 1, *part.shape[1:]), -1 if part.dtype.kind == "i" else 0, part.dtype)
            column += [empty, part]
    return _Data(*(np.concatenate(column) for column in columns))


def _fit(
    torch: Any,
    network: DecisionNetwork,
    data: _Data,
    settings: ImitationSettings,
    discrete: bool,
    rng: np.random.Generator,
    progress: Callable[[int, float], None] | None,
) -> None:
    parameters = [tensor.requires_grad_(True) for tensor in network.weights.values()]
    optimiser = torch.optim.AdamW(
        parameters, lr=settings.optimiser.learning_rate, weight_decay=settings.optimiser.weight_decay
    )
    warm, every = max(1, settings.gradient_steps // 20), max(1, settings.gradient_steps // 50)
    last_steps = np.flatnonzero(data.times >= 0)
    back = np.arange(1 - settings.context_length, 1)
    losses: list[float] = []
    for update in range(settings.gradient_steps):
        optimiser.param_groups[0]["lr"] = settings.optimiser.learning_rate * min(
            1.0, (update + 1) / warm, (settings.gradient_steps - update) / (settings.gradient_steps - warm + 1)
        )
        chosen = rng.choice(last_steps, settings.optimiser.batch_size)[:, None] + back
        times = data.times[chosen]
        valid = torch.from_numpy(times >= 0)
        actions = torch.from_numpy(data.actions[chosen])
        outputs = network(
            torch.as_tensor(data.returns[chosen], dtype=torch.float32),
            torch.as_tensor(data.states[chosen], dtype=torch.float32),
            actions,
            torch.from_numpy(np.maximum(times, 0)),
            valid,
        )[valid]
        if discrete:
            loss = torch.nn.functional.cross_entropy(outputs, actions[valid].argmax(1))
        else:
            loss = torch.nn.functional.mse_loss(outputs, actions[valid])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, settings.max_grad_norm)
        optimiser.step()
        losses.append(float(loss.detach()))
        if progress is not None and ((update + 1) % every == 0 or update + 1 == settings.gradient_steps):
            progress(update + 1, float(np.mean(losses)))
            losses = []
    for tensor in parameters:
        tensor.requires_grad_(False)
