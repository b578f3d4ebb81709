"""Measure attacks on policies: victim steps per CPU second under attack, and the overhead of the wrapper.

Sixteen HalfCheetah-v5 environments and a 64x64 tanh actor-critic are attacked by Quintain and by others. The first
reference is the algorithm of the repositories of SA-PPO and ATLA, which attacks one environment after the other with
autograd; the second is the same code on the whole batch; the third, where it is installed, is the Adversarial
Robustness Toolbox (ART): its FGSM, and its PGD on MAD's loss with as many steps. Everything is measured with the
simulator in the loop, and then for the attack alone.

Rounds are interleaved in one process, and ratios are taken within a round, so that other load on the machine affects
all alike. Times are CPU seconds.

    python benchmarks/attacks.py                     # needs the extras mujoco and rl
    python benchmarks/attacks.py --rounds 9 --env Hopper-v5
    pip install adversarial-robustness-toolbox       # for the column of ART
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import SyncVectorEnv

from quintain.agents.policies import ActionValue, as_network
from quintain.attacks import (
    CriticAttack,
    FGSMAttack,
    MADAttack,
    MixedAttack,
    Normaliser,
    NullAttack,
    RandomAttack,
    RobustSarsaAttack,
    Victim,
)

ENVS = 16
EPSILON = 0.15
STEPS = 10


class Networks:
    """An actor, two critics and running statistics, as a reference implementation holds them."""

    def __init__(self, observations: int, actions: int) -> None:
        torch.manual_seed(0)
        self.actor = self._mlp(observations, actions)
        self.value = self._mlp(observations, 1)
        self.q = self._mlp(observations + actions, 1)
        self.std = torch.full((actions,), 0.6)
        self.mean, self.scale = np.full(observations, 0.1), np.full(observations, 1.3)
        for parameter in (*self.actor.parameters(), *self.value.parameters(), *self.q.parameters()):
            parameter.requires_grad_(False)

    @staticmethod
    def _mlp(inputs: int, outputs: int) -> torch.nn.Sequential:
        linear, tanh = torch.nn.Linear, torch.nn.Tanh
        return torch.nn.Sequential(linear(inputs, 64), tanh(), linear(64, 64), tanh(), linear(64, outputs))

    def normalise(self, observations: np.ndarray) -> torch.Tensor:
        """Return normalised observations, shape ``(n, d)``."""
        return torch.as_tensor(np.clip((observations - self.mean) / self.scale, -10, 10), dtype=torch.float32)


class Reference:
    """The attacks in plain torch, in normalised space, on a batch of any size."""

    def __init__(self, networks: Networks) -> None:
        self.networks = networks

    def perturb(self, kind: str, x: torch.Tensor) -> torch.Tensor:
        """Return perturbed observations for ``x``, shape ``(n, d)``."""
        n = self.networks
        eta = EPSILON / 10
        if kind == "random":
            return x + (2 * torch.rand_like(x) - 1) * EPSILON
        clean = n.actor(x)
        precision = n.std.mean() / n.std

        def loss(point: torch.Tensor) -> torch.Tensor:
            if kind == "critic":
                return -n.value(point).sum()
            mad = ((n.actor(point) - clean) * precision).pow(2).sum()
            if kind in ("mad", "fgsm"):
                return mad
            sarsa = -n.q(torch.cat([x, n.actor(point)], 1)).sum()
            return sarsa if kind == "robust sarsa" else 0.5 * sarsa + 0.5 * mad

        point = x + torch.sign(torch.randn_like(x)) * eta
        for i in range(1 if kind == "fgsm" else STEPS):
            point = point.detach().requires_grad_(True)
            (gradient,) = torch.autograd.grad(loss(point), point)
            if kind == "mad":
                gradient = gradient + torch.randn_like(x) * (2 * eta) ** 0.5 / (i + 2)
            step = EPSILON if kind == "fgsm" else eta
            point = torch.max(torch.min(point + step * torch.sign(gradient), x + EPSILON), x - EPSILON)
        return point.detach()

    def act(self, kind: str, observations: np.ndarray, one_by_one: bool) -> np.ndarray:
        """Return the actions on perturbed observations."""
        x = self.networks.normalise(observations)
        if one_by_one:
            with_grad = [self.networks.actor(self.perturb(kind, row[None])) for row in x]
            return torch.cat(with_grad).numpy()
        return self.networks.actor(self.perturb(kind, x)).numpy()


class Toolbox:
    """ART's attacks on the same networks: FGSM, and PGD with as many steps and the same step length as MAD."""

    def __init__(self, networks: Networks) -> None:
        from art.attacks.evasion import FastGradientMethod, ProjectedGradientDescent
        from art.estimators.regression.pytorch import PyTorchRegressor

        precision = networks.std.mean() / networks.std

        class Difference(torch.nn.Module):
            """MAD's loss; ART passes flat arrays."""

            reduction = "sum"

            def forward(self, outputs: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
                change = (outputs - clean.reshape(-1)).reshape(-1, len(precision))
                return (change * precision).pow(2).sum()

        self.networks = networks
        shape = (len(networks.mean),)
        model = PyTorchRegressor(networks.actor, loss=Difference(), input_shape=shape, device_type="cpu")
        common: dict[str, Any] = {"norm": np.inf, "eps": EPSILON, "batch_size": ENVS}
        self.attacks = {
            "fgsm": FastGradientMethod(model, eps_step=EPSILON, num_random_init=1, **common),
            "mad": ProjectedGradientDescent(model, eps_step=EPSILON / 10, max_iter=STEPS, verbose=False, **common),
        }

    def perturb(self, kind: str, x: torch.Tensor) -> torch.Tensor:
        """Return perturbed observations for ``x``, shape ``(n, d)``."""
        clean = self.networks.actor(x)
        if kind == "mad":  # ART's PGD starts at x itself, where the loss is flat, so the target is shifted slightly
            clean = clean + 1e-3 * torch.randn_like(clean)
        return torch.from_numpy(self.attacks[kind].generate(x=x.numpy(), y=clean.numpy()))

    def act(self, kind: str, observations: np.ndarray) -> np.ndarray:
        """Return the actions on perturbed observations."""
        return self.networks.actor(self.perturb(kind, self.networks.normalise(observations))).numpy()


def toolbox(networks: Networks) -> Toolbox | None:
    try:
        return Toolbox(networks)
    except ModuleNotFoundError as error:
        print(f"(no column of ART: {error})")
        return None


def make_env(name: str) -> SyncVectorEnv:
    return SyncVectorEnv([lambda: gym.make(name, disable_env_checker=True)] * ENVS)


def cpu_seconds(run: Callable[[], None]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def under_attack(env: Any, act: Callable[[np.ndarray], np.ndarray], steps: int) -> Callable[[], None]:
    def run() -> None:
        observations, _ = env.reset(seed=0)
        for _ in range(steps):
            observations, *_ = env.step(np.clip(act(observations), -1, 1))

    return run


def repeated(work: Callable[[], Any], times: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(times):
            work()

    return run


def attacks(name: str, rounds: int, steps: int) -> None:
    probe = gym.make(name)
    networks = Networks(probe.observation_space.shape[0], probe.action_space.shape[0])
    critic = ActionValue([as_network(networks.q)])
    victim = Victim.from_module(
        networks.actor, probe.observation_space, probe.action_space, std=networks.std.numpy(), value=networks.value,
        normaliser=Normaliser(networks.mean, networks.scale, 10.0),
    )  # fmt: skip
    options: dict[str, Any] = {"epsilon": EPSILON, "space": "normalised"}
    ours = {
        "random": lambda env: RandomAttack(env, victim, **options),
        "fgsm": lambda env: FGSMAttack(env, victim, **options),
        "critic": lambda env: CriticAttack(env, victim, steps=STEPS, **options),
        "mad": lambda env: MADAttack(env, victim, steps=STEPS, **options),
        "robust sarsa": lambda env: RobustSarsaAttack(env, victim, critic, steps=STEPS, **options),
        "rs+mad": lambda env: MixedAttack(env, victim, critic, steps=STEPS, **options),
    }
    reference, art = Reference(networks), toolbox(networks)
    title = f"{name}, {ENVS} environments, {STEPS} gradient steps"
    heading = f"{'attack':14} {'Quintain':>10} {'one by one':>11} {'batched':>9} {'ART':>9}   times faster than each"

    def row(kind: str, runs: list[Callable[[], None]]) -> None:
        times = [[cpu_seconds(run) for run in runs] for _ in range(rounds)]
        rates = [ENVS * steps / statistics.median(column) for column in zip(*times, strict=True)]
        ratios = [statistics.median(t[i] / t[0] for t in times) for i in range(1, len(runs))]
        shown = "".join(f"{r:{w},.0f}" for r, w in zip(rates, (11, 12, 10, 10), strict=False))
        times_faster = "  ".join(f"{ratio:.1f}x" for ratio in ratios)
        print(f"{kind:14}{shown}{'' if len(runs) > 3 else ' ' * 9 + '-'}   {times_faster}", flush=True)

    print(f"\nVictim steps per CPU second under attack: {title}\n{heading}")
    for kind, wrap in ours.items():
        runs = [
            under_attack(wrap(make_env(name)), victim.act_batch, steps),
            under_attack(make_env(name), lambda o, k=kind: reference.act(k, o, True), steps),
            under_attack(make_env(name), lambda o, k=kind: reference.act(k, o, False), steps),
        ]
        if art is not None and kind in art.attacks:
            runs.append(under_attack(make_env(name), lambda o, k=kind: art.act(k, o), steps))
        row(kind, runs)

    print(f"\nObservations attacked per CPU second, without the simulator and the policy's action: {title}\n{heading}")
    observations = np.random.default_rng(0).normal(size=(ENVS, *probe.observation_space.shape))
    x, rows = networks.normalise(observations), np.arange(ENVS)
    for kind, wrap in ours.items():
        attacked = wrap(make_env(name))
        attacked.reset(seed=0)
        runs = [
            repeated(lambda a=attacked: a.perturbation.apply(observations, rows), steps),
            repeated(lambda k=kind: [reference.perturb(k, one[None]) for one in x], steps),
            repeated(lambda k=kind: reference.perturb(k, x), steps),
        ]
        if art is not None and kind in art.attacks:
            runs.append(repeated(lambda k=kind: art.perturb(k, x), steps))
        row(kind, runs)


def overhead(name: str, rounds: int, steps: int) -> None:
    bare, wrapped = make_env(name), NullAttack(make_env(name))
    actions = np.random.default_rng(0).uniform(-1, 1, (16, *bare.action_space.shape)).astype(np.float32)
    bare.reset(seed=0)
    wrapped.reset(seed=0)

    def stepping(env: Any) -> Callable[[], None]:
        def run() -> None:
            for i in range(steps):
                env.step(actions[i % 16])

        return run

    ratios = []
    for number in range(rounds):  # the order alternates, so that neither always runs on the warmer cache
        pair = (wrapped, bare) if number % 2 else (bare, wrapped)
        seconds = {id(env): cpu_seconds(stepping(env)) for env in pair}
        ratios.append(seconds[id(wrapped)] / seconds[id(bare)])
    ratios.sort()
    middle = statistics.median(ratios)
    low, high = ratios[rounds // 4] - 1, ratios[-1 - rounds // 4] - 1
    print(f"\nNull attack over bare vector stepping, {name}, {ENVS} environments: {middle - 1:+.1%} CPU time")
    print(f"(the middle half of {rounds} rounds lies between {low:+.1%} and {high:+.1%})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", default="HalfCheetah-v5")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60, help="vector steps per round")
    options = parser.parse_args()
    torch.set_num_threads(1)
    attacks(options.env, options.rounds, options.steps)
    overhead(options.env, 4 * options.rounds, 10 * options.steps)


if __name__ == "__main__":
    main()
