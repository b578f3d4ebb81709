"""Hyper-parameters of RAT and switches of its ablations."""

from __future__ import annotations

from dataclasses import dataclass

from quintain.errors import ConfigurationError

__all__ = ["RATSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RATSettings:
    """Hyper-parameters of RAT (Bai et al. 2025).

    Names are those of Stable-Baselines3's SAC where it has them. Defaults are for small tasks on one core; the paper's
    values stand in brackets, with "not given" where it has none.

    Attributes:
        steps: Environment steps in total, >= 1 (not given). Default: 30,000.
        n_envs: Environments stepped together, >= 1 (not given). Default: 8.
        exploration_steps: Steps of state-entropy exploration at the start, as in PEBBLE [5000 after 1000 random ones].
            Default: 2,000.
        hidden_size: Units of each of the two hidden layers [three of 256]. Default: 64.
        batch_size: Transitions per gradient step [1024]. Default: 128.
        learning_rate: Step size of Adam, of all networks but the weighting function's [3e-4]. Default: 1e-3.
        anneal: Share of the steps, in [0, 1], at the end of training, over which learning rates fall linearly to 0;
            that of the reward stays [0]. Default: 0.
        gamma: Discount factor, in [0, 1] (not given). Default: 0.95, for episodes of about 60 steps.
        tau: Step size of the target critics' moving average, in (0, 1] [0.005 every second step]. Default: 0.01.
        segment_length: Steps of a compared segment [50]. Default: 20.
        feedback_every: Steps between two rounds of comparisons [5000]. Default: 2,000.
        queries_per_round: Maximum number of comparisons per round [128]. Default: 100.
        max_labels: Maximum number of comparisons in the whole training [1000 to 9000]. Default: 1,000.
        ensemble_size: Number of reward networks [3]. Default: 3.
        max_reward_epochs: Maximum number of passes over all labels per round; fitting stops early above 97 % accuracy
            [200]. Default: 100.
        reset_updates: Updates of the intention policy, >= 0, with new critics after the first fit of the reward; 0
            keeps the critics that learned to explore [100]. Default: 100.
        gradient_steps: Gradient steps of each learner per step of all environments (not given). Default: 4.
        outer_every: Updates of the adversary per update of the weighting function, M in the paper (not given).
            Default: 4.
        outer_rate: Learning rate of the weighting function as a multiple of ``learning_rate`` (not given). Default:
            0.1; measured: at 1, a few states of a batch get nearly all the weight.
        eta: Learning rate of the virtual step through which the outer loss is differentiated (not given). Default:
            0.01.
        weighting: Whether states are weighted by the learned function h. ``False`` is the ablation "no h". Default:
            true.
        mixed: Whether the intention policy finishes training episodes from a random step on. ``False``, where only the
            perturbed policy acts, is the ablation "no combined policy". Default: true.
        intention: Whether an intention policy is learned, which the perturbed policy is made to imitate. ``False`` is
            the ablation "no intention policy", with a difference: the soft actor-critic itself chooses perturbations
            (SA-RL on the learned reward), where the paper uses PPO. Default: true.
        oracle: Whether learners receive the attacker's true reward instead of the one learned from comparisons.
            Default: false.

    Raises:
        ConfigurationError: If a count is below 1.
    """

    steps: int = 30_000
    n_envs: int = 8
    exploration_steps: int = 2_000
    hidden_size: int = 64
    batch_size: int = 128
    learning_rate: float = 1e-3
    anneal: float = 0.0
    gamma: float = 0.95
    tau: float = 0.01
    segment_length: int = 20
    feedback_every: int = 2_000
    queries_per_round: int = 100
    max_labels: int = 1_000
    ensemble_size: int = 3
    max_reward_epochs: int = 100
    reset_updates: int = 100
    gradient_steps: int = 4
    outer_every: int = 4
    outer_rate: float = 0.1
    eta: float = 1e-2
    weighting: bool = True
    mixed: bool = True
    intention: bool = True
    oracle: bool = False

    def __post_init__(self) -> None:
        counts = (
            self.steps, self.n_envs, self.hidden_size, self.batch_size, self.segment_length, self.feedback_every,
            self.queries_per_round, self.ensemble_size, self.outer_every,
        )  # fmt: skip
        if min(counts) < 1:
            raise ConfigurationError(f"counts must be >= 1, got {self}")
