"""Checks before an attack is trained or played: each requirement separately, met and not met."""

import gymnasium as gym
import numpy as np
import pytest
from attacked_envs import ACTIONS, STATES, Walk, linear, linear_gaussian
from gymnasium import spaces

from quintain.attacks import ATTACKS
from quintain.attacks.contract import Attack, AttackContext, AttackFacts, Trained
from quintain.attacks.defences import smooth_observations
from quintain.errors import CapabilityError, ConfigurationError

WRAPPED = []


def wrap(env, context, network):
    WRAPPED.append((env.num_envs, network))
    return env


def limited(steps):
    spec = gym.envs.registration.EnvSpec("Walk-v0", max_episode_steps=steps)

    def make():
        env = Walk()
        env.spec = spec
        return env

    return make


class Rewarded(Walk):
    def step(self, action):
        *rest, info = super().step(action)
        return (*rest, {**info, "attacker_reward": 1.0})


def unbounded():
    policy = linear_gaussian()
    policy.action_space = spaces.Box(-np.inf, np.inf, (2,), np.float64)
    return policy


def check(facts, victim=None, make_env=Walk, **options):
    Attack("probe", wrap, AttackFacts(**facts)).check(
        AttackContext(make_env, victim or linear_gaussian(), 0.1, **options)
    )


@pytest.mark.parametrize(
    ("facts", "met", "missed", "error"),
    [
        ({}, {}, {"space": "normalised"}, "normalises nothing"),
        ({}, {"victim": unbounded()}, None, ""),
        ({"needs_bounded_actions": True}, {}, {"victim": unbounded()}, "needs bounded actions"),
        ({"linf_only": True}, {"norm": "linf"}, {"norm": "l2"}, "norm 'linf' only"),
        ({}, {"norm": "l2"}, None, ""),
        ({"needs_intention_policy": True}, {"intention": linear_gaussian()}, {}, "intention="),
        ({"min_episode_steps": 20}, {"make_env": limited(20)}, {"make_env": limited(19)}, "limited to 19"),
        ({"min_episode_steps": 1}, {"make_env": limited(20)}, {}, "limited to 0"),
        ({"needs_attacker_reward": True}, {"make_env": Rewarded}, {}, "attacker_reward"),
        ({"needs": ("value",)}, {}, {"victim": linear_gaussian(value=None)}, "no state value"),
        ({"stateless_only": True}, {}, {"victim": smooth_observations(linear_gaussian())}, "single states"),
        ({}, {"victim": smooth_observations(linear_gaussian())}, None, ""),
    ],
)
def test_each_requirement_of_an_attack_is_checked_separately(facts, met, missed, error):
    WRAPPED.clear()
    check(facts, **met)
    assert WRAPPED == [(1, None)]
    if missed is not None:
        with pytest.raises((CapabilityError, ConfigurationError), match=error):
            check(facts, **missed)
    assert len(WRAPPED) == 1


def test_check_wraps_a_learned_attack_with_a_zero_network():
    WRAPPED.clear()
    check({"train": lambda context: Trained(linear(np.eye(3)), {})})
    ((_, network),) = WRAPPED
    np.testing.assert_array_equal(network(np.ones((2, 3))), np.zeros((2, 3)))


def test_attacks_without_training_function_cannot_be_trained():
    made = Trained(linear(np.eye(3)), {"steps": 1})
    context = AttackContext(Walk, linear_gaussian(), 0.1, norm="l2")
    assert (
        Attack("probe", wrap, AttackFacts(train=lambda given: made if given is context else None)).train(context)
        is made
    )
    with pytest.raises(ConfigurationError, match="does not learn"):
        Attack("probe", wrap).train(context)
    assert context.budget == {"epsilon": 0.1, "norm": "l2", "space": "raw"}
    assert (STATES.shape, ACTIONS.shape) == ((3,), (2,))


def test_access_lists_each_source_once():
    assert AttackFacts().access == "not declared"
    assert (
        AttackFacts(sees="observations", sees_in_training="gradients").access == "observations; gradients in training"
    )
    assert AttackFacts(sees="gradients", sees_in_training="gradients").access == "gradients"
    assert [AttackFacts().learned, AttackFacts(train="a:b").learned] == [False, True]


def test_registered_attacks_have_the_expected_facts():
    """Environment steps of training, whether each budget needs its own, and what is needed beside the policy."""
    learned = {name: facts for name in ATTACKS if (facts := ATTACKS.facts(name)).learned}
    steps = {"mad-surrogate": 20_000, "robust-sarsa": 20_000, "rs+mad": 20_000, "rat": 30_000, "rat-surrogate": 30_000}
    assert {name: facts.steps for name, facts in learned.items()} == {
        name: steps.get(name, 100_000) for name in learned
    }
    assert {name for name, facts in learned.items() if not facts.per_budget} == {
        "mad-surrogate",
        "robust-sarsa",
        "rs+mad",
    }
    rewarded = {name for name, facts in learned.items() if facts.needs_attacker_reward}
    assert rewarded == {name for name in learned if name.endswith("-target")} | {"rat", "rat-surrogate"}
    for name in ATTACKS:
        facts = ATTACKS.facts(name)
        is_rat = name in ("rat", "rat-surrogate")
        assert (facts.min_episode_steps, facts.linf_only, facts.needs_bounded_actions) == (20 * is_rat, is_rat, is_rat)
        assert facts.needs_intention_policy == (name == "target")
        assert facts.stateless_only == (name in ("robust-sarsa", "rs+mad", "rat"))
