"""Training a Decision Transformer on recorded trajectories in Minari format."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from quintain.agents.policies.decision_transformer import DecisionTransformer, encoded_actions
from quintain.agents.policies.files import save_policy
from quintain.agents.policies.normaliser import Normaliser
from quintain.agents.policies.policy import Policy
from quintain.agents.policies.transformer import DecisionNetwork, Shape
from quintain.errors import ConfigurationError, require
from quintain.seeding import SeedStream
from quintain.training.control.settings import AdamSettings
from quintain.training.control.threads import one_thread
from quintain.training.folder import TrainingRun
from quintain.training.trained import NEW, Trained, require_new

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


class _Windows(NamedTuple):
    """All transitions, each episode preceded by ``context - 1`` empty steps."""

    returns: NDArray[np.float64]
    states: NDArray[np.float64]
    actions: NDArray[np.float32]
    times: NDArray[np.int64]

    def hash(self) -> str:
        """Return a hash of the data, so that a training is not resumed on others."""
        digest = hashlib.blake2b(digest_size=8)
        for column in self:
            digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()


@one_thread()
def train_decision_transformer(
    policy: None,
    source: Any,
    settings: ImitationSettings | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    on_log: Callable[[Mapping[str, Any]], None] | None = None,
    name: str = "decision transformer",
) -> Trained:
    """Train a Decision Transformer (Chen et al. 2021) on a Minari data set.

    The loss is the squared error of the predicted actions, or the cross-entropy of discrete ones, averaged over all
    steps of random windows. Observations are normalised by the statistics of the data.

    Differences: no dropout, GELU instead of ReLU, and fewer, larger steps on a smaller network.

    Args:
        policy: ``None``: the network is new.
        source: A ``minari.MinariDataset``, the id of one in Minari's local storage, or its folder.
        settings: Hyper-parameters of network and training; ``None`` for the defaults.
        seed: Root seed; equal seeds give equal policies, also if a training was killed and resumed. Default: 0.
        out: Run folder: manifest, metrics, checkpoints, and the trained ``policy.npz``. ``None`` writes nothing.
        resume: Continue the training in ``out``. Default: false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        on_log: Called with each row of metrics.
        name: Name of the policy in reports. Default: ``"decision transformer"``.

    Returns:
        The trained policy, which is history-dependent. Its curve has about fifty rows with ``loss``, the mean since the
        row before. Its facts are ``settings``, ``seed``, ``target`` (the return-to-go at the start of an episode), and
        ``data`` (name, and number of episodes and transitions, and their returns).

    Raises:
        ConfigurationError: If there is no such data set, it holds no flat numeric trajectories, or a policy is given.
        MissingDependencyError: If Minari or torch is not installed.
        RecordError: If the folder cannot be written, or holds another run.
    """
    require("torch", "rl", "training a Decision Transformer")
    settings = settings or ImitationSettings()
    require_new(policy, "a Decision Transformer")
    data = _read(source, settings)
    seeds = SeedStream(seed, "decision transformer")
    network = DecisionNetwork.fresh(data.shape, data.bounded, seeds.child("weights").generator())
    with TrainingRun(
        "decision-transformer", env=None, env_kwargs=None, policy=NEW, seed=seed,
        settings=asdict(settings) | {"data": data.facts | {"hash": data.windows.hash()}},
        steps=settings.gradient_steps, out=out, resume=resume, progress=progress, on_log=on_log,
    ) as run:  # fmt: skip
        _fit(network, data.windows, settings, data.discrete, seeds.child("batches").generator(), run)
        trained = Policy(
            DecisionTransformer(
                network, data.action_space, context=settings.context_length, target=data.target, scale=data.scale
            ),
            data.observation_space,
            data.action_space,
            head="categorical" if data.discrete else "scaled" if data.bounded else "deterministic",
            std=None if data.discrete else np.full(data.shape.actions, settings.action_std),
            normaliser=data.normaliser,
            name=name,
        )
        facts = {
            "method": "decision-transformer", "settings": asdict(settings), "seed": seed, "target": data.target,
            "data": data.facts,
        }  # fmt: skip
        if out is not None:
            save_policy(trained, Path(out) / "policy.npz", facts)
        return Trained(trained, facts, tuple(run.curve))


@dataclass(frozen=True, slots=True)
class _Demonstrations:
    """What is learned from: the windows of all episodes, and what the network and the policy have to know of them."""

    windows: _Windows
    shape: Shape
    observation_space: Any
    action_space: Any
    discrete: bool
    bounded: bool
    normaliser: Normaliser
    target: float
    scale: float
    facts: dict[str, Any]


def _read(dataset: Any, settings: ImitationSettings) -> _Demonstrations:
    if settings.hidden_size % settings.n_head or not 0 <= settings.target_quantile <= 1 or settings.context_length < 1:
        raise ConfigurationError(
            f"n_head must divide hidden_size, target_quantile must be in [0, 1] and context_length >= 1, got {settings}"
        )
    source = _open(dataset)
    episodes = list(source.iterate_episodes())
    space = source.action_space
    if not episodes or not isinstance(space, (spaces.Box, spaces.Discrete)):
        raise ConfigurationError(f"{dataset} holds no episodes with flat numeric actions to imitate")
    earned = np.array([float(np.sum(episode.rewards)) for episode in episodes])
    scale = max(float(np.abs(earned).max()), 1e-6)
    seen = np.concatenate([np.asarray(e.observations, np.float64)[:-1] for e in episodes])
    spread = seen.std(0)
    normaliser = Normaliser(seen.mean(0), np.where(spread > 1e-6, spread, 1.0), clip=10.0)
    windows = _windows(episodes, normaliser, space, settings.context_length, scale)
    sizes = settings.hidden_size, settings.n_layer, settings.n_head
    discrete = isinstance(space, spaces.Discrete)
    return _Demonstrations(
        windows,
        Shape(seen.shape[1], windows.actions.shape[1], 1 + int(windows.times.max()), *sizes),
        source.observation_space,
        space,
        discrete,
        not discrete and isinstance(space, spaces.Box) and space.is_bounded(),
        normaliser,
        float(np.quantile(earned, settings.target_quantile)),
        scale,
        {"name": str(source.id), "episodes": len(episodes), "transitions": len(seen),
         "return": {"mean": float(earned.mean()), "std": float(earned.std()), "max": float(earned.max())}},
    )  # fmt: skip


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
) -> _Windows:
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
    return _Windows(*(np.concatenate(column) for column in columns))


def _fit(
    network: DecisionNetwork,
    data: _Windows,
    settings: ImitationSettings,
    discrete: bool,
    rng: np.random.Generator,
    run: TrainingRun,
) -> None:
    """Train the network, from the run's checkpoint on where it has one; about fifty rows, ten with a checkpoint."""
    torch: Any = require("torch", "rl", "training a Decision Transformer")
    parameters = [tensor.requires_grad_(True) for tensor in network.weights.values()]
    optimiser = torch.optim.AdamW(
        parameters, lr=settings.optimiser.learning_rate, weight_decay=settings.optimiser.weight_decay
    )
    steps = settings.gradient_steps
    warm, every = max(1, steps // 20), max(1, steps // 50)
    last_steps = np.flatnonzero(data.times >= 0)
    back = np.arange(1 - settings.context_length, 1)
    losses: list[float] = []
    done, state = run.restore()
    if state is not None:
        with torch.no_grad():
            for tensor, value in zip(parameters, state["weights"], strict=True):
                tensor.copy_(value)
        optimiser.load_state_dict(state["optimiser"])
        rng.bit_generator.state = state["rng"]
    for update in range(done, steps):
        optimiser.param_groups[0]["lr"] = settings.optimiser.learning_rate * min(
            1.0, (update + 1) / warm, (steps - update) / (steps - warm + 1)
        )
        chosen = rng.choice(last_steps, settings.optimiser.batch_size)[:, None] + back
        loss = _loss(network, data, chosen, discrete)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, settings.max_grad_norm)
        optimiser.step()
        losses.append(float(loss.detach()))
        if (update + 1) % every == 0 or update + 1 == steps:
            run.log({"step": update + 1, "loss": float(np.mean(losses))})
            run.show(update + 1, loss=float(np.mean(losses)))
            losses = []
        if (update + 1) % (5 * every) == 0 or update + 1 == steps:
            weights = [tensor.detach().clone() for tensor in parameters]
            rng_state = rng.bit_generator.state
            run.save(update + 1, {"weights": weights, "optimiser": optimiser.state_dict(), "rng": rng_state})
    for tensor in parameters:
        tensor.requires_grad_(False)


def _loss(network: DecisionNetwork, data: _Windows, chosen: NDArray[np.int64], discrete: bool) -> Any:
    """Return the mean loss of the steps of windows whose rows are ``chosen``, shape ``(batch, context)``."""
    torch: Any = require("torch", "rl", "training a Decision Transformer")
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
        return torch.nn.functional.cross_entropy(outputs, actions[valid].argmax(1))
    return torch.nn.functional.mse_loss(outputs, actions[valid])
