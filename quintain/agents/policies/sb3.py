"""The networks inside Stable-Baselines3 models, under common names."""

from __future__ import annotations

from typing import Any

import numpy as np

from quintain.agents.policies.networks import ActionValue, as_network
from quintain.errors import ConfigurationError

__all__ = ["parts_of"]


def parts_of(model: Any) -> dict[str, Any]:
    """Return the arguments of :class:`~quintain.agents.policies.policy.Policy` that are networks.

    Actor-critic policies (PPO, A2C, TRPO) have a Gaussian or categorical head and V; SAC and TQC a squashed Gaussian
    head and Q; TD3 and DDPG a scaled deterministic head and Q; DQN and QRDQN a greedy head. Of quantile critics and
    networks Q is the mean of the quantiles.

    Args:
        model: A trained Stable-Baselines3 or sb3-contrib model; its policy is moved to the CPU and set to evaluation.

    Raises:
        ConfigurationError: If its policy is none of these.
    """
    policy = model.policy.to("cpu").eval()
    if hasattr(policy, "action_net") and hasattr(policy, "mlp_extractor"):
        if hasattr(policy, "lstm_actor"):
            raise ConfigurationError("recurrent policies are not supported; use a feed-forward policy")
        if policy.use_sde:
            raise ConfigurationError(
                "state-dependent exploration has no plain standard deviation; train with use_sde=False"
            )
        return _actor_critic(policy)
    if hasattr(policy, "actor") and hasattr(policy, "critic"):
        return _off_policy(policy)
    if hasattr(policy, "q_net"):
        network = policy.q_net
        return {"network": as_network(*_features(network.features_extractor), network.q_net), "head": "greedy"}
    if hasattr(policy, "quantile_net"):
        network = policy.quantile_net
        mean = _mean_of_quantiles(network.quantile_net, network.n_quantiles)
        return {"network": as_network(*_features(network.features_extractor), *mean), "head": "greedy"}
    raise ConfigurationError(
        f"cannot make a policy of a {type(policy).__name__}; use PPO, A2C, TRPO, SAC, TQC, TD3, DDPG, DQN or QRDQN"
    )


def _actor_critic(policy: Any) -> dict[str, Any]:
    from gymnasium import spaces

    discrete = isinstance(policy.action_space, spaces.Discrete)
    if not discrete and not isinstance(policy.action_space, spaces.Box):
        raise ConfigurationError(f"a policy acts in Discrete or Box spaces, not {policy.action_space}")
    body = policy.mlp_extractor
    actor = as_network(*_features(policy.pi_features_extractor), body.policy_net, policy.action_net)
    head = "categorical" if discrete else "squashed" if policy.squash_output else "gaussian"
    return {
        "network": actor,
        "head": head,
        "std": None if discrete else np.exp(policy.log_std.detach().numpy().astype(np.float64)),
        "value": as_network(*_features(policy.vf_features_extractor), body.value_net, policy.value_net),
    }


def _off_policy(policy: Any) -> dict[str, Any]:
    actor = policy.actor
    features = _features(actor.features_extractor)
    heads = getattr(policy.critic, "q_networks", None) or policy.critic.quantile_critics
    # Critics read features and action side by side, so only a plain flattening may come before.
    plain = not _features(policy.critic.features_extractor)
    parts: dict[str, Any] = {"action_value": ActionValue([as_network(q) for q in heads]) if plain else None}
    if not hasattr(actor, "latent_pi"):
        return parts | {"network": as_network(*features, actor.mu), "head": "scaled"}
    if actor.use_sde:
        raise ConfigurationError(
            "state-dependent exploration has no plain standard deviation; train with use_sde=False"
        )
    return parts | {
        "network": as_network(*features, actor.latent_pi, actor.mu),
        "head": "squashed",
        "std": as_network(*features, actor.latent_pi, actor.log_std),
    }


def _mean_of_quantiles(network: Any, quantiles: int) -> list[Any]:
    """Return a quantile network's layers with the mean over the quantiles, which is linear, in the last one."""
    import torch

    *body, last = network
    mean = torch.nn.Linear(last.in_features, last.out_features // quantiles)
    with torch.no_grad():
        mean.weight.copy_(last.weight.view(quantiles, -1, last.in_features).mean(dim=0))
        mean.bias.copy_(last.bias.view(quantiles, -1).mean(dim=0))
    return [*body, mean]


def _features(extractor: Any) -> tuple[Any, ...]:
    """Return the features extractor as modules that read rows, none if it only flattens them."""
    import torch
    from gymnasium import spaces
    from stable_baselines3.common.torch_layers import CombinedExtractor, FlattenExtractor

    if type(extractor) is FlattenExtractor:
        return ()
    space = extractor._observation_space
    if not isinstance(space, spaces.Dict):
        return (extractor,)
    if type(extractor) is CombinedExtractor and all(
        type(part) is torch.nn.Flatten for part in extractor.extractors.values()
    ):
        return ()

    class FromRows(torch.nn.Module):  # type: ignore[misc]  # torch is not typed here
        """Hands rows to an extractor as the dictionaries of which they are made."""

        def __init__(self) -> None:
            super().__init__()
            self.extractor = extractor

        def forward(self, rows: Any) -> Any:
            shapes = {name: part.shape or () for name, part in space.items()}
            columns = rows.split([int(np.prod(shape)) for shape in shapes.values()], dim=1)
            parts = zip(shapes.items(), columns, strict=True)
            return self.extractor({name: some.reshape(-1, *shape) for (name, shape), some in parts})

    return (FromRows(),)
