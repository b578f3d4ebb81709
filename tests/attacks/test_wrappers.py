import gymnasium as gym
import numpy as np
import pytest
from attacked_envs import Shift, Walk, linear, linear_gaussian
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st

from quintain.agents.policies import Normaliser, Policy
from quintain.attacks import (
    ActionAttack,
    Ball,
    MADAttack,
    NullAttack,
    ObservationPerturbation,
    RandomAttack,
    RewardAttack,
    SARLAttack,
    Schedule,
    apply_attack,
)
from quintain.errors import AgentError, ConfigurationError, EnvironmentFault

ATTACKS = {
    "random": lambda env: RandomAttack(env, epsilon=0.3),
    "random l2, sometimes": lambda env: RandomAttack(env, epsilon=0.3, norm="l2", schedule=Schedule(probability=0.5)),
    "mad": lambda env: MADAttack(env, linear_gaussian(), epsilon=0.3),
    "action noise": lambda env: ActionAttack(env, "noise", epsilon=0.5),
    "action drift": lambda env: ActionAttack(env, "drift", epsilon=0.5),
    "action delay": lambda env: ActionAttack(env, "delay", steps=2),
    "action sticky": lambda env: ActionAttack(env, "sticky", probability=0.5),
    "reward noise": lambda env: RewardAttack(env, "noise", epsilon=0.5),
    "reward delay": lambda env: RewardAttack(env, "delay", steps=2),
    "null": NullAttack,
}


def action_at(step, row=0):
    return np.array([np.sin(step + row), 0.1 * step])


def play_single(attack, seed, row, episodes=3, length=5):
    """Return all transitions of several consecutive episodes, resets included."""
    env, seen, step = attack(Walk(length)), [], 0
    for episode in range(episodes):
        observation, info = env.reset(seed=seed if episode == 0 else None)
        seen.append((observation, None, info))
        over = False
        while not over:
            observation, reward, terminated, truncated, info = env.step(action_at(step, row))
            seen.append((observation, reward, info))
            over = terminated or truncated
            step += 1
    return seen


@pytest.mark.parametrize("name", ATTACKS)
def test_each_row_of_a_vector_equals_a_single_environment_with_its_seed(name):
    vector = ATTACKS[name](SyncVectorEnv([lambda: Walk(5) for _ in range(3)]))
    observations, _ = vector.reset(seed=[7, 8, 9])
    rows = [[(observations[i], None)] for i in range(3)]
    step, resets = 0, np.zeros(3, dtype=bool)
    while len(rows[0]) < 18:
        actions = np.stack([action_at(step, i) for i in range(3)])
        observations, rewards, terminations, truncations, _ = vector.step(actions)
        for i in range(3):
            rows[i].append((observations[i], None if resets[i] else rewards[i]))
        step += not resets.any()
        resets = terminations | truncations
    for i in range(3):
        single = play_single(ATTACKS[name], 7 + i, i)
        for (observation, reward, _), (other_observation, other_reward) in zip(single, rows[i], strict=True):
            np.testing.assert_allclose(other_observation, observation, rtol=1e-12)
            assert other_reward == reward if reward is None else other_reward == pytest.approx(reward, rel=1e-12)


@pytest.mark.parametrize("name", ["random", "action sticky", "reward noise"])
def test_same_step_autoreset_gives_the_same_perturbations(name):
    vector = ATTACKS[name](SyncVectorEnv([lambda: Walk(5)], autoreset_mode=AutoresetMode.SAME_STEP))
    single = play_single(ATTACKS[name], 7, 0, episodes=2)
    observations, _ = vector.reset(seed=[7])
    np.testing.assert_allclose(observations[0], single[0][0])
    for step in range(5):
        observations, rewards, _, _, infos = vector.step(action_at(step)[None])
        assert rewards[0] == pytest.approx(single[step + 1][1])
    np.testing.assert_allclose(infos["final_obs"][0], single[5][0])
    np.testing.assert_allclose(observations[0], single[6][0])


