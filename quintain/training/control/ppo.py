"""Training a policy with Stable-Baselines3's PPO, and keeping its best checkpoint."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from quintain.agents.policies.files import save_policy
from quintain.agents.policies.policy import Policy
from quintain.envs.making import env_name
from quintain.errors import RecordError, require
from quintain.seeding import SeedStream
from quintain.training.checkpoints import own_random_numbers, random_state, set_random_state
from quintain.training.control.episodes import Episode, play_episodes
from quintain.training.control.replayed import Replayed
from quintain.training.control.settings import PPOSettings, PPOTrainingSettings
from quintain.training.control.threads import one_thread
from quintain.training.folder import TrainingRun
from quintain.training.sources import Worlds
from quintain.training.trained import NEW, Trained, require_new

__all__ = ["SEED_NAME", "make_ppo", "measure_policy", "success_rate", "train_ppo"]

#: First name of the seed streams of reference policies. It is part of every seed, so it has to stay as it is.
SEED_NAME = "policy"


def make_ppo(
    env: Any,
    settings: PPOSettings,
    *,
    seed: int,
    policy: Any = "MlpPolicy",
    learning_rate: float | Callable[[float], float] | None = None,
    algorithm: Any = None,
) -> Any:
    """Make an untrained model of Stable-Baselines3's PPO, on the CPU.

    Args:
        env: A ``VecEnv`` of Stable-Baselines3 with ``settings.n_envs`` environments.
        settings: PPO hyper-parameters, named as in Stable-Baselines3.
        seed: Seed of the model's initial weights and of its random numbers, >= 0; reduced modulo 2**31.
        policy: Policy class of Stable-Baselines3, or its name. Default: ``"MlpPolicy"``.
        learning_rate: Step size of Adam, or a function from the share of the training that is left, in [0, 1], to it.
            Default: ``settings.learning_rate``.
        algorithm: A subclass of ``stable_baselines3.PPO``. Default: that class.

    Returns:
        The model; ``learn`` trains it.

    Raises:
        MissingDependencyError: If Stable-Baselines3 is not installed.
    """
    sb3 = require("stable_baselines3", "rl", "training with PPO")
    torch = require("torch", "rl", "training with PPO")
    model = (algorithm or sb3.PPO)(
        policy,
        env,
        learning_rate=settings.learning_rate if learning_rate is None else learning_rate,
        n_steps=settings.n_steps,
        batch_size=settings.batch_size,
        n_epochs=settings.n_epochs,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        clip_range=settings.clip_range,
        ent_coef=settings.ent_coef,
        vf_coef=settings.vf_coef,
        max_grad_norm=settings.max_grad_norm,
        seed=seed % 2**31,
        policy_kwargs={
            "net_arch": list(settings.net_arch),
            "activation_fn": {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[settings.activation_fn],
            "log_std_init": settings.log_std_init,
            "ortho_init": settings.ortho_init,
        },
        device="cpu",
    )
    return _quiet(model)


def _quiet(model: Any) -> Any:
    """Keep the model's metrics in memory: Stable-Baselines3 makes a folder in the system's temporary one for them."""
    logger = require("stable_baselines3.common.logger", "rl", "training with PPO")
    model.set_logger(logger.Logger(folder=None, output_formats=[]))
    return model


@one_thread()
def train_ppo(
    policy: None,
    source: Worlds,
    settings: PPOTrainingSettings | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
    on_log: Callable[[Mapping[str, Any]], None] | None = None,
    name: str = "",
) -> Trained:
    """Train a policy with PPO and return its best checkpoint.

    Returns oscillate during training. So the policy is evaluated every ``eval_freq`` steps on the same episodes, and
    the checkpoint with the highest success rate is kept; among equal ones, that with the highest mean return. Equal
    seeds and settings give equal policies, and so does a training that was killed and resumed: environments play their
    current episodes again as far as they were, for which they have to draw all random numbers from ``np_random``.

    Args:
        policy: ``None``: the networks are new.
        source: The environment.
        settings: Settings; ``None`` for the defaults.
        seed: Root seed of networks, environments and minibatches. Default: 0.
        out: Run folder: manifest, metrics, checkpoints, and the trained ``policy.npz``; the episodes are not recorded.
            ``None`` writes nothing.
        resume: Continue the training in ``out``. Default: false.
        progress: Show a progress bar; ``None`` shows it where there is a terminal.
        on_log: Called with the metrics of each evaluation.
        name: Name of the policy in reports. Default: the environment's id.

    Returns:
        The trained :class:`~quintain.agents.policies.policy.Policy`. Its curve has a row per evaluation: ``reward``
        (mean return) and, where the environment reports it, ``success`` (rate in [0, 1]). Its facts hold what
        :func:`measure_policy` returns.

    Raises:
        ConfigurationError: If a policy is given.
        MissingDependencyError: If Stable-Baselines3 is not installed.
        RecordError: If the folder cannot be written, holds another run, or holds a training that cannot be continued
            because the environment does not repeat itself.
    """
    require("stable_baselines3", "rl", "training with PPO")
    settings = settings or PPOTrainingSettings()
    require_new(policy, "PPO")
    seeds = SeedStream(seed, SEED_NAME)
    with own_random_numbers(), ExitStack() as stack:
        run = stack.enter_context(TrainingRun(
            "ppo", env=source.env, env_kwargs=source.env_kwargs, policy=NEW, seed=seed, settings=asdict(settings),
            steps=settings.steps, out=out, resume=resume, progress=progress, on_log=on_log,
        ))  # fmt: skip
        _, state = run.restore()
        learner = Learner(source, settings, seeds.child("training").seed, state)
        stack.callback(learner.close)
        best: tuple[tuple[float, float], Policy] | None = None if state is None else state["best"]
        eval_seeds = [seeds.child("evaluation")[i] for i in range(settings.n_eval_episodes)]
        while learner.steps < settings.steps:
            learner.learn(min(settings.eval_freq, settings.steps - learner.steps))
            trained = Policy.from_sb3(learner.model, name=name or env_name(source.env))
            episodes = play_episodes(source.make, trained, eval_seeds)
            reward, success = float(np.mean([e.reward for e in episodes])), success_rate(episodes)
            score = (success or 0.0, reward)
            if best is None or score > best[0]:
                best = score, trained
            run.log({"step": learner.steps, "reward": reward} | ({} if success is None else {"success": success}))
            run.show(learner.steps, reward=reward)
            run.save(learner.steps, learner.state() | {"best": best})
        assert best is not None
        facts = {"method": "ppo", "seed": seed, "steps": learner.steps, "settings": asdict(settings)}
        facts |= measure_policy(source.make, best[1], seed, 5 * settings.n_eval_episodes)
        if out is not None:
            save_policy(best[1], Path(out) / "policy.npz", facts)
        return Trained(best[1], facts, tuple(run.curve))


class Learner:
    """A model of Stable-Baselines3's PPO and its environments, at the beginning or in the middle of a training.

    Args:
        source: The environment.
        settings: Settings of the training.
        seed: Seed of weights, environments and random numbers.
        state: What :meth:`state` of an earlier learner returned; ``None`` for a new one.

    Attributes:
        model: The model.

    Raises:
        RecordError: If an environment does not repeat the episode that it was in.
    """

    def __init__(
        self, source: Worlds, settings: PPOTrainingSettings, seed: int, state: Mapping[str, Any] | None
    ) -> None:
        wrappers = require("stable_baselines3.common.vec_env", "rl", "training with PPO")
        make = [lambda: Replayed(source.make())] * settings.ppo.n_envs
        self._rows = wrappers.DummyVecEnv(make)
        if state is None:
            self._venv = wrappers.VecNormalize(self._rows, gamma=settings.ppo.gamma)
            self.model = make_ppo(self._venv, settings.ppo, seed=seed)
            return
        self._venv = pickle.loads(state["venv"])
        self._venv.set_venv(self._rows)
        self._venv.returns = state["returns"]
        sb3 = require("stable_baselines3", "rl", "training with PPO")
        saved = io.BytesIO(state["model"])
        self.model = _quiet(sb3.PPO.load(saved, env=self._venv, device="cpu", force_reset=False))
        seen = [env.replay(past) for env, past in zip(self._rows.envs, state["episodes"], strict=True)]
        if not np.array_equal(self._venv.normalize_obs(np.stack(seen)), self.model._last_obs):
            raise RecordError(
                "the training cannot be continued: the environment does not repeat an episode from equal random "
                "numbers and actions"
            )
        set_random_state(state["random"])

    @property
    def steps(self) -> int:
        """Environment steps that are done."""
        return int(self.model.num_timesteps)

    def learn(self, steps: int) -> None:
        """Take at least so many environment steps, up to the end of a rollout."""
        self.model.learn(steps, reset_num_timesteps=self.steps == 0)

    def state(self) -> dict[str, Any]:
        """Return what another learner continues from."""
        buffer = io.BytesIO()
        self.model.save(buffer)
        return {
            "model": buffer.getvalue(),
            "venv": pickle.dumps(self._venv),
            "returns": self._venv.returns,
            "episodes": [env.past() for env in self._rows.envs],
            "random": random_state(),
        }

    def close(self) -> None:
        """Close the environments."""
        self._venv.close()


def measure_policy(
    make_env: Callable[[], gym.Env[Any, Any]], policy: Policy, seed: int, episodes: int
) -> dict[str, Any]:
    """Measure the performance of a trained policy on test episodes, which did not select its checkpoint.

    Args:
        make_env: Function without arguments that returns a new environment.
        policy: The policy to evaluate.
        seed: Root seed of its training.
        episodes: Number of test episodes, >= 1.

    Returns:
        ``return`` (mean, standard deviation and number of episodes) and ``success`` (rate in [0, 1], or ``None`` where
        the environment reports none).
    """
    tests = SeedStream(seed, SEED_NAME, "test")
    played = play_episodes(make_env, policy, [tests[i] for i in range(episodes)])
    rewards = [e.reward for e in played]
    return {
        "return": {"mean": float(np.mean(rewards)), "std": float(np.std(rewards)), "episodes": len(played)},
        "success": success_rate(played),
    }


def success_rate(episodes: list[Episode]) -> float | None:
    """Return the share of successful episodes among those that report success; ``None`` if none does."""
    flags = [e.success for e in episodes if e.success is not None]
    return float(np.mean(flags)) if flags else None
