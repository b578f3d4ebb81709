from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("stable_baselines3")
pytest.importorskip("mujoco")

from quintain.agents.policies import MLP, Layer, Policy
from quintain.attacks import AdversarySettings, Ball, LearnedAttack
from quintain.attacks.adversary import ADVERSARY_PPO
from quintain.attacks.episodes import play_attacked
from quintain.attacks.rat import RATSettings, train_on_preferences
from quintain.errors import EnvironmentFault

FEEDBACK = RATSettings(hidden_size=8, segment_length=10, queries_per_round=10, max_labels=25, max_reward_epochs=2)
SMALL = AdversarySettings(steps=512, ppo=replace(ADVERSARY_PPO, n_envs=4, n_steps=64, batch_size=64, n_epochs=2))


def make():
    return gym.make("Tabletop/Reach-v0", disable_env_checker=True)


def walker():
    """Return a policy that moves straight to the goal: its action is eight times goal minus hand position."""
    env = make()
    weight = np.zeros((2, 6))
    weight[[0, 1], [0, 1]], weight[[0, 1], [4, 5]] = -8, 8
    policy = MLP([Layer(weight, np.zeros(2), "identity")])
    return Policy(policy, env.observation_space, env.action_space, head="gaussian", std=np.full(2, 0.3))


@pytest.mark.parametrize("kind", ["sa-rl", "pa-ad"])
def test_a_baseline_is_reproducible_and_stays_within_labels_and_budget(kind):
    victim = walker()
    options = {"kind": kind, "epsilon": 0.1, "feedback": FEEDBACK, "settings": SMALL}
    one, two, other = (train_on_preferences(make, victim, **options, seed=s) for s in (0, 0, 1))
    assert one.labels == 25
    assert 0 < one.accuracy <= 1
    z, noise = np.full((1, 6), 0.1), np.full((1, 1, 6), 0.01)
    deltas = [trained.method.propose(z, noise, Ball(0.1)) for trained in (one, two, other)]
    np.testing.assert_array_equal(deltas[0], deltas[1])
    if kind == "sa-rl":
        assert not np.array_equal(deltas[0], deltas[2])
    played = play_attacked(make, victim, [1], lambda env: LearnedAttack(env, victim, one.method, epsilon=0.1))
    assert 0 < played[0].distance <= 0.1


def test_an_environment_without_the_attackers_reward_is_refused():
    pendulum = gym.make("Pendulum-v1")
    policy = MLP([Layer(np.ones((1, 3)), np.zeros(1), "identity")])
    victim = Policy(policy, pendulum.observation_space, pendulum.action_space)
    with pytest.raises(EnvironmentFault, match="attacker_reward"):
        train_on_preferences(lambda: gym.make("Pendulum-v1"), victim, epsilon=0.1, feedback=FEEDBACK, settings=SMALL)
