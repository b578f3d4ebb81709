"""Random search for a constant perturbation, against the best of all corners."""

from itertools import product

import numpy as np
import pytest
from attacked_envs import Walk, linear_gaussian

from quintain.attacks.budget import Ball
from quintain.attacks.constant import ConstantAttack, Search, search_constant
from quintain.attacks.contract import AttackContext
from quintain.attacks.registry import ATTACKS
from quintain.errors import ConfigurationError
from quintain.registry import load_attribute
from quintain.seeding import SeedStream
from quintain.training.control import play_episodes

VICTIM = linear_gaussian()
CORNERS = [np.array(corner) for corner in product([-1.0, 1.0], repeat=3)]


class Towards(Walk):
    """The attacker's reward is the third entry of the state; it succeeds above a threshold."""

    def step(self, action):
        *result, info = super().step(action)
        goal = float(self.state[2])
        return *result, info | {"attacker_reward": goal, "attacker_success": goal > 4.0}


def mean_return(make, direction, seeds):
    episodes = play_episodes(make, VICTIM, seeds, wrap=lambda env: ConstantAttack(env, VICTIM, direction, epsilon=0.3))
    return np.mean([episode.reward for episode in episodes])


def test_the_perturbation_is_the_same_in_every_step():
    env = ConstantAttack(Walk(), VICTIM, np.array([1.0, -1.0, 0.5]), epsilon=0.3)
    seen, info = env.reset(seed=0)
    for _ in range(3):
        true = info["attack"]["constant"]["true_observation"]
        np.testing.assert_allclose(seen - true, [0.3, -0.3, 0.15])
        seen, _, _, _, info = env.step(np.zeros(2))


def test_random_search_finds_the_optimum_of_exhaustive_search():
    settings = Search(steps=3000, episodes=4, finalists=9)
    found = search_constant(Walk, VICTIM, ball=Ball(0.3), settings=settings)
    again = SeedStream(0, "constant", "again")
    returns = [mean_return(Walk, corner, [again[i] for i in range(12)]) for corner in CORNERS]
    np.testing.assert_array_equal(found.direction, CORNERS[int(np.argmin(returns))])
    assert found.facts["steps"] <= 3000
    assert found.facts["candidates"] > 20


def test_the_attackers_success_is_ranked_before_its_reward():
    settings = Search(steps=3000, episodes=4, finalists=9)
    found = search_constant(Towards, VICTIM, ball=Ball(0.3), for_attacker=True, settings=settings)
    # The third entry moves by the difference of the two actions, W (s + delta): (0.75, -3, 1.5) . delta.
    np.testing.assert_array_equal(found.direction, [1.0, -1.0, 1.0])


def test_the_zero_perturbation_is_kept_if_none_is_better():
    class Indifferent(Walk):
        def step(self, action):
            observation, _, terminated, truncated, _ = super().step(action)
            return observation, 0.0, terminated, truncated, {}

    found = search_constant(Indifferent, VICTIM, ball=Ball(0.3), settings=Search(steps=500, episodes=2, finalists=1))
    np.testing.assert_array_equal(found.direction, np.zeros(3))


def test_directions_on_the_sphere_have_length_one():
    found = search_constant(Walk, VICTIM, ball=Ball(0.3, "l2"), settings=Search(steps=2000, episodes=2), norm="l2")
    assert np.linalg.norm(found.direction) == pytest.approx(1.0)


def test_equal_seeds_give_equal_results_and_sizes_are_checked():
    settings = Search(steps=600, episodes=2, finalists=2)
    one, two = (search_constant(Walk, VICTIM, ball=Ball(0.3), settings=settings, seed=5) for _ in range(2))
    np.testing.assert_array_equal(one.direction, two.direction)
    assert one.facts == two.facts
    with pytest.raises(ConfigurationError, match="must be >= 1"):
        Search(episodes=0)


def test_the_registered_attacks_differ_in_what_they_search_for():
    context = AttackContext(Towards, VICTIM, epsilon=0.3, steps=3000)
    found = {name: ATTACKS.facts(name).train for name in ("constant", "constant-target")}
    directions = {name: load_attribute(train)(context).network.layers[-1].bias for name, train in found.items()}
    np.testing.assert_array_equal(directions["constant-target"], [1.0, -1.0, 1.0])
    returns = {name: mean_return(Towards, bias, list(range(20))) for name, bias in directions.items()}
    assert returns["constant"] < returns["constant-target"]
