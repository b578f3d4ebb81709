"""How robust is my policy? Your environment, your torch module, one table.

The policy here is a hand-written controller for MountainCarContinuous-v0, as a torch module; put your own in its place
(for a Stable-Baselines3 model: ``Victim.from_sb3(model)``). Needs the extra ``rl``. Runs for about half a minute.

    python examples/robustness_own_policy.py
"""

import gymnasium as gym
import torch

from quintain.attacks import FGSMAttack, MADAttack, Normaliser, RandomAttack, Victim
from quintain.evaluation.robustness import robustness


def make() -> gym.Env:
    return gym.make("MountainCarContinuous-v0")


def my_policy() -> torch.nn.Module:
    """Push the way the car is rolling."""
    module = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Tanh())
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[0.0, 3.0]]))
        module[0].bias.fill_(0.05)
    return module


def main() -> None:
    torch.set_num_threads(1)
    env = make()
    # Position and velocity differ in scale, so the budget is declared in units of their spread.
    spread = Normaliser(mean=[-0.5, 0.0], scale=[0.3, 0.03])
    victim = Victim.from_module(my_policy(), env.observation_space, env.action_space, std=[0.5], normaliser=spread)
    attacks = {
        "random": lambda env, epsilon: RandomAttack(env, victim, epsilon=epsilon, space="normalised"),
        "fgsm": lambda env, epsilon: FGSMAttack(env, victim, epsilon=epsilon, space="normalised"),
        "mad": lambda env, epsilon: MADAttack(env, victim, epsilon=epsilon, space="normalised"),
    }
    print(robustness(make, victim, attacks, [0.1, 0.3, 1.0], episodes=20).to_markdown())


if __name__ == "__main__":
    main()
