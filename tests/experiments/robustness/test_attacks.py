import numpy as np
import pytest
from gymnasium import spaces
from holding import Hold, Long, Silent, linear

from quintain.agents.policies import MLP, DecisionTransformer, Layer, Policy
from quintain.agents.policies.transformer import DecisionNetwork, Shape
from quintain.attacks import resolve_attacks
from quintain.errors import CapabilityError, ConfigurationError
from quintain.experiments.robustness import RobustnessExperiment, make_policy_under_test, robustness

VICTIM = linear(1.0, std=np.ones(1))


def refuse(match, attacks, *, env=Hold, victim=VICTIM, error=ConfigurationError, epsilons=(0.1,), **options):
    """Check that an experiment is refused before any episode."""

    def make(**more):
        made = env(**more)
        step, made.steps = made.step, 0

        def counted(action):
            made.steps += 1
            assert made.steps < 2, "it played"
            return step(action)

        made.step = counted
        return made

    with pytest.raises(error, match=match):
        robustness(make, victim, attacks, epsilons, episodes=2, **options)


def test_invalid_experiments_are_refused_before_any_episode():
    refuse("epsilon must be", ["mad"], epsilons=[-0.1])
    refuse("every epsilon must be given once", ["mad"], epsilons=[0.1, 0.1])
    refuse("every seed must be given once", ["mad"], seed=[1, 1])
    refuse("normalises nothing", ["mad"], space="normalised")
    refuse("normalises nothing", ["mad-surrogate"], space="normalised")
    refuse("norm must be", ["mad"], norm="l1")
    refuse("confidence", ["mad"], confidence=1.5)
    refuse("training steps", ["sa-rl"], attack_steps={"sa-rl": 0})
    refuse("with the behaviour that the attacker wants", ["target"])
    refuse("attacker_reward", ["sa-rl-target"], env=Silent)
    refuse("limited to", ["rat"])
    refuse("linf", ["rat"], norm="l2")
    refuse("does not fit", ["mad"], victim=wide())
    refuse("action_space Discrete.2. does not fit", ["random"], victim=discrete())


def test_incompatible_attacks_name_the_missing_capability():
    refuse("no distribution", ["mad"], victim=linear(1.0), error=CapabilityError)
    refuse("neither V", ["critic"], error=CapabilityError)
    refuse("discrete actions", ["pa-ad"], victim=discrete(), error=CapabilityError)
    refuse("discrete actions", ["robust-sarsa"], victim=discrete(), error=CapabilityError)
    refuse("no gradient", ["fgsm"], victim=linear(1.0, differentiable=False), error=CapabilityError)


@pytest.mark.parametrize(
    "name",
    [
        "robust-sarsa",
        "rs+mad",
        "mad-surrogate",
        "constant",
        "constant-target",
        "sa-rl",
        "sa-rl-target",
        "pa-ad",
        "pa-ad-target",
        "rat",
        "rat-surrogate",
    ],
)
def test_every_attack_that_learns_stays_in_its_budget(name):
    pytest.importorskip("stable_baselines3")
    table = robustness("Robustness/Hold-v0", VICTIM, [name], [0.3], episodes=2, attack_steps={name: 400})
    clean, attacked = table.rows
    assert attacked.attack == name
    assert 0 < attacked.distance <= 0.3
    assert attacked.loss.estimate > 0
    assert clean.loss.estimate == 0


def test_rat_attacks_a_history_dependent_policy_with_a_stateless_surrogate():
    pytest.importorskip("stable_baselines3")
    victim = history_dependent()
    for name in ("rat", "robust-sarsa", "rs+mad"):
        refuse("history-dependent", [name], env=Long, victim=victim, error=CapabilityError)
    steps = {"rat-surrogate": 400}
    (_, attacked) = robustness(
        "Robustness/Hold-v0", victim, ["rat-surrogate"], [0.3], episodes=2, attack_steps=steps
    ).rows
    assert 0 < attacked.distance <= 0.3


def history_dependent():
    """Return an untrained Decision Transformer."""
    network = DecisionNetwork.fresh(Shape(1, 1, horizon=25, width=8), True, np.random.default_rng(0))
    policy = DecisionTransformer(network, Hold.action_space, context=3, target=0.0, scale=1.0)
    return Policy(policy, Hold.observation_space, Hold.action_space, head="scaled", std=np.full(1, 0.1))


def test_the_description_has_the_training_steps():
    subject = make_policy_under_test(Hold, VICTIM)
    described = RobustnessExperiment((subject,), resolve_attacks(["sa-rl"]), (0.1,), steps={"sa-rl": 7}).describe()
    assert described["agent"]["attacks"][0]["training_steps"] == 7


def wide():
    box = spaces.Box(-5, 5, (3,), np.float64)
    return Policy(MLP([Layer(np.ones((1, 3)), np.zeros(1), "identity")]), box, Hold.action_space, std=np.ones(1))


def discrete():
    network = MLP([Layer(np.ones((2, 1)), np.zeros(2), "identity")])
    return Policy(network, Hold.observation_space, spaces.Discrete(2), head="categorical")