def test_a_masked_reset_does_not_affect_the_other_rows():
    vector = RandomAttack(SyncVectorEnv([Walk, Walk], autoreset_mode=AutoresetMode.DISABLED), epsilon=0.3)
    before, _ = vector.reset(seed=[1, 2])
    after, infos = vector.reset(seed=[5, None], options={"reset_mask": np.array([True, False])})
    np.testing.assert_array_equal(after[1], before[1])
    alone, _ = RandomAttack(Walk(), epsilon=0.3).reset(seed=5)
    np.testing.assert_array_equal(after[0], alone)
    np.testing.assert_array_equal(infos["_attack"], [True, False])


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0, 2), st.sampled_from(["linf", "l2"]), st.sampled_from(["raw", "normalised"]),
    st.sampled_from(["random", "mad"]), st.integers(0, 5), st.sampled_from([np.float32, np.float64]),
)  # fmt: skip
def test_the_perturbation_is_bounded_at_every_step_and_the_state_is_the_true_one(
    epsilon, norm, space, kind, seed, dtype
):
    normaliser = Normaliser(np.array([0.1, -0.2, 0.3]), np.array([2.0, 0.5, 1.0]), 10.0)
    victim = linear_gaussian(normaliser=normaliser)
    make = RandomAttack if kind == "random" else MADAttack
    env = make(Walk(dtype=dtype), victim, epsilon=epsilon, norm=norm, space=space)
    twin = Walk(dtype=dtype)
    seen, info = env.reset(seed=seed)
    true, _ = twin.reset(seed=seed)
    scale = normaliser.scale if space == "normalised" else 1.0
    for _ in range(4):
        offsets = (seen.astype(np.float64) - true.astype(np.float64)) / scale
        length = np.abs(offsets).max() if norm == "linf" else np.linalg.norm(offsets)
        assert length <= epsilon * (1 + 1e-15)
        assert seen.dtype == dtype
        report = info["attack"][kind]
        np.testing.assert_array_equal(report["true_observation"], true)
        assert report["distance"] == pytest.approx(length, rel=1e-12)
        assert (report["epsilon"], report["norm"], report["space"]) == (epsilon, norm, space)
        action = victim.act_batch(seen[None])[0]
        seen, _, _, _, info = env.step(action)
        true, _, _, _, _ = twin.step(action)
        np.testing.assert_array_equal(env.unwrapped.state, twin.state)


def test_the_observation_of_the_environment_is_not_written_to():
    class KeepsObservation(Walk):
        def reset(self, **options):
            self.kept, info = super().reset(**options)
            self.copy = self.kept.copy()
            return self.kept, info

    env = RandomAttack(KeepsObservation(), epsilon=1.0)
    env.reset(seed=0)
    np.testing.assert_array_equal(env.unwrapped.kept, env.unwrapped.copy)


REBUILT = {
    "random": lambda env: RandomAttack(env, epsilon=0.1),
    "random l2, sometimes": lambda env: RandomAttack(
        env, epsilon=0.3, norm="l2", schedule=Schedule(probability=0.5), name="sometimes"
    ),
    "random, normalised": lambda env: RandomAttack(
        env, epsilon=0.1, space="normalised", normaliser=Normaliser(np.full(3, 0.1), np.array([2.0, 0.5, 1.0]), 10.0)
    ),
    "action noise": lambda env: ActionAttack(env, "noise", epsilon=0.5, norm="l2", schedule=Schedule(start=2)),
    "action sticky": lambda env: ActionAttack(env, "sticky", probability=0.5),
    "reward drift": lambda env: RewardAttack(env, "drift", epsilon=0.5),
    "two": lambda env: ActionAttack(RandomAttack(env, epsilon=0.1), "delay", steps=3),
    "null": NullAttack,
}


@pytest.mark.parametrize("name", REBUILT)
def test_an_attacked_environment_is_rebuilt_from_its_spec(name):
    env = REBUILT[name](gym.make("Pendulum-v1"))
    spec = EnvSpec.from_json(env.spec.to_json())
    again = gym.make(spec)
    for episode in range(2):
        seed = 3 if episode == 0 else None
        (observation, info), (other, other_info) = env.reset(seed=seed), again.reset(seed=seed)
        for step in range(20):
            np.testing.assert_array_equal(observation, other)
            assert repr(info.get("attack")) == repr(other_info.get("attack"))
            observation, reward, _, _, info = env.step(np.array([np.sin(step)], dtype=np.float32))
            other, other_reward, _, _, other_info = again.step(np.array([np.sin(step)], dtype=np.float32))
            assert reward == other_reward


@pytest.mark.parametrize("name", ["mad", "sa-rl", "own method"])
def test_an_attack_that_holds_a_policy_or_a_network_has_no_spec(name):
    env = gym.make("Pendulum-v1")
    victim = Policy(linear(np.eye(1, 3)), env.observation_space, env.action_space, std=np.ones(1))
    attacked = {
        "mad": lambda: MADAttack(env, victim, epsilon=0.1),
        "sa-rl": lambda: SARLAttack(env, victim, linear(np.eye(3)), epsilon=0.1),
        "own method": lambda: apply_attack(env, ObservationPerturbation(Shift(), Ball(0.1))),
    }[name]()
    assert env.spec is not None
    assert attacked.spec is None
    assert gym.wrappers.TimeLimit(attacked, 5).spec is None


def test_an_attacked_vector_has_no_spec():
    vector = gym.make_vec("Pendulum-v1", num_envs=2, vectorization_mode="sync")
    assert vector.spec is not None
    assert RandomAttack(vector, epsilon=0.1).spec is None


