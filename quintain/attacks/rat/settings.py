"""The knobs of RAT, and the switches of its ablations."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RATSettings"]


@dataclass(frozen=True, slots=True)
class RATSettings:
    """How RAT is trained. Defaults are for small tasks on one core; the paper's values stand in brackets.

    Attributes:
        steps: Environment steps in all.
        envs: Environments played at once.
        explore: Steps of unsupervised exploration at the beginning [5000 after 1000 random ones].
        hidden: Width of the hidden layers, of which there are two [3 x 256].
        batch: Transitions per gradient step [1024].
        learning_rate: Of all networks [3e-4].
        anneal: Share of the steps, at the end, over which learning rates fall to 0; the reward keeps its own (none in
            the paper).
        gamma: Discount.
        tau: How fast target critics follow.
        segment: Steps of a compared segment [50].
        feedback_every: Steps between rounds of feedback [5000].
        queries: Comparisons per round [128].
        labels: Comparisons in all [1000 to 9000].
        ensemble: Reward models [3].
        reward_epochs: Most passes over the labels per round [200]; stops early at 97 % accuracy.
        updates: Gradient steps of each learner per step of all environments.
        outer_every: Adversary updates per update of the weighting function (not given in the paper).
        outer_rate: Learning rate of the weighting function, as a share of ``learning_rate`` (not given). At 1
            nearly all weight goes to a few states of a batch.
        eta: Learning rate of the virtual step through which the outer loss is differentiated (not given).
        weighting: Learn which states matter; without it all weigh the same. Ablation "no h".
        mixed: Let the intention policy finish episodes; without it only the victim acts. Ablation "no combined policy".
        intention: Learn a policy that shows what the attacker wants, and have the victim deceived into following it;
            without it the same soft actor-critic chooses the lies themselves, which is SA-RL on the learned reward, and
            only the victim acts. Ablation "no intention policy".
        oracle: Learn from the attacker's true reward instead of preferences.
    """

    steps: int = 30_000
    envs: int = 8
    explore: int = 2_000
    hidden: int = 64
    batch: int = 128
    learning_rate: float = 1e-3
    anneal: float = 0.0
    gamma: float = 0.95
    tau: float = 0.01
    segment: int = 20
    feedback_every: int = 2_000
    queries: int = 100
    labels: int = 1_000
    ensemble: int = 3
    reward_epochs: int = 100
    updates: int = 4
    outer_every: int = 4
    outer_rate: float = 0.1
    eta: float = 1e-2
    weighting: bool = True
    mixed: bool = True
    intention: bool = True
    oracle: bool = False
