"""Training of the registered attacks that learn: functions from a context to a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from quintain.agents.policies import MLP, Layer, Network
from quintain.attacks.adversary import AdversarySettings, train_adversary
from quintain.attacks.adversary_envs import AdversaryKind, Objective
from quintain.attacks.budget import Ball
from quintain.attacks.constant import Search, search_constant
from quintain.attacks.contract import AttackContext, Trained
from quintain.attacks.mad_surrogate import normaliser_of
from quintain.attacks.rat import RATSettings, train_rat
from quintain.attacks.sarsa import SarsaSettings, train_robust_sarsa
from quintain.attacks.surrogate import SurrogateSettings, train_surrogate

__all__ = [
    "train_constant",
    "train_constant_target",
    "train_pa_ad",
    "train_pa_ad_target",
    "train_rat_attack",
    "train_rat_surrogate",
    "train_sa_rl",
    "train_sa_rl_target",
    "train_sarsa",
]


def _train_adversary(context: AttackContext, kind: AdversaryKind, objective: Objective) -> Trained:
    method: Any = train_adversary(
        context.make_env, context.victim, kind=kind, objective=objective,
        settings=AdversarySettings(steps=context.steps), seed=context.seed, progress=context.progress,
        **context.budget,
    )  # fmt: skip
    return Trained(_as_mlp(method.director if kind == "pa-ad" else method.network), {"steps": context.steps})


_Train = Callable[[AttackContext], Trained]
train_sa_rl: _Train = partial(_train_adversary, kind="sa-rl", objective="return")
train_sa_rl_target: _Train = partial(_train_adversary, kind="sa-rl", objective="target")
train_pa_ad: _Train = partial(_train_adversary, kind="pa-ad", objective="return")
train_pa_ad_target: _Train = partial(_train_adversary, kind="pa-ad", objective="target")


def _train_constant(context: AttackContext, for_attacker: bool) -> Trained:
    """Search for a constant perturbation; the network returns it for every input."""
    direction, facts = search_constant(
        context.make_env, context.victim, ball=Ball(context.epsilon, context.norm), for_attacker=for_attacker,
        settings=Search(steps=context.steps), seed=context.seed, progress=context.progress, norm=context.norm,
        space=context.space,
    )  # fmt: skip
    weight = np.zeros((len(direction), len(direction)), np.float32)
    return Trained(MLP([Layer(weight, direction.astype(np.float32), "identity")]), facts)


train_constant: _Train = partial(_train_constant, for_attacker=False)
train_constant_target: _Train = partial(_train_constant, for_attacker=True)


def train_sarsa(context: AttackContext) -> Trained:
    """Fit the critic of Robust Sarsa."""
    settings = SarsaSettings(transitions=context.steps)
    critic = train_robust_sarsa(context.make_env, context.victim, settings=settings, seed=context.seed)
    return Trained(_as_mlp(critic.networks[0]), {"steps": context.steps})


def train_rat_attack(context: AttackContext) -> Trained:
    """Train RAT; at most an eighth of the steps are spent on exploration, so that short runs learn, too."""
    settings = RATSettings(
        steps=context.steps, exploration_steps=min(RATSettings().exploration_steps, context.steps // 8)
    )
    made = train_rat(
        context.make_env, context.victim, epsilon=context.epsilon, space=context.space, settings=settings,
        seed=context.seed, progress=context.progress,
    )  # fmt: skip
    facts = {"steps": context.steps, "labels": made.labels, "accuracy": made.accuracy, "inner_loss": made.inner_loss}
    return Trained(_as_mlp(made.method.network), facts)


def train_rat_surrogate(context: AttackContext) -> Trained:
    """Train RAT against an imitation with the policy's normaliser, so that its perturbations transfer to the policy.

    The imitation depends on the current observation alone, so that this works for history-dependent policies, too.
    """
    settings = SurrogateSettings(transitions=min(SurrogateSettings().transitions, context.steps))
    imitation = train_surrogate(
        context.make_env, context.victim, settings=settings, normaliser=normaliser_of(context.victim),
        seed=context.seed,
    )  # fmt: skip
    network, facts = train_rat_attack(replace(context, victim=imitation.policy))
    return Trained(network, {**facts, "error": imitation.error, "baseline": imitation.baseline})


def _as_mlp(network: Network) -> MLP:
    assert isinstance(network, MLP)
    return network
