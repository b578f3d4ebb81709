"""Attacks on history-dependent policies."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from attacked_envs import Walk, linear_gaussian
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

torch = pytest.importorskip("torch")

from quintain.agents.policies import Normaliser, Policy, Rollouts, SequencePolicy  # noqa: E402
from quintain.agents.policies.decision_transformer import DecisionTransformer  # noqa: E402
from quintain.agents.policies.transformer import DecisionNetwork, Shape  # noqa: E402
from quintain.attacks import (  # noqa: E402
    FGSMAttack,
    MADAttack,
    MixedAttack,
    RandomAttack,
    RATSettings,
    Schedule,
    TargetAttack,
    train_rat,
)
from quintain.attacks.adversary import ADVERSARY_PPO  # noqa: E402
from quintain.attacks.divergence import MAD  # noqa: E402
from quintain.attacks.episodes import play_attacked  # noqa: E402
from quintain.errors import CapabilityError, ConfigurationError  # noqa: E402

ACTIONS = spaces.Box(-1.0, 1.0, (2,), np.float64)
NORMALISER = Normaliser(np.array([0.1, 0.2, 0.3]), np.array([2.0, 0.5, 1.0]), 10.0)


class Bounded(Walk):
    action_space = ACTIONS


def transformer(context=4):
    """Return a Decision Transformer with large random weights, so that its whole context window matters."""
    torch.set_num_threads(1)
    network = DecisionNetwork.fresh(Shape(3, 2, horizon=20, width=8), True, np.random.default_rng(0))
    for name, tensor in network.weights.items():
        network.weights[name] = 15 * tensor if name.endswith("weight") and tensor.ndim == 2 else tensor
    policy = DecisionTransformer(network, ACTIONS, context=context, target=3.0, scale=5.0)
    space = Walk().observation_space
    return Policy(policy, space, ACTIONS, head="scaled", std=np.full(2, 0.1), normaliser=NORMALISER)


VICTIM = transformer()
ATTACKS = {
    "random": lambda env: RandomAttack(env, VICTIM, epsilon=0.3),
    "mad": lambda env: MADAttack(env, VICTIM, epsilon=0.3, space="normalised"),
    "mad, every third step": lambda env: MADAttack(env, VICTIM, epsilon=0.3, schedule=Schedule(every=3)),
    "fgsm": lambda env: FGSMAttack(env, VICTIM, epsilon=0.3),
    "target": lambda env: TargetAttack(env, VICTIM, linear_gaussian(), epsilon=0.3, steps=5),
}


def play_single(attack, seed):
    """Play three consecutive episodes; return the observations and the actions."""
    env, seen, done = attack(Bounded(5)), [], []
    for episode in range(3):
        player, over = Rollouts(VICTIM, 1), False
        player.reset()
        observation, _ = env.reset(seed=seed if episode == 0 else None)
        while not over:
            action = player.act(observation[None])
            seen.append(observation)
            done.append(action[0])
            observation, reward, _, over, _ = env.step(action[0])
            player.record(action, [reward])
        seen.append(observation)
    return np.array(seen), np.array(done)


def play_vector(attack, seeds, mode):
    env = attack(SyncVectorEnv([lambda: Bounded(5)] * len(seeds), autoreset_mode=mode))
    player, over = Rollouts(VICTIM, len(seeds)), np.zeros(len(seeds), bool)
    player.reset()
    observations, _ = env.reset(seed=list(seeds))
    seen, done = [observations], []
    while len(done) < 15:
        actions = player.act(observations)
        observations, rewards, _, truncated, infos = env.step(actions)
        if not over.any():
            done.append(actions)
        player.record(actions, rewards)
        if mode is AutoresetMode.SAME_STEP and truncated.any():
            seen.append(np.stack(infos["final_obs"]))
            player.reset()
        elif over.any():
            player.reset()
        over = truncated if mode is AutoresetMode.NEXT_STEP else over
        seen.append(observations)
    return np.array(seen)[:18], np.array(done)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("name", ATTACKS)
def test_a_row_of_a_vector_equals_a_single_environment_with_its_seed(name, mode):
    seen, done = play_vector(ATTACKS[name], (7, 8, 9), mode)
    for row in range(3):
        single_seen, single_done = play_single(ATTACKS[name], 7 + row)
        np.testing.assert_allclose(seen[:, row], single_seen, atol=1e-5)
        np.testing.assert_allclose(done[:, row], single_done, atol=1e-5)


def test_the_gradient_is_that_of_the_policy_given_its_history():
    """MAD by hand: the gradient is taken with the window of perturbed observations, executed actions and rewards."""
    env = MADAttack(Bounded(9), VICTIM, epsilon=0.3, steps=3)
    observation, info = env.reset(seed=0)
    twin = Rollouts(VICTIM, 1)
    twin.reset()
    rng = np.random.default_rng(0)
    for step in range(6):
        true = info["attack"]["mad"]["true_observation"]
        moment = twin.policy_at()
        gradients = MAD(moment).ascent(true[None])(observation[None])
        fresh = MAD(without_history()).ascent(true[None])(observation[None])
        assert np.abs(gradients).max() > 1e-4
        action = rng.uniform(-1, 1, 2)
        rollouts = env.perturbation._rollouts
        # The attack has recorded this observation already; the history before it equals ours.
        np.testing.assert_allclose(
            MAD(rollouts.policy_at()).ascent(true[None])(observation[None]), gradients, rtol=1e-4
        )
        if step > 0:
            assert not np.allclose(fresh, gradients, rtol=1e-2)
        twin.observe(observation[None])
        observation, reward, _, _, info = env.step(action)
        twin.record(action[None], [reward])


def without_history():
    rollouts = Rollouts(VICTIM, 1)
    rollouts.reset()
    return rollouts.policy_at()


def test_the_history_holds_perturbed_observations_and_not_the_true_ones():
    env = FGSMAttack(Bounded(9), VICTIM, epsilon=0.3)
    player = Rollouts(VICTIM, 1)
    player.reset()
    observation, info = env.reset(seed=0)
    seen, true = [], []
    for _ in range(4):
        action = player.act(observation[None])
        seen.append(observation)
        true.append(info["attack"]["fgsm"]["true_observation"])
        observation, reward, _, _, info = env.step(action[0])
        player.record(action, [reward])
    for memory in (player._history, env.perturbation._rollouts._history):
        np.testing.assert_allclose(memory._states[0], NORMALISER(np.array(seen[1:])), rtol=1e-6)
        assert np.abs(memory._states[0] - NORMALISER(np.array(true[1:]))).min() > 1e-4
        np.testing.assert_allclose(memory._actions[0, -1], action[0], rtol=1e-6)


def test_rewards_are_subtracted_from_the_target_return():
    player = Rollouts(VICTIM, 1)
    player.reset()
    for reward in (1.0, -0.5):
        action = player.act(np.zeros((1, 3)))
        player.record(action, [reward])
    np.testing.assert_allclose(player._history._returns[0], [3.0, 3.0, 2.0, 2.5])


def test_gradient_attacks_given_the_history_change_the_action_more_than_noise():
    def moved(attack):
        env, player = attack(Bounded(15)), Rollouts(VICTIM, 1)
        player.reset()
        observation, info = env.reset(seed=1)
        total = 0.0
        for _ in range(14):
            moment = player.policy_at()
            true = info["attack"][env.perturbation.name]["true_observation"]
            total += np.abs(moment.act_batch(observation[None]) - moment.act_batch(true[None])).sum()
            action = player.act(observation[None])
            observation, reward, _, _, info = env.step(action[0])
            player.record(action, [reward])
        return total

    noise = moved(ATTACKS["random"])
    assert moved(ATTACKS["fgsm"]) > 1.2 * noise
    assert moved(lambda env: MADAttack(env, VICTIM, epsilon=0.3)) > 1.2 * noise


def test_episodes_under_every_attack_are_reproducible():
    for attack in ATTACKS.values():
        played = play_attacked(lambda: Bounded(5), VICTIM, [1, 2], attack)
        assert played == play_attacked(lambda: Bounded(5), VICTIM, [1, 2], attack)


class Fixed(SequencePolicy):
    """A history-dependent policy whose actions, a linear map, do not depend on the history."""

    def new_history(self, rows):
        return self

    def reset(self, rows):
        pass

    def network(self, rows):
        return linear_gaussian().network

    def observe(self, x, rows):
        pass

    def record(self, actions, rewards, rows):
        pass


def test_a_history_without_influence_changes_nothing():
    plain = linear_gaussian()
    stateful = plain.with_network(Fixed())
    for attack in (
        lambda env, v: MADAttack(env, v, epsilon=0.3),
        lambda env, v: MixedAttack(env, v, plain.action_value, epsilon=0.3),
        lambda env, v: FGSMAttack(env, v, epsilon=0.3),
    ):
        episodes = play_attacked(Walk, plain, [1, 2], lambda env, a=attack: a(env, plain))
        assert play_attacked(Walk, stateful, [1, 2], lambda env, a=attack: a(env, stateful)) == episodes


def test_a_surrogate_attack_uses_the_gradient_of_the_surrogate():
    """The gradient is that of the policy the method was made for, not of the one whose history is recorded."""
    from quintain.attacks import LearnedAttack

    surrogate = Policy(linear_gaussian().network, VICTIM.observation_space, ACTIONS, std=np.full(2, 0.1))
    method = MAD(surrogate)
    env = LearnedAttack(Bounded(9), VICTIM, method, epsilon=0.3)
    direct = LearnedAttack(Bounded(9), surrogate, method, epsilon=0.3)
    np.testing.assert_array_equal(env.reset(seed=0)[0], direct.reset(seed=0)[0])


def test_attacks_on_single_states_refuse_a_history_dependent_victim():
    with pytest.raises(CapabilityError, match=r"intention policy .* history-dependent"):
        TargetAttack(Bounded(), linear_gaussian(), VICTIM, epsilon=0.1)
    limited = lambda: gym.wrappers.TimeLimit(Bounded(60), 60)  # noqa: E731
    with pytest.raises((CapabilityError, ConfigurationError)):
        train_rat(limited, VICTIM, epsilon=0.1, settings=RATSettings(steps=100, segment_length=10))


@pytest.mark.parametrize("kind", ["sa-rl", "pa-ad"])
def test_an_adversary_is_trained_against_the_history_dependent_policy(kind, monkeypatch):
    """The history starts empty in each episode of the training."""
    pytest.importorskip("stable_baselines3")
    from quintain.attacks import AdversarySettings, LearnedAttack, train_adversary
    from quintain.attacks.adversary_envs import AdversaryEnvs

    times = []
    step = AdversaryEnvs.step

    def watched(envs, actions):
        result = step(envs, actions)
        times.append(envs.rollouts._history._time.copy())
        return result

    monkeypatch.setattr(AdversaryEnvs, "step", watched)
    settings = AdversarySettings(steps=64, ppo=replace(ADVERSARY_PPO, n_envs=2, n_steps=16, batch_size=16))
    adversary = train_adversary(lambda: Bounded(5), VICTIM, kind=kind, epsilon=0.3, settings=settings)
    np.testing.assert_array_equal(np.array(times)[:10, 0], [1, 2, 3, 4, 0] * 2)
    played = play_attacked(
        lambda: Bounded(5), VICTIM, [1, 2], lambda env: LearnedAttack(env, VICTIM, adversary, epsilon=0.3)
    )
    assert max(e.distance for e in played) <= 0.3
