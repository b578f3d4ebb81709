from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from attacked_envs import Walk, linear_gaussian

from quintain.attacks import RATSettings, train_rat
from quintain.attacks.defences import DEFENCE_PPO, DefenceSettings, train_rat_atla, train_rat_wocar, train_wocar
from quintain.attacks.defences.agent import RobustAgent
from quintain.errors import CapabilityError, ConfigurationError

PPO = replace(DEFENCE_PPO, n_envs=4, n_steps=16, batch_size=32, n_epochs=2)
SETTINGS = DefenceSettings(steps=256, ppo=PPO, warmup=0.2, ramp=0.2, eval_freq=128, n_eval_episodes=2)
RAT = RATSettings(
    steps=240, n_envs=4, exploration_steps=40, hidden_size=8, batch_size=16, segment_length=4,
    feedback_every=40, queries_per_round=4, max_reward_epochs=2, gradient_steps=1,
)  # fmt: skip


class Wanted(Walk):
    """The attacker's reward is minus the first entry of the state."""

    def __init__(self):
        super().__init__(20)
        self.spec = gym.envs.registration.EnvSpec("Wanted-v0", max_episode_steps=20)

    def step(self, action):
        observation, reward, terminated, truncated, info = super().step(np.asarray(action) / 10)
        return observation, reward, terminated, truncated, {**info, "attacker_reward": -reward}


def test_rat_and_the_agent_are_trained_alternately_and_reproducibly():
    heard = []
    made = train_rat_atla(Wanted, epsilon=0.2, settings=SETTINGS, rat=RAT, progress=lambda *who: heard.append(who))
    # 64 steps of warm-up, then three iterations with a third of RAT's 200 further steps before each.
    assert heard == [
        ("agent", 64),
        ("adversary", 108), ("agent", 128),
        ("adversary", 176), ("agent", 192),
        ("adversary", 240), ("agent", 256),
    ]  # fmt: skip
    assert made.policy.name == "rat-atla"
    assert made.chosen in made.curve
    again = train_rat_atla(Wanted, epsilon=0.2, settings=SETTINGS, rat=RAT)
    np.testing.assert_array_equal(made.policy.network(np.ones((1, 3))), again.policy.network(np.ones((1, 3))))


def test_every_iteration_has_the_scheduled_budget_and_all_environments_are_closed(monkeypatch):
    budgets, opened = [], set()
    iterate = RobustAgent.iterate

    class Counted(Wanted):
        def __init__(self):
            super().__init__()
            opened.add(self)

        def close(self):
            opened.discard(self)

    def recorded(self, *args, **kwargs):
        budgets.append(self.envs.ball.epsilon)
        assert opened
        iterate(self, *args, **kwargs)

    monkeypatch.setattr(RobustAgent, "iterate", recorded)
    train_rat_atla(Counted, epsilon=0.2, settings=SETTINGS, rat=RAT)
    # Warm-up until step 51.2, full budget from step 102.4 on; iterations begin at steps 0, 64, 128 and 192.
    assert budgets == pytest.approx([0, 0.05, 0.2, 0.2])
    assert not opened


def test_rat_attacks_the_policy_that_the_callback_returns():
    first, second = linear_gaussian(), linear_gaussian(std=np.array([0.7, 0.7]))
    asked = []

    def policy_update(steps, method):
        asked.append(steps)
        return second if steps == 120 else None

    trained = train_rat(Wanted, first, epsilon=0.2, settings=RAT, policy_update=policy_update)
    alone = train_rat(Wanted, first, epsilon=0.2, settings=RAT)
    assert asked == list(range(4, 241, 4))
    x = np.ones((1, 3))
    assert not np.array_equal(trained.method.network(x), alone.method.network(x))


@pytest.mark.parametrize("kind", ["wocar", "rat-wocar"])
def test_worst_case_aware_training_depends_on_seed_and_weight_alone(kind):
    intention = train_rat(Wanted, linear_gaussian(), epsilon=0.2, settings=RAT).intention
    little = replace(SETTINGS, steps=192, eval_freq=192)

    def train(value_weight, seed=0):
        options = {"epsilon": 0.2, "settings": little, "value_weight": value_weight, "regulariser": 0.0, "seed": seed}
        made = train_wocar(Wanted, **options) if kind == "wocar" else train_rat_wocar(Wanted, intention, **options)
        return made.policy.network(np.ones((1, 3)))

    np.testing.assert_array_equal(train(1.0), train(1.0))
    assert not np.array_equal(train(1.0), train(0.0))
    assert not np.array_equal(train(1.0), train(1.0, seed=1))


def test_invalid_arguments_are_refused():
    with pytest.raises(ConfigurationError, match="intention policy"):
        train_rat_atla(Wanted, epsilon=0.1, rat=replace(RAT, intention=False))
    with pytest.raises(ConfigurationError, match="steps after exploration"):
        train_rat_atla(Wanted, epsilon=0.1, rat=replace(RAT, exploration_steps=RAT.steps))
    with pytest.raises(CapabilityError, match="no action value"):
        train_rat_wocar(Wanted, linear_gaussian(action_value=None), epsilon=0.1)
    with pytest.raises(ConfigurationError, match="value_weight and regulariser >= 0"):
        train_wocar(Wanted, epsilon=0.1, value_weight=-1.0)
    with pytest.raises(ConfigurationError, match="continuous actions"):
        train_wocar(lambda: gym.make("CartPole-v1"), epsilon=0.1)
