import csv
import io
import math

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from quintain.agents.policies import MLP, Layer, Policy
from quintain.attacks import FGSMAttack, RandomAttack
from quintain.errors import ConfigurationError
from quintain.experiments.robustness import robustness


class Hold(gym.Env):
    """Pays minus the square of the distance between action and state, for four steps; success is a small one."""

    observation_space = spaces.Box(-5, 5, (1,), np.float64)
    action_space = spaces.Box(-9, 9, (1,), np.float64)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time, self.state = 0, self.np_random.uniform(-1, 1, 1)
        return self.state.copy(), {}

    def step(self, action):
        self.time += 1
        error = float(abs(action[0] - self.state[0]))
        return self.state.copy(), -(error**2), False, self.time == 4, {"success": error < 0.15}


VICTIM = Policy(MLP([Layer(np.eye(1), np.zeros(1), "identity")]), Hold.observation_space, Hold.action_space)
ATTACKS = {
    "random": lambda env, epsilon: RandomAttack(env, epsilon=epsilon),
    "fgsm": lambda env, epsilon: FGSMAttack(env, VICTIM, epsilon=epsilon),
}


def table(**options):
    return robustness(Hold, VICTIM, ATTACKS, [0.1, 0.5], episodes=20, **options)


def test_losses_are_paired_and_equal_the_exact_values():
    """With the identity policy, one step of FGSM costs epsilon^2 at each of the four steps, for every seed."""
    rows = {(r.attack, r.epsilon): r for r in table().rows}
    assert list(rows) == [("clean", 0), ("random", 0.1), ("random", 0.5), ("fgsm", 0.1), ("fgsm", 0.5)]
    assert rows["clean", 0].reward.estimate == 0
    assert rows["fgsm", 0.5].loss.estimate == pytest.approx(4 * 0.25)
    assert rows["fgsm", 0.5].loss.method == "none"  # all losses are 1, so there is no interval
    assert rows["fgsm", 0.5].distance == pytest.approx(0.5)
    assert rows["fgsm", 0.1].success.estimate == 1
    assert rows["fgsm", 0.5].success.estimate == 0
    # Uniform noise costs a third of the maximum.
    assert rows["random", 0.5].loss.estimate == pytest.approx(1 / 3, rel=0.3)
    assert rows["random", 0.5].attacker_success.n == 0
    assert [e.seed for e in rows["clean", 0].episodes] == [e.seed for e in rows["fgsm", 0.5].episodes]


def test_equal_seeds_give_equal_tables():
    assert table(seed=3).to_csv() == table(seed=3).to_csv() != table(seed=4).to_csv()


def test_the_exports_contain_every_row():
    made = table()
    lines = list(csv.DictReader(io.StringIO(made.to_csv())))
    order = [(line["attack"], float(line["epsilon"])) for line in lines]
    assert order == [("clean", 0), ("fgsm", 0.1), ("random", 0.1), ("fgsm", 0.5), ("random", 0.5)]  # worst first
    assert float(lines[3]["loss"]) == pytest.approx(1.0)
    assert {(line["n"], line["seeds"]) for line in lines} == {("20", "1")}
    assert lines[0]["attacker_success"] == ""
    assert math.isfinite(float(lines[0]["reward"]))
    assert made.to_markdown().count("\n") == 2 + len(made.rows)
    assert "| fgsm | 0.5 | -1 " in made.to_markdown()


def test_invalid_experiments_are_refused():
    with pytest.raises(ConfigurationError, match="clean"):
        robustness(Hold, VICTIM, {"clean": ATTACKS["fgsm"]}, [0.1])
    with pytest.raises(ConfigurationError, match="epsilon must be"):
        robustness(Hold, VICTIM, ATTACKS, [-0.1], episodes=2)
