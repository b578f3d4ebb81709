import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from quintain.agents.policies import MLP, Layer, Normaliser, Policy
from quintain.errors import CapabilityError, ConfigurationError

BOX = spaces.Box(-np.inf, np.inf, (3,), np.float32)
ACTIONS = spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 1.0], np.float32))
POLICY = MLP([Layer(np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.zeros(2), "identity")])
OBSERVATIONS = np.array([[0.5, -3.0, 7.0], [9.0, 0.25, 0.0]])


def test_each_head_turns_outputs_into_actions():
    def actions(head):
        return Policy(POLICY, BOX, ACTIONS, head=head).act_batch(OBSERVATIONS)

    np.testing.assert_allclose(actions("gaussian"), [[0.5, 0.0], [2.0, 0.25]])
    np.testing.assert_allclose(actions("scaled"), [[1.0, 0.0], [2.0, 0.625]])
    squashed = [[2 * np.tanh(0.5), (1 + np.tanh(-3)) / 2], [2 * np.tanh(9), (1 + np.tanh(0.25)) / 2]]
    np.testing.assert_allclose(actions("squashed"), squashed, rtol=1e-6)
    discrete = Policy(POLICY, BOX, spaces.Discrete(2, start=5), head="categorical")
    np.testing.assert_array_equal(discrete.act_batch(OBSERVATIONS), [5, 5])
    np.testing.assert_array_equal(discrete.act_batch(-OBSERVATIONS), [6, 6])


def test_the_normaliser_centres_scales_and_clips():
    normaliser = Normaliser(np.array([0.5, 0.0, 0.0]), np.array([0.5, 3.0, 1.0]), clip=1.5)
    np.testing.assert_allclose(normaliser(OBSERVATIONS), [[0.0, -1.0, 1.5], [1.5, 0.25 / 3, 0.0]])
    policy = Policy(POLICY, BOX, ACTIONS, head="gaussian", normaliser=normaliser)
    np.testing.assert_allclose(policy.act_batch(OBSERVATIONS), [[0.0, 0.0], [1.5, 0.25 / 3]], rtol=1e-6)


def test_sample_frequencies_match_the_action_distribution():
    rng, many = np.random.default_rng(0), np.repeat(OBSERVATIONS[:1], 20_000, axis=0)
    wide = spaces.Box(-99, 99, (2,), np.float64)
    drawn = Policy(POLICY, BOX, wide, head="gaussian", std=np.array([0.5, 2.0])).sample_batch(many, rng)
    np.testing.assert_allclose(drawn.mean(0), [0.5, -3.0], atol=0.06)  # four standard errors of the wider one
    np.testing.assert_allclose(drawn.std(0), [0.5, 2.0], rtol=0.03)
    choice = Policy(POLICY, BOX, spaces.Discrete(2), head="categorical").sample_batch(many, rng)
    assert choice.mean() == pytest.approx(1 / (1 + np.exp(3.5)), abs=0.006)


def test_capabilities_are_declared_and_checked():
    bare = Policy(POLICY, BOX, ACTIONS, differentiable=False)
    assert bare.capabilities == {"continuous"}
    assert Policy(POLICY, BOX, ACTIONS, head="gaussian", std=np.ones(2), value=POLICY).capabilities == {
        "gradient", "density", "continuous", "value",
    }  # fmt: skip
    assert Policy(POLICY, BOX, spaces.Discrete(2), head="categorical").capabilities == {"gradient", "density"}
    with pytest.raises(CapabilityError, match=r"no distribution over actions; pass std=.*; it has no state value"):
        Policy(POLICY, BOX, ACTIONS).require(["density", "value"], "this attack")
    with pytest.raises(CapabilityError, match="no distribution"):
        bare.sample_batch(OBSERVATIONS, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"observation_space": spaces.Discrete(3)}, "Box of one axis"),
        ({"observation_space": spaces.Box(0, 1, (3, 3))}, "FlattenObservation"),
        ({"head": "categorical"}, "does not fit the action space"),
        ({"action_space": spaces.Discrete(2)}, "does not fit the action space"),
        ({"action_space": spaces.MultiBinary(2)}, "acts in Discrete or a Box"),
        ({"normaliser": Normaliser(np.zeros(4), np.ones(4))}, "4 statistics, but observations have 3"),
        ({"std": np.array([1.0, 0.0])}, "number > 0 per action entry"),
        ({"std": np.ones(3)}, "number > 0 per action entry"),
        ({"head": "squashed", "action_space": spaces.Box(-np.inf, np.inf, (2,))}, "bounded action space"),
    ],
)
def test_incompatible_networks_heads_and_spaces_are_refused(options, message):
    arguments = {"observation_space": BOX, "action_space": ACTIONS, "head": "gaussian"} | options
    with pytest.raises(ConfigurationError, match=message):
        Policy(POLICY, **arguments)


@pytest.mark.parametrize(("mean", "scale"), [([0.0], [0.0]), ([0.0, 0.0], [1.0]), ([np.nan], [1.0])])
def test_invalid_normaliser_statistics_are_refused(mean, scale):
    with pytest.raises(ConfigurationError):
        Normaliser(np.array(mean), np.array(scale))


def test_a_function_is_a_black_box_policy():
    policy = Policy.from_function(lambda s: np.array([s[0] + s[1], s[2]]), BOX, ACTIONS, name="script")
    assert (policy.capabilities, policy.name) == ({"continuous"}, "script")
    np.testing.assert_allclose(policy.act_batch(OBSERVATIONS), [[-2.0, 1.0], [2.0, 0.0]])
    for ask in (lambda: policy.require(["gradient"], "this attack"), lambda: policy.network.vjp(OBSERVATIONS)):
        with pytest.raises(CapabilityError, match="gives no gradient"):
            ask()


def test_a_policy_can_be_evaluated_like_any_agent():
    import quintain

    pendulum = gym.make("Pendulum-v1")
    policy = Policy(
        MLP([Layer(np.ones((1, 3)), np.zeros(1), "identity")]),
        pendulum.observation_space,
        pendulum.action_space,
    )
    report = quintain.evaluate("Pendulum-v1", policy, episodes=2)
    assert report.errors == 0
    assert report.episodes[0].steps[0]["action"] == pytest.approx(
        np.clip(np.sum(report.episodes[0].steps[0]["observation"]), -2, 2), rel=1e-5
    )
    with pytest.raises(CapabilityError, match="policy 'policy''s observation_space"):
        quintain.evaluate("CartPole-v1", policy, episodes=1, concurrency=1)


def test_statistics_and_spreads_are_copied():
    mean, scale, std = np.zeros(3), np.ones(3), np.array([0.5, 0.5])
    policy = Policy.from_module(
        pytest.importorskip("torch").nn.Linear(3, 2), BOX, ACTIONS, std=std, normaliser=Normaliser(mean, scale)
    )
    for array in (mean, scale, std):
        array[:] = 7
    np.testing.assert_array_equal(policy.std_source, [0.5, 0.5])
    np.testing.assert_array_equal(policy.normaliser(np.ones((1, 3))), [[1, 1, 1]])
