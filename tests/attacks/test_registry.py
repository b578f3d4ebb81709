import subprocess
import sys

import numpy as np
import pytest
from attacked_envs import Walk, linear, linear_gaussian
from gymnasium.vector import SyncVectorEnv

from quintain.attacks import (
    ATTACKS,
    Attack,
    AttackContext,
    AttackFacts,
    FGSMAttack,
    LearnedAttack,
    RandomAttack,
    RATSettings,
    Trained,
    attack,
    resolve_attacks,
)
from quintain.errors import ConfigurationError, UnknownNameError
from quintain.registry import load_attribute

VICTIM = linear_gaussian()


def first_observation(env):
    return env.reset(seed=3)[0]


def test_names_functions_and_attack_objects_can_be_mixed():
    mine = lambda env, epsilon: RandomAttack(env, epsilon=epsilon)  # noqa: E731
    (mad,) = resolve_attacks(["mad"])
    found = resolve_attacks({"noise": "random", "mine": mine, "mad": mad})
    assert [one.name for one in found] == ["noise", "mine", "mad"]
    assert [one.facts.sees for one in found] == ["nothing", None, "gradients"]
    assert [one.name for one in resolve_attacks(["fgsm", mad])] == ["fgsm", "mad"]


def test_unknown_names_raise_an_error_with_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean 'sa-rl'"):
        resolve_attacks(["sarl"])
    with pytest.raises(UnknownNameError, match="did you mean 'mad'"):
        attack(Walk(), "madd", VICTIM, epsilon=0.1)
    with pytest.raises(ConfigurationError, match="given twice"):
        resolve_attacks(["mad", "mad"])
    with pytest.raises(ConfigurationError, match="clean"):
        resolve_attacks({"clean": "mad"})
    with pytest.raises(ConfigurationError, match=r"did you mean \['mad'\]"):
        resolve_attacks("mad")


def test_every_attack_is_described():
    for name in ATTACKS:
        facts = ATTACKS.facts(name)
        assert facts.sees in ("nothing", "observations", "policy", "gradients")
        assert facts.touches == "observation"
        assert facts.learned == (facts.steps > 0) == (facts.sees_in_training is not None)
        assert facts.source or name == "random"
    assert ATTACKS.names(learned=False) == ("random", "fgsm", "critic", "mad", "target")
    assert ATTACKS.names(stateless_only=True) == ("robust-sarsa", "rs+mad", "rat")
    assert ATTACKS.facts("rat").access == "observations; gradients in training"
    assert ATTACKS.facts("rat").min_episode_steps == RATSettings().segment_length


def test_facts_are_typed_and_keyword_only():
    with pytest.raises(ConfigurationError, match="learns"):
        ATTACKS.add("mine", RandomAttack, learns=True)
    with pytest.raises(TypeError):
        AttackFacts("nothing", "observation")


def test_every_entry_and_its_training_can_be_imported():
    for name in ATTACKS:
        assert callable(ATTACKS.load(name))
        if ATTACKS.facts(name).learned:
            assert callable(load_attribute(ATTACKS.facts(name).train))


def test_the_registry_imports_no_torch():
    code = "import sys, quintain.attacks.registry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("make", [Walk, lambda: SyncVectorEnv([Walk, Walk])])
def test_attack_wraps_single_and_vector_environments_by_name(make):
    by_name, direct = attack(make(), "fgsm", VICTIM, epsilon=0.2), FGSMAttack(make(), VICTIM, epsilon=0.2)
    np.testing.assert_array_equal(first_observation(by_name), first_observation(direct))


def test_attack_takes_what_training_returned():
    moved = attack(Walk(), "sa-rl", VICTIM, linear(np.zeros((3, 3)), [1.0, 1.0, 1.0]), epsilon=0.2)
    np.testing.assert_allclose(first_observation(moved), first_observation(Walk()) + 0.2)
    with pytest.raises(ConfigurationError, match="adversary"):
        attack(Walk(), "sa-rl", VICTIM, epsilon=0.2)


def test_attacks_of_an_experiment_are_checked_trained_and_applied():
    def train(context):
        return Trained(linear(np.zeros((3, 3)), [context.steps / 10] * 3), {})

    def wrap(env, context, network):
        return LearnedAttack(env, context.victim, network, **context.budget)

    mine = Attack("mine", wrap, AttackFacts(sees="observations", train=train, steps=5))
    context = AttackContext(Walk, VICTIM, 0.2, steps=mine.facts.steps)
    mine.check(context)
    env = mine.wrap(Walk(), context, mine.train(context).network)
    np.testing.assert_allclose(first_observation(env), first_observation(Walk()) + 0.5 * 0.2)
    with pytest.raises(ConfigurationError, match="does not learn"):
        resolve_attacks(["mad"])[0].train(context)