def test_equal_seeds_give_equal_attacks_and_others_do_not():
    one, two, other = (RandomAttack(Walk(), epsilon=1.0).reset(seed=s)[1] for s in (3, 3, 4))
    noise = [i["attack"]["random"]["distance"] for i in (one, two, other)]
    assert noise[0] == noise[1] != noise[2]


def test_stacked_attacks_report_under_their_own_names():
    env = ActionAttack(RandomAttack(Walk(), epsilon=0.1), "noise", epsilon=0.2)
    env.reset(seed=0)
    info = env.step(np.zeros(2))[4]
    assert set(info["attack"]) == {"random", "action noise"}
    with pytest.raises(ConfigurationError, match="already under an attack called 'random'"):
        RandomAttack(env, epsilon=0.1)
    RandomAttack(env, epsilon=0.1, name="more noise")


class WithRewardTerms(Walk):
    """Reports the reward as a reward term, and no reward on reset."""

    def reset(self, **kwargs):
        observation, info = super().reset(**kwargs)
        return observation, {**info, "reward_terms": {"walk": 0.0}}

    def step(self, action):
        *rest, info = super().step(action)
        return (*rest, {**info, "reward_terms": {"walk": float(rest[1])}})


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_reward_terms_of_every_row_add_up_to_the_perturbed_reward(mode):
    makers = [lambda length=length: WithRewardTerms(length) for length in (2, 3)]
    vector = RewardAttack(SyncVectorEnv(makers, autoreset_mode=mode), "shift", epsilon=0.5)
    vector.reset(seed=0)
    ends = 0
    for step in range(6):
        _, rewards, terminations, truncations, infos = vector.step(np.stack([action_at(step, row) for row in range(2)]))
        for row, over in enumerate(terminations | truncations):
            apart = over and mode is AutoresetMode.SAME_STEP
            terms = (infos["final_info"] if apart else infos)["reward_terms"]
            own = {name: values[row] for name, values in terms.items() if name[0] != "_" and terms[f"_{name}"][row]}
            assert sum(own.values()) == pytest.approx(rewards[row])
            ends += over
            if apart:
                assert not infos["reward_terms"].get("_attack:shift", np.zeros(2))[row]  # the next episode's first info
    assert ends >= 3


def test_vector_infos_have_gymnasium_s_layout():
    vector = RandomAttack(SyncVectorEnv([Walk, Walk]), epsilon=0.1)
    _, infos = vector.reset(seed=0)
    made = {"attack": {"random": {"distance": None}}}
    layout = vector._add_info({}, made, 0)
    assert set(layout["attack"]) == set(infos["attack"]) == {"random", "_random"}
    assert infos["attack"]["random"]["distance"].shape == (2,)
    assert infos["attack"]["random"]["_distance"].all()
    assert infos["_attack"].all()


def test_a_vector_may_be_seeded_by_a_single_seed():
    vector = RandomAttack(SyncVectorEnv([Walk, Walk]), epsilon=0.1)
    observations, _ = vector.reset(seed=3)
    for i in range(2):
        np.testing.assert_array_equal(observations[i], RandomAttack(Walk(), epsilon=0.1).reset(seed=3 + i)[0])


def test_nan_observations_are_the_environment_s_fault():
    class Broken(Walk):
        def reset(self, **options):
            observation, info = super().reset(**options)
            return observation * np.nan, info

    with pytest.raises(EnvironmentFault, match="NaN or infinity"):
        RandomAttack(Broken(), epsilon=0.1).reset(seed=0)


def test_a_victim_whose_gradient_is_nan_is_the_agent_s_fault():
    victim = linear_gaussian().with_network(linear(np.full((2, 3), np.nan)))
    with pytest.raises(AgentError, match="gradient is NaN"):
        MADAttack(Walk(), victim, epsilon=0.1).reset(seed=0)


@pytest.mark.parametrize("env_id", ["FrozenLake-v1", "Blackjack-v1"])
def test_only_boxes_of_floats_can_be_perturbed(env_id):
    with pytest.raises(ConfigurationError, match="needs a Box of floats"):
        RandomAttack(gym.make(env_id), epsilon=0.1)


def test_a_normaliser_for_other_observations_is_refused():
    other = Normaliser(np.zeros(4), np.ones(4))
    with pytest.raises(ConfigurationError, match="4 entries, but the environment has 3"):
        RandomAttack(Walk(), epsilon=0.1, space="normalised", normaliser=other)


def test_a_normalised_budget_needs_a_normaliser():
    with pytest.raises(ConfigurationError, match="needs a normaliser"):
        RandomAttack(Walk(), epsilon=0.1, space="normalised")
    with pytest.raises(ConfigurationError, match="normalises nothing"):
        MADAttack(Walk(), linear_gaussian(), epsilon=0.1, space="normalised")


def test_attacking_something_other_than_an_environment_raises_configuration_error():
    with pytest.raises(ConfigurationError, match="expected a Gymnasium environment"):
        NullAttack("Hopper-v5")
