"""How robust is my policy? Evaluate a torch module in an environment under attacks.

The policy here is a hand-written controller for MountainCarContinuous-v0, as a torch module; replace it by your own
(a Stable-Baselines3 model: ``Victim.from_sb3(model)``). Needs the extra ``rl``. Takes about half a minute.
``--out`` writes a run folder, which can be resumed; with the extra ``report`` it contains a page.

    python examples/robustness_own_policy.py
    python examples/robustness_own_policy.py --out runs/mine
"""

import argparse

import gymnasium as gym
import torch

from quintain.attacks import Normaliser, Victim
from quintain.experiments.robustness import robustness


def my_policy() -> torch.nn.Module:
    """Return a controller that pushes in the direction of the velocity."""
    module = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Tanh())
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[0.0, 3.0]]))
        module[0].bias.fill_(0.05)
    return module


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="fewer episodes")
    parser.add_argument("--out", help="run folder")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    env = gym.make("MountainCarContinuous-v0")
    # Position and velocity differ in scale, so the budget is in units of their standard deviations.
    spread = Normaliser(mean=[-0.5, 0.0], scale=[0.3, 0.03])
    victim = Victim.from_module(my_policy(), env.observation_space, env.action_space, std=[0.5], normaliser=spread)
    table = robustness(
        "MountainCarContinuous-v0", victim, ["random", "fgsm", "mad"], [0.1, 0.3, 1.0], space="normalised",
        episodes=3 if arguments.small else 20, out=arguments.out,
    )  # fmt: skip
    print(table.to_markdown())


if __name__ == "__main__":
    main()
